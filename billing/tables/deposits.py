"""The columns of the list of deposit slips."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from billing.models import Deposit
from billing.tables.payments import FIGURE, FOLDED, NUMBER
from billing.templatetags.money import money
from billing.wording import full_name
from patients.tables import ListTable


class DepositTable(ListTable):
    """Every slip, newest first. Rows come `with_slip_sums` (billing.balances)."""

    row_header = "number"

    number = tables.Column(linkify=True, order_by=("id",), attrs=NUMBER)
    date = tables.DateColumn(format="d M Y", order_by=("date", "id"), attrs=NUMBER)
    count = tables.Column("Payments", order_by=("count", "id"), attrs=FIGURE)
    total = tables.Column(order_by=("total", "id"), attrs=FIGURE)
    saved = tables.Column(
        "Saved", accessor="created_at", order_by=("created_at", "id"), attrs=NUMBER
    )
    by = tables.Column("By", accessor="created_by", orderable=False, attrs=FOLDED)
    act = tables.Column(
        verbose_name=format_html('<span class="visually-hidden">{}</span>', "Action"),
        accessor="number",
        orderable=False,
        attrs={"th": {"class": "act"}, "td": {"class": "act"}},
    )

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Deposit slips"}
        order_by = ("-number",)

    def render_total(self, value: Decimal) -> SafeString:
        return money(value)

    def render_saved(self, value: Any) -> str:
        return f"{localtime(value):%d %b %Y %H:%M}"

    def render_by(self, value: Any) -> str:
        return full_name(value)

    def render_act(self, record: Deposit) -> SafeString:
        return format_html(
            '<a class="btn btn-line btn-xs" href="{}">Open<span class="visually-hidden"> {}</span></a>',
            record.get_absolute_url(),
            record.number,
        )
