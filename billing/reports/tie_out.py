"""Tie-out: the same figures by every way there is, and by how much they differ."""

from __future__ import annotations

from billing.forms.reports import AsOfReportForm
from billing.money import ZERO
from billing.reports.base import Check, Report
from billing.reports.columns import Column, Holds, hidden, text
from billing.reports.rows import ListRows, Rows, Totals
from billing.tie_out import tie_out


class TieOut(Report):
    """Every figure of the books by every way there is, as `manage.py tie_out` tells it.

    Each difference is 0.00, or red.
    """

    slug = "tie-out"
    title = "Tie-out"
    about = "Ledger, ageing, roll-forward, journal and accounts agree, to the cent."
    noun = "way"
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
        found = [
            (figure.name, way.name, way.how, way.amount, way.difference)
            for figure in tie_out(self.as_of).figures
            for way in figure.ways
        ]
        return ListRows(self.columns, [(*row, place) for place, row in enumerate(found)])

    def check(self, totals: Totals) -> Check:
        at = [column.name for column in self.columns].index("difference")
        apart = [abs(row[at]) for row in self.rows.stream([])]
        return Check("Every way leads to the same figure", max(apart, default=ZERO))
