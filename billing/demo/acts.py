"""What happens in a clinic, as the plan of the demo thinks of it: one class for each act."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from decimal import Decimal

from patients.models import Patient, Payer, Provider


@dataclass(eq=False)
class Charge:
    """A line of a bill, and what it still owes as the plan goes on."""

    patient: Patient
    provider: Provider
    code: str
    date: datetime.date
    amount: Decimal
    payer: Payer | None
    owes: Decimal
    insured: bool = False  # an insurer has still to answer
    settled: list[Check] = field(default_factory=list)
    diagnoses: str = ""


@dataclass(eq=False)
class Bill:
    date: datetime.date
    charges: list[Charge]


@dataclass(eq=False)
class Receipt:
    date: datetime.date
    patient: Patient
    provider: Provider
    amount: Decimal
    method: str
    reference: str
    shares: list[tuple[Charge, Decimal]]


@dataclass(eq=False)
class Check:
    """An insurer's payment: what it pays and writes off on each line, and perhaps more."""

    date: datetime.date
    payer: Payer
    amount: Decimal
    method: str
    reference: str
    shares: list[tuple[Charge, Decimal, Decimal]]
    over_allocation_reason: str = ""


@dataclass(eq=False)
class Undo:
    date: datetime.date
    receipt: Receipt
    reason: str
    unpay: bool
    void: bool = False


@dataclass(eq=False)
class Refund:
    date: datetime.date
    receipt: Receipt
    amount: Decimal
    reason: str


@dataclass(eq=False)
class Transfer:
    date: datetime.date
    receipt: Receipt
    amount: Decimal
    provider: Provider
    reason: str


@dataclass(eq=False)
class WriteOff:
    date: datetime.date
    charge: Charge
    amount: Decimal
    kind: str
    reason: str


@dataclass(eq=False)
class Void:
    """A line that never should have been billed."""

    date: datetime.date
    charge: Charge
    reason: str


Act = Bill | Receipt | Check | Undo | Refund | Transfer | WriteOff | Void
