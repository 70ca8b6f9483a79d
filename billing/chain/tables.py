"""Which tables are sealed, and what one of their rows says.

A row's digest is of a text made of its columns as the database holds them, byte by byte, the same on
SQLite and PostgreSQL. A column that holds nothing, or what it holds by default, is left out: so a column
that a later version adds changes no digest of the rows that were there.

Left out for good is what the database itself moves (sums, last dates): `billing.checks` works those
out anew from the rows.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import connection, models

from billing import models as nouns
from billing.models.derived import ON_LINE, ON_PAYMENT

DIGEST = 18  # bytes of SHA-256 that are kept: 24 letters, and far more than anybody can try
NOTHING_USUAL = object()

# Who owed the rest of a line when it was issued: its first answer says, if it has one. Who owes it
# now follows from the answers (billing.checks).
OWED_AT_FIRST = (
    'CASE WHEN EXISTS (SELECT 1 FROM billing_adjudication a WHERE a.line_id = t."id")'
    " THEN (SELECT a.owed_before_id FROM billing_adjudication a"
    ' WHERE a.line_id = t."id" ORDER BY a.id LIMIT 1) ELSE t."payer_id" END'
)


@dataclass(frozen=True)
class Sealed:
    """A sealed table: without which columns, and which of its rows (`counts`, as SQL)."""

    model: type[models.Model]
    but: frozenset[str] = frozenset()
    counts: str = ""
    later: bool = False  # sealed some time after it is written, and until then by its own MAC
    worked_out: dict[str, str] = field(default_factory=dict)  # column -> SQL in its place

    @property
    def name(self) -> str:
        return self.model._meta.db_table

    @property
    def noun(self) -> str:
        """What a row is called: payment, invoice line."""
        return str(self.model._meta.verbose_name)

    @cached_property
    def columns(self) -> list[models.Field[Any, Any]]:
        """The columns that are sealed, without the id."""
        found = [
            each
            for each in self.model._meta.concrete_fields
            if not each.primary_key and not each.generated and each.name not in self.but
        ]
        return sorted(found, key=lambda each: str(each.column))

    # ------------------------------------------------------------------ reading

    def digests(self, ids: Sequence[int]) -> dict[int, str]:
        """Id -> digest, of those of these rows that are there and count, by their ids."""
        if connection.vendor == "sqlite":
            wanted, given = "IN (SELECT value FROM json_each(%s))", json.dumps(list(ids))
        else:
            wanted, given = "= ANY(%s::bigint[])", list(ids)  # type: ignore[assignment]
        return self._read(f't."{self.key}" {wanted}', [given])

    def all_digests(self, size: int) -> Iterator[dict[int, str]]:
        """Of all rows that count, so many at a time."""
        for ids in self.ids(size):
            yield self.digests(ids)

    def ids(self, size: int) -> Iterator[list[int]]:
        """The ids of all rows that count, in their order, so many at a time."""
        last: int | None = None
        while True:
            after = f't."{self.key}" > %s' if last is not None else "1=1"
            sql = (
                f'SELECT t."{self.key}" FROM "{self.name}" t WHERE {after}{self._and_counts}'
                f' ORDER BY t."{self.key}" LIMIT {size}'
            )
            with connection.cursor() as cursor:
                cursor.execute(sql, [] if last is None else [last])
                found = [pk for (pk,) in cursor.fetchall()]
            if not found:
                return
            yield found
            last = found[-1]

    @property
    def key(self) -> str:
        return str(self.model._meta.pk.column)

    @property
    def _and_counts(self) -> str:
        return f" AND {self.counts}" if self.counts else ""

    def _read(self, where: str, given: list[Any]) -> dict[int, str]:
        words = ", ".join(self._words)
        sql = (
            f'SELECT t."{self.key}", {words} FROM "{self.name}" t WHERE {where}{self._and_counts}'
            f' ORDER BY t."{self.key}"'
        )
        return {row[0]: self.digest(row) for row in _exactly(sql, given)}

    @cached_property
    def _words(self) -> list[str]:
        return [self.worked_out.get(str(each.column)) or _as_stored(each) for each in self.columns]

    @cached_property
    def _usual(self) -> list[tuple[str, Any, bool]]:
        return [
            (str(each.column), _usual(each), isinstance(each, models.JSONField))
            for each in self.columns
        ]

    def digest(self, row: Sequence[Any]) -> str:
        """Of a row as it was read: its id, then its columns."""
        said = [self.name, row[0]]
        for (column, usual, is_json), value in zip(self._usual, row[1:], strict=True):
            if value != usual or type(value) is not type(usual):
                said += (column, _of_json(value) if is_json else value)
        found = hashlib.sha256(_as_json(said).encode()).digest()[:DIGEST]
        return base64.urlsafe_b64encode(found).decode()


def _usual(column: models.Field[Any, Any]) -> Any:
    """What stands in a column about which nothing was said, as it is read."""
    if column.null:
        return None
    if column.has_default() and not callable(column.default):
        stored = column.get_db_prep_save(column.default, connection)
        return int(stored) if isinstance(stored, bool) else stored
    text = isinstance(column, (models.CharField, models.TextField))
    return "" if text and not column.has_default() else NOTHING_USUAL


def _as_stored(column: models.Field[Any, Any]) -> str:
    """SQL for a column as SQLite stores it, so that both databases say the same.

    The plus makes an expression of the column, which no driver makes a date or a bool of.
    """
    name = f't."{column.column}"'
    if connection.vendor == "sqlite":
        return f"+{name}"
    if isinstance(column, models.DateTimeField):
        text = f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        return f"replace({text}, '.000000', '')"
    if isinstance(column, models.DateField):
        return f"to_char({name}, 'YYYY-MM-DD')"
    if isinstance(column, models.BooleanField):
        return f"{name}::int"
    if isinstance(column, models.UUIDField):
        return f"replace({name}::text, '-', '')"
    if isinstance(column, models.JSONField):
        return f"{name}::text"
    return name


def _exactly(sql: str, given: list[Any]) -> list[tuple[Any, ...]]:
    """Rows byte by byte: also a text that is no UTF-8 any more is read, not stumbled over."""
    with connection.cursor() as cursor:
        if connection.vendor != "sqlite":
            cursor.execute(sql, given)
            return list(cursor.fetchall())
        driver: Any = connection.connection
        driver.text_factory = _text
        try:
            cursor.execute(sql, given)
            return list(cursor.fetchall())
        finally:
            driver.text_factory = str


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def _of_json(text: Any) -> Any:
    """PostgreSQL orders the names in an object anew; what it says is the same."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text, parse_float=str, object_pairs_hook=_in_order)
    except ValueError:
        return text


def _in_order(pairs: list[tuple[str, Any]]) -> list[Any]:
    return ["{}", *sorted(pairs, key=lambda pair: pair[0])]


def _of_bytes(value: Any) -> str:
    return f"bytes {bytes(value).hex()}"


_as_json = json.JSONEncoder(separators=(",", ":"), default=_of_bytes).encode  # made once


# ---------------------------------------------------------------------------- the list

ISSUED = "t.issued_on IS NOT NULL"

SEALED: tuple[Sealed, ...] = (
    Sealed(nouns.Payment, but=ON_PAYMENT),
    Sealed(nouns.Allocation),
    Sealed(nouns.Adjustment),
    Sealed(nouns.Responsibility),
    Sealed(nouns.Adjudication),
    Sealed(nouns.Offset),
    Sealed(nouns.Invoice, counts=ISSUED),
    Sealed(nouns.InvoiceLine, but=ON_LINE, counts=ISSUED, worked_out={"payer_id": OWED_AT_FIRST}),
    Sealed(nouns.LineVoid),
    Sealed(nouns.Deposit),
    Sealed(nouns.DepositItem),
    Sealed(nouns.ClosingDate),
    Sealed(nouns.JournalBatch),
    Sealed(nouns.JournalItem),
    Sealed(nouns.Submission),
    Sealed(nouns.Document),
    Sealed(nouns.Logo),
    Sealed(nouns.Export),
    Sealed(nouns.AuditEvent, later=True),
    *(Sealed(nouns.history_of(model)) for model in nouns.KEPT),
)

_BY_MODEL = {table.model: table for table in SEALED}
BY_NAME = {table.name: table for table in SEALED}


def sealed(model: type[models.Model]) -> Sealed:
    """How the rows of a model are sealed."""
    return _BY_MODEL[model]
