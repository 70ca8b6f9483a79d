"""What a document is made of: a period, and for superbills and batches what else to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet

from billing.forms.base import LedgerForm
from billing.forms.period import PeriodForm
from billing.models import InvoiceLine
from billing.money import ZERO, MoneyFormField
from patients.models import Patient, Provider


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
        if found is not data:
            found["family"] = "on"
        return found

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
