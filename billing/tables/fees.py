"""The columns of the fee schedule."""

from __future__ import annotations

import django_tables2 as tables
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.balances import FeeRow
from billing.money import show
from billing.tables.payments import FIGURE, NUMBER
from billing.templatetags.money import money
from patients.tables import ListTable


class FeeTable(ListTable):
    """Services by code. `fees` holds the fees of the page's services, put in by the view."""

    row_header = "description"
    fees: dict[int, FeeRow]

    code = tables.Column(order_by=("code",), attrs=NUMBER)
    description = tables.Column("Service", order_by=("description", "code"))
    fee = tables.Column("Fee", accessor="pk", orderable=False, attrs=FIGURE)
    since = tables.Column("Since", accessor="pk", orderable=False, attrs=NUMBER)
    own = tables.Column("Agreed with payers", accessor="pk", orderable=False)

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Fee schedule"}

    def render_fee(self, value: int) -> SafeString | str:
        row = self.fees[value]
        return "No fee yet" if row.amount is None else money(row.amount)

    def render_since(self, value: int) -> SafeString | str:
        row = self.fees[value]
        since = f"{row.fee.valid_from:%d %b %Y}" if row.fee else "-"
        coming = format_html_join(
            "",
            '<span class="sub">{} from {}</span>',
            ((show(fee.amount), f"{fee.valid_from:%d %b %Y}") for fee in row.coming[:1]),
        )
        return format_html("{}{}", since, coming)

    def render_own(self, value: int) -> SafeString | str:
        own = self.fees[value].own
        if not own:
            return format_html('<span class="quieter">{}</span>', "-")
        return format_html_join(
            " ",
            '<span class="chip"><span>{}</span><b class="num">{}</b>'
            '<span class="quieter">since {}</span></span>',
            (
                (
                    fee.payer.name if fee.payer else "",
                    show(fee.amount),
                    f"{fee.valid_from:%d %b %Y}",
                )
                for fee in own
            ),
        )
