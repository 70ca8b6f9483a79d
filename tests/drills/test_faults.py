"""Whatever dies, fills up or stands still: what was acknowledged is there, once, and whole.

    make drill DRILL=tests/drills/test_faults.py             200 postings for each kind of death
    DRILL_POSTINGS=2000 make drill DRILL=tests/drills/test_faults.py

Each drill lets desks work while something happens to the server, again and again. A desk sends the
same form until it is answered; an answer is never a 500. Then the books are asked.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.drills.browser import Answer, Browser
from tests.drills.clinics import Clinic, Templates, acknowledged, retried, tell, work_until
from tests.drills.conftest import Open
from tests.drills.desks import Desk
from tests.screens.page_forms import PageForm
from tests.support.temporary_postgres import AS_IN_A_CLINIC, Server

POSTINGS = int(os.environ.get("DRILL_POSTINGS", "200"))
FEWER = POSTINGS // 4
DESKS = 8
BETWEEN = 2  # postings at least
TIMES = 3  # so often something long happens: a server goes away and comes back

only_postgresql = pytest.mark.parametrize("engine", ["postgresql"])


def survives(
    clinic: Clinic,
    happens: Callable[[list[Desk]], None] | None = None,
    *,
    postings: int,
    times: int = 0,
    retries: int = 0,
) -> list[Desk]:
    """Desks work while it happens, so often at least; then everything acknowledged is there once."""
    desks = clinic.desks(DESKS, straight=True)
    happened = 0

    def enough() -> bool:
        done = acknowledged(desks) >= postings and retried(desks) >= retries
        return done and happened >= times

    wrong: list[str] = []
    worker = threading.Thread(target=lambda: wrong.extend(work_until(desks, enough)))
    worker.start()
    while happens and worker.is_alive():
        # Something is saved in between, however slow the machine is.
        at_least = acknowledged(desks) + BETWEEN
        while acknowledged(desks) < at_least and worker.is_alive():
            time.sleep(0.05)
        happens(desks)
        happened += 1
    worker.join()
    clinic.restore()
    busy, lost = (sum(getattr(desk, name) for desk in desks) for name in ("busy", "lost"))
    refused = sum(len(desk.refused) for desk in desks)
    tell(
        f"{clinic.engine}: {acknowledged(desks)} acknowledged, {retried(desks)} of them by retry"
        f" ({lost} answers lost, {busy} busy), {refused} refused; it happened {happened} times"
    )
    wrong += clinic.problems(desks)
    assert not wrong, "\n".join(wrong)
    clinic.check_ledger()
    return desks


def wait_until_somebody_is_told(desks: list[Desk]) -> None:
    """Until one more request was answered 503; a minute at most."""
    before, deadline = sum(desk.busy for desk in desks), time.monotonic() + 60
    while sum(desk.busy for desk in desks) == before and time.monotonic() < deadline:
        time.sleep(0.05)


# --- Something dies ------------------------------------------------------------------------------


def test_workers_die_just_before_and_just_after_the_commit(open_clinic: Open) -> None:
    clinic = open_clinic("kill_before_commit=0.15", "kill_after_commit=0.2")
    desks = survives(clinic, postings=POSTINGS, retries=POSTINGS // 4)
    assert retried(desks) >= POSTINGS // 4


def test_without_its_key_a_form_is_posted_twice(open_clinic: Open) -> None:
    """The control: the same drill finds it."""
    clinic = open_clinic("kill_after_commit=0.3", "no_keys")
    with pytest.raises(AssertionError, match="doubled"):
        survives(clinic, postings=FEWER, retries=FEWER // 4)


def test_workers_are_killed_wherever_they_are(open_clinic: Open) -> None:
    clinic = open_clinic(preload=True, wsgi="tests.drills.forking_wsgi")

    def happens(desks: list[Desk]) -> None:
        time.sleep(random.uniform(0, 0.3))
        with suppress(ProcessLookupError, IndexError):
            os.kill(random.choice(clinic.app.workers()), signal.SIGKILL)

    survives(clinic, happens, postings=FEWER, times=10)


def test_the_whole_server_is_killed_and_started(open_clinic: Open) -> None:
    clinic = open_clinic()

    def happens(desks: list[Desk]) -> None:
        clinic.app.kill()
        clinic.app.start()

    survives(clinic, happens, postings=FEWER, times=TIMES)


@only_postgresql
def test_postgresql_is_killed_and_started(open_clinic: Open) -> None:
    clinic = open_clinic()
    server = clinic.server
    assert server

    def happens(desks: list[Desk]) -> None:
        server.kill()
        server.start()

    survives(clinic, happens, postings=FEWER, times=TIMES)


@only_postgresql
def test_postgresql_is_stopped_for_longer_than_a_page_waits(open_clinic: Open) -> None:
    clinic = open_clinic()
    server = clinic.server
    assert server

    def happens(desks: list[Desk]) -> None:
        server.stop()
        wait_until_somebody_is_told(desks)
        server.start()

    desks = survives(clinic, happens, postings=FEWER, times=2)
    assert any(desk.busy for desk in desks)


@only_postgresql
def test_connections_are_cut_in_the_middle_of_requests(open_clinic: Open) -> None:
    clinic = open_clinic()

    def happens(desks: list[Desk]) -> None:
        with psycopg.connect(clinic.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND state <> 'idle'"
            )

    survives(clinic, happens, postings=FEWER, times=20)


# --- No room, no writing -------------------------------------------------------------------------


@pytest.fixture
def small_disk(drill_folder: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many megabytes, in memory. Only root may make one."""
    mounted: list[Path] = []

    def mount(megabytes: int) -> Path:
        place = drill_folder / f"disk-{len(mounted)}"
        place.mkdir()
        made = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place]
        if os.geteuid() != 0 or subprocess.run(made, check=False).returncode != 0:
            pytest.skip("needs a small disk, and only root may make one")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)
        place.rmdir()


def fill_and_empty(disk: Path, desks: list[Desk], then: Callable[[], None] = lambda: None) -> None:
    """Not a byte is left, until somebody was told so."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65_536))
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(b"\0")
    wait_until_somebody_is_told(desks)
    ballast.unlink()
    then()


def test_the_disk_of_sqlite_is_full(
    templates: Templates, tmp_path: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(templates.sqlite.stat().st_size // 2**20 + 40)
    with templates.clinic("sqlite", disk, log=tmp_path) as clinic:
        desks = survives(
            clinic, lambda desks: fill_and_empty(disk, desks), postings=FEWER, times=TIMES
        )
    assert any(desk.busy for desk in desks)


def test_the_disk_of_postgresql_is_full(
    templates: Templates, tmp_path: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(700)
    disk.chmod(0o755)
    server = Server(disk, AS_IN_A_CLINIC)
    templates.server.stop()
    subprocess.run(["cp", "-a", templates.server.data, server.data], check=True)
    templates.server.start()
    server.start()

    def back() -> None:
        if not server.is_up:  # it panics where it cannot write its log
            server.start()

    try:
        with templates.clinic("postgresql", tmp_path, on=server) as clinic:
            desks = survives(
                clinic, lambda desks: fill_and_empty(disk, desks, back), postings=FEWER, times=TIMES
            )
    finally:
        server.stop()
    assert any(desk.busy for desk in desks)


def test_the_database_can_only_be_read(open_clinic: Open) -> None:
    """As after a disk error, or on a replica: pages say so, and nobody loses what they typed."""
    clinic = open_clinic()
    browser = clinic.browser()
    page, form = payment_form(clinic, browser)
    if clinic.path:
        clinic.app.stop()
        clinic.app.environment["SQLITE_PATH"] = f"file:{clinic.path}?mode=ro"
        clinic.app.start()
    else:
        with psycopg.connect(clinic.url, autocommit=True) as connection:
            name = connection.info.dbname
            alter = f"ALTER DATABASE {name} SET default_transaction_read_only = "
            connection.execute(f"{alter} on".encode())
        clinic.app.kill()
        clinic.app.start()
    answer = browser.press(page, form, "action", "save")
    kept = is_told(answer, "Remit can read its records but not write to them just now.")
    if clinic.path:
        clinic.app.stop()
        clinic.app.environment["SQLITE_PATH"] = str(clinic.path)
        clinic.app.start()
    else:
        with psycopg.connect(clinic.url, options="-c default_transaction_read_only=off") as it:
            it.execute(f"{alter} off".encode())
        clinic.app.kill()
        clinic.app.start()
    posted_once(clinic, browser, answer, kept)


# --- Somebody else is slow -----------------------------------------------------------------------


def payment_form(clinic: Clinic, browser: Browser) -> tuple[Answer, PageForm]:
    """Take payment of $12.34, filled in."""
    (chart,) = clinic.scalars("SELECT chart_number FROM patients_patient ORDER BY id LIMIT 1")
    page = browser.get(f"/patients/{chart}/payments/new/")
    form = page.form("amount")
    form.sent |= {"amount": ["12.34"], "reference": ["D-typed"], "method": ["cash"]}
    return page, form


def is_told(answer: Answer, why: str) -> PageForm:
    """It is a 503 that says why and keeps what was typed; the form that stands on it."""
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5"), answer.text
    assert why in answer.text
    assert "What you typed is kept on this page." in answer.text
    return answer.form("amount")


def posted_once(clinic: Clinic, browser: Browser, answer: Answer, kept: PageForm) -> None:
    """Try again, twice: the same payment both times."""
    for _ in range(2):
        again = browser.press(answer, kept)
        assert again.status == 302, again.text
    rows = clinic.ask("SELECT amount, number FROM billing_payment WHERE reference = 'D-typed'")
    assert len(rows) == 1
    assert f"Saved as {rows[0][1]}." in browser.get(again.headers["Location"]).text
    clinic.check_ledger()


@contextmanager
def somebody_writes(clinic: Clinic) -> Iterator[None]:
    """Somebody began to write, and went for a coffee."""
    if clinic.path:
        held = sqlite3.connect(clinic.path, isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            held.close()
    else:
        with psycopg.connect(clinic.url) as connection:
            connection.execute("SELECT 1 FROM patients_patient FOR UPDATE")
            yield


@pytest.mark.parametrize("limit", ["DATABASE_LOCK_SECONDS", "DATABASE_STATEMENT_SECONDS"])
def test_somebody_holds_what_is_to_be_written(open_clinic: Open, engine: str, limit: str) -> None:
    """Nobody waits for minutes, on whichever of the two limits comes first."""
    if engine == "sqlite" and limit == "DATABASE_STATEMENT_SECONDS":
        pytest.skip("SQLite has one limit")
    settings = {"DATABASE_LOCK_SECONDS": "0", "DATABASE_STATEMENT_SECONDS": "0", limit: "2"}
    clinic = open_clinic(settings=settings)
    browser = clinic.browser()
    page, form = payment_form(clinic, browser)
    with somebody_writes(clinic):
        answer = browser.press(page, form, "action", "save")
        kept = is_told(answer, "Something else keeps these records busy just now.")
    posted_once(clinic, browser, answer, kept)


# --- Oddities ------------------------------------------------------------------------------------


def test_the_clock_jumps_an_hour_back_and_forward(open_clinic: Open, tmp_path: Path) -> None:
    clock = tmp_path / "seconds-off"
    clock.write_text("0")
    clinic = open_clinic(f"clock={clock}")
    for seconds in (0, -3600, 3600, 0):
        clock.write_text(str(seconds))
        survives(clinic, postings=DESKS * 2)  # who sat there for an hour signs in again


def test_a_form_of_ten_thousand_lines(open_clinic: Open) -> None:
    clinic = open_clinic()
    browser = clinic.browser()
    page, form = payment_form(clinic, browser)
    before = clinic.ask("SELECT COUNT(*) FROM billing_payment")
    for line in range(10_000):
        form.put("lines", str(line))
        form.sent[f"line-{line}-paid"] = ["1.00"]
    answer = browser.press(page, form, "action", "save")
    assert (answer.status, "too large" in answer.text) == (400, True), answer.text
    assert clinic.ask("SELECT COUNT(*) FROM billing_payment") == before
