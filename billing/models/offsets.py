"""Offsets: provider-level adjustments (PLB) of an insurance payment, which belong to no line."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet, index_of_undone
from billing.models.payments import Payment
from billing.money import MoneyField


class OffsetKind(models.TextChoices):
    """What an offset means in the books, by its code."""

    RECOVERY = "recovery", "Recovery"
    INTEREST = "interest", "Interest"
    EXPENSE = "expense", "Penalty, levy or fee"
    INCOME = "income", "Bonus, capitation or settlement"
    OTHER = "other", "Other, to look at"


# X12 835 PLB03-1. WO, FB and 72 move along one debt: recovered, carried forward, acknowledged.
CODES: dict[str, tuple[OffsetKind, str]] = {
    "WO": (OffsetKind.RECOVERY, "Overpayment recovery"),
    "FB": (OffsetKind.RECOVERY, "Forwarding balance"),
    "72": (OffsetKind.RECOVERY, "Authorized return"),
    "L6": (OffsetKind.INTEREST, "Interest"),
    "L3": (OffsetKind.EXPENSE, "Penalty"),
    "50": (OffsetKind.EXPENSE, "Late charge"),
    "51": (OffsetKind.EXPENSE, "Interest penalty charge"),
    "LE": (OffsetKind.EXPENSE, "Levy"),
    "E3": (OffsetKind.EXPENSE, "Withholding"),
    "IR": (OffsetKind.EXPENSE, "Tax withholding"),
    "AH": (OffsetKind.EXPENSE, "Origination fee"),
    "AM": (OffsetKind.EXPENSE, "Applied to borrower's account"),
    "B2": (OffsetKind.INCOME, "Rebate"),
    "BN": (OffsetKind.INCOME, "Bonus"),
    "IP": (OffsetKind.INCOME, "Incentive premium"),
    "CT": (OffsetKind.INCOME, "Capitation"),
    "CV": (OffsetKind.INCOME, "Capital pass-through"),
    "IS": (OffsetKind.INCOME, "Interim settlement"),
    "PI": (OffsetKind.INCOME, "Periodic interim payment"),
    "PL": (OffsetKind.INCOME, "Final settlement"),
    "CS": (OffsetKind.OTHER, "Adjustment"),
    "OB": (OffsetKind.OTHER, "Offset for affiliated providers"),
    "WU": (OffsetKind.OTHER, "Unspecified recovery"),
}
RECOVERIES = tuple(code for code, (kind, _name) in CODES.items() if kind == OffsetKind.RECOVERY)


class OffsetQuerySet(AppendOnlyQuerySet["Offset"]):
    def standing(self) -> OffsetQuerySet:
        """Those neither undone nor undoing another."""
        return self.filter(undoes__isnull=True, undone_by__isnull=True)

    def recoveries(self) -> OffsetQuerySet:
        """What makes up the payer's offset account."""
        return self.filter(code__in=RECOVERIES)


class Offset(AppendOnlyModel):
    """Money an insurer kept from a payment (positive, as in PLB), or added to it (negative)."""

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="offsets")
    code = models.CharField(max_length=4)
    reference = models.CharField(max_length=50, blank=True)
    amount = MoneyField()
    undoes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by"
    )

    objects = OffsetQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="offset_not_zero"),
            models.CheckConstraint(
                condition=Q(undoes__isnull=True) | ~Q(reason=""), name="r9_offset_says_why"
            ),
        ]
        indexes = [
            index_of_undone("offset"),
            models.Index(fields=["code", "reference"], name="offset_by_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.payment}"

    @property
    def added(self) -> Decimal:
        """The amount as money that came on top: the sign turned round."""
        return -self.amount

    @property
    def kind(self) -> OffsetKind:
        return CODES.get(self.code, (OffsetKind.OTHER, ""))[0]

    @property
    def name(self) -> str:
        """What the code means, or the code where nobody knows."""
        return CODES.get(self.code, (OffsetKind.OTHER, f"Code {self.code}"))[1]
