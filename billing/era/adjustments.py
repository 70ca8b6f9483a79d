"""What is done about an adjustment: group + reason code (CARC) → action.

The actions are a table of rules, read from the top, first match wins. `SEED` is what a clinic
starts with; the same rows, kept in the database, may be handed in instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

ANY = ""  # any group, or any reason


class Action(StrEnum):
    """Everything but REVIEW and PRIOR_PAYER is posted when the payment is saved."""

    WRITE_OFF = "write-off"
    DEDUCTIBLE = "deductible"
    COINSURANCE = "coinsurance"
    COPAY = "copay"
    OTHER = "other"  # the patient owes it, for another reason
    PRIOR_PAYER = "prior payer"
    REVIEW = "to review"


@dataclass(frozen=True, slots=True)
class Rule:
    """`needs_look`: it is done as it says, but a person should look at it."""

    group: str
    reason: str
    action: Action
    needs_look: bool = False
    why: str = ""


# Contract, negotiated or legislated reductions: 45 fee schedule, 253 sequestration, 131
# negotiated, 94 and 144 negative = more than the fee.
_CONTRACT = "A2 42 44 45 59 94 103 131 137 144 161 172 223 237 246 253"

SEED: tuple[Rule, ...] = (
    *(
        Rule("CO", reason, Action.WRITE_OFF, why="a reduction the contract or a law provides for")
        for reason in _CONTRACT.split()
    ),
    Rule("CO", ANY, Action.REVIEW, needs_look=True, why="a denial that may be corrected"),
    Rule("PR", "1", Action.DEDUCTIBLE),
    Rule("PR", "66", Action.DEDUCTIBLE, why="blood deductible"),
    Rule("PR", "2", Action.COINSURANCE),
    Rule("PR", "3", Action.COPAY),
    Rule("PR", ANY, Action.OTHER, needs_look=True, why="put on the patient, often a denial"),
    Rule("OA", "23", Action.PRIOR_PAYER, why="earlier payers paid or adjusted it"),
    Rule(ANY, ANY, Action.REVIEW, needs_look=True, why="not said to be contractual"),
)

_NOBODY_SAID = Rule(ANY, ANY, Action.REVIEW, needs_look=True)


class ActionTable:
    """The rules, quick to ask. What no rule names is to review."""

    def __init__(self, rules: Iterable[Rule] = SEED) -> None:
        self._rules = tuple(rules)
        self._answers: dict[tuple[str, str], Rule] = {}

    def rule_for(self, group: str, reason: str) -> Rule:
        asked = (group, reason)
        if asked not in self._answers:
            self._answers[asked] = next(
                (
                    rule
                    for rule in self._rules
                    if rule.group in (ANY, group) and rule.reason in (ANY, reason)
                ),
                _NOBODY_SAID,
            )
        return self._answers[asked]
