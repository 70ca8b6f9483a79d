"""The columns of the list of invoices."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.balances.invoices import DRAFT, OPEN, PAID, InvoiceSums, with_sums
from billing.models import Invoice
from billing.tables.payments import FIGURE, NUMBER
from billing.templatetags.money import money
from config.access import may_look
from patients.tables import ListTable

COLOURS = {DRAFT: "acc", OPEN: "warn", PAID: "good"}


class InvoiceTable(ListTable):
    """Drafts and issued invoices.

    `sums` is what `balances.sums_of` found for the rows of the page, after it was cut.
    """

    row_header = "patient"
    far = 0  # drafts come first, which no index has, so all rows are sorted: by their keys

    number = tables.Column(empty_values=(), order_by=("pk",), attrs=NUMBER)
    date = tables.Column("Date", accessor="issued_on", empty_values=(), attrs=NUMBER)
    patient = tables.Column(empty_values=())
    lines = tables.Column(
        "Lines",
        accessor="pk",
        order_by=("line_count", "pk"),
        attrs={"th": {"class": "n hide-t"}, "td": {"class": "n num hide-t"}},
    )
    total = tables.Column(accessor="pk", order_by=("total", "pk"), attrs=FIGURE)
    balance = tables.Column(accessor="pk", order_by=("owing", "pk"), attrs=FIGURE)
    state = tables.Column(accessor="pk", orderable=False)

    sums: dict[int, InvoiceSums] = {}

    class Meta:
        attrs = {"class": "t lean", "aria-label": "Invoices"}
        order_by = ("-date",)

    def render_number(self, record: Invoice) -> SafeString:
        if record.number:
            url, words = reverse("billing:invoice_detail", args=[record.number]), record.number
        else:
            if not may_look(self.request.user, "billing:invoice_draft"):
                return format_html("{}", "Draft")
            url, words = reverse("billing:invoice_draft", args=[record.pk]), "Draft"
        return format_html('<a href="{}">{}</a>', url, words)

    def render_date(self, record: Invoice) -> str:
        """When it was issued; a draft, when it was begun."""
        day = record.issued_on or timezone.localdate(record.created_at)
        return f"{day:%d %b %Y}"

    def order_date(
        self,
        queryset: QuerySet[Invoice],
        is_descending: bool,  # noqa: FBT001  (tables2 passes it so)
    ) -> tuple[QuerySet[Invoice], bool]:
        """Drafts are the newest: they are still to come."""
        if is_descending:
            return queryset.order_by(F("issued_on").desc(nulls_first=True), "-pk"), True
        return queryset.order_by(F("issued_on").asc(nulls_last=True), "pk"), True

    def render_patient(self, record: Invoice) -> SafeString:
        return format_html(
            '<a href="{}">{}</a><span class="sub">{}</span>',
            record.patient.get_absolute_url(),
            record.patient.name,
            record.patient.chart_number,
        )

    def order_patient(
        self,
        queryset: QuerySet[Invoice],
        is_descending: bool,  # noqa: FBT001  (tables2 passes it so)
    ) -> tuple[QuerySet[Invoice], bool]:
        minus = "-" if is_descending else ""
        named = queryset.annotate(who=Lower("patient__family_name"))
        return named.order_by(f"{minus}who", f"{minus}patient__given_name", f"{minus}pk"), True

    def order_lines(self, queryset: Any, is_descending: bool) -> Any:  # noqa: FBT001
        return self._by_sum(queryset, "line_count", down=is_descending)

    def order_total(self, queryset: Any, is_descending: bool) -> Any:  # noqa: FBT001
        return self._by_sum(queryset, "total", down=is_descending)

    def order_balance(self, queryset: Any, is_descending: bool) -> Any:  # noqa: FBT001
        return self._by_sum(queryset, "owing", down=is_descending)

    @staticmethod
    def _by_sum(queryset: QuerySet[Invoice], name: str, *, down: bool) -> Any:
        minus = "-" if down else ""
        return with_sums(queryset).order_by(f"{minus}{name}", f"{minus}pk"), True

    def render_lines(self, value: int) -> int:
        return self.sums[value].lines

    def render_total(self, value: int) -> SafeString:
        return money(self.sums[value].total)

    def render_balance(self, value: int) -> SafeString:
        return money(self.sums[value].owing)

    def render_state(self, value: int) -> SafeString:
        state = self.sums[value].state
        return format_html('<span class="tag {}">{}</span>', COLOURS.get(state, ""), state)
