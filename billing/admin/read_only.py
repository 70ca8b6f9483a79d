"""What the lists of rows share that the verbs write: they are found and read here, no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from billing.money import show_dollars
from patients.admin import OfficeAdmin, screen_link

# How a payment without a number is called, and where it is seen, its receipt says.
RECEIPT_OF_PAYMENT = ("source", "original__source", "original__original")
RECEIPT_OF_ITS_PAYMENT = tuple(f"payment__{name}" for name in RECEIPT_OF_PAYMENT)
OF_PATIENT = ("patient__family_name", "=patient__chart_number")
WRITTEN = ("created_at", "created_by")
WRITTEN_WHY = ("reason", *WRITTEN)


def dollars(field: str, name: str = "") -> Callable[..., str]:
    """A column with an amount, as everywhere else: $1,234.50."""

    @admin.display(description=name or field, ordering=field)
    def column(_admin: Any, row: Any) -> str:
        return show_dollars(getattr(row, field))

    return column


# ---------------------------------------------------------------------------- filters


def labelled(title: str) -> type[admin.RelatedFieldListFilter]:
    """A filter by another row, under words of its own where the field's name says too little."""

    class Labelled(admin.RelatedFieldListFilter):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.title = title

    return Labelled


def amount_left(field: str, title: str, more: str, less: str = "") -> type[admin.SimpleListFilter]:
    """A filter by the sign of an amount, in the words of the partial indexes on both sides of 0.

    `more` names what is above zero, `less` what is below; without `less` there is nothing below.
    """
    signs = {"more": (more, {f"{field}__gt": 0})}
    if less:
        signs["less"] = (less, {f"{field}__lt": 0})

    class AmountLeft(admin.SimpleListFilter):
        parameter_name = f"{field}_is"

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value, words) for value, (words, _rows) in signs.items()]

        def queryset(self, request: HttpRequest, queryset: Any) -> Any:
            _words, rows = signs.get(self.value() or "", ("", {}))
            return queryset.filter(**rows)

    AmountLeft.title = title
    return AmountLeft


BY_DATE = ("date", admin.DateFieldListFilter)
ENTERED_BY = ("created_by", labelled("who entered it"))


# ---------------------------------------------------------------------------- lists


class ReadOnlyAdmin(OfficeAdmin):
    """Rows that only verbs write, the newest first.

    Where `opens` says something, the last column and the last field is a link of these words to
    `screen_of(row)`: the screen that can act on the row.
    """

    rights: tuple[str, ...] = ("view",)
    actions = None
    ordering = ["-id"]
    opens = ""

    def screen_of(self, row: Any) -> str:
        """The address of the screen that can act on this row; "" when there is none."""
        url: str = row.get_absolute_url()
        return url

    @admin.display(description="screen")
    def screen(self, row: Any) -> SafeString | None:
        url = self.screen_of(row)
        return screen_link(url, self.opens) if url else None

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*self.list_display, *(["screen"] if self.opens else [])]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*(self.fields or ()), *(["screen"] if self.opens else [])]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MoneyRowAdmin(ReadOnlyAdmin):
    """Rows of the books: each has a day, an hour, somebody who entered it, and perhaps a reason."""

    money = dollars("amount")

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """By day, too. (Django's hierarchy of dates reads every row to know which years there are.)"""
        return [*super().get_list_filter(request), BY_DATE]


class LineRowAdmin(MoneyRowAdmin):
    """What was said about a line, seen and undone from its patient's account."""

    opens = "Account"
    list_select_related = ["line__invoice__patient", "line__patient", "payment", "created_by"]
    search_fields = ["line__invoice__number", "=line__patient__chart_number", "payment__number"]
    search_help_text = "Invoice number, chart number or payment number"

    def screen_of(self, row: Any) -> str:
        url: str = row.line.get_absolute_url()
        return url


class ReadOnlyInline(admin.TabularInline):
    """Rows on the page of what they belong to. All their fields are read only."""

    extra = 0
    can_delete = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return list(self.fields or ())

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
