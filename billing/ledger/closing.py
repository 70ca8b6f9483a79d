"""Periods are closed, and opened again (R8)."""

from __future__ import annotations

import datetime
from uuid import UUID

from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, closing_verb
from billing.ledger.refusals import LedgerError
from billing.models import ClosingDate
from billing.models.periods import why_not_closed


@closing_verb
def close_period(
    *, by: User, through: datetime.date, seen: datetime.date | None, key: UUID | None = None
) -> Posted:
    """Shut the books up to a day, that day included: nothing can be dated in them any more.

    `seen` is the closing date the screen showed. Waits for the verbs at work, so that nothing of
    theirs lands in the closed days a moment later. Refused: a day that is not over, one that is
    closed already, and a closing date that somebody moved since.
    """
    require(by, "billing.close_period")
    closed = _closing_date(seen)
    if problem := why_not_closed(through, closed):
        raise LedgerError(problem, field="through")
    return _move(by, through)


@closing_verb
def reopen_period(
    *,
    by: User,
    through: datetime.date,
    reason: str,
    seen: datetime.date | None,
    key: UUID | None = None,
) -> Posted:
    """Open days again: the books stay closed through an earlier day, and it is kept who did it.

    Refused: no reason, nothing that is closed, a day that opens nothing, and a closing date that
    somebody moved since.
    """
    require(by, "billing.close_period")
    closed = _closing_date(seen)
    if closed is None:
        raise LedgerError("No period is closed.")
    if not reason.strip():
        raise LedgerError("Say why the period is opened again.", field="reason")
    if through >= closed:
        raise LedgerError(
            f"That opens nothing: the books are closed through {closed:%d %b %Y}."
            " Choose an earlier day.",
            field="through",
        )
    return _move(by, through, reason)


def _closing_date(seen: datetime.date | None) -> datetime.date | None:
    """The closing date, if it is still where the screen showed it."""
    latest = ClosingDate.objects.select_related("created_by").first()
    closed = latest.closed_through if latest else None
    if latest and closed != seen:
        who = latest.created_by.get_short_name() or latest.created_by.get_username()
        raise LedgerError(
            f"{who} moved the closing date meanwhile: the books are closed through"
            f" {closed:%d %b %Y}. Look at what is left to do and save again."
        )
    return closed


def _move(by: User, through: datetime.date, reason: str = "") -> Posted:
    row = ClosingDate.objects.create(closed_through=through, reason=reason, created_by_id=by.pk)
    return Posted(closing=row)
