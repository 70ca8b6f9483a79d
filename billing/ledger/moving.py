"""Money leaves a receipt: really paid back, or moved to another account as credit."""

from __future__ import annotations

import datetime
from decimal import Decimal
from uuid import UUID

from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting, standing_receipt
from billing.ledger.refusals import LedgerError, require_reason
from billing.models import Kind, Payment
from billing.money import ZERO, show
from patients.models import Patient, Provider


@verb
def refund(
    *,
    by: User,
    payment: Payment,
    amount: Decimal,
    method: str,
    date: datetime.date,
    reason: str,
    reference: str = "",
    key: UUID | None = None,
) -> Posted:
    """Money was really paid back out of what is unallocated of a receipt.

    Refused: more than is unallocated (un-pay lines first), nothing, no reason.
    """
    require_reason(reason)
    posting, receipt = _take_out(by, payment, amount, date)
    row = posting.draw(
        Kind.REFUND,
        source=receipt,
        original=receipt,
        amount=-amount,
        method=method,
        reference=reference,
        reason=reason,
    )
    return posting.posted(row)


@verb
def transfer(
    *,
    by: User,
    payment: Payment,
    amount: Decimal,
    patient: Patient,
    provider: Provider,
    date: datetime.date,
    reason: str,
    key: UUID | None = None,
) -> Posted:
    """Move unallocated credit of a patient's receipt to another account, as a zero-sum pair.

    Refused: more than is unallocated, to the account it already belongs to, no reason.
    """
    require_reason(reason)
    if payment.payer_id:
        raise LedgerError("An insurer's money stays with the insurer; it is not patient credit.")
    if (payment.patient_id, payment.provider_id) == (patient.pk, provider.pk):
        raise LedgerError("The credit is already there.", field="provider")
    posting, receipt = _take_out(by, payment, amount, date, also=patient.pk)
    into = posting.transfer(receipt, amount, patient.pk, provider.pk, reason)
    return posting.posted(into)


def _take_out(
    by: User,
    payment: Payment,
    amount: Decimal,
    date: datetime.date,
    also: int | None = None,
) -> tuple[Posting, Payment]:
    if amount <= 0:
        raise LedgerError("Enter the amount.", field="amount")
    posting = Posting(by, date)
    posting.lock(patients=[pk for pk in (payment.patient_id, also) if pk], payments=[payment.pk])
    receipt = standing_receipt(posting, payment)
    if amount > receipt.unallocated:
        raise LedgerError(
            f"Only {show(max(receipt.unallocated, ZERO))} of {receipt.number} is not allocated.",
            field="amount",
        )
    return posting, receipt
