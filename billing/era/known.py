"""What a remittance means beside what we know already: payers, earlier payments, our own ids.

What we know is handed in, so nothing here asks a database. Who does has to lock, too: two people
may upload the same file at the same moment, and only a unique constraint decides between them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.era import refusals
from billing.era.matching import control
from billing.era.refusals import Finding
from billing.era.remittance import Claim, Party, Payment, ProviderAdjustment, Row, Transaction
from billing.money import ZERO

# ---------------------------------------------------------------------------- who pays whom


def payer_keys(payment: Payment) -> tuple[tuple[str, str], ...]:
    """What the payer may be remembered by, the surest first: (kind, value).

    The number of who sent the money, the payer's own id, its exact name. Kinds without a value
    are left out, so an ERA that names nobody has no key at all.
    """
    payer = payment.payer
    keys = (
        ("originator", payment.originator),
        ("id", payer.reference("2U", "EO", "HI", "NF") or payer.id),
        ("name", payer.name.upper()),
    )
    return tuple((kind, value) for kind, value in keys if value)


def in_our_currency(payment: Payment, ours: str) -> Finding | None:
    """E24 unless the payment is in the currency of our books: amounts are never converted."""
    theirs = payment.currency.strip().upper()
    return None if theirs == ours else refusals.other_currency(theirs, ours)


def made_out_to_us(payee: Party, our_ids: Collection[str]) -> Finding | None:
    """W7 unless one of our NPIs or tax ids is the payee's. Without any of ours, nothing is said."""
    if not our_ids or {payee.id, payee.reference("TJ")} & set(our_ids):
        return None
    return refusals.made_out_to(payee.name or payee.id)


# ---------------------------------------------------------------------------- imported before


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """A payment of the same payer with the same number, as it stands in our books."""

    number: str  # IP-0318
    date: datetime.date
    by: str
    claims: frozenset[ClaimKey]  # of the ERA it came from; empty when it was typed


@dataclass(frozen=True, slots=True)
class ClaimKey:
    control: str
    payer_claim: str
    status: str
    charge: Decimal
    paid: Decimal


def key_of(claim: Claim) -> ClaimKey:
    """What makes a claim of a notice the same claim again."""
    return ClaimKey(
        control(claim.control), control(claim.payer_claim), claim.status, claim.charge, claim.paid
    )


def imported_before(
    transaction: Transaction, payer: str, known: Sequence[KnownPayment]
) -> Finding | None:
    """E20 for a number this payer used already; W10 where it is only a notice's.

    A notice moves no money, and payers use one number for many of them: it is refused only when
    it brings a claim that came with that number before.
    """
    if not known:
        return None
    payment = transaction.payment
    if payment.notice_only and payment.amount == ZERO:
        keys = {key_of(claim) for claim in transaction.claims}
        again = [one for one in known if keys & one.claims]
        if not again:
            return refusals.notice_number_used(payment.reference)
        known = again
    first = known[0]
    return refusals.reference_known(payment.reference, payer, first.date, first.by, first.number)


# ---------------------------------------------------------------------------- against our books


def prior_payer(row: Row, posted: Decimal) -> Finding | None:
    """W8 where a secondary counted other money of earlier payers than we have posted."""
    if not any(one.code == "OA-23" for one in row.adjustments) or row.prior_payer == posted:
        return None
    return refusals.prior_payer_differs(row.prior_payer, posted)


@dataclass(frozen=True, slots=True)
class OpenBalance:
    """A debt the payer moved to a later payment and has not collected yet."""

    id: int
    reference: str
    amount: Decimal


def collect(
    one: ProviderAdjustment, still_open: Sequence[OpenBalance]
) -> tuple[tuple[tuple[int, Decimal], ...], Finding | None]:
    """Which open balances a collected one closes, by how much: its reference first, then oldest.

    `still_open` is in order of age. With W9 when the payer collects more than is open.
    """
    same = [
        balance for balance in still_open if control(balance.reference) == control(one.reference)
    ]
    others = [balance for balance in still_open if balance not in same]
    left = one.amount
    closed = []
    for balance in (*same, *others):
        part = min(left, balance.amount)
        if part > 0:
            closed.append((balance.id, part))
            left -= part
    if left <= 0:
        return tuple(closed), None
    total = sum((balance.amount for balance in still_open), ZERO)
    return tuple(closed), refusals.more_than_forwarded(one.reference, one.amount, total)


def numbers_in(reference: str) -> tuple[str, ...]:
    """What in the reference of a recovery may be a claim's number, ours or the payer's."""
    words = (control(word) for word in re.split(r"[\s,;/]+", reference))
    return tuple(dict.fromkeys(word for word in words if word))
