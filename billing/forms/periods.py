"""Closing a period, and opening it again."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone

from billing.forms.base import LedgerForm, PastDayField
from billing.models.periods import why_not_closed


def next_month_end(closed: datetime.date | None, today: datetime.date) -> datetime.date | None:
    """What is closed next: the last month that is over; None once that is closed.

    The month that goes on is closed by whoever types a day of it, never by pressing the button twice.
    """
    last = month_end_before(today)
    return last if closed is None or last > closed else None


def month_end_before(day: datetime.date) -> datetime.date:
    """The last day of the month before the one this day is in."""
    return day.replace(day=1) - datetime.timedelta(days=1)


class _MoveForm(LedgerForm):
    """A new closing date. `seen` is the one the screen shows, so that nobody moves it past another."""

    seen = forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.HiddenInput,
        error_messages={"invalid": "This form is too old to be saved. Open the page afresh."},
    )

    def __init__(self, *args: Any, closed: datetime.date | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.closed = closed
        self.fields["through"].widget.attrs["class"] = "fld num"

    @property
    def answer(self) -> dict[str, Any]:
        """What was answered, as the verb takes it."""
        return dict(self.cleaned_data)


class CloseForm(_MoveForm):
    """Through which day the books are shut."""

    through = PastDayField(
        label="Close through", error_messages={"required": "Enter the last day to close."}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["through"].initial = next_month_end(self.closed, timezone.localdate())

    def clean_through(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["through"]
        if problem := why_not_closed(day, self.closed):
            raise forms.ValidationError(problem)
        return day

    @property
    def day(self) -> datetime.date | None:
        """The day asked about, where it can be closed; what is closed next while nobody asked."""
        if not self.is_bound:
            suggested: datetime.date | None = self.fields["through"].initial
            return suggested
        return self.cleaned_data.get("through") if "through" not in self.errors else None


class ReopenForm(_MoveForm):
    """Through which earlier day the books stay shut, and why the rest is opened."""

    through = PastDayField(
        label="Keep closed through",
        error_messages={"required": "Enter the last day that stays closed."},
    )
    reason = forms.CharField(
        max_length=200,
        error_messages={"required": "Say why the period is opened again."},
        widget=forms.TextInput(attrs={"class": "fld", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Its dialog opens over the page that has the other form.
        super().__init__(*args, auto_id="reopen_%s", **kwargs)
        if self.closed:
            self.fields["through"].initial = month_end_before(self.closed)
        self.begin_in("reason")  # which comes first
