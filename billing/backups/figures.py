"""What a database holds, in figures: those of a backup and of what was restored have to be the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from billing.models import ChainLink, InvoiceLine, Payment

Figures = dict[str, Any]  # as it stands in the manifest

_NAME = re.compile(r"\w{1,63}", re.ASCII)
MONEY = {"payments": Payment, "lines": InvoiceLine}


def figures(cursor: Any, tables: Iterable[str]) -> Figures:
    """Rows of each table, migrations, sums in cents, and where the chain ends."""
    names = sorted(name for name in tables if _NAME.fullmatch(name))
    return {
        "migrations": [f"{app}.{name}" for app, name in _all(cursor, MIGRATIONS)],
        "tables": {name: _all(cursor, f'SELECT COUNT(*) FROM "{name}"')[0][0] for name in names},
        "cents": {
            noun: int(_all(cursor, f"SELECT SUM(amount) FROM {_table(model)}")[0][0] or 0)
            for noun, model in MONEY.items()
            if _table(model) in names
        },
        "chain": _end_of_chain(cursor) if _table(ChainLink) in names else "",
    }


MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY id"


def _end_of_chain(cursor: Any) -> str:
    table = _table(ChainLink)
    found = _all(cursor, f"SELECT number, mac FROM {table} ORDER BY number DESC LIMIT 1")
    return ":".join(map(str, found[0])) if found else ""


def _table(model: Any) -> str:
    return str(model._meta.db_table)


def _all(cursor: Any, sql: str) -> list[Any]:
    cursor.execute(sql)
    return list(cursor.fetchall())


def differences(said: Figures, found: Figures) -> list[str]:
    """In what they differ, in words; nothing where they are the same."""
    different = []
    for table, rows in said["tables"].items():
        if (there := found["tables"].get(table)) != rows:
            different.append(f"{table}: {rows:,} rows were backed up, {there or 0:,} are here")
    for noun, cents in said["cents"].items():
        if (there := found["cents"].get(noun)) != cents:
            different.append(f"{noun}: {cents} cents were backed up, {there} are here")
    different += [
        f"{name}: {said[name]} was backed up, {found[name]} is here"
        for name in ("chain", "migrations")
        if said[name] != found[name]
    ]
    return different


def in_words(found: Figures) -> str:
    """What is in it, in a line: payments, lines, patients, the end of the chain."""
    rows = found["tables"]
    return (
        f"{rows.get(_table(Payment), 0):,} payments, {rows.get(_table(InvoiceLine), 0):,} lines,"
        f" {rows.get('patients_patient', 0):,} patients; the chain ends with"
        f" {found['chain'][:-52] or 'nothing'}"
    )
