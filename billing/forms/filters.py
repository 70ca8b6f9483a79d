"""What people may narrow the lists of payments, invoices and fees by. The filters live in the address."""

from __future__ import annotations

import datetime
from typing import Any

import django_filters as filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from billing.balances import with_sums
from billing.forms.base import EARLIEST, error_summary
from billing.models import Invoice, InvoiceLine, Kind, Method, Payment, Service
from billing.models.payments import PAYER_METHODS, PaymentQuerySet
from patients.models import Payer, Provider

PERIOD = datetime.timedelta(days=90)  # what a list shows before anybody asks for more


class State(TextChoices):
    STANDING = "standing", "Standing"
    REVERSED = "reversed", "Reversed"
    DELETED = "deleted", "Deleted"
    UNALLOCATED = "unallocated", "Unallocated money"


def with_state(payments: PaymentQuerySet) -> PaymentQuerySet:
    """Each receipt with `deleted`: was it undone by a deletion, and not by a reversal?"""
    deletion = Payment.objects.filter(original=OuterRef("pk"), kind=Kind.VOID)
    return payments.annotate(deleted=Exists(deletion))


class FilterForm(forms.Form):
    """The boxes above a list."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and first > last:
            self.add_error("to", "To is before From.")
        return cleaned


def _day(label: str) -> filters.DateFilter:
    return filters.DateFilter(
        field_name="date",
        lookup_expr="gte" if label == "From" else "lte",
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a date like 2025-11-18."},
        validators=[_not_long_ago],
    )


def _search_box(placeholder: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={"type": "search", "autocomplete": "off", "placeholder": placeholder}
    )


def _not_long_ago(day: datetime.date) -> None:
    if day < EARLIEST:
        raise forms.ValidationError("The date is too long ago. Check the year.")


class ReceiptFilter(filters.FilterSet):
    """What both lists can be narrowed by.

    Without a period the last 90 days are shown, unless somebody searches or asks for unallocated
    money: that must be found however old it is. Deleted receipts stay out unless asked for, or
    unless they still pay a line.
    """

    q = filters.CharFilter(
        label="Received from",
        method="search_for",
        max_length=100,
        error_messages={"max_length": "Search with 100 characters at most."},
        widget=_search_box("Name, number or reference"),
    )
    method = filters.ChoiceFilter(
        label="Method",
        choices=Method.choices,
        empty_label="All methods",
        error_messages={"invalid_choice": "Choose one of the methods in the list."},
    )
    state = filters.ChoiceFilter(
        label="State",
        choices=State.choices,
        empty_label="All but deleted",
        method="in_state",
        error_messages={"invalid_choice": "Choose one of the states in the list."},
    )

    class Meta:
        form = FilterForm

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        """`from` is a word of Python's, so it cannot be declared like the others."""
        found = dict(super().get_filters())
        state = found.pop("state")
        return {**found, "from": _day("From"), "to": _day("To"), "state": state}

    def __init__(self, request: HttpRequest, queryset: PaymentQuerySet) -> None:
        super().__init__(_with_period(request.GET), with_state(queryset), request=request)

    def search_for(self, queryset: PaymentQuerySet, name: str, typed: str) -> PaymentQuerySet:
        """Every word has to be found: in a name, a number or a reference."""
        for word in typed.replace(",", " ").split():
            queryset = queryset.filter(
                Q(number__icontains=word)
                | Q(reference__icontains=word)
                | Q(payer__name__icontains=word)
                | Q(patient__family_name__istartswith=word)
                | Q(patient__given_name__istartswith=word)
                | Q(patient__chart_number__iexact=word)
            )
        return queryset

    def in_state(self, queryset: PaymentQuerySet, name: str, state: str) -> PaymentQuerySet:
        if state == State.UNALLOCATED:
            return queryset.with_credit()
        if state == State.STANDING:
            return queryset.filter(reversed=False)
        return queryset.filter(Q(deleted=state == State.DELETED), reversed=True)

    @property
    def found(self) -> PaymentQuerySet:
        """The receipts asked for; none while a filter cannot be understood."""
        if not self.is_valid():
            return self.queryset.none()
        found = self.qs
        if not self.form.cleaned_data["state"]:
            # The first is asked first, and spares nearly every row the search for its deletion.
            found = found.filter(Q(reversed=False) | Q(unallocated__lt=0) | Q(deleted=False))
        return found

    @property
    def error_summary(self) -> dict[str, Any] | None:
        items = [
            {"href": f"#{self.form[name].id_for_label}", "text": text}
            for name, texts in self.form.errors.items()
            for text in texts
        ]
        return error_summary("These filters cannot be used.", items) if items else None


class PaymentFilter(ReceiptFilter):
    provider = filters.ModelChoiceFilter(
        label="Provider",
        queryset=Provider.objects.all(),
        empty_label="All providers",
        error_messages={"invalid_choice": "Choose one of the providers in the list."},
    )


class InsurancePaymentFilter(ReceiptFilter):
    q = filters.CharFilter(
        label="Find",
        method="search_for",
        max_length=100,
        error_messages={"max_length": "Search with 100 characters at most."},
        widget=_search_box("Number, check or EFT number"),
    )
    payer = filters.ModelChoiceFilter(
        label="Payer",
        queryset=Payer.objects.all(),
        empty_label="All payers",
        error_messages={"invalid_choice": "Choose one of the payers in the list."},
    )
    method = filters.ChoiceFilter(
        label="Method",
        choices=[(method.value, method.label) for method in PAYER_METHODS],
        empty_label="All methods",
        error_messages={"invalid_choice": "Choose one of the methods in the list."},
    )

    def in_state(self, queryset: PaymentQuerySet, name: str, state: str) -> PaymentQuerySet:
        """Where there is no patient there is a payer; said so, the small index is used."""
        found = super().in_state(queryset, name, state)
        return found.filter(patient__isnull=True) if state == State.UNALLOCATED else found


def _with_period(typed: QueryDict) -> QueryDict:
    asked = {"from", "to"} & set(typed)
    if asked or typed.get("q") or typed.get("state") == State.UNALLOCATED:
        return typed
    data = typed.copy()
    data["from"] = (timezone.localdate() - PERIOD).isoformat()
    return data


# ---------------------------------------------------------------------------- invoices, fees


def summary_of(form: forms.Form) -> dict[str, Any] | None:
    """What is wrong with the filters, if anything is."""
    items = [
        {"href": f"#{form[name].id_for_label}", "text": str(text)}
        for name, texts in form.errors.items()
        for text in texts
    ]
    return error_summary("These filters cannot be used.", items) if items else None


class InvoiceFilter(filters.FilterSet):
    """What the list of invoices can be narrowed by.

    Without a period the last 90 days are shown, unless somebody searches or asks for drafts or open
    invoices: those must be found however old they are. A draft counts by the day it was begun.
    """

    q = filters.CharFilter(
        label="Patient",
        method="search_for",
        max_length=100,
        error_messages={"max_length": "Search with 100 characters at most."},
        widget=_search_box("Name, chart or invoice number"),
    )
    provider = filters.ModelChoiceFilter(
        label="Provider",
        queryset=Provider.objects.all(),
        method="of_provider",
        empty_label="All providers",
        error_messages={"invalid_choice": "Choose one of the providers in the list."},
    )
    state = filters.ChoiceFilter(
        label="State",
        choices=[(state.lower(), state) for state in ("Draft", "Open", "Paid", "Void")],
        empty_label="All states",
        method="in_state",
        error_messages={"invalid_choice": "Choose one of the states in the list."},
    )

    class Meta:
        form = FilterForm

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        """`from` is a word of Python's, so it cannot be declared like the others."""
        found = dict(super().get_filters())
        state = found.pop("state")
        since, until = _day("From"), _day("To")
        since.method, until.method = "since", "until"
        return {**found, "from": since, "to": until, "state": state}

    def __init__(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> None:
        super().__init__(_with_period_of_invoices(request.GET), queryset, request=request)

    def search_for(self, queryset: Any, name: str, typed: str) -> Any:
        """Every word has to be found: in the number, a name or the chart number."""
        for word in typed.replace(",", " ").split():
            queryset = queryset.filter(
                Q(number__icontains=word)
                | Q(patient__family_name__istartswith=word)
                | Q(patient__given_name__istartswith=word)
                | Q(patient__chart_number__iexact=word)
            )
        return queryset

    def of_provider(self, queryset: Any, name: str, provider: Provider) -> Any:
        mine = InvoiceLine.objects.filter(invoice=OuterRef("pk"), provider=provider)
        return queryset.filter(Exists(mine))

    def since(self, queryset: Any, name: str, day: datetime.date) -> Any:
        begun = Q(issued_on__isnull=True, created_at__date__gte=day)
        return queryset.filter(Q(issued_on__gte=day) | begun)

    def until(self, queryset: Any, name: str, day: datetime.date) -> Any:
        begun = Q(issued_on__isnull=True, created_at__date__lte=day)
        return queryset.filter(Q(issued_on__lte=day) | begun)

    def in_state(self, queryset: Any, name: str, state: str) -> Any:
        """The state itself is worked out from the sums, after the rest has narrowed the list."""
        if state == "draft":
            return queryset.filter(number__isnull=True)
        return queryset.filter(number__isnull=False)

    @property
    def found(self) -> Any:
        """The invoices asked for, with their sums; none while a filter cannot be understood."""
        if not self.is_valid():
            return with_sums(self.queryset.none())
        found: Any = with_sums(self.qs)
        state = self.form.cleaned_data["state"]
        return found.filter(state=state.capitalize()) if state else found

    @property
    def error_summary(self) -> dict[str, Any] | None:
        return summary_of(self.form)


def _with_period_of_invoices(typed: QueryDict) -> QueryDict:
    asked = {"from", "to"} & set(typed)
    if asked or typed.get("q") or typed.get("state") in ("draft", "open"):
        return typed
    data = typed.copy()
    data["from"] = (timezone.localdate() - PERIOD).isoformat()
    return data


class FeeFilter(filters.FilterSet):
    """The fee schedule: which services, as of which day. Fees to come may be looked up, too."""

    q = filters.CharFilter(
        label="Service",
        method="search_for",
        max_length=100,
        error_messages={"max_length": "Search with 100 characters at most."},
        widget=_search_box("Code or description"),
    )
    date = filters.DateFilter(
        label="Fees of",
        method="as_of",
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": "Enter a date like 2025-11-18."},
        validators=[_not_long_ago],
    )

    def __init__(self, request: HttpRequest, queryset: QuerySet[Service]) -> None:
        data = request.GET.copy()
        if not data.get("date"):
            data["date"] = timezone.localdate().isoformat()
        super().__init__(data, queryset, request=request)

    def search_for(self, queryset: Any, name: str, typed: str) -> Any:
        return queryset.search(typed)

    def as_of(self, queryset: Any, name: str, day: datetime.date) -> Any:
        """The day changes the fees beside the services, not which services there are."""
        return queryset

    @property
    def day(self) -> datetime.date | None:
        day: datetime.date | None = self.form.cleaned_data["date"] if self.is_valid() else None
        return day

    @property
    def found(self) -> Any:
        return self.qs if self.is_valid() else self.queryset.none()

    @property
    def error_summary(self) -> dict[str, Any] | None:
        return summary_of(self.form)
