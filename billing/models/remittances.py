"""Remittances (ERA, X12 835) as uploaded, and the drafts of insurance payments read from them.

Nothing here is money: a draft may change as often as somebody likes. What it comes to is posted by
the ledger when it is saved, and `Remittance.payment` then names the payment.

    EraFile              one uploaded file, as it came
    Remittance           one ST..SE of it: one check or EFT
    RemittanceClaim      one CLP of that
    RemittanceRow        what is placed on one session, or on none yet
    RemittanceOffset     money of the payment that belongs to no session (PLB)
    PayerKey             what a payer was recognised by before
    CodeAction           what is done about a reason code
"""

from __future__ import annotations

import zlib
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from billing.era.adjustments import Action
from billing.models.invoices import InvoiceLine
from billing.models.offsets import CODES, OffsetKind
from billing.models.payments import Method, Payment
from billing.money import ZERO, MoneyField
from patients.models import Payer

# ---------------------------------------------------------------------------- settings


class CodeAction(models.Model):
    """What is done about a reason code (CARC). The first rule that fits is taken."""

    group = models.CharField(
        max_length=2, blank=True, help_text="CO, PR, OA, PI or CR; empty: every group."
    )
    reason = models.CharField("reason code", max_length=5, blank=True, help_text="Empty: any.")
    action = models.CharField(
        max_length=11, choices=[(each.value, each.value.capitalize()) for each in Action]
    )
    needs_look = models.BooleanField(
        "needs a look", default=False, help_text="It is done, but a person should look at it."
    )
    why = models.CharField(max_length=120, blank=True)
    position = models.PositiveSmallIntegerField(help_text="Rules are tried in this order.")

    class Meta:
        ordering = ["position", "id"]
        verbose_name = "adjustment code"
        constraints = [
            models.UniqueConstraint(fields=["group", "reason"], name="code_action_once"),
        ]

    def __str__(self) -> str:
        return f"{self.group or 'any'}-{self.reason or 'any'}: {self.action}"


class PayerKey(models.Model):
    """What a remittance calls a payer, as somebody said it the first time."""

    kind = models.CharField(
        max_length=10,
        choices=[("originator", "Originator (TRN03)"), ("id", "Payer's ID"), ("name", "Name")],
    )
    value = models.CharField(max_length=120)
    payer = models.ForeignKey(Payer, models.CASCADE, related_name="keys")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False, null=True
    )

    class Meta:
        verbose_name = "payer's name in remittances"
        verbose_name_plural = "payers' names in remittances"
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="payer_key_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value}"


# ---------------------------------------------------------------------------- files


class EraFile(models.Model):
    """One uploaded file. A file whose payments are all discarded may be uploaded again."""

    name = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    packed = models.BinaryField(help_text="The file, compressed by zlib")
    test = models.BooleanField(default=False, help_text="Its sender marked it as a test (ISA15)")
    refusals = models.JSONField(default=list)  # [[reference or number, code, sentence]]
    warnings = models.JSONField(default=list)  # [[code, sentence]]
    discarded = models.BooleanField(default=False)
    uploaded_at = models.DateTimeField(default=timezone.now)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "ERA file"
        permissions = [("post_era", "Can import and post ERA files")]
        constraints = [
            models.UniqueConstraint(
                fields=["sha256"], condition=Q(discarded=False), name="r10_era_file_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("billing:era_file", args=[self.pk])

    @property
    def content(self) -> bytes:
        return zlib.decompress(bytes(self.packed))


class EraInterchange(models.Model):
    """An ISA of a file: its sender and number, which come once as a rule (W11)."""

    file = models.ForeignKey(EraFile, models.CASCADE, related_name="interchanges")
    sender = models.CharField(max_length=15)
    control = models.CharField(max_length=9)

    class Meta:
        indexes = [models.Index(fields=["sender", "control"], name="era_interchange")]

    def __str__(self) -> str:
        return f"{self.sender} {self.control}"


# ---------------------------------------------------------------------------- payments


class RemittanceState(models.TextChoices):
    DRAFT = "draft", "Draft"
    POSTED = "posted", "Posted"
    DISCARDED = "discarded", "Discarded"


class RemittanceQuerySet(models.QuerySet["Remittance"]):
    def standing(self) -> RemittanceQuerySet:
        """Those that take up their number: drafts, and posted ones whose payment stands."""
        return self.exclude(state=RemittanceState.DISCARDED).exclude(payment__reversed=True)

    def drafts(self) -> RemittanceQuerySet:
        return self.filter(state=RemittanceState.DRAFT)

    def with_names(self) -> RemittanceQuerySet:
        return self.select_related("file__uploaded_by", "payer", "payment")


class Remittance(models.Model):
    """One check or EFT of a file: a draft until it is saved, then the payment it became.

    `key` is the surest of `keys`, by which the payer is remembered. `attached`: the payment was
    typed by hand before the file came, so undoing the remittance leaves it.
    """

    file = models.ForeignKey(EraFile, models.CASCADE, related_name="remittances")
    position = models.PositiveSmallIntegerField()  # among the 835s of the file, from 0
    number = models.CharField("transaction", max_length=9)  # ST02
    payer = models.ForeignKey(
        Payer, models.PROTECT, null=True, blank=True, related_name="remittances"
    )
    payer_name = models.CharField(max_length=80, blank=True)
    keys = models.JSONField(default=list)  # [[kind, value]], the surest first
    key = models.CharField(max_length=140, blank=True)
    payee = models.CharField(max_length=80, blank=True)
    reference = models.CharField(max_length=50)
    amount = MoneyField()
    date = models.DateField(null=True, blank=True)
    method = models.CharField(max_length=12, choices=Method.choices, blank=True)
    notice = models.BooleanField(default=False, help_text="No money moves (BPR04 = NON)")
    warnings = models.JSONField(default=list)  # [[code, sentence]]
    claim_count = models.PositiveIntegerField(default=0)
    state = models.CharField(
        max_length=9, choices=RemittanceState.choices, default=RemittanceState.DRAFT
    )
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="remittances"
    )
    attached = models.BooleanField(default=False)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = RemittanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payer", "reference"],
                condition=Q(notice=False, payer__isnull=False)
                & ~Q(state=RemittanceState.DISCARDED),
                name="r10_remittance_once",
            ),
            # Also before anybody said which payer it is.
            models.UniqueConstraint(
                fields=["key", "reference"],
                condition=Q(notice=False) & ~Q(key="") & ~Q(state=RemittanceState.DISCARDED),
                name="r10_remittance_of_key_once",
            ),
            models.CheckConstraint(
                condition=~Q(state=RemittanceState.POSTED) | Q(payment__isnull=False),
                name="remittance_posted_has_payment",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("billing:remittance_detail", args=[self.pk])

    @property
    def received_from(self) -> str:
        return self.payer.name if self.payer else self.payer_name

    @property
    def undone(self) -> bool:
        """Its payment was reversed or deleted on the payment's own page."""
        return bool(self.payment and self.payment.reversed)


class RemittanceClaim(models.Model):
    """One claim as the insurer answers it. `group` is the claim it corrects, or itself."""

    remittance = models.ForeignKey(Remittance, models.CASCADE, related_name="claims")
    index = models.PositiveIntegerField()
    group = models.PositiveIntegerField()
    control = models.CharField(max_length=50, blank=True)  # CLP01, what we sent
    payer_claim = models.CharField(max_length=50, blank=True)  # CLP07
    status = models.CharField(max_length=2, blank=True)
    meaning = models.CharField(max_length=40, blank=True)
    charge = MoneyField()
    paid = MoneyField()
    patient = models.CharField(max_length=120, blank=True)
    member_id = models.CharField(max_length=80, blank=True)
    corrected = models.CharField(max_length=200, blank=True)  # "RIVERA, MAYA, id EV100001"
    forwarded = models.BooleanField(default=False)
    forwarded_to = models.CharField(max_length=80, blank=True)
    reversal = models.BooleanField(default=False)
    posts = models.BooleanField(default=True)
    first_segment = models.PositiveIntegerField()
    last_segment = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["remittance", "index"], name="remittance_claim_once")
        ]
        indexes = [models.Index(fields=["payer_claim"], name="remittance_payer_claim")]

    def __str__(self) -> str:
        return self.control or f"no. {self.index + 1}"


class RowState(models.IntegerChoices):
    """Where a row stands; in this order rows are listed."""

    CHECK = 1, "Check"
    CHOOSE = 2, "Choose"
    NOT_FOUND = 3, "Not found"
    UNAPPLIED = 4, "Unapplied"
    MATCHED = 5, "Matched"
    NOTHING = 6, "Posts nothing"


OPEN = (RowState.CHOOSE, RowState.NOT_FOUND)
UNPLACED = (*OPEN, RowState.UNAPPLIED)


class Decision(models.TextChoices):
    """What becomes of an amount the insurer neither paid nor explained by contract."""

    STAYS = "", "Stays with the insurer"
    WRITE_OFF = "write_off", "Write off"
    PATIENT = "patient", "The patient owes it"


KINDS = ("deductible", "coinsurance", "copay", "other")
AMOUNTS = ("allocation", "write_off", *KINDS)


class RemittanceRow(models.Model):
    """One thing the insurer says about one session (or a part of it, where it was spread).

    The amounts are those that will be posted; `said` keeps the insurer's own once somebody
    changed them. `charge`, `prior` and `review` stand on the first part only.
    """

    remittance = models.ForeignKey(Remittance, models.CASCADE, related_name="rows")
    claim = models.ForeignKey(RemittanceClaim, models.CASCADE, related_name="rows")
    group = models.PositiveIntegerField()
    number = models.PositiveIntegerField()  # in its claim
    part = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=11)
    code = models.CharField(max_length=20, blank=True)
    paid_code = models.CharField(max_length=20, blank=True)
    date = models.DateField(null=True, blank=True)
    charge = MoneyField(default=ZERO)
    allocation = MoneyField(default=ZERO)
    write_off = MoneyField(default=ZERO)
    deductible = MoneyField(default=ZERO)
    coinsurance = MoneyField(default=ZERO)
    copay = MoneyField(default=ZERO)
    other = MoneyField(default=ZERO)
    prior = MoneyField(default=ZERO)
    review = MoneyField(default=ZERO)
    adjustments = models.JSONField(default=list)  # [[group, reason, amount, action, needs_look]]
    remarks = models.CharField(max_length=200, blank=True)
    said = models.JSONField(null=True, blank=True)  # {amount's name: as the file has it}
    level = models.CharField(max_length=2)
    concerns = models.JSONField(default=list)  # why somebody should look first
    notes = models.JSONField(default=list)  # [[code, sentence]]: W8
    candidates = models.JSONField(default=list)  # ids of lines to choose from
    line = models.ForeignKey(
        InvoiceLine, models.PROTECT, null=True, blank=True, related_name="remittance_rows"
    )
    ticked = models.BooleanField(default=False)
    unapplied = models.BooleanField(default=False)  # its money stays with the payer for now
    decision = models.CharField(max_length=9, choices=Decision.choices, blank=True)
    state = models.PositiveSmallIntegerField(choices=RowState.choices)
    first_segment = models.PositiveIntegerField()
    last_segment = models.PositiveIntegerField()
    placed_at = models.DateTimeField(null=True, blank=True)  # from the worklist, after saving
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["claim", "number", "part"], name="remittance_row_once")
        ]
        indexes = [
            models.Index(
                fields=["remittance", "state", "group", "number", "id"], name="remittance_rows"
            ),
            models.Index(
                fields=["remittance"],
                name="remittance_row_unplaced",
                condition=Q(state__in=UNPLACED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim} {self.code}".strip()

    @property
    def said_paid(self) -> Decimal:
        """What the insurer says it paid, whatever somebody changed since."""
        return Decimal(self.said["allocation"]) if self.said else self.allocation

    @property
    def amber(self) -> bool:
        """Filled in, but not surely: somebody has to tick it."""
        return self.level.startswith("B") or bool(self.concerns)

    def settle(self) -> None:
        """Where it stands, after anything about it changed."""
        if not self.claim.posts:
            self.state = RowState.NOTHING
        elif self.line_id:
            waits = self.amber and not self.ticked
            self.state = RowState.CHECK if waits else RowState.MATCHED
        elif self.unapplied:
            self.state = RowState.UNAPPLIED
        else:
            self.state = RowState.CHOOSE if self.level == "C" else RowState.NOT_FOUND

    @property
    def patient_owes(self) -> Decimal:
        return self.deductible + self.coinsurance + self.copay + self.other

    @property
    def codes(self) -> str:
        """CO-45, CO-197, N54"""
        found = [f"{group}-{reason}" for group, reason, *_rest in self.adjustments]
        return ", ".join(dict.fromkeys([*found, *self.remarks.split()]))

    @property
    def denied(self) -> bool:
        """Nothing paid, and a reason that may be corrected or appealed."""
        return bool(self.review) and not self.allocation and not self.claim.reversal


class RemittanceOffset(models.Model):
    """Money of a payment that belongs to no session, with PLB's sign: positive, the payer kept it.

    `taken_back`: the sessions it is taken back from instead, [[line, amount]].
    """

    remittance = models.ForeignKey(Remittance, models.CASCADE, related_name="offsets")
    position = models.PositiveIntegerField()
    code = models.CharField(max_length=4)
    reference = models.CharField(max_length=50, blank=True)
    amount = MoneyField()
    taken_back = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.code} {self.reference}".strip()

    @property
    def effect(self) -> Decimal:
        """What it does to the payment."""
        return ZERO - self.amount

    @property
    def kind(self) -> OffsetKind:
        return CODES.get(self.code, (OffsetKind.OTHER, ""))[0]

    @property
    def name(self) -> str:
        return CODES.get(self.code, (OffsetKind.OTHER, f"Code {self.code}"))[1]
