"""Charges: the lines that were issued in a period, or whose services were given in it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import F

from billing.forms.reports import PeriodReportForm, basis_field, provider_field, user_field
from billing.models import InvoiceLine
from billing.reports.base import Figure, Report
from billing.reports.columns import code, count, day, hidden, money, text
from billing.reports.expressions import in_order, patient_name, user_name
from billing.reports.links import to_account, to_invoice
from billing.reports.narrowing import by_user, of_provider
from billing.reports.rows import Order, Rows, SqlRows, Totals

BILLED, SERVED = "billed", "service"
# Which day of a line counts: the column of the report, and the model's field.
DAYS = {BILLED: ("date", "issued_on"), SERVED: ("service_date", "service_date")}


class ChargesForm(PeriodReportForm):
    dates = basis_field("Dates", [(BILLED, "Billing date"), (SERVED, "Service date")])
    provider = provider_field()
    user = user_field()
    code = forms.CharField(
        label="Code",
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "All codes", "autocomplete": "off"}),
        error_messages={"max_length": "A code has at most 20 characters."},
    )


class Charges(Report):
    """One row for each issued line, voided or not.

    By billing date the amounts are the income of the journal: a line that is voided stays a charge
    of the day it was issued, and comes off by a correction on the day it was voided (adjustments).
    """

    slug = "charges"
    title = "Charges"
    about = "Each line that was billed: what for, for whom, by whom, how much."
    noun = "charge"
    form = ChargesForm
    columns = (
        day("date", "Billing date"),
        day("service_date", "Service date"),
        code("invoice", "Invoice", link=to_invoice("invoice")),
        code("code", "Code"),
        text("description", "Description"),
        text("modifiers", "Modifiers", fold=True),
        count("units", "Units"),
        text("patient", "Patient", link=to_account("chart")),
        code("chart", "Chart", extra=True),
        text("provider", "Provider", fold=True),
        text("entered_by", "Entered by", extra=True),
        money("amount", "Amount"),
        hidden("row"),
    )
    order = ("-date", "-row")
    group = "date"
    empty = ("No charges in this period", "Choose a longer one, or reset the filters.")

    @property
    def grouped_by(self) -> str:
        return self._day[0]

    @property
    def natural_order(self) -> Order:
        return [(self.grouped_by, True), ("row", True)]

    @property
    def _day(self) -> tuple[str, str]:
        return DAYS[self.asked.get("dates") or BILLED]

    def find(self) -> Rows:
        lines = InvoiceLine.objects.issued().filter(self.in_period(self._day[1]))
        lines = of_provider(lines, self.asked)
        lines = by_user(lines, self.asked, "invoice__created_by")
        if self.asked.get("code"):
            lines = lines.filter(code__iexact=self.asked["code"])
        told: dict[str, Any] = {
            "date": F("issued_on"),
            "service_date": F("service_date"),
            "invoice": F("invoice__number"),
            "code": F("code"),
            "description": F("description"),
            "modifiers": F("modifiers"),
            "units": F("units"),
            "patient": patient_name(),
            "chart": F("patient__chart_number"),
            "provider": F("provider__name"),
            "entered_by": user_name("invoice__created_by"),
            "amount": F("amount"),
            "row": F("pk"),
        }
        return SqlRows(self.columns, in_order(self.columns, lines, told))

    def figures(self, totals: Totals) -> list[Figure]:
        return [Figure("Charges", totals["amount"])]
