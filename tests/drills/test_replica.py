"""Reports come from a real streaming replica, and from the primary whenever it is of no use.

Where a report was read is seen from outside: a row is put into the primary only, while the replica's
replay is paused, or the other way round by asking the servers how much they read.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.drills.posting import Browser, desks_of, lost_and_doubled
from tests.support.processes import until
from tests.support.served import App
from tests.support.temporary_postgres import AS_IN_A_CLINIC, Server

REPORT = "/reports/payments-received/?period=today&columns=reference&columns=net"
CSV = "/reports/payments-received.csv?period=today"


@dataclass
class House:
    primary: Server
    replica: Server
    app: App
    accountant: Browser

    def read_on_replica(self) -> int:
        """Rows of payments the replica has read so far, by its own count."""
        return self._read(self.replica)

    def read_on_primary(self) -> int:
        return self._read(self.primary)

    def _read(self, server: Server) -> int:
        # Sessions tell the statistics when they end or stand idle for a second.
        time.sleep(1.2)
        [[rows]] = server.ask(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
            " WHERE relname = 'billing_payment'"
        )
        return int(rows)

    def in_step(self) -> bool:
        [[end]] = self.primary.ask("SELECT pg_current_wal_flush_lsn()")
        [[there]] = self.replica.ask("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", end)
        return bool(there)

    def report(self, browser: Browser | None = None) -> str:
        status, page = (browser or self.accountant).get(REPORT)
        assert status == 200, page
        return page


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    base = Path(tempfile.mkdtemp(prefix="remit-replica-", dir="/tmp"))
    base.chmod(0o755)
    for name in ("a", "b"):
        (base / name).mkdir()
        (base / name).chmod(0o755)
    primary = Server(base / "a", AS_IN_A_CLINIC)
    primary.make()
    primary.start()
    replica = primary.standby(base / "b", name="reports")
    replica.start()
    environment = {
        "DATABASE_URL": primary.url,
        "REPORTS_DATABASE_URL": replica.url,
        "SECOND_FACTOR_FOR": "nobody",
    }
    app = App(tmp_path_factory.mktemp("app"), environment)
    app.prepare()
    app.manage("demo", "--patients", "4", "-v", "0")
    app.start()
    try:
        accountant = Browser(app.url)
        accountant.sign_in("accountant")
        forget_what_was_written(accountant)
        found = House(primary, replica, app, accountant)
        until(found.in_step)
        yield found
    finally:
        app.stop()
        replica.stop()
        primary.stop()
        shutil.rmtree(base, ignore_errors=True)


def forget_what_was_written(browser: Browser) -> None:
    """As half a minute later: signing in was a POST, too."""
    for cookie in list(browser.jar):
        if cookie.name == "wrote":
            browser.jar.clear(cookie.domain, cookie.path, cookie.name)


def test_reports_and_files_are_read_from_the_replica_and_nothing_else_is(house: House) -> None:
    for path in (REPORT, CSV, "/reports/journal/?period=everything"):
        here, there = house.read_on_primary(), house.read_on_replica()
        assert house.accountant.get(path)[0] == 200
        assert house.read_on_replica() > there, path
        assert house.read_on_primary() == here, path
    there = house.read_on_replica()
    assert house.accountant.get("/payments/")[0] == 200
    assert house.read_on_replica() == there
    # Who took a file is on record, where everything is written.
    assert house.primary.ask("SELECT report FROM billing_export") == [("payments-received",)]


def test_the_replica_refuses_to_be_written_to(house: House) -> None:
    for sql in (
        "UPDATE patients_patient SET given_name = 'X'",
        "INSERT INTO django_session VALUES ('x', 'x', now())",
        "SET default_transaction_read_only = off; DELETE FROM billing_payment",
        "SELECT 1 FROM billing_payment FOR UPDATE",
    ):
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.UndefinedTable)):
            house.replica.ask(sql)
    # Nor can the app's own connection, even if the server were no replica any more.
    told = house.app.manage(
        "shell", "-v", "0", "-c",
        "from django.db import connections; c = connections['reports'].cursor();"
        "c.execute('SHOW default_transaction_read_only'); print(c.fetchone()[0])",
    )  # fmt: skip
    assert told.strip() == "on"


def test_a_replica_that_is_behind_says_so_and_hides_nobodys_own_work(house: House) -> None:
    [desk] = desks_of(house.app, house.primary.url, 1)
    clerk = Browser(house.app.url)
    clerk.sign_in("accountant")
    desk._post("D9-1", 1)
    until(house.in_step)
    house.replica.ask("SELECT pg_wal_replay_pause()")
    until(lambda: house.replica.ask("SELECT pg_get_wal_replay_pause_state()") == [("paused",)])
    desk._post("D9-2", 2)
    # Whoever saved nothing reads the replica, and is told.
    page = house.report()
    assert "Saved until " in page
    assert "D9-1" in page
    assert "D9-2" not in page
    # Whoever saved something just now reads everything, and a file is always whole.
    assert "D9-2" in house.report(clerk)
    assert "D9-2" in house.accountant.get(CSV)[1]
    # After a while it is too far behind for anybody. (So long nobody needs to wait here.)
    house.replica.ask("SELECT pg_wal_replay_resume()")
    until(house.in_step)
    page = house.report()
    assert "Saved until " not in page
    assert "D9-2" in page


def test_reports_while_desks_post_are_whole(house: House) -> None:
    """What was acknowledged before a report was asked for stands in it."""
    desks = desks_of(house.app, house.primary.url, 2)
    for count in range(1, 11):
        for desk in desks:
            desk._post(f"D{desk.number}-8{count}", count)
        _status, file = house.accountant.get(CSV)
        for desk in desks:
            assert f"D{desk.number}-8{count}" in file
    assert lost_and_doubled(desks, house.primary.url) == ([], [])
    house.app.manage("check_ledger")


def test_when_the_replica_dies_reports_go_on_and_it_is_used_again_when_it_is_back(
    house: House,
) -> None:
    house.report()
    house.replica.kill()
    started = time.monotonic()
    house.report()  # no error, not even for the first
    away = time.monotonic() - started
    print(f"\nreports came back {away:.2f} s after the kill")  # noqa: T201
    assert house.accountant.get(CSV)[0] == 200
    house.replica.start()

    def is_used() -> bool:
        there = house.read_on_replica()
        house.report()
        return house.read_on_replica() > there

    until(is_used)
    # One that was promoted is no replica any more, and is not asked.
    house.replica.promote()
    there = house.read_on_replica()
    house.report()
    assert house.read_on_replica() == there
    assert "no replica" in house.app.log.read_text()
