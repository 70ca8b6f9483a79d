"""A payment was a mistake, or bounced: reversals and deletions, which write opposite rows."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Max, Sum

from billing.ledger.allowed import require_undoing
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting, unpay_everything
from billing.ledger.refusals import LedgerError, already_undone, require_reason
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    DepositItem,
    Kind,
    Payment,
    Responsibility,
)
from billing.models.allocations import RELEASED
from billing.models.payments import UNDOING
from billing.models.periods import closed_through
from billing.models.prepared import Ids, Prepared
from billing.money import ZERO, show


@verb
def reverse(
    *,
    by: User,
    payment: Payment,
    date: datetime.date,
    reason: str,
    note: str = "",
    unpay_lines: bool = True,
    key: UUID | None = None,
) -> Posted:
    """A payment was entered in error, or bounced. Both rows stay in the history.

    A patient's receipt un-pays the lines it paid, or leaves them paid (other credit covers them
    as far as it goes, the rest is carried negative). Transfers made from it are reversed first,
    their lines alike. An insurer's receipt always un-pays everything that came with it. A refund
    or a transfer pair can be undone too. Refused: a second time, without a reason, or while a
    later takeback stands on an insurer's payment (the message names it).
    """
    require_undoing(by, payment, Kind.REVERSAL)
    require_reason(reason)
    posting = Posting(by, date)
    row = _undo(posting, payment, Kind.REVERSAL, reason, note, unpay_lines=unpay_lines)
    return posting.posted(row)


@verb
def void(
    *,
    by: User,
    payment: Payment,
    reason: str,
    note: str = "",
    unpay_lines: bool = True,
    key: UUID | None = None,
) -> Posted:
    """Delete a payment that never should have been: a reversal dated the payment's own day.

    Both rows leave the history unless "Show deleted" is on or the receipt still pays a line.
    Refused once that day is closed or the receipt was deposited; then it has to be reversed.
    """
    require_undoing(by, payment, Kind.VOID)
    require_reason(reason)
    if problem := why_not_deleted(payment):
        raise LedgerError(problem)
    posting = Posting(by, payment.date)
    row = _undo(posting, payment, Kind.VOID, reason, note, unpay_lines=unpay_lines)
    return posting.posted(row)


def why_not_deleted(payment: Payment) -> str:
    """Why a payment can only be reversed, as a sentence; empty where it may be deleted."""
    if payment.kind != Kind.RECEIPT:
        return "Only a payment can be deleted; reverse this entry instead."
    closed = closed_through()
    if closed and payment.date <= closed:
        return (
            f"{payment.number} is of a closed day (up to {closed:%d %b %Y}) and cannot be"
            " deleted. Reverse it instead."
        )
    banked = DepositItem.objects.filter(payment=payment).select_related("deposit").first()
    if banked:
        return (
            f"{payment.number} was deposited on {banked.deposit.date:%d %b %Y}"
            f" ({banked.deposit.number}) and cannot be deleted. Reverse it instead."
        )
    return ""


def _undo(
    posting: Posting, payment: Payment, kind: str, reason: str, note: str, *, unpay_lines: bool
) -> Payment:
    if payment.kind in UNDOING:
        raise LedgerError("A reversal cannot be reversed; enter the payment again.")
    family = _lock_with_family(posting, payment)
    if kind == Kind.VOID and (problem := why_not_deleted(payment)):
        raise LedgerError(problem)  # deposited while we waited for the lock
    holders = [posting.receipts[row.pk] for row in (payment, *family) if row.is_money_in]
    if payment.payer_id or unpay_lines:
        if holders:
            unpay_everything(posting, holders, reason)
        if payment.payer_id:
            _give_back_write_offs(posting, payment, reason)
            _take_back_what_was_said(posting, payment, reason)
            posting.spare_voided_lines()
            _refuse_what_write_offs_need(posting, payment)
            _refuse_what_later_rows_need(posting, payment)
    # The newest transfer first, so that each receipt is whole again before it is undone itself.
    return _write_opposites(posting, (payment, *family), kind, reason, note)


class _TouchesMore(Exception):
    """Between looking and locking, somebody used the payment for another patient."""


def _lock_with_family(posting: Posting, payment: Payment) -> list[Payment]:
    """Lock all that undoing a payment touches, and return the transfers made from it.

    What it touches is read before there is a lock, and again after. Where another desk was faster,
    the locks are let go and taken anew, since one taken later would be out of their order.
    """
    for _attempt in range(3):
        try:
            with transaction.atomic():
                return _lock_once(posting, payment)
        except _TouchesMore:
            posting.forget()
    raise LedgerError("Someone else is using this payment. Look at it and try again.")


def _lock_once(posting: Posting, payment: Payment) -> list[Payment]:
    family = _transfers_from(payment)
    patients = {row.patient_id for row in (payment, *family) if row.patient_id}
    lines = _lines_of_payer(payment)
    money_in = [row.pk for row in (payment, *family) if row.is_money_in]
    posting.lock(
        patients=patients, payments=[payment.source_id or payment.pk, *money_in], lines=lines
    )
    payment.refresh_from_db(fields=["reversed", "last_date"])
    if payment.reversed:
        raise already_undone(payment)
    family = _transfers_from(payment)
    posting.read_receipts(row.pk for row in family if row.is_money_in)
    posting.read_lines(_lines_of_payer(payment))
    touched = {row.patient_id for row in family} | {
        line.patient_id for line in posting.lines.values()
    }
    if not touched <= posting.patients.keys():
        raise _TouchesMore
    return family


def _lines_with(rows: type[models.Model]) -> models.QuerySet[Any, Any]:
    return rows._default_manager.filter(payment__among=Ids("payments")).values_list("line")


LINES = Prepared(
    lambda: _lines_with(Allocation).union(
        *map(_lines_with, (Adjustment, Responsibility, Adjudication))
    )
)


def _lines_of_payer(payment: Payment) -> set[int]:
    """The lines an insurer's payment has anything on; a patient's lock covers the patient's own."""
    return {line for (line,) in LINES.rows(payments=[payment.pk])} if payment.payer_id else set()


def _transfers_from(payment: Payment) -> list[Payment]:
    """Both sides of every standing transfer made from a receipt, and from those, and so on."""
    found: list[Payment] = []
    if payment.kind == Kind.TRANSFER_OUT:
        found = list(payment.answers.filter(kind=Kind.TRANSFER_IN))
    elif payment.kind == Kind.TRANSFER_IN and payment.original:
        found = [payment.original]
    layer = [row.pk for row in (payment, *found) if row.is_money_in]
    while layer:
        outs = list(
            Payment.objects.filter(
                source__in=layer, kind=Kind.TRANSFER_OUT, reversed=False
            ).exclude(pk__in=[row.pk for row in found])
        )
        ins = list(
            Payment.objects.filter(original__in=[row.pk for row in outs], kind=Kind.TRANSFER_IN)
        )
        found += [*outs, *ins]
        layer = [row.pk for row in ins if row.is_money_in]
    return found


def _write_opposites(
    posting: Posting, rows: Sequence[Payment], kind: str, reason: str, note: str
) -> Payment:
    working = {row.pk: posting.receipts.get(row.pk, row) for row in rows}
    undoings: list[Payment] = []
    for row in sorted(rows, key=lambda row: row.pk, reverse=True):
        original = working[row.pk]
        posting.read_receipts([row.source_id or row.pk])
        undoings.append(
            posting.draw(
                kind,
                source=posting.source_of(row),
                original=original,
                amount=-row.amount,
                method=row.method,
                reason=reason,
                note=note,
            )
        )
    return next(undoing for undoing in undoings if undoing.original == rows[0])


def _give_back_write_offs(posting: Posting, payment: Payment, reason: str) -> None:
    for adjustment in payment.adjustments.standing().order_by("pk"):
        posting.write_off(
            posting.lines[adjustment.line_id],
            -adjustment.amount,
            kind=adjustment.kind,
            reason=reason,
            payment=posting.receipts[payment.pk],
            carc=adjustment.carc,
            undoes=adjustment,
        )


def _take_back_what_was_said(posting: Posting, payment: Payment, reason: str) -> None:
    """Opposite rows for what the insurer said the patient owes, for offsets and for its answers.

    A line goes back to whom it waited for, unless somebody answered on it or moved it since. On
    a line that was voided since nobody owes anything: what was said of it stays said.
    """
    receipt = posting.source_of(payment)
    standing = {pk for pk, line in posting.lines.items() if not line.is_void}  # type: ignore[attr-defined]
    for said in payment.responsibilities.standing().filter(line__in=standing).order_by("pk"):
        posting.owes(
            posting.lines[said.line_id],
            -said.amount,
            kind=said.kind,
            carc=said.carc,
            payment=receipt,
            reason=reason,
            undoes=said,
        )
    for offset in payment.offsets.standing().order_by("pk"):
        posting.offset(
            receipt,
            -offset.amount,
            code=offset.code,
            reference=offset.reference,
            reason=reason,
            undoes=offset,
        )
    answers = list(payment.adjudications.standing().filter(line__in=standing).order_by("-pk"))
    by_others: dict[int, int] = dict(
        Adjudication.objects.filter(line__in=[each.line_id for each in answers])
        .standing()
        .exclude(payment=payment)
        .values_list("line")
        .annotate(latest=Max("pk"))
        .order_by()
    )
    for answer in answers:
        posting.take_back_answer(
            posting.lines[answer.line_id],
            answer,
            payment=receipt,
            reason=reason,
            goes_back=answer.pk > by_others.get(answer.line_id, 0),
        )


def _refuse_what_later_rows_need(posting: Posting, payment: Payment) -> None:
    """Last in, first out: a takeback that stands on this payment is undone before it.

    Giving back a takeback, of money or of a write-off, may find the line paid since: the patient's
    money makes room for it.
    """
    touched = {row.line_id for row in posting.allocations}
    touched |= {row.line_id for row in posting.adjustments}
    held = posting.held(line__in=touched, payment__payer=payment.payer_id)
    by_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for (_payment, line_id), amount in held.items():
        by_payer[line_id] += amount
    for line_id in sorted(touched):
        line = posting.lines[line_id]
        if by_payer[line_id] < 0:
            taken = _taken_back_since(Allocation, payment, line_id)
            raise LedgerError(
                f"{taken.payment.number} took {show(-taken.amount)} back on {line.invoice}."
                f" Reverse {taken.payment.number} first.",
                line=line_id,
            )
        if line.balance < 0:
            left = posting.unpay_line(line, -line.balance, f"{RELEASED}{payment.number} reversed")
            if left > 0:
                raise LedgerError(
                    f"{line.invoice} was paid since by another payment, or written off."
                    " Undo that first.",
                    line=line_id,
                )


def _refuse_what_write_offs_need(posting: Posting, payment: Payment) -> None:
    """The same for a write-off that a later payment took back.

    An earlier negative one (a payer that paid above the fee) does not stand on this payment.
    """
    touched = {row.line_id for row in posting.adjustments}
    sums = (
        Adjustment.objects.filter(line__in=touched, payment__payer=payment.payer_id)
        .values_list("line")
        .annotate(total=Sum("amount"))
        .order_by()
    )
    standing: dict[int, Decimal] = dict(sums)
    for adjustment in posting.adjustments:
        standing[adjustment.line_id] += adjustment.amount
    for line_id in sorted(touched):
        if standing[line_id] < 0:
            own = payment.adjustments.filter(line=line_id).earliest("pk")
            taken = _taken_back_since(Adjustment, payment, line_id, after=own.pk)
            if taken is None:
                continue
            raise LedgerError(
                f"{taken.payment.number} took the write-off on {posting.lines[line_id].invoice}"
                f" back. Reverse {taken.payment.number} first.",
                line=line_id,
            )


def _taken_back_since(rows: Any, payment: Payment, line_id: int, after: int = 0) -> Any:
    """The payer's latest standing row (after one with this id) that takes back on a line."""
    return (
        rows.objects.filter(
            pk__gt=after,
            line=line_id,
            amount__lt=0,
            payment__payer=payment.payer_id,
            payment__reversed=False,
        )
        .exclude(payment=payment)
        .select_related("payment")
        .order_by("pk")
        .last()
    )
