"""The deposit slip: what to list, what of it is ticked, and saving the slip."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone

from billing import balances
from billing.forms.base import AccountingDateField, LedgerForm, PastDayField
from billing.forms.filters import FilterForm
from billing.models import Method, Payment
from billing.money import show_dollars

PAPER, EVERY = "paper", "all"


class SlipFilter(FilterForm):
    """Which receipts wait for the bank: of which days, and by which methods.

    Cash and checks, unless others are asked for: those are carried to the bank.
    """

    method = forms.ChoiceField(
        choices=[(PAPER, "Cash and checks"), (EVERY, "All methods"), *Method.choices],
        error_messages={"invalid_choice": "Choose one of the methods in the list."},
        widget=forms.Select(attrs={"class": "form-select fld"}),
    )

    def __init__(self, asked: Mapping[str, str]) -> None:
        defaults = {"method": PAPER, "from": "", "to": timezone.localdate().isoformat()}
        super().__init__({name: asked.get(name) or value for name, value in defaults.items()})
        # `from` is a word of Python's, so it cannot be declared like the others.
        self.fields["from"] = PastDayField(label="From", required=False, initial=None)
        self.fields["to"] = PastDayField(label="To")
        for name in ("from", "to"):
            self.fields[name].widget.attrs["class"] = "fld num"

    @property
    def first(self) -> datetime.date | None:
        found: datetime.date | None = self.cleaned_data["from"]
        return found

    @property
    def last(self) -> datetime.date:
        found: datetime.date = self.cleaned_data["to"]
        return found

    @property
    def methods(self) -> tuple[str, ...]:
        method = self.cleaned_data["method"]
        return {PAPER: balances.PAPER, EVERY: tuple(Method.values)}.get(method, (method,))


class SlipForm(LedgerForm):
    """When it goes to the bank."""

    date = AccountingDateField(label="Date of the deposit")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["date"].widget.attrs["class"] = "fld num"


class Ticked:
    """What is ticked of the payments on the page, as far as they still wait for the bank."""

    def __init__(self, listed: Sequence[Payment], ticked: Iterable[str]) -> None:
        wanted = set(ticked)
        self.payments = [payment for payment in listed if str(payment.pk) in wanted]
        self.ids = {payment.pk for payment in self.payments}
        self.lost = len(wanted) > len(self.payments)
        self.methods = balances.by_method(self.payments)
        self.total: Decimal = balances.money_total(self.payments)

    @property
    def counted(self) -> str:
        """ "12 payments, $1,038.50": what the page shows, and sends back when it is saved."""
        count = len(self.payments)
        return f"{count} {'payment' if count == 1 else 'payments'}, {show_dollars(self.total)}"
