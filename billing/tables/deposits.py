"""The columns of the list of deposit slips."""

from __future__ import annotations

from decimal import Decimal

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Deposit
from billing.tables.columns import ByColumn, MomentColumn
from billing.tables.payments import FIGURE, NUMBER
from billing.templatetags.money import money
from patients.tables import ActionColumn, ListTable


class DepositTable(ListTable):
    """Every slip, newest first. Rows come `with_slip_sums` (billing.balances)."""

    row_header = "number"

    number = tables.Column(linkify=True, order_by=("id",), attrs=NUMBER)
    date = tables.DateColumn(format="d M Y", order_by=("date", "id"), attrs=NUMBER)
    count = tables.Column("Payments", order_by=("count", "id"), attrs=FIGURE)
    total = tables.Column(order_by=("total", "id"), attrs=FIGURE)
    saved = MomentColumn("Saved", accessor="created_at", order_by=("created_at", "id"))
    by = ByColumn()
    act = ActionColumn("number")

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Deposit slips"}
        order_by = ("-number",)

    def render_total(self, value: Decimal) -> SafeString:
        return money(value)

    def render_act(self, record: Deposit) -> SafeString:
        return format_html(
            '<a class="btn btn-line btn-xs" href="{}">Open<span class="visually-hidden"> {}</span></a>',
            record.get_absolute_url(),
            record.number,
        )
