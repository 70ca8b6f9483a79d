"""The primary dies while desks post; a standby takes over, and the app goes on by itself.

Two servers, the second synchronous: what was acknowledged is on both. The steps are those of
docs/operations.md, "When the primary is gone".
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.posting import at_work, desks_of, longest_gap, lost_and_doubled
from tests.support.processes import until
from tests.support.served import App
from tests.support.temporary_postgres import AS_IN_A_CLINIC, Server, one_of

KILLS = int(os.environ.get("DRILL_KILLS", "5"))
DESKS = 4


class Pair:
    """A primary and its standby, each in a folder of its own."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.chmod(0o755)
        self.primary = Server(self._folder("a"), {**AS_IN_A_CLINIC, "cluster_name": "a"})
        self.primary.make()
        self.primary.start()
        self.spare = self._folder("b")
        self.url = one_of(self.primary, Server(self.spare))
        self.add_standby()

    def _folder(self, name: str) -> Path:
        folder = self.base / name
        folder.mkdir()
        folder.chmod(0o755)
        return folder

    def add_standby(self) -> None:
        """A new one, in the folder that is free."""
        self.standby = self.primary.standby(self.spare, name=self.spare.name)
        self.standby.start()
        until(lambda: self._state() in ("async", "sync"))

    def _state(self) -> str:
        found = self.primary.ask(
            "SELECT sync_state FROM pg_stat_replication WHERE state='streaming'"
        )
        return found[0][0] if found else ""

    def keep_in_step(self) -> None:
        """From now on COMMIT waits until the standby has it on its disk."""
        self.primary.set(synchronous_standby_names="*")
        until(lambda: self._state() == "sync")

    def take_over(self) -> None:
        """What whoever runs it does, or a script for them."""
        gone = self.primary
        self.standby.promote()
        self.standby.set(synchronous_standby_names="")  # alone, until there is a new standby
        self.primary, self.spare = self.standby, gone.base
        shutil.rmtree(gone.data)

    def stop(self) -> None:
        for server in (self.standby, self.primary):
            server.stop()


@pytest.fixture
def pair() -> Iterator[Pair]:
    base = Path(tempfile.mkdtemp(prefix="remit-ha-", dir="/tmp"))
    found = Pair(base)
    try:
        yield found
    finally:
        found.stop()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def app(pair: Pair, tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path, {"DATABASE_URL": pair.url, "SECOND_FACTOR_FOR": "nobody"})
    app.prepare()
    app.manage("demo", "--patients", "4", "-v", "0")
    app.start()
    yield app
    app.stop()


def test_nothing_acknowledged_is_lost_when_the_primary_dies(pair: Pair, app: App) -> None:
    pair.keep_in_step()
    desks = desks_of(app, pair.primary.url, DESKS)
    gaps = []
    with at_work(desks):
        for _kill in range(KILLS):
            before = sum(len(desk.acknowledged) for desk in desks)
            until(lambda so_far=before: sum(len(d.acknowledged) for d in desks) > so_far + 40)
            killed_at = time.monotonic()
            pair.primary.kill()
            pair.take_over()
            until(lambda at=killed_at: all(d.acknowledged[-1][0] > at for d in desks))
            gaps.append(longest_gap(desks, killed_at))
            pair.add_standby()
            pair.keep_in_step()
    lost, doubled = lost_and_doubled(desks, pair.primary.url)
    acknowledged = sum(len(desk.acknowledged) for desk in desks)
    retries = sum((desk.retries for desk in desks), start=type(desks[0].retries)())
    print(  # noqa: T201
        f"\n{KILLS} kills, {acknowledged} acknowledged, sent again {dict(retries)},"
        f" gaps {', '.join(f'{gap:.1f} s' for gap in gaps)}, lost {lost}, doubled {doubled}"
    )
    assert [refusal for desk in desks for refusal in desk.refusals] == []
    assert (lost, doubled) == ([], [])
    app.manage("check_ledger")


def test_a_standby_that_is_not_synchronous_loses_something(pair: Pair, app: App) -> None:
    """The same without synchronous_standby_names, and the network to the standby slow: shows that
    the drill would see a loss."""
    desks = desks_of(app, pair.primary.url, DESKS)
    with at_work(desks):
        until(lambda: all(len(desk.acknowledged) > 3 for desk in desks))
        # The receiver of the log stands still; everything else of the standby goes on.
        [[receiver]] = pair.standby.ask("SELECT pid FROM pg_stat_wal_receiver")
        os.kill(receiver, signal.SIGSTOP)
        so_far = sum(len(desk.acknowledged) for desk in desks)
        until(lambda: sum(len(desk.acknowledged) for desk in desks) > so_far + 20)
        pair.primary.kill()
        pair.standby.kill()  # with what its network card still holds
        pair.standby.start()
        pair.take_over()
    lost, _doubled = lost_and_doubled(desks, pair.primary.url)
    assert lost
