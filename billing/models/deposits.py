"""Deposits: receipts that went to the bank together. What is on a slip cannot be deleted."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet, WrittenOnceModel
from billing.models.payments import Payment


class DepositQuerySet(AppendOnlyQuerySet["Deposit"]):
    """Every slip there was."""

    def with_names(self) -> DepositQuerySet:
        return self.select_related("created_by")


class Deposit(AppendOnlyModel):
    """A deposit slip; `date` is the day it went to the bank."""

    number = models.CharField(max_length=12, unique=True, editable=False)

    objects = DepositQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        permissions = [("make_deposit", "Can make deposit slips")]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("billing:deposit_detail", args=[self.number])

    @property
    def file_name(self) -> str:
        return f"{self.number}-deposit-slip.pdf"


class DepositItemQuerySet(AppendOnlyQuerySet["DepositItem"]):
    """What lies on the slips."""


class DepositItem(WrittenOnceModel):
    """One receipt, reversal or refund on a slip; a row of money is banked once."""

    deposit = models.ForeignKey(Deposit, models.PROTECT, related_name="items")
    payment = models.OneToOneField(Payment, models.PROTECT, related_name="deposit_item")

    objects = DepositItemQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"{self.payment} on {self.deposit}"
