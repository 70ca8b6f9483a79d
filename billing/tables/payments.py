"""The columns of the lists of payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Lower
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import Kind, Payment
from billing.templatetags.money import money
from patients.tables import ListTable

FIGURE = {"th": {"class": "n"}, "td": {"class": "n num"}}
NUMBER = {"td": {"class": "num nowrap"}}
FOLDED = {"th": {"class": "hide-t"}, "td": {"class": "hide-t quiet"}}


class ByWho:
    """A table that can be put in the order of who paid."""

    def order_received_from(
        self,
        queryset: QuerySet[Payment],
        is_descending: bool,  # noqa: FBT001  (tables2 passes it so)
    ) -> tuple[QuerySet[Payment], bool]:
        minus = "-" if is_descending else ""
        named = queryset.annotate(who=Lower(Coalesce("payer__name", "patient__family_name")))
        return named.order_by(f"{minus}who", f"{minus}patient__given_name", f"{minus}id"), True


class _ReceiptTable(ListTable):
    """What both lists of receipts share. Rows come `with_state` (billing.forms.filters)."""

    date = tables.DateColumn(format="d M Y", order_by=("date", "id"), attrs=NUMBER)
    number = tables.Column(linkify=True, order_by=("id",), attrs=NUMBER)
    method = tables.Column(
        "Method",
        accessor="get_method_display",
        order_by=("method", "id"),
        empty_values=(),
        attrs=FOLDED,
    )
    amount = tables.Column(order_by=("amount", "id"), attrs=FIGURE)
    unallocated = tables.Column(order_by=("unallocated", "id"), attrs=FIGURE)
    state = tables.Column("State", accessor="pk", orderable=False)

    def render_method(self, value: str, record: Payment) -> str:
        """How it was paid; credit that was moved here was not."""
        return "Transfer of credit" if record.kind == Kind.TRANSFER_IN else value or "-"

    def render_amount(self, value: Decimal) -> SafeString:
        return money(value)

    def render_unallocated(self, value: Decimal) -> SafeString:
        return money(value, flag=True)

    def render_state(self, record: Payment) -> SafeString:
        kind, word = state_of(record)
        return format_html('<span class="tag {}">{}</span>', kind, word)


def state_of(receipt: Any) -> tuple[str, str]:
    """How it stands with a receipt, as its tag says it: the tag's colour and its word."""
    if receipt.reversed:
        return ("", "Deleted") if receipt.deleted else ("bad", "Reversed")
    if receipt.unallocated < 0:
        return "bad", "Over-allocated"
    if receipt.unallocated:
        return "acc", "Part allocated" if receipt.allocated else "Not allocated"
    if receipt.returned and not receipt.allocated:
        return "", "Refunded or moved"
    return "good", "Allocated"


class PaymentTable(ByWho, _ReceiptTable):
    """Patients' receipts and insurers' together."""

    row_header = "received_from"
    far = 0  # by anything but the day all rows are sorted: by their keys

    received_from = tables.Column(empty_values=())
    provider = tables.Column(
        "Provider",
        accessor="provider__name",
        default="-",
        order_by=("provider__name", "id"),
        attrs=FOLDED,
    )
    reference = tables.Column(default="-", order_by=("reference", "id"), attrs=FOLDED)

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Payments"}
        order_by = ("-date",)
        sequence = (
            "date",
            "number",
            "received_from",
            "provider",
            "method",
            "reference",
            "amount",
            "unallocated",
            "state",
        )

    def render_received_from(self, record: Payment) -> str:
        """The insurer, or the patient; and on a narrow screen what its own columns say elsewhere."""
        payer = record.payer
        more = [
            record.provider.name if record.provider else "Insurer",
            self.render_method(record.get_method_display(), record),
            record.reference,
        ]
        return format_html(
            '{}<span class="sub only-rail">{}</span>',
            payer.name if payer else record.received_from,
            ", ".join(word for word in more if word),
        )


class InsurancePaymentTable(_ReceiptTable):
    """Payers' receipts, and what of each still waits for its lines."""

    row_header = "payer"

    payer = tables.Column("Payer", accessor="payer__name", order_by=("payer__name", "id"))
    reference = tables.Column(
        "Check/EFT number", default="-", order_by=("reference", "id"), attrs=NUMBER
    )
    allocated = tables.Column(order_by=("allocated", "id"), attrs=FIGURE)

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Insurance payments"}
        order_by = ("-date",)
        sequence = (
            "date",
            "number",
            "payer",
            "method",
            "reference",
            "amount",
            "allocated",
            "unallocated",
            "state",
        )

    def render_allocated(self, value: Decimal) -> SafeString:
        return money(value)
