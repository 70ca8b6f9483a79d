"""Which two accounts each kind of row touches. Entries and sums read the same rule.

A row has a signed amount: positive debits the one and credits the other, negative the reverse.

    charge        receivable                   / income of the provider
    payment       cash by method, or transit   / unallocated credit
    allocation    unallocated credit           / receivable
    adjustment    adjustments by kind          / receivable
    offset        by what its code means       / unallocated credit of insurers

So receivable is what the lines owe, the credit accounts are what is unallocated, and cash is what
was taken. A row that undoes another has the opposite amount and needs no rule of its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    F,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, NullIf

from billing.journal.chart import Account, Chart
from billing.models import JournalBatch, JournalItem, Kind, Method, OffsetKind
from billing.models.journal import (
    ADJUSTMENT,
    CASH,
    INCOME,
    OFFSET,
    PATIENTS_CREDIT,
    PAYERS_CREDIT,
    RECEIVABLE,
    TABLES,
    TRANSIT,
    Source,
)
from billing.models.offsets import CODES
from billing.models.payments import IS_MOVE
from billing.money import ZERO

CHUNK = 2000  # rows in memory at once

WORDS = {
    "charge": "Charge",
    **{kind.value: str(kind.label) for kind in Kind},
    "allocation": "Allocation",
    "unpay": "Un-payment",
    "adjustment": "Adjustment",
    "offset": "Offset",
}


class Entry(NamedTuple):
    """One row of the books as double entry: `amount` is above zero, debit and credit say the rest."""

    date: datetime.date
    source: str
    row: int
    what: str  # charge, receipt, reversal, allocation, unpay …
    document: str  # INV-1042, R-2207, IP-0318, T-0012
    invoice: str  # of the line that is charged, paid or adjusted
    provider: str
    payer: str
    debit: Account
    credit: Account
    amount: Decimal

    @property
    def name(self) -> str:
        """payment-17: the row it comes from, the same in every export."""
        return f"{self.source}-{self.row}"

    @property
    def said(self) -> str:
        """What it is, in words: Charge, Allocation INV-1042."""
        words = WORDS[self.what]
        return f"{words} {self.invoice}" if self.invoice not in ("", self.document) else words


@dataclass(frozen=True)
class Scope:
    """What part of the journal: accounting dates from and to (both included), or one batch."""

    first: datetime.date | None = None
    last: datetime.date | None = None
    batch: JournalBatch | None = None

    def __str__(self) -> str:
        if self.batch:
            return self.batch.number
        since = f"from {self.first}" if self.first else "from the beginning"
        return f"{since} to {self.last}" if self.last else since

    @property
    def file_stem(self) -> str:
        """journal-J-0001, journal-2025-11-01-to-2025-11-30."""
        if self.batch:
            return f"journal-{self.batch.number}"
        days = "-to-".join(str(day) for day in (self.first, self.last) if day)
        return f"journal-{days}" if days else "journal"

    def rows(self, source: str) -> QuerySet[Any]:
        """The rows of one kind that are in it; rows of nothing make no entry."""
        model, day = TABLES[source]
        found: QuerySet[Any] = model._default_manager.exclude(amount=ZERO)
        if self.batch:
            items = JournalItem.objects.filter(batch=self.batch, kind=source)
            return found.filter(pk__in=items.values("row_id"))
        found = found.filter(**{f"{day}__isnull": False})
        if self.first:
            found = found.filter(**{f"{day}__gte": self.first})
        if self.last:
            found = found.filter(**{f"{day}__lte": self.last})
        return found


# ---------------------------------------------------------------------------- the rule, in SQL


def _text(value: str) -> Value:
    return Value(value, output_field=CharField())


def _credit(payer: str) -> Case:
    """Whose unallocated credit: where there is no payer it is a patient's."""
    return Case(
        When(**{f"{payer}__isnull": True}, then=_text(PATIENTS_CREDIT)),
        default=_text(PAYERS_CREDIT),
    )


NOBODY = Cast(Value(None), BigIntegerField())
NO_TEXT = _text("")

# A transfer and its undoing move no money. What undoes was paid as what it undoes, unless it says.
_METHOD = Coalesce(
    NullIf("method", NO_TEXT), NullIf("original__method", NO_TEXT), _text(Method.OTHER.value)
)
_MEANING = Case(
    *(
        When(
            code__in=[code for code, (meant, _name) in CODES.items() if meant == kind],
            then=_text(OFFSET + kind.value),
        )
        for kind in OffsetKind
        if kind != OffsetKind.OTHER
    ),
    default=_text(OFFSET + OffsetKind.OTHER.value),
)

# Source → what is debited and credited, then what the entry tells beside. A line's payer is not
# told: it is whoever owes the rest now, and changes.
TOLD = ("debited", "credited", "whose", "from_payer", "what", "document", "on_invoice")
RULES: dict[str, tuple[Any, ...]] = {
    Source.LINE.value: (
        _text(RECEIVABLE),
        _text(INCOME),
        F("provider_id"),
        NOBODY,
        _text("charge"),
        F("invoice__number"),
        F("invoice__number"),
    ),
    Source.PAYMENT.value: (
        Case(When(IS_MOVE, then=_text(TRANSIT)), default=Concat(_text(CASH), _METHOD)),
        _credit("payer"),
        F("provider_id"),
        F("payer_id"),
        F("kind"),
        Coalesce("number", "source__number", "original__number"),
        NO_TEXT,
    ),
    Source.ALLOCATION.value: (
        _credit("payment__payer"),
        _text(RECEIVABLE),
        F("line__provider_id"),
        F("payment__payer_id"),
        Case(When(amount__lt=ZERO, then=_text("unpay")), default=_text("allocation")),
        F("payment__number"),
        F("line__invoice__number"),
    ),
    Source.ADJUSTMENT.value: (
        Concat(_text(ADJUSTMENT), F("kind")),
        _text(RECEIVABLE),
        F("line__provider_id"),
        F("payment__payer_id"),
        _text("adjustment"),
        Coalesce("payment__number", "line__invoice__number"),
        F("line__invoice__number"),
    ),
    Source.OFFSET.value: (
        _MEANING,
        _text(PAYERS_CREDIT),
        NOBODY,
        F("payment__payer_id"),
        _text("offset"),
        F("payment__number"),
        NO_TEXT,
    ),
}
WHERE = ("day", "place", "row")  # an entry stands in the journal
COLUMNS = (*WHERE, "amount", *TOLD)
SOURCES = list(RULES)  # in the order of a day


def _booked(scope: Scope, source: str, told: Collection[str] = TOLD) -> QuerySet[Any]:
    """The rows of one kind with their place, and of the rule no more than is asked for."""
    rule = {name: rule for name, rule in zip(TOLD, RULES[source], strict=True) if name in told}
    _model, day = TABLES[source]
    place = Value(SOURCES.index(source))
    rows: QuerySet[Any] = scope.rows(source).order_by()
    booked: QuerySet[Any] = rows.annotate(day=F(day), place=place, row=F("pk"), **rule)
    return booked


# ---------------------------------------------------------------------------- entries


def _ordered(scope: Scope) -> QuerySet[Any]:
    """All kinds of rows in one statement: one look at the books, whatever is posted meanwhile."""
    first, *others = (_booked(scope, source).values_list(*COLUMNS) for source in SOURCES)
    return first.union(*others, all=True).order_by(*WHERE)


def _entry(row: tuple[Any, ...], chart: Chart) -> Entry:
    day, place, pk, amount, debited, credited, whose, payer, what, document, invoice = row
    debit = chart.account(debited)
    credit = chart.account(credited, whose if credited == INCOME else None)
    if amount < 0:
        debit, credit, amount = credit, debit, -amount
    return Entry(
        day,
        SOURCES[place],
        pk,
        what,
        document,
        invoice,
        chart.provider(whose),
        chart.payer(payer),
        debit,
        credit,
        amount,
    )


def entries(scope: Scope, chart: Chart) -> Iterator[Entry]:
    """Every entry by date, kind and id, read as it goes: memory stays flat."""
    for row in _ordered(scope).iterator(CHUNK):
        yield _entry(row, chart)


def page(scope: Scope, chart: Chart, start: int, size: int) -> list[Entry]:
    """So many entries from a place on.

    All the others are passed over by their places only; what an entry tells is read for the page.
    """
    first, *others = (_booked(scope, source, ()).values_list(*WHERE) for source in SOURCES)
    places = first.union(*others, all=True).order_by(*WHERE)[start : start + size]
    wanted: dict[int, list[int]] = {}
    for _day, place, pk in places:
        wanted.setdefault(place, []).append(pk)
    parts = [
        _booked(scope, SOURCES[place]).filter(pk__in=pks).values_list(*COLUMNS)
        for place, pks in wanted.items()
    ]
    if not parts:
        return []
    rows = parts[0].union(*parts[1:], all=True).order_by(*WHERE)
    return [_entry(row, chart) for row in rows]


def count(scope: Scope) -> int:
    """How many entries there are."""
    first, *others = (scope.rows(source).order_by().values("pk") for source in SOURCES)
    return first.union(*others, all=True).count()


# ---------------------------------------------------------------------------- sums


@dataclass(frozen=True)
class AccountTotal:
    """What was booked on one account."""

    account: Account
    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        """Debit less credit."""
        return self.debit - self.credit


@dataclass(frozen=True)
class Trial:
    """What was booked on each account, by number; and on all of them."""

    accounts: list[AccountTotal]
    count: int

    @property
    def debit(self) -> Decimal:
        return sum((each.debit for each in self.accounts), ZERO)

    @property
    def credit(self) -> Decimal:
        return sum((each.credit for each in self.accounts), ZERO)

    @property
    def difference(self) -> Decimal:
        """Debit less credit: 0.00, or something is wrong with the journal itself."""
        return self.debit - self.credit

    def balance(self, account: Account) -> Decimal:
        """Debit less credit of one account; 0.00 where nothing was booked."""
        return sum((each.balance for each in self.accounts if each.account == account), ZERO)


def _summed(scope: Scope, source: str) -> QuerySet[Any]:
    """(debited, credited, provider of the income, rows, what is above zero, what is below)."""
    told = ["debited", "credited"]
    owner: Cast | F = NOBODY
    if source == Source.LINE.value:
        told.append("whose")
        owner = F("whose")
    summed: QuerySet[Any] = (
        _booked(scope, source, told)
        .annotate(owner=owner)
        .values_list("debited", "credited", "owner")
        .annotate(
            rows=Count("pk"),
            up=Sum("amount", filter=Q(amount__gt=ZERO)),
            down=Sum("amount", filter=Q(amount__lt=ZERO)),
        )
    )
    return summed


def trial(scope: Scope, chart: Chart) -> Trial:
    """The trial balance: one statement, however many rows."""
    debits: dict[Account, Decimal] = {}
    credits: dict[Account, Decimal] = {}
    count = 0
    first, *others = (_summed(scope, source) for source in SOURCES)
    for debited, credited, owner, rows, up, down in first.union(*others, all=True):
        count += rows
        debit, credit = chart.account(debited), chart.account(credited, owner)
        for side, account, amount in (
            (debits, debit, up or ZERO),
            (credits, credit, up or ZERO),
            (debits, credit, -(down or ZERO)),
            (credits, debit, -(down or ZERO)),
        ):
            side[account] = side.get(account, ZERO) + amount
    booked = sorted({*debits, *credits}, key=lambda account: account.path.partition(":")[2])
    return Trial(
        [AccountTotal(each, debits.get(each, ZERO), credits.get(each, ZERO)) for each in booked],
        count,
    )
