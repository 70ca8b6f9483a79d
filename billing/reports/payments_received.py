"""Payments received: what came in during a period, what was paid back, and where it went."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, When

from billing.forms.reports import (
    PeriodReportForm,
    method_field,
    provider_field,
    received_from_field,
    user_field,
)
from billing.models import Allocation, Kind, Method, Offset, Payment
from billing.reports.base import Check, Figure, Report
from billing.reports.columns import code, day, hidden, moment, money, text
from billing.reports.expressions import (
    MONEY_MOVED,
    NOTHING,
    in_order,
    in_words,
    payer_or_patient,
    summed,
    text_of,
    user_name,
)
from billing.reports.links import to_payment
from billing.reports.narrowing import narrowed, received_from
from billing.reports.rows import Rows, SqlRows, Totals, difference


class PaymentsReceivedForm(PeriodReportForm):
    provider = provider_field()
    method = method_field()
    received_from = received_from_field()
    user = user_field()


class PaymentsReceived(Report):
    """One row for each receipt of the period, as it stood on the period's last day.

    A receipt of an earlier period that was reversed or paid back in this one has a row too, on the
    day that happened: nothing received, and what changed. The earlier period keeps what it said.
    So has credit that came by a transfer and was paid back: its receipt says only where it went.
    """

    slug = "payments-received"
    title = "Payments received"
    about = "Each receipt, what of it was paid back, and what of it is on lines."
    noun = "payment"
    form = PaymentsReceivedForm
    columns = (
        day("date", "Date"),
        code("receipt", "Receipt", link=to_payment("receipt")),
        text("received_from", "From"),
        text("method", "Method", fold=True),
        text("provider", "Provider", fold=True),
        text("reference", "Reference", extra=True),
        code("chart", "Chart", extra=True),
        moment("entered_at", "Entered", extra=True),
        text("entered_by", "Entered by", extra=True),
        money("received", "Received"),
        money("reversed_or_refunded", "Reversed or refunded"),
        money("net", "Net"),
        money("transferred", "Transferred", extra=True),
        money("offset", "Offsets", extra=True),
        money("allocated", "Allocated"),
        money("unallocated", "Unallocated", flag=lambda row: bool(row["received"])),
        hidden("row"),
    )
    order = ("-date", "-row")
    group = "date"
    empty = ("No payments in this period", "Choose a longer one, or reset the filters.")

    def find(self) -> Rows:
        found = self._receipts().union(
            self._paid_back(), self._transferred_and_paid_back(), all=True
        )
        return SqlRows(self.columns, found)

    def figures(self, totals: Totals) -> list[Figure]:
        figures = [
            Figure("Received", totals["received"]),
            Figure("Reversed or refunded", totals["reversed_or_refunded"]),
            Figure("Net received", totals["net"]),
            Figure("Allocated", totals["allocated"]),
        ]
        # What most clinics seldom have takes no room where there is none.
        figures += [
            Figure(label, totals[name])
            for label, name in (("Transferred", "transferred"), ("Offsets", "offset"))
            if totals[name]
        ]
        return [*figures, Figure("Unallocated", totals["unallocated"])]

    def check(self, totals: Totals) -> Check:
        parts = ["Allocated"]
        parts += [word for word in ("transferred", "offset") if totals[word]]
        gone = (totals[each] for each in ("allocated", "transferred", "offset", "unallocated"))
        return Check(
            f"{' + '.join([*parts, 'unallocated'])} = net", difference(totals["net"], *gone)
        )

    # ------------------------------------------------------------------ the three kinds of rows

    def _receipts(self) -> QuerySet[Payment, Any]:
        """The receipts of the period, as they stood at its end."""
        receipts = Payment.objects.receipts().filter(self.in_period())
        return self._told(receipts, within=Q(date__lte=self.last), received=F("amount"))

    def _paid_back(self) -> QuerySet[Payment, Any]:
        """Earlier receipts that were reversed or paid back in the period: what changed in it."""
        if self.first is None:
            return self._told(Payment.objects.none(), within=Q(), received=NOTHING)
        earlier = Payment.objects.receipts().filter(date__lt=self.first)
        return self._changed(earlier, within=Q(date__range=(self.first, self.last)))

    def _transferred_and_paid_back(self) -> QuerySet[Payment, Any]:
        """Transfers in of which money was paid back in the period: what changed in it."""
        within = self.in_period()
        came = Case(When(within, then=F("amount")), default=NOTHING)
        transfers = Payment.objects.money_in().filter(kind=Kind.TRANSFER_IN)
        return self._changed(transfers, within=within, came=came)

    def _changed(self, receipts: Any, *, within: Q, **more: Any) -> QuerySet[Payment, Any]:
        """Those of which money was paid back on the days that count, on the last such day."""
        back = Payment.objects.filter(MONEY_MOVED, within, source__isnull=False)
        when = Subquery(back.filter(source=OuterRef("pk")).order_by("-date").values("date")[:1])
        found = receipts.filter(pk__in=back.values("source"))
        return self._told(found, within=within, received=NOTHING, date=when, **more)

    def _told(
        self, receipts: Any, *, within: Q, received: Any, date: Any = None, came: Any = NOTHING
    ) -> QuerySet[Payment, Any]:
        """The receipts with what happened to them on the days that count; `came` by a transfer."""
        drawn = Payment.objects.filter(within, source=OuterRef("pk"))
        mine = {"payment": OuterRef("pk")}
        back = summed(drawn.filter(MONEY_MOVED), "source")
        # What a transfer took and what an insurer kept are below zero where they are rows of
        # their own; of the receipt they are a part that is not on lines.
        moved = NOTHING - came - summed(drawn.exclude(MONEY_MOVED), "source")
        offset = NOTHING - summed(Offset.objects.filter(within, **mine), "payment")
        allocated = summed(Allocation.objects.filter(within, **mine), "payment")
        net = received + back
        return in_order(
            self.columns,
            self._asked_for(receipts),
            {
                "date": date or F("date"),
                "receipt": F("number"),
                "received_from": payer_or_patient(),
                "method": in_words("method", Method.choices),
                "provider": text_of("provider__name"),
                "reference": F("reference"),
                "chart": text_of("patient__chart_number"),
                "entered_at": F("created_at"),
                "entered_by": user_name(),
                "received": received,
                "reversed_or_refunded": back,
                "net": net,
                "transferred": moved,
                "offset": offset,
                "allocated": allocated,
                "unallocated": net - moved - offset - allocated,
                "row": F("pk"),
            },
        )

    def _asked_for(self, receipts: Any) -> Any:
        fields = {"provider": "provider", "method": "method", "user": "created_by"}
        return received_from(narrowed(receipts, self.asked, **fields), self.asked)
