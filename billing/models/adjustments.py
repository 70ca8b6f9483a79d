"""Adjustments: what comes off a line, or goes back on it, without money moving."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet, index_of_undone
from billing.models.invoices import InvoiceLine
from billing.models.payments import Payment
from billing.money import MoneyField


class AdjustmentKind(models.TextChoices):
    CONTRACTUAL = "contractual", "Contractual write-off"
    COURTESY = "courtesy", "Courtesy"
    SMALL_BALANCE = "small_balance", "Small balance"
    BAD_DEBT = "bad_debt", "Bad debt"
    CORRECTION = "correction", "Correction"


class AdjustmentQuerySet(AppendOnlyQuerySet["Adjustment"]):
    def standing(self) -> AdjustmentQuerySet:
        """Those neither undone nor undoing another."""
        return self.filter(undoes__isnull=True, undone_by__isnull=True)


class Adjustment(AppendOnlyModel):
    """A signed reduction of a line; a negative one raises what is owed.

    One that came with an insurer's payment names it, and is undone with it by a row that points
    back (`undoes`). `carc` is the insurer's claim adjustment reason code, if it gave one.
    """

    line = models.ForeignKey(InvoiceLine, models.PROTECT, related_name="adjustments")
    kind = models.CharField(max_length=14, choices=AdjustmentKind.choices)
    amount = MoneyField()
    carc = models.CharField("CARC", max_length=40, blank=True)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="adjustments"
    )
    undoes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by"
    )

    objects = AdjustmentQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        permissions = [
            ("write_off", "Can write off what is owed"),
            ("write_off_above_limit", "Can write off more than the clinic's limit"),
            (
                "write_off_small_balances",
                "Can write off small balances of all patients at once",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="adjustment_not_zero"),
            models.CheckConstraint(
                condition=Q(amount__gt=0) | ~Q(reason=""), name="r9_adjustment_says_why"
            ),
        ]
        indexes = [
            index_of_undone("adjustment"),
            models.Index(fields=["date"], name="adjustment_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.line}"
