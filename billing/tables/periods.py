"""The columns of the list of moves of the closing date."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.tables.columns import ByColumn, MomentColumn
from billing.tables.payments import NUMBER
from patients.tables import ListTable


class ClosingDateTable(ListTable):
    """Every move of the closing date: to which day, when, by whom and why. Rows come `with_before`."""

    closed_through = tables.DateColumn(
        verbose_name="Closed through", format="d M Y", orderable=False, attrs=NUMBER
    )
    move = tables.Column(accessor="pk", orderable=False)
    reason = tables.Column(orderable=False, empty_values=(), attrs={"td": {"class": "quiet"}})
    when = MomentColumn("When", accessor="created_at", orderable=False)
    by = ByColumn()

    row_header = "closed_through"

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Moves of the closing date"}
        order_by = ()

    def render_move(self, record: Any) -> SafeString:
        if record.before and record.before > record.closed_through:
            return format_html(
                '<span class="tag warn">{}</span> <span class="quieter nowrap num">from {}</span>',
                "Reopened",
                f"{record.before:%d %b %Y}",
            )
        return format_html('<span class="tag">{}</span>', "Closed")

    def render_reason(self, value: str) -> str:
        return value or "-"
