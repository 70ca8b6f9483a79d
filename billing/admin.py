"""Money in the administration: to look at and to look up. It is moved on the screens, by verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from billing.models import (
    AccountType,
    Adjudication,
    Adjustment,
    Allocation,
    Clinic,
    ClosingDate,
    CodeAction,
    Deposit,
    DepositItem,
    Document,
    EraFile,
    Export,
    Fee,
    ImportFile,
    Invoice,
    InvoiceLine,
    JournalBatch,
    LedgerAccount,
    LineVoid,
    NumberSeries,
    Offset,
    PayerKey,
    Payment,
    PaymentDraft,
    Remittance,
    Responsibility,
    Service,
    StatementBatch,
    Submission,
)
from billing.models.numbering import (
    DEPOSIT,
    DOCUMENT,
    INSURANCE,
    INVOICE,
    JOURNAL,
    RECEIPT,
    STATEMENTS,
    TRANSFER,
)
from billing.money import show_dollars
from patients.admin import OfficeAdmin, read_choices_once, screen_link


class AppendOnlyAdmin(OfficeAdmin):
    """Rows may be added; what is there stays as it is."""

    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(AppendOnlyAdmin):
    """Rows are written by the ledger only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def dollars(field: str, name: str = "") -> Callable[..., str]:
    """A column with an amount, as everywhere else: $1,234.50."""

    @admin.display(description=name or field, ordering=field)
    def column(admin_or_row: Any, row: Any = None) -> str:
        return show_dollars(getattr(row if row is not None else admin_or_row, field))

    return column


# ---------------------------------------------------------------------------- fees


class FeeInline(admin.TabularInline):
    """The dated fees, the newest first: the clinic's, then those agreed with single payers."""

    model = Fee
    extra = 1
    fields = ["valid_from", "amount", "payer"]
    ordering = [F("payer__name").asc(nulls_first=True), "-valid_from"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fee]:
        return super().get_queryset(request).select_related("service", "payer")

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return read_choices_once(super().formfield_for_foreignkey(db_field, request, **kwargs))


@admin.register(Service)
class ServiceAdmin(OfficeAdmin):
    """A new fee is a new row with its first day; those before it stay, for sessions of their days."""

    list_display = ["code", "description", "todays_fee", "own_fees", "active"]
    list_filter = ["active"]
    search_fields = ["code", "description"]
    inlines = [FeeInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Service]:
        dated = Fee.objects.filter(service=OuterRef("pk"), valid_from__lte=timezone.localdate())
        newest = dated.filter(payer=None).order_by("-valid_from").values("amount")[:1]
        agreed = Count("fees__payer", distinct=True)
        found = super().get_queryset(request)
        return found.annotate(fee_of_today=Subquery(newest), payers_with_fee=agreed)

    @admin.display(description="fee today", ordering="fee_of_today")
    def todays_fee(self, service: Any) -> str:
        return "none yet" if service.fee_of_today is None else show_dollars(service.fee_of_today)

    @admin.display(description="payers with their own", ordering="payers_with_fee")
    def own_fees(self, service: Any) -> int:
        number: int = service.payers_with_fee
        return number


# ---------------------------------------------------------------------------- money rows


class InvoiceLineInline(admin.TabularInline):
    model = InvoiceLine
    extra = 0
    can_delete = False
    readonly_fields = ["service_date", "provider", "code", "description", "charge", "owing"]
    fields = [*readonly_fields]
    charge, owing = dollars("amount", "charge"), dollars("balance")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvoiceLine]:
        return super().get_queryset(request).select_related("invoice", "provider")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "patient", "issued_on", "screen"]
    list_select_related = ["patient"]
    search_fields = ["number", "patient__family_name", "=patient__chart_number"]
    date_hierarchy = "issued_on"
    ordering = ["-id"]
    fields = ["number", "patient", "issued_on", "created_at", "created_by", "screen"]
    inlines = [InvoiceLineInline]

    @admin.display(description="screen")
    def screen(self, invoice: Invoice) -> SafeString:
        if not invoice.number:
            return screen_link(reverse("billing:invoice_draft", args=[invoice.pk]), "Open draft")
        return screen_link(reverse("billing:invoice_detail", args=[invoice.number]), "Open invoice")


@admin.register(InvoiceLine)
class InvoiceLineAdmin(ReadOnlyAdmin):
    charge, written_off = dollars("amount", "charge"), dollars("adjusted", "written off")
    settled, owing = dollars("paid"), dollars("balance")
    list_display = [
        "invoice",
        "service_date",
        "patient",
        "provider",
        "description",
        "charge",
        "written_off",
        "settled",
        "owing",
        "screen",
    ]
    list_filter = ["provider", "payer"]
    list_select_related = ["invoice__patient", "patient", "provider"]
    search_fields = ["invoice__number", "patient__family_name", "=patient__chart_number", "code"]
    date_hierarchy = "service_date"
    ordering = ["-id"]
    fields = [
        "invoice",
        "session",
        "patient",
        "provider",
        "payer",
        "service_date",
        "code",
        "description",
        "units",
        "charge",
        "written_off",
        "settled",
        "owing",
        "issued_on",
        "last_date",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, line: InvoiceLine) -> SafeString:
        return screen_link(line.get_absolute_url(), "Account")


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    money, on_lines = dollars("amount"), dollars("allocated")
    given_back, left = dollars("returned"), dollars("unallocated")
    list_display = [
        "date",
        "name",
        "kind",
        "received_from",
        "provider",
        "method",
        "reference",
        "money",
        "left",
        "reversed",
        "screen",
    ]
    list_filter = ["kind", "method", "reversed", "provider", "payer"]
    # How a row without a number is called, and where it is seen, its receipt says.
    list_select_related = [
        "patient",
        "provider",
        "payer",
        "source",
        "original__source",
        "original__original",
    ]
    search_fields = [
        "number",
        "reference",
        "patient__family_name",
        "=patient__chart_number",
        "payer__name",
    ]
    date_hierarchy = "date"
    ordering = ["-date", "-id"]
    fields = [
        "number",
        "kind",
        "date",
        "patient",
        "provider",
        "payer",
        "method",
        "reference",
        "note",
        "money",
        "on_lines",
        "given_back",
        "left",
        "reversed",
        "original",
        "source",
        "reason",
        "over_allocation_reason",
        "last_date",
        "created_at",
        "created_by",
        "screen",
    ]

    @admin.display(description="number", ordering="id")
    def name(self, payment: Payment) -> str:
        return str(payment)

    @admin.display(description="screen")
    def screen(self, payment: Payment) -> SafeString:
        return screen_link(payment.get_absolute_url(), "Open payment")


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    money = dollars("amount")
    list_display = ["date", "payment", "line", "money", "reason", "created_by", "screen"]
    list_select_related = ["payment", "line__invoice__patient", "created_by"]
    search_fields = ["payment__number", "line__invoice__number", "=line__patient__chart_number"]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = ["payment", "line", "date", "money", "reason", "created_at", "created_by", "screen"]

    @admin.display(description="screen")
    def screen(self, allocation: Allocation) -> SafeString:
        return screen_link(allocation.payment.get_absolute_url(), "Open payment")


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    money = dollars("amount")
    list_display = ["date", "line", "kind", "carc", "money", "payment", "reason", "screen"]
    list_filter = ["kind"]
    list_select_related = ["payment", "line__invoice__patient", "line__patient"]
    search_fields = [
        "line__invoice__number",
        "=line__patient__chart_number",
        "payment__number",
        "carc",
    ]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = [
        "line",
        "kind",
        "date",
        "money",
        "carc",
        "payment",
        "undoes",
        "reason",
        "created_at",
        "created_by",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, adjustment: Adjustment) -> SafeString:
        return screen_link(adjustment.line.get_absolute_url(), "Account")


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnlyAdmin):
    """What insurers answered on lines, and who owed the rest before and after."""

    list_display = [
        "date",
        "line",
        "outcome",
        "codes",
        "owed_before",
        "owed_after",
        "payment",
        "reason",
        "screen",
    ]
    list_filter = ["outcome"]
    list_select_related = [
        "payment",
        "line__invoice__patient",
        "line__patient",
        "owed_before",
        "owed_after",
    ]
    search_fields = [
        "line__invoice__number",
        "=line__patient__chart_number",
        "payment__number",
        "codes",
    ]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = [
        "line",
        "outcome",
        "date",
        "codes",
        "owed_before",
        "owed_after",
        "payment",
        "undoes",
        "reason",
        "created_at",
        "created_by",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, answer: Adjudication) -> SafeString:
        return screen_link(answer.line.get_absolute_url(), "Account")


@admin.register(Responsibility)
class ResponsibilityAdmin(ReadOnlyAdmin):
    """What insurers say patients owe; it changes no balance."""

    money = dollars("amount")
    list_display = ["date", "line", "kind", "carc", "money", "payment", "reason", "screen"]
    list_filter = ["kind"]
    list_select_related = ["payment", "line__invoice__patient", "line__patient"]
    search_fields = [
        "line__invoice__number",
        "=line__patient__chart_number",
        "payment__number",
        "carc",
    ]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = [
        "line",
        "kind",
        "date",
        "money",
        "carc",
        "payment",
        "undoes",
        "reason",
        "created_at",
        "created_by",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, said: Responsibility) -> SafeString:
        return screen_link(said.line.get_absolute_url(), "Account")


@admin.register(Offset)
class OffsetAdmin(ReadOnlyAdmin):
    """Provider-level adjustments of insurance payments. Positive is money the payer kept."""

    money = dollars("amount")
    list_display = ["date", "payment", "code", "name", "reference", "money", "reason", "screen"]
    list_filter = ["code"]
    list_select_related = ["payment__payer"]
    search_fields = ["payment__number", "=code", "reference", "payment__payer__name"]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = [
        "payment",
        "code",
        "name",
        "date",
        "money",
        "reference",
        "undoes",
        "reason",
        "created_at",
        "created_by",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, offset: Offset) -> SafeString:
        return screen_link(offset.payment.get_absolute_url(), "Open payment")


@admin.register(LineVoid)
class LineVoidAdmin(ReadOnlyAdmin):
    list_display = ["date", "line", "reason", "created_by", "screen"]
    list_select_related = ["line__invoice__patient", "line__patient", "created_by"]
    search_fields = ["line__invoice__number", "=line__patient__chart_number", "reason"]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = ["line", "date", "reason", "created_at", "created_by", "screen"]

    @admin.display(description="screen")
    def screen(self, void: LineVoid) -> SafeString:
        return screen_link(void.line.get_absolute_url(), "Account")


class DepositItemInline(admin.TabularInline):
    model = DepositItem
    extra = 0
    fields = ["payment", "amount"]
    readonly_fields = ["payment", "amount"]
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[DepositItem]:
        related = ("payment__source", "payment__original__source", "payment__original__original")
        return super().get_queryset(request).select_related(*related)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def amount(self, item: DepositItem) -> str:
        return show_dollars(item.payment.amount)


@admin.register(Deposit)
class DepositAdmin(ReadOnlyAdmin):
    """What went to the bank together. None of it can be deleted any more."""

    list_display = ["number", "date", "created_at", "created_by", "screen"]
    list_select_related = ["created_by"]
    search_fields = ["number"]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = ["number", "date", "created_at", "created_by", "screen"]
    inlines = [DepositItemInline]

    @admin.display(description="screen")
    def screen(self, deposit: Deposit) -> SafeString:
        return screen_link(deposit.get_absolute_url(), "Open slip")


@admin.register(PaymentDraft)
class PaymentDraftAdmin(ReadOnlyAdmin):
    """Insurance payments begun and not saved; on Today they are continued or discarded."""

    list_display = ["__str__", "owner", "payer", "updated_at"]
    list_select_related = ["owner", "payer"]
    list_filter = ["payer"]


@admin.register(Submission)
class SubmissionAdmin(ReadOnlyAdmin):
    """Which form was carried out, so that a second copy of it is not (rule R10)."""

    list_display = ["created_at", "user", "verb", "payment", "key"]
    list_filter = ["verb"]
    list_select_related = ["user", "payment__original__original"]
    search_fields = ["payment__number", "user__username"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    fields = ["created_at", "user", "verb", "key", "payment"]


# ---------------------------------------------------------------------------- documents


@admin.register(Clinic)
class ClinicAdmin(OfficeAdmin):
    """The letterhead: one row, changed in place. What was issued keeps the letterhead of its day."""

    list_display = ["name", "place", "phone", "tax_id", "payment_terms"]
    actions = None
    fieldsets = [
        (None, {"fields": ["name", "phone", "email"]}),
        ("Address", {"fields": ["address_line1", "address_line2", "city", "state", "postal_code"]}),
        ("For insurers", {"fields": ["tax_id", "npi"]}),
        ("Invoices and statements", {"fields": ["payment_terms", "statement_message"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Clinic.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = ["number", "kind", "patient", "created_at", "created_by", "replaces", "screen"]
    list_filter = ["kind"]
    list_select_related = ["patient", "created_by", "replaces"]
    search_fields = ["number", "patient__family_name", "=patient__chart_number"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    fields = [
        "number",
        "kind",
        "patient",
        "invoice",
        "payment",
        "period_from",
        "period_to",
        "replaces",
        "layout",
        "created_at",
        "created_by",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, document: Document) -> SafeString:
        return screen_link(document.get_absolute_url(), "Print again")


@admin.register(ImportFile)
class ImportFileAdmin(ReadOnlyAdmin):
    """That a file was imported, by whom and what it became; what is in one is its uploader's."""

    list_display = ["name", "kind", "uploaded_at", "uploaded_by", "imported_at", "made"]
    list_filter = ["kind"]
    list_select_related = ["uploaded_by"]
    ordering = ["-id"]
    fields = [
        "name",
        "kind",
        "digest",
        "encoding",
        "uploaded_at",
        "uploaded_by",
        "imported_at",
        "made",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportFile]:
        return super().get_queryset(request).defer("content", "found", "report")


@admin.register(StatementBatch)
class StatementBatchAdmin(ReadOnlyAdmin):
    list_display = ["number", "period_from", "period_to", "created_at", "created_by", "screen"]
    list_select_related = ["created_by"]
    search_fields = ["number", "created_by__username"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    fields = ["number", "period_from", "period_to", "created_at", "created_by", "screen"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StatementBatch]:
        return super().get_queryset(request).defer("pdf")

    @admin.display(description="screen")
    def screen(self, batch: StatementBatch) -> SafeString:
        return screen_link(batch.get_absolute_url(), "Print again")


# ---------------------------------------------------------------------------- the journal


@admin.register(LedgerAccount)
class LedgerAccountAdmin(OfficeAdmin):
    """Number, name and type are the accountant's; what is booked on an account is Remit's.

    Only a provider's own income account can be added, and taken away again.
    """

    list_display = ["number", "name", "type", "what"]
    list_select_related = ["provider"]
    list_filter = ["type"]
    search_fields = ["number", "name"]
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

    list_display = ["number", "date", "created_at", "created_by", "screen"]
    list_select_related = ["created_by"]
    search_fields = ["number"]
    date_hierarchy = "date"
    ordering = ["-id"]
    fields = ["number", "date", "created_at", "created_by", "screen"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalBatch]:
        return super().get_queryset(request).defer("frozen")

    @admin.display(description="screen")
    def screen(self, batch: JournalBatch) -> SafeString:
        return screen_link(batch.get_absolute_url(), "Open batch")


# ---------------------------------------------------------------------------- periods, numbers


@admin.register(ClosingDate)
class ClosingDateAdmin(ReadOnlyAdmin):
    """Each move of the closing date; the latest counts. It is moved on the screen of periods."""

    list_display = ["closed_through", "reason", "created_at", "created_by", "screen"]
    list_select_related = ["created_by"]
    search_fields = ["reason", "created_by__username"]
    fields = ["closed_through", "reason", "created_at", "created_by", "screen"]

    @admin.display(description="screen")
    def screen(self, move: ClosingDate) -> SafeString:
        return screen_link(reverse("billing:period_list"), "Open periods")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """Which figures left the program, who took them and when."""

    list_display = ["created_at", "created_by", "report", "format", "filters", "rows"]
    list_filter = ["report", "format"]
    list_select_related = ["created_by"]
    search_fields = ["report", "created_by__username"]
    date_hierarchy = "created_at"
    fields = ["created_at", "created_by", "report", "format", "filters", "rows"]


HIGHEST_NUMBER = 9_999_999  # so that "DOC-9999999" and millions after it fit their column


class NumberSeriesForm(forms.ModelForm):
    prefix = forms.ChoiceField(  # type: ignore[assignment]
        choices=[
            (INVOICE, "INV, invoices"),
            (RECEIPT, "R, patients' receipts"),
            (INSURANCE, "IP, insurance payments"),
            (TRANSFER, "T, transfers"),
            (DEPOSIT, "D, deposit slips"),
            (DOCUMENT, "DOC, documents"),
            (STATEMENTS, "ST, batches of statements"),
            (JOURNAL, "J, batches of the journal"),
        ]
    )

    def clean_next_number(self) -> int:
        """Only upwards, and the invoices' never in the middle of their life: that left a gap.

        The series is held until it is saved, so that no desk takes a number meanwhile.
        """
        number: int = self.cleaned_data["next_number"]
        prefix = self.instance.prefix or self.cleaned_data.get("prefix")
        held = NumberSeries.objects.select_for_update().filter(pk=prefix).first()
        now = held.next_number if held else 1
        if number < now:
            raise ValidationError(
                f"The next number is {now} by now; a number is never given twice."
            )
        if number > HIGHEST_NUMBER:
            raise ValidationError(f"Numbers go up to {HIGHEST_NUMBER:,}.")
        issued = prefix == INVOICE and Invoice.objects.exclude(number=None).exists()
        if issued and number != now:
            raise ValidationError(
                "Invoices are numbered without a gap, so their number can be set only before the"
                f" first one is issued. The next one is {INVOICE}-{now:04d}."
            )
        return number


@admin.register(NumberSeries)
class NumberSeriesAdmin(OfficeAdmin):
    """Where a clinic that comes from another system goes on counting."""

    form = NumberSeriesForm
    list_display = ["prefix", "next_number"]
    actions = None

    def get_readonly_fields(
        self, request: HttpRequest, obj: NumberSeries | None = None
    ) -> list[str]:
        return ["prefix"] if obj else []

    def save_model(self, request: HttpRequest, obj: NumberSeries, form: Any, change: bool) -> None:  # noqa: FBT001
        """Only upwards, also where a number was given since the form was drawn."""
        if change:
            NumberSeries.objects.filter(pk=obj.pk, next_number__lt=obj.next_number).update(
                next_number=obj.next_number
            )
        else:
            super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# ---------------------------------------------------------------------------- remittances


@admin.register(CodeAction)
class CodeActionAdmin(OfficeAdmin):
    """What is done about a reason code. The rules are tried from the top; the first that fits."""

    list_display = ["position", "group", "reason", "action", "needs_look", "why"]
    list_display_links = ["position", "group"]
    list_filter = ["group", "action"]
    search_fields = ["=reason", "why"]
    fields = ["group", "reason", "action", "needs_look", "why", "position"]


@admin.register(PayerKey)
class PayerKeyAdmin(OfficeAdmin):
    """Which payer a remittance's number or name stands for, as somebody said it once."""

    list_display = ["kind", "value", "payer", "created_at", "created_by"]
    list_filter = ["kind"]
    list_select_related = ["payer", "created_by"]
    search_fields = ["value", "payer__name"]
    autocomplete_fields = ["payer"]
    fields = ["kind", "value", "payer"]

    def save_model(self, request: HttpRequest, obj: PayerKey, form: Any, change: Any) -> None:
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(EraFile)
class EraFileAdmin(ReadOnlyAdmin):
    """Files as they were uploaded."""

    list_display = ["name", "size", "test", "discarded", "uploaded_at", "uploaded_by", "screen"]
    list_filter = ["discarded", "test"]
    list_select_related = ["uploaded_by"]
    search_fields = ["name", "=sha256", "remittances__reference"]
    date_hierarchy = "uploaded_at"
    ordering = ["-id"]
    fields = ["name", "size", "sha256", "test", "discarded", "uploaded_at", "uploaded_by", "screen"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EraFile]:
        return super().get_queryset(request).defer("packed")

    @admin.display(description="screen")
    def screen(self, file: EraFile) -> SafeString:
        return screen_link(file.get_absolute_url(), "Open file")


@admin.register(Remittance)
class RemittanceAdmin(ReadOnlyAdmin):
    """Payments of those files: drafts, and what they became."""

    money = dollars("amount")
    list_display = ["reference", "payer", "date", "money", "state", "payment", "screen"]
    list_filter = ["state", "payer"]
    list_select_related = ["payer", "payment"]
    search_fields = ["reference", "payer_name", "payment__number"]
    ordering = ["-id"]
    fields = [
        "file",
        "reference",
        "payer",
        "payer_name",
        "payee",
        "date",
        "money",
        "method",
        "notice",
        "claim_count",
        "state",
        "payment",
        "attached",
        "settled_at",
        "settled_by",
        "screen",
    ]

    @admin.display(description="screen")
    def screen(self, remittance: Remittance) -> SafeString:
        return screen_link(remittance.get_absolute_url(), "Open draft")
