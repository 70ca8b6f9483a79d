"""The books: accounts, what was handed over, which days are closed, and which figures left."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from billing.admin.read_only import ENTERED_BY, WRITTEN, WRITTEN_WHY, ReadOnlyAdmin, labelled
from billing.models import AccountType, ClosingDate, Export, JournalBatch, LedgerAccount
from patients.admin import OfficeAdmin

# ---------------------------------------------------------------------------- the journal


@admin.register(LedgerAccount)
class LedgerAccountAdmin(OfficeAdmin):
    """Number, name and type are the accountant's; what is booked on an account is Remit's.

    Only a provider's own income account can be added, and taken away again.
    """

    list_display = ["number", "name", "type", "what"]
    list_select_related = ["provider"]
    list_filter = ["type", ("provider", labelled("whose income"))]
    search_fields = ["number", "name"]
    search_help_text = "Number or name of the account"
    ordering = ["number"]
    actions = None

    def get_fields(self, request: HttpRequest, obj: LedgerAccount | None = None) -> Any:
        return ["what" if obj else "provider", "number", "name", "type"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: LedgerAccount | None = None
    ) -> list[str]:
        return ["what"] if obj else []

    def get_form(
        self,
        request: HttpRequest,
        obj: Any = None,
        change: bool = False,  # noqa: FBT001, FBT002  (Django passes it so)
        **kwargs: Any,
    ) -> Any:
        """A new account is a provider's, and income until somebody says otherwise."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None:
            form.base_fields["provider"].required = True
            form.base_fields["type"].initial = AccountType.INCOME
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        of_provider = obj is None or obj.provider_id is not None
        return of_provider and super().has_delete_permission(request, obj)

    @admin.display(description="what is booked on it")
    def what(self, account: LedgerAccount) -> str:
        return account.what


@admin.register(JournalBatch)
class JournalBatchAdmin(ReadOnlyAdmin):
    """What was handed over of the journal. A batch is made and downloaded on its screen."""

    rights = ("view", "add")  # making one, on its screen, asks for it
    opens = "Open batch"
    list_display = ["number", "date", *WRITTEN]
    list_filter = [ENTERED_BY]
    list_select_related = ["created_by"]
    search_fields = ["number"]
    search_help_text = "Number of the batch"
    date_hierarchy = "date"
    fields = ["number", "date", *WRITTEN]

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalBatch]:
        return super().get_queryset(request).defer("frozen")


# ---------------------------------------------------------------------------- periods, exports


@admin.register(ClosingDate)
class ClosingDateAdmin(ReadOnlyAdmin):
    """Each move of the closing date; the latest counts. It is moved on the screen of periods."""

    opens = "Open periods"
    list_display = ["closed_through", *WRITTEN_WHY]
    list_filter = [ENTERED_BY]
    list_select_related = ["created_by"]
    search_fields = ["reason", "created_by__username"]
    search_help_text = "Reason or user name"
    fields = ["closed_through", *WRITTEN_WHY]

    def screen_of(self, row: ClosingDate) -> str:
        return reverse("billing:period_list")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """Which figures left the program, who took them and when."""

    opens = "Open report"
    list_display = [*WRITTEN, "report", "format", "filters", "rows"]
    list_filter = ["report", "format", ("created_by", labelled("who took it"))]
    list_select_related = ["created_by"]
    search_fields = ["report", "created_by__username"]
    search_help_text = "Name of the report in its address, or user name"
    date_hierarchy = "created_at"
    fields = [*WRITTEN, "report", "format", "filters", "rows"]

    def screen_of(self, row: Export) -> str:
        return reverse("billing:report_detail", args=["exports"])
