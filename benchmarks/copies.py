"""Copies of tables without our triggers, for floors that write the same rows once more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection, models

Copied = Sequence[type[models.Model]]


def copy_of(table: str) -> str:
    return f"floor_{table}"


# ---------------------------------------------------------------------------- the tables


def copy_tables(copied: Copied) -> None:
    """Copies of the tables as they are now, rows and all."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            _make_on_sqlite(cursor, copied)
        else:
            _make_on_postgresql(cursor, copied)
        for model in copied:
            table = model._meta.db_table
            columns = ", ".join(
                f'"{f.column}"' for f in model._meta.concrete_fields if not f.generated
            )
            cursor.execute(
                f"INSERT INTO {copy_of(table)} ({columns}) SELECT {columns} FROM {table}"
            )
        if connection.vendor == "postgresql":
            _settle_on_postgresql(cursor, copied)


def _make_on_sqlite(cursor: Any, copied: Copied) -> None:
    """By the schema's own text, under other names."""
    tables = [model._meta.db_table for model in copied]
    marks = ", ".join("%s" for _ in tables)
    cursor.execute(
        f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND type IN ('table', 'index')"
        " AND sql IS NOT NULL ORDER BY type DESC",
        tables,
    )
    for (sql,) in cursor.fetchall():
        sql = re.sub(r'^(CREATE (?:UNIQUE )?INDEX ")', r"\1floor_", sql)
        for table in tables:
            sql = sql.replace(f'"{table}"', f'"{copy_of(table)}"')
        cursor.execute(sql.replace("%", "%%"))


def _make_on_postgresql(cursor: Any, copied: Copied) -> None:
    tables = [model._meta.db_table for model in copied]
    for table in tables:
        cursor.execute(f"CREATE TABLE {copy_of(table)} (LIKE {table} INCLUDING ALL)")
    for table in tables:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = %s::regclass",
            [table],
        )
        for name, definition in cursor.fetchall():
            for other in tables:
                definition = definition.replace(
                    f"REFERENCES {other}(", f"REFERENCES {copy_of(other)}("
                )
            cursor.execute(f'ALTER TABLE {copy_of(table)} ADD CONSTRAINT "{name}" {definition}')


def _settle_on_postgresql(cursor: Any, copied: Copied) -> None:
    for model in copied:
        table = copy_of(model._meta.db_table)
        if model._meta.pk and model._meta.pk.column == "id":
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                f" COALESCE((SELECT MAX(id) FROM {table}), 1))"
            )
    cursor.execute("VACUUM ANALYZE")
