"""A period in the address: From and To, or one of the periods in one click."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from billing.forms.base import NINETY_DAYS, PastDayField
from billing.models import Clinic


class Preset:
    """A period in one click: its name and its days. No first day: from the beginning."""

    def __init__(
        self, key: str, label: str, first: datetime.date | None, last: datetime.date
    ) -> None:
        self.key, self.label, self.first, self.last = key, label, first, last

    @property
    def query(self) -> dict[str, str]:
        return {"from": self.first.isoformat() if self.first else "", "to": self.last.isoformat()}


TODAY = "today"
THIS_MONTH = "this-month"
LAST_90_DAYS = "last-90-days"
DOCUMENT_PERIODS = (THIS_MONTH, "last-month", LAST_90_DAYS, "everything")
REPORT_PERIODS = (THIS_MONTH, "last-month", "this-quarter", "fiscal-year", "last-fiscal-year")


def presets(today: datetime.date, fiscal_month: int = 1) -> dict[str, Preset]:
    """The periods in one click by their keys; none of them ahead of today.

    A fiscal year begins on the first of `fiscal_month` (`Clinic.fiscal_year_month`).
    """
    month = today.replace(day=1)
    before = month - datetime.timedelta(days=1)
    quarter = today.replace(month=today.month - (today.month - 1) % 3, day=1)
    year = today.replace(month=fiscal_month, day=1)
    if year > today:
        year = year.replace(year=year.year - 1)
    year_before = year.replace(year=year.year - 1)
    found = [
        Preset(TODAY, "Today", today, today),
        Preset(THIS_MONTH, "This month", month, today),
        Preset("last-month", "Last month", before.replace(day=1), before),
        Preset("this-quarter", "This quarter", quarter, today),
        Preset("fiscal-year", "Fiscal year", year, today),
        Preset("last-fiscal-year", "Last year", year_before, year - datetime.timedelta(days=1)),
        Preset(LAST_90_DAYS, "Last 90 days", today - NINETY_DAYS, today),
        Preset("everything", "Everything", None, today),
    ]
    return {preset.key: preset for preset in found}


class LastDayField(PastDayField):
    """The last day of a period. Of the month that is not over, everything up to today is meant."""

    def to_python(self, value: Any) -> datetime.date | None:
        day: datetime.date | None = super().to_python(value)
        today = timezone.localdate()
        in_this_month = day and (day.year, day.month) == (today.year, today.month)
        return min(day, today) if day and in_this_month else day


class FromTo(forms.Form):
    """From is not after To, where the form has both."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and first > last:
            self.add_error("to", "To is before From.")
        return cleaned


class PeriodForm(FromTo):
    """From and To in the address. No From: everything.

    `period` names a preset instead, so that an address that is kept means this month in every
    month. Nothing asked for yet: the `usual` one.
    """

    from_needed = False
    offered: tuple[str, ...] = DOCUMENT_PERIODS
    usual = LAST_90_DAYS

    def __init__(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        self._presets = presets(timezone.localdate(), self._fiscal_month())
        super().__init__(self._with_period(data), **kwargs)
        self.fields["from"] = PastDayField(
            required=self.from_needed,
            error_messages={"required": "Enter the first day."},
        )
        self.fields["to"] = LastDayField(error_messages={"required": "Enter the last day."})
        self.order_fields(["from", "to"])

    def _fiscal_month(self) -> int:
        """Asked of the database only by forms that offer a fiscal year."""
        return Clinic.current().fiscal_year_month if "fiscal-year" in self.offered else 1

    def _with_period(self, data: Mapping[str, Any]) -> Any:
        named = data.get("period") or ""
        asked = "from" in data or "to" in data
        if asked and named not in self._presets:
            return data
        chosen = self._presets.get(named) or self._presets[self.usual]
        given: Any = data.copy() if isinstance(data, QueryDict) else {**data}
        for name, value in chosen.query.items():
            given[name] = value
        return given

    @property
    def first(self) -> datetime.date | None:
        day: datetime.date | None = self.cleaned_data["from"]
        return day

    @property
    def last(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["to"]
        return day

    @property
    def presets(self) -> list[tuple[Preset, bool]]:
        """The periods in one click, and whether each is the one shown."""
        shown = (self["from"].value() or "", self["to"].value())
        offered = (self._presets[key] for key in self.offered)
        return [
            (preset, tuple(preset.query.values()) == shown)
            for preset in offered
            if preset.first or not self.from_needed
        ]
