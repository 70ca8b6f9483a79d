"""Sharing out what a payer says of a whole claim over the sessions of that claim.

Every sum is kept to the cent: what is spread adds up to what was given, amount by amount. Who
saves the payment may change any of it, which is why nothing spread is ever taken for sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal

from billing.era.remittance import Amounts, Row
from billing.money import ZERO

PARTS = tuple(part.name for part in fields(Amounts))  # allocation first, then the write-off, …


def whole_claim(amounts: Amounts, balances: Sequence[Decimal]) -> list[Amounts]:
    """Over lines in date order: each up to what the insurer owes on it, the last takes the rest."""
    room = [max(balance, ZERO) for balance in balances]
    shares: list[dict[str, Decimal]] = [{} for _ in balances]
    for part in PARTS:
        left: Decimal = getattr(amounts, part)
        for index, share in enumerate(shares):
            last = index == len(shares) - 1
            share[part] = left if last else _within(left, room[index])
            room[index] -= share[part]
            left -= share[part]
    return [Amounts(**share) for share in shares]


def reversed_claim(amounts: Amounts, posted: Sequence[Amounts]) -> list[Amounts]:
    """Takes back from each line what this payer put there, kind by kind; the last the rest."""
    shares: list[dict[str, Decimal]] = [{} for _ in posted]
    for part in PARTS:
        left: Decimal = getattr(amounts, part)
        for index, share in enumerate(shares):
            last = index == len(shares) - 1
            share[part] = left if last else -_within(-left, getattr(posted[index], part))
            left -= share[part]
    return [Amounts(**share) for share in shares]


def claim_level(row: Row, allocations: Sequence[Decimal]) -> list[Amounts]:
    """What a claim of several lines was adjusted by, taken from its lines in order, each to 0.

    What comes off a line's money comes back on it as write-off, patient's share or to review, so
    that every line still adds up. A claim-level amount that raises a payment goes on the first.
    """
    taken = _taken(ZERO - row.amounts.allocation, allocations)
    shares: list[dict[str, Decimal]] = [{"allocation": ZERO - amount} for amount in taken]
    room = list(taken)
    for part in PARTS[1:]:
        for index, amount in enumerate(_fill(getattr(row.amounts, part), room)):
            shares[index][part] = amount
            room[index] -= amount
    return [Amounts(**share) for share in shares]


def _taken(wanted: Decimal, allocations: Sequence[Decimal]) -> list[Decimal]:
    """`wanted` off the allocations in order, each down to 0 (or up, where all are negative)."""
    taken = []
    for index, allocation in enumerate(allocations):
        last = index == len(allocations) - 1
        if wanted < 0 and allocation >= 0:
            amount = wanted
        else:
            amount = wanted if last else _toward_zero(wanted, allocation)
        taken.append(amount)
        wanted -= amount
    return taken


def _fill(wanted: Decimal, room: Sequence[Decimal]) -> list[Decimal]:
    filled = []
    for index, free in enumerate(room):
        last = index == len(room) - 1
        amount = wanted if last else _toward_zero(wanted, free)
        filled.append(amount)
        wanted -= amount
    return filled


def _within(wanted: Decimal, room: Decimal) -> Decimal:
    """As much of an amount as there is room for; a negative one makes room, so all of it."""
    return wanted if wanted < 0 else min(wanted, max(room, ZERO))


def _toward_zero(wanted: Decimal, of: Decimal) -> Decimal:
    """As much of `wanted` as `of` has, of the same sign; else nothing."""
    if wanted > 0 and of > 0:
        return min(wanted, of)
    if wanted < 0 and of < 0:
        return max(wanted, of)
    return ZERO
