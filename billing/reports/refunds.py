"""Refunds: money that was really paid back, and refunds that were undone."""

from __future__ import annotations

from django.db.models import F

from billing.forms.reports import (
    PeriodReportForm,
    method_field,
    payer_field,
    provider_field,
    user_field,
)
from billing.models import Method, Payment
from billing.models.payments import IS_REFUND
from billing.reports.base import Figure, Report
from billing.reports.columns import code, day, hidden, money, text
from billing.reports.expressions import (
    NOTHING,
    in_order,
    in_words,
    payer_or_patient,
    text_of,
    user_name,
)
from billing.reports.links import to_account, to_payment
from billing.reports.narrowing import narrowed
from billing.reports.rows import Rows, SqlRows, Totals

# Each filter, and whose field answers to it.
ASKED = {"method": "method", "provider": "provider", "payer": "payer", "user": "created_by"}


class RefundsForm(PeriodReportForm):
    method = method_field()
    provider = provider_field()
    payer = payer_field()
    user = user_field()


class Refunds(Report):
    """One row for each refund, above zero, and one for each that was undone, below zero.

    Each stands on its own accounting date: a refund of November that was undone in December is
    still a refund of November.
    """

    slug = "refunds"
    title = "Refunds"
    about = "Money that was paid back: to whom, out of which receipt, how and why."
    noun = "refund"
    form = RefundsForm
    columns = (
        day("date", "Date"),
        text("to", "To", link=to_account("chart")),
        code("receipt", "Receipt", link=to_payment("receipt")),
        text("method", "Method"),
        text("reference", "Reference", fold=True),
        text("reason", "Reason", fold=True),
        text("provider", "Provider", fold=True),
        code("chart", "Chart", extra=True),
        text("entered_by", "Entered by"),
        money("amount", "Amount"),
        hidden("row"),
    )
    order = ("-date", "-row")
    group = "date"
    empty = ("No refunds in this period", "Choose a longer one, or reset the filters.")

    def find(self) -> Rows:
        rows = narrowed(Payment.objects.filter(IS_REFUND, self.in_period()), self.asked, **ASKED)
        told = {
            "date": F("date"),
            "to": payer_or_patient(),
            "receipt": text_of("source__number"),
            "method": in_words("method", Method.choices),
            "reference": F("reference"),
            "reason": F("reason"),
            "provider": text_of("provider__name"),
            "chart": text_of("patient__chart_number"),
            "entered_by": user_name(),
            "amount": NOTHING - F("amount"),  # paying out is below zero in the books
            "row": F("pk"),
        }
        return SqlRows(self.columns, in_order(self.columns, rows, told))

    def figures(self, totals: Totals) -> list[Figure]:
        return [Figure("Paid back", totals["amount"])]
