"""A draft becomes a payment, in one verb of the ledger; undoing that; attaching instead."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import balances, ledger
from billing.chain.acts import sealing
from billing.ledger import Entry, LedgerError, OffsetEntry, Owes
from billing.models import (
    Decision,
    EraFile,
    InvoiceLine,
    Outcome,
    Payment,
    Remittance,
    RemittanceOffset,
    RemittanceRow,
    RemittanceState,
    RowState,
)
from billing.models.remittances import KINDS
from billing.money import ZERO, show_dollars
from billing.remittances import review
from billing.remittances.review import Problem
from billing.remittances.sessions import posted_by
from billing.remittances.uploading import known_payments
from billing.sharing import NEXT, STAYS
from patients.models import Coverage, Payer


class NotReady(Exception):
    """What keeps a draft from being saved."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("not ready")
        self.problems = problems


# ---------------------------------------------------------------------------- saving


def save(
    draft: Remittance,
    *,
    by: AbstractBaseUser,
    key: UUID | None = None,
    sure: bool = False,
    over_reason: str = "",
) -> ledger.Posted:
    """Post a draft: one payment with everything its rows say, in the order of the file.

    Takes the draft locked (`review.changing`). Refused (NotReady) while a row is not sure, or
    money has neither a session nor a word that it stays with the payer, or more is on sessions
    than was received without `over_reason`; and as the ledger refuses.
    """
    payer = draft.payer
    typed = review.typed_by_hand(draft)
    now = balances.standing(draft)
    found = review.problems(draft, now, sure=sure, typed=typed, over=bool(over_reason))
    if found or payer is None or draft.date is None:
        raise NotReady(found)
    reference, note = draft.reference, ""
    earlier, _first = known_payments(reference, payer=payer, key="", but=draft)
    if earlier and draft.notice:
        # Payers use one number for many notices; a payment's number stands once.
        reference, note = "", f"Notice {draft.reference}, a number that was used before"
    posted = ledger.record_payment(
        by=by,
        amount=draft.amount,
        method=draft.method,
        date=draft.date,
        payer=payer,
        reference=reference,
        note=note,
        entries=entries_of(draft, payer),
        offsets=offsets_of(draft, payer),
        over_allocation_reason=over_reason if now.over else "",
        key=key,
    )
    _settled(draft, posted.receipt, by, attached=False)
    return posted


def _settled(draft: Remittance, payment: Payment, by: AbstractBaseUser, *, attached: bool) -> None:
    draft.state, draft.payment, draft.attached = RemittanceState.POSTED, payment, attached
    draft.settled_at, draft.settled_by_id = timezone.now(), by.pk
    draft.save(update_fields=["state", "payment", "attached", "settled_at", "settled_by"])


def attach(draft: Remittance, *, by: AbstractBaseUser) -> Payment:
    """Say that a payment typed by hand is this one. Nothing is posted again."""
    typed = review.typed_by_hand(draft)
    if typed is None:
        raise review.ReviewError("There is no payment typed by hand with this number.")
    if typed.amount != draft.amount:
        raise review.ReviewError(
            f"{typed.number} is {show_dollars(typed.amount)}, the ERA {show_dollars(draft.amount)}."
            " Correct the payment first."
        )
    _settled(draft, typed, by, attached=True)
    return typed


# ---------------------------------------------------------------------------- what is posted


def entries_of(draft: Remittance, payer: Payer) -> list[Entry]:
    """What the rows of a draft post on lines: the parts of one claim on one line together, a
    reversal and its correction apart."""
    rows = list(
        draft.rows.filter(state=RowState.MATCHED, line__isnull=False)
        .select_related("claim")
        .order_by("claim__index", "number", "part")
    )
    moves = _next_payer_named(rows, payer)
    together: dict[tuple[int, int], list[RemittanceRow]] = {}
    for row in rows:
        if row.line_id:
            together.setdefault((row.claim_id, row.line_id), []).append(row)
    entries = [_entry(line, said, moves) for (_claim, line), said in together.items()]
    for offset in draft.offsets.all():
        entries += [
            Entry(line, ZERO - Decimal(amount), outcome=Outcome.TAKEN_BACK)
            for line, amount in offset.taken_back
        ]
    return _paid_and_taken_back_at_once(entries, payer)


def entry_of(row: RemittanceRow, payer: Payer) -> Entry:
    """What one row posts on its line."""
    assert row.line_id  # noqa: S101  (whoever asks has placed it)
    return _entry(row.line_id, [row], _next_payer_named([row], payer))


def _entry(line: int, rows: Sequence[RemittanceRow], moves: set[int]) -> Entry:
    """Whose the rest is follows from what the insurer said; what is to review stays with it."""
    claim = rows[0].claim
    paid = sum((row.allocation for row in rows), ZERO)
    write_off = sum((row.write_off for row in rows), ZERO)
    owes = {kind: sum((getattr(row, kind) for row in rows), ZERO) for kind in KINDS}
    to_review = ZERO
    for row in rows:
        if row.decision == Decision.WRITE_OFF:
            write_off += row.review
        elif row.decision == Decision.PATIENT:
            owes["other"] += row.review
        else:
            to_review += row.review
    outcome, rest = "", ""
    if claim.reversal:
        outcome = Outcome.TAKEN_BACK
    elif claim.forwarded:
        outcome, rest = Outcome.FORWARDED, NEXT if line in moves else STAYS
    elif to_review and not paid:
        outcome = Outcome.DENIED
    elif to_review:
        outcome, rest = Outcome.PAID, STAYS
    elif paid:
        outcome = Outcome.PAID
    elif not any(owes.values()):
        outcome = Outcome.ZERO
    return Entry(
        line=line,
        paid=paid,
        write_off=write_off,
        carc=_reasons(rows, "write-off", Decision.WRITE_OFF),
        owes=tuple(
            Owes(kind, amount, _reasons(rows, kind, Decision.PATIENT if kind == "other" else None))
            for kind, amount in owes.items()
            if amount
        ),
        outcome=outcome,
        codes=", ".join(dict.fromkeys(row.codes for row in rows if row.codes))[:200],
        rest=rest,
    )


def _reasons(rows: Sequence[RemittanceRow], action: str, decided: str | None) -> str:
    """The reason codes behind an amount: "45, 253"."""
    found = [
        reason
        for row in rows
        for _group, reason, _amount, does, _look in row.adjustments
        if does == action or (does == "to review" and decided and row.decision == decided)
    ]
    return ", ".join(dict.fromkeys(found))[:40]


def _next_payer_named(rows: Sequence[RemittanceRow], payer: Payer) -> set[int]:
    """Lines of forwarded claims whose patient has the insurer they were forwarded to."""
    forwarded = [row for row in rows if row.claim.forwarded and row.line_id]
    if not forwarded:
        return set()
    lines = InvoiceLine.objects.only("patient", "service_date").in_bulk(
        {row.line_id for row in forwarded if row.line_id}
    )
    policies: defaultdict[int, list[Coverage]] = defaultdict(list)
    patients = {line.patient_id for line in lines.values()}
    for each in (
        Coverage.objects.filter(patient__in=patients).select_related("payer").order_by("rank", "pk")
    ):
        policies[each.patient_id].append(each)
    moves = set()
    for row in forwarded:
        assert row.line_id  # noqa: S101  (chosen so)
        line = lines[row.line_id]
        standing = [each for each in policies[line.patient_id] if _holds(each, line)]
        own = next((each.rank for each in standing if each.payer_id == payer.pk), None)
        later = [each for each in standing if own is not None and each.rank > own]
        name = row.claim.forwarded_to.casefold()
        if later and (not name or later[0].payer.name.casefold() == name):
            moves.add(line.pk)
    return moves


def _holds(policy: Coverage, line: InvoiceLine) -> bool:
    day = line.service_date
    return (policy.start is None or policy.start <= day) and (
        policy.end is None or policy.end >= day
    )


def _paid_and_taken_back_at_once(entries: list[Entry], payer: Payer) -> list[Entry]:
    """Where a payment pays a line and then takes that back itself, the line gets the sum: the books
    take money off lines first, and it is not there yet."""
    taken: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    given: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        (taken if entry.paid < 0 else given)[entry.line] += entry.paid
    doubtful = [line for line in taken if given[line]]
    if not doubtful:
        return entries
    posted = posted_by(payer, doubtful)
    before = {
        line: sum((one.amounts.allocation for one in posted.get(line, ())), ZERO)
        for line in doubtful
    }
    short = {line for line in doubtful if before[line] + taken[line] < 0}
    # A claim that is taken back before it was ever paid stays as it is: the ledger refuses it.
    running = dict(before)
    for entry in entries:
        if entry.line in short:
            running[entry.line] += entry.paid
            if running[entry.line] < 0:
                short.discard(entry.line)
    if not short:
        return entries
    summed: list[Entry] = []
    for line in dict.fromkeys(entry.line for entry in entries):
        of_line = [entry for entry in entries if entry.line == line]
        summed += [_summed(of_line)] if line in short else of_line
    return summed


def _summed(entries: Sequence[Entry]) -> Entry:
    owes: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        for each in entry.owes:
            owes[each.kind] += each.amount
    last = entries[-1]
    return Entry(
        line=last.line,
        paid=sum((entry.paid for entry in entries), ZERO),
        write_off=sum((entry.write_off for entry in entries), ZERO),
        carc=last.carc,
        owes=tuple(Owes(kind, amount) for kind, amount in owes.items() if amount),
        outcome=last.outcome,
        codes=last.codes,
        rest=last.rest,
    )


def offsets_of(draft: Remittance, payer: Payer) -> list[OffsetEntry]:
    """The offsets of a draft. A collected balance goes under the references it closes."""
    found: list[OffsetEntry] = []
    for offset in draft.offsets.all():
        left = offset.amount - sum((Decimal(part) for _line, part in offset.taken_back), ZERO)
        for reference, part in _closes(offset, payer):
            found.append(OffsetEntry(offset.code, part, reference))
            left -= part
        if left:
            found.append(OffsetEntry(offset.code, left, offset.reference))
    return found


def _closes(offset: RemittanceOffset, payer: Payer) -> list[tuple[str, Decimal]]:
    if offset.code != "FB" or offset.amount <= 0:
        return []
    return review.collected(offset, payer)[0]


# ---------------------------------------------------------------------------- undoing


def undo(
    remittances: Iterable[Remittance],
    *,
    by: AbstractBaseUser,
    date: datetime.date,
    reason: str,
    note: str = "",
    as_drafts: bool,
) -> datetime.date | None:
    """Reverse the payments of remittances, the newest first, all or none.

    Returns the latest day a reversal got where that is not the one asked for (`Posted.moved_to`).
    They are drafts again, or discarded. A payment typed by hand stays and is only let go. Refused
    as the ledger refuses, by a later takeback that stands on one of them for example.
    """
    moved_to = None
    with sealing("undo remittances", by=by):
        ids = [each.pk for each in remittances]
        posted = list(
            Remittance.objects.select_for_update(of=("self",))
            .with_names()
            .filter(pk__in=ids, state=RemittanceState.POSTED)
            .order_by("-payment")
        )
        for each in posted:
            if each.payment and not each.attached and not each.payment.reversed:
                reversal = ledger.reverse(
                    by=by, payment=each.payment, date=date, reason=reason, note=note
                )
                if reversal.moved_to:
                    moved_to = max(moved_to or date, reversal.moved_to)
            each.state = RemittanceState.DRAFT if as_drafts else RemittanceState.DISCARDED
            each.payment, each.attached = None, False
            each.settled_at, each.settled_by = None, None
            try:
                with transaction.atomic():
                    each.save()
            except IntegrityError:
                raise LedgerError(
                    f"{each.reference} was imported again meanwhile; this one can only be"
                    " discarded."
                ) from None
        files = EraFile.objects.filter(pk__in={each.file_id for each in posted})
        for file in files:
            left = file.remittances.exclude(state=RemittanceState.DISCARDED).exists()
            EraFile.objects.filter(pk=file.pk).update(discarded=not left)
    return moved_to
