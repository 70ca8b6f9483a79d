"""The journal: its chart of accounts, and the batches that say what was handed over already.

The entries themselves are stored nowhere: `billing.journal` derives them from the rows.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import Min, OuterRef, Subquery
from django.urls import reverse

from billing.chain.acts import note, sealing
from billing.models.adjustments import Adjustment, AdjustmentKind
from billing.models.allocations import Allocation
from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet, WrittenOnceModel
from billing.models.invoices import InvoiceLine
from billing.models.offsets import Offset, OffsetKind
from billing.models.payments import Method, Payment
from patients.models import Provider

# ---------------------------------------------------------------------------- accounts


class AccountType(models.TextChoices):
    ASSET = "asset", "Asset"
    LIABILITY = "liability", "Liability"
    EQUITY = "equity", "Equity"
    INCOME = "income", "Income"
    EXPENSE = "expense", "Expense"


RECEIVABLE, TRANSIT, INCOME = "receivable", "transit", "income"
PATIENTS_CREDIT, PAYERS_CREDIT = "credit:patients", "credit:payers"
CASH, ADJUSTMENT, OFFSET = "cash:", "adjustment:", "offset:"


@dataclass(frozen=True)
class Standard:
    """What Remit brings along for a key: the account it begins as, and what is booked there."""

    number: str
    name: str
    type: str
    what: str


_ASSET, _LIABILITY = AccountType.ASSET, AccountType.LIABILITY
_INCOME, _EXPENSE = AccountType.INCOME, AccountType.EXPENSE
_CASH = {
    Method.CASH: "1010",
    Method.CARD: "1020",
    Method.CHECK: "1030",
    Method.EFT: "1040",
    Method.VIRTUAL_CARD: "1050",
    Method.COPAY: "1060",
    Method.OTHER: "1090",
}
_OFF = {
    AdjustmentKind.CONTRACTUAL: "4910",
    AdjustmentKind.COURTESY: "4920",
    AdjustmentKind.SMALL_BALANCE: "4930",
    AdjustmentKind.BAD_DEBT: "4940",
    AdjustmentKind.CORRECTION: "4950",
}
# Everything the rows are booked on. Adjustments are income taken back, so they stand under income.
STANDARD: dict[str, Standard] = {
    **{
        CASH + method.value: Standard(
            number, f"Cash: {method.label}", _ASSET, f"Money by {method.label}, in and out"
        )
        for method, number in _CASH.items()
    },
    RECEIVABLE: Standard("1100", "Accounts receivable", _ASSET, "What issued lines owe"),
    TRANSIT: Standard(
        "1190", "Transfers in transit", _ASSET, "Credit on its way between accounts: always 0.00"
    ),
    PATIENTS_CREDIT: Standard(
        "2100", "Unallocated credit: Patients", _LIABILITY, "Patients' money on no line"
    ),
    PAYERS_CREDIT: Standard(
        "2110", "Unallocated credit: Insurers", _LIABILITY, "Insurers' money on no line"
    ),
    INCOME: Standard("4000", "Professional fees", _INCOME, "What issued lines charge"),
    **{
        ADJUSTMENT + kind.value: Standard(
            number, f"Adjustments: {kind.label}", _INCOME, f"Taken off lines: {kind.label}"
        )
        for kind, number in _OFF.items()
    },
    OFFSET + OffsetKind.RECOVERY.value: Standard(
        "2200", "Payer offsets", _LIABILITY, "What insurers recover and carry forward"
    ),
    OFFSET + OffsetKind.INTEREST.value: Standard(
        "4510", "Interest income", _INCOME, "Interest insurers add"
    ),
    OFFSET + OffsetKind.EXPENSE.value: Standard(
        "6510", "Payer fees", _EXPENSE, "Penalties, levies and fees insurers keep"
    ),
    OFFSET + OffsetKind.INCOME.value: Standard(
        "4520", "Other payer income", _INCOME, "Bonuses, capitation and settlements"
    ),
    OFFSET + OffsetKind.OTHER.value: Standard(
        "2290", "Offsets to look at", _LIABILITY, "Offsets whose code says too little"
    ),
}


class LedgerAccountQuerySet(models.QuerySet["LedgerAccount"]):
    def complete(self) -> None:
        """Write an account for every key that has none yet; those that are there stay as they are.

        After every migrate (`billing.apps`), so that a new kind of row never lacks its account.
        """
        there = set(self.filter(provider=None).values_list("key", flat=True))
        taken = set(self.values_list("number", flat=True))
        with sealing("chart of accounts"):
            for key, standard in STANDARD.items():
                if key not in there:
                    number = standard.number
                    while number in taken:
                        number += "X"
                    self.create(key=key, number=number, name=standard.name, type=standard.type)


class LedgerAccount(models.Model):
    """An account of the clinic's chart of accounts: what a kind of row is booked on, and as what.

    One for each key. Income may have more: a row that names a provider is that provider's own;
    other providers' income is on the general account, a part of it each.
    """

    key = models.CharField(max_length=30, default=INCOME, editable=False)
    provider = models.OneToOneField(
        Provider,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="ledger_account",
        help_text="Whose income is booked here.",
    )
    number = models.CharField(
        max_length=12,
        unique=True,
        validators=[
            RegexValidator(r"\A[0-9A-Z]+\Z", "Use digits and capital letters only, like 4010.")
        ],
        help_text="As in the accountant's own chart: digits and capital letters, like 4010.",
    )
    name = models.CharField(max_length=80)
    type = models.CharField(max_length=10, choices=AccountType.choices)

    objects = LedgerAccountQuerySet.as_manager()

    class Meta:
        verbose_name = "account of the journal"
        verbose_name_plural = "chart of accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(provider__isnull=True),
                name="account_once_for_a_key",
            ),
            models.CheckConstraint(
                condition=models.Q(provider__isnull=True) | models.Q(key=INCOME),
                name="account_of_provider_is_income",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def what(self) -> str:
        """What is booked on it, in words."""
        if self.provider:
            return f"What issued lines of {self.provider} charge"
        return STANDARD[self.key].what if self.key in STANDARD else ""


# ---------------------------------------------------------------------------- what is booked


class Source(models.TextChoices):
    """The kinds of rows that make entries, in the order of a day."""

    LINE = "line", "Charge"
    PAYMENT = "payment", "Payment"
    ALLOCATION = "allocation", "Allocation"
    ADJUSTMENT = "adjustment", "Adjustment"
    OFFSET = "offset", "Offset"


# Source → whose rows, and which of their columns is the accounting date.
TABLES: dict[str, tuple[type[models.Model], str]] = {
    Source.LINE.value: (InvoiceLine, "issued_on"),
    Source.PAYMENT.value: (Payment, "date"),
    Source.ALLOCATION.value: (Allocation, "date"),
    Source.ADJUSTMENT.value: (Adjustment, "date"),
    Source.OFFSET.value: (Offset, "date"),
}

# ---------------------------------------------------------------------------- batches


class JournalBatchQuerySet(AppendOnlyQuerySet["JournalBatch"]):
    def with_sums(self) -> JournalBatchQuerySet:
        """Each with its number of entries, and the date of the earliest."""
        mine = JournalItem.objects.filter(batch=OuterRef("pk")).order_by().values("batch")
        return self.annotate(
            entries=Subquery(mine.annotate(n=models.Count("pk")).values("n")),
            first=Subquery(mine.annotate(first=Min("date")).values("first")),
        )


class JournalBatch(AppendOnlyModel):
    """So much of the journal was handed over: every row up to `date` that no batch had yet.

    `frozen` is the chart of accounts with the names of providers and payers as they were, so that
    the batch is the same byte for byte whenever it is downloaded.
    """

    number = models.CharField(max_length=12, unique=True, editable=False)
    frozen = models.JSONField(editable=False)

    objects = JournalBatchQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name_plural = "journal batches"

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return f"{reverse('billing:journal_entries')}?batch={self.number}"


# Put together from names of ours; the days are parameters.
NOT_YET = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, r.id AS row_id, r.{day} AS date"  # noqa: S608
    f" FROM {model._meta.db_table} r WHERE r.{day} <= %s AND r.amount <> 0"
    " AND NOT EXISTS (SELECT 1 FROM billing_journalitem i"
    f" WHERE i.kind = '{kind}' AND i.row_id = r.id)"
    for kind, (model, day) in TABLES.items()
)
COUNT_THEM = f"SELECT COUNT(*) FROM ({NOT_YET}) AS not_yet"  # noqa: S608
TAKE_THEM = (
    "INSERT INTO billing_journalitem (batch_id, kind, row_id, date)"  # noqa: S608
    f" SELECT %s, kind, row_id, date FROM ({NOT_YET}) AS not_yet WHERE true RETURNING id"
)


class JournalItemQuerySet(AppendOnlyQuerySet["JournalItem"]):
    def take(self, batch: JournalBatch) -> int:
        """Put every row up to the batch's date that is in no batch yet into this one; how many.

        One statement, so one look at the books: both sides of a transfer, and a payment with what
        it paid, are in the same batch or in none.
        """
        through = connection.ops.adapt_datefield_value(batch.date)
        with connection.cursor() as cursor:
            cursor.execute(TAKE_THEM, [batch.pk, *[through] * len(TABLES)])
            taken = [pk for (pk,) in cursor.fetchall()]
        note(JournalItem, taken)
        return len(taken)

    def not_yet(self, through: datetime.date) -> int:
        """How many rows up to a day are in no batch."""
        day = connection.ops.adapt_datefield_value(through)
        with connection.cursor() as cursor:
            cursor.execute(COUNT_THEM, [day] * len(TABLES))
            count: int = cursor.fetchone()[0]
        return count


class JournalItem(WrittenOnceModel):
    """A row of the books that is in a batch; each is in one at most."""

    batch = models.ForeignKey(JournalBatch, models.PROTECT, related_name="items", db_index=False)
    kind = models.CharField(max_length=10, choices=Source.choices)
    row_id = models.BigIntegerField()
    date = models.DateField(help_text="The row's own accounting date")

    objects = JournalItemQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(fields=["kind", "row_id"], name="journal_item_in_one_batch")
        ]
        indexes = [models.Index(fields=["batch", "date"], name="journal_item_of_batch")]

    def __str__(self) -> str:
        return f"{self.kind}-{self.row_id} in {self.batch}"
