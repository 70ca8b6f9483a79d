"""Does it add up? Four rules, each to the cent; whatever breaks one is refused.

T  payment: amount = Σ claims paid − Σ provider adjustments
C  claim:   charge − all its adjustments = paid
L  line:    charge − its adjustments = paid
S  lines:   Σ lines paid − adjustments of the whole claim = claim paid
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from billing.era import refusals
from billing.era.refusals import Finding
from billing.era.remittance import Adjustment, Claim, Payment, ProviderAdjustment
from billing.money import ZERO


def payment(
    paid: Payment,
    claims: Iterable[Claim],
    provider_adjustments: Iterable[ProviderAdjustment],
    transaction: str,
) -> Iterator[Finding]:
    """Rule T."""
    by_claims = sum((claim.paid for claim in claims), ZERO)
    kept = sum((one.amount for one in provider_adjustments), ZERO)
    if paid.amount != by_claims - kept:
        yield refusals.payment_unbalanced(
            refusals.payment_name(paid.reference, transaction),
            paid.amount,
            debit=paid.debit,
            claims=by_claims,
            adjustments=kept,
        )


def claim(one: Claim) -> Iterator[Finding]:
    """Rules C, L and S."""
    name = refusals.claim_name(one.control, one.index)
    at_claim_level = _sum(one.adjustments)
    on_lines = sum((_sum(line.adjustments) for line in one.lines), ZERO)
    if one.charge - at_claim_level - on_lines != one.paid:
        yield refusals.claim_unbalanced(name, one.charge, at_claim_level + on_lines, one.paid)
    for line in one.lines:
        less = _sum(line.adjustments)
        if line.charge - less != line.paid:
            day = f" of {refusals.us_date(line.date)}" if line.date else ""
            where = f"{name}, line {line.number} ({refusals.short(line.code) or 'no code'}{day})"
            yield refusals.line_unbalanced(where, line.charge, less, line.paid)
    if one.lines:
        by_lines = sum((line.paid for line in one.lines), ZERO)
        if by_lines - at_claim_level != one.paid:
            yield refusals.lines_and_claim_differ(name, by_lines, at_claim_level, one.paid)


def _sum(adjustments: Iterable[Adjustment]) -> Decimal:
    return sum((one.amount for one in adjustments), ZERO)
