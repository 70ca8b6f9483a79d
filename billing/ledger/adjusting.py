"""What comes off lines without money, and goes back on them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from billing.ledger.allowed import require, require_write_offs
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting
from billing.ledger.receiving import filled
from billing.ledger.refusals import LedgerError, require_reason
from billing.models import Adjustment, InvoiceLine
from billing.money import show
from billing.sharing import Entry


def adjust(
    *,
    by: User,
    line: InvoiceLine,
    amount: Decimal,
    kind: str,
    date: datetime.date,
    reason: str,
    carc: str = "",
    key: UUID | None = None,
) -> Posted:
    """Take something off what one line owes (or, negative, put it back on). As in write_off."""
    if not amount:
        raise LedgerError("Enter how much to write off.", field="amount")
    entries = [Entry(line.pk, write_off=amount)]
    return write_off(
        by=by, entries=entries, kind=kind, date=date, reason=reason, carc=carc, key=key
    )


@verb
def write_off(
    *,
    by: User,
    entries: Sequence[Entry],
    kind: str,
    date: datetime.date,
    reason: str,
    carc: str = "",
    key: UUID | None = None,
) -> Posted:
    """Take something off what lines owe, of any patients, all for the same reason.

    Small balances, courtesy, bad debt. A negative amount puts something back on. Refused: more
    than a line owes, a voided line, nothing at all, no reason.
    """
    require(by, "billing.write_off")
    require_reason(reason)
    posting = Posting(by, date)
    entries = filled(entries)
    if not entries:
        raise LedgerError("Enter how much to write off.", field="amount")
    posting.lock(lines=[entry.line for entry in entries])
    for entry in entries:
        line = posting.line(entry)
        if entry.paid:
            raise LedgerError("A write-off brings no money; enter it as a payment.", line=line.pk)
        if entry.write_off > line.balance:
            raise LedgerError(f"This line only owes {show(line.balance)}.", line=line.pk)
        posting.write_off(line, entry.write_off, kind=kind, reason=reason, carc=carc)
    amounts = [(posting.lines[entry.line], entry.write_off) for entry in entries]
    require_write_offs(by, amounts, posting.patients)
    return posting.posted()


@verb
def undo_write_off(
    *,
    by: User,
    adjustment: Adjustment,
    date: datetime.date,
    reason: str,
    key: UUID | None = None,
) -> Posted:
    """A write-off was a mistake: the line owes again what it took off.

    Refused: a second time, no reason, one that came with an insurer's payment (it is undone with
    that payment), one on a line that was voided since.
    """
    require(by, "billing.write_off")
    require_reason(reason)
    if adjustment.payment:
        raise LedgerError(
            f"This write-off came with {adjustment.payment.number} and is undone with it."
        )
    posting = Posting(by, date)
    posting.lock(lines=[adjustment.line_id])
    line = posting.line_of(adjustment.line_id)
    undone = Adjustment.objects.filter(undoes=adjustment).first()
    if undone:
        raise LedgerError(f"This write-off was already undone on {undone.date:%d %b %Y}.")
    if adjustment.undoes_id:
        raise LedgerError("This entry undoes a write-off; write it off again instead.")
    if -adjustment.amount > line.balance:
        raise LedgerError(f"This line only owes {show(line.balance)}.", line=line.pk)
    require_write_offs(by, [(line, -adjustment.amount)], posting.patients)
    posting.write_off(
        line, -adjustment.amount, kind=adjustment.kind, reason=reason, undoes=adjustment
    )
    return posting.posted()
