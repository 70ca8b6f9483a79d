"""What people may narrow the lists of payments, invoices and fees by. The filters live in the address."""

from __future__ import annotations

import datetime
from typing import Any

import django_filters as filters
from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from billing.balances import AgeBand, ByCause, Cause, Counted, NegativeCause, begin_of, in_state
from billing.forms.base import NINETY_DAYS, error_summary, errors_of, not_long_ago
from billing.forms.period import FromTo
from billing.models import Invoice, InvoiceLine, Kind, Method, Payment, Service
from billing.models.invoices import InvoiceLineQuerySet
from billing.models.numbering import INSURANCE, INVOICE, RECEIPT, TRANSFER
from billing.models.payments import PAYER_METHODS, PaymentQuerySet
from patients.fields import DayField
from patients.models import Patient, PatientQuerySet, Payer, Provider
from patients.searching import SearchInput


class State(TextChoices):
    STANDING = "standing", "Standing"
    REVERSED = "reversed", "Reversed"
    DELETED = "deleted", "Deleted"
    UNALLOCATED = "unallocated", "Unallocated money"


def with_state(payments: PaymentQuerySet) -> PaymentQuerySet:
    """Each receipt with `deleted`: was it undone by a deletion, and not by a reversal?"""
    deletion = Payment.objects.filter(original=OuterRef("pk"), kind=Kind.VOID)
    return payments.annotate(deleted=Exists(deletion))


def _numbered(word: str, *series: str) -> Q:
    """Numbers of these series that begin so: 22, R-22 or r-22 for R-2207."""
    found = Q(number__begins=word.upper())
    for prefix in series:
        found |= Q(number__begins=f"{prefix}-{word}")
    return found


def _called(word: str) -> PatientQuerySet:
    """Patients with a name that begins so, or with just this chart number."""
    if any(letter.isdigit() for letter in word):
        return Patient.objects.filter(chart_number=word.upper())
    return Patient.objects.search(word)


FEW = 1_000  # ids that are handed over one by one


def _any_of(first: Any, *others: Any) -> Any:
    """The ids of all these rows. Each is found in its own way: an OR would look at every row.

    A few are looked for here, once, and the list then asks for just these.
    """
    found = (
        first.order_by()
        .values_list("pk")
        .union(*(each.order_by().values_list("pk") for each in others))
    )
    ids = [pk for (pk,) in found[: FEW + 1]]
    return ids if len(ids) <= FEW else found


class FilterForm(FromTo):
    """The boxes above a list."""


class DayFilter(filters.DateFilter):
    field_class = DayField


def _day(label: str, **kwargs: Any) -> DayFilter:
    return DayFilter(label=label, validators=[not_long_ago], **kwargs)


def _search(label: str, placeholder: str) -> filters.CharFilter:
    return filters.CharFilter(
        label=label,
        method="search_for",
        max_length=100,
        error_messages={"max_length": "Search with 100 characters at most."},
        widget=SearchInput(attrs={"autocomplete": "off", "placeholder": placeholder}),
    )


MOST_WORDS = 8  # more are no name and no number; each brings a list of its own


def _words(typed: str) -> list[str]:
    return typed.replace(",", " ").split()[:MOST_WORDS]


def _one_of(queryset: Any, label: str, nouns: str, **kwargs: Any) -> filters.ModelChoiceFilter:
    return filters.ModelChoiceFilter(
        label=label,
        queryset=queryset,
        empty_label=f"All {nouns}",
        error_messages={"invalid_choice": f"Choose one of the {nouns} in the list."},
        **kwargs,
    )


def _choice(label: str, nouns: str, choices: Any, **kwargs: Any) -> filters.ChoiceFilter:
    kwargs.setdefault("empty_label", f"All {nouns}")
    return filters.ChoiceFilter(
        label=label,
        choices=choices,
        error_messages={"invalid_choice": f"Choose one of the {nouns} in the list."},
        **kwargs,
    )


class ListFilter(filters.FilterSet):
    """The boxes above a list; what they hold lives in the address."""

    class Meta:
        form = FilterForm

    @property
    def error_summary(self) -> dict[str, Any] | None:
        """What is wrong with the filters, if anything is."""
        items = errors_of(self.form)
        return error_summary("These filters cannot be used.", items) if items else None


class PeriodFilter(ListFilter):
    """A list with From and To, that shows the last 90 days unless something else is asked for."""

    by_first_day: dict[str, Any]  # how From narrows the list: a field, or a method
    by_last_day: dict[str, Any]
    whenever: tuple[str, ...] = ()  # states that must be found however old they are

    @classmethod
    def get_filters(cls) -> dict[str, Any]:
        """`from` is a word of Python's, so it cannot be declared like the others."""
        found = dict(super().get_filters())
        state = found.pop("state", None)
        if state is None:  # this class itself
            return found
        period = {"from": _day("From", **cls.by_first_day), "to": _day("To", **cls.by_last_day)}
        return {**found, **period, "state": state}

    def __init__(self, request: HttpRequest, queryset: Any) -> None:
        super().__init__(self._with_period(request.GET), queryset, request=request)

    def _with_period(self, typed: QueryDict) -> QueryDict:
        asked = {"from", "to"} & set(typed)
        if asked or typed.get("q") or typed.get("state") in self.whenever:
            return typed
        data = typed.copy()
        data["from"] = (timezone.localdate() - NINETY_DAYS).isoformat()
        return data


# ---------------------------------------------------------------------------- payments


class ReceiptFilter(PeriodFilter):
    """What both lists can be narrowed by.

    Without a period the last 90 days are shown, unless somebody searches or asks for unallocated
    money: that must be found however old it is. Deleted receipts stay out unless asked for, or
    unless they still pay a line.
    """

    whenever = (State.UNALLOCATED,)
    by_first_day = {"field_name": "date", "lookup_expr": "gte"}
    by_last_day = {"field_name": "date", "lookup_expr": "lte"}

    q = _search("Received from", "Name, number or reference")
    method = _choice("Method", "methods", Method.choices)
    state = _choice(
        "State", "states", State.choices, empty_label="All but deleted", method="in_state"
    )

    def __init__(self, request: HttpRequest, queryset: PaymentQuerySet) -> None:
        super().__init__(request, with_state(queryset))

    def search_for(self, queryset: PaymentQuerySet, name: str, typed: str) -> PaymentQuerySet:
        """Every word has to be found: in a name or a reference, or as the beginning of a number."""
        for word in _words(typed):
            numbered = _numbered(word, RECEIPT, INSURANCE, TRANSFER)
            queryset = queryset.filter(
                pk__in=_any_of(
                    Payment.objects.filter(numbered),
                    Payment.objects.filter(reference__icontains=word).exclude(reference=""),
                    Payment.objects.filter(payer__in=Payer.objects.filter(name__icontains=word)),
                    Payment.objects.filter(patient__in=_called(word)),
                )
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


class PaymentFilter(ReceiptFilter):
    provider = _one_of(Provider.objects.all(), "Provider", "providers")


class InsurancePaymentFilter(ReceiptFilter):
    q = _search("Find", "Number, check or EFT number")
    payer = _one_of(Payer.objects.all(), "Payer", "payers")
    method = _choice(
        "Method", "methods", [(method.value, method.label) for method in PAYER_METHODS]
    )

    def in_state(self, queryset: PaymentQuerySet, name: str, state: str) -> PaymentQuerySet:
        """Where there is no patient there is a payer; said so, the small index is used."""
        found = super().in_state(queryset, name, state)
        return found.filter(patient__isnull=True) if state == State.UNALLOCATED else found


# ---------------------------------------------------------------------------- invoices, fees


class InvoiceFilter(PeriodFilter):
    """What the list of invoices can be narrowed by.

    Without a period the last 90 days are shown, unless somebody searches or asks for drafts or open
    invoices: those must be found however old they are. A draft counts by the day it was begun.
    """

    whenever = ("draft", "open")
    by_first_day = {"method": "since"}
    by_last_day = {"method": "until"}

    q = _search("Patient", "Name, chart or invoice number")
    provider = _one_of(Provider.objects.all(), "Provider", "providers", method="of_provider")
    state = _choice(
        "State",
        "states",
        [(state.lower(), state) for state in ("Draft", "Open", "Paid", "Void")],
        method="in_state",
    )

    def search_for(self, queryset: Any, name: str, typed: str) -> Any:
        """Every word has to be found: in the number, a name or the chart number."""
        for word in _words(typed):
            numbered = Invoice.objects.filter(_numbered(word, INVOICE))
            theirs = Invoice.objects.filter(patient__in=_called(word))
            queryset = queryset.filter(pk__in=_any_of(numbered, theirs))
        return queryset

    def of_provider(self, queryset: Any, name: str, provider: Provider) -> Any:
        mine = InvoiceLine.objects.filter(invoice=OuterRef("pk"), provider=provider)
        return queryset.filter(Exists(mine))

    def since(self, queryset: Any, name: str, day: datetime.date) -> Any:
        begun = Q(issued_on__isnull=True, created_at__gte=begin_of(day))
        return queryset.filter(Q(issued_on__gte=day) | begun)

    def until(self, queryset: Any, name: str, day: datetime.date) -> Any:
        begun = Q(issued_on__isnull=True, created_at__lt=begin_of(day, later=1))
        return queryset.filter(Q(issued_on__lte=day) | begun)

    def in_state(self, queryset: Any, name: str, state: str) -> Any:
        return in_state(queryset, state.capitalize())

    @property
    def found(self) -> Any:
        """The invoices asked for; none while a filter cannot be understood."""
        return self.qs if self.is_valid() else self.queryset.none()

    @property
    def lines_of_period(self) -> InvoiceLineQuerySet | None:
        """The issued lines of the invoices asked for, where no more than a period is asked for:
        a line has its invoice's day."""
        if not self.is_valid():
            return None
        asked = self.form.cleaned_data
        if asked["q"] or asked["provider"] or asked["state"]:
            return None
        lines = InvoiceLine.objects.issued()
        if first := asked["from"]:
            lines = lines.filter(issued_on__gte=first)
        if last := asked["to"]:
            lines = lines.filter(issued_on__lte=last)
        return lines


class FeeFilter(ListFilter):
    """The fee schedule: which services, as of which day. Fees to come may be looked up, too."""

    q = _search("Service", "Code or description")
    date = _day("Fees of", method="as_of")

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


# ---------------------------------------------------------------------------- worklists by cause


class CauseFilter(ListFilter):
    """A worklist narrowed to a cause, an age, and whose money it is.

    `around` is the list without cause and age: what the sums by cause and age add up.
    """

    age = _choice("Age", "ages", AgeBand.choices)

    @property
    def found(self) -> Any:
        """What was asked for; nothing while a filter cannot be understood."""
        return self.qs if self.is_valid() else self.queryset.none()

    @property
    def around(self) -> Any:
        """As `found`, of every cause and age."""
        if not self.is_valid():
            return self.queryset.none()
        around = self.queryset
        for name in self.form.cleaned_data.keys() - {"cause", "age"}:
            around = self.filters[name].filter(around, self.form.cleaned_data[name])
        return around

    def counted(self, sums: ByCause) -> Counted:
        """What of these sums is on the list."""
        typed = self.form.cleaned_data if self.is_valid() else {}
        return sums.narrowed(typed.get("cause", ""), typed.get("age", ""))


class UnallocatedFilter(CauseFilter):
    cause = _choice("Cause", "causes", Cause.choices)
    payer = _one_of(Payer.objects.all(), "Payer", "payers")
    provider = _one_of(Provider.objects.all(), "Provider", "providers")


class NegativeCreditFilter(CauseFilter):
    cause = _choice("Cause", "causes", NegativeCause.choices)
    provider = _one_of(Provider.objects.all(), "Provider", "providers")
