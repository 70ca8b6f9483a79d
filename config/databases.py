"""Which databases there are: what DATABASE_URL and REPORTS_DATABASE_URL mean (docs/operations.md).

An address may name several servers, of which one is written to at a time:
`postgresql://remit:password@db1.clinic.example,db2.clinic.example/remit`. The folder of a socket is
written `%2Fvar%2Frun%2Fpostgresql`, and each server may have a port of its own.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

REPORTS = "reports"

# How long a server that does not answer is waited for, seconds; with several, each of them.
CONNECT = 3
# A cable that was pulled says nothing. After so many milliseconds without an answer it counts as cut.
SILENCE = 5_000
# A pool that finds no server tries again after 1, 2, 4 … seconds. After so many seconds it begins
# anew, so that a standby that took over is found within about two.
BEGIN_ANEW = 2

_SERVER = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]*)(?::(?P<port>\d{1,5}))?")


def writable(
    url: str,
    *,
    pool_min: int,
    pool_max: int,
    behind_pgbouncer: bool,
    lock_seconds: int,
    statement_seconds: int,
) -> dict[str, Any]:
    """DATABASE_URL, as Django wants it: where everything is written, and read but for reports.

    `lock_seconds` a desk waits for a lock that somebody holds, `statement_seconds` for one
    statement (0: no limit); then the page says "try again".
    """
    database = _parsed("DATABASE_URL", url)
    options = database["OPTIONS"]
    if "," in database["HOST"]:
        # A standby takes connections, too. Only the one that can be written to is ours.
        options.setdefault("target_session_attrs", "read-write")
    # Threads of a worker share a few open connections, so CONN_MAX_AGE must be 0. Each is looked at
    # before it is used: one to a server that died is thrown away.
    database |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    # After `timeout` seconds without a connection the page says "try again" (config/middleware.py).
    options["pool"] = {
        "min_size": pool_min,
        "max_size": pool_max,
        "timeout": 10,
        "reconnect_timeout": BEGIN_ANEW,
    }
    # Behind a pgbouncer in transaction mode, cursors of the server do not survive.
    database["DISABLE_SERVER_SIDE_CURSORS"] = behind_pgbouncer
    if not behind_pgbouncer:  # it takes no options: there they are set for the role (decision 22)
        patience = {"lock_timeout": lock_seconds, "statement_timeout": statement_seconds}
        limits = [f"-c {name}={seconds}s" for name, seconds in patience.items()]
        options["options"] = " ".join([*limits, options.get("options", "")]).strip()
    return database


def replica(url: str, *, default: dict[str, Any]) -> dict[str, Any]:
    """REPORTS_DATABASE_URL: a copy of the same database that reports are read from
    (`billing/replica.py`)."""
    if not default["ENGINE"].endswith("postgresql"):
        raise ImproperlyConfigured(
            "REPORTS_DATABASE_URL: only with PostgreSQL in DATABASE_URL, of which it is a replica."
        )
    database = _parsed("REPORTS_DATABASE_URL", url)
    if "," in database["HOST"]:
        database["OPTIONS"].setdefault("target_session_attrs", "prefer-standby")
    # Opened for each report, which takes far longer than that; so there is none that went stale.
    database["CONN_MAX_AGE"] = 0
    # It refuses writes by itself. This is for the day on which it is no replica any more.
    database["OPTIONS"]["options"] = " ".join(
        [str(database["OPTIONS"].get("options", "")), "-c default_transaction_read_only=on"]
    ).strip()
    # Tests write into one database and read from it.
    database["TEST"] = {"MIRROR": "default"}
    return database


def _parsed(name: str, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"{name}: begins with postgresql://")
    who, at, servers = parts.netloc.rpartition("@")
    found = [_SERVER.fullmatch(server) for server in servers.split(",")]
    if not all(found):
        raise ImproperlyConfigured(
            f"{name}: its servers are name or name:port, with commas between them."
        )
    hosts = [unquote(server["host"]).strip("[]") for server in found if server]
    ports = [server["port"] or "" for server in found if server]
    try:
        # dj-database-url knows one server; which one makes no difference to the rest.
        one = urlunsplit(parts._replace(netloc=f"{who}{at}server"))
        database: dict[str, Any] = {"OPTIONS": {}, **dj_database_url.parse(one)}
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None
    database["HOST"] = ",".join(hosts)
    database["PORT"] = ",".join(port or "5432" for port in ports) if any(ports) else ""
    for option, value in {"connect_timeout": CONNECT, "tcp_user_timeout": SILENCE}.items():
        database["OPTIONS"].setdefault(option, value)
    return database
