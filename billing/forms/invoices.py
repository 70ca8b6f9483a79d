"""Issuing and voiding invoices: on which day, which lines, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from billing.forms.base import AccountingDateField, LedgerForm
from billing.forms.grid import line_id
from billing.forms.undo import OTHER, ReasonField

REASONS = ("Wrong service", "Wrong patient", "Entered twice", "Not provided", OTHER)


class DraftForm(LedgerForm):
    """The day the invoice is to carry, if it is issued now."""

    date = AccountingDateField(
        label="Invoice date", error_messages={"required": "Enter the date of the invoice."}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].widget.attrs["class"] = "fld num"


class VoidInvoiceForm(LedgerForm):
    """Charges that never should have been made: which, why, and on which day they come off."""

    reason = ReasonField(REASONS, "Choose a reason for the void.")
    note = forms.CharField(
        label="Note (optional)",
        max_length=160,
        required=False,
        error_messages={"max_length": "Use 160 characters at most."},
    )
    date = AccountingDateField(
        label="Date of the void", error_messages={"required": "Enter the date of the void."}
    )

    def __init__(self, *args: Any, offered: Sequence[int], asked: Sequence[str], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.offered = offered
        ids = {number for text in asked if (number := line_id(text))}
        self.foreign = ids - set(offered)
        self.chosen = [pk for pk in offered if pk in ids]
        for name in ("note", "date"):
            self.fields[name].widget.attrs |= {"class": "fld fld-s", "autocomplete": "off"}
        self.begin_in("reason")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.foreign:
            self.add_error(None, "A line that was chosen cannot be voided here. Check the others.")
        elif not self.chosen:
            self.add_error(None, "Choose the lines to void.")
        return cleaned

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        reason, note = self.cleaned_data["reason"], self.cleaned_data["note"].strip()
        return {
            "reason": f"{reason}: {note}" if note else reason,
            "date": self.cleaned_data["date"],
            "key": self.cleaned_data["key"],
        }
