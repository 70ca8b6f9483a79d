"""What was issued on paper, what was typed and not saved yet, and which files were imported."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from billing.admin.read_only import ENTERED_BY, OF_PATIENT, WRITTEN, ReadOnlyAdmin, labelled
from billing.models import Document, ImportFile, PaymentDraft, StatementBatch


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    opens = "Print again"
    list_display = ["number", "kind", "patient", *WRITTEN, "replaces"]
    list_filter = ["kind", ENTERED_BY]
    list_select_related = ["patient", "created_by", "replaces"]
    search_fields = ["number", *OF_PATIENT]
    search_help_text = "Document number, chart number or family name"
    date_hierarchy = "created_at"
    fields = [
        *["number", "kind", "patient", "invoice", "payment", "period_from", "period_to"],
        *["replaces", "layout", *WRITTEN],
    ]


@admin.register(StatementBatch)
class StatementBatchAdmin(ReadOnlyAdmin):
    """The statements of everybody who owed, made together."""

    opens = "Print again"
    list_display = ["number", "period_from", "period_to", *WRITTEN]
    list_filter = [ENTERED_BY]
    list_select_related = ["created_by"]
    search_fields = ["number", "created_by__username"]
    search_help_text = "Number of the batch, or user name"
    date_hierarchy = "created_at"
    fields = ["number", "period_from", "period_to", *WRITTEN]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatementBatch]:
        return super().get_queryset(request).defer("pdf")


@admin.register(PaymentDraft)
class PaymentDraftAdmin(ReadOnlyAdmin):
    """Insurance payments begun and not saved. They are continued or discarded on their screen."""

    opens = "Open drafts"
    list_display = ["__str__", "owner", "payer", "updated_at"]
    list_select_related = ["owner", "payer"]
    list_filter = ["payer", ("owner", labelled("who typed last"))]
    search_fields = ["payer__name", "owner__username"]
    search_help_text = "Insurer or user name"
    fields = ["key", "owner", "payer", "data", "amount", "unallocated", "created_at", "updated_at"]

    def screen_of(self, row: PaymentDraft) -> str:
        return reverse("billing:insurance_payment_drafts")


@admin.register(ImportFile)
class ImportFileAdmin(ReadOnlyAdmin):
    """That a file was imported, by whom and what it became; what is in one is its uploader's."""

    opens = "Open imports"
    list_display = ["name", "kind", "uploaded_at", "uploaded_by", "imported_at", "made"]
    list_filter = ["kind", ("uploaded_by", labelled("who uploaded it"))]
    list_select_related = ["uploaded_by"]
    search_fields = ["name", "uploaded_by__username"]
    search_help_text = "Name of the file, or user name"
    fields = [
        *["name", "kind", "digest", "encoding"],
        *["uploaded_at", "uploaded_by", "imported_at", "made"],
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportFile]:
        return super().get_queryset(request).defer("content", "found", "report")

    def screen_of(self, row: ImportFile) -> str:
        return reverse("billing:import_start")
