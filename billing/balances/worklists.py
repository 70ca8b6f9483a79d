"""The figures of the lists and of Today."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    Sum,
    When,
)
from django.db.models.functions import Coalesce

from billing.balances.causes import with_way_on
from billing.balances.links import pays
from billing.balances.sessions import drafted_sessions
from billing.balances.undoing import undoing_of
from billing.models import InvoiceLine, Kind, Method, Payment
from billing.models.payments import PaymentQuerySet
from billing.money import ZERO
from patients.models import Patient, Payer, Provider


@dataclass(frozen=True)
class Received:
    """What a list of receipts adds up to. `undone` is what was reversed or deleted since."""

    count: int
    received: Decimal
    undone: Decimal
    unallocated: Decimal

    @property
    def net(self) -> Decimal:
        return self.received + self.undone


def received_total(payments: PaymentQuerySet) -> Received:
    """The summary line over a list of receipts. Transfers move credit; they bring no money."""
    receipts = Q(kind=Kind.RECEIPT)
    found = payments.order_by().aggregate(
        count=Count("pk"),
        received=Sum("amount", filter=receipts),
        kept=Sum("amount", filter=receipts & Q(reversed=False)),
        unallocated=Sum("unallocated"),
    )
    received, kept = found["received"] or ZERO, found["kept"] or ZERO
    return Received(found["count"], received, kept - received, found["unallocated"] or ZERO)


@dataclass(frozen=True)
class LineTotals:
    """What the lines of an invoice add up to."""

    charged: Decimal
    adjusted: Decimal
    paid: Decimal
    balance: Decimal


def line_totals(lines: Iterable[InvoiceLine]) -> LineTotals:
    """The total row under the lines of an invoice."""
    listed = list(lines)
    return LineTotals(
        sum((line.amount for line in listed), ZERO),
        sum((line.adjusted for line in listed), ZERO),
        sum((line.paid for line in listed), ZERO),
        sum((line.balance for line in listed), ZERO),
    )


@dataclass(frozen=True)
class Waiting:
    """Receipts whose money is not on lines: the oldest few with their age in days, how many
    there are, and how much."""

    payments: Sequence[tuple[Payment, int]]
    count: int
    total: Decimal


# An insurer's receipt, said by the first column of the two partial indexes: `payer IS NOT NULL`
# would read the receipts of all payers instead.
_OF_A_PAYER = Q(patient__isnull=True)


def unallocated_of_payers(*, day: datetime.date, first: int, payer: Payer | None = None) -> Waiting:
    """Payers' receipts (or one payer's) that still wait for their lines."""
    whose = Q(payer=payer) if payer else Q()
    return _waiting(Payment.objects.with_credit().filter(_OF_A_PAYER & whose), day, first)


def over_allocated_of_payers(
    *, day: datetime.date, first: int, payer: Payer | None = None
) -> Waiting:
    """Payers' receipts (or one payer's) with more on their lines than was received."""
    whose = Q(payer=payer) if payer else Q()
    return _waiting(Payment.objects.overdrawn().filter(_OF_A_PAYER & whose), day, first)


def unallocated_of_patients(*, day: datetime.date, first: int) -> Waiting:
    """Patients' receipts with credit left, and credit that was transferred to them."""
    return _waiting(Payment.objects.with_credit().of_patients(), day, first)


def _waiting(payments: PaymentQuerySet, day: datetime.date, first: int) -> Waiting:
    """The oldest `first` of these receipts, and what all of them leave unallocated.

    COALESCE(date, date) is the date; but no index is sorted by it, so the database reads the few
    rows of the partial index and sorts them, where it might else walk all payments by date.
    """
    found = payments.aggregate(count=Count("pk"), total=Sum("unallocated"))
    by_date = (Coalesce("date", "date"), "id")
    oldest = payments.order_by(*by_date).values("pk")[:first]
    shown = with_way_on(Payment.objects.filter(pk__in=oldest)).with_names().order_by(*by_date)
    listed = shown if found["count"] else ()
    aged = [(payment, (day - payment.date).days) for payment in listed]
    return Waiting(aged, found["count"], found["total"] or ZERO)


def waiting_counts() -> dict[str, int]:
    """What the navigation counts: sessions to bill, and payers' receipts and accounts that ask for
    allocation."""
    mine = Payment.objects.of_patients()
    ahead, behind = (
        found.order_by().values("patient", "provider").distinct()
        for found in (mine.with_credit(), mine.overdrawn())
    )
    return {
        "sessions": drafted_sessions(),
        "insurance": Payment.objects.with_credit().filter(_OF_A_PAYER).count(),
        # Each in the words of its own partial index: an OR of both would read every payment.
        "credit": ahead.union(behind).count(),
    }


@dataclass(frozen=True)
class NegativeAccount:
    """An account whose credit is below zero, and the receipts that made it so."""

    patient: Patient
    provider: Provider
    credit: Decimal
    causes: Sequence[tuple[Payment, Payment | None, Sequence[InvoiceLine]]]


@dataclass(frozen=True)
class NegativeAccounts:
    accounts: Sequence[NegativeAccount]
    count: int
    total: Decimal


def negative_accounts(*, first: int) -> NegativeAccounts:
    """The accounts with negative credit, those that are so for longest first.

    Each cause is a receipt, the reversal or deletion that answered it, and the lines it still
    pays. Reads the overdrawn receipts only: by R7 nothing else is credit on such an account.
    """
    overdrawn = Payment.objects.overdrawn().of_patients()
    receipts: dict[tuple[int, int], list[Payment]] = defaultdict(list)
    oldest_first = sorted(overdrawn.with_names(), key=lambda each: (each.date, each.pk))
    for receipt in oldest_first:
        assert receipt.patient_id  # noqa: S101  (patients' money only)
        assert receipt.provider_id  # noqa: S101
        receipts[receipt.patient_id, receipt.provider_id].append(receipt)
    sums = {
        owner: sum((receipt.unallocated for receipt in found), ZERO)
        for owner, found in receipts.items()
    }
    shown = list(receipts)[:first]
    listed = [receipt for owner in shown for receipt in receipts[owner]]
    undone = undoing_of(listed) if listed else {}
    links = pays(receipt.pk for receipt in listed) if listed else {}
    lines = InvoiceLine.objects.with_names().in_bulk(
        {link.line_id for found in links.values() for link in found}
    )
    rows = []
    for owner in shown:
        causes = [
            (
                receipt,
                undone.get(receipt.pk),
                [lines[link.line_id] for link in links.get(receipt.pk, [])],
            )
            for receipt in receipts[owner]
        ]
        patient, provider = receipts[owner][0].patient, receipts[owner][0].provider
        assert patient  # noqa: S101
        assert provider  # noqa: S101
        rows.append(NegativeAccount(patient, provider, sums[owner], causes))
    return NegativeAccounts(rows, len(sums), sum(sums.values(), ZERO))


@dataclass(frozen=True)
class Taking:
    """A row of the day's takings. `share` is per cent of the largest: the length of its bar."""

    label: str
    count: int
    amount: Decimal
    share: Decimal = ZERO


@dataclass(frozen=True)
class Takings:
    methods: Sequence[Taking]
    undone: Sequence[Taking]
    count: int
    total: Decimal


def takings(day: datetime.date) -> Takings:
    """Money of one day by method; what was reversed or refunded that day in rows of its own.

    Deleted payments never were, so they are left out together with their deletion. Transfers
    move credit, not money.
    """
    deleted = Payment.objects.filter(original=OuterRef("pk"), kind=Kind.VOID)
    found = (
        Payment.objects.filter(date=day, kind__in=[Kind.RECEIPT, Kind.REVERSAL, Kind.REFUND])
        .exclude(Exists(deleted))
        .values_list("kind", "original__kind", "method")
        .annotate(count=Count("pk"), total=Sum("amount"))
        .order_by()
    )
    methods: dict[str, tuple[int, Decimal]] = {}
    reversed_, refunded = (0, ZERO), (0, ZERO)
    for kind, original, method, count, total_ in found:
        if kind == Kind.RECEIPT:
            methods[method] = (count, total_)
        elif Kind.REFUND in (kind, original):
            refunded = (refunded[0] + count, refunded[1] + total_)
        elif original == Kind.RECEIPT:
            reversed_ = (reversed_[0] + count, reversed_[1] + total_)
    largest = max((amount for _count, amount in methods.values()), default=ZERO)
    rows = [
        Taking(label, *methods[method], share=_percent(methods[method][1], largest))
        for method, label in [*Method.choices, ("", "No method")]
        if method in methods
    ]
    rows.sort(key=lambda row: -row.amount)
    undone = [
        Taking(label, *sums)
        for label, sums in (("Reversed", reversed_), ("Refunded", refunded))
        if sums[0]
    ]
    return Takings(
        methods=rows,
        undone=undone,
        count=sum(row.count for row in rows),
        total=sum((row.amount for row in (*rows, *undone)), ZERO),
    )


@dataclass(frozen=True)
class Age:
    """What is owed since so many days, by insurers and by patients.

    The shares are per cent of the largest age: the two lengths of its bar.
    """

    label: str
    insurers: Decimal
    patients: Decimal
    insurers_share: Decimal
    patients_share: Decimal

    @property
    def total(self) -> Decimal:
        return self.insurers + self.patients


@dataclass(frozen=True)
class Owing:
    ages: Sequence[Age]
    insurers: Decimal
    patients: Decimal
    old_percent: Decimal

    @property
    def total(self) -> Decimal:
        return self.insurers + self.patients


AGES = ("Current", "1-30 days", "31-60 days", "61-90 days", "Over 90")


def owing_by_age(day: datetime.date) -> Owing:
    """Everything lines still owe on that day, by age. Age counts from the date of service."""
    since = [day - datetime.timedelta(days=days) for days in (0, 30, 60, 90)]
    found = (
        InvoiceLine.objects.open()
        .values_list(
            Case(
                *(When(service_date__gte=start, then=at) for at, start in enumerate(since)),
                default=len(since),
                output_field=IntegerField(),
            ),
            Case(When(payer__isnull=True, then=0), default=1, output_field=IntegerField()),
        )
        .annotate(owed=Sum("balance"))
        .order_by()
    )
    owed = {(age, insurer): total_ for age, insurer, total_ in found}
    by_age = [(owed.get((at, 1), ZERO), owed.get((at, 0), ZERO)) for at in range(len(AGES))]
    largest = max(insurers + patients for insurers, patients in by_age)
    ages = [
        Age(label, *sums, _percent(sums[0], largest), _percent(sums[1], largest))
        for label, sums in zip(AGES, by_age, strict=True)
    ]
    insurers = sum((age.insurers for age in ages), ZERO)
    patients = sum((age.patients for age in ages), ZERO)
    return Owing(ages, insurers, patients, _percent(ages[-1].total, insurers + patients))


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    """To a tenth of a per cent; nothing where there is nothing, or less, to show."""
    if part <= 0 or whole <= 0:
        return ZERO
    return (part * 100 / whole).quantize(Decimal("0.1"))
