"""A grid of lines with amount boxes: what was typed in each, and what could not be understood.

Read by hand rather than by a Django formset, which takes fifty times as long on 500 rows while
somebody waits for a figure. Boxes are named `line-<row>-<column>`; the rows on the page are sent
as `lines`, in their order. A row is called by its line's id; where an insurer takes a line back and
pays it anew in one payment, the second row of line 12 is called 12_2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.http import QueryDict

from billing.money import ZERO, AmountError, parse_or_zero, show

MOST_LINES = 1000  # on one page; four or five fields each, and settings let 5,500 in
ROW = re.compile(r"(\d{1,18})(_[2-9])?", re.ASCII)
Row = TypeVar("Row", int, str)


def line_ids(data: QueryDict) -> list[int]:
    """The lines a screen says it shows, once each and in its order; what is no number is line 0."""
    return list(dict.fromkeys(line_id(text) or 0 for text in data.getlist("lines")))


def line_id(text: str) -> int | None:
    """The number of a line, if it could be one: Python refuses to read 5,000 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def row_keys(data: QueryDict) -> list[str]:
    """The rows a screen says it shows, once each and in its order; what is no row is line 0."""
    sent = data.getlist("lines")
    return list(dict.fromkeys(text if ROW.fullmatch(text) else "0" for text in sent))


def line_of(row: str) -> int:
    """The line a row is about."""
    return int(row.partition("_")[0])


def one_by_one(data: Mapping[str, str]) -> dict[str, Any]:
    """A form as a plain dict, which answers several look-ups a line faster than a QueryDict."""
    if isinstance(data, QueryDict):
        return data.dict()
    return data if isinstance(data, dict) else dict(data)


class Boxes(Generic[Row]):
    """The amount boxes of a grid: texts as typed, amounts as understood, errors as found."""

    def __init__(self, columns: Sequence[str], lines: Sequence[Row], data: Mapping[str, str]):
        self.columns = columns
        self.lines: Sequence[Row] = lines
        self.texts: dict[tuple[Row, str], str] = {}
        self.amounts: dict[tuple[Row, str], Decimal] = {}
        self.errors: dict[tuple[Row, str], str] = {}
        self.seen: dict[Row, str] = {}
        sent = one_by_one(data)
        for line in lines:
            self.seen[line] = sent.get(f"line-{line}-seen", "")
            for column in columns:
                self._read(line, column, sent.get(box_name(line, column), ""))

    def _read(self, line: Row, column: str, text: str) -> None:
        if not text:
            return
        self.texts[line, column] = text
        try:
            self.amounts[line, column] = parse_or_zero(text)
        except AmountError as error:
            self.errors[line, column] = str(error)

    def amount(self, line: Row, column: str) -> Decimal:
        return self.amounts.get((line, column), ZERO)

    def text(self, line: Row, column: str) -> str:
        return self.texts.get((line, column), "")

    def is_typed(self, line: Row, column: str) -> bool:
        """Whether anything stands in a box; 0 does, and so does what is no amount."""
        return bool(self.text(line, column).strip())

    def fill(self, line: Row, column: str, amount: Decimal | None) -> str:
        """Put an amount into a box for the typist (None empties it); returns its new text."""
        text = "" if amount is None else plain(amount)
        self.errors.pop((line, column), None)
        self.texts[line, column] = text
        self.amounts[line, column] = amount or ZERO
        return text


def box_name(line: int | str, column: str) -> str:
    return f"line-{line}-{column}"


def plain(amount: Decimal) -> str:
    """An amount as it stands in a box: no separators, so that it can be edited."""
    return show(amount).replace(",", "")
