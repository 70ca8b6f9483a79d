"""What a service comes to: the arithmetic of lines that are not issued yet.

Pure: what is typed on New session, on a draft and on New invoice, the live figures there and what is
saved all call `amount_of` and `together`. The ledger writes what these worked out.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.models import InvoiceLine, Service
from billing.money import CENT, LARGEST, ZERO
from patients.models import Payer, Provider, Session

MOST_UNITS = 999


@dataclass(frozen=True)
class Charge:
    """A line as a draft is to hold it. `line` is the draft's line it changes, if there is one."""

    provider: Provider
    date: datetime.date
    description: str
    units: int
    amount: Decimal
    payer: Payer | None = None
    code: str = ""
    modifiers: str = ""
    service: Service | None = None
    session: Session | None = None
    line: int | None = None


def charge_of(line: InvoiceLine) -> Charge:
    """What a line charges, to be charged once more."""
    return Charge(
        provider=line.provider,
        date=line.service_date,
        description=line.description,
        units=line.units,
        amount=line.amount,
        payer=line.payer,
        code=line.code,
        modifiers=line.modifiers,
        service=line.service,
        session=line.session,
    )


def amount_of(units: int, fee: Decimal) -> Decimal | None:
    """So many units at that fee; None where no line can be that large."""
    amount = units * fee
    return amount if amount <= LARGEST else None


def fee_of(amount: Decimal, units: int) -> Decimal | None:
    """The fee of one unit, where the amount is so many whole ones."""
    fee = (amount / units).quantize(CENT)
    return fee if fee * units == amount else None


@dataclass(frozen=True)
class Owed:
    """What several lines come to, and who is to pay it first."""

    lines: int
    total: Decimal
    patient: Decimal
    by_payer: Sequence[tuple[Payer, Decimal]]


def together(lines: Iterable[tuple[Decimal, Payer | None]]) -> Owed:
    """The sums under the rows: amounts with the payer who owes each, or nobody: the patient."""
    listed = list(lines)
    payers = dict.fromkeys(payer for _amount, payer in listed if payer)
    return Owed(
        lines=len(listed),
        total=sum((amount for amount, _payer in listed), ZERO),
        patient=sum((amount for amount, payer in listed if not payer), ZERO),
        by_payer=[
            (payer, sum((amount for amount, owed_by in listed if owed_by == payer), ZERO))
            for payer in payers
        ],
    )


def seen(lines: Iterable[InvoiceLine]) -> str:
    """What a screen showed of a draft's lines; a verb refuses when it changed since."""
    rows = [
        (
            line.pk,
            line.code,
            line.description,
            line.modifiers,
            line.units,
            str(line.amount),
            line.payer_id,
            line.provider_id,
            line.service_date.isoformat(),
        )
        for line in sorted(lines, key=lambda line: line.pk)
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:20]
