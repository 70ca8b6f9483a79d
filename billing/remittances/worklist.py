"""Claims that were saved without a session, and placing them later."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from billing import balances, ledger
from billing.chain.acts import sealing
from billing.models import InvoiceLine, Remittance, RemittanceRow, RowState
from billing.remittances.posting import entry_of
from billing.remittances.review import ReviewError, change_amounts, decide


def _locked(pk: int) -> RemittanceRow:
    """The row, locked with its remittance. Refused once somebody placed it."""
    row = RemittanceRow.objects.filter(pk=pk).first()
    if row:
        Remittance.objects.select_for_update(of=("self",)).get(pk=row.remittance_id)
        row = balances.unmatched_claims().filter(pk=pk).first()
    if row is None:
        raise ReviewError("This claim needs no session any more. Somebody placed it.")
    return row


def place_later(
    pk: int,
    line: InvoiceLine,
    *,
    by: AbstractBaseUser,
    amounts: Mapping[str, Decimal] | None = None,
    decision: str = "",
    key: UUID | None = None,
) -> ledger.Posted:
    """Put an unmatched claim on its session, from the payment it came with.

    With other `amounts` than the file has where somebody says so. Refused as the ledger refuses.
    """
    with sealing("place claim", by=by):
        row = _locked(pk)
        if amounts is not None:
            change_amounts(row, amounts)
            decide(row, decision)
        payment, payer = row.remittance.payment, row.remittance.payer
        assert payment and payer  # noqa: S101, PT018  (a saved remittance has both)
        row.line = line
        posted = ledger.allocate(
            by=by,
            payment=payment,
            entries=[entry_of(row, payer)],
            date=timezone.localdate(),
            key=key,
        )
        row.ticked, row.unapplied = True, False
        row.placed_at, row.placed_by_id = timezone.now(), by.pk
        row.settle()
        row.save(update_fields=["line", "ticked", "unapplied", "placed_at", "placed_by", "state"])
    return posted


def set_aside(pk: int, *, by: AbstractBaseUser) -> None:
    """Say that a claim without money needs no session: it is somebody else's, or was settled."""
    with transaction.atomic():
        row = _locked(pk)
        if row.allocation:
            raise ReviewError("Its money has to go somewhere: choose the session.")
        row.state = RowState.NOTHING
        row.placed_at, row.placed_by_id = timezone.now(), by.pk
        row.save(update_fields=["state", "placed_at", "placed_by"])
