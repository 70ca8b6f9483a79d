"""Every entry of a patient's books in a period, with what was owed and what was credit after each.

The financial history (`history`) puts together what belongs together, and a statement
(`statements`) says what a patient needs to know; this is the ledger itself, row after row by
accounting date, nothing put together and nothing left out.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.balances.as_of import StandsThen
from billing.models import Adjustment, Allocation, InvoiceLine, Payment
from billing.money import ZERO
from patients.models import Patient, Provider


@dataclass(frozen=True)
class Moved:
    """What one entry, or many, did: charged, taken off, received, put on lines."""

    charged: Decimal = ZERO
    adjusted: Decimal = ZERO
    paid: Decimal = ZERO
    allocated: Decimal = ZERO

    @classmethod
    def together(cls, parts: Iterable[Moved]) -> Moved:
        listed = list(parts)
        return cls(
            sum((each.charged for each in listed), ZERO),
            sum((each.adjusted for each in listed), ZERO),
            sum((each.paid for each in listed), ZERO),
            sum((each.allocated for each in listed), ZERO),
        )

    def after(self, before: StandsThen) -> StandsThen:
        """How the account stands after this. What an insurer pays is on its line at once."""
        return StandsThen(
            before.receivable + self.charged - self.adjusted - self.allocated,
            before.unallocated + self.paid - self.allocated,
        )


@dataclass(frozen=True)
class LedgerEntry:
    """One row of the books: a charge (`line` alone), an `adjustment`, money of the patient's that
    came or went (`payment`), or an `allocation`, which may be an insurer's payment."""

    date: datetime.date
    entered: datetime.datetime
    moved: Moved
    line: InvoiceLine | None = None
    payment: Payment | None = None
    allocation: Allocation | None = None
    adjustment: Adjustment | None = None

    @property
    def provider(self) -> Provider:
        owner = self.line or self.payment
        assert owner is not None  # noqa: S101
        assert owner.provider is not None  # noqa: S101  (a patient's payment has one)
        return owner.provider


@dataclass(frozen=True)
class PatientLedger:
    """The entries of a period, each with the balances after it, between opening and closing."""

    opening: StandsThen
    entries: Sequence[tuple[LedgerEntry, StandsThen]]
    closing: StandsThen

    @property
    def moved(self) -> Moved:
        """What all entries of the period did."""
        return Moved.together(entry.moved for entry, _after in self.entries)


def patient_ledger(
    patient: Patient,
    *,
    first: datetime.date | None,
    last: datetime.date,
    provider: Provider | None = None,
) -> PatientLedger:
    """A patient's ledger, or that of their account with one provider; four queries.

    Without a first day it goes from the beginning. What is before the first day is the opening
    balance: it is added up from the same rows, so the ledgers of two periods join.
    """
    listed = sorted(
        _entries(patient, provider, last), key=lambda entry: (entry.date, entry.entered)
    )
    before = [entry.moved for entry in listed if first and entry.date < first]
    opening = stands = Moved.together(before).after(StandsThen(ZERO, ZERO))
    entries = []
    for entry in listed[len(before) :]:
        stands = entry.moved.after(stands)
        entries.append((entry, stands))
    return PatientLedger(opening, entries, stands)


def _entries(
    patient: Patient, provider: Provider | None, last: datetime.date
) -> Iterable[LedgerEntry]:
    """Every row up to a day. Rows of one act bear one moment: charges and money come first, then
    what they pay, as they were written."""
    own = {"provider": provider} if provider else {}
    on_lines: dict[str, Any] = {"line__patient": patient, "date__lte": last}
    if provider:
        on_lines["line__provider"] = provider

    lines = InvoiceLine.objects.filter(patient=patient, issued_on__lte=last, **own)
    for line in lines.select_related("invoice", "provider").order_by("service_date", "pk"):
        assert line.issued_on  # noqa: S101
        moment = line.invoice.issued_at or line.invoice.created_at
        yield LedgerEntry(line.issued_on, moment, Moved(charged=line.amount), line=line)

    payments = Payment.objects.filter(patient=patient, date__lte=last, **own)
    for payment in payments.select_related("provider", "original", "source").order_by("pk"):
        moved = Moved(paid=payment.amount)
        yield LedgerEntry(payment.date, payment.created_at, moved, payment=payment)

    about_lines = ("line__invoice", "line__provider")
    allocations = Allocation.objects.filter(**on_lines)
    for row in allocations.select_related(*about_lines, "payment__payer").order_by("pk"):
        # A patient's money was received before; an insurer's comes with the line it pays.
        received = row.amount if row.payment.payer_id else ZERO
        moved = Moved(paid=received, allocated=row.amount)
        yield LedgerEntry(row.date, row.created_at, moved, line=row.line, allocation=row)

    adjustments = Adjustment.objects.filter(**on_lines)
    for adjustment in adjustments.select_related(*about_lines, "payment__payer").order_by("pk"):
        moved = Moved(adjusted=adjustment.amount)
        yield LedgerEntry(
            adjustment.date,
            adjustment.created_at,
            moved,
            line=adjustment.line,
            adjustment=adjustment,
        )
