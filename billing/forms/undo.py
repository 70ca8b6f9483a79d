"""Undoing a payment: why, and what becomes of the lines it paid."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.forms.base import AccountingDateField, LedgerForm

REASONS = ("Wrong amount", "Wrong patient", "Entered twice", "Payment bounced", "Other")
DELETING = tuple(reason for reason in REASONS if reason != "Payment bounced")


def _choices(reasons: tuple[str, ...]) -> list[tuple[str, str]]:
    # No default, so that a double Enter reverses nothing by accident.
    return [("", "Choose a reason"), *((reason, reason) for reason in reasons)]


class VoidForm(LedgerForm):
    """Delete payment: it never should have been entered."""

    after = forms.ChoiceField(
        choices=[("unpay", "Un-pay"), ("leave", "Leave invoices paid")], required=False
    )
    reason = forms.ChoiceField(
        choices=_choices(DELETING),
        error_messages={
            "required": "Choose a reason for the deletion.",
            "invalid_choice": "Choose a reason for the deletion.",
        },
    )
    note = forms.CharField(label="Note (optional)", max_length=200, required=False)
    again = forms.BooleanField(label="Then take the correct payment", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget.attrs["class"] = "form-select fld fld-s"
        self.fields["note"].widget.attrs["class"] = "fld fld-s"
        self.fields["note"].widget.attrs["autocomplete"] = "off"

    @property
    def chosen(self) -> str:
        """The card that is marked: un-pay unless somebody chose the other."""
        return "leave" if self["after"].value() == "leave" else "unpay"

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        answer = {name: self.cleaned_data[name] for name in self.verb_fields}
        return {**answer, "unpay_lines": self.cleaned_data["after"] != "leave"}

    verb_fields: tuple[str, ...] = ("key", "reason", "note")


class ReverseForm(VoidForm):
    """Reverse: entered in error, or bounced. Both entries stay in the history."""

    date = AccountingDateField(label="Date of the reversal")
    verb_fields = ("key", "reason", "note", "date")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = forms.ChoiceField(
            choices=_choices(REASONS),
            widget=forms.Select(attrs={"class": "form-select fld fld-s"}),
            error_messages={
                "required": "Choose a reason for the reversal.",
                "invalid_choice": "Choose a reason for the reversal.",
            },
        )
        self.fields["date"].widget.attrs["class"] = "fld fld-s"
