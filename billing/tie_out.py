"""The tie-out: the same figure by every way that leads to it, and by how much the ways differ.

What lines owe, what of receipts is on no line, the one less the other, and the money that moved. Each is
worked out from the balances, from the rows, from the ages, from the accounts, from the movements since
the beginning and from the journal. A difference other than 0.00 is an error of the books or of the
program, never of whoever reads them (docs/money.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from django.db import connections, transaction

from billing import journal, replica
from billing.balances.as_of import (
    AsOf,
    Basis,
    Dates,
    StandsThen,
    ageing_total,
    money_moved,
    money_placed,
    roll_forward,
    standing_as_of,
    standing_by_account,
    standing_from_rows,
)
from billing.models.journal import CASH, PATIENTS_CREDIT, PAYERS_CREDIT, RECEIVABLE, STANDARD
from billing.money import ZERO


@dataclass(frozen=True)
class Way:
    """One way to a figure: its name, what was added up, and what that came to."""

    name: str
    how: str
    amount: Decimal
    difference: Decimal  # to the first way of the same figure


@dataclass(frozen=True)
class Figure:
    """A figure of the books by every way to it."""

    name: str
    ways: Sequence[Way]

    @property
    def amount(self) -> Decimal:
        """As the balances have it: the first way."""
        return self.ways[0].amount

    @property
    def holds(self) -> bool:
        """Whether all ways lead to the same, to the cent."""
        return not any(way.difference for way in self.ways)


@dataclass(frozen=True)
class TieOut:
    """Every figure of the books at the end of a day."""

    as_of: AsOf
    figures: Sequence[Figure]

    @property
    def holds(self) -> bool:
        return all(figure.holds for figure in self.figures)


def tie_out(as_of: AsOf) -> TieOut:
    """The books at the end of a day by every way; the journal knows accounting dates only.

    Some 25 queries at any size. They all see the same moment of the books, so what is
    posted meanwhile makes no difference appear.
    """
    with one_moment():
        return TieOut(as_of, _figures(as_of))


@contextmanager
def one_moment() -> Iterator[None]:
    """All queries see the books as at the first; SQLite does so in any transaction."""
    connection = connections[replica.alias()]
    outermost = not connection.in_atomic_block
    with transaction.atomic(using=connection.alias):
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _figures(as_of: AsOf) -> list[Figure]:
    balances = standing_as_of(as_of)
    rows = standing_from_rows(as_of)
    accounts = standing_by_account(as_of)
    rolled = roll_forward(None, as_of.day, as_of.by).expected
    receivable = [
        ("Balances", "What issued lines owe", balances.receivable),
        ("Rows", "Charges less allocations less adjustments", rows.receivable),
        ("Accounts", "What each patient owes each provider", accounts.receivable),
    ]
    receivable += [
        (f"Ageing by {label.lower()}", "The bands of age", sum(bands.values(), ZERO))
        for dates, label in Dates.choices
        for bands in [ageing_total(as_of, dates)]
    ]
    unallocated = [
        ("Balances", "What of receipts is on no line", balances.unallocated),
        ("Rows", "Payments less allocations, with offsets", rows.unallocated),
        ("Accounts", "The credit of each account and insurer", accounts.unallocated),
    ]
    net = [
        ("Balances", "Receivable less unallocated", balances.net),
        ("Rows", "Receivable less unallocated", rows.net),
        ("Accounts", "The net balance of each account and insurer", accounts.net),
        ("Roll-forward", "Every movement since the beginning", rolled),
    ]
    money = [
        ("Payments", "Received less reversed and paid back", money_moved(as_of)),
        ("Where it is", "On lines and unallocated, less offsets", money_placed(as_of)),
    ]
    if as_of.by != Basis.ACCOUNTING:
        return _compared(receivable, unallocated, net, money)
    booked = _Booked.through(as_of)
    receivable.append(("Journal", "Accounts receivable", booked.stands.receivable))
    unallocated.append(("Journal", "Unallocated credit", booked.stands.unallocated))
    net.append(("Journal", "Accounts receivable less unallocated credit", booked.stands.net))
    money.append(("Journal", "Cash by method", booked.cash))
    both_sides = [
        ("Debits", "Of every account of the journal", booked.debit),
        ("Credits", "Of every account of the journal", booked.credit),
    ]
    return [*_compared(receivable, unallocated, net, money), _figure("Journal", both_sides)]


Found = list[tuple[str, str, Decimal]]


def _compared(receivable: Found, unallocated: Found, net: Found, money: Found) -> list[Figure]:
    return [
        _figure("Receivable", receivable),
        _figure("Unallocated", unallocated),
        _figure("Net receivable", net),
        _figure("Money received", money),
    ]


def _figure(name: str, found: Found) -> Figure:
    first = found[0][2]
    return Figure(name, [Way(way, how, amount, amount - first) for way, how, amount in found])


@dataclass(frozen=True)
class _Booked:
    """What the journal says, from the beginning to a day."""

    stands: StandsThen
    cash: Decimal
    debit: Decimal
    credit: Decimal

    @classmethod
    def through(cls, as_of: AsOf) -> _Booked:
        chart = journal.Chart.current()
        trial = journal.trial(journal.Scope(last=as_of.day), chart)

        def booked(*keys: str) -> Decimal:
            return sum((trial.balance(chart.account(key)) for key in keys), ZERO)

        stands = StandsThen(booked(RECEIVABLE), -booked(PATIENTS_CREDIT, PAYERS_CREDIT))
        cash = booked(*(key for key in STANDARD if key.startswith(CASH)))
        return cls(stands, cash, trial.debit, trial.credit)
