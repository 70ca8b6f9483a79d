"""Looking after patients, providers and payers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList, ChangeListSearchForm
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from patients.cards import NUMBERS_OF_OTHERS, no_card_number
from patients.models import Coverage, Patient, Payer, Provider, Session
from patients.npi import check_npi
from patients.searching import SEARCH, SearchInput

LONGEST_SEARCH = 100  # more words than this make a query no database wants to read


class SearchBox(ChangeListSearchForm):
    """Of a list in the administration: reads what is sealed in the address, like every list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[SEARCH].widget = SearchInput()


class OfficeList(ChangeList):
    search_form_class = SearchBox


class OfficeAdmin(admin.ModelAdmin):
    """What all our lists share: one count instead of two, and searches of a sane length."""

    rights: tuple[str, ...] = ("view", "add", "change", "delete")  # those a role can give
    show_full_result_count = False
    view_on_site = False
    list_per_page = 50

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """No card number in any text (patients/cards.py)."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.CharField) and db_field.name not in NUMBERS_OF_OTHERS:
            field.validators = [*field.validators, no_card_number]
        return field

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OfficeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A year of thirty digits, or of -1, in the address is a wrong address."""
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, ValueError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return super().get_search_results(request, queryset, search_term[:LONGEST_SEARCH])


def screen_link(url: str, text: str) -> SafeString:
    """A link to the screen that can act."""
    return format_html('<a href="{}">{}</a>', url, text)


def read_choices_once(field: Any) -> Any:
    """Keep the choices of a select that every row of an inline repeats, instead of asking each."""
    if field is not None:
        field.choices = list(field.choices)
    return field


class CoverageInline(admin.TabularInline):
    model = Coverage
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Coverage]:
        return super().get_queryset(request).select_related("payer")

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return read_choices_once(super().formfield_for_foreignkey(db_field, request, **kwargs))


@admin.register(Patient)
class PatientAdmin(OfficeAdmin):
    list_display = ["name", "chart_number", "birth_date", "phone", "account"]
    search_fields = ["family_name"]  # shows the box; what it finds, Patient.objects.search says
    search_help_text = "Name, chart number, phone or date of birth"
    ordering = [Lower("family_name"), Lower("given_name"), "id"]  # as the index has them
    fields = [
        ("family_name", "given_name"),
        "birth_date",
        "chart_number",
        ("phone", "email"),
        "address_line1",
        "address_line2",
        ("city", "state", "postal_code"),
        "guarantor",
        "note",
    ]
    raw_id_fields = ["guarantor"]
    inlines = [CoverageInline]

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """As everywhere: by the words patients are found by."""
        return queryset.search(search_term[:LONGEST_SEARCH]), False

    def get_readonly_fields(self, request: HttpRequest, obj: Patient | None = None) -> list[str]:
        """Papers and addresses bear the chart number, so it stays what it was."""
        return ["chart_number"] if obj else []

    @admin.display(description="screen")
    def account(self, patient: Patient) -> SafeString:
        return screen_link(patient.get_absolute_url(), "Account")


class ProviderForm(forms.ModelForm):
    def clean_npi(self) -> str:
        """Proved by its last digit: a typing mistake went out on every superbill."""
        npi: str = self.cleaned_data["npi"]
        if npi:
            check_npi(npi)
        return npi


@admin.register(Provider)
class ProviderAdmin(OfficeAdmin):
    form = ProviderForm
    list_display = ["name", "npi", "active"]
    list_filter = ["active"]
    search_fields = ["name", "npi"]
    search_help_text = "Name or NPI"


@admin.register(Payer)
class PayerAdmin(OfficeAdmin):
    list_display = ["name", "payer_id", "phone", "active"]
    list_filter = ["active"]
    search_fields = ["name", "payer_id"]
    search_help_text = "Name or payer ID"


@admin.register(Coverage)
class CoverageAdmin(OfficeAdmin):
    list_display = ["patient", "payer", "member_id", "rank", "start", "end"]
    list_filter = ["rank", "payer"]
    list_select_related = ["patient", "payer"]
    search_fields = [
        "patient__family_name",
        "patient__given_name",
        "=patient__chart_number",
        "member_id",
        "group_number",
    ]
    search_help_text = "Name, chart number, member ID or group number"
    raw_id_fields = ["patient"]
    ordering = ["patient", "rank", "start", "id"]


@admin.register(Session)
class SessionAdmin(OfficeAdmin):
    list_display = ["date", "patient", "provider", "account"]
    list_filter = ["provider", "place_of_service", ("date", admin.DateFieldListFilter)]
    list_select_related = ["patient", "provider"]
    search_fields = [
        "patient__family_name",
        "patient__given_name",
        "=patient__chart_number",
    ]
    search_help_text = "Name or chart number"
    raw_id_fields = ["patient"]

    def get_readonly_fields(self, request: HttpRequest, obj: Session | None = None) -> list[str]:
        """Invoice lines repeat these two, so a session never moves to somebody else."""
        return ["patient", "provider"] if obj else []

    @admin.display(description="screen")
    def account(self, session: Session) -> SafeString:
        return screen_link(session.patient.get_absolute_url(), "Account")
