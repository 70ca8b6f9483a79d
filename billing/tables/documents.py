"""The columns of a patient's documents."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Document
from billing.tables.columns import ByColumn, MomentColumn
from billing.tables.payments import NUMBER
from billing.wording import day
from patients.tables import ActionColumn, ListTable


class DocumentTable(ListTable):
    """What was issued, newest first, and what a later one has replaced."""

    row_header = "number"

    number = tables.Column(linkify=True, order_by=("id",), attrs=NUMBER)
    kind = tables.Column(accessor="get_kind_display", order_by=("kind", "id"))
    of = tables.Column("Of", accessor="pk", orderable=False)
    issued = MomentColumn("Issued", accessor="created_at", order_by=("created_at", "id"))
    by = ByColumn()
    state = tables.Column("State", accessor="pk", orderable=False)
    act = ActionColumn("number")

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Documents"}
        order_by = ("-number",)

    def render_of(self, record: Document) -> SafeString | str:
        """The invoice or the payment it is of, or its period."""
        about = record.invoice or record.payment
        if about and about.number:
            screen = "invoice_detail" if record.invoice_id else "payment_detail"
            url = reverse(f"billing:{screen}", args=[about.number])
            return format_html('<a class="plainlink" href="{}">{}</a>', url, about.number)
        return period_of(record)

    def render_state(self, record: Document) -> SafeString:
        later = getattr(record, "replaced_by", None)
        if later is None:
            return format_html('<span class="tag good">{}</span>', "Latest")
        return format_html(
            '<span class="tag">Replaced</span> <span class="quieter nowrap">by'
            ' <a class="plainlink" href="{}">{}</a></span>',
            later.get_absolute_url(),
            later.number,
        )

    def render_act(self, record: Document) -> SafeString:
        return format_html(
            '<a class="btn btn-line btn-xs" href="{}">Print again'
            '<span class="visually-hidden"> {}</span></a>',
            record.get_absolute_url(),
            record.number,
        )


def period_of(document: Document) -> str:
    """ "01 Nov 2025 to 27 Nov 2025", or "to 27 Nov 2025" from the beginning."""
    assert document.period_to is not None  # noqa: S101  (of statements and superbills)
    last = day(document.period_to)
    return f"{day(document.period_from)} to {last}" if document.period_from else f"to {last}"
