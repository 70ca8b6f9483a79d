"""Adjustments: what came off lines, or went back on them, without money moving."""

from __future__ import annotations

from django.db.models import F

from billing.forms.reports import (
    PeriodReportForm,
    basis_field,
    choice_field,
    payer_field,
    provider_field,
    user_field,
)
from billing.models import Adjustment, AdjustmentKind
from billing.reports.base import Figure, Panel, Report
from billing.reports.columns import code, day, hidden, money, text
from billing.reports.expressions import in_order, in_words, patient_name, text_of, user_name
from billing.reports.links import to_account, to_invoice, to_payment
from billing.reports.narrowing import narrowed
from billing.reports.rows import Order, Rows, SqlRows, Totals

# Each filter, and whose field answers to it.
ASKED = {
    "kind": "kind",
    "provider": "line__provider",
    "payer": "payment__payer",
    "user": "created_by",
}


# What the rows can be added up by: a column, and what the choice is called.
GROUPS = [
    ("date", "Day"),
    ("kind", "Kind"),
    ("reason", "Reason"),
    ("carc", "CARC"),
    ("payer", "Payer"),
    ("entered_by", "User"),
]


class AdjustmentsForm(PeriodReportForm):
    group = basis_field("Sums by", GROUPS)
    kind = choice_field("Kind", "kinds", AdjustmentKind.choices)
    provider = provider_field()
    payer = payer_field()
    user = user_field()


class Adjustments(Report):
    """One row for each adjustment, on its own accounting date.

    What was taken back is a row of its own day, with the opposite amount; what is left of a line
    that is voided comes off as a correction. So a past period says what it always said.
    """

    slug = "adjustments"
    title = "Adjustments"
    about = "What was written off lines or put back on them: of which kind, why and by whom."
    noun = "adjustment"
    form = AdjustmentsForm
    columns = (
        day("date", "Date"),
        text("kind", "Kind"),
        text("reason", "Reason", fold=True),
        code("carc", "CARC", fold=True),
        code("invoice", "Invoice", link=to_invoice("invoice")),
        text("patient", "Patient", link=to_account("chart")),
        code("chart", "Chart", extra=True),
        text("provider", "Provider", fold=True),
        text("payer", "Payer"),
        code("payment", "Payment", link=to_payment("payment")),
        text("entered_by", "Entered by", fold=True),
        money("amount", "Amount"),
        hidden("row"),
    )
    order = ("-date", "-row")
    group = "date"
    empty = ("No adjustments in this period", "Choose a longer one, or reset the filters.")

    @property
    def grouped_by(self) -> str:
        return self.asked.get("group") or self.group

    @property
    def natural_order(self) -> Order:
        newest_first = [("date", True), ("row", True)]
        return (
            newest_first if self.grouped_by == "date" else [(self.grouped_by, False), *newest_first]
        )

    def find(self) -> Rows:
        rows = narrowed(Adjustment.objects.filter(self.in_period()), self.asked, **ASKED)
        told = {
            "date": F("date"),
            "kind": in_words("kind", AdjustmentKind.choices),
            "reason": F("reason"),
            "carc": F("carc"),
            "invoice": F("line__invoice__number"),
            "patient": patient_name("line__patient"),
            "chart": F("line__patient__chart_number"),
            "provider": F("line__provider__name"),
            "payer": text_of("payment__payer__name"),
            "payment": text_of("payment__number"),
            "entered_by": user_name(),
            "amount": F("amount"),
            "row": F("pk"),
        }
        return SqlRows(self.columns, in_order(self.columns, rows, told))

    def figures(self, totals: Totals) -> list[Figure]:
        return [Figure("Adjustments", totals["amount"])]

    def panels(self) -> list[Panel]:
        """What each kind comes to, in the order the kinds are chosen from."""
        sums = self.rows.groups("kind", [str(label) for label in AdjustmentKind.labels])
        kinds = [
            (str(label), [sums[label]["amount"]])
            for label in AdjustmentKind.labels
            if label in sums
        ]
        if not kinds:
            return []
        total = ("All kinds", [self.totals["amount"]])
        return [Panel("By kind", ("Kind", "Amount"), kinds, total=total, drawn=True)]
