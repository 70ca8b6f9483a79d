"""What the database itself refuses and adds up, on SQLite and PostgreSQL alike.

Two kinds of trigger stand behind the ledger:

* refusals: a money row that is changed or deleted (R1), an un-pay of more than was paid (R2), a
  row that does not fit what it undoes (R4), another account's line (R5), a closed day (R8), a
  row dated before what it builds on;
* totals: `paid`, `adjusted`, `allocated`, `returned`, `offset`, `reversed` and `last_date` are moved by the
  insert of the rows they sum, so that the CHECK constraints on them (R2, R3) hold for every way
  in, and a total can be set to nothing but its sum.

A condition is written once (`rules.py`), in SQL both databases read; only the wrapping differs
(`sqlite.py`, `postgresql.py`). Here is what others call. Triggers are taken off before and put back
after every migrate (`billing.apps`), because SQLite either fails on them or loses them when it
rebuilds a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from billing.guards import postgresql, sqlite
from billing.guards.postgresql import HELD_CLOSED_THROUGH, HOLDING_IT
from billing.guards.rules import REFUSALS, tables
from billing.guards.sqlite import MAKE_MARK, MARK


def _triggers(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    return sqlite.triggers() if connection.vendor == "sqlite" else postgresql.triggers()


def _standing(connection: BaseDatabaseWrapper) -> set[str]:
    """Names of our triggers that are there and switched on."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'remit\\_%' ESCAPE '\\'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        " AND tgname LIKE 'remit\\_%'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def _tables_exist(connection: BaseDatabaseWrapper) -> bool:
    return set(tables()) <= set(connection.introspection.table_names())


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place, afresh, so that a changed rule reaches an old database."""
    drop(connection)
    with connection.cursor() as cursor:
        for sql in (HOLDING_IT,) if connection.vendor == "postgresql" else MAKE_MARK:
            cursor.execute(sql)
        for _table, sql in _triggers(connection).values():
            cursor.execute(sql)


def drop(connection: BaseDatabaseWrapper) -> None:
    """Take our triggers off; for migrations and for emptying a test database, nothing else."""
    with connection.cursor() as cursor:
        for name, (table, _sql) in _triggers(connection).items():
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {HELD_CLOSED_THROUGH}()")
        else:
            cursor.execute(f"DROP TABLE IF EXISTS {MARK}")


def never_done() -> set[tuple[str, str]]:
    """What is done to no row of a table, whatever is in it: (table, UPDATE or DELETE)."""
    return {
        (refusal.table, refusal.event)
        for refusal in REFUSALS
        if refusal.condition == refusal.when == "1=1" and refusal.event != "INSERT"
    }


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of triggers that should stand and do not.

    Empty while a table is still to come: then `unapplied` has something to say.
    """
    if not _tables_exist(connection):
        return []
    return sorted(set(_triggers(connection)) - _standing(connection))


def unapplied(connection: BaseDatabaseWrapper) -> list[str]:
    """The migrations this database still lacks, such as "billing.0002_desk", in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def require_installed() -> None:
    """Refuse to serve books the database does not guard, or that another version left.

    A database that is away is not judged. Nor is a replica: it follows by itself.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        to_come, absent = unapplied(connection), missing(connection)
    except OperationalError:
        return
    finally:
        connection.close()
    if to_come:
        raise ImproperlyConfigured(f"{_lacking(to_come)} Run: manage.py migrate")
    if absent:
        raise ImproperlyConfigured(
            f"{len(absent)} of the triggers that guard the ledger are missing"
            f" (the first: {absent[0]}). Run: manage.py migrate --skip-checks"
        )


def _lacking(to_come: list[str]) -> str:
    return f"The database lacks {len(to_come)} migrations (the first: {to_come[0]})."


def before_migrate(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    # Also where tables of this version are still to come: those of the last one have triggers.
    drop(connections[using])


def after_migrate(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    if _tables_exist(connections[using]):
        install(connections[using])


def check_installed(
    app_configs: Any, databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """System check: nobody works on books the database does not guard (billing.E001).

    Migrations still to come are only a warning (billing.W001), since `migrate` asks the checks, too.
    """
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if to_come := unapplied(connection):
            found.append(
                Warning(
                    f"In '{alias}': {_lacking(to_come)}",
                    hint="Run: manage.py migrate. The web server does not start before.",
                    id="billing.W001",
                )
            )
        if absent := missing(connection):
            found.append(
                Error(
                    f"{len(absent)} of the triggers that guard the ledger are missing in '{alias}'"
                    f" (the first: {absent[0]}).",
                    hint="Run: manage.py migrate --skip-checks. It puts every one of them back.",
                    id="billing.E001",
                )
            )
    return found
