"""Patients' money: invoices, their lines, payments, and what was put or written off where."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from billing.admin.read_only import (
    ENTERED_BY,
    OF_PATIENT,
    RECEIPT_OF_ITS_PAYMENT,
    RECEIPT_OF_PAYMENT,
    WRITTEN,
    WRITTEN_WHY,
    LineRowAdmin,
    MoneyRowAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    amount_left,
    dollars,
    labelled,
)
from billing.models import (
    Adjustment,
    Allocation,
    Deposit,
    DepositItem,
    Invoice,
    InvoiceLine,
    LineVoid,
    Payment,
    Submission,
)
from billing.money import show_dollars

# ---------------------------------------------------------------------------- what is owed


class InvoiceLineInline(ReadOnlyInline):
    model = InvoiceLine
    charge, owing = dollars("amount", "charge"), dollars("balance", "owing")
    fields = ["service_date", "provider", "code", "description", "charge", "owing"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvoiceLine]:
        return super().get_queryset(request).select_related("invoice", "provider")


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Issued invoices and drafts, which have no number yet."""

    opens = "Open invoice"
    list_display = ["__str__", "patient", "issued_on"]
    list_filter = [
        ("number", admin.EmptyFieldListFilter),
        ENTERED_BY,
        ("issued_on", admin.DateFieldListFilter),
    ]
    list_select_related = ["patient"]
    search_fields = ["number", *OF_PATIENT]
    search_help_text = "Invoice number, chart number or family name"
    fields = ["number", "patient", "issued_on", *WRITTEN]
    inlines = [InvoiceLineInline]

    def screen_of(self, row: Invoice) -> str:
        if row.number:
            return reverse("billing:invoice_detail", args=[row.number])
        return reverse("billing:invoice_draft", args=[row.pk])


@admin.register(InvoiceLine)
class InvoiceLineAdmin(ReadOnlyAdmin):
    opens = "Account"
    charge, written_off = dollars("amount", "charge"), dollars("adjusted", "written off")
    settled, owing = dollars("paid"), dollars("balance", "owing")
    list_display = [
        *["invoice", "service_date", "patient", "provider", "description"],
        *["charge", "written_off", "settled", "owing"],
    ]
    list_filter = [
        amount_left("balance", "what is owed", more="Something owing"),
        "provider",
        ("payer", labelled("insurer who owes the rest")),
        ("issued_on", admin.DateFieldListFilter),
    ]
    list_select_related = ["invoice__patient", "patient", "provider"]
    search_fields = ["invoice__number", *OF_PATIENT, "code"]
    search_help_text = "Invoice number, chart number, family name or code of the service"
    fields = [
        *["invoice", "session", "patient", "provider", "payer"],
        *["service_date", "code", "description", "units"],
        *["charge", "written_off", "settled", "owing", "issued_on", "last_date"],
    ]


# ---------------------------------------------------------------------------- what was paid


@admin.register(Payment)
class PaymentAdmin(MoneyRowAdmin):
    """Money that moved, one row each: receipts, and what reversed, refunded or moved them."""

    opens = "Open payment"
    on_lines, given_back = dollars("allocated"), dollars("returned")
    left = dollars("unallocated")
    list_display = [
        *["date", "name", "kind", "received_from", "provider"],
        *["method", "reference", "money", "left", "reversed"],
    ]
    list_filter = [
        "kind",
        "method",
        amount_left("unallocated", "what is left", "Still to allocate", less="Below zero"),
        "reversed",
        "provider",
        "payer",
        ENTERED_BY,
    ]
    list_select_related = ["patient", "provider", "payer", *RECEIPT_OF_PAYMENT]
    search_fields = ["number", "reference", *OF_PATIENT, "payer__name"]
    search_help_text = "Payment number, reference, chart number, family name or insurer"
    ordering = ["-date", "-id"]
    fields = [
        *["number", "kind", "date", "patient", "provider", "payer", "method", "reference", "note"],
        *["money", "on_lines", "given_back", "left", "reversed", "original", "source"],
        *["over_allocation_reason", "last_date", *WRITTEN_WHY],
    ]

    @admin.display(description="number", ordering="id")
    def name(self, payment: Payment) -> str:
        return str(payment)


@admin.register(Allocation)
class AllocationAdmin(LineRowAdmin):
    """Money put on lines; below zero where a line was un-paid."""

    opens = "Open payment"
    list_display = ["date", "payment", "line", "money", "reason", "created_by"]
    list_filter = [ENTERED_BY]
    fields = ["payment", "line", "date", "money", *WRITTEN_WHY]

    def screen_of(self, row: Allocation) -> str:
        return row.payment.get_absolute_url()


@admin.register(Adjustment)
class AdjustmentAdmin(LineRowAdmin):
    """What was written off lines."""

    list_display = ["date", "line", "kind", "carc", "money", "payment", "reason"]
    list_filter = ["kind", ENTERED_BY]
    search_fields = [*LineRowAdmin.search_fields, "carc"]
    search_help_text = "Invoice number, chart number, payment number or CARC"
    fields = ["line", "kind", "date", "money", "carc", "payment", "undoes", *WRITTEN_WHY]


@admin.register(LineVoid)
class LineVoidAdmin(LineRowAdmin):
    """Lines that should never have been charged."""

    list_display = ["date", "line", "reason", "created_by"]
    list_filter = [ENTERED_BY]
    list_select_related = ["line__invoice__patient", "line__patient", "created_by"]
    search_fields = ["line__invoice__number", "=line__patient__chart_number", "reason"]
    search_help_text = "Invoice number, chart number or reason"
    fields = ["line", "date", *WRITTEN_WHY]


# ---------------------------------------------------------------------------- at the bank, twice


class DepositItemInline(ReadOnlyInline):
    model = DepositItem
    fields = ["payment", "amount"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DepositItem]:
        return super().get_queryset(request).select_related("payment", *RECEIPT_OF_ITS_PAYMENT)

    def amount(self, item: DepositItem) -> str:
        return show_dollars(item.payment.amount)


@admin.register(Deposit)
class DepositAdmin(MoneyRowAdmin):
    """What went to the bank together. None of it can be deleted any more."""

    opens = "Open slip"
    list_display = ["number", "date", *WRITTEN]
    list_filter = [ENTERED_BY]
    list_select_related = ["created_by"]
    search_fields = ["number"]
    search_help_text = "Number of the deposit slip"
    fields = ["number", "date", *WRITTEN]
    inlines = [DepositItemInline]


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    """Which form was carried out, so that a second copy of it is not (rule R10)."""

    opens = "Open payment"
    list_display = ["created_at", "user", "verb", "payment", "key"]
    list_filter = ["verb", ("user", labelled("who sent it"))]
    list_select_related = ["user", "payment", *RECEIPT_OF_ITS_PAYMENT]
    search_fields = ["payment__number", "user__username"]
    search_help_text = "Payment number or user name"
    date_hierarchy = "created_at"
    fields = ["created_at", "user", "verb", "key", "payment"]

    def screen_of(self, row: Submission) -> str:
        return row.payment.get_absolute_url() if row.payment else ""
