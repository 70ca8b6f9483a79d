"""What every form that moves money shares: a key against double saving, dates, and its errors."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractBaseUser
from django.forms.utils import ErrorDict
from django.utils import timezone

from billing.models.periods import closed_through, in_closed_period
from billing.models.submissions import Submission
from patients.cards import NoCardNumbers
from patients.fields import DayField
from patients.summary import error_summary, errors_of

__all__ = ["AccountingDateField", "LedgerForm", "PastDayField", "error_summary", "errors_of"]

EARLIEST = datetime.date(1990, 1, 1)
NINETY_DAYS = datetime.timedelta(days=90)  # what is shown before anybody asks for more


class LedgerForm(NoCardNumbers, forms.Form):
    """A form whose saving is one ledger verb.

    `key` is made when the form is drawn and sent back with it, so that a second click or a
    reload finds what the first one did (rule R10).
    """

    key = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": "This form is too old to be saved. Your typing is kept: save again.",
            "invalid": "This form is too old to be saved. Your typing is kept: save again.",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["key"].initial = uuid.uuid4

    def begin_in(self, field: str) -> None:
        """The cursor waits in this field; once something was sent it goes to the errors instead."""
        if not self.is_bound:
            self.fields[field].widget.attrs["autofocus"] = True

    @property
    def key_value(self) -> str:
        """The key for the hidden box: the one that was sent or kept if it is one, else a new one."""
        given = self.data if self.is_bound else self.initial
        sent = str(given.get(self.add_prefix("key"), ""))
        try:
            return str(uuid.UUID(sent))
        except ValueError:
            return str(uuid.uuid4())

    def sent_before(self, by: AbstractBaseUser) -> bool:
        """Whether this very form was carried out already.

        Then only the ledger knows the answer: to the screen its lines look paid by somebody else.
        """
        key = self.cleaned_data.get("key")
        return key is not None and Submission.objects.of_form(by, key).exists()

    def only_filled(self) -> None:
        """Nothing is called wrong while somebody still fills the form by its buttons."""
        self._errors = ErrorDict()

    def refuse(self, error: Exception) -> None:
        """Show a LedgerError where it belongs: beside its field if this form has that field."""
        field = getattr(error, "field", "")
        self.add_error(field if field in self.fields else None, str(error))

    def summary(self, what: str) -> dict[str, Any]:
        """The error summary (parts/error_summary.html): the same words as beside the fields."""
        return error_summary(what, errors_of(self))


def offer_providers(field: Any, providers: Any, *, suggested: bool) -> None:
    """The providers to choose from. Nobody is chosen by being the first of them."""
    field.empty_label = None if suggested else "Choose the provider"
    field.queryset = providers


def not_long_ago(day: datetime.date) -> None:
    """Refuse a day before any this clinic can mean."""
    if day < EARLIEST:
        raise forms.ValidationError("The date is too long ago. Check the year.")


class PastDayField(DayField):
    """A day something happened: not in the future, not long ago."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("initial", timezone.localdate)
        super().__init__(**kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is None:
            return
        if value > timezone.localdate():
            raise forms.ValidationError("The date is in the future.")
        not_long_ago(value)


class AccountingDateField(PastDayField):
    """A day money is booked on: not in the future, not in a closed period."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        closed = closed_through() if value else None
        if closed and value <= closed:
            raise forms.ValidationError(in_closed_period(closed))
