"""Money comes in, and is put on lines: at once, or later from a saved receipt."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Account, Posting, standing_receipt
from billing.ledger.refusals import LedgerError
from billing.models import AdjustmentKind, InvoiceLine, Kind, Payment
from billing.models.numbering import INSURANCE, RECEIPT, take_number
from billing.money import ZERO, show, show_dollars
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider


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
    over_allocation_reason: str = "",
    key: UUID | None = None,
) -> Posted:
    """Money was received: from a patient for a provider, or from a payer for anybody.

    `entries` share it out at once. What is not allocated is the patient's credit with that
    provider, or stays with the payer. A guarantor's payment may pay lines of those they pay for.
    Refused: more allocated than received (a payer's payment may, with `over_allocation_reason`),
    more on a line than it owes, a stranger's line, a check of that number already entered, a
    closed or future date.
    """
    posting = Posting(by, date)
    entries = filled(entries)
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
    _share(posting, receipt, entries)
    return posting.posted(receipt)


@verb
def allocate(
    *,
    by: User,
    payment: Payment,
    entries: Sequence[Entry],
    date: datetime.date,
    key: UUID | None = None,
) -> Posted:
    """Put money of a saved receipt on lines: go on allocating an insurance payment, say.

    Refused as in record_payment, and for a receipt that was reversed.
    """
    posting = Posting(by, date)
    entries = filled(entries)
    patients = [payment.patient_id] if payment.patient_id else []
    posting.lock(patients=patients, payments=[payment.pk], lines=[entry.line for entry in entries])
    receipt = standing_receipt(posting, payment)
    _share(posting, receipt, entries)
    return posting.posted(receipt)


def filled(entries: Iterable[Entry]) -> list[Entry]:
    """The entries something is typed in; one line stands once, or limits could not be checked."""
    filled = [entry for entry in entries if not entry.empty]
    if len({entry.line for entry in filled}) < len(filled):
        raise LedgerError("A line stands on this form twice. Open the form afresh.")
    return filled


def _share(posting: Posting, receipt: Payment, entries: Sequence[Entry]) -> None:
    if receipt.payer_id:
        _share_insurer(posting, receipt, entries)
    else:
        _share_patient(posting, receipt, entries)
    if receipt.unallocated < 0 and not (receipt.payer_id and receipt.over_allocation_reason):
        raise _too_much(-receipt.unallocated)


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


def _share_insurer(posting: Posting, receipt: Payment, entries: Sequence[Entry]) -> None:
    """An insurer's payment goes before the patient's: what does not fit beside it is released."""
    touched = [posting.line(entry) for entry in entries]
    taken_back = [entry.line for entry in entries if entry.paid < 0]
    by_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    if taken_back:
        held = posting.held(line__in=taken_back, payment__payer=receipt.payer_id)
        for (_payment, line_id), amount in held.items():
            by_payer[line_id] += amount
    crowded = {
        line.pk
        for line, entry in zip(touched, entries, strict=True)
        if entry.paid + entry.write_off > line.balance
    }
    patients_money: dict[tuple[int, int], Decimal] = {}
    if crowded:
        patients_money = posting.held(line__in=crowded, payment__patient__isnull=False)
        posting.read_receipts(payment for payment, _line in patients_money)
    for line, entry in zip(touched, entries, strict=True):
        if entry.paid < 0 and by_payer[line.pk] + entry.paid < 0:
            raise LedgerError(
                f"This payer paid only {show(by_payer[line.pk])} on this line.", line=line.pk
            )
        if entry.write_off < 0 and line.adjusted + entry.write_off < 0:
            raise LedgerError(f"Only {show(line.adjusted)} was written off.", line=line.pk)
        short = entry.paid + entry.write_off - line.balance
        if short > 0:
            before = len(posting.allocations)
            left = posting.unpay_held(
                line, short, f"Released: {receipt.number} paid the line", patients_money
            )
            posting.released += posting.allocations[before:]
            if left > 0:
                raise LedgerError(f"{show(left)} more than this session owes.", line=line.pk)
        if entry.write_off:
            posting.write_off(
                line,
                entry.write_off,
                kind=AdjustmentKind.CONTRACTUAL,
                payment=receipt,
                reason="" if entry.write_off > 0 else "Write-off taken back",
            )
        if entry.paid:
            posting.put(receipt, line, entry.paid, "" if entry.paid > 0 else "Taken back")


def _refuse_entered_before(payer: Payer, reference: str) -> None:
    """R10: one check or trace number of a payer stands once; undoing it frees the number.

    The payer is locked meanwhile, so that of two desks with one check the second is told.
    """
    if not reference:
        return
    Payer.objects.select_for_update(no_key=True).get(pk=payer.pk)
    earlier = (
        Payment.objects.receipts()
        .filter(payer=payer, reference__iexact=reference, reversed=False)
        .first()
    )
    if earlier:
        kind = {"check": "Check", "eft": "EFT"}.get(earlier.method, "Reference")
        raise LedgerError(
            f"{kind} {earlier.reference} from {payer.name} was already entered on"
            f" {earlier.date:%d %b %Y} ({earlier.number}, {show_dollars(earlier.amount)}).",
            field="reference",
        )
