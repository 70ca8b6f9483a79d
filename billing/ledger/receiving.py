"""Money comes in, and is put on lines: at once, or later from a saved receipt."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from billing.ledger.allowed import require
from billing.ledger.insurers import share_insurer
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Account, Posting, standing_receipt
from billing.ledger.refusals import LedgerError
from billing.models import InvoiceLine, Kind, Payment
from billing.models.numbering import INSURANCE, RECEIPT, take_number
from billing.money import ZERO, show, show_dollars
from billing.sharing import Entry, OffsetEntry
from patients.models import Patient, Payer, Provider

INSURERS = ("billing.enter_insurance_payment", "billing.post_era")


@verb
def record_payment(
    *,
    by: User,
    amount: Decimal,
    method: str,
    date: datetime.date,
    patient: Patient | None = None,
    provider: Provider | None = None,
    payer: Payer | None = None,
    reference: str = "",
    note: str = "",
    entries: Sequence[Entry] = (),
    offsets: Sequence[OffsetEntry] = (),
    over_allocation_reason: str = "",
    key: UUID | None = None,
) -> Posted:
    """Money was received: from a patient for a provider, or from a payer for anybody.

    `entries` share it out at once, `offsets` are what a payer kept or added beside its lines. What
    is not allocated is the patient's credit with that provider, or stays with the payer. A
    guarantor's payment may pay lines of those they pay for.
    Refused: more allocated than received (a payer's payment may, with `over_allocation_reason`),
    more on a line than it owes, a stranger's line, a check of that number already entered, a
    closed or future date.
    """
    require(by, *(INSURERS if payer else ("billing.take_payment",)))
    posting = Posting(by, date)
    entries = filled(entries, twice=payer is not None)
    if payer is None and (patient is None or provider is None):
        raise LedgerError("Choose the patient and the provider.", field="provider")
    if payer is None and amount <= 0:
        raise LedgerError("Enter the amount of the payment.", field="amount")
    if payer:
        _refuse_entered_before(payer, reference)
    posting.lock(patients=[patient.pk] if patient else [], lines=[entry.line for entry in entries])
    receipt = posting.receive(
        Payment(
            kind=Kind.RECEIPT,
            date=date,
            patient=patient,
            provider=provider,
            payer=payer,
            amount=amount,
            method=method,
            reference=reference,
            note=note,
            over_allocation_reason=over_allocation_reason,
        ),
        take_number(INSURANCE if payer else RECEIPT),
    )
    _share(posting, receipt, entries, offsets)
    return posting.posted(receipt)


@verb
def allocate(
    *,
    by: User,
    payment: Payment,
    entries: Sequence[Entry],
    date: datetime.date,
    offsets: Sequence[OffsetEntry] = (),
    key: UUID | None = None,
) -> Posted:
    """Put money of a saved receipt on lines: go on allocating an insurance payment, say.

    Refused as in record_payment, and for a receipt that was reversed.
    """
    require(by, *(INSURERS if payment.payer_id else ("billing.take_payment",)))
    posting = Posting(by, date)
    entries = filled(entries, twice=payment.payer_id is not None)
    patients = [payment.patient_id] if payment.patient_id else []
    posting.lock(patients=patients, payments=[payment.pk], lines=[entry.line for entry in entries])
    receipt = standing_receipt(posting, payment)
    _share(posting, receipt, entries, offsets)
    return posting.posted(receipt)


def filled(entries: Iterable[Entry], *, twice: bool = False) -> list[Entry]:
    """The entries something is typed in; one line stands once.

    Except where an insurer takes a claim back and corrects it in the same payment.
    """
    filled = [entry for entry in entries if not entry.empty]
    if not twice and len({entry.line for entry in filled}) < len(filled):
        raise LedgerError("A line stands on this form twice. Open the form afresh.")
    return filled


def _share(
    posting: Posting,
    receipt: Payment,
    entries: Sequence[Entry],
    offsets: Sequence[OffsetEntry] = (),
) -> None:
    before = min(receipt.unallocated, ZERO)
    if receipt.payer_id:
        share_insurer(posting, receipt, entries, offsets)
    elif offsets:
        raise LedgerError("Only an insurer's payment has offsets.")
    else:
        _share_patient(posting, receipt, entries)
    if receipt.unallocated < 0 and not (receipt.payer_id and receipt.over_allocation_reason):
        raise _too_much(-receipt.unallocated)
    if receipt.unallocated < before:
        require(posting.by, "billing.overallocate_payment")


def _too_much(over: Decimal) -> LedgerError:
    return LedgerError(
        f"{show_dollars(over)} too much is allocated. Lower some lines or correct Amount.",
        field="amount",
    )


def _share_patient(posting: Posting, receipt: Payment, entries: Sequence[Entry]) -> None:
    """R5: another provider's line of the same patient is paid through a transfer pair.

    So is a line of somebody this patient is the guarantor of.
    """
    elsewhere: dict[Account, list[tuple[InvoiceLine, Decimal]]] = defaultdict(list)
    for entry in entries:
        line = posting.line(entry)
        whose = {line.patient_id, posting.patients[line.patient_id]}
        if receipt.patient_id not in whose:
            raise LedgerError(
                f"{line.invoice} belongs to another patient; this payment cannot pay it.",
                line=line.pk,
            )
        if entry.write_off or entry.paid < 0:
            raise LedgerError("To un-pay a line, use Credit allocation.", line=line.pk)
        if entry.paid > line.balance:
            raise LedgerError(f"This line only owes {show(line.balance)}.", line=line.pk)
        account = line.patient_id, line.provider_id
        if account == (receipt.patient_id, receipt.provider_id):
            posting.put(receipt, line, entry.paid)
        else:
            elsewhere[account].append((line, entry.paid))
    for (patient_id, provider_id), payments in elsewhere.items():
        total = sum((amount for _line, amount in payments), ZERO)
        if total > receipt.unallocated:
            raise _too_much(total - receipt.unallocated)
        into = posting.transfer(
            receipt, total, patient_id, provider_id, f"Pays lines from {receipt.number}"
        )
        for line, amount in payments:
            posting.put(into, line, amount)


def _refuse_entered_before(payer: Payer, reference: str) -> None:
    """R10: one check or trace number of a payer stands once; undoing it frees the number.

    The payer is locked meanwhile, so that of two desks with one check the second is told.
    """
    if not reference:
        return
    list(Payer.objects.select_for_update(no_key=True).filter(pk=payer.pk).values_list("pk"))
    earlier = Payment.objects.standing_under(payer, reference).first()
    if earlier:
        kind = {"check": "Check", "eft": "EFT"}.get(earlier.method, "Reference")
        raise LedgerError(
            f"{kind} {earlier.reference} from {payer.name} was already entered on"
            f" {earlier.date:%d %b %Y} ({earlier.number}, {show_dollars(earlier.amount)}).",
            field="reference",
        )
