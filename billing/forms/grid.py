"""A grid of lines with amount boxes: what was typed in each, and what could not be understood.

Read by hand rather than by a Django formset, which takes fifty times as long on 500 rows while
somebody waits for a figure. Boxes are named `line-<id>-<column>`; the lines on the page are sent
as `lines`, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from billing.money import ZERO, AmountError, parse_or_zero, show
from billing.sharing import Entry

MOST_LINES = 1000  # on one page; four fields each, and settings let 5,000 in


def line_ids(data: QueryDict) -> list[int]:
    """The lines a screen says it shows, once each and in its order; what is no number is line 0."""
    return list(dict.fromkeys(line_id(text) or 0 for text in data.getlist("lines")))


def line_id(text: str) -> int | None:
    """The number of a line, if it could be one: Python refuses to read 5,000 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class Boxes:
    """The amount boxes of a grid: texts as typed, amounts as understood, errors as found."""

    def __init__(self, columns: Sequence[str], lines: Sequence[int], data: Mapping[str, str]):
        self.columns = columns
        self.lines = lines
        self.texts: dict[tuple[int, str], str] = {}
        self.amounts: dict[tuple[int, str], Decimal] = {}
        self.errors: dict[tuple[int, str], str] = {}
        self.seen: dict[int, str] = {}
        # Several look-ups a line: a plain dict answers them faster than a QueryDict.
        sent: dict[str, Any] = data.dict() if isinstance(data, QueryDict) else dict(data)
        for line in lines:
            self.seen[line] = sent.get(f"line-{line}-seen", "")
            for column in columns:
                self._read(line, column, sent.get(box_name(line, column), ""))

    def _read(self, line: int, column: str, text: str) -> None:
        if not text:
            return
        self.texts[line, column] = text
        try:
            self.amounts[line, column] = parse_or_zero(text)
        except AmountError as error:
            self.errors[line, column] = str(error)

    def amount(self, line: int, column: str) -> Decimal:
        return self.amounts.get((line, column), ZERO)

    def text(self, line: int, column: str) -> str:
        return self.texts.get((line, column), "")

    def fill(self, line: int, column: str, amount: Decimal | None) -> str:
        """Put an amount into a box for the typist (None empties it); returns its new text."""
        text = "" if amount is None else plain(amount)
        self.errors.pop((line, column), None)
        self.texts[line, column] = text
        self.amounts[line, column] = amount or ZERO
        return text

    @property
    def entries(self) -> dict[int, Entry]:
        """What was typed, as the ledger takes it."""
        return {
            line: Entry(
                line=line,
                paid=self.amount(line, self.columns[-1]),
                write_off=self.amount(line, "write_off"),
                seen=self.seen[line],
            )
            for line in self.lines
        }


def box_name(line: int, column: str) -> str:
    return f"line-{line}-{column}"


def plain(amount: Decimal) -> str:
    """An amount as it stands in a box: no separators, so that it can be edited."""
    return show(amount).replace(",", "")
