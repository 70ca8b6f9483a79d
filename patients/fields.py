"""Fields people type words into that mean somebody or some day."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms

from patients.models import Patient, Payer

EARLIEST = datetime.date(1900, 1, 1)
LATEST = datetime.date(2199, 12, 31)
LISTED = 5  # so many of several patients are named in a sentence


class DayField(forms.DateField):
    """A day, from the browser's own date box."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    default_error_messages = {"invalid": "Enter a date like 2025-11-18."}

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["%Y-%m-%d"])
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and not value.isascii():  # Python reads other scripts' digits
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class PolicyDayField(DayField):
    """A day a policy begins or ends on."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is None:
            return
        if value < EARLIEST:
            raise forms.ValidationError("The date is too long ago. Check the year.")
        if value > LATEST:
            raise forms.ValidationError(
                "The date is too far ahead. Leave it empty where there is no end."
            )


class PayerField(forms.CharField):
    """A text box that is told a payer's name or ID; a picker helps, but is not needed."""

    kept: Payer | None = None  # the one the record has already, also when it is no longer active

    def clean(self, value: Any) -> Payer | None:
        typed = super().clean(value)
        if not typed and not self.required:
            return None
        if self.kept and typed == str(self.kept):
            return self.kept
        payer = Payer.objects.filter(active=True).named(typed)
        if payer is None:
            raise forms.ValidationError(_not_one_payer(typed))
        return payer


def _not_one_payer(typed: str) -> str:
    several = list(Payer.objects.filter(active=True).search(typed)[:3])
    if len(several) < 2:
        return f"No payer is called {typed}. Choose one from the list."
    names = "; ".join(str(payer) for payer in several[:2])
    more = " and others" if len(several) > 2 else ""
    return f"Several payers are called {typed}: {names}{more}. Choose one from the list."


class PatientField(forms.CharField):
    """A text box that is told a chart number, "Smith, John (P1042)" or a name that only one has.

    Digits alone are no name: the start of a number is too little to say who pays.
    """

    def prepare_value(self, value: Any) -> Any:
        return str(value) if isinstance(value, Patient) else value

    def clean(self, value: Any) -> Patient | None:
        typed = super().clean(value)
        if not typed:
            return None
        has_letters = any(letter.isalpha() for letter in typed)
        found = Patient.objects.meant(typed, most=LISTED + 1) if has_letters else []
        if not found:
            raise forms.ValidationError(
                f"No patient is called {typed}. Type a chart number like P1042."
            )
        if len(found) > 1:
            names = "; ".join(str(patient) for patient in found[:LISTED])
            more = " and others" if len(found) > LISTED else ""
            raise forms.ValidationError(
                f"Several patients match: {names}{more}. Type the chart number."
            )
        return found[0]
