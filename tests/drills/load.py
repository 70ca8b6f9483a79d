"""Many desks for some minutes, and how long they waited:

    python -m tests.drills.load --desks 20 --minutes 3 --engine postgresql

Every desk does what `desks.py` says, with some seconds of thinking before each page. The clients
share the machine with the server. The line of the table is for docs/performance.md.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.drills.browser import NoAnswer
from tests.drills.clinics import Clinic, Templates, acknowledged, work_until
from tests.drills.desks import Desk
from tests.support.temporary_postgres import AS_IN_A_CLINIC, temporary_postgres

THINK = 2.0
HEAD = (
    "| database | desks | min | requests/s | p50 | p95 | p99 | saving p50 | p95 | p99 | slowest"
    " | saved | errors | busy |\n"
    "| -------- | ----: | --: | ---------: | --: | --: | --: | ---------: | --: | --: | ------:"
    " | ----: | -----: | ---: |"
)


@dataclass
class Load:
    """What a number of desks did, and how long the server took; milliseconds."""

    clinic: Clinic
    desks: list[Desk]
    seconds: float
    wrong: list[str]
    memory: tuple[float, float]
    sign_ins: list[float] = field(default_factory=list)

    def times(self, what: str = "") -> list[float]:
        return sorted(
            seconds * 1000
            for desk in self.desks
            for kind, seconds in desk.browser.times
            if not what or kind == what
        )

    @property
    def busy(self) -> int:
        return sum(desk.busy for desk in self.desks)

    @property
    def errors(self) -> list[str]:
        lost = [f"{desk.name}: {desk.lost} answers lost" for desk in self.desks if desk.lost]
        return [*self.wrong, *lost, *self.clinic.problems(self.desks)]

    def __str__(self) -> str:
        every, saving = self.times(), self.times("save")
        cells = [
            "PostgreSQL" if self.clinic.server else "SQLite",
            f"{len(self.desks)}",
            f"{self.seconds / 60:.1f}",
            f"{len(every) / self.seconds:.1f}",
            *(f"{part(every, share):.0f}" for share in (0.5, 0.95, 0.99)),
            *(f"{part(saving, share):.0f}" for share in (0.5, 0.95, 0.99)),
            f"{every[-1]:.0f}",
            f"{acknowledged(self.desks)}",
            f"{len(self.errors)}",
            f"{self.busy}",
        ]
        return f"| {' | '.join(cells)} |"

    @property
    def beside(self) -> str:
        """What stands under the table."""
        before, after = self.memory
        said = f"Memory of the workers: {before:.0f} MB, then {after:.0f} MB."
        if self.sign_ins:
            said += (
                f" Beside it {len(self.sign_ins)} people signed in:"
                f" p50 {part(self.sign_ins, 0.5):.0f} ms, slowest {self.sign_ins[-1]:.0f} ms."
            )
        return said


def part(times: Sequence[float], share: float) -> float:
    """The time that this share of all stayed below."""
    return times[min(int(len(times) * share), len(times) - 1)] if times else 0.0


def put_load(
    clinic: Clinic, desks: int, seconds: float, *, think: float = THINK, logins: int = 0
) -> Load:
    """Desks at work for so many seconds; beside them so many sign in, one after the other."""
    people = clinic.desks(desks, think=think)
    for desk in people:  # every worker has loaded everything before anything is measured
        desk.look("/")
        desk.browser.times.clear()
    before = memory(clinic)
    began = time.monotonic()
    sign_ins: list[float] = []
    refused: list[str] = []
    beside = threading.Thread(target=sign_in, args=[clinic, logins, seconds, sign_ins, refused])
    beside.start()
    wrong = work_until(people, lambda: time.monotonic() - began > seconds, limit=seconds + 600)
    beside.join()
    took = time.monotonic() - began
    return Load(clinic, people, took, wrong + refused, (before, memory(clinic)), sorted(sign_ins))


def sign_in(
    clinic: Clinic, number: int, seconds: float, times: list[float], refused: list[str]
) -> None:
    for _ in range(number):
        began = time.monotonic()
        try:
            browser = clinic.browser()
        except (NoAnswer, RuntimeError) as error:
            refused.append(f"somebody was not let in: {error}")
        else:
            times += [each * 1000 for what, each in browser.times if what == "sign in"]
        time.sleep(max(0.0, seconds / number - (time.monotonic() - began)))


def memory(clinic: Clinic) -> float:
    """Of all workers together, in megabytes."""
    kilobytes = 0
    for worker in clinic.app.workers():
        status = Path(f"/proc/{worker}/status")
        if status.exists():  # not on every system
            (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmRSS"))
            kilobytes += int(line.split()[1])
    return kilobytes / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--desks", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--think", type=float, default=THINK, help="seconds before each page (2)")
    parser.add_argument("--logins", type=int, default=0, help="people who sign in meanwhile")
    parser.add_argument("--workers", type=int, default=2, help="of gunicorn (2)")
    given = parser.parse_args()
    engines = ["sqlite", "postgresql"] if given.engine == "both" else [given.engine]
    with tempfile.TemporaryDirectory(prefix="remit-load-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (base := folder / "pg").mkdir()
        with temporary_postgres(AS_IN_A_CLINIC, base) as server:
            templates = Templates(folder, server)
            print(HEAD)  # noqa: T201
            for engine in engines:
                with templates.clinic(engine, folder, workers=given.workers) as clinic:
                    load = put_load(
                        clinic,
                        given.desks,
                        given.minutes * 60,
                        think=given.think,
                        logins=given.logins,
                    )
                    print(load, flush=True)  # noqa: T201
                    print(load.beside, *load.errors, sep="\n", flush=True)  # noqa: T201
                    clinic.check_ledger()


if __name__ == "__main__":
    main()
