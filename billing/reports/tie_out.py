"""Tie-out: the same three figures by every way there is, and by how much they differ."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from billing import balances, journal
from billing.balances import AsOf, Basis, StandsThen
from billing.forms.reports import AsOfReportForm
from billing.models import InvoiceLine, Payment
from billing.models.journal import PATIENTS_CREDIT, PAYERS_CREDIT, RECEIVABLE
from billing.money import ZERO
from billing.reports.aged_balances import AgedBalances
from billing.reports.base import Check, Report
from billing.reports.columns import Column, Holds, hidden, text
from billing.reports.rows import ListRows, Rows, Totals


@dataclass(frozen=True)
class Tie:
    """One figure by one way, and how far it is from the first way."""

    figure: str
    way: str
    how: str
    amount: Decimal
    difference: Decimal


RECEIVABLE_THEN, UNALLOCATED_THEN, NET = FIGURES = ("Receivable", "Unallocated", "Net receivable")
Found = dict[str, Decimal]  # of the figures, those that a way leads to


@dataclass(frozen=True)
class Way:
    """A way to the figures: what it is called, what it does, and what it finds."""

    name: str
    how: str
    find: Callable[[], Found]


def ways(as_of: AsOf) -> Iterator[Way]:
    """The ways that lead to the books of that day, the ledger first.

    What knows accounting dates only is left out where the books are asked for by entry date.
    """
    yield Way(
        "Ledger",
        "Today's balances, less what came after that day",
        lambda: _figures(balances.standing_as_of(as_of)),
    )
    yield Way(
        "Rows",
        "Every row up to that day, added up",
        lambda: _figures(balances.standing_from_rows(as_of)),
    )
    yield Way(
        "Accounts",
        "Each patient with each provider, and each payer, added up",
        lambda: _figures(balances.standing_by_account(as_of)),
    )
    yield Way("Ageing", "The sums of the report Aged balances", lambda: _by_age(as_of))
    if as_of.by == Basis.ENTRY:
        return
    yield Way("Journal", "Accounts of the double entry", lambda: _by_journal(as_of.day))
    yield Way(
        "Roll-forward",
        "Charges less adjustments and money, from the first day on",
        lambda: {NET: balances.roll_forward(None, as_of.day).expected},
    )
    if as_of.is_now:
        yield Way("Stored", "The totals that stand on lines and payments", _stored)


def ties(as_of: AsOf) -> list[Tie]:
    """Each figure by each way, with its difference to the ledger's."""
    found = [(way, way.find()) for way in ways(as_of)]
    first = found[0][1]
    return [
        Tie(figure, way.name, way.how, amounts[figure], amounts[figure] - first[figure])
        for figure in FIGURES
        for way, amounts in found
        if figure in amounts
    ]


def _figures(stands: StandsThen) -> Found:
    return {
        RECEIVABLE_THEN: stands.receivable,
        UNALLOCATED_THEN: stands.unallocated,
        NET: stands.net,
    }


def _by_age(as_of: AsOf) -> Found:
    asked = {"as_of": as_of.day, "by": as_of.by, "group": "", "dates": ""}
    totals = AgedBalances(asked).totals
    return {
        RECEIVABLE_THEN: totals["gross"],
        UNALLOCATED_THEN: totals["unallocated"],
        NET: totals["net"],
    }


def _by_journal(last: datetime.date) -> Found:
    chart = journal.Chart.current()
    trial = journal.trial(journal.Scope(last=last), chart)
    credit = [trial.balance(chart.account(key)) for key in (PATIENTS_CREDIT, PAYERS_CREDIT)]
    return _figures(StandsThen(trial.balance(chart.account(RECEIVABLE)), -sum(credit, ZERO)))


def _stored() -> Found:
    owed = InvoiceLine.objects.aggregate(sum=Sum("balance"))["sum"]
    free = Payment.objects.aggregate(sum=Sum("unallocated"))["sum"]
    return _figures(StandsThen(owed or ZERO, free or ZERO))


class TieOut(Report):
    """Every figure of the books by every way there is. Each difference is 0.00, or red."""

    slug = "tie-out"
    title = "Tie-out"
    about = "Ledger, ageing, roll-forward, journal and accounts agree, to the cent."
    noun = "figure"
    form = AsOfReportForm
    columns = (
        text("figure", "Figure"),
        text("way", "By way of"),
        text("how", "How", fold=True),
        Column("amount", "Amount", Holds.MONEY),
        Column("difference", "Difference", Holds.MONEY, wrong=True),
        hidden("place"),
    )
    order = ("place",)
    group = "figure"

    def find(self) -> Rows:
        found = ties(AsOf(self.last, self.asked["by"]))
        return ListRows(
            self.columns,
            [
                (each.figure, each.way, each.how, each.amount, each.difference, place)
                for place, each in enumerate(found)
            ],
        )

    def check(self, totals: Totals) -> Check:
        at = [column.name for column in self.columns].index("difference")
        off = [abs(row[at]) for row in self.rows.stream([])]
        return Check("Every way leads to the same figure", max(off, default=ZERO))
