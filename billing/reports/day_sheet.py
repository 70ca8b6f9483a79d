"""Day sheet: every row of the books, as it was entered, and the proof that nothing is missing."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, F, QuerySet, Value, When
from django.db.models.functions import Coalesce, Concat

from billing import balances
from billing.balances import MOVEMENTS
from billing.forms.period import REPORT_PERIODS, TODAY
from billing.forms.reports import PeriodReportForm, choice_field, provider_field, user_field
from billing.models import (
    Adjustment,
    AdjustmentKind,
    Allocation,
    InvoiceLine,
    Kind,
    Offset,
    Payment,
)
from billing.reports.base import Check, Figure, Panel, Report
from billing.reports.columns import code, day, hidden, moment, money, text
from billing.reports.expressions import (
    in_order,
    in_words,
    patient_name,
    payer_or_patient,
    text_of,
    user_name,
)
from billing.reports.links import to_document
from billing.reports.narrowing import by_user, of_provider
from billing.reports.rows import Rows, SqlRows, Totals

CHARGES, PAYMENTS, LINKS, ADJUSTMENTS, OFFSETS = (
    "charges",
    "payments",
    "allocations",
    "adjustments",
    "offsets",
)
WHAT = [
    (CHARGES, "Charges"),
    (PAYMENTS, "Payments"),
    (LINKS, "Allocations"),
    (ADJUSTMENTS, "Adjustments"),
    (OFFSETS, "Offsets"),
]


class DaySheetForm(PeriodReportForm):
    offered = (TODAY, *REPORT_PERIODS)
    usual = TODAY

    what = choice_field("What", "entries", WHAT)
    provider = provider_field()
    user = user_field()


class DaySheet(Report):
    """The day as it was entered: charges, money, what money was put on, and what came off lines.

    An un-payment is an allocation below zero, a write-off taken back an adjustment below zero.
    The proof above leads from the net receivable before the period to the one at its end; it is
    the whole clinic's, so it stands there while nothing narrows the sheet.
    """

    slug = "day-sheet"
    title = "Day sheet"
    about = "Every entry of a day, with the proof that opening and entries lead to closing."
    noun, nouns = "entry", "entries"
    form = DaySheetForm
    columns = (
        day("date", "Date"),
        moment("entered_at", "Entered", fold=True),
        text("what", "What"),
        code("document", "Document", link=to_document("document")),
        text("name", "Patient or payer"),
        code("chart", "Chart", extra=True),
        text("provider", "Provider", fold=True),
        text("entered_by", "By", fold=True),
        money("charge", "Charge"),
        money("payment", "Payment"),
        money("adjustment", "Adjustment"),
        money("offset", "Offset", extra=True),
        money("allocated", "Allocated"),
        hidden("place"),
        hidden("row"),
    )
    order = ("-date", "-entered_at", "place", "row")
    group = "date"
    empty = ("Nothing was entered", "Choose another day, or reset the filters.")

    def find(self) -> Rows:
        parts = {
            CHARGES: self._charges,
            PAYMENTS: self._payments,
            ADJUSTMENTS: self._adjustments,
            OFFSETS: self._offsets,
            LINKS: self._allocations,
        }
        wanted = self.asked.get("what")
        first, *others = (part() for what, part in parts.items() if wanted in ("", None, what))
        return SqlRows(self.columns, first.union(*others, all=True) if others else first)

    def figures(self, totals: Totals) -> list[Figure]:
        return [
            Figure("Charges", totals["charge"]),
            Figure("Payments", totals["payment"]),
            Figure("Adjustments", totals["adjustment"]),
            *([Figure("Offsets", totals["offset"])] if totals["offset"] else []),
            Figure("Allocated", totals["allocated"]),
        ]

    def panels(self) -> list[Panel]:
        """The roll-forward proof (FIELD 2.10)."""
        if any(self.asked.get(name) for name in ("what", "provider", "user")):
            return []
        proof = balances.roll_forward(self.first, self.last)
        moved = [(MOVEMENTS[key], [amount]) for key, amount in proof.movements.items() if amount]
        since = f"{self.first:%d %b %Y}" if self.first else "the first day"
        return [
            Panel(
                "Proof",
                ("Net receivable", "Amount"),
                [
                    (f"Before {since}", [proof.opening]),
                    *moved,
                    ("Comes to", [proof.expected]),
                    (f"At the end of {self.last:%d %b %Y}", [proof.closing]),
                ],
                total=("Difference", [proof.difference]),
                check=Check("Opening and entries lead to closing", proof.difference),
            )
        ]

    # ------------------------------------------------------------------ the kinds of rows

    def _charges(self) -> QuerySet[Any, Any]:
        lines = of_provider(
            InvoiceLine.objects.issued().filter(self.in_period("issued_on")), self.asked
        )
        lines = by_user(lines, self.asked, "invoice__created_by")
        return in_order(
            self.columns,
            lines,
            {
                "date": F("issued_on"),
                "entered_at": F("invoice__issued_at"),
                "what": Concat(Value("Charge "), F("code")),
                "document": F("invoice__number"),
                "name": patient_name(),
                "chart": F("patient__chart_number"),
                "provider": F("provider__name"),
                "entered_by": user_name("invoice__created_by"),
                "charge": F("amount"),
                "place": Value(0),
                "row": F("pk"),
            },
        )

    def _payments(self) -> QuerySet[Any, Any]:
        rows = by_user(
            of_provider(Payment.objects.filter(self.in_period()), self.asked), self.asked
        )
        return in_order(
            self.columns,
            rows,
            {
                **_ENTERED,
                "what": in_words("kind", Kind.choices),
                "document": Coalesce("number", "source__number", "original__number"),
                "name": payer_or_patient(),
                "chart": text_of("patient__chart_number"),
                "provider": text_of("provider__name"),
                "payment": F("amount"),
                "place": Value(1),
            },
        )

    def _adjustments(self) -> QuerySet[Any, Any]:
        rows = of_provider(
            Adjustment.objects.filter(self.in_period()), self.asked, "line__provider"
        )
        return self._on_lines(
            by_user(rows, self.asked),
            {
                "what": in_words("kind", AdjustmentKind.choices),
                "adjustment": F("amount"),
                "place": Value(2),
            },
        )

    def _offsets(self) -> QuerySet[Any, Any]:
        rows = Offset.objects.filter(self.in_period())
        if self.asked.get("provider"):
            rows = rows.none()  # an insurer's payment is taken for no provider
        return in_order(
            self.columns,
            by_user(rows, self.asked),
            {
                **_ENTERED,
                "what": Concat(Value("Offset "), F("code")),
                "document": F("payment__number"),
                "name": F("payment__payer__name"),
                "offset": F("amount"),
                "place": Value(3),
            },
        )

    def _allocations(self) -> QuerySet[Any, Any]:
        rows = of_provider(
            Allocation.objects.filter(self.in_period()), self.asked, "line__provider"
        )
        unpaid = When(amount__lt=0, then=Value("Un-payment "))
        return self._on_lines(
            by_user(rows, self.asked),
            {
                "what": Concat(
                    Case(unpaid, default=Value("Allocation "), output_field=CharField()),
                    F("line__invoice__number"),
                ),
                "document": F("payment__number"),
                "allocated": F("amount"),
                "place": Value(4),
            },
        )

    def _on_lines(self, rows: Any, values: dict[str, Any]) -> QuerySet[Any, Any]:
        return in_order(
            self.columns,
            rows,
            {
                **_ENTERED,
                "document": F("line__invoice__number"),
                "name": patient_name("line__patient"),
                "chart": F("line__patient__chart_number"),
                "provider": F("line__provider__name"),
                **values,
            },
        )


_ENTERED = {
    "date": F("date"),
    "entered_at": F("created_at"),
    "entered_by": user_name(),
    "row": F("pk"),
}
