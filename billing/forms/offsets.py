"""Provider-level adjustments (PLB) under the grid: rows of a code, a reference and an amount.

Rows are named `offset-<row>-<column>`; the rows on the page are sent as `offsets`. A row nothing is
typed in counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from billing.forms.grid import one_by_one, plain
from billing.models.offsets import CODES
from billing.money import ZERO, AmountError, parse_or_zero, show
from billing.sharing import OffsetEntry
from patients.cards import NO_CARD, holds_card_number

MOST = 40
LONGEST = 50  # of a reference
COLUMNS = ("code", "reference", "amount")
OTHER_CODES = "Choose the code of the adjustment."


@dataclass(frozen=True)
class OffsetRow:
    """One adjustment as the template prints it."""

    key: str
    texts: Mapping[str, str]
    errors: Mapping[str, str]
    effect: str
    choices: Sequence[tuple[str, str]]


def offset_keys(data: QueryDict) -> list[str]:
    """The rows of adjustments a screen says it shows."""
    sent = data.getlist("offsets")
    found = (text for text in sent if text.isascii() and text.isdigit() and len(text) < 3)
    return list(dict.fromkeys(found))[:MOST]


class OffsetBoxes:
    """What is typed on the adjustments of a payment."""

    def __init__(self, keys: Sequence[str], data: Mapping[str, str], payer: str) -> None:
        self.keys = list(keys)
        self.payer = payer or "the payer"
        self.texts: dict[str, dict[str, str]] = {}
        self.amounts: dict[str, Decimal] = {}
        self.errors: dict[str, dict[str, str]] = {}
        sent: dict[str, Any] = one_by_one(data) if self.keys else {}
        for key in self.keys:
            self._read(key, {name: sent.get(f"offset-{key}-{name}", "") for name in COLUMNS})

    def _read(self, key: str, texts: dict[str, str]) -> None:
        self.texts[key], self.errors[key] = texts, {}
        errors = self.errors[key]
        try:
            self.amounts[key] = parse_or_zero(texts["amount"])
        except AmountError as error:
            errors["amount"] = str(error)
        if not any(text.strip() for text in texts.values()):
            return
        if not errors and not self.amounts[key]:
            errors["amount"] = "Enter the amount of the adjustment."
        if texts["code"].upper() not in CODES:
            errors["code"] = OTHER_CODES
        if len(texts["reference"]) > LONGEST or not texts["reference"].isprintable():
            errors["reference"] = f"Use {LONGEST} plain characters at most."
        elif holds_card_number(texts["reference"]):
            errors["reference"] = NO_CARD

    def add(self) -> str:
        """One more empty row; returns its key, or "" where the page holds no more."""
        if len(self.keys) >= MOST:
            return ""
        key = next(str(each) for each in range(1, 100) if str(each) not in self.keys)
        self.keys.append(key)
        self._read(key, dict.fromkeys(COLUMNS, ""))
        return key

    def clear(self) -> dict[str, str]:
        """Empty every amount; returns box name → new text."""
        filled = [key for key in self.keys if self.texts[key]["amount"]]
        for key in filled:
            self._read(key, {**self.texts[key], "amount": ""})
        return {f"offset-{key}-amount": "" for key in filled}

    def tidy(self, boxes: Sequence[str]) -> dict[str, str]:
        """80+35.50 becomes 115.50 once the box is left."""
        return {
            f"offset-{key}-amount": plain(amount)
            for key, amount in self.amounts.items()
            if f"offset-{key}-amount" in boxes and amount
        }

    @property
    def known(self) -> bool:
        """Whether every amount is understood."""
        return all(key in self.amounts for key in self.keys)

    @property
    def total(self) -> Decimal:
        """What the payer kept, all adjustments together; below nothing it added."""
        return sum(self.amounts.values(), ZERO)

    @property
    def entries(self) -> list[OffsetEntry]:
        """The adjustments as the ledger takes them."""
        return [
            OffsetEntry(self.texts[key]["code"], amount, self.texts[key]["reference"].strip())
            for key, amount in self.amounts.items()
            if amount
        ]

    @property
    def problems(self) -> list[dict[str, str]]:
        """What keeps them from being saved, as items of the error summary."""
        return [
            {"href": f"#offset-{key}-{name}", "text": f"Provider-level adjustment: {text}"}
            for key in self.keys
            for name, text in self.errors[key].items()
        ]

    @property
    def rows(self) -> list[OffsetRow]:
        return [
            OffsetRow(key, self.texts[key], self.errors[key], self._effect(key), CHOICES)
            for key in self.keys
        ]

    def _effect(self, key: str) -> str:
        return self.errors[key].get("amount") or effect(self.amounts[key], self.payer)


CHOICES = [("", "Choose"), *((code, f"{code} {name}") for code, (_kind, name) in CODES.items())]


def effect(amount: Decimal, payer: str) -> str:
    """What the sign of an adjustment means, in words."""
    if not amount:
        return ""
    return f"{payer} kept {show(amount)}" if amount > 0 else f"{payer} added {show(-amount)}"
