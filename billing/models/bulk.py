"""Many new rows in one statement, prepared column by column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from django.db import connection, models

from billing.chain.acts import note

Column = list[Any]
AnyModel = TypeVar("AnyModel", bound=models.Model)


def insert(given: Iterable[AnyModel]) -> None:
    """Write new rows of one model, in the order given, and fill in their ids.

    What bulk_create does with five calls a value takes most of the time of a large payment or
    file. Rows written together share most of their values, so here each value that differs is
    prepared once, and a column that is the same in all rows goes over once. For columns whose
    value is on the row (no auto_now, no database default, no expression).
    """
    rows = list(given)
    if not rows:
        return
    meta = rows[0]._meta
    fields = [each for each in meta.concrete_fields if not each.generated and not each.primary_key]
    columns = [_prepared(each, rows) for each in fields]
    worded = _given_as_json if connection.vendor == "sqlite" else _given_as_arrays
    source, values = worded(fields, columns)
    names = ", ".join(f'"{each.column}"' for each in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{meta.db_table}" ({names}) {source} RETURNING "{meta.pk.column}"', values
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    for row, pk in zip(rows, ids, strict=True):
        row.pk = pk
        row._state.adding, row._state.db = False, connection.alias
    if getattr(rows[0], "sealed", False):
        note(type(rows[0]), ids)


def _prepared(field: models.Field[Any, Any], rows: Sequence[models.Model]) -> Column:
    """The values of one column as the database takes them."""
    known: dict[Any, Any] = {}
    prepared = []
    for value in map(attrgetter(field.attname), rows):
        try:
            prepared.append(known[value])
        except KeyError:
            known[value] = field.get_db_prep_save(value, connection)
            prepared.append(known[value])
        except TypeError:  # a list: what JSON columns hold
            prepared.append(field.get_db_prep_save(value, connection))
    return prepared


def _same(column: Column) -> bool:
    first = column[0]
    return len(column) > 1 and all(value is first for value in column)


def _given_as_json(
    fields: Sequence[models.Field[Any, Any]], columns: Sequence[Column]
) -> tuple[str, list[Any]]:
    """The rows as one JSON text, the columns that are the same beside it."""
    chosen: list[str] = []
    values: list[Any] = []
    varied: list[Column] = []
    for column in columns:
        if _same(column):
            chosen.append("%s")
            values.append(column[0])
        else:
            chosen.append(f"value ->> {len(varied)}")
            varied.append(column)
    lines = list(zip(*varied, strict=True)) if varied else [()] * len(columns[0])
    text = json.dumps(lines, ensure_ascii=False, separators=(",", ":"))
    return f"SELECT {', '.join(chosen)} FROM json_each(%s)", [*values, text]


def _given_as_arrays(
    fields: Sequence[models.Field[Any, Any]], columns: Sequence[Column]
) -> tuple[str, list[Any]]:
    """An array a column, the columns that are the same beside them."""
    chosen: list[str] = []
    arrays: list[str] = []
    values: list[Any] = []
    varied: list[Any] = []
    for field, column in zip(fields, columns, strict=True):
        # Without its length: a cast to varchar(20) would cut off what is too long.
        kind = str(field.db_type(connection)).split("(")[0]
        if _same(column):
            chosen.append(f"%s::{kind}")
            values.append(column[0])
        else:
            chosen.append(f"given.c{len(arrays)}")
            arrays.append(f"%s::{kind}[]")
            varied.append(column)
    if not arrays:
        return f"SELECT {', '.join(chosen)} FROM generate_series(1, %s)", [*values, len(columns[0])]
    names = ", ".join(f"c{number}" for number in range(len(arrays)))
    source = f"SELECT {', '.join(chosen)} FROM unnest({', '.join(arrays)}) AS given ({names})"
    return source, [*values, *varied]
