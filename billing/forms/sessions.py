"""A session: when, with whom, where and what for. What was done is in rows (forms.charges)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from billing.forms.base import (
    EARLIEST,
    LedgerForm,
    PastDayField,
    error_summary,
    offer_providers,
)
from billing.forms.grid import line_id
from patients.diagnoses import read_diagnoses
from patients.models import Patient, PlaceOfService, Provider, Session


class SessionForm(LedgerForm):
    """The strip above the services."""

    date = PastDayField(error_messages={"required": "Enter the date of the session."})
    provider = forms.ModelChoiceField(
        Provider.objects.none(),
        error_messages={"required": "Choose the provider.", "invalid_choice": "Choose a provider."},
    )
    place_of_service = forms.ChoiceField(
        label="Place",
        choices=PlaceOfService.choices,
        error_messages={"invalid_choice": "Choose one of the places in the list."},
    )
    diagnoses = forms.CharField(
        required=False,
        max_length=300,
        error_messages={"max_length": "Use 300 characters at most."},
        widget=forms.TextInput(attrs={"placeholder": "F41.1, M54.50", "autocomplete": "off"}),
    )
    again = forms.BooleanField(label="This is another session", required=False)

    def __init__(
        self, *args: Any, patient: Patient, session: Session | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.patient, self.session = patient, session
        providers = Provider.objects.filter(active=True)
        if session:
            providers |= Provider.objects.filter(pk=session.provider_id)
        suggested = bool(session or self.initial.get("provider"))
        offer_providers(self.fields["provider"], providers, suggested=suggested)
        if not suggested:
            self.begin_in("provider")
        for name, field in self.fields.items():
            kind = "form-select fld" if isinstance(field, forms.ChoiceField) else "fld num"
            field.widget.attrs["class"] = "form-check-input" if name == "again" else kind

    def clean_diagnoses(self) -> str:
        return read_diagnoses(self.cleaned_data["diagnoses"])

    def doubt(self) -> None:
        """Ask once whether a second session of the day with the same provider is meant."""
        day, provider = self.cleaned_data.get("date"), self.cleaned_data.get("provider")
        if not day or not provider or self.cleaned_data.get("again"):
            return
        same = self.patient.sessions.filter(date=day, provider=provider)
        if self.session:
            same = same.exclude(pk=self.session.pk)
        if same.exists():
            self.add_error(
                "again",
                f"{self.patient.name} already has a session with {provider} on {day:%d %b %Y}."
                " If this is another one, say so and save again.",
            )

    @property
    def asks_again(self) -> bool:
        """Whether the box that says so is shown."""
        return "again" in self.errors or bool(self["again"].value())

    @property
    def typed_day(self) -> Any:
        """The day as far as it is understood, while other things are still wrong."""
        try:
            return self.fields["date"].clean(self["date"].value())
        except forms.ValidationError:
            return None

    @property
    def typed_provider(self) -> Provider | None:
        try:
            found: Provider | None = self.fields["provider"].clean(self["provider"].value())
        except forms.ValidationError:
            return None
        return found

    @property
    def answer(self) -> dict[str, Any]:
        """What the ledger is told."""
        return {name: value for name, value in self.cleaned_data.items() if name != "again"}


# ---------------------------------------------------------------------------- the day list


@dataclass(frozen=True)
class DayListForm:
    """Which sessions are listed: a day's or all unbilled ones, of everybody or one provider.

    Lives in the address. A provider nobody knows counts as not given; a day that is none is said.
    """

    day: datetime.date
    typed: str
    unbilled: bool
    provider: Provider | None
    problem: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> DayListForm:
        today = timezone.localdate()
        typed = query.get("date", "")
        day, problem = today, ""
        if typed:
            try:
                day = datetime.datetime.strptime(typed, "%Y-%m-%d").date()  # noqa: DTZ007
                if not typed.isascii():
                    raise ValueError
                if not EARLIEST <= day <= datetime.date(2999, 12, 31):
                    day, problem = today, "That is not a day of this clinic. Check the year."
            except ValueError:
                day, problem = today, "Enter a date like 2025-11-18."
        number = line_id(query.get("provider", ""))
        provider = Provider.objects.filter(pk=number).first() if number else None
        return cls(day, typed, query.get("unbilled") == "1", provider, problem)

    @property
    def providers(self) -> list[Provider]:
        return list(Provider.objects.all())

    @property
    def before(self) -> datetime.date:
        return self.day - datetime.timedelta(days=1)

    @property
    def after(self) -> datetime.date:
        return self.day + datetime.timedelta(days=1)

    @property
    def is_today(self) -> bool:
        return self.day == timezone.localdate()

    @property
    def error_summary(self) -> dict[str, Any] | None:
        if not self.problem:
            return None
        return error_summary("This day cannot be shown.", [{"href": "#date", "text": self.problem}])
