"""Money goes to the bank."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from uuid import UUID

from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting
from billing.ledger.refusals import LedgerError
from billing.models import Deposit, DepositItem, Kind, Payment
from billing.models.numbering import DEPOSIT, take_number
from billing.models.payments import MOVED

BANKED = (Kind.RECEIPT, Kind.REVERSAL, Kind.REFUND)


@verb
def deposit(
    *, by: User, payments: Sequence[Payment], date: datetime.date, key: UUID | None = None
) -> Posted:
    """Put receipts on a slip for the bank, and reversals and refunds of earlier ones.

    From then on none of them can be deleted, only reversed; the reversal goes on a later slip.
    Refused: nothing chosen, one that is on a slip already, a deleted payment, a transfer or
    its reversal (they bring no money), a slip dated before what it holds, a closed or future date.
    """
    require(by, "billing.make_deposit")
    posting = Posting(by, date)
    ids = {payment.pk for payment in payments}
    patients = {payment.patient_id for payment in payments if payment.patient_id}
    # A refund or a reversal is in use while the receipt it draws on is.
    posting.lock(
        patients=patients, payments={payment.source_id or payment.pk for payment in payments}
    )
    rows = list(
        Payment.objects.select_related("deposit_item__deposit", "source", "original")
        .filter(pk__in=ids)
        .order_by("pk")
    )
    if not rows:
        raise LedgerError("Choose what goes to the bank.")
    deleted = set(
        Payment.objects.filter(original__in=ids, kind=Kind.VOID).values_list("original", flat=True)
    )
    for row in rows:
        _refuse_unbankable(row, date, deleted=row.pk in deleted)
    slip = Deposit.objects.create(
        number=take_number(DEPOSIT), date=posting.date, created_at=posting.now, created_by_id=by.pk
    )
    DepositItem.objects.bulk_create(DepositItem(deposit=slip, payment=row) for row in rows)
    return Posted(deposit=slip)


def _refuse_unbankable(row: Payment, date: datetime.date, *, deleted: bool) -> None:
    name = row.shown_under
    if row.kind not in BANKED:
        raise LedgerError(f"{name} is no money for the bank: {row.get_kind_display().lower()}.")
    if row.kind == Kind.REVERSAL and row.original and row.original.kind in MOVED:
        raise LedgerError(f"{name} is no money for the bank: it undoes a transfer.")
    if deleted:
        raise LedgerError(f"{name} was deleted.")
    if hasattr(row, "deposit_item"):
        raise LedgerError(f"{name} is on deposit slip {row.deposit_item.deposit} already.")
    if row.date > date:
        raise LedgerError(
            f"{name} is of {row.date:%d %b %Y}, after the date of the slip.", field="date"
        )
