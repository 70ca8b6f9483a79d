"""What the tests of insurers' screens share: payments with answers on lines."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from billing import ledger
from billing.models import InvoiceLine, Outcome, Payment
from billing.sharing import Entry, OffsetEntry
from patients.models import Payer
from tests.factories import UserFactory
from tests.factories.bills import day, money


def answers(
    payer: Payer,
    amount: str,
    *entries: Entry,
    offsets: Iterable[OffsetEntry] = (),
    ago: int = 5,
    reference: str = "",
) -> Payment:
    """A payment of an insurer with what it said on lines, and what it kept or added besides."""
    return ledger.record_payment(
        by=UserFactory(),
        payer=payer,
        amount=money(amount),
        method="eft",
        reference=reference,
        date=day(ago),
        entries=list(entries),
        offsets=[
            OffsetEntry(each.code, money(Decimal(each.amount)), each.reference) for each in offsets
        ],
    ).receipt


def denies(payer: Payer, line: InvoiceLine, *, codes: str = "CO 50", ago: int = 5) -> Payment:
    """The insurer pays nothing on a line and says why; the line goes on waiting for it."""
    said = Entry(line.pk, outcome=Outcome.DENIED, codes=codes)
    return answers(payer, "0", said, ago=ago)
