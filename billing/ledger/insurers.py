"""An insurer's payment on lines: money, write-offs, what the patient owes, and whose the rest is."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting
from billing.ledger.refusals import LedgerError, require_reason
from billing.models import AdjustmentKind, InvoiceLine, Outcome, Payment
from billing.models.allocations import RELEASED
from billing.models.prepared import Ids, Prepared
from billing.money import ZERO, show
from billing.sharing import (
    PATIENT,
    STAYS,
    Entry,
    OffsetEntry,
    Policy,
    next_payer,
    outcome_of,
    rest_of,
)
from patients.models import Coverage, Payer


def share_insurer(
    posting: Posting,
    receipt: Payment,
    entries: Sequence[Entry],
    offsets: Sequence[OffsetEntry] = (),
) -> None:
    """Put an insurer's payment on lines, entry by entry in the order given.

    It goes before the patient's money: what does not fit beside that is released. A line may stand
    twice, taken back first and then paid anew; the two are never netted.
    """
    touched = [posting.line(entry) for entry in entries]
    by_payer = _paid_before(posting, receipt, entries)
    patients_money = _where_crowded(posting, touched, entries)
    coverages = _Coverages(receipt, touched)
    for line, entry in zip(touched, entries, strict=True):
        if entry.paid < 0 and by_payer[line.pk] + entry.paid < 0:
            raise LedgerError(
                f"This payer paid only {show(by_payer[line.pk])} on this line.", line=line.pk
            )
        # Only with a reason code of the insurer's is a negative write-off more than taking back:
        # a payer that pays above the fee says so (CO-94, CO-144). A reversed claim does not.
        above = entry.carc and entry.outcome != Outcome.TAKEN_BACK
        if entry.write_off < 0 and not above and line.adjusted + entry.write_off < 0:
            raise LedgerError(f"Only {show(line.adjusted)} was written off.", line=line.pk)
        _release(posting, receipt, line, entry, patients_money)
        if entry.write_off:
            posting.write_off(
                line,
                entry.write_off,
                kind=AdjustmentKind.CONTRACTUAL,
                payment=receipt,
                carc=entry.carc,
                reason="" if entry.write_off > 0 else _why_negative(entry),
            )
        if entry.paid:
            posting.put(receipt, line, entry.paid, "" if entry.paid > 0 else "Taken back")
            # Takebacks leave their lines before anything reaches one (`Posting.write`).
            by_payer[line.pk] += min(entry.paid, ZERO)
        for owes in entry.owes:
            posting.owes(line, owes.amount, kind=owes.kind, carc=owes.carc, payment=receipt)
        _adjudicate(posting, receipt, line, entry, coverages)
    for offset in offsets:
        if not offset.amount:
            raise LedgerError("Enter the amount of the offset.", field="offsets")
        posting.offset(receipt, offset.amount, code=offset.code.upper(), reference=offset.reference)


def _why_negative(entry: Entry) -> str:
    above = entry.paid > 0 and entry.carc
    return f"Above the fee, code {entry.carc}" if above else "Write-off taken back"


def _paid_before(
    posting: Posting, receipt: Payment, entries: Iterable[Entry]
) -> dict[int, Decimal]:
    """Line -> what all receipts of this payer hold on it, for the lines it takes back on."""
    by_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    taken_back = [entry.line for entry in entries if entry.paid < 0]
    if taken_back:
        held = posting.held(line__in=taken_back, payment__payer=receipt.payer_id)
        for (_payment, line_id), amount in held.items():
            by_payer[line_id] += amount
    return by_payer


def _where_crowded(
    posting: Posting, lines: Sequence[InvoiceLine], entries: Sequence[Entry]
) -> dict[tuple[int, int], Decimal]:
    """(receipt, line) -> patients' money on the lines where the insurer's does not fit beside it."""
    left = {line.pk: line.balance for line in lines}
    crowded = set()
    for entry in entries:
        left[entry.line] -= entry.paid + entry.write_off
        if left[entry.line] < 0:
            crowded.add(entry.line)
    if not crowded:
        return {}
    held = posting.held(line__in=crowded, payment__patient__isnull=False)
    posting.read_receipts(payment for payment, _line in held)
    return held


def _release(
    posting: Posting,
    receipt: Payment,
    line: InvoiceLine,
    entry: Entry,
    patients_money: dict[tuple[int, int], Decimal],
) -> None:
    short = entry.paid + entry.write_off - line.balance
    if short <= 0:
        return
    before = len(posting.allocations)
    reason = f"{RELEASED}{receipt.number} paid the line"
    left = posting.unpay_held(line, short, reason, patients_money)
    posting.released += posting.allocations[before:]
    if left > 0:
        raise LedgerError(f"{show(left)} more than this session owes.", line=line.pk)


# ---------------------------------------------------------------------------- whose the rest is


POLICIES = Prepared(
    lambda: (
        Coverage.objects.filter(patient__among=Ids("patients"))
        .order_by("rank", "pk")
        .values_list("patient", "rank", "payer_id", "start", "end")
    )
)


class _Coverages:
    """The policies of the patients on a payment, read once and only where they are needed."""

    def __init__(self, receipt: Payment, lines: Sequence[InvoiceLine]) -> None:
        self.payer_id = receipt.payer_id
        self.patients = {line.patient_id for line in lines}
        self._of: dict[int, list[Policy]] | None = None

    def after(self, line: InvoiceLine) -> int | None:
        """The payer billed next after this one for that day; nobody: the patient."""
        if self._of is None:
            self._of = defaultdict(list)
            for patient, rank, payer, start, end in POLICIES.rows(patients=self.patients):
                self._of[patient].append(Policy(rank, payer, start, end))
        return next_payer(self._of.get(line.patient_id, []), self.payer_id, line.service_date)


def _adjudicate(
    posting: Posting, receipt: Payment, line: InvoiceLine, entry: Entry, coverages: _Coverages
) -> None:
    """Whose the rest is after this answer. Nothing is written where the answer changes nothing."""
    outcome, whose = outcome_of(entry), rest_of(entry)
    if whose == STAYS:
        after = receipt.payer_id
    elif whose == PATIENT:
        after = None
    elif not line.balance:
        after = line.payer_id  # nobody is asked for anything
    else:
        after = coverages.after(line)
    if outcome != Outcome.PAID or entry.codes or after != line.payer_id:
        posting.adjudicate(line, after, outcome=outcome, codes=entry.codes, payment=receipt)


@verb
def set_responsibility(
    *,
    by: User,
    lines: Sequence[InvoiceLine],
    payer: Payer | None,
    date: datetime.date,
    reason: str,
    key: UUID | None = None,
) -> Posted:
    """Say by hand who owes the rest of lines: the next insurer, or (None) the patient.

    For a secondary that was not known, a denial the patient has to pay, a part that was held. It
    changes no balance. Refused: no reason, a line that owes nothing, one that is theirs already,
    an insurer that does not cover the patient on the day of the session.
    """
    require(by, "billing.set_responsibility")
    require_reason(reason)
    posting = Posting(by, date)
    ids = [line.pk for line in lines]
    posting.lock(lines=ids)
    covered = _covered_by(payer, posting) if payer else set()
    for pk in ids:
        line = posting.line_of(pk)
        if not line.balance:
            raise LedgerError(f"{line.description} owes nothing.", line=pk)
        if line.payer_id == (payer.pk if payer else None):
            raise LedgerError(f"{line.description} waits for them already.", line=pk)
        if payer and pk not in covered:
            raise LedgerError(
                f"{payer.name} does not cover {line.patient.name} on"
                f" {line.service_date:%d %b %Y}. Enter the coverage first.",
                line=pk,
            )
        posting.adjudicate(line, payer.pk if payer else None, outcome=Outcome.MOVED, reason=reason)
    if not posting.adjudications:
        raise LedgerError("Choose the lines.")
    return posting.posted()


def _covered_by(payer: Payer, posting: Posting) -> set[int]:
    coverages = list(Coverage.objects.filter(payer=payer, patient__in=posting.patients))
    return {
        line.pk
        for line in posting.lines.values()
        for each in coverages
        if each.patient_id == line.patient_id
        and (each.start is None or each.start <= line.service_date)
        and (each.end is None or each.end >= line.service_date)
    }
