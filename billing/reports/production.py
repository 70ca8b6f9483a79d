"""Production and collection: what each provider did in a period, and what came in for it."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, Q, QuerySet, When

from billing.forms.reports import PeriodReportForm, provider_field
from billing.models import Adjustment, Allocation, InvoiceLine
from billing.money import MoneyField
from billing.reports.base import Check, Figure, Panel, Report
from billing.reports.columns import money, text
from billing.reports.expressions import NOTHING, in_order
from billing.reports.narrowing import of_provider
from billing.reports.rows import Rows, SqlRows, Totals, difference


class ProductionForm(PeriodReportForm):
    provider = provider_field()


class Production(Report):
    """One row for each provider.

    Collection follows the provider of the line that is paid, whoever the money was taken for; what
    is un-paid counts in the period it happens, so a past month keeps its figures.
    """

    slug = "production"
    title = "Production and collection"
    about = "What each provider charged, and what was collected for it."
    noun = "provider"
    form = ProductionForm
    columns = (
        text("provider", "Provider"),
        money("charges", "Charges"),
        money("adjustments", "Adjustments"),
        money("net_production", "Net production"),
        money("from_patients", "From patients"),
        money("from_insurers", "From insurers"),
        money("unpaid", "Of that un-paid"),
        money("collected", "Collected"),
    )
    order = ("provider",)
    empty = ("Nothing was done in this period", "Choose a longer one, or reset the filters.")

    def find(self) -> Rows:
        parts = (self._charged(), self._adjusted(), self._collected())
        return SqlRows(self.columns, parts[0].union(*parts[1:], all=True), added_up=True)

    def figures(self, totals: Totals) -> list[Figure]:
        return [
            Figure("Charges", totals["charges"]),
            Figure("Adjustments", totals["adjustments"]),
            Figure("Net production", totals["net_production"]),
            Figure("Collected", totals["collected"]),
        ]

    def check(self, totals: Totals) -> Check:
        return Check(
            "From patients + from insurers = collected",
            difference(totals["collected"], totals["from_patients"], totals["from_insurers"]),
        )

    def panels(self) -> list[Panel]:
        """Who collected how much, drawn."""
        place = {column.name: at for at, column in enumerate(self.columns)}
        rows = [
            (row[place["provider"]], [row[place["collected"]]])
            for row in self.rows.page([("collected", True)], 0, 12)
        ]
        return [Panel("Collected", ("Provider", "Collected"), rows, drawn=True)] if rows else []

    def _charged(self) -> QuerySet[Any, Any]:
        lines = InvoiceLine.objects.issued().filter(self.in_period("issued_on"))
        return in_order(
            self.columns,
            of_provider(lines, self.asked),
            {
                "provider": F("provider__name"),
                "charges": F("amount"),
                "net_production": F("amount"),
            },
        )

    def _adjusted(self) -> QuerySet[Any, Any]:
        """What was written off is taken from production: below zero."""
        less = NOTHING - F("amount")
        return in_order(
            self.columns,
            of_provider(Adjustment.objects.filter(self.in_period()), self.asked, "line__provider"),
            {"provider": F("line__provider__name"), "adjustments": less, "net_production": less},
        )

    def _collected(self) -> QuerySet[Any, Any]:
        paid = Allocation.objects.filter(self.in_period())
        return in_order(
            self.columns,
            of_provider(paid, self.asked, "line__provider"),
            {
                "provider": F("line__provider__name"),
                "from_patients": _where(Q(payment__payer__isnull=True)),
                "from_insurers": _where(Q(payment__payer__isnull=False)),
                "unpaid": _where(Q(amount__lt=0)),
                "collected": F("amount"),
            },
        )


def _where(which: Q) -> Case:
    return Case(When(which, then=F("amount")), default=NOTHING, output_field=MoneyField())
