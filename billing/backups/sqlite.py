"""SQLite: its file is copied while desks post, and another one put in its place.

Copying the file by `cp` would miss what is in the log beside it (`-wal`), or tear it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.utils import ConnectionHandler
from django.utils import timezone

from billing import guards
from billing.audit.recording import take_in_what_waits
from billing.backups.errors import BackupError
from billing.backups.figures import Figures, figures

COPY = "books.sqlite3"
BESIDE = ("", "-wal", "-shm", "-audit")  # what SQLite, and we, keep beside the file


def place(connection: Any) -> Path:
    """Where the file is."""
    return Path(str(connection.settings_dict["NAME"]))


def name_of(connection: Any) -> str:
    return str(place(connection))


def copy_into(folder: Path, connection: Any) -> tuple[Path, Figures]:
    """A copy of one moment, by SQLite's own way of copying; what it holds."""
    if not place(connection).is_file():
        raise BackupError(f"There is no database at {place(connection)}.")
    take_in_what_waits()
    copy = folder / COPY
    with (
        contextlib.closing(sqlite3.connect(place(connection), timeout=20)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
    with _opened(copy) as found:
        return copy, found


@contextlib.contextmanager
def _opened(copy: Path) -> Iterator[Figures]:
    """A copy that was looked at: whole, and with every trigger, else `unguarded` names them."""
    other: Any = ConnectionHandler(
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(copy)}}
    )["default"]
    try:
        with other.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            if (whole := cursor.fetchone()[0]) != "ok":
                raise BackupError(f"The copy is damaged: {whole}.")
            cursor.execute("PRAGMA foreign_key_check")
            if cursor.fetchone():
                raise BackupError("The copy is damaged: a row leads to one that is not there.")
            found = figures(cursor, tables(cursor))
        yield {**found, "unguarded": guards.missing(other), "server": sqlite3.sqlite_version}
    except Exception as error:
        if isinstance(error, BackupError):
            raise
        raise BackupError(f"The copy is damaged: {error}.") from error
    finally:
        other.close()


def tables(cursor: Any) -> list[str]:
    cursor.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
        " ESCAPE '\\'"
    )
    return [name for [name] in cursor.fetchall()]


def is_empty(connection: Any) -> bool:
    file = place(connection)
    return not file.exists() or file.stat().st_size == 0


def put_back(copy: Path, connection: Any) -> str:
    """Put the copy where the database was; what was there keeps another name, which is told."""
    connection.close()
    target = place(connection)
    with _opened(copy):
        pass
    aside = ""
    if not is_empty(connection):
        _nobody_works_on(target)
        aside = f"{target}.before-{timezone.now():%Y%m%dT%H%M%S}"
    for ending in BESIDE:
        beside = Path(f"{target}{ending}")
        if beside.exists() and aside:
            beside.rename(f"{aside}{ending}")
        beside.unlink(missing_ok=True)
    copy.rename(target)
    return aside


def _nobody_works_on(target: Path) -> None:
    """The last to leave takes the log along; whoever still has the file open would go on writing
    into what is no database of anybody's any more."""
    with contextlib.closing(sqlite3.connect(target, timeout=0)) as alone:
        try:
            alone.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            raise BackupError(
                f"Somebody works on {target} ({error}). Stop Remit, then restore."
            ) from None
        except sqlite3.DatabaseError:
            return  # so damaged that it cannot be opened
