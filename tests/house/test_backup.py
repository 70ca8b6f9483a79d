"""`manage.py backup` and `restore`: what was backed up is restored, to the row, or it says why not."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from billing import guards
from billing.backups import archive, postgresql
from billing.backups.errors import BackupError
from billing.models import Payment
from tests.factories import LineFactory, PatientFactory, PaymentFactory, ProviderFactory
from tests.support.temporary_postgres import client_programs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the very version that runs here."""
    if connection.vendor == "postgresql":
        monkeypatch.setenv("PATH", os.pathsep.join([str(client_programs()), os.environ["PATH"]]))


@pytest.fixture
def books(transactional_db: None) -> Payment:
    patient, provider = PatientFactory(), ProviderFactory()
    line = LineFactory(patient=patient, provider=provider, amount="80")
    return PaymentFactory(patient=patient, provider=provider, amount="50", on={line: "30"})


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of an empty database."""
    if connection.vendor == "sqlite":
        yield {"SQLITE_PATH": str(tmp_path / "restored.sqlite3"), "DATABASE_URL": ""}
        return
    name = f"restored_{uuid.uuid4().hex[:8]}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    url = re.sub(r"/[^/?]*(\?.*)?$", f"/{name}", os.environ["DATABASE_URL"])
    try:
        yield {"DATABASE_URL": url}
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def restore(where: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "restore", *arguments],
        cwd=ROOT,
        env={**os.environ, **where},
        capture_output=True,
        text=True,
        check=False,
    )


def backed_up(folder: Path) -> Path:
    said = io.StringIO()
    call_command("backup", str(folder), stdout=said)
    [file] = folder.glob("remit-*.tar")
    assert str(file) in said.getvalue()
    return file


def test_restored_is_what_was_backed_up_and_the_books_hold(
    books: Payment, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    file = backed_up(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    done = restore(elsewhere, file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Restored: 1 payments, 1 lines, 1 patients" in done.stdout
    assert "The books hold." in done.stdout
    # A second time it is not empty any more, and stays as it is.
    again = restore(elsewhere, file)
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    # From the input comes the backup, and no answer to a question.
    asked = restore(elsewhere, "-", "--replace")
    assert asked.returncode == 1
    assert "--replace with --no-input" in asked.stderr
    # Replaced, what was there is kept.
    done = restore(elsewhere, file, "--replace", "--no-input")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What was there before is kept as " in done.stdout


def test_a_backup_whose_amount_was_changed_is_found(
    books: Payment, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    """Somebody with the database's password took the triggers off, and put them back."""
    guards.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_payment SET amount = 6000")
    guards.install(connection)
    done = restore(elsewhere, backed_up(tmp_path))
    assert done.returncode == 1
    assert f"payment {books.pk}" in done.stdout
    assert "The books do not hold" in done.stderr


def test_a_backup_of_unguarded_books_says_so_twice(
    books: Payment, elsewhere: dict[str, str], tmp_path: Path
) -> None:
    guards.drop(connection)
    try:
        said = io.StringIO()
        call_command("backup", str(tmp_path / "one.tar"), stdout=io.StringIO(), stderr=said)
    finally:
        guards.install(connection)
    assert "triggers that guard the ledger are missing" in said.getvalue()
    done = restore(elsewhere, tmp_path / "one.tar")
    assert done.returncode == 1
    assert "triggers that guard the ledger are missing" in done.stderr


def test_no_backup_is_overwritten_and_a_broken_one_leaves_nothing(
    books: Payment, tmp_path: Path
) -> None:
    target = tmp_path / "one.tar"
    target.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", str(target))
    assert target.read_text() == "mine"
    with pytest.raises(CommandError, match="could not be written"):
        call_command("backup", str(tmp_path / "nowhere" / "two.tar"))
    with contextlib.suppress(RuntimeError), archive.complete_or_not_at_all(tmp_path / "x") as out:
        out.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [target]


def changed(file: Path, to: Path, **manifest: object) -> Path:
    """The same backup with something else in its manifest."""
    with tarfile.open(file) as old, tarfile.open(to, "w") as new:
        for member in old:
            content = old.extractfile(member)
            assert content
            data = content.read()
            if member.name == archive.MANIFEST:
                data = json.dumps(json.loads(data) | manifest).encode()
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return to


def test_what_is_no_whole_backup_is_refused_before_anything_is_changed(
    books: Payment, tmp_path: Path
) -> None:
    file = backed_up(tmp_path)
    half = tmp_path / "half.tar"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    other = "postgresql" if connection.vendor == "sqlite" else "sqlite"
    newer = [*json.loads(_manifest(file))["migrations"], "billing.9999_later"]
    damaged = changed(file, tmp_path / "damaged.tar", sha256="0" * 64)
    for source, words in (
        (half, "cut off"),
        (Path(__file__), "no backup of Remit's"),
        (tmp_path / "nothing.tar", "cannot be read"),
        (damaged, "damaged"),
        (changed(file, tmp_path / "kind.tar", database=other), f"backup of {other}"),
        (changed(file, tmp_path / "newer.tar", migrations=newer), "newer version"),
        (file, "is not empty"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("restore", str(source))
    assert Payment.objects.get() == books
    assert not list(tmp_path.glob(".remit-*"))


def _manifest(file: Path) -> bytes:
    with tarfile.open(file) as tar:
        content = tar.extractfile(archive.MANIFEST)
        assert content
        return content.read()


def test_the_manifest_says_what_is_in_it_and_nothing_of_anybody(
    books: Payment, tmp_path: Path
) -> None:
    said = json.loads(_manifest(backed_up(tmp_path)))
    assert said["tables"]["billing_payment"] == 1
    assert said["cents"] == {"payments": 5000, "lines": 8000}
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", said["chain"])
    assert books.patient.family_name not in json.dumps(said)


@pytest.mark.postgres
def test_programs_that_are_missing_or_too_old_are_named(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is not installed"):
        postgresql.copy_into(tmp_path, connection)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 12.4 (of some packager, 17)'\n")
    old.chmod(0o755)
    with pytest.raises(BackupError, match="of version 12 and the server"):
        postgresql.copy_into(tmp_path, connection)


@pytest.mark.postgres
def test_the_password_stands_in_no_argument(
    books: Payment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    run = subprocess.run

    def watched(command: list[str], **more: object) -> object:
        asked.append((command, more.get("env")))
        return run(command, **more)

    monkeypatch.setattr(subprocess, "run", watched)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "s3cret-of-the-database")
    backed_up(tmp_path)
    assert not any("s3cret" in " ".join(map(str, command)) for command, _environment in asked)
    assert asked[-1][1]["PGPASSWORD"] == "s3cret-of-the-database"


@pytest.mark.postgres
@pytest.mark.parametrize("broken_off", [KeyboardInterrupt(), BackupError("pg_restore says: no")])
def test_a_restore_that_is_broken_off_leaves_what_was_there(
    books: Payment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_off: BaseException
) -> None:
    def breaks(*arguments: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('billing_payment')")
            assert cursor.fetchone() == (None,)  # it had moved aside by then
        raise broken_off

    monkeypatch.setattr(postgresql, "_run", breaks)
    with pytest.raises(type(broken_off)):
        postgresql.put_back(tmp_path / "books.dump", connection)
    assert Payment.objects.get() == books
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE 'before%'")
        assert cursor.fetchone() == (0,)
