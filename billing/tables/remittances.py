"""The columns of the list of ERA files, and of the worklist of unmatched claims."""

from __future__ import annotations

from decimal import Decimal

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.models import EraFile, RemittanceRow
from billing.tables.columns import ByColumn, MomentColumn
from billing.tables.payments import FIGURE, FOLDED, NUMBER
from billing.templatetags.money import money
from patients.tables import ActionColumn, ListTable


class EraFileTable(ListTable):
    """Every file that was imported, the newest first."""

    row_header = "name"

    name = tables.Column("File", linkify=True, orderable=False)
    uploaded_at = MomentColumn("Imported", order_by=("id",))
    uploaded_by = ByColumn("uploaded_by")
    payments = tables.Column(attrs=FIGURE)
    state = tables.Column("State", accessor="pk", orderable=False)

    class Meta:
        attrs = {"aria-label": "ERA files"}

    def render_state(self, record: EraFile) -> SafeString:
        waiting: int = record.waiting  # type: ignore[attr-defined]
        if record.discarded:
            return format_html('<span class="tag">{}</span>', "Discarded")
        if waiting:
            drafts = "1 draft" if waiting == 1 else f"{waiting:,} drafts"
            return format_html('<span class="tag warn">{} to save</span>', drafts)
        return format_html('<span class="tag good">{}</span>', "Posted")


class UnmatchedTable(ListTable):
    """What insurers answered on sessions nobody has found yet, the oldest first."""

    row_header = "patient"

    date = tables.DateColumn(
        verbose_name="Session", accessor="date", format="d M Y", orderable=False, attrs=NUMBER
    )
    patient = tables.Column(
        "Patient in the ERA", accessor="claim__patient", empty_values=(), orderable=False
    )
    code = tables.Column("Service", orderable=False, empty_values=(), attrs=FOLDED)
    payer = tables.Column(
        "Payer",
        accessor="remittance__payer__name",
        orderable=False,
        attrs={"td": {"class": "quiet"}},
    )
    payment = tables.Column(
        accessor="remittance__payment", linkify=True, orderable=False, attrs=NUMBER
    )
    charge = tables.Column("Fee", orderable=False, attrs=FIGURE)
    allocation = tables.Column("Insurance paid", orderable=False, attrs=FIGURE)
    place = ActionColumn("pk")

    class Meta:
        attrs = {"aria-label": "Unmatched claims"}

    def render_patient(self, record: RemittanceRow) -> SafeString:
        claim = record.claim
        number = f"claim {claim.control or claim.payer_claim}"
        return format_html(
            '{}<span class="sub">{}</span>',
            claim.patient or "No name",
            f"{number}, id {claim.member_id}" if claim.member_id else number,
        )

    def render_code(self, record: RemittanceRow) -> str:
        return record.code or "Whole claim"

    def render_charge(self, value: Decimal) -> SafeString:
        return money(value)

    def render_allocation(self, value: Decimal) -> SafeString:
        return money(value)

    def render_place(self, record: RemittanceRow) -> SafeString:
        return format_html(
            '<a class="btn btn-line btn-xs" href="{}">Find session'
            '<span class="visually-hidden"> of {}</span></a>',
            reverse("billing:unmatched_claim", args=[record.pk]),
            record.claim.patient,
        )
