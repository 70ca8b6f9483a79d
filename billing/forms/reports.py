"""What a report is asked for: a period or a day, whose money, which columns, in which order.

All of it lives in the address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.http import QueryDict
from django.utils import timezone

from billing.balances import Basis
from billing.forms.base import PastDayField
from billing.forms.period import REPORT_PERIODS, THIS_MONTH, PeriodForm
from billing.models import Method
from patients.models import Patient, Payer, Provider


def provider_field() -> forms.ModelChoiceField:
    return _one_of(Provider.objects.all(), "providers", label="Provider")


def payer_field() -> forms.ModelChoiceField:
    return _one_of(Payer.objects.all(), "payers", label="Payer")


class ChartNumberField(forms.ModelChoiceField):
    """A patient by chart number: no name stands in an address."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        return super().to_python(value.strip().upper() if isinstance(value, str) else value)


def chart_number_field() -> forms.ModelChoiceField:
    return ChartNumberField(
        Patient.objects.all(),
        label="Patient",
        required=False,
        to_field_name="chart_number",
        widget=forms.TextInput(
            attrs={"placeholder": "Chart number", "autocomplete": "off", "spellcheck": "false"}
        ),
        error_messages={
            "invalid_choice": "No patient has this chart number. It looks like P1042, and is on"
            " the patient's account."
        },
    )


def user_field() -> forms.ModelChoiceField:
    users = get_user_model().objects.order_by("first_name", "last_name", "username")
    return _one_of(users, "users", label="User", to_field_name="username", form_class=_UserField)


def method_field() -> forms.ChoiceField:
    return choice_field("Method", "methods", Method.choices)


FROM_PATIENTS, FROM_PAYERS = "patients", "insurers"


def received_from_field() -> forms.ChoiceField:
    choices = [(FROM_PATIENTS, "Patients"), (FROM_PAYERS, "Insurers")]
    return choice_field("Received from", "patients and insurers", choices)


def choice_field(label: str, nouns: str, choices: Sequence[tuple[str, str]]) -> forms.ChoiceField:
    """One of a few, or all."""
    return forms.ChoiceField(
        label=label,
        choices=[("", f"All {nouns}"), *choices],
        required=False,
        error_messages={"invalid_choice": f"Choose one of the {nouns} in the list."},
    )


def basis_field(label: str, choices: Sequence[tuple[str, str]]) -> forms.ChoiceField:
    """One of a few, the first unless another is chosen."""
    return forms.ChoiceField(
        label=label,
        choices=choices,
        required=False,
        error_messages={"invalid_choice": "Choose one of the list."},
    )


class _UserField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        """By name, as the reports' column says it; the log-in name tells two of a name apart."""
        name, login = obj.get_full_name(), obj.get_username()
        return f"{name} ({login})" if name else login


def _one_of(
    queryset: Any,
    nouns: str,
    *,
    form_class: type[forms.ModelChoiceField] = forms.ModelChoiceField,
    **kwargs: Any,
) -> forms.ModelChoiceField:
    return form_class(
        queryset,
        required=False,
        empty_label=f"All {nouns}",
        error_messages={"invalid_choice": f"Choose one of the {nouns} in the list."},
        **kwargs,
    )


class ReportForm(forms.Form):
    """The columns and their order; the filters are each report's own.

    `columns` are (name, label) of those that can be shown.
    """

    def __init__(
        self, data: Mapping[str, Any], *, columns: Sequence[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.fields["columns"] = forms.MultipleChoiceField(
            label="Columns to show",
            choices=columns,
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="With none ticked the usual ones are shown, and files hold all.",
            error_messages={
                "invalid_choice": "“%(value)s” is no column of this report. Choose from the list."
            },
        )
        self.fields["sort"] = forms.CharField(
            label="Sorted by", required=False, max_length=60, widget=forms.HiddenInput
        )
        self.sortable = {name for name, _label in columns}

    def clean_sort(self) -> str:
        typed: str = self.cleaned_data["sort"]
        if typed and typed.removeprefix("-") not in self.sortable:
            raise forms.ValidationError(
                "This report cannot be sorted by that. Choose one of its column headings."
            )
        return typed

    @property
    def filters(self) -> list[forms.BoundField]:
        """The boxes above the report, without its period and its columns."""
        beside = {"from", "to", "columns", "sort"}
        return [bound for bound in self if bound.name not in beside]


class PeriodReportForm(ReportForm, PeriodForm):
    """A report of a period: this month, unless asked otherwise."""

    offered: tuple[str, ...] = REPORT_PERIODS
    usual = THIS_MONTH


class AsOfReportForm(ReportForm):
    """A report of a day: today, unless asked otherwise; by accounting date or by entry date."""

    as_of = PastDayField(label="As of", error_messages={"required": "Enter a day."})
    by = basis_field("By", Basis.choices)

    def __init__(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(self._with_day(data), **kwargs)

    def _with_day(self, data: Mapping[str, Any]) -> Any:
        if "as_of" in data:
            return data
        given: Any = data.copy() if isinstance(data, QueryDict) else {**data}
        given["as_of"] = timezone.localdate().isoformat()
        return given

    def clean_by(self) -> str:
        return self.cleaned_data["by"] or Basis.ACCOUNTING.value
