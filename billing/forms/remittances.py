"""Uploading remittances, and what is typed while one is reviewed, saved, undone."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from billing.era.reading import LIMIT
from billing.forms.base import AccountingDateField, LedgerForm
from billing.forms.payments import OverAllocating
from billing.models import Decision, RemittanceRow
from billing.models.periods import closed_through
from billing.models.remittances import AMOUNTS
from billing.money import MoneyFormField, show
from patients.fields import PayerField

FILES_AT_ONCE = 20
UNDOING = ("Wrong file", "Wrong payer", "Entered twice", "Payment bounced", "Other")


class _SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """One or more files, as they came; what is in them only reading says."""

    widget = _SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = [each for each in (data or []) if each]
        if not files:
            raise forms.ValidationError("Choose the file from the insurer.")
        if len(files) > FILES_AT_ONCE:
            raise forms.ValidationError(f"Choose {FILES_AT_ONCE} files at most at a time.")
        return files


class EraUploadForm(forms.Form):
    """The files an insurer or a clearinghouse sent."""

    uploads = _FilesField(
        label="ERA files",
        help_text=f"X12 835, often named .835, .era or .edi. {LIMIT // 1024 // 1024} MB each at"
        " most. Nothing is posted until you save.",
    )


class ChoosePayerForm(forms.Form):
    payer = PayerField(error_messages={"required": "Choose the payer."})


class SaveRemittanceForm(OverAllocating):
    """What saving asks for: the day, a word where the file was marked as a test, and a reason where
    the sessions got more than was received.

    The view keeps the day and the word while somebody looks at other rows (`KEPT`). `dated` is the
    day the ERA gives; where that is closed by now, today is offered instead.
    """

    KEPT = ("date", "sure")

    date = AccountingDateField(
        label="Date received",
        error_messages={"required": "Enter the payment date; the ERA has none."},
    )
    sure = forms.BooleanField(
        label="The payer marked this file as a TEST. It is a real payment all the same.",
        required=False,
    )

    def __init__(self, *args: Any, dated: datetime.date | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        closed = closed_through()
        if dated and closed and dated <= closed:
            self.fields["date"].help_text = f"The ERA says {dated:%d %b %Y}, which is closed."
            dated = timezone.localdate()
        self.initial.setdefault("date", dated)
        keeping = {
            "form": "save",
            "hx-post": "",
            "hx-trigger": "change",
            "hx-swap": "none",
            "hx-vals": '{"action": "keep"}',
        }
        self.fields["date"].widget.attrs |= {"class": "fld num", **keeping}
        self.fields["sure"].widget.attrs |= {"class": "form-check-input", **keeping}
        self.fields["over_reason"].widget.attrs["form"] = "save"


class RowAmountsForm(forms.Form):
    """What is posted on a session, and what becomes of the amount to review."""

    allocation = MoneyFormField(label="Insurance paid")
    write_off = MoneyFormField(label="Write-off")
    deductible = MoneyFormField()
    coinsurance = MoneyFormField()
    copay = MoneyFormField()
    other = MoneyFormField(label="Other, patient owes")
    decision = forms.ChoiceField(
        label="The amount to review", choices=Decision.choices, required=False
    )

    def __init__(self, *args: Any, row: RemittanceRow, **kwargs: Any) -> None:
        now = {name: show(getattr(row, name)) for name in AMOUNTS} | {"decision": row.decision}
        kwargs["initial"] = now
        super().__init__(*args, **kwargs)
        self.row = row
        for name in AMOUNTS:
            field = self.fields[name]
            field.required = False
            field.widget.attrs |= {"class": "fld num", "autocomplete": "off", "data-money": True}
            if row.said and Decimal(row.said[name]) != getattr(row, name):
                field.help_text = f"ERA: {show(Decimal(row.said[name]))}"
        self.fields["decision"].widget.attrs["class"] = "form-select fld"

    @property
    def boxes(self) -> Sequence[forms.BoundField]:
        return [self[name] for name in AMOUNTS]

    @property
    def amounts(self) -> dict[str, Decimal]:
        """An emptied box is nothing."""
        return {name: self.cleaned_data[name] or Decimal("0.00") for name in AMOUNTS}


class PlaceForm(LedgerForm):
    """Putting an unmatched claim on a session posts, so its form is carried out once."""


class UndoRemittanceForm(LedgerForm):
    """Undo what a remittance posted, and say what becomes of it."""

    after = forms.ChoiceField(
        label="Then",
        error_messages={"required": "Say what becomes of it."},
        choices=[("draft", "Keep it as a draft"), ("discard", "Discard it")],
        widget=forms.RadioSelect,
        initial="draft",
    )
    reason = forms.ChoiceField(
        choices=[("", "Choose a reason"), *((each, each) for each in UNDOING)],
        error_messages={
            "required": "Choose a reason for the reversal.",
            "invalid_choice": "Choose a reason for the reversal.",
        },
    )
    note = forms.CharField(label="Note (optional)", max_length=200, required=False)
    date = AccountingDateField(label="Date of the reversal")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].widget.attrs["class"] = "form-select fld"
        self.fields["note"].widget.attrs |= {"class": "fld", "autocomplete": "off"}
        self.fields["date"].widget.attrs["class"] = "fld num"
