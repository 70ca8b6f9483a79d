"""Clinics to work at: the demo clinic on either database, its server, and questions to its books.

What a drill asserts is asked in plain SQL beside the app, so that no mistake of the app can hide
itself.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from tests.drills.browser import Browser
from tests.drills.desks import PEOPLE, Acknowledged, Desk
from tests.support.served import App
from tests.support.temporary_postgres import Server

PATIENTS = 40
figures: list[str] = []  # what drills counted, told at the end of the run


def tell(text: str) -> None:
    figures.append(text)


@dataclass
class Clinic:
    """A demo clinic that is served, and torn at."""

    app: App
    path: Path | None = None  # of SQLite
    server: Server | None = None  # of PostgreSQL
    url: str = ""
    seats: int = 0  # that were taken: each desk of a drill has a number, and references, of its own

    @property
    def engine(self) -> str:
        return "postgresql" if self.server else "sqlite"

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, by plain SQL with ? for each value."""
        if self.server:
            with psycopg.connect(self.url, autocommit=True) as connection:
                placed = sql.replace("%", "%%").replace("?", "%s") if values else sql
                return connection.execute(placed.encode(), values or None).fetchall()
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def key(self, key: str) -> Any:
        return key if self.server else UUID(key).hex

    def scalars(self, sql: str, *values: Any) -> list[Any]:
        return [first for first, *_ in self.ask(sql, *values)]

    # ------------------------------------------------------------------ people

    def browser(self, name: str = PEOPLE[0]) -> Browser:
        browser = Browser(self.app.url)
        browser.sign_in(name)
        return browser

    def desks(self, number: int, **how: Any) -> list[Desk]:
        """People at desks. Some sit in front of several: a sign-in costs half a second on purpose."""
        charts = self.scalars("SELECT chart_number FROM patients_patient ORDER BY id")
        payers = self.scalars("SELECT name FROM patients_payer ORDER BY id")
        signed_in = [self.browser(name) for name in PEOPLE[:number]]
        first, self.seats = self.seats, self.seats + number
        return [
            Desk(
                Browser(self.app.url, dict(signed_in[seat % len(signed_in)].cookies)),
                charts,
                payers,
                seed=first + seat,
                **how,
            )
            for seat in range(number)
        ]

    # ------------------------------------------------------------------ what must be true afterwards

    def problems(self, desks: Iterable[Desk]) -> list[str]:
        """Everything acknowledged is there, once and whole; nothing is there that no form meant."""
        found: list[str] = []
        for desk in desks:
            found += [f"{desk.name}: {error}" for error in desk.errors]
            for posting in desk.acknowledged:
                found += self._problems_of(desk, posting)
        for reference, times in self.ask(
            "SELECT reference, COUNT(*) FROM billing_payment"
            " WHERE kind = 'receipt' AND reference <> '' GROUP BY reference HAVING COUNT(*) > 1"
        ):
            if str(reference).startswith("D"):
                found.append(f"doubled: {reference} was posted {times} times")
        return found

    def _problems_of(self, desk: Desk, posting: Acknowledged) -> Iterator[str]:
        what = f"{desk.name}: {posting}"
        rows = self.ask(
            "SELECT s.verb, p.reference, p.amount, p.number FROM billing_submission s"
            " LEFT JOIN billing_payment p ON p.id = s.payment_id WHERE s.key = ?",
            self.key(posting.key),
        )
        if len(rows) != 1:
            yield f"lost: {what}"
            return
        verb, reference, cents, number = rows[0]
        if verb != posting.verb:
            yield f"another verb, {verb}: {what}"
        if posting.reference and (reference, cents) != (posting.reference, posting.cents):
            yield f"another payment, {reference} of {cents}: {what}"
        if posting.number and number != posting.number:
            yield f"another number, {number}: {what}"

    def restore(self) -> None:
        """Whatever was torn down runs again."""
        if self.server and not self.server.is_up:
            self.server.start()

    def check_ledger(self) -> None:
        self.app.manage("check_ledger")


def work_until(desks: list[Desk], enough: Callable[[], bool], limit: float = 600) -> list[str]:
    """All desks work at the same time until it is enough. What went wrong in one, as words."""
    wrong: list[str] = []
    deadline = time.monotonic() + limit

    def work(desk: Desk) -> None:
        try:
            while not (enough() or wrong) and time.monotonic() < deadline:
                desk.work()
        except Exception as error:  # told by the drill, whatever it is
            wrong.append(f"{desk.name}: {error!r}")

    at_work = [threading.Thread(target=work, args=[desk], daemon=True) for desk in desks]
    for thread in at_work:
        thread.start()
    for thread in at_work:
        thread.join()
    return wrong


def acknowledged(desks: Iterable[Desk]) -> int:
    return sum(len(desk.acknowledged) for desk in desks)


def retried(desks: Iterable[Desk]) -> int:
    """Forms that were acknowledged only when they were sent again."""
    return sum(posting.tries > 1 for desk in desks for posting in desk.acknowledged)


# ---------------------------------------------------------------------------- templates to copy


@dataclass
class Templates:
    """Each demo clinic is made once and then copied, which takes a moment instead of many."""

    folder: Path
    server: Server
    count: int = 0

    def __post_init__(self) -> None:
        self.static = self.folder / "static"
        self.sqlite = self.folder / "clinic.sqlite3"
        by_sqlite = App(self.folder, {"SQLITE_PATH": str(self.sqlite)})
        by_sqlite.prepare()
        by_postgres = App(self.folder, {"DATABASE_URL": self.server.url})
        by_postgres.manage("migrate", "--verbosity", "0")
        for app in (by_sqlite, by_postgres):
            app.manage("demo", "--verbosity", "0", "--patients", str(PATIENTS))

    @contextmanager
    def clinic(
        self,
        engine: str,
        folder: Path,
        *faults: str,
        settings: Mapping[str, str] = {},
        log: Path | None = None,
        on: Server | None = None,
        **how: Any,
    ) -> Iterator[Clinic]:
        """A copy in a folder, served. `faults` are those of failing_wsgi.py; `on` another server."""
        self.count += 1
        environment = {"STATIC_ROOT": str(self.static), **settings}
        if faults:
            environment["DRILL_FAULTS"] = ",".join(faults)
            how.setdefault("wsgi", "tests.drills.failing_wsgi")
            how.setdefault("preload", True)
        if engine == "sqlite":
            path = folder / f"books-{self.count}.sqlite3"
            shutil.copy(self.sqlite, path)
            app = App(log or folder, {"SQLITE_PATH": str(path), **environment}, **how)
            clinic = Clinic(app, path=path)
        else:
            name, server = f"clinic_{self.count}", on or self.server
            if not server.is_up:
                server.start()
            # The template may not be connected to while it is copied.
            with psycopg.connect(server.url_of("template1"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE postgres".encode())
                # Else the copied sequences take their next 32 numbers for logged, which they are only
                # in the original: after a crash PostgreSQL hands out the same ids again.
                connection.execute("CHECKPOINT")
            url = server.url_of(name)
            app = App(folder, {"DATABASE_URL": url, **environment}, **how)
            clinic = Clinic(app, server=server, url=url)
        clinic.app.start()
        try:
            yield clinic
        finally:
            clinic.app.stop()
