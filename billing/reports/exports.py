"""Exports: which figures left the program, who took them and when."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q

from billing.forms.reports import PeriodReportForm, choice_field, user_field
from billing.models import Export
from billing.reports.base import Report
from billing.reports.columns import count, hidden, moment, text
from billing.reports.expressions import during, in_order, user_name
from billing.reports.rows import Rows, SqlRows

# What is noted and is no report of this package. Each slip has its own name: deposits/D-0001.
OTHERS = [("journal", "Journal"), ("deposits", "Deposit slips")]


def exported() -> list[tuple[str, str]]:
    """The names of everything that is noted, and their titles."""
    from billing.reports import REPORTS  # this report is one of them

    titles = [(slug, report.title) for slug, report in REPORTS.items()]
    return [("", "All reports"), *sorted([*titles, *OTHERS], key=lambda choice: choice[1])]


class ExportsForm(PeriodReportForm):
    report = choice_field("Report", "reports", [])
    user = user_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["report"].choices = exported()  # type: ignore[attr-defined]


class Exports(Report):
    """One row for each file that was handed out, by the day it was taken."""

    slug = "exports"
    title = "Exports"
    about = "Which figures left the program as files: who took them, when, and how much."
    noun = "export"
    permission = "billing.export_reports"
    form = ExportsForm
    columns = (
        moment("moment", "Taken"),
        text("user", "User"),
        text("report", "Report"),
        text("format", "Format"),
        text("filters", "Filters"),
        count("rows", "Rows", total=False),  # of different things: their sum says nothing
        hidden("row"),
    )
    order = ("-moment", "-row")
    empty = ("Nothing was taken in this period", "Choose a longer one, or reset the filters.")

    def find(self) -> Rows:
        taken = Export.objects.filter(during("created_at", self.first, self.last))
        if report := self.asked.get("report"):
            taken = taken.filter(Q(report=report) | Q(report__startswith=f"{report}/"))
        if self.asked.get("user"):
            taken = taken.filter(created_by=self.asked["user"])
        told = {
            "moment": F("created_at"),
            "user": user_name(),
            "report": F("report"),
            "format": F("format"),
            "filters": F("filters"),
            "rows": F("rows"),
            "row": F("pk"),
        }
        return SqlRows(self.columns, in_order(self.columns, taken, told))
