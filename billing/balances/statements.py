"""What a patient's statement adds up: opening, every row of the period, closing, and who owes it.

Everything goes by accounting date, so a past period says tomorrow what it said today. The one
thing that is not kept by date is whom a line waits for (`InvoiceLine.payer`); that is as it is
now.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import F, Min, Q, QuerySet, Sum

from billing.balances.worklists import AGES
from billing.models import Adjustment, Allocation, InvoiceLine, Kind, Payment
from billing.models.payments import UNDOING
from billing.money import ZERO
from patients.models import Patient, Provider

TRANSFERS = (Kind.TRANSFER_OUT, Kind.TRANSFER_IN)


@dataclass(frozen=True)
class StatementRow:
    """A row of the period. `amount` is what it adds to the balance: a charge above zero, money
    and write-offs below, a refund or a reversal above.

    It stands for exactly one of: a charge (`line` alone), a payment of the patient's (`payment`
    alone), an insurer's money on a line (both), a write-off (`adjustment`).
    """

    date: datetime.date
    amount: Decimal
    balance: Decimal  # after this row
    line: InvoiceLine | None = None
    payment: Payment | None = None
    adjustment: Adjustment | None = None

    @property
    def is_charge(self) -> bool:
        return self.payment is None and self.adjustment is None

    @property
    def provider(self) -> Provider:
        owner = self.line or self.payment
        assert owner is not None  # noqa: S101
        assert owner.provider is not None  # noqa: S101  (an insurer's row has its line)
        return owner.provider


@dataclass(frozen=True)
class PatientStatement:
    """One patient's figures for a period.

    At its end the lines owe `by_age` (the patient's own part) and `waiting` (what an insurer has
    not answered yet), and `credit` is not on any line; it may be below zero where a reversed
    payment still pays lines. closing = patient's part + waiting - credit, to the cent.
    """

    patient: Patient
    first: datetime.date | None
    last: datetime.date
    opening: Decimal
    rows: Sequence[StatementRow]
    closing: Decimal
    by_age: Sequence[Decimal]
    waiting: Decimal

    @property
    def own_part(self) -> Decimal:
        """What lines owe that wait for nobody but the patient."""
        return sum(self.by_age, ZERO)

    @property
    def credit(self) -> Decimal:
        return self.own_part + self.waiting - self.closing

    @property
    def says_something(self) -> bool:
        """Whether there is anything on it but zeros."""
        return bool(self.rows or self.opening or self.closing or self.own_part)

    @property
    def due(self) -> Decimal:
        """What the patient is asked for: their own part less their credit, never what an insurer
        still owes, and never less than nothing."""
        return max(self.own_part - self.credit, ZERO)

    @property
    def credit_left(self) -> Decimal:
        """Credit beyond the patient's own part: it stays for what the insurer leaves."""
        return max(self.credit - self.own_part, ZERO)


def statements(
    patients: Iterable[Patient], *, first: datetime.date | None, last: datetime.date
) -> dict[int, PatientStatement]:
    """The statement of each patient from `first` (None: from the beginning) to `last`.

    A constant number of queries, however many patients, rows and years.
    """
    people = {patient.pk: patient for patient in patients}
    books = _Books(list(people), first, last)
    return {pk: books.statement(patient) for pk, patient in people.items()}


def statement(
    patient: Patient, *, first: datetime.date | None, last: datetime.date
) -> PatientStatement:
    """One patient's statement; see `statements`."""
    return statements([patient], first=first, last=last)[patient.pk]


def first_day(patient: Patient) -> datetime.date | None:
    """The day of a patient's first charge or payment."""
    charge = InvoiceLine.objects.filter(patient=patient).aggregate(day=Min("issued_on"))["day"]
    payment = Payment.objects.filter(patient=patient).aggregate(day=Min("date"))["day"]
    return min((day for day in (charge, payment) if day), default=None)


# ---------------------------------------------------------------------------- reading the rows

_Found = tuple[tuple[Any, ...], datetime.date, Decimal, dict[str, Any]]


class _Books:
    """The rows of some patients, read once for all of them."""

    def __init__(
        self, patients: Sequence[int], first: datetime.date | None, last: datetime.date
    ) -> None:
        self.patients, self.first, self.last = patients, first, last
        self.rows: dict[int, list[_Found]] = defaultdict(list)
        self.opening = self._openings()
        lines = self._lines()
        self._add_charges(lines)
        self._add_insurers()
        self._add_write_offs()
        self._add_payments()
        self.owing = self._owing(lines)

    def statement(self, patient: Patient) -> PatientStatement:
        balance = opening = self.opening[patient.pk]
        rows = []
        for _order, date, amount, what in sorted(self.rows[patient.pk], key=lambda row: row[0]):
            balance += amount
            rows.append(StatementRow(date=date, amount=amount, balance=balance, **what))
        by_age, waiting = self.owing[patient.pk]
        return PatientStatement(
            patient=patient,
            first=self.first,
            last=self.last,
            opening=opening,
            rows=rows,
            closing=balance,
            by_age=by_age,
            waiting=waiting,
        )

    def _openings(self) -> dict[int, Decimal]:
        """What was owed, net, when the period began: charges less everything against them."""
        opening: dict[int, Decimal] = defaultdict(lambda: ZERO)
        if self.first is None:
            return opening
        before = Q(date__lt=self.first)
        charges = InvoiceLine.objects.filter(patient__in=self.patients, issued_on__lt=self.first)
        insurers = self._of_insurers().filter(before)
        write_offs = Adjustment.objects.filter(before, line__patient__in=self.patients)
        payments = Payment.objects.filter(before, patient__in=self.patients)
        sums: list[tuple[int, QuerySet[Any], str]] = [
            (1, charges, "patient"),
            (-1, insurers, "line__patient"),
            (-1, write_offs, "line__patient"),
            (-1, payments, "patient"),
        ]
        for sign, found, owner in sums:
            for patient, amount in (
                found.values_list(owner).annotate(total=Sum("amount")).order_by()
            ):
                opening[patient] += sign * amount
        return opening

    def _of_insurers(self) -> QuerySet[Allocation]:
        """Insurers' money on these patients' lines. Patients' own is counted when it comes in."""
        return Allocation.objects.filter(
            line__patient__in=self.patients, payment__payer__isnull=False
        )

    def _in_period(self, column: str = "date") -> Q:
        within = Q(**{f"{column}__lte": self.last})
        return within & Q(**{f"{column}__gte": self.first}) if self.first else within

    def _lines(self) -> list[InvoiceLine]:
        """The lines charged in the period, and those that may have owed something at its end."""
        wanted = self._in_period("issued_on") | Q(balance__gt=0) | Q(last_date__gt=self.last)
        return list(
            InvoiceLine.objects.filter(
                wanted, patient__in=self.patients, issued_on__lte=self.last
            ).select_related("invoice", "provider", "payer")
        )

    def _add(
        self,
        patient: int,
        date: datetime.date,
        order: tuple[Any, ...],
        amount: Decimal,
        **what: Any,
    ) -> None:
        self.rows[patient].append(((date, *order), date, amount, what))

    def _add_charges(self, lines: Iterable[InvoiceLine]) -> None:
        for line in lines:
            assert line.issued_on  # noqa: S101
            if self.first is None or line.issued_on >= self.first:
                order = (0, line.service_date, line.pk)
                self._add(line.patient_id, line.issued_on, order, line.amount, line=line)

    def _add_insurers(self) -> None:
        found = self._of_insurers().filter(self._in_period())
        rows = list(
            found.select_related("line__invoice", "line__provider", "payment__payer").order_by("pk")
        )
        deleted = self._deleted({row.payment for row in rows})
        for row in _standing(rows, deleted):
            self._add(
                row.line.patient_id,
                row.date,
                (1, row.pk),
                -row.amount,
                line=row.line,
                payment=row.payment,
            )

    def _add_write_offs(self) -> None:
        found = Adjustment.objects.filter(self._in_period(), line__patient__in=self.patients)
        rows = list(
            found.select_related(
                "line__invoice", "line__provider", "line__void", "payment__payer"
            ).order_by("pk")
        )
        deleted = self._deleted({row.payment for row in rows if row.payment})
        for row in _standing(rows, deleted):
            self._add(
                row.line.patient_id,
                row.date,
                (2, row.pk),
                -row.amount,
                line=row.line,
                adjustment=row,
            )

    def _deleted(self, payments: Collection[Payment]) -> set[int]:
        """Which of these were deleted (not reversed) by the end of the period."""
        return set(
            Payment.objects.filter(
                original__in=[payment.pk for payment in payments],
                kind=Kind.VOID,
                date__lte=self.last,
            ).values_list("original__pk", flat=True)
        )

    def _add_payments(self) -> None:
        rows = list(
            Payment.objects.filter(self._in_period(), patient__in=self.patients)
            .select_related("provider", "source", "original__source", "original__original")
            .order_by("pk")
        )
        unseen = self._moved_within(rows) | self._never_were(rows)
        for row in rows:
            if row.pk not in unseen:
                assert row.patient_id  # noqa: S101
                self._add(row.patient_id, row.date, (3, row.pk), -row.amount, payment=row)

    def _moved_within(self, rows: Iterable[Payment]) -> set[int]:
        """Transfers between a patient's own providers, and what undid them: the two rows of such
        a pair bear one date, and the statement shows the patient's providers together."""
        moved = {row.pk: transfer for row in rows if (transfer := _transfer(row))}
        outs = {_out(transfer) for transfer in moved.values()}
        within = set(
            Payment.objects.filter(
                original__in=outs, kind=Kind.TRANSFER_IN, patient=F("original__patient")
            ).values_list("original", flat=True)
        )
        return {pk for pk, transfer in moved.items() if _out(transfer) in within}

    def _never_were(self, rows: Sequence[Payment]) -> set[int]:
        """Receipts deleted on their own day, and the deletions; unless by the end of the period
        the receipt still paid a line or had been paid back, which would be left hanging."""
        by_pk = {row.pk: row for row in rows}
        pairs = {
            row.original_id: row
            for row in rows
            if row.kind == Kind.VOID
            and row.original_id in by_pk
            and row.original
            and row.original.date == row.date
        }
        left = {pk: by_pk[pk].amount for pk in pairs if pk and by_pk[pk].is_money_in}
        by_day = Q(date__lte=self.last)
        for pk, amount in (
            Allocation.objects.filter(by_day, payment__in=list(left))
            .values_list("payment")
            .annotate(total=Sum("amount"))
            .order_by()
        ):
            left[pk] -= amount
        for pk, amount in (
            Payment.objects.filter(by_day, source__in=list(left))
            .values_list("source")
            .annotate(total=Sum("amount"))
            .order_by()
        ):
            left[pk] += amount
        gone = {pk for pk in pairs if pk and not left.get(pk)}
        return gone | {pairs[pk].pk for pk in gone}

    # ------------------------------------------------------------------ who owes what

    def _owing(self, lines: Sequence[InvoiceLine]) -> dict[int, tuple[Sequence[Decimal], Decimal]]:
        """Patient → the patient's own part by age, and what waits for insurers."""
        since = self._since()
        ages: dict[int, list[Decimal]] = defaultdict(lambda: [ZERO] * len(AGES))
        waiting: dict[int, Decimal] = defaultdict(lambda: ZERO)
        starts = [self.last - datetime.timedelta(days=days) for days in (0, 30, 60, 90)]
        for line in lines:
            owed = line.balance + since.get(line.pk, ZERO)
            if line.payer_id:
                waiting[line.patient_id] += owed
            elif owed:
                age = sum(line.service_date < start for start in starts)
                ages[line.patient_id][age] += owed
        return {pk: (tuple(ages[pk]), waiting[pk]) for pk in self.patients}

    def _since(self) -> dict[int, Decimal]:
        """Line → what was paid on it and written off after the period, to be added back."""
        later: dict[int, Decimal] = defaultdict(lambda: ZERO)
        after = Q(date__gt=self.last, line__patient__in=self.patients)
        sources: list[QuerySet[Any]] = [
            Allocation.objects.filter(after),
            Adjustment.objects.filter(after),
        ]
        for found in sources:
            for line, amount in found.values_list("line").annotate(total=Sum("amount")).order_by():
                later[line] += amount
        return later


def _transfer(row: Payment) -> Payment | None:
    """The transfer a row is, or undoes."""
    if row.kind in TRANSFERS:
        return row
    if row.kind in UNDOING and row.original and row.original.kind in TRANSFERS:
        return row.original
    return None


def _out(transfer: Payment) -> int:
    """The row of a pair that takes the money out."""
    if transfer.kind == Kind.TRANSFER_OUT:
        return transfer.pk
    assert transfer.original_id  # noqa: S101
    return transfer.original_id


def _standing(rows: Sequence[Any], deleted: Collection[int]) -> list[Any]:
    """All rows but those a deletion of the same day took back: together they never were."""
    sums: dict[tuple[Any, ...], Decimal] = defaultdict(lambda: ZERO)

    def key(row: Any) -> tuple[Any, ...]:
        return row.payment_id, row.line_id, row.date

    for row in rows:
        sums[key(row)] += row.amount
    return [row for row in rows if row.payment_id not in deleted or sums[key(row)]]


# ---------------------------------------------------------------------------- who gets one


@dataclass(frozen=True)
class Debtors:
    """Who is asked for money now: patients who pay for themselves and whoever they pay for.

    `asked` is patient → what they are asked for, their family's part with it.
    """

    asked: Mapping[int, Decimal]

    @property
    def patients(self) -> Set[int]:
        return self.asked.keys()

    @property
    def due(self) -> Decimal:
        return sum(self.asked.values(), ZERO)

    def first(self, most: int) -> list[tuple[Patient, Decimal]]:
        """So many of them by name, with what each is asked for."""
        return [(patient, self.asked[patient.pk]) for patient in self._by_name()[:most]]

    def by_name(self) -> list[int]:
        """The same, in the order statements are printed in."""
        return list(self._by_name().values_list("pk", flat=True))

    def _by_name(self) -> QuerySet[Patient]:
        return Patient.objects.filter(pk__in=self.patients).by_name()


def debtors(*, more_than: Decimal = ZERO, provider: Provider | None = None) -> Debtors:
    """Those whose own part of what is owed now, less their credit, is above an amount.

    Who pays for a family stands for it, with what its members owe together; one's credit pays no
    other's bill. With a provider: what is owed to that provider. What waits for an insurer does
    not count.
    """
    together: dict[int, Decimal] = defaultdict(lambda: ZERO)
    others = Patient.objects.filter(guarantor__isnull=False).order_by()
    payers = dict(others.values_list("pk", "guarantor"))
    for patient, due in _due(provider).items():
        if due > 0:
            together[payers.get(patient) or patient] += due
    return Debtors({patient: due for patient, due in together.items() if due > more_than})


def _due(provider: Provider | None) -> dict[int, Decimal]:
    """Patient → their own part less their credit, as it is now."""
    due: dict[int, Decimal] = defaultdict(lambda: ZERO)
    lines = InvoiceLine.objects.open().filter(payer__isnull=True)
    receipts = [Payment.objects.with_credit(), Payment.objects.overdrawn()]
    if provider:
        lines = lines.filter(provider=provider)
        receipts = [found.filter(provider=provider) for found in receipts]
    for patient, total in lines.values_list("patient").annotate(total=Sum("balance")).order_by():
        due[patient] += total
    for found in receipts:
        for patient, total in (
            found.of_patients().values_list("patient").annotate(total=Sum("unallocated")).order_by()
        ):
            due[patient] -= total
    return due
