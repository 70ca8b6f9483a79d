"""Undoing a payment: why, and what becomes of the lines it paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.forms.base import AccountingDateField, LedgerForm
from billing.models.payments import BOUNCED

OTHER = "Other"
REASONS = ("Wrong amount", "Wrong patient", "Entered twice", BOUNCED, OTHER)
CORRECTING = ("Wrong amount", "Wrong method or reference", "Wrong provider", "Wrong date", OTHER)
DELETING = tuple(reason for reason in REASONS if reason != BOUNCED)


class ReasonField(forms.ChoiceField):
    """Why, in one of a few words. No default, so that a double Enter does nothing by accident."""

    def __init__(self, reasons: Sequence[str], missing: str) -> None:
        super().__init__(
            choices=[("", "Choose a reason"), *((reason, reason) for reason in reasons)],
            widget=forms.Select(attrs={"class": "form-select fld fld-s"}),
            error_messages={"required": missing, "invalid_choice": missing},
        )


class VoidForm(LedgerForm):
    """Delete payment: it never should have been entered."""

    after = forms.ChoiceField(
        choices=[("unpay", "Un-pay"), ("leave", "Leave invoices paid")], required=False
    )
    reason = ReasonField(DELETING, "Choose a reason for the deletion.")
    note = forms.CharField(label="Note (optional)", max_length=200, required=False)
    again = forms.BooleanField(label="Then take the correct payment", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"].widget.attrs["class"] = "fld fld-s"
        self.fields["note"].widget.attrs["autocomplete"] = "off"
        self.begin_in("reason")  # where there are cards to choose from, they come before it

    @property
    def chosen(self) -> str:
        """The card that is marked: un-pay unless somebody chose the other, or the clinic begins so."""
        return "leave" if self["after"].value() == "leave" else "unpay"

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        answer = {name: self.cleaned_data[name] for name in self.verb_fields}
        return {**answer, "unpay_lines": self.cleaned_data["after"] != "leave"}

    verb_fields: tuple[str, ...] = ("key", "reason", "note")


class ReverseForm(VoidForm):
    """Reverse: entered in error, or bounced. Both entries stay in the history.

    `initial` says with which answer it begins (`Clinic.reversal_default`).
    """

    reason = ReasonField(REASONS, "Choose a reason for the reversal.")
    date = AccountingDateField(label="Date of the reversal")
    verb_fields = ("key", "reason", "note", "date")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].widget.attrs["class"] = "fld fld-s"


class ReasonForm(LedgerForm):
    """A form that says why, in a word or two and, where those do not fit, in a note."""

    reasons: tuple[str, ...] = ()
    reason_missing = "Choose a reason."
    first = "reason"  # the field it begins in

    reason = ReasonField((), reason_missing)
    note = forms.CharField(label="Note (optional)", max_length=150, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"] = ReasonField(self.reasons, self.reason_missing)
        for field in self.fields.values():
            extra = "form-select fld fld-s" if isinstance(field, forms.ChoiceField) else "fld fld-s"
            field.widget.attrs.setdefault("class", extra)
        self.fields["note"].widget.attrs["autocomplete"] = "off"
        self.begin_in(self.first)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("reason") == OTHER and not cleaned.get("note") and "note" in cleaned:
            self.add_error("note", "Say what the reason is.")
        return cleaned

    @property
    def why(self) -> str:
        """The reason as the ledger keeps it."""
        reason, note = self.cleaned_data["reason"], self.cleaned_data["note"]
        if note:
            return note if reason == OTHER else f"{reason}: {note}"
        return str(reason)


class CorrectForm(ReasonForm):
    """Correct payment: why it goes, before its copy opens."""

    reasons = CORRECTING
    reason_missing = "Choose what is wrong with it."
