"""A grid with one amount box a line: what Credit allocation and Write off share.

(A payment's grid has several boxes a row, and rows that stand on one another: payment_grid.py.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from billing.forms.grid import Boxes, box_name, line_id
from billing.models import InvoiceLine
from billing.sharing import Entry


@dataclass(frozen=True)
class LineRow:
    """One line as the template prints it."""

    line: InvoiceLine
    box: str
    text: str
    after: Decimal
    error: str

    @property
    def id(self) -> int:
        return self.line.pk

    @property
    def name(self) -> str:
        return str(self.line)


class LineGrid:
    """What is typed on lines. A screen adds what its amounts mean."""

    column: ClassVar[str]

    def __init__(
        self, lines: Iterable[InvoiceLine], sent: Sequence[int], data: Mapping[str, str]
    ) -> None:
        self.lines: dict[int, InvoiceLine] = {line.pk: line for line in lines}
        self.boxes: Boxes[int] = Boxes((self.column,), sent, data)
        self.refused: dict[int, str] = {}

    @property
    def entries(self) -> list[Entry]:
        """What is typed, as the ledger takes it; untouched lines are none."""
        raise NotImplementedError

    @property
    def rows(self) -> Sequence[LineRow]:
        """All lines as the template prints them."""
        return [self._row(line) for line in self.lines.values()]

    def _row(self, line: InvoiceLine) -> LineRow:
        raise NotImplementedError

    @property
    def known(self) -> bool:
        """False while something typed is no amount: then no total may look right."""
        return not self.boxes.errors

    def _error(self, line: int, by_sum: Mapping[int, str]) -> str:
        """What is wrong with a line: the ledger's words, no amount, or what its figures forbid."""
        return (
            self.refused.get(line)
            or self.boxes.errors.get((line, self.column))
            or by_sum.get(line, "")
        )

    # ------------------------------------------------------------------ while somebody types

    @property
    def said(self) -> str:
        """What a screen reader hears once typing pauses."""
        raise NotImplementedError

    @property
    def overdrawn(self) -> bool:
        """Whether more is given out than there is; never where there is nothing to give out."""
        return False

    def fill(self, what: str) -> tuple[dict[str, str], str]:
        """Fill boxes for the typist; returns box name → new text, and what to say about it."""
        raise NotImplementedError

    def touched(self, listed: str) -> list[Any]:
        """The rows a live answer has to bring up to date."""
        ids = [line_id(text) for text in listed.split(",")]
        return [self._row(self.lines[line]) for line in ids if line in self.lines]

    def wrong_boxes(self, rows: Iterable[Any]) -> dict[str, bool]:
        """Box name → whether it is marked as wrong."""
        return {row.box: bool(row.error) for row in rows}

    def focus_after(self, fill: str, values: Mapping[str, str]) -> str:
        """A fill leaves the focus where it is."""
        return ""

    def tidy(self, boxes: Sequence[str]) -> dict[str, str]:
        """The texts these boxes should show once they are left: 80+35.50 becomes 115.50."""
        values: dict[str, str] = {}
        for line, column in list(self.boxes.amounts):
            if box_name(line, column) in boxes and line in self.lines:
                values |= self._put(line, self.boxes.amount(line, column))
        return values

    def _put(self, line: int, amount: Decimal | None) -> dict[str, str]:
        """Put an amount into a line's box (nothing empties it), and forget the figures of before."""
        self._forget()
        return {box_name(line, self.column): self.boxes.fill(line, self.column, amount or None)}

    def _forget(self) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------------ saving

    @property
    def stale(self) -> bool:
        """Whether a line changed since the screen was drawn: then the ledger says so best."""
        return any(
            entry.seen and entry.line in self.lines and entry.seen != self.lines[entry.line].seen
            for entry in self.entries
        )

    def _wrong_amounts(self) -> list[dict[str, str]]:
        """The marked boxes, as items of the error summary."""
        return [
            {
                "href": f"#{row.box}",
                "text": f"{row.name} {row.line.service_date:%d %b %Y}: {row.error}",
            }
            for row in self.rows
            if row.error
        ]
