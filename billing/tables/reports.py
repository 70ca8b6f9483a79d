"""A report as the screen shows it: headings that sort, rows in groups with their sums, and totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from billing.reports.base import Report
from billing.reports.columns import Column, Holds, Row
from billing.reports.rows import Totals, Values


@dataclass(frozen=True)
class Heading:
    """A column's heading: sorted by it, and what the next click sorts by."""

    column: Column
    sorted: str  # ascending, descending, or nothing
    sort: str


@dataclass(frozen=True)
class Cell:
    """One cell: its value as the column holds it, where it leads, and whether it asks to act."""

    column: Column
    value: Any
    url: str | None = None
    flag: bool = False

    @property
    def holds(self) -> str:
        return self.column.holds.value

    @property
    def css(self) -> str:
        """Its classes: figures of one width and to the right, days that do not break."""
        if self.column.right:
            kind = "n num"
        else:
            kind = "quiet" if self.column.holds is Holds.TEXT else "num nowrap"
        return f"{kind} hide-t".strip() if self.column.fold else kind


@dataclass(frozen=True)
class Line:
    """One row: its cells, the one that names it, and what a tablet shows under that."""

    cells: Sequence[Cell]

    @property
    def head(self) -> Cell:
        """The first text, else the first cell."""
        texts = (cell for cell in self.cells if cell.column.holds is Holds.TEXT)
        return next(texts, self.cells[0])

    @property
    def folded(self) -> str:
        """Texts that a tablet has no column for."""
        texts = (
            str(cell.value)
            for cell in self.cells
            if cell.column.fold and cell.column.holds is Holds.TEXT and cell.value
        )
        return ", ".join(texts)


@dataclass(frozen=True)
class Group:
    """Rows that have a value in common, with the sums over all of them, on this page or not."""

    name: Cell | None
    counted: str
    sums: Sequence[Cell]
    rows: Sequence[Line]


class ReportTable:
    """One page of a report."""

    def __init__(self, report: Report, page: Sequence[Values], totals: Totals) -> None:
        self.report, self.values, self.totals = report, page, totals
        grouped = report.grouped_by if report.grouped else ""
        self.columns = [column for column in report.on_screen if column.name != grouped]

    @property
    def headings(self) -> Iterator[Heading]:
        by, down = self.report.sorted_by[0]
        for column in self.columns:
            now = "" if column.name != by else "descending" if down else "ascending"
            # Amounts and days are looked through from the top, names from the beginning.
            first = "" if column.holds in (Holds.TEXT, Holds.CODE) else "-"
            turned = "" if now == "descending" else "-"
            yield Heading(column, now, f"{turned if now else first}{column.name}")

    @property
    def groups(self) -> Iterator[Group]:
        """The rows of the page; in one group without a name where they are not grouped."""
        rows = [self._named(values) for values in self.values]
        if not self.report.grouped:
            yield Group(None, "", (), [self._line(row) for row in rows])
            return
        name = self.report.grouped_by
        column = next(each for each in self.report.columns if each.name == name)
        sums = self.report.rows.groups(name, [row[name] for row in rows])
        for value, found in groupby(rows, key=lambda row: row[name]):
            totals = sums[value]
            yield Group(
                Cell(column, value),
                self.report.counted(totals.count),
                self._sums(totals),
                [self._line(row) for row in found],
            )

    @property
    def sums(self) -> list[Cell]:
        """The last row: what each column comes to."""
        return self._sums(self.totals)

    @property
    def before_sums(self) -> Sequence[Column]:
        """The columns before the first that is added up: a sum's name has their room."""
        at = (at for at, column in enumerate(self.columns) if column.total)
        return self.columns[: next(at, len(self.columns))]

    @property
    def room(self) -> int:
        """How many of these columns a sum's name spans; those a tablet leaves away stay cells."""
        return max(1, sum(not column.fold for column in self.before_sums))

    @property
    def nameless(self) -> bool:
        """Whether the names of sums need a column of their own, since of the columns that were
        asked for none that stays on a tablet is before the first sum."""
        named = self.report.grouped or self.sums
        return bool(named) and all(column.fold for column in self.before_sums)

    @property
    def folded_room(self) -> Sequence[Column]:
        return [column for column in self.before_sums if column.fold]

    def _sums(self, totals: Totals) -> list[Cell]:
        return [
            Cell(column, totals[column.name] if column.total else None)
            for column in self.columns[len(self.before_sums) :]
        ]

    def _named(self, values: Values) -> Row:
        return dict(zip((column.name for column in self.report.columns), values, strict=True))

    def _line(self, row: Row) -> Line:
        return Line(
            [
                Cell(
                    column,
                    row[column.name],
                    column.link(row) if column.link else None,
                    column.flag(row) if column.flag else False,
                )
                for column in self.columns
            ]
        )
