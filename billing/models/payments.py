"""Payments: money that moved, one signed row each."""

from __future__ import annotations

import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models import Case, F, Q, When
from django.urls import reverse
from django.utils import timezone

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet
from billing.money import ZERO, MoneyField
from patients.models import Patient, Payer, Provider


class Kind(models.TextChoices):
    RECEIPT = "receipt", "Payment"
    REVERSAL = "reversal", "Reversed payment"
    VOID = "void", "Deleted payment"
    REFUND = "refund", "Refund"
    TRANSFER_OUT = "transfer_out", "Transfer out"
    TRANSFER_IN = "transfer_in", "Transfer in"


BOUNCED = "Payment bounced"  # the reason of a reversal whose money never came
UNDOING = (Kind.REVERSAL, Kind.VOID)
MOVED = (Kind.TRANSFER_OUT, Kind.TRANSFER_IN)


class Method(models.TextChoices):
    CASH = "cash", "Cash"
    CARD = "card", "Card"
    CHECK = "check", "Check"
    EFT = "eft", "EFT"
    VIRTUAL_CARD = "virtual_card", "Virtual card"
    COPAY = "copay", "Copay"
    OTHER = "other", "Other"


PATIENT_METHODS = (Method.CASH, Method.CARD, Method.CHECK, Method.OTHER)
PAYER_METHODS = (Method.CHECK, Method.EFT, Method.VIRTUAL_CARD)

# A transfer pays into an account of its own (then its row is money in), or, where a refunded
# receipt bounced, into that receipt (then `source` names it and the row holds nothing itself).
IS_MONEY_IN = Q(kind=Kind.RECEIPT) | Q(kind=Kind.TRANSFER_IN, source__isnull=True)

# A transfer moves credit and no money, and a refund pays money back; what undoes one is of its kind.
IS_MOVE = Q(kind__in=MOVED) | Q(kind__in=UNDOING, original__kind__in=MOVED)
IS_REFUND = Q(kind=Kind.REFUND) | Q(original__kind=Kind.REFUND)


class PaymentQuerySet(AppendOnlyQuerySet["Payment"]):
    def money_in(self) -> PaymentQuerySet:
        return self.filter(IS_MONEY_IN)

    def receipts(self) -> PaymentQuerySet:
        return self.filter(kind=Kind.RECEIPT)

    def of_payers(self) -> PaymentQuerySet:
        return self.filter(payer__isnull=False)

    def of_patients(self) -> PaymentQuerySet:
        return self.filter(patient__isnull=False)

    def of_account(self, patient: Patient, provider: Provider) -> PaymentQuerySet:
        return self.filter(patient=patient, provider=provider)

    def just_entered(self, by: AbstractBaseUser, within: datetime.timedelta) -> PaymentQuerySet:
        """Receipts this person entered a moment ago that stand and have paid nothing yet."""
        return self.receipts().filter(
            created_by_id=by.pk,
            created_at__gte=timezone.now() - within,
            reversed=False,
            allocated=0,
        )

    def standing_under(self, payer: Payer, reference: str) -> PaymentQuerySet:
        """The payer's receipt with this number that was not undone: there is one at most (R10)."""
        return self.receipts().filter(payer=payer, reference__iexact=reference, reversed=False)

    def with_credit(self) -> PaymentQuerySet:
        """Receipts with money not on any line. The words of the index `payment_credit`."""
        return self.filter(unallocated__gt=0)

    def overdrawn(self) -> PaymentQuerySet:
        """Reversed or over-allocated receipts. The words of the index `payment_overdrawn`."""
        return self.filter(unallocated__lt=0)

    def with_names(self) -> PaymentQuerySet:
        return self.select_related("patient", "provider", "payer", "created_by")

    def oldest_first(self) -> PaymentQuerySet:
        return self.order_by("date", "id")


class Payment(AppendOnlyModel):
    """Money from a patient or a payer, or a row that undoes, pays back or moves such money.

    `allocated`, `returned`, `offset`, `reversed` and `last_date` follow from the rows that point here; the
    database keeps them (`billing.guards`). `original` is the row this one answers (what a
    reversal reverses, what a transfer in comes from), `source` the receipt whose money it takes.
    """

    number = models.CharField(max_length=12, unique=True, null=True, editable=False)  # noqa: DJ001
    kind = models.CharField(max_length=12, choices=Kind.choices)
    patient = models.ForeignKey(
        Patient, models.PROTECT, null=True, blank=True, related_name="payments"
    )
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, blank=True, related_name="payments"
    )
    payer = models.ForeignKey(Payer, models.PROTECT, null=True, blank=True, related_name="payments")
    method = models.CharField(max_length=12, choices=Method.choices, blank=True)
    reference = models.CharField(max_length=50, blank=True)
    note = models.CharField(max_length=200, blank=True)
    amount = MoneyField()
    # Most rows name neither, so each has an index of its own over those that do (see Meta).
    original = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="answers", db_index=False
    )
    source = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="drawn", db_index=False
    )
    over_allocation_reason = models.CharField(max_length=200, blank=True)

    allocated = MoneyField(default=ZERO, editable=False)
    returned = MoneyField(default=ZERO, editable=False)
    # What of an insurer's payment is on offsets: their amounts with the opposite sign, since what
    # the payer kept (positive in PLB) is money this payment gave to lines without having it.
    offset = MoneyField(default=ZERO, editable=False, db_column="offset_total")  # OFFSET is SQL's
    reversed = models.BooleanField(default=False, editable=False)
    last_date = models.DateField(null=True, editable=False)
    unallocated = models.GeneratedField(
        expression=Case(
            When(IS_MONEY_IN, then=F("amount") - F("returned") - F("allocated") - F("offset")),
            default=0,
            output_field=MoneyField(),
        ),
        output_field=MoneyField(),
        db_persist=True,
    )

    objects = PaymentQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        permissions = [
            ("take_payment", "Can take patients' payments"),
            ("allocate_credit", "Can allocate credit and un-pay lines"),
            ("transfer_credit", "Can move credit to another account"),
            ("refund_payment", "Can pay money back"),
            ("refund_above_limit", "Can pay more back than the clinic's limit"),
            ("reverse_payment", "Can reverse payments of other people and of earlier days"),
            ("void_payment", "Can delete payments of other people and of earlier days"),
            ("enter_insurance_payment", "Can enter insurers' payments"),
            ("overallocate_payment", "Can over-allocate an insurer's payment"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(patient__isnull=False, provider__isnull=False, payer__isnull=True)
                | Q(patient__isnull=True, provider__isnull=True, payer__isnull=False),
                name="payment_of_account_or_payer",
            ),
            models.CheckConstraint(
                condition=(Q(kind=Kind.RECEIPT) & Q(number__isnull=False, original__isnull=True))
                | (~Q(kind=Kind.RECEIPT) & Q(original__isnull=False)),
                name="r4_undoing_points_at_original",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[Kind.RECEIPT, Kind.TRANSFER_IN], source__isnull=True)
                | (~Q(kind=Kind.RECEIPT) & Q(source__isnull=False)),
                name="r4_draws_on_a_source",
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.RECEIPT) | ~Q(reason=""), name="r9_undoing_says_why"
            ),
            models.CheckConstraint(
                condition=Q(payer__isnull=False)
                | Q(kind__in=[Kind.RECEIPT, Kind.TRANSFER_IN], amount__gt=0)
                | Q(kind__in=[Kind.REFUND, Kind.TRANSFER_OUT], amount__lt=0)
                | Q(kind__in=UNDOING),
                name="r3_sign_of_amount",
            ),
            models.CheckConstraint(
                condition=Q(payer__isnull=False) | Q(allocated__gte=0),
                name="r3_patient_allocated_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=F("returned") + F("allocated") + F("offset"))
                | ~Q(kind__in=[Kind.RECEIPT, Kind.TRANSFER_IN])
                | Q(reversed=True)
                | (Q(payer__isnull=False) & ~Q(over_allocation_reason=""))
                # A payer that takes money back in a payment of its own: the row comes first,
                # its takebacks on lines after it, in the same verb.
                | Q(payer__isnull=False, amount__lt=0),
                name="r3_unallocated_not_negative",
            ),
            models.CheckConstraint(
                condition=IS_MONEY_IN | Q(allocated=0), name="payment_only_money_in_pays"
            ),
            models.CheckConstraint(
                condition=Q(kind=Kind.RECEIPT, payer__isnull=False) | Q(offset=0),
                name="payment_only_insurers_offset",
            ),
            models.UniqueConstraint(
                fields=["original"], condition=Q(kind__in=UNDOING), name="r4_undone_once"
            ),
            models.UniqueConstraint(
                fields=["original"],
                condition=Q(kind=Kind.TRANSFER_IN),
                name="r4_transfer_has_one_other_side",
            ),
            models.UniqueConstraint(
                fields=["payer", "reference"],
                condition=Q(kind=Kind.RECEIPT, payer__isnull=False, reversed=False)
                & ~Q(reference=""),
                name="r10_payer_reference_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["patient", "provider", "unallocated"],
                name="payment_credit",
                condition=Q(unallocated__gt=0),
            ),
            models.Index(
                fields=["patient", "provider", "unallocated"],
                name="payment_overdrawn",
                condition=Q(unallocated__lt=0),
            ),
            models.Index(fields=["date", "id"], name="payment_by_date"),
            # Over all rows SQLite would count those without as one value, believe each value to
            # be as frequent, and rather look through the payments of a period for every receipt.
            models.Index(
                fields=["original"],
                name="payment_by_original",
                condition=Q(original__isnull=False),
            ),
            # Which receipts were deleted, each list asks; without it PostgreSQL reads every payment.
            models.Index(fields=["original"], name="payment_deletion", condition=Q(kind=Kind.VOID)),
            models.Index(
                fields=["source"], name="payment_by_source", condition=Q(source__isnull=False)
            ),
            # A check or EFT number, wherever somebody types it.
            models.Index(
                fields=["reference"],
                name="payment_by_reference",
                condition=~Q(reference=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.get_kind_display()} of {self.original}"

    def get_absolute_url(self) -> str:
        screen = "insurance_payment_detail" if self.payer_id else "payment_detail"
        return reverse(f"billing:{screen}", args=[self.shown_under])

    @property
    def method_in_a_sentence(self) -> str:
        """ "card", but "EFT"."""
        label = str(self.get_method_display())
        return label if label.isupper() else label.lower()

    @property
    def shown_under(self) -> str:
        """The number of the page a row is shown on: its own, or that of the receipt it draws on."""
        if self.number:
            return self.number
        answered = self.source or self.original
        return answered.shown_under if answered else ""

    @property
    def is_money_in(self) -> bool:
        return self.kind == Kind.RECEIPT or (
            self.kind == Kind.TRANSFER_IN and self.source_id is None
        )

    @property
    def received_from(self) -> str:
        return self.patient.name if self.patient else str(self.payer)
