"""Backups while desks post, and the books put back from them: to the last, or to a second.

The quick half is tests/house/test_backup.py. What stands here needs servers that work, or a
way to go wrong that they alone show.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.posting import at_work, desks_of, rows
from tests.support.processes import until
from tests.support.served import App
from tests.support.temporary_postgres import AS_IN_A_CLINIC, Server, client_programs

DESKS = 3


def demo(app: App) -> App:
    app.prepare()
    app.manage("demo", "--patients", "4", "-v", "0")
    return app


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("sqlite")
    app = demo(
        App(folder, {"SQLITE_PATH": str(folder / "books.sqlite3"), "SECOND_FACTOR_FOR": "nobody"})
    )
    app.start()
    yield app
    app.stop()


def restored(folder: Path, file: Path) -> str:
    """Into a file of its own; what the command says."""
    return App(folder, {"SQLITE_PATH": str(folder / "restored.sqlite3")}).manage(
        "restore", str(file)
    )


def payments(said: str) -> int:
    found = re.search(r"^Restored: ([\d,]+) payments", said, re.MULTILINE)
    assert found
    return int(found[1].replace(",", ""))


def test_sqlite_is_backed_up_while_desks_post(on_sqlite: App, tmp_path: Path) -> None:
    desks = desks_of(on_sqlite, on_sqlite.environment["SQLITE_PATH"], DESKS)
    missing, found = [], []
    with at_work(desks):
        for number in range(4):
            before = sum(len(desk.acknowledged) for desk in desks)
            until(lambda so_far=before: sum(len(desk.acknowledged) for desk in desks) > so_far + 5)
            acknowledged = {reference for desk in desks for _at, reference in desk.acknowledged}
            folder = tmp_path / str(number)
            folder.mkdir()
            on_sqlite.manage("backup", str(folder / "one.tar"))
            found.append(payments(restored(folder, folder / "one.tar")))
            there = rows(str(folder / "restored.sqlite3"), "SELECT reference FROM billing_payment")
            missing += acknowledged - {reference for [reference] in there}
    assert [refusal for desk in desks for refusal in desk.refusals] == []
    assert missing == []  # what was acknowledged before the command began
    assert found == sorted(set(found))  # each a later moment


def test_a_copied_file_is_not_a_backup(on_sqlite: App, tmp_path: Path) -> None:
    """`cp` of a file that is written to: rows that were acknowledged are missing, or it is torn."""
    books = Path(on_sqlite.environment["SQLITE_PATH"])
    desks = desks_of(on_sqlite, str(books), DESKS)
    with at_work(desks):
        until(lambda: all(len(desk.acknowledged) > 5 for desk in desks))
        shutil.copy(books, tmp_path / "copied.sqlite3")
        acknowledged = {ref for desk in desks for _at, ref in desk.acknowledged}
    with sqlite3.connect(tmp_path / "copied.sqlite3") as copied:
        try:
            [[whole]] = copied.execute("PRAGMA integrity_check").fetchmany(1)
            rows = copied.execute("SELECT reference FROM billing_payment").fetchall()
        except sqlite3.DatabaseError as error:
            whole, rows = str(error), []
    copied.close()
    assert whole != "ok" or not acknowledged <= {reference for [reference] in rows}


def test_nothing_is_restored_under_an_app_that_runs(on_sqlite: App, tmp_path: Path) -> None:
    on_sqlite.manage("backup", str(tmp_path / "one.tar"))
    with pytest.raises(AssertionError, match="Stop Remit, then restore"):
        on_sqlite.manage("restore", str(tmp_path / "one.tar"), "--replace", "--no-input")
    on_sqlite.manage("check_ledger")


# ---------------------------------------------------------------------------- PostgreSQL


@pytest.fixture
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="remit-pitr-", dir="/tmp"))
    found.chmod(0o755)
    for name in ("a", "b"):
        (found / name).mkdir()
        (found / name).chmod(0o755)
    yield found
    shutil.rmtree(found, ignore_errors=True)


def test_postgresql_is_put_back_to_just_before_a_bad_statement(
    folder: Path, tmp_path: Path
) -> None:
    """Log archiving, a base backup, and `recovery_target_time`: as docs/operations.md has it."""
    server = Server(folder / "a", AS_IN_A_CLINIC)
    archived = folder / "a" / "archive"
    server.own_folder(archived)
    settings = {
        "archive_mode": "on",
        "archive_command": f"test ! -f {archived}/%f && cp %p {archived}/%f",
        "archive_timeout": "60",
    }
    server.settings.update(settings)
    server.make()
    server.start()
    back = Server(folder / "b", AS_IN_A_CLINIC)
    app = App(tmp_path, {"DATABASE_URL": server.url, "SECOND_FACTOR_FOR": "nobody"})
    try:
        demo(app)
        back.base_backup(server)
        app.start()
        desks = desks_of(app, server.url, DESKS)
        with at_work(desks):
            until(lambda: all(len(desk.acknowledged) > 5 for desk in desks))
        app.stop()
        [[count]] = server.ask("SELECT COUNT(*) FROM billing_payment")
        [[moment]] = server.ask("SELECT clock_timestamp()::timestamptz(0) + interval '1 s'")
        time.sleep(2)  # recovery knows a second when it sees one
        # Somebody with the owner's password.
        server.ask("ALTER TABLE billing_payment DISABLE TRIGGER USER")
        server.ask("UPDATE billing_payment SET amount = amount + 1 WHERE allocated = 0")
        server.ask("ALTER TABLE billing_payment ENABLE TRIGGER USER")
        with pytest.raises(AssertionError, match="The books do not hold"):
            app.manage("check_ledger")
        [[last]] = server.ask("SELECT pg_walfile_name(pg_switch_wal())")
        kept = "SELECT COALESCE(last_archived_wal, '') FROM pg_stat_archiver"
        until(lambda: server.ask(kept)[0][0] >= last)
        server.kill()

        back.settings.update(
            restore_command=f"cp {archived}/%f %p",
            recovery_target_time=str(moment),
            recovery_target_action="promote",
        )
        (back.data / "recovery.signal").touch()
        back.start()
        until(lambda: back.ask("SELECT pg_is_in_recovery()") == [(False,)])
        assert back.ask("SELECT COUNT(*) FROM billing_payment") == [(count,)]
        app.environment["DATABASE_URL"] = back.url
        assert "The books hold." in app.manage("check_ledger")
    finally:
        app.stop()
        server.stop()
        back.stop()


def test_postgresql_is_dumped_while_desks_post(folder: Path, tmp_path: Path) -> None:
    server = Server(folder / "a", AS_IN_A_CLINIC)
    server.make()
    server.start()
    path = f"{client_programs()}:/usr/bin:/bin"
    where = {"DATABASE_URL": server.url, "SECOND_FACTOR_FOR": "nobody", "PATH": path}
    app = App(tmp_path, where)
    try:
        demo(app)
        app.start()
        desks = desks_of(app, server.url, DESKS)
        with at_work(desks):
            until(lambda: all(len(desk.acknowledged) > 5 for desk in desks))
            app.manage("backup", str(tmp_path / "one.tar"))
            acknowledged = sum(len(desk.acknowledged) for desk in desks)
            until(lambda: sum(len(desk.acknowledged) for desk in desks) > acknowledged + 10)
        server.ask("CREATE DATABASE other")
        other = App(
            tmp_path, {**where, "DATABASE_URL": server.url.removesuffix("postgres") + "other"}
        )
        assert "The books hold." in other.manage("restore", str(tmp_path / "one.tar"))
        # Under an app that runs, nothing is replaced.
        with pytest.raises(AssertionError, match="Stop Remit, then restore"):
            app.manage("restore", str(tmp_path / "one.tar"), "--replace", "--no-input")
        app.stop()
        # A backup from before a forgery, beside the forged books.
        said = app.manage("restore", str(tmp_path / "one.tar"), "--replace", "--no-input")
        assert "kept as the schema before_" in said
        assert "The books hold." in said
    finally:
        app.stop()
        server.stop()
