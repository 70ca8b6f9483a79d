"""Backups of the whole database, and putting one back (docs/operations.md).

archive.py      one file: a tar with the copy and a manifest that says what is in it
figures.py      what a database holds: rows of each table, migrations, the end of the chain
sqlite.py       copying SQLite's file while desks post, and putting one in its place
postgresql.py   the same with pg_dump and pg_restore
"""

from __future__ import annotations

from types import ModuleType
from typing import Any


def engine(connection: Any) -> ModuleType:
    """How this kind of database is copied."""
    from billing.backups import postgresql, sqlite

    return sqlite if connection.vendor == "sqlite" else postgresql
