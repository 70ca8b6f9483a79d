"""An account's credit on its lines, and money taken off lines again."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Account, Posting, age, unpay_everything
from billing.ledger.receiving import filled
from billing.ledger.refusals import LedgerError, require_reason
from billing.models import InvoiceLine, Payment
from billing.money import show
from billing.sharing import Entry
from patients.models import Patient, Provider


@verb
def allocate_credit(
    *,
    by: User,
    patient: Patient,
    provider: Provider,
    entries: Sequence[Entry],
    date: datetime.date,
    key: UUID | None = None,
) -> Posted:
    """Credit allocation: plus pays a line from the account's credit, minus un-pays it.

    Un-paying comes first, reversed receipts before the newest; then standing credit is used
    oldest first. The account's net balance stays as it is (R6). Refused: more than the credit
    available, more than a line owes, un-paying more than the patient's receipts hold on it.
    """
    require(by, "billing.allocate_credit")
    posting = Posting(by, date)
    entries = filled(entries)
    posting.lock(patients=[patient.pk], lines=[entry.line for entry in entries])
    account = (patient.pk, provider.pk)
    unpaid = [entry.line for entry in entries if entry.paid < 0]
    held = posting.held(line__in=unpaid, payment__patient__isnull=False) if unpaid else {}
    posting.read_receipts(payment for payment, _line in held)
    for entry in sorted(entries, key=lambda entry: entry.paid > 0):
        line = posting.line(entry)
        if (line.patient_id, line.provider_id) != account:
            raise LedgerError(f"{line.invoice} is not on this account.", line=line.pk)
        if entry.paid < 0:
            left = posting.unpay_held(line, -entry.paid, "Un-paid on Credit allocation", held)
            if left > 0:
                raise LedgerError(
                    f"You can un-pay at most {show(-entry.paid - left)} on this line.",
                    line=line.pk,
                )
        else:
            _pay_from_credit(posting, account, line, entry.paid)
    return posting.posted()


def _pay_from_credit(
    posting: Posting, account: Account, line: InvoiceLine, amount: Decimal
) -> None:
    if amount > line.balance:
        raise LedgerError(f"This line only owes {show(line.balance)}.", line=line.pk)
    standing = sorted(
        (
            receipt
            for receipt in posting.receipts.values()
            if (receipt.patient_id, receipt.provider_id) == account
            and not receipt.reversed
            and receipt.unallocated > 0
        ),
        key=age,
    )
    for receipt in standing:
        given = min(amount, receipt.unallocated)
        if given > 0:
            posting.put(receipt, line, given)
            amount -= given
    if amount > 0:
        raise LedgerError(f"{show(amount)} more than the credit available.", line=line.pk)


@verb
def unpay(
    *,
    by: User,
    date: datetime.date,
    reason: str,
    payment: Payment | None = None,
    line: InvoiceLine | None = None,
    amount: Decimal | None = None,
    key: UUID | None = None,
) -> Posted:
    """Take a patient's money off the lines it pays; it becomes credit again.

    With `payment` alone: everything that receipt pays. With `line` and `amount`: that much, from
    reversed receipts first and then the newest, or from `payment` if it is named. Insurer money
    is un-paid from its own payment (a takeback, or its reversal), never here.
    """
    require(by, "billing.allocate_credit")
    require_reason(reason)
    if line is not None and (amount is None or amount <= 0):
        raise LedgerError("Enter how much to un-pay.", field="amount")
    if payment is not None and payment.payer_id:
        raise LedgerError("Insurer money is un-paid from its own payment.")
    posting = Posting(by, date)
    if line is not None and amount is not None:
        posting.lock(patients=[line.patient_id], lines=[line.pk])
        left = posting.unpay_line(posting.line_of(line.pk), amount, reason, payment)
        if left > 0:
            raise LedgerError(
                f"You can un-pay at most {show(amount - left)} on this line.", line=line.pk
            )
    elif payment is not None and payment.patient_id:
        posting.lock(patients=[payment.patient_id], payments=[payment.pk])
        unpay_everything(posting, [posting.receipts[payment.pk]], reason)
        if not posting.allocations:
            raise LedgerError("This payment pays no line.")
    else:
        raise LedgerError("Choose the payment or the line to un-pay.")
    return posting.posted(payment)
