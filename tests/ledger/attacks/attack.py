"""One attack, and what has to refuse it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.ledger.attacks.scene import Scene

BOTH = ("sqlite", "postgresql")

# What several of them are refused with.
NEVER_CHANGED, NEVER_DELETED = "R1: a .* is never changed", "R1: a .* is never deleted"
NOT_BOOKED = "A journal batch holds rows of money up to its date"


@dataclass(frozen=True)
class Attack:
    """`by` is what must refuse it: words of the trigger's message, or the constraint's name."""

    name: str
    by: str
    attempt: Callable[[Scene], None]
    on: tuple[str, ...] = BOTH
    control: bool = True
    """Does it go through without the triggers? (Not where a constraint stands behind them.)"""


def trigger(name: str, by: str, attempt: Callable[[Scene], None], **more: Any) -> Attack:
    return Attack(name, by, attempt, **more)


def constraint(name: str, by: str, attempt: Callable[[Scene], None], **more: Any) -> Attack:
    return Attack(name, by, attempt, control=False, **more)
