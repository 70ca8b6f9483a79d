"""Allocations: which receipt pays which line. The link other systems forget."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet
from billing.models.invoices import InvoiceLine
from billing.models.payments import Payment
from billing.money import MoneyField

# How the reason begins where an insurer's money made a patient's go back to credit.
RELEASED = "Released: "


class AllocationQuerySet(AppendOnlyQuerySet["Allocation"]):
    """Which receipt pays which line."""


class Allocation(AppendOnlyModel):
    """A signed amount of one receipt put on one line. Un-paying writes a negative one."""

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="allocations")
    line = models.ForeignKey(InvoiceLine, models.PROTECT, related_name="allocations")
    amount = MoneyField()

    objects = AllocationQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="allocation_not_zero"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) | ~Q(reason=""), name="r9_unpay_says_why"
            ),
        ]
        indexes = [models.Index(fields=["date"], name="allocation_by_date")]

    def __str__(self) -> str:
        return f"{self.payment} on {self.line}"
