"""Aged balances: what is owed as of a day, by how long it has been owed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, CharField, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from billing.balances import AGEING, Dates, age_bands, lines_as_of, receipts_as_of
from billing.forms.reports import AsOfReportForm, basis_field, payer_field, provider_field
from billing.reports.base import Check, Figure, Panel, Report
from billing.reports.columns import Column, Row, code, hidden, money, text
from billing.reports.expressions import NOTHING, in_order, patient_name, payer_or_patient, text_of
from billing.reports.narrowing import of_provider
from billing.reports.rows import Rows, SqlRows, Totals, difference
from patients.models import Payer

PATIENT, PROVIDER, PAYER = "patient", "provider", "payer"
HEADINGS = {PATIENT: "Patient", PROVIDER: "Provider", PAYER: "Payer"}
NOBODY = 0  # the id of a row that is about no patient, provider or payer of its own
PATIENTS = "Patients"  # who owes what no insurer has still to answer
NO_PROVIDER = "Insurers' payments"  # they are taken for no provider


class AgedBalancesForm(AsOfReportForm):
    group = basis_field(
        "One row for",
        [(PATIENT, "Each patient"), (PROVIDER, "Each provider"), (PAYER, "Each payer")],
    )
    dates = basis_field("Age from", Dates.choices)
    provider = provider_field()
    payer = payer_field()


class AgedBalances(Report):
    """What lines owed then in the bands of their age, and beside it what was on no line.

    Unallocated money stands in a column of its own and makes nobody's balance younger: it belongs
    to the account it was taken for, an insurer's to the insurer. Whatever the rows are, their sums
    are the same.
    """

    slug = "aged-balances"
    title = "Aged balances"
    about = "What patients and insurers owe, by age, as of any day."
    noun = "balance"
    form = AgedBalancesForm
    columns = (
        text("name", "Name"),
        code("chart", "Chart", fold=True),
        *(money(key, label) for key, label, _youngest, _oldest in AGEING),
        money("gross", "Gross"),
        money("unallocated", "Unallocated"),
        money("net", "Net"),
        hidden("row"),
    )
    order = ("name", "chart", "row")
    empty = ("Nobody owed anything", "Choose another day, or reset the filters.")

    def find(self) -> Rows:
        return SqlRows(self.columns, self._owed().union(self._free(), all=True), added_up=True)

    def figures(self, totals: Totals) -> list[Figure]:
        return [
            Figure("Gross", totals["gross"]),
            Figure("Unallocated", totals["unallocated"]),
            Figure("Net", totals["net"]),
        ]

    def check(self, totals: Totals) -> Check:
        bands = [totals[key] for key, *_band in AGEING]
        return Check("Bands = gross, less unallocated = net", difference(totals["gross"], *bands))

    def panels(self) -> list[Panel]:
        """The bands, drawn."""
        if not self.totals["gross"]:
            return []
        return [
            Panel(
                "By age",
                ("Days", "Owed"),
                [(label, [self.totals[key]]) for key, label, *_days in AGEING],
                total=("Gross", [self.totals["gross"]]),
                drawn=True,
            )
        ]

    # ------------------------------------------------------------------ whose balances

    @property
    def _group(self) -> str:
        return self.asked["group"] or PATIENT

    @property
    def on_screen(self) -> list[Column]:
        """The names called what they are, and leading on; only patients have chart numbers."""
        return [
            replace(column, label=HEADINGS[self._group], link=self._leads_to)
            if column.name == "name"
            else column
            for column in super().on_screen
            if column.name != "chart" or self._group == PATIENT
        ]

    def _leads_to(self, row: Row) -> str | None:
        """From a patient to the account, from a provider or payer to the patients behind the sum."""
        if row["chart"]:
            return reverse("billing:patient_account", args=[row["chart"]])
        if self._group == PATIENT or row["row"] == NOBODY:
            return None
        narrowed = {name: self.asked[name].pk for name in (PROVIDER, PAYER) if self.asked[name]}
        query = {
            "as_of": self.last.isoformat(),
            "by": self.asked["by"],
            "dates": self.asked["dates"] or Dates.SERVICE.value,
            **narrowed,
            self._group: row["row"],
        }
        return f"{reverse('billing:report_detail', args=[self.slug])}?{urlencode(query)}"

    # ------------------------------------------------------------------ the two kinds of rows

    def _owed(self) -> QuerySet[Any, Any]:
        lines = of_provider(lines_as_of(self.as_of), self.asked)
        if self.asked.get("payer"):
            lines = lines.filter(owner_then=self.asked["payer"].pk)
        bands = age_bands(self.as_of, self.asked["dates"] or Dates.SERVICE)
        owner = Payer.objects.filter(pk=OuterRef("owner_then")).values("name")
        named: dict[str, dict[str, Any]] = {
            PATIENT: {
                "name": patient_name(),
                "chart": F("patient__chart_number"),
                "row": F("patient"),
            },
            PROVIDER: {"name": F("provider__name"), "row": F("provider")},
            PAYER: {
                "name": Case(
                    When(owner_then__isnull=True, then=Value(PATIENTS)),
                    default=Subquery(owner),
                    output_field=CharField(),
                ),
                "row": Coalesce(F("owner_then"), Value(NOBODY)),
            },
        }
        owed = F("balance_then")
        told = named[self._group]
        return in_order(self.columns, lines, {**told, **bands, "gross": owed, "net": owed})

    def _free(self) -> QuerySet[Any, Any]:
        receipts = of_provider(receipts_as_of(self.as_of), self.asked)
        if self.asked.get("payer"):
            receipts = receipts.filter(payer=self.asked["payer"])
        of_a_payer = {"payer__isnull": False}
        named: dict[str, dict[str, Any]] = {
            PATIENT: {
                "name": payer_or_patient(),
                "chart": text_of("patient__chart_number"),
                "row": Coalesce(F("patient"), Value(NOBODY)),
            },
            PROVIDER: {
                "name": _either(of_a_payer, Value(NO_PROVIDER), F("provider__name")),
                "row": Coalesce(F("provider"), Value(NOBODY)),
            },
            PAYER: {
                "name": _either(of_a_payer, F("payer__name"), Value(PATIENTS)),
                "row": Coalesce(F("payer"), Value(NOBODY)),
            },
        }
        free = F("unallocated_then")
        told = named[self._group]
        return in_order(
            self.columns, receipts, {**told, "unallocated": free, "net": NOTHING - free}
        )


def _either(when: dict[str, Any], then: Any, other: Any) -> Case:
    return Case(When(**when, then=then), default=other, output_field=CharField())
