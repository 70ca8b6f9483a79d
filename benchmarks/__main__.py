"""`make bench`: clinics of 10,000, 100,000 and 1,000,000 lines, on SQLite and on PostgreSQL, built in
folders that are thrown away afterwards; every page, and the work beside its floor in bare SQL. Then
what needs no such clinic: reading remittances, and one from upload to the books.

    python -m benchmarks [--sizes 10000,100000] [--only sqlite|postgresql] [--repeats 25]
                         [--processor] [--pages | --work] [--kept FOLDER]

It prints tables for docs/performance.md. Both databases write to a real disk and wait for it, as they
would in a clinic. `--processor` takes the time of the processor instead of the clock's, on a machine that
has other work. `--kept` uses clinics that `python -m benchmarks.million --keep FOLDER/ENGINE-LINES` built,
and builds those that are missing there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import drafts, era
from benchmarks.measure import PROCESSOR, Result
from benchmarks.million import ENGINES, build, empty, kept, migrate
from tests.support import environment

SIZES = (10_000, 100_000, 1_000_000)
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
TOO_SLOW = 150  # ms
LEFT, RIGHT = "---", "--:"

Found = dict[str, Any]


@contextlib.contextmanager
def clinic(engine: str, lines: int, folder: Path | None) -> Iterator[dict[str, str]]:
    """The environment that leads to a clinic of so many lines; thrown away unless it is kept."""
    where = folder / f"{engine}-{lines}" if folder else None
    there = where and ((where / "data").exists() or (where / "clinic.sqlite3").exists())
    with kept(where, engine) if where else empty(engine) as database:
        if there:
            migrate(database)
        else:
            build(lines, database)
        yield database


def measure(database: dict[str, str], repeats: int, parts: str) -> Iterator[Found]:
    with tempfile.TemporaryDirectory(prefix="remit-static-") as static:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.one_engine", str(repeats), parts],
            env={**os.environ, **database, "STATIC_ROOT": static, "LOG_LEVEL": "WARNING"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout
        for line in child.stdout:
            yield json.loads(line)
        if child.wait() != 0:
            sys.exit("The measurements failed.")


def _say(each: Found) -> None:
    """What was measured just now, for whoever waits."""
    row = each.get("page") or each["work"]
    what, spent = row.get("name") or f"{row['work']} {row['n']}", row.get("median") or row["app"]
    beside = f" ({spent / row['floor']:.1f} times the floor)" if "floor" in row else ""
    print(f"{each['engine']} {each['lines']:,}: {what} {spent:.1f} ms{beside}", file=sys.stderr)


# ---------------------------------------------------------------------------- tables


def table(headings: dict[str, str], rows: Iterable[Iterable[str]]) -> None:
    print()
    for cells in (headings, headings.values(), *rows):
        print(f"| {' | '.join(cells)} |", flush=True)


def work_table(found: list[Found]) -> None:
    headings = dict.fromkeys(("work", "engine"), LEFT)
    headings |= dict.fromkeys(
        ("lines", "N", "ratio", "app ms", "app p95", "floor ms", "statements"), RIGHT
    )
    rows = sorted(
        (Result(**each["work"]) for each in found), key=lambda row: (row.work, row.engine)
    )
    table(
        headings,
        (
            (
                row.work,
                NAMES[row.engine],
                f"{row.lines:,}",
                f"{row.n:,}",
                f"{row.ratio:.1f}",
                f"{row.app:.1f}",
                f"{row.app_p95:.1f}",
                f"{row.floor:.1f}",
                f"{row.app_statements} / {row.floor_statements}",
            )
            for row in rows
        ),
    )


def page_table(found: list[Found], sizes: list[int], engines: list[str]) -> None:
    """A page a row, a clinic a column; what takes longer than it should is bold."""
    times: dict[str, dict[tuple[str, int], Found]] = {}
    for each in found:
        times.setdefault(each["page"]["name"], {})[each["engine"], each["lines"]] = each["page"]
    clinics = [(engine, size) for engine in engines for size in sizes]
    headings = {"page, ms": LEFT}
    headings |= {f"{NAMES[engine]} {size:,}": RIGHT for engine, size in clinics}
    headings["statements"] = RIGHT

    def cell(opened: Found | None) -> str:
        if opened is None:
            return ""
        text = f"{opened['median']:,.0f}"
        return f"**{text}**" if opened["median"] > TOO_SLOW else text

    def statements(opened: dict[tuple[str, int], Found]) -> str:
        counts = sorted({each["statements"] for each in opened.values()})
        return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"

    rows = (
        (name, *(cell(opened.get(each)) for each in clinics), statements(opened))
        for name, opened in times.items()
    )
    table(headings, rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="lines: 10000,100000")
    parser.add_argument("--repeats", type=int, default=25, help="calls of each way; 20 or more")
    parser.add_argument("--only", choices=ENGINES)
    parser.add_argument("--processor", action="store_true", help="processor time, not the clock's")
    parser.add_argument("--kept", type=Path, metavar="FOLDER", help="of clinics built before")
    parser.add_argument("--pages", action="store_true", help="the pages only")
    parser.add_argument("--work", action="store_true", help="the work beside its floor only")
    wanted = parser.parse_args()
    if wanted.processor:
        os.environ[PROCESSOR] = "1"
    assert environment  # imported for what it does: no .env file, REMIT_LOCAL=1
    sizes = [int(size) for size in wanted.sizes.split(",")]
    engines = [wanted.only] if wanted.only else list(ENGINES)
    parts = "pages" if wanted.pages else "work" if wanted.work else "pages work"
    found: list[Found] = []
    for engine in engines:
        for lines in sizes:
            with clinic(engine, lines, wanted.kept) as database:
                for each in measure(database, wanted.repeats, parts):
                    found.append({**each, "engine": engine, "lines": lines})
                    _say(found[-1])
    print(f"\nLoad of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    if "pages" in parts:
        page_table([each for each in found if "page" in each], sizes, engines)
    if "work" in parts:
        work_table([each for each in found if "work" in each])
    if parts == "pages work":
        for more in (era, drafts):
            print()
            more.main()


if __name__ == "__main__":
    main()
