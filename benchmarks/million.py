"""A clinic of many invoice lines: the demo clinic, and around it three years of a whole city.

    python -m benchmarks.million --lines 1000000 --engine postgresql --keep FOLDER

It can be kept and used again, by benchmarks and by drills; frontdesk, biller, accountant and admin
sign in with the demo's password. The demo comes from the ledger's verbs. The rest is thought up in
memory (benchmarks/years.py) and written in bulk (benchmarks/builder.py), with the guards off and
put back in the same transaction, then sealed act by act as everything is. Whether it holds is for
`check_ledger` to say, which adds up every total anew and compares every row with its seal; it runs
last. The same day gives the same clinic.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import django

from tests.support import environment
from tests.support.temporary_postgres import AS_IN_A_CLINIC, Server

ENGINES = ("sqlite", "postgresql")
# What a server of a clinic of this size is given.
POSTGRESQL = {**AS_IN_A_CLINIC, "shared_buffers": "1GB", "max_wal_size": "4GB"}


@contextlib.contextmanager
def kept(folder: Path, engine: str) -> Iterator[dict[str, str]]:
    """The environment that leads to the clinic kept in a folder; its server runs meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    if engine == "sqlite":
        yield {"DATABASE_URL": "", "SQLITE_PATH": str(folder.resolve() / "clinic.sqlite3")}
        return
    server = Server(folder.resolve(), POSTGRESQL)
    if not server.data.exists():
        server.make()
    server.start()
    try:
        yield {"DATABASE_URL": server.url}
    finally:
        server.stop()


@contextlib.contextmanager
def empty(engine: str) -> Iterator[dict[str, str]]:
    """The environment that leads to a new database with nothing in it, thrown away afterwards."""
    # A short path: that of a socket has room for a hundred letters.
    where = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        with kept(where, engine) as database:
            yield database
    finally:
        shutil.rmtree(where, ignore_errors=True)


def on_each_engine(
    module: str, doc: str | None, measured: Callable[[int], None]
) -> Iterator[tuple[str, str]]:
    """What `measured` prints about so many patients, line by line with the engine, each engine in a
    process of its own on a new database: the command line of `python -m` the module."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=doc)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--only", choices=ENGINES)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    assert environment  # imported for what it does: no .env file, REMIT_LOCAL=1
    if wanted.here:
        measured(wanted.patients)
        return
    for engine in [wanted.only] if wanted.only else ENGINES:
        with empty(engine) as database:
            found = subprocess.run(
                [sys.executable, "-m", module, "--here", f"--patients={wanted.patients}"],
                env={**os.environ, **database, "LOG_LEVEL": "WARNING"},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        for line in found.stdout.splitlines():
            yield engine, line


def build(lines: int, database: dict[str, str], *, check: bool = True) -> None:
    """Build a clinic in an empty database, in processes of its own; says how long each part took."""
    commands = [["-m", "benchmarks.million", "--here", "--lines", str(lines)]]
    if check:
        commands.append(["manage.py", "check_ledger"])
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command], env={**os.environ, **database}, stdout=sys.stderr
        )
        if done.returncode:
            sys.exit("The clinic was not built, or does not hold.")


def migrate(database: dict[str, str]) -> None:
    """Bring a clinic that was kept to the tables of today."""
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, env={**os.environ, **database}, stdout=sys.stderr, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.million",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--unchecked", action="store_true", help="without check_ledger at the end")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    assert environment  # imported for what it does: no .env file, REMIT_LOCAL=1
    if wanted.here:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        from benchmarks import builder

        builder.build(wanted.lines)
    elif not wanted.keep:
        parser.error("--keep: in which folder?")
    else:
        with kept(wanted.keep, wanted.engine) as database:
            build(wanted.lines, database, check=not wanted.unchecked)
            name = "DATABASE_URL" if database["DATABASE_URL"] else "SQLITE_PATH"
            print(f"Kept: REMIT_LOCAL=1 {name}={database[name]}")


if __name__ == "__main__":
    main()
