"""How lists are drawn: the columns of the patients' list, and what all lists share."""

from __future__ import annotations

from functools import partial
from typing import Any

import django_tables2 as tables
from django.core.paginator import EmptyPage, PageNotAnInteger, Paginator
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django_tables2.data import TableQuerysetData

from config.access import may_look
from patients.models import Patient, PatientQuerySet


class CountedPaginator(Paginator):
    """Pages of rows that were counted already, with the sum over them."""

    def __init__(self, *args: Any, rows: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.count = rows  # a cached property: once set, it is not worked out


class PagesOfRows(TableQuerysetData):
    """The rows of a query, of which one page is looked at.

    Far from the beginning the database has to pass over all rows before the page. It passes over
    their keys only, from whichever end is nearer, and then reads the rows of the page.
    """

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice) or key.start < self.table.far:
            return super().__getitem__(key)
        keys = self.data.values_list("pk", flat=True)
        rows = self.table.paginator.count
        if key.start < rows // 2:
            wanted = list(keys[key])
        else:
            stop = min(key.stop, rows)
            wanted = list(keys.reverse()[rows - stop : rows - key.start])[::-1]
        # What somebody finished between the two questions is not on the list any more.
        found = self.data.in_bulk(wanted)
        return [found[pk] for pk in wanted if pk in found]


class ListTable(tables.Table):
    """A list with 25 rows a page. `sort` and `page` come from the address.

    Unknown ones are passed over, whatever they hold; how long a page is, the address does not say.
    """

    row_header = ""
    far = 1_000  # rows that are passed over without a thought

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(PagesOfRows(data) if isinstance(data, QuerySet) else data, **kwargs)

    def shown_for(self, request: HttpRequest, *, count: int | None = None) -> ListTable:
        """Sorted and cut to the page asked for; `count` spares counting where it is known."""
        self.request = request
        pages = Paginator if count is None else partial(CountedPaginator, rows=count)
        wanted = request.GET.get(self.prefixed_order_by_field, "")
        if wanted.removeprefix("-") in self.base_columns:
            self.order_by = [wanted]
        try:
            page = page_number(request.GET.get(self.prefixed_page_field))
            self.paginate(paginator_class=pages, page=page, per_page=25)
        except (EmptyPage, PageNotAnInteger):
            self.page = self.paginator.page(self.paginator.num_pages)
        return self


class ActionColumn(tables.Column):
    """The last column, with what can be done about a row; only screen readers need its heading."""

    def __init__(self, accessor: str) -> None:
        super().__init__(
            format_html('<span class="visually-hidden">{}</span>', "Action"),
            accessor=accessor,
            orderable=False,
            attrs={"th": {"class": "act"}, "td": {"class": "act"}},
        )


def page_number(typed: str | None) -> int:
    """The page asked for; the first where that is no number."""
    return int(typed) if typed and typed.isascii() and typed.isdigit() and len(typed) < 9 else 1


class PatientTable(ListTable):
    """Who the patients are. Their money is billing's; it is one click away."""

    row_header = "name"

    name = tables.Column(linkify=True, empty_values=())
    chart_number = tables.Column(
        "Chart",
        linkify=("patients:patient_detail", [tables.A("chart_number")]),
        order_by=("id",),
        attrs={"td": {"class": "num nowrap"}},
    )
    birth_date = tables.DateColumn(
        verbose_name="Born",
        format="d M Y",
        order_by=("birth_date", "id"),
        attrs={"td": {"class": "num nowrap"}},
    )
    phone = tables.Column(
        default="-", order_by=("phone", "id"), attrs={"td": {"class": "num nowrap"}}
    )
    insurer = tables.Column(
        accessor="covered_today",
        orderable=False,
        empty_values=(),
        attrs={"th": {"class": "hide-t"}, "td": {"class": "hide-t"}},
    )
    act = ActionColumn("chart_number")

    class Meta:
        attrs = {"class": "t lean people", "aria-label": "Patients"}

    def order_name(self, queryset: PatientQuerySet, is_descending: Any) -> Any:
        """As people read names, capitals or not, and as the index has them."""
        names: list[Any] = [Lower("family_name"), Lower("given_name"), F("id")]
        order = [name.desc() if is_descending else name.asc() for name in names]
        return queryset.order_by(*order), True

    def render_insurer(self, value: list[Any]) -> str:
        """The primary insurer of today."""
        return value[0].payer.name if value else "-"

    def render_act(self, value: str, record: Patient) -> str:
        if not may_look(self.request.user, "billing:payment_new"):
            return ""
        return format_html(
            '<a class="btn btn-line btn-xs" href="{}">Take payment'
            '<span class="visually-hidden"> from {}</span></a>',
            reverse("billing:payment_new", args=[value]),
            record.name,
        )
