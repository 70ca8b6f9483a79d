"""The columns of the worklists by cause: unallocated money, and negative credit."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import django_tables2 as tables
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing import waiting
from billing.models import Payment
from billing.tables.payments import FIGURE, FOLDED, NUMBER, ByWho
from billing.templatetags.money import money
from patients.tables import ActionColumn, ListTable

FOLDED_FIGURE = {"th": {"class": "n hide-t"}, "td": {"class": "n num hide-t"}}


class _WorkTable(ListTable):
    """What both share: since when, how much, why, and the one button that deals with it."""

    unallocated = tables.Column(order_by=("unallocated", "id"), attrs=FIGURE)
    why = tables.Column(
        "Why", accessor="cause", order_by=("cause", "id"), attrs={"td": {"class": "sentence"}}
    )
    act = ActionColumn("pk")

    def __init__(self, *args: Any, day: datetime.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.day = day

    def since(self, value: datetime.date) -> SafeString:
        """A day, and how many days ago that is."""
        return format_html(
            '{}<span class="sub">{}</span>', f"{value:%d %b %Y}", waiting.ago(value, self.day)
        )

    def render_unallocated(self, value: Decimal) -> SafeString:
        return money(value, flag=True)


class UnallocatedTable(ByWho, _WorkTable):
    """Receipts with unallocated money, the oldest first."""

    row_header = "received_from"
    far = 0  # why money waits is worked out for the rows of the page, not for all that are sorted

    date = tables.Column("Received", order_by=("date", "id"), attrs=NUMBER)
    received_from = tables.Column("From", empty_values=())
    number = tables.Column(linkify=True, order_by=("id",), attrs=NUMBER)
    amount = tables.Column(order_by=("amount", "id"), attrs=FOLDED_FIGURE)

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Payments with unallocated money"}
        order_by = ("date",)
        sequence = ("date", "received_from", "number", "why", "amount", "unallocated", "act")

    def render_date(self, value: datetime.date) -> SafeString:
        return self.since(value)

    def render_number(self, record: Payment) -> SafeString:
        """The number, and the insurer's own under it. The column links the whole."""
        own = record.reference if record.payer else ""
        return format_html('{}<span class="sub">{}</span>', record.number, own)

    def render_received_from(self, record: Payment) -> SafeString:
        how = waiting.how_paid(record)
        who = record.payer.name if record.payer else record.received_from
        return format_html('{}<span class="sub">{}</span>', who, how)

    def render_amount(self, value: Decimal) -> SafeString:
        return money(value)

    def render_why(self, record: Payment) -> SafeString:
        said = waiting.why_unallocated(record)
        return format_html('{}<span class="sub">{}</span>', said.cause, said.more)

    def render_act(self, record: Payment) -> SafeString:
        label, url = waiting.way_on(record, self.request.user)
        return format_html(
            '<a class="btn btn-line btn-xs" href="{}">{}'
            '<span class="visually-hidden"> {}</span></a>',
            url,
            label,
            record.number,
        )


class NegativeCreditTable(_WorkTable):
    """Undone receipts that leave negative credit behind, those that do so for longest first.

    `pays` is what `balances.still_pays` found for the rows of the page, `keys` a key for each form
    that un-pays; both come after the page is cut.
    """

    row_header = "patient"

    since_day = tables.Column("Since", accessor="since", order_by=("since", "id"), attrs=NUMBER)
    patient = tables.Column(
        "Patient", order_by=("patient__family_name", "patient__given_name", "id")
    )
    provider = tables.Column(
        "Provider", accessor="provider__name", order_by=("provider__name", "id"), attrs=FOLDED
    )
    number = tables.Column(linkify=True, order_by=("id",), attrs=NUMBER)
    unallocated = tables.Column("Unall. credit", order_by=("unallocated", "id"), attrs=FIGURE)

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Negative credit"}
        order_by = ("since_day",)
        sequence = ("since_day", "patient", "provider", "number", "why", "unallocated", "act")

    pays: dict[int, list[tuple[str, Decimal]]] = {}
    keys: dict[int, str] = {}

    def render_since_day(self, value: datetime.date) -> SafeString:
        return self.since(value)

    def render_patient(self, record: Payment) -> SafeString:
        assert record.patient  # noqa: S101  (patients' money only)
        url = reverse("billing:patient_account", args=[record.patient.chart_number])
        return format_html('<a href="{}">{}</a>', url, record.patient.name)

    def render_why(self, record: Payment) -> SafeString:
        said = waiting.why_negative(record, self.pays.get(record.pk, []))
        return format_html('{}<span class="sub">{}</span>', said.cause, said.more)

    def render_act(self, record: Payment) -> SafeString:
        pays = self.pays.get(record.pk, [])
        context = {
            "payment": record,
            "label": waiting.unpay_label(pays) if pays else "",
            "key": self.keys.get(record.pk, ""),
        }
        return render_to_string("billing/worklists/_unpay.html", context, request=self.request)
