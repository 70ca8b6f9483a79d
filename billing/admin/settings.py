"""What an office sets up: fees, and where its numbers begin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from billing.models import Fee, Invoice, NumberSeries, Service
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
from patients.admin import OfficeAdmin, read_choices_once

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

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Today to begin with: a new fee is mostly one that holds from now on."""
        if db_field.name == "valid_from":
            kwargs["initial"] = timezone.localdate
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Service)
class ServiceAdmin(OfficeAdmin):
    """A new fee is a new row with its first day; those before it stay, for sessions of their days."""

    list_display = ["code", "description", "todays_fee", "own_fees", "active"]
    list_filter = ["active"]
    search_fields = ["code", "description"]
    search_help_text = "Code or words of the description"
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


# ---------------------------------------------------------------------------- numbers


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

    rights = ("view", "add", "change")
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
