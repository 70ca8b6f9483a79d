"""Insurers: what they answered, kept and sent, and the rules by which their files are read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.admin.read_only import (
    ENTERED_BY,
    RECEIPT_OF_ITS_PAYMENT,
    WRITTEN_WHY,
    LineRowAdmin,
    MoneyRowAdmin,
    ReadOnlyAdmin,
    dollars,
    labelled,
)
from billing.models import (
    Adjudication,
    CodeAction,
    EraFile,
    Offset,
    PayerKey,
    Remittance,
    Responsibility,
)
from patients.admin import OfficeAdmin

# ---------------------------------------------------------------------------- their answers


@admin.register(Adjudication)
class AdjudicationAdmin(LineRowAdmin):
    """What insurers answered on lines, and who owed the rest before and after."""

    list_display = [
        *["date", "line", "outcome", "codes", "owed_before", "owed_after", "payment", "reason"],
    ]
    list_filter = ["outcome", ("owed_before", labelled("insurer who answered"))]
    list_select_related = [*LineRowAdmin.list_select_related, "owed_before", "owed_after"]
    search_fields = [*LineRowAdmin.search_fields, "codes"]
    search_help_text = "Invoice number, chart number, payment number or code"
    fields = [
        *["line", "outcome", "date", "codes", "owed_before", "owed_after", "payment", "undoes"],
        *WRITTEN_WHY,
    ]


@admin.register(Responsibility)
class ResponsibilityAdmin(LineRowAdmin):
    """What insurers say patients owe; it changes no balance."""

    list_display = ["date", "line", "kind", "carc", "money", "payment", "reason"]
    list_filter = ["kind", ENTERED_BY]
    search_fields = [*LineRowAdmin.search_fields, "carc"]
    search_help_text = "Invoice number, chart number, payment number or CARC"
    fields = ["line", "kind", "date", "money", "carc", "payment", "undoes", *WRITTEN_WHY]


@admin.register(Offset)
class OffsetAdmin(MoneyRowAdmin):
    """Provider-level adjustments of insurance payments. Positive is money the payer kept."""

    opens = "Open payment"
    list_display = ["date", "payment", "code", "name", "reference", "money", "reason"]
    list_filter = ["code", ("payment__payer", labelled("insurer")), ENTERED_BY]
    list_select_related = ["payment__payer", *RECEIPT_OF_ITS_PAYMENT]
    search_fields = ["payment__number", "=code", "reference", "payment__payer__name"]
    search_help_text = "Payment number, code, reference or insurer"
    fields = ["payment", "code", "name", "date", "money", "reference", "undoes", *WRITTEN_WHY]

    def screen_of(self, row: Offset) -> str:
        return row.payment.get_absolute_url()


# ---------------------------------------------------------------------------- their files


@admin.register(EraFile)
class EraFileAdmin(ReadOnlyAdmin):
    """Files as they were uploaded."""

    opens = "Open file"
    list_display = ["name", "size", "test", "discarded", "uploaded_at", "uploaded_by"]
    list_filter = ["discarded", "test", ("uploaded_by", labelled("who uploaded it"))]
    list_select_related = ["uploaded_by"]
    search_fields = ["name", "=sha256", "remittances__reference"]
    search_help_text = "Name of the file, its SHA-256, or the reference of a payment in it"
    date_hierarchy = "uploaded_at"
    fields = ["name", "size", "sha256", "test", "discarded", "uploaded_at", "uploaded_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EraFile]:
        return super().get_queryset(request).defer("packed")


@admin.register(Remittance)
class RemittanceAdmin(ReadOnlyAdmin):
    """Payments of those files: drafts, and what they became."""

    opens = "Open draft"
    money = dollars("amount")
    list_display = ["reference", "payer", "date", "money", "state", "payment"]
    list_filter = ["state", "payer", ("settled_by", labelled("who settled it"))]
    list_select_related = ["payer", "payment"]
    search_fields = ["reference", "payer_name", "payment__number"]
    search_help_text = "Reference, name of the insurer in the file, or payment number"
    fields = [
        *["file", "reference", "payer", "payer_name", "payee", "date", "money", "method"],
        *["notice", "claim_count", "state", "payment", "attached", "settled_at", "settled_by"],
    ]


# ---------------------------------------------------------------------------- rules for reading


@admin.register(CodeAction)
class CodeActionAdmin(OfficeAdmin):
    """What is done about a reason code. The rules are tried from the top; the first that fits."""

    list_display = ["position", "group", "reason", "action", "needs_look", "why"]
    list_display_links = ["position", "group"]
    list_filter = ["group", "action", "needs_look"]
    search_fields = ["=reason", "why"]
    search_help_text = "Reason code, or words of the explanation"
    fields = ["group", "reason", "action", "needs_look", "why", "position"]


@admin.register(PayerKey)
class PayerKeyAdmin(OfficeAdmin):
    """Which payer a remittance's number or name stands for, as somebody said it once."""

    list_display = ["kind", "value", "payer", "created_at", "created_by"]
    list_filter = ["kind", "payer"]
    list_select_related = ["payer", "created_by"]
    search_fields = ["value", "payer__name"]
    search_help_text = "Number or name in the file, or name of the insurer here"
    autocomplete_fields = ["payer"]
    fields = ["kind", "value", "payer"]

    def save_model(self, request: HttpRequest, obj: PayerKey, form: Any, change: Any) -> None:
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)
