"""What voiding lines would do, before anybody does it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from billing.balances.accounts import AccountBalance, account
from billing.balances.links import PaidBy, paid_by
from billing.models import InvoiceLine
from billing.money import ZERO
from patients.models import Patient, Provider


@dataclass(frozen=True)
class VoidEffect:
    """An account now and once the lines are void."""

    patient: Patient
    now: AccountBalance
    after: AccountBalance


@dataclass(frozen=True)
class Voiding:
    """What would be un-paid from which receipts, what is written off, and each account's figures."""

    unpaid: list[PaidBy]
    written_off: Decimal
    accounts: list[VoidEffect]

    @property
    def unpaid_total(self) -> Decimal:
        return sum((link.amount for link in self.unpaid), ZERO)


def effects_of_voiding(lines: Iterable[InvoiceLine]) -> Voiding:
    """What patients paid on the lines goes back to their credit; the charge comes off.

    An account's invoices fall by what the lines owe, its credit rises by what was paid on them;
    reversed receipts that still pay them count as well, since their credit is below zero by that
    much. Covering moves nothing between the three figures.
    """
    listed = list(lines)
    links = paid_by(line.pk for line in listed)
    owed: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    paid: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    whose: dict[tuple[int, int], tuple[Patient, Provider]] = {}
    for line in listed:
        own = (line.patient_id, line.provider_id)
        whose[own] = (line.patient, line.provider)
        owed[own] += line.balance
        paid[own] += line.paid
    effects = []
    for own, (patient, provider) in whose.items():
        now = account(patient, provider)
        after = AccountBalance(provider, now.invoices - owed[own], now.credit + paid[own])
        effects.append(VoidEffect(patient, now, after))
    return Voiding(
        unpaid=[link for line in listed for link in links.get(line.pk, [])],
        written_off=sum((line.balance + line.paid for line in listed), ZERO),
        accounts=effects,
    )
