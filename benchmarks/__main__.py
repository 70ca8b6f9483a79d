"""`make bench`: one table, on SQLite and on PostgreSQL, both in folders thrown away afterwards;
one of reading remittances, which needs no database; and one of a remittance from upload to the books.

    python -m benchmarks [--repeats 25] [--only sqlite|postgresql] [--processor]

Both databases write to a real disk and wait for it, as they would in a clinic.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import drafts, era
from benchmarks.measure import PROCESSOR, Result
from tests.support import environment
from tests.support.temporary_postgres import AS_IN_A_CLINIC, temporary_postgres

HEADINGS = ("work", "engine", "N", "ratio", "app ms", "app p95", "SQL floor ms", "statements")


@contextlib.contextmanager
def sqlite() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        yield {"DATABASE_URL": "", "SQLITE_PATH": str(Path(folder) / "bench.sqlite3")}


@contextlib.contextmanager
def postgresql() -> Iterator[dict[str, str]]:
    """The tests' throw-away server, but on disk, and waiting for the disk."""
    folder = Path(tempfile.mkdtemp(prefix="remit-bench-", dir="/tmp"))
    with temporary_postgres(AS_IN_A_CLINIC, folder) as server:
        yield {"DATABASE_URL": server.url}


ENGINES = {"sqlite": sqlite, "postgresql": postgresql}


def measure(engine: str, repeats: int) -> Iterator[Result]:
    with ENGINES[engine]() as database:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.one_engine", str(repeats)],
            env={**os.environ, **database},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout
        for line in child.stdout:
            yield Result(**json.loads(line))
        if child.wait() != 0:
            sys.exit(f"The measurements on {engine} failed.")


def row(result: Result) -> str:
    cells = (
        result.work,
        {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[result.engine],
        f"{result.n:,}",
        f"{result.ratio:.1f}",
        f"{result.app:.1f}",
        f"{result.app_p95:.1f}",
        f"{result.floor:.1f}",
        f"{result.app_statements} / {result.floor_statements}",
    )
    return _columns(cells)


def _columns(cells: tuple[str, ...]) -> str:
    widths = (19, 10, 7, 5, 7, 7, 12, 10)
    text = [f"{cell:<{width}}" for cell, width in zip(cells[:2], widths, strict=False)]
    text += [f"{cell:>{width}}" for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return f"| {' | '.join(text)} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=25, help="calls of each way; 20 or more")
    parser.add_argument("--only", choices=ENGINES)
    parser.add_argument("--processor", action="store_true", help="SQLite: processor time")
    wanted = parser.parse_args()
    if wanted.processor:
        wanted.only, os.environ[PROCESSOR] = "sqlite", "1"
    assert environment  # imported for what it does: no .env file, REMIT_LOCAL=1
    print(_columns(HEADINGS))
    print(_columns(("-" * 19, "-" * 10, "--:", "--:", "--:", "--:", "--:", "--:")))
    for engine in [wanted.only] if wanted.only else ENGINES:
        for result in measure(engine, wanted.repeats):
            print(row(result), flush=True)
    for table in (era, drafts):
        print()
        table.main()


if __name__ == "__main__":
    main()
