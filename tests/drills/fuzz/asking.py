"""Asks a request, looks at what came back and at what was written, and takes it all back."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import Resolver404, resolve

from billing import checks
from config.roles import ADMINISTRATOR
from tests.drills.fuzz.request import Asked
from tests.drills.fuzz.site import WHO, Site
from tests.drills.fuzz.typed import UNESCAPED
from tests.house.test_headers import missing
from tests.ledger.books import MONEY_TABLES, digest
from tests.support.caches import forget_everything

# Written by looking, by being refused, by taking a file out: no figure hangs on it.
NOTED = {"billing_export", "billing_chainlink", "billing_auditevent"}
LEDGER = {model._meta.db_table for model in MONEY_TABLES} - NOTED
GUARDED = LEDGER | {"auth_user", "auth_user_groups", "billing_clinic"}
WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+\"?(\w+)", re.IGNORECASE)
SLOW = 2.0  # seconds
FINE = {200, 204, 301, 302, 304, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429}


class _Back(Exception):
    pass


class Fuzz:
    """Asks, looks at what came back, and remembers one request of each kind of fault."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.asked: Counter[str] = Counter()
        self.statuses: dict[str, Counter[int]] = {who: Counter() for who in WHO}
        self.accepted = 0
        self.faults: dict[tuple[str, str], str] = {}
        self.slow: dict[str, float] = {}
        self.books = self._books()
        self.rights = self._rights()

    def ask(self, asked: Asked) -> list[str]:
        """What was wrong with the answer. Afterwards the clinic is as it was."""
        forget_everything()
        written: set[str] = set()
        clients = self.site.clients if asked.token else self.site.strict
        client = clients[asked.who]
        cookies = client.cookies.copy()
        wrong: list[str] = []
        try:
            with transaction.atomic(), connection.execute_wrapper(_noting(written)):
                answer = self._answer(client, asked)
                wrong += self._look(asked, answer, written)
                if answer.status_code == 302 and answer.headers["Location"].startswith("/"):
                    after = Asked(asked.who, "GET", answer.headers["Location"])
                    written.clear()
                    wrong += self._look(after, self._answer(client, after), written)
                raise _Back
        except _Back:
            pass
        finally:
            client.cookies = cookies
        for each in wrong:
            self.faults.setdefault((each[:60], _view(asked.path)), f"{each}\n  {asked}")
        return wrong

    def _answer(self, client: Client, asked: Asked) -> Any:
        kind, body = asked.content() if asked.method not in ("GET", "HEAD") else ("", b"")
        if asked.body is not None:
            kind, body = asked.content()
        query = urlencode(asked.query)
        began = time.monotonic()
        answer: Any = client.generic(
            asked.method,
            asked.path + (f"?{query}" if query else ""),
            body,
            content_type=kind,
            headers={name: _header(value) for name, value in asked.headers.items()},
        )
        if answer.streaming:
            answer.kept = b"".join(answer.streaming_content)
        else:
            answer.kept = answer.content
        took = time.monotonic() - began
        self.asked[asked.who] += 1
        self.statuses[asked.who][answer.status_code] += 1
        if took > SLOW:
            self.slow[str(asked)[:200]] = took
        return answer

    def _look(self, asked: Asked, answer: Any, written: set[str]) -> list[str]:
        """One sentence for each thing that must not be."""
        status, found = answer.status_code, []
        if status not in FINE:
            error = answer.exc_info[1] if getattr(answer, "exc_info", None) else ""
            found.append(f"{status} {type(error).__name__ if error else ''}: {str(error)[:200]}")
        if "html" in answer.headers.get("Content-Type", "") and UNESCAPED.search(answer.kept):
            found.append("markup as it was typed")
        found += [each.partition(": ")[2] + " header" for each in self._headers_missing(answer)]
        written = {table for table in written if table in GUARDED}
        if not written:
            return found
        reads = asked.method in ("GET", "HEAD", "OPTIONS")
        refused = status >= 400 or b"<title>Error: " in answer.kept or reads
        strict = not asked.token and asked.method not in ("GET", "HEAD", "OPTIONS", "TRACE")
        changed = self._books() != self.books
        if changed and refused:
            found.append(f"{status}, and yet {sorted(written)} changed")
        if changed and strict:
            found.append("taken without its token")
        if changed and not refused:
            self.accepted += 1
            found += [f"the books do not hold: {each}" for each in checks.run_all()[:3]]
        if asked.who != ADMINISTRATOR and self._rights() != self.rights:
            found.append("rights changed")
        return found

    def _headers_missing(self, answer: Any) -> list[str]:
        kept, answer.streaming_content = answer.streaming, iter(())
        try:
            return missing(answer)
        finally:
            assert kept == answer.streaming

    def _books(self) -> str:
        return digest([model for model in MONEY_TABLES if model._meta.db_table in LEDGER])

    def _rights(self) -> list[Any]:
        return list(
            User.objects.order_by("pk").values_list(
                "pk",
                "username",
                "is_superuser",
                "is_staff",
                "is_active",
                "groups",
                "user_permissions",
            )
        )

    def report(self) -> str:
        """The table of what was asked, and each fault with the line that repeats it."""
        lines = []
        for who in WHO:
            answers = sorted(self.statuses[who].items())
            said = ", ".join(f"{status} x {number:,}" for status, number in answers)
            lines.append(f"{who:<16} {self.asked[who]:>7,} requests: {said}")
        lines.append(f"{'together':<16} {sum(self.asked.values()):>7,} requests")
        lines.append(f"{self.accepted:,} changed the books as they may; {len(self.slow)} were slow")
        lines += [f"  slow: {took:.1f} s {line}" for line, took in self.slow.items()]
        lines += [f"FAULT {fault}" for fault in self.faults.values()]
        return "\n".join(lines)


def _noting(written: set[str]) -> Any:
    """Around each statement: which tables are written."""

    def note(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if isinstance(sql, str) and (found := WRITES.match(sql)):
            written.add(found[1])
        return execute(sql, params, many, context)

    return note


def _header(value: str) -> str:
    """As a server hands it over: bytes as latin-1."""
    return value.encode().decode("latin-1")


def _view(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
