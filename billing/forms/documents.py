"""What a document is made of: a period, and for superbills and batches what else to choose."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from billing.forms.base import NINETY_DAYS, LedgerForm, PastDayField
from billing.models import InvoiceLine
from billing.money import ZERO, MoneyFormField
from patients.models import Patient, Provider


class Preset:
    """A period in one click: its name and its days. No first day: from the beginning."""

    def __init__(self, label: str, first: datetime.date | None, last: datetime.date) -> None:
        self.label, self.first, self.last = label, first, last

    @property
    def query(self) -> dict[str, str]:
        return {"from": self.first.isoformat() if self.first else "", "to": self.last.isoformat()}


def presets() -> list[Preset]:
    """This month, last month, the last 90 days, everything; none of them ahead of today."""
    today = timezone.localdate()
    this_month = today.replace(day=1)
    before = this_month - datetime.timedelta(days=1)
    return [
        Preset("This month", this_month, today),
        Preset("Last month", before.replace(day=1), before),
        Preset("Last 90 days", today - NINETY_DAYS, today),
        Preset("Everything", None, today),
    ]


class PeriodForm(forms.Form):
    """From and To in the address. Nothing asked for yet: the last 90 days; no From: everything."""

    from_needed = False

    def __init__(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(self._with_period(data), **kwargs)
        self.fields["from"] = PastDayField(
            required=self.from_needed,
            error_messages={"required": "Enter the first day."},
        )
        self.fields["to"] = PastDayField(error_messages={"required": "Enter the last day."})
        self.order_fields(["from", "to"])

    def _with_period(self, data: Mapping[str, Any]) -> Any:
        if "from" in data or "to" in data:
            return data
        given = {name: data.get(name) for name in data}
        usual = presets()[2]
        return {**given, **usual.query}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and first > last:
            self.add_error("to", "To is before From.")
        return cleaned

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
        return [
            (preset, tuple(preset.query.values()) == shown)
            for preset in presets()
            if preset.first or not self.from_needed
        ]


class StatementForm(PeriodForm):
    """A patient's statement, or the whole family's where they pay for others."""

    def __init__(self, data: Mapping[str, Any], *, has_family: bool) -> None:
        super().__init__(data)
        if has_family:
            self.fields["family"] = forms.BooleanField(
                label="One statement for the whole family", required=False
            )

    def _with_period(self, data: Mapping[str, Any]) -> Any:
        """Unless asked otherwise, a family's bills go out together."""
        found = super()._with_period(data)
        return found if found is data else {**found, "family": "on"}

    @property
    def for_family(self) -> bool:
        return bool(self.is_valid() and self.cleaned_data.get("family"))


class SuperbillForm(PeriodForm):
    """The charges of one provider in a period, of which some or all go on a superbill."""

    from_needed = True

    def __init__(self, data: Mapping[str, Any], *, patient: Patient) -> None:
        super().__init__(data)
        treated = Provider.objects.filter(lines__patient=patient).distinct()
        self.fields["provider"] = forms.ModelChoiceField(
            treated,
            empty_label=None,
            initial=treated.first(),
            required=False,
            error_messages={"invalid_choice": "Choose one of the providers in the list."},
        )
        self.patient = patient
        self.treated = treated

    @property
    def chosen_provider(self) -> Provider | None:
        """The one chosen, or the first who treated the patient."""
        chosen: Provider | None = self.cleaned_data.get("provider")
        return chosen or self.treated.first()

    @property
    def lines(self) -> QuerySet[InvoiceLine]:
        """What may go on it: issued charges that were not voided."""
        return (
            InvoiceLine.objects.issued()
            .filter(
                patient=self.patient,
                provider=self.chosen_provider,
                service_date__gte=self.first,
                service_date__lte=self.last,
                void__isnull=True,
            )
            .select_related("invoice", "session", "provider")
            .oldest_first()
        )


class BatchForm(PeriodForm):
    """Who gets a statement: whoever owes more than an amount, to all providers or to one."""

    more_than = MoneyFormField(label="Owing more than", required=False)
    provider = forms.ModelChoiceField(
        Provider.objects.all(),
        required=False,
        empty_label="All providers",
        error_messages={"invalid_choice": "Choose one of the providers in the list."},
    )

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.order_fields(["from", "to", "more_than", "provider"])
        self.fields["more_than"].widget.attrs["size"] = 8

    def clean_more_than(self) -> Any:
        amount = self.cleaned_data["more_than"]
        if amount is not None and amount < 0:
            raise forms.ValidationError("Enter an amount above zero, or nothing.")
        return amount or ZERO


class MakeBatchForm(LedgerForm):
    """The key of the form that starts a batch, so that a second click makes no second one."""
