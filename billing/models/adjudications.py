"""What an insurer answered on a line besides money: whose the rest is now, and why."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet, index_of_undone
from billing.models.invoices import InvoiceLine
from billing.models.payments import Payment
from billing.money import MoneyField
from patients.models import Payer


class ResponsibilityKind(models.TextChoices):
    DEDUCTIBLE = "deductible", "Deductible"
    COINSURANCE = "coinsurance", "Coinsurance"
    COPAY = "copay", "Copay"
    OTHER = "other", "Other"


class ResponsibilityQuerySet(AppendOnlyQuerySet["Responsibility"]):
    def standing(self) -> ResponsibilityQuerySet:
        """Those neither undone nor undoing another."""
        return self.filter(undoes__isnull=True, undone_by__isnull=True)


class Responsibility(AppendOnlyModel):
    """What the insurer says the patient owes on a line. It changes no balance.

    A reversed claim brings the negative of what it said before. `carc` is the insurer's claim
    adjustment reason code.
    """

    line = models.ForeignKey(InvoiceLine, models.PROTECT, related_name="responsibilities")
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="responsibilities")
    kind = models.CharField(max_length=11, choices=ResponsibilityKind.choices)
    amount = MoneyField()
    carc = models.CharField("CARC", max_length=40, blank=True)
    undoes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by"
    )

    objects = ResponsibilityQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name_plural = "responsibilities"
        permissions = [("set_responsibility", "Can say who owes a line")]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="responsibility_not_zero"),
            models.CheckConstraint(
                condition=Q(undoes__isnull=True) | ~Q(reason=""), name="r9_responsibility_says_why"
            ),
        ]
        indexes = [index_of_undone("responsibility")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} on {self.line}"


class Outcome(models.TextChoices):
    """How an insurer answered. Denied, deductible and zero-paid are different things."""

    PAID = "paid", "Paid"
    PATIENT = "patient", "Patient's part"
    ZERO = "zero", "Paid nothing"
    DENIED = "denied", "Denied"
    FORWARDED = "forwarded", "Forwarded"
    TAKEN_BACK = "taken_back", "Taken back"
    MOVED = "moved", "Moved by hand"


class AdjudicationQuerySet(AppendOnlyQuerySet["Adjudication"]):
    def standing(self) -> AdjudicationQuerySet:
        """Those neither undone nor undoing another."""
        return self.filter(undoes__isnull=True, undone_by__isnull=True)


class Adjudication(AppendOnlyModel):
    """An insurer's answer on a line that moves who owes the rest, or says why it does not.

    `owed_before` and `owed_after` are who owed the rest (nobody: the patient), so that undoing
    the payment puts the line back to whom it was waiting for. Without a payment somebody moved it
    by hand. `codes` are the insurer's reason and remark codes.
    """

    line = models.ForeignKey(InvoiceLine, models.PROTECT, related_name="adjudications")
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="adjudications"
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    codes = models.CharField(max_length=200, blank=True)
    owed_before = models.ForeignKey(
        Payer, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    owed_after = models.ForeignKey(
        Payer, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    undoes = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="undone_by"
    )

    objects = AdjudicationQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=Q(undoes__isnull=True, payment__isnull=False) | ~Q(reason=""),
                name="r9_adjudication_says_why",
            ),
        ]
        indexes = [
            index_of_undone("adjudication"),
            models.Index(
                fields=["undoes", "line"],
                name="adjudication_denied",
                condition=Q(outcome="denied"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} on {self.line}"
