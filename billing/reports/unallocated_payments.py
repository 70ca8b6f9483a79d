"""Unallocated payments: receipts with money on no line, as of any day."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db.models import Case, CharField, F, Q, Sum, TextChoices, Value, When
from django.db.models.functions import Coalesce

from billing.balances import (
    AgeBand,
    Cause,
    age_band,
    receipts_as_of,
    standing_from_rows,
    unallocated_money,
)
from billing.forms.reports import (
    AsOfReportForm,
    basis_field,
    payer_field,
    provider_field,
    received_from_field,
)
from billing.models import Kind, Method
from billing.models.payments import PaymentQuerySet
from billing.money import ZERO
from billing.reports.base import Check, Figure, Panel, Report
from billing.reports.columns import Column, Holds, code, day, hidden, money, text
from billing.reports.expressions import (
    NO_TEXT,
    DaysSince,
    in_order,
    in_words,
    payer_or_patient,
    text_of,
)
from billing.reports.links import to_payment
from billing.reports.narrowing import of_provider, received_from
from billing.reports.rows import Order, Rows, SqlRows, Totals


class Group(TextChoices):
    """What the receipts are put together by."""

    AGE = "age", "Age"
    HOLDER = "holder", "Provider or payer"


class UnallocatedPaymentsForm(AsOfReportForm):
    group = basis_field("Sums by", Group.choices)
    received_from = received_from_field()
    provider = provider_field()
    payer = payer_field()


class UnallocatedPayments(Report):
    """One row for each receipt, or credit moved in, with money on no line at the end of a day.

    Insurers' over-allocated receipts are among them, below zero. What patients' undone receipts
    still pay is negative credit, a report of its own; both together are the unallocated credit
    of the books. A cause follows from how things stand now, so only today's has one.
    """

    slug = "unallocated-payments"
    title = "Unallocated payments"
    about = "Receipts with money on no line as of any day: since when, whose, and why."
    noun = "payment"
    form = UnallocatedPaymentsForm
    columns = (
        day("date", "Date"),
        code("receipt", "Receipt", link=to_payment("receipt")),
        text("received_from", "From"),
        code("chart", "Chart", extra=True),
        text("holder", "Provider or payer"),
        text("method", "Method", fold=True),
        text("reference", "Reference", extra=True),
        text("cause", "Cause", fold=True),
        text("age_band", "Age"),
        Column("days", "Days", Holds.NUMBER),
        money("received", "Received"),
        money("unallocated", "Unallocated", flag=lambda row: True),
        hidden("row"),
    )
    order = ("age_band", "date", "row")
    group = "age_band"
    empty = ("Nothing was unallocated", "Every receipt of that day was on lines to the cent.")

    def find(self) -> Rows:
        found = self._receipts.exclude(NEGATIVE_CREDIT)
        if self.as_of.is_now:
            found = self._asked_for(unallocated_money(day=self.last)).annotate(
                unallocated_then=F("unallocated")
            )
        why = in_words("cause", Cause.choices) if self.as_of.is_now else NO_TEXT
        since = self.last
        return SqlRows(
            self.columns,
            in_order(
                self.columns,
                found.annotate(band=age_band(since, "date")),
                {
                    "age_band": in_words("band", AgeBand.choices),
                    "holder": Coalesce(F("provider__name"), F("payer__name")),
                    "date": F("date"),
                    "receipt": F("number"),
                    "received_from": payer_or_patient(),
                    "chart": text_of("patient__chart_number"),
                    "method": _method(),
                    "reference": F("reference"),
                    "cause": why,
                    "days": DaysSince("date", since),
                    "received": F("amount"),
                    "unallocated": F("unallocated_then"),
                    "row": F("pk"),
                },
            ),
        )

    def figures(self, totals: Totals) -> list[Figure]:
        figures = [Figure("Unallocated payments", totals["unallocated"])]
        if self._negative:
            figures.append(Figure("Negative credit", self._negative))
        return [*figures, Figure("Unallocated credit", totals["unallocated"] + self._negative)]

    def check(self, totals: Totals) -> Check | None:
        """Against all that was ever received, allocated and kept, added up from the first row."""
        if self._narrowed:
            return None
        together = totals["unallocated"] + self._negative
        return Check(
            "Unallocated credit = ledger", together - standing_from_rows(self.as_of).unallocated
        )

    def panels(self) -> list[Panel]:
        """How old the money was, drawn; every band, so that two days can be laid side by side."""
        if not self.totals.count:
            return []
        bands = [str(label) for label in AgeBand.labels]
        found = self.rows.groups("age_band", bands)
        sums = [found[band]["unallocated"] if band in found else ZERO for band in bands]
        return [
            Panel(
                "By age",
                ("Age", "Unallocated"),
                [(band, (amount,)) for band, amount in zip(bands, sums, strict=True)],
                total=("Total", (sum(sums, ZERO),)),
                drawn=True,
            )
        ]

    # ------------------------------------------------------------------ what it was asked for

    @property
    def _narrowed(self) -> bool:
        return any(self.asked.get(name) for name in ("received_from", "provider", "payer"))

    @property
    def nothing_found(self) -> tuple[str, str]:
        """What of part of the receipts is not there may be there of the others."""
        if self._narrowed:
            return "Nothing of these was unallocated", "Choose another day, or reset the filters."
        return self.empty

    @property
    def grouped_by(self) -> str:
        return "holder" if self.asked.get("group") == Group.HOLDER else self.group

    @property
    def natural_order(self) -> Order:
        return [(self.grouped_by, False), ("date", False), ("row", False)]

    @property
    def on_screen(self) -> list[Column]:
        """A day that is over knows no causes any more; the column is empty where it is asked for."""
        shown = super().on_screen
        if self.as_of.is_now or self.asked.get("columns"):
            return shown
        return [column for column in shown if column.name != "cause"]

    # ------------------------------------------------------------------ the rows

    def _asked_for(self, receipts: Any) -> Any:
        receipts = received_from(of_provider(receipts, self.asked), self.asked)
        if self.asked.get("payer"):
            receipts = receipts.filter(payer=self.asked["payer"])
        return receipts

    @property
    def _receipts(self) -> PaymentQuerySet:
        """Every receipt with unallocated money on either side of zero then."""
        found: PaymentQuerySet = self._asked_for(receipts_as_of(self.as_of))
        return found

    @cached_property
    def _negative(self) -> Any:
        """What patients' undone receipts still paid."""
        found = self._receipts.filter(NEGATIVE_CREDIT).order_by()
        return found.aggregate(sum=Sum("unallocated_then"))["sum"] or ZERO


NEGATIVE_CREDIT = Q(patient__isnull=False, unallocated_then__lt=0)


def _method() -> Case:
    """How it was paid; credit that was moved here was not paid at all."""
    return Case(
        When(kind=Kind.TRANSFER_IN, then=Value(str(Kind.TRANSFER_IN.label))),
        default=in_words("method", Method.choices),
        output_field=CharField(),
    )
