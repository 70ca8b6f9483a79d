"""Takings: what came in and went back each day, by method."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q, Sum, Value
from django.db.models.functions import Coalesce, NullIf

from billing.forms.reports import PeriodReportForm, provider_field, received_from_field
from billing.models import Kind, Method, Payment
from billing.models.payments import IS_REFUND, UNDOING
from billing.money import MoneyField
from billing.reports.base import Figure, Panel, Report
from billing.reports.columns import count, day, money, text
from billing.reports.expressions import MONEY_MOVED, NO_TEXT, NOTHING, in_order, in_words
from billing.reports.narrowing import of_provider, received_from
from billing.reports.rows import Rows, SqlRows, Totals


class TakingsForm(PeriodReportForm):
    provider = provider_field()
    received_from = received_from_field()


class Takings(Report):
    """One row for each day and method: what is counted in the drawer, and on the bank's statement.

    What undoes a receipt goes back by the method it came in, unless it says another. Transfers
    between accounts bring no money and are left out.
    """

    slug = "takings"
    title = "Takings by method"
    about = "What came in and went back, by day and method."
    form = TakingsForm
    columns = (
        day("date", "Date"),
        text("method", "Method"),
        count("payments", "Payments"),
        money("received", "Received"),
        money("reversed", "Reversed or deleted"),
        money("refunded", "Refunded"),
        money("net", "Net"),
    )
    order = ("-date", "method")
    group = "date"
    empty = ("Nothing was taken in this period", "Choose a longer one, or reset the filters.")

    def find(self) -> Rows:
        money_moved = Payment.objects.filter(MONEY_MOVED, self.in_period())
        money_moved = received_from(of_provider(money_moved, self.asked), self.asked)
        grouped: Any = (
            money_moved.annotate(
                how=Coalesce(
                    NullIf("method", NO_TEXT),
                    NullIf("original__method", NO_TEXT),
                    Value(Method.OTHER.value),
                )
            )
            .values("date", "how")
            .annotate(
                receipts=Count("pk", filter=Q(kind=Kind.RECEIPT)),
                came=_sum(Q(kind=Kind.RECEIPT)),
                undone=_sum(Q(kind__in=UNDOING) & ~Q(original__kind=Kind.REFUND)),
                paid_back=_sum(IS_REFUND),
            )
        )
        return SqlRows(
            self.columns,
            in_order(
                self.columns,
                grouped,
                {
                    "date": F("date"),
                    "method": in_words("how", Method.choices),
                    "payments": F("receipts"),
                    "received": F("came"),
                    "reversed": F("undone"),
                    "refunded": F("paid_back"),
                    "net": F("came") + F("undone") + F("paid_back"),
                },
            ),
        )

    def figures(self, totals: Totals) -> list[Figure]:
        return [
            Figure("Received", totals["received"]),
            Figure("Reversed or deleted", totals["reversed"]),
            Figure("Refunded", totals["refunded"]),
            Figure("Net", totals["net"]),
        ]

    def panels(self) -> list[Panel]:
        """The methods over the whole period, drawn."""
        methods = [str(label) for _value, label in Method.choices]
        sums = self.rows.groups("method", methods)
        found = [(name, sums[name]) for name in methods if name in sums]
        if not found:
            return []
        parts = ("net", "received", "reversed", "refunded")
        return [
            Panel(
                "By method",
                ("Method", "Net", "Received", "Reversed or deleted", "Refunded"),
                [(name, [each[part] for part in parts]) for name, each in found],
                total=("All methods", [self.totals[part] for part in parts]),
                drawn=True,
            )
        ]


def _sum(which: Q) -> Coalesce:
    return Coalesce(Sum("amount", filter=which), NOTHING, output_field=MoneyField())
