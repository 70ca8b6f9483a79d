"""What an account owes, and the credit beside it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Min,
    Q,
    QuerySet,
    Sum,
)

from billing.balances.fees import last_session
from billing.models import InvoiceLine, Payment
from billing.money import ZERO
from patients.models import Patient, Provider


@dataclass(frozen=True)
class AccountBalance:
    """One patient with one provider: what the invoices owe, and the credit beside them."""

    provider: Provider | None
    invoices: Decimal
    credit: Decimal

    @property
    def net(self) -> Decimal:
        return self.invoices - self.credit

    def once(self, *, owed: Decimal = ZERO, credit: Decimal = ZERO) -> AccountBalance:
        """The account once so much more is owed, and so much more is credit."""
        return AccountBalance(self.provider, self.invoices + owed, self.credit + credit)


def accounts(patient: Patient) -> list[AccountBalance]:
    """A patient's balances per provider, for every provider with a line or a payment."""
    invoices: dict[int, Decimal] = dict(
        InvoiceLine.objects.issued()
        .filter(patient=patient)
        .values_list("provider")
        .annotate(total=Sum("balance"))
        .order_by()
    )
    credit: dict[int, Decimal] = dict(
        Payment.objects.money_in()
        .filter(patient=patient)
        .values_list("provider")
        .annotate(total=Sum("unallocated"))
        .order_by()
    )
    providers = Provider.objects.filter(pk__in={*invoices, *credit})
    return [
        AccountBalance(each, invoices.get(each.pk, ZERO), credit.get(each.pk, ZERO))
        for each in providers
    ]


def likely_provider(patient: Patient) -> Provider | None:
    """Whose account money of this patient most likely goes to, for a box that waits for an answer.

    Whom they owe most themselves; else the account with the highest net balance; else whom they
    saw last, or the only provider there is. None where nobody could tell.
    """
    own = (
        InvoiceLine.objects.open()
        .filter(patient=patient, payer__isnull=True, provider__active=True)
        .values("provider")
        .annotate(total=Sum("balance"))
        .order_by("-total", "provider")
        .first()
    )
    if own:
        return Provider.objects.get(pk=own["provider"])
    active = [each for each in accounts(patient) if each.provider and each.provider.active]
    if active:
        return max(active, key=lambda each: each.net).provider
    last = last_session(patient)
    if last and last.provider.active:
        return last.provider
    return only_provider()


def only_provider() -> Provider | None:
    """The one provider of a clinic that has no other."""
    providers = list(Provider.objects.filter(active=True)[:2])
    return providers[0] if len(providers) == 1 else None


def account(patient: Patient, provider: Provider) -> AccountBalance:
    """The balances of one account; zeros where nothing ever happened."""
    found = [each for each in accounts(patient) if each.provider == provider]
    return found[0] if found else AccountBalance(provider, ZERO, ZERO)


def total(balances: Iterable[AccountBalance]) -> AccountBalance:
    """The row for all providers together."""
    listed = list(balances)
    return AccountBalance(
        None,
        sum((each.invoices for each in listed), ZERO),
        sum((each.credit for each in listed), ZERO),
    )


def accounts_with_credit() -> QuerySet[Payment, Any]:
    """Accounts with credit to allocate or negative credit, the oldest such receipt first."""
    return (
        Payment.objects.of_patients()
        .filter(Q(unallocated__gt=0) | Q(unallocated__lt=0))
        .values("patient", "provider")
        .annotate(credit=Sum("unallocated"), since=Min("date"))
        .order_by("since", "patient", "provider")
    )


@dataclass(frozen=True)
class CreditRow:
    """An account of that worklist, with its people and what its invoices owe."""

    patient: Patient
    balance: AccountBalance
    since: datetime.date


def credit_rows(found: Iterable[Mapping[str, Any]]) -> list[CreditRow]:
    """A page of accounts_with_credit with names; three queries however many."""
    listed = list(found)
    patients = Patient.objects.in_bulk({each["patient"] for each in listed})
    providers = Provider.objects.in_bulk({each["provider"] for each in listed})
    owed: dict[tuple[int, int], Decimal] = {
        (patient, provider): total
        for patient, provider, total in InvoiceLine.objects.open()
        .filter(patient__in=patients)
        .values_list("patient", "provider")
        .annotate(total=Sum("balance"))
        .order_by()
    }
    return [
        CreditRow(
            patients[each["patient"]],
            AccountBalance(
                providers[each["provider"]],
                owed.get((each["patient"], each["provider"]), ZERO),
                each["credit"],
            ),
            each["since"],
        )
        for each in listed
    ]
