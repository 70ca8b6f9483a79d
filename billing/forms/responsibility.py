"""Who owes: somebody says by hand who is asked for the rest of an invoice's lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.forms.base import LedgerForm
from billing.models import InvoiceLine
from patients.models import Patient, Payer

PATIENT = "patient"


class LinesField(forms.TypedMultipleChoiceField):
    """Lines of the invoice on the screen; another invoice's are no choice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(coerce=int, widget=forms.CheckboxSelectMultiple, **kwargs)


class ResponsibilityForm(LedgerForm):
    """The lines, who owes their rest from now on, and why."""

    lines = LinesField(
        error_messages={
            "required": "Choose a line.",
            "invalid_choice": "Choose among the unpaid lines of this invoice.",
        }
    )
    owes = forms.ChoiceField(
        label="Who owes the rest",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose who owes the rest.",
            "invalid_choice": "Choose one of the patient's insurers, or the patient.",
        },
    )
    reason = forms.CharField(
        max_length=200,
        error_messages={
            "required": "Say why it is theirs.",
            "max_length": "Use 200 characters at most.",
        },
    )

    def __init__(
        self,
        *args: Any,
        lines: Sequence[InvoiceLine],
        payers: Sequence[Payer],
        patient: Patient,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.payers = {str(payer.pk): payer for payer in payers}
        chosen = self.fields["lines"]
        chosen.choices = [(line.pk, str(line)) for line in lines]  # type: ignore[attr-defined]
        chosen.initial = [line.pk for line in lines] if len(lines) == 1 else []
        self.fields["owes"].choices = [  # type: ignore[attr-defined]
            *((key, payer.name) for key, payer in self.payers.items()),
            (PATIENT, f"{patient.name}, the patient"),
        ]
        self.fields["reason"].widget.attrs.update({"class": "fld", "autocomplete": "off"})
        for name in ("lines", "owes"):
            self.fields[name].widget.attrs["class"] = "form-check-input"

    @property
    def payer(self) -> Payer | None:
        """Who was chosen; nobody is the patient."""
        return self.payers.get(self.cleaned_data["owes"])
