"""Opening balances: what patients owed, and the credit they had, in the system before."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.chain.acts import note
from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting
from billing.ledger.refusals import LedgerError
from billing.models import Invoice, InvoiceLine, Kind, Method, Payment
from billing.models.numbering import INVOICE, RECEIPT, take_numbers
from patients.models import Patient, Payer, Provider

NOTE = "Opening balance"


@dataclass(frozen=True)
class OpeningBalance:
    """One account as the system before left it: above zero it is owed, below zero it is credit.

    `payer` is the insurer that owes it, `reference` the other system's number for it.
    """

    patient: Patient
    provider: Provider
    amount: Decimal
    date: datetime.date
    description: str = NOTE
    payer: Payer | None = None
    reference: str = ""


@verb
def record_opening(
    *, by: User, balances: Sequence[OpeningBalance], key: UUID | None = None
) -> Posted:
    """Take over so many balances at once, all of them or none.

    What is owed becomes an issued invoice of one line, dated its own day, so that it ages from
    there. Credit becomes a receipt that pays nothing yet: which line it was meant for is for the
    desk to say, so an account of both keeps both. Numbered in the order given. Refused: nothing
    owed, a closed or future date, credit that a payer is to owe, credit for an account whose
    credit is negative (a payment at the desk covers that first, R7).
    """
    require(by, "billing.import_files")
    if not balances:
        return Posted()
    _refuse_wrong(balances)
    dates = [each.date for each in balances]
    posting = Posting(by, min(dates))  # looks whether the earliest day is closed
    posting.date = max(dates)
    posting.check_date()
    posting.lock(patients=[each.patient.pk for each in balances])
    credits = [each for each in balances if each.amount < 0]
    _refuse_overdrawn(posting, credits)
    _invoices(posting, [each for each in balances if each.amount > 0])
    _receipts(posting, credits)
    return Posted()


def _refuse_wrong(balances: Sequence[OpeningBalance]) -> None:
    for each in balances:
        if each.amount == 0:
            raise LedgerError(f"{each.patient} owes {each.provider} nothing.", field="amount")
        if each.amount < 0 and each.payer:
            raise LedgerError("Credit is the patient's; no payer owes it.", field="payer")


def _refuse_overdrawn(posting: Posting, credits: Sequence[OpeningBalance]) -> None:
    overdrawn = {
        (receipt.patient_id, receipt.provider_id)
        for receipt in posting.receipts.values()
        if receipt.unallocated < 0
    }
    for each in credits:
        if (each.patient.pk, each.provider.pk) in overdrawn:
            raise LedgerError(
                f"{each.patient}'s credit with {each.provider} is negative. Settle that first, or"
                " take this as a payment.",
                field="amount",
            )


def _invoices(posting: Posting, owed: Sequence[OpeningBalance]) -> None:
    """Drafts first, then their lines, then the numbers: an issued invoice gets no further line."""
    if not owed:
        return
    invoices = Invoice.objects.bulk_create(
        Invoice(patient=each.patient, created_by_id=posting.by.pk) for each in owed
    )
    lines = InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            patient=each.patient,
            provider=each.provider,
            payer=each.payer,
            service_date=each.date,
            issued_on=each.date,
            last_date=each.date,
            description=f"{each.description} ({each.reference})"
            if each.reference
            else each.description,
            amount=each.amount,
        )
        for invoice, each in zip(invoices, owed, strict=True)
    )
    numbers = take_numbers(INVOICE, len(owed))
    for invoice, each, number in zip(invoices, owed, numbers, strict=True):
        invoice.number, invoice.issued_on = number, each.date
        invoice.issued_at = posting.now
    Invoice.objects.bulk_update(invoices, ["number", "issued_on", "issued_at"])
    note(Invoice, [invoice.pk for invoice in invoices])
    note(InvoiceLine, [line.pk for line in lines])


def _receipts(posting: Posting, credits: Sequence[OpeningBalance]) -> None:
    if not credits:
        return
    Payment.objects.bulk_create(
        Payment(
            kind=Kind.RECEIPT,
            number=number,
            patient=each.patient,
            provider=each.provider,
            amount=-each.amount,
            method=Method.OTHER,
            reference=each.reference,
            note=NOTE if each.description == NOTE else f"{NOTE}: {each.description}",
            date=each.date,
            last_date=each.date,
            created_at=posting.now,
            created_by_id=posting.by.pk,
        )
        for each, number in zip(credits, take_numbers(RECEIPT, len(credits)), strict=True)
    )
