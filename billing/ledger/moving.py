"""Money leaves a receipt: really paid back, or moved to another account as credit."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from billing.ledger.allowed import require, require_refund
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting, standing_receipt
from billing.ledger.receiving import filled
from billing.ledger.refusals import LedgerError, require_reason
from billing.models import Kind, Payment
from billing.money import ZERO, show
from billing.sharing import Entry
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
    unpay: Sequence[Entry] = (),
    key: UUID | None = None,
) -> Posted:
    """Money was really paid back out of what is unallocated of a receipt.

    `unpay` takes a patient's receipt off lines first, so that money already allocated can be paid
    back in one act. Refused: more than is unallocated then, more than the receipt holds on a
    line, nothing, no reason.
    """
    require(by, "billing.refund_payment")
    require_reason(reason)
    entries = filled(unpay)
    posting, receipt = _open(by, payment, date, lines=[entry.line for entry in entries])
    _take_off(posting, receipt, entries, f"Paid back: {reason}")
    _refuse_more_than_free(receipt, amount)
    require_refund(by, receipt, amount)
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
    require(by, "billing.transfer_credit")
    require_reason(reason)
    if payment.payer_id:
        raise LedgerError("An insurer's money stays with the insurer; it is not patient credit.")
    if (payment.patient_id, payment.provider_id) == (patient.pk, provider.pk):
        raise LedgerError("The credit is already there.", field="provider")
    posting, receipt = _open(by, payment, date, also=patient.pk)
    _refuse_more_than_free(receipt, amount)
    into = posting.transfer(receipt, amount, patient.pk, provider.pk, reason)
    return posting.posted(into)


def _open(
    by: User,
    payment: Payment,
    date: datetime.date,
    *,
    also: int | None = None,
    lines: Sequence[int] = (),
) -> tuple[Posting, Payment]:
    posting = Posting(by, date)
    patients = [pk for pk in (payment.patient_id, also) if pk]
    posting.lock(patients=patients, payments=[payment.pk], lines=lines)
    return posting, standing_receipt(posting, payment)


def _take_off(posting: Posting, receipt: Payment, entries: Sequence[Entry], reason: str) -> None:
    if entries and receipt.payer_id:
        raise LedgerError("An insurer's money comes off lines as a takeback in its next payment.")
    held = posting.held(payment=receipt.pk) if entries else {}
    for entry in entries:
        line = posting.line(entry)
        has = held.get((receipt.pk, line.pk), ZERO)
        if entry.write_off or not ZERO <= entry.paid <= has:
            raise LedgerError(
                f"{receipt.number} pays {show(has)} of this line; un-pay that much at most.",
                line=line.pk,
            )
        posting.put(receipt, line, -entry.paid, reason)


def _refuse_more_than_free(receipt: Payment, amount: Decimal) -> None:
    if amount <= 0:
        raise LedgerError("Enter the amount.", field="amount")
    if amount > receipt.unallocated:
        raise LedgerError(
            f"Only {show(max(receipt.unallocated, ZERO))} of {receipt.number} is not allocated.",
            field="amount",
        )
