"""PostgreSQL: pg_dump and pg_restore, the programs of its client package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
from django.db import transaction
from django.utils import timezone

from billing import guards
from billing.backups.errors import BackupError
from billing.backups.figures import Figures, figures

COPY = "books.dump"
ASIDE = "before_"  # the schema with what was there before a restore, and when that was
LEAVING = 2  # seconds that a connection may take to be gone
# What libpq is told, and by which name: never in the arguments, which everybody on the machine reads.
TOLD = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "passfile": "PGPASSFILE",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


def name_of(connection: Any) -> str:
    return str(connection.settings_dict["NAME"])


def place(connection: Any) -> None:
    """Nowhere on this machine that we know of."""


def copy_into(folder: Path, connection: Any) -> tuple[Path, Figures]:
    """A dump of one moment, while desks post, and what the books held at that very moment."""
    program = _program("pg_dump", connection)
    copy = folder / COPY
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        [snapshot] = cursor.fetchone()
        found = figures(cursor, tables(cursor))
        what = [f"--snapshot={snapshot}", f"--exclude-schema={ASIDE}*"]
        _run(program, ["--format=custom", f"--file={copy}", *what], connection)
    more = {"unguarded": guards.missing(connection), "server": str(connection.pg_version)}
    return copy, {**found, **more}


def tables(cursor: Any) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return [name for [name] in cursor.fetchall()]


def is_empty(connection: Any) -> bool:
    with connection.cursor() as cursor:
        return not tables(cursor)


def put_back(copy: Path, connection: Any) -> str:
    """Fill the database with the dump, all or nothing. What was there moves to a schema of its own,
    which is told."""
    program = _program("pg_restore", connection)
    aside = ""
    if not is_empty(connection):
        _nobody_works_on(connection)
        aside = f"{ASIDE}{timezone.now():%Y%m%dt%H%M%S}"
        _move(connection, "public", aside)
    try:
        how = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        _run(program, [*how, f"--dbname={name_of(connection)}", str(copy)], connection)
    except BaseException:  # Ctrl-C as well: what pg_restore had begun is rolled back
        if aside:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("DROP SCHEMA public")
                cursor.execute(f"ALTER SCHEMA {aside} RENAME TO public")
        raise
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # plans need it, and autovacuum takes its time
    return f"the schema {aside}" if aside else ""


def _move(connection: Any, schema: str, aside: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER SCHEMA {schema} RENAME TO {aside}")
        cursor.execute(f"CREATE SCHEMA {schema}")


def _nobody_works_on(connection: Any) -> None:
    connection.close()
    connection.close_pool()  # so that no other connection is ours
    deadline = time.monotonic() + LEAVING
    with psycopg.connect(**connection.get_connection_params()) as alone:
        while True:
            cursor = alone.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            [others] = cursor.fetchone() or [0]
            if not others or time.monotonic() > deadline:
                break
            alone.rollback()  # or it would see the same for ever
            time.sleep(0.05)
    if others:
        raise BackupError(
            f"{others} other connections work on {name_of(connection)}. Stop Remit, then restore."
        )


def _program(name: str, connection: Any) -> str:
    """PostgreSQL's program, if it is there and knows this server."""
    found = shutil.which(name)
    if found is None:
        raise BackupError(
            f"{name} is not installed. It comes with PostgreSQL's client programs"
            " (Debian, Ubuntu: apt-get install postgresql-client)."
        )
    says = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    version = re.search(r"(\d+)", says.partition(")")[2])
    connection.ensure_connection()
    server = connection.pg_version // 10000
    if version is None or int(version[1]) < server:
        raise BackupError(
            f"{name} is of version {version[1] if version else '?'} and the server of {server}."
            f" Install the client programs of version {server}, or put their folder first in PATH."
        )
    return found


def _run(program: str, arguments: list[str], connection: Any) -> None:
    given = connection.get_connection_params()
    told = {name: str(given[key]) for key, name in TOLD.items() if given.get(key)}
    done = subprocess.run(  # noqa: S603
        [program, "--no-password", *arguments],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BackupError(f"{Path(program).name} says: {done.stderr.strip()}")
