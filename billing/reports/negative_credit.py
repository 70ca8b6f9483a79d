"""Negative credit: undone receipts that still paid lines, as of any day."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from billing.balances import NegativeCause, negative_credit_as_of
from billing.forms.reports import AsOfReportForm, choice_field, provider_field
from billing.reports.base import Figure, Report
from billing.reports.columns import Column, Holds, code, day, hidden, money, text
from billing.reports.expressions import DaysSince, in_order, in_words, patient_name
from billing.reports.links import to_account, to_payment
from billing.reports.narrowing import of_provider
from billing.reports.rows import Rows, SqlRows, Totals


class NegativeCreditForm(AsOfReportForm):
    cause = choice_field("Cause", "causes", NegativeCause.choices)
    provider = provider_field()


class NegativeCredit(Report):
    """One row for each patient's receipt that was undone and still paid lines at the end of a day.

    What undid it says why and since when, so every past day knows its causes.
    """

    slug = "negative-credit"
    title = "Negative credit"
    about = "Reversed and deleted payments that still paid lines as of any day, and why."
    noun = "payment"
    form = NegativeCreditForm
    columns = (
        text("cause", "Cause"),
        day("since", "Since"),
        Column("days", "Days", Holds.NUMBER),
        text("patient", "Patient"),
        code("chart", "Chart", link=to_account("chart")),
        text("provider", "Provider"),
        code("receipt", "Receipt", link=to_payment("receipt")),
        day("date", "Received on", fold=True),
        money("received", "Received"),
        money("on_lines", "Still on lines"),
        money("negative_credit", "Negative credit", flag=lambda row: True),
        hidden("row"),
    )
    order = ("cause", "since", "row")
    group = "cause"
    empty = ("No negative credit", "No receipt that was undone still paid a line.")

    @property
    def nothing_found(self) -> tuple[str, str]:
        """What one provider or cause has not, another may have."""
        if self.asked.get("cause") or self.asked.get("provider"):
            return "No such negative credit", "Choose another day, or reset the filters."
        return self.empty

    def find(self) -> Rows:
        receipts: Any = of_provider(negative_credit_as_of(self.as_of), self.asked)
        if self.asked.get("cause"):
            receipts = receipts.filter(cause=self.asked["cause"])
        return SqlRows(
            self.columns,
            in_order(
                self.columns,
                receipts,
                {
                    "cause": in_words("cause", NegativeCause.choices),
                    "since": F("since"),
                    "days": DaysSince("since", self.last),
                    "patient": patient_name(),
                    "chart": F("patient__chart_number"),
                    "provider": F("provider__name"),
                    "receipt": F("number"),
                    "date": F("date"),
                    "received": F("amount"),
                    "on_lines": F("allocated_then"),
                    "negative_credit": F("unallocated_then"),
                    "row": F("pk"),
                },
            ),
        )

    def figures(self, totals: Totals) -> list[Figure]:
        return [
            Figure("Still on lines", totals["on_lines"]),
            Figure("Negative credit", totals["negative_credit"]),
        ]
