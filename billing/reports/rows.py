"""The rows of a report: counted, added up, cut to a page, or read from the first to the last.

A report says its rows once, as a query (`SqlRows`) or as a list (`ListRows`). The screen, the sums and
every file ask the same object, so they cannot tell different stories.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

from billing.money import ZERO
from billing.reports.columns import Column, Holds

Values = tuple[Any, ...]
Order = Sequence[tuple[str, bool]]  # a column's name, and whether it goes down
CHUNK = 2000  # rows in memory at once


@dataclass(frozen=True)
class Totals:
    """How many rows, and what each added-up column comes to."""

    count: int
    sums: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.sums[name]


class Rows(Protocol):
    """What the screen and the files ask of a report's rows."""

    columns: Sequence[Column]

    def totals(self) -> Totals:
        """Over all rows."""

    def groups(self, name: str, values: Sequence[Any]) -> dict[Any, Totals]:
        """Over all rows that have one of these values in a column, for each value."""

    def page(self, order: Order, start: int, size: int) -> list[Values]:
        """So many rows from a place on."""

    def stream(self, order: Order) -> Iterator[Values]:
        """Every row, read as it goes."""


class ListRows:
    """Rows that were worked out already: a few hundred at most."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Values]) -> None:
        self.columns = columns
        self.rows = list(rows)
        self._at = {column.name: at for at, column in enumerate(columns)}

    def totals(self) -> Totals:
        return self._totals(self.rows)

    def _totals(self, rows: Sequence[Values]) -> Totals:
        sums = {
            column.name: sum(
                (row[self._at[column.name]] or 0 for row in rows),
                ZERO if column.holds is Holds.MONEY else 0,
            )
            for column in self.columns
            if column.total
        }
        return Totals(len(rows), sums)

    def groups(self, name: str, values: Sequence[Any]) -> dict[Any, Totals]:
        at = self._at[name]
        return {
            value: self._totals([row for row in self.rows if row[at] == value])
            for value in dict.fromkeys(values)
        }

    def page(self, order: Order, start: int, size: int) -> list[Values]:
        return self._sorted(order)[start : start + size]

    def stream(self, order: Order) -> Iterator[Values]:
        yield from self._sorted(order)

    def _sorted(self, order: Order) -> list[Values]:
        found = self.rows
        for name, down in reversed(order):  # sorting is stable: the last key first
            at = self._at[name]
            found = sorted(found, key=lambda row: _sortable(row[at]), reverse=down)
        return found


def _sortable(value: Any) -> tuple[bool, Any]:
    """Nothing comes first, and capitals make no difference."""
    folded = value.casefold() if isinstance(value, str) else value
    return (value is not None, folded if value is not None else 0)


class SqlRows:
    """Rows that a query finds. Its columns are the report's, in their order.

    The query is wrapped and the database adds up, groups, sorts and cuts what it finds: the same
    for one table and for a union of five, which the ORM cannot aggregate. `added_up` makes one row
    of all that are alike but for what is added up.
    """

    as_found = True  # whether rows are shown as the database finds them, with nothing put in after

    def __init__(
        self, columns: Sequence[Column], query: QuerySet[Any, Any], *, added_up: bool = False
    ) -> None:
        self.columns = columns
        self.connection = connections[query.db]
        self._quoted = {
            column.name: self.connection.ops.quote_name(column.name) for column in columns
        }
        try:
            found, self.params = query.query.get_compiler(query.db).as_sql()
        except EmptyResultSet:  # a filter that nothing can meet
            found, self.params = "", ()
        names = ", ".join(self._quoted.values())
        self.source = f"WITH {'found' if added_up else 'report'} ({names}) AS ({found})"
        if added_up:
            self.source += f", report AS ({self._added_up()})"
        if not found:
            self.source = ""

    def _added_up(self) -> str:
        keys = [self._quoted[column.name] for column in self.columns if not column.total]
        wanted = [
            f"SUM({name}) AS {name}" if column.total else name
            for column, name in ((each, self._quoted[each.name]) for each in self.columns)
        ]
        return f"SELECT {', '.join(wanted)} FROM found GROUP BY {', '.join(keys)}"

    def totals(self) -> Totals:
        if not self.source:
            return self._totals_of(())
        sql = f"{self.source} SELECT {self._aggregates()} FROM report"
        [row] = self._all(sql, self.params)
        return self._totals_of(row)

    def groups(self, name: str, values: Sequence[Any]) -> dict[Any, Totals]:
        wanted = list(dict.fromkeys(values))
        if not self.source or not wanted:
            return {}
        column = next(each for each in self.columns if each.name == name)
        by = self._quoted[name]
        marks = ", ".join("%s" for _value in wanted)
        sql = (
            f"{self.source} SELECT {by}, {self._aggregates()} FROM report"
            f" WHERE {by} IN ({marks}) GROUP BY {by}"
        )
        given = [self._stored(value) for value in wanted]
        return {
            column.read(key): self._totals_of(row)
            for key, *row in self._all(sql, [*self.params, *given])
        }

    def page(self, order: Order, start: int, size: int) -> list[Values]:
        if not self.source:
            return []
        sql = f"{self.select(order)} LIMIT %s OFFSET %s"
        return [self.read(row) for row in self._all(sql, [*self.params, size, start])]

    def stream(self, order: Order) -> Iterator[Values]:
        if not self.source:
            return
        # On PostgreSQL a cursor of the server's; SQLite reads as it goes anyway.
        with self.connection.chunked_cursor() as cursor:
            cursor.execute(self.select(order), self.params)
            while found := cursor.fetchmany(CHUNK):
                for row in found:
                    yield self.read(row)

    def read(self, row: Sequence[Any]) -> Values:
        """A row of the database's as the screen and the files know it."""
        return tuple(column.read(value) for column, value in zip(self.columns, row, strict=True))

    def select(self, order: Order, expressions: Sequence[str] | None = None) -> str:
        """The statement that finds the rows in an order; `expressions` in place of the columns."""
        wanted = ", ".join(expressions or self._quoted.values())
        return f"{self.source} SELECT {wanted} FROM report{self._ordered(order)}"

    def quoted(self, column: Column) -> str:
        return self._quoted[column.name]

    def _ordered(self, order: Order) -> str:
        """By the columns themselves: a bare name would mean what is selected under it, a moment
        to the second or a text with an apostrophe in front."""
        texts = {column.name for column in self.columns if column.holds is Holds.TEXT}
        by = {name: f"report.{quoted}" for name, quoted in self._quoted.items()}
        parts = [
            (f"LOWER({by[name]})" if name in texts else by[name]) + (" DESC" if down else "")
            for name, down in order
        ]
        return f" ORDER BY {', '.join(parts)}" if parts else ""

    def _aggregates(self) -> str:
        sums = [f"SUM({self._quoted[column.name]})" for column in self.columns if column.total]
        return ", ".join(["COUNT(*)", *sums])

    def _totals_of(self, row: Sequence[Any]) -> Totals:
        counted = row[0] if row else 0
        added = row[1:] if row else [0 for column in self.columns if column.total]
        totals = (column for column in self.columns if column.total)
        sums = {
            column.name: column.read(value or 0)
            for column, value in zip(totals, added, strict=True)
        }
        return Totals(counted, sums)

    def _stored(self, value: Any) -> Any:
        if isinstance(value, datetime.date):
            return self.connection.ops.adapt_datefield_value(value)
        return value

    def _all(self, sql: str, params: Sequence[Any]) -> list[Values]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            found: list[Values] = cursor.fetchall()
            return found


def difference(*amounts: Decimal) -> Decimal:
    """The first less all the others: 0.00 where they agree."""
    first, *others = amounts
    return first - sum(others, ZERO)
