"""Timing two ways of doing one piece of work, call by call in turn.

In turn, because a machine is never quiet: what slows one call slows its neighbour too, and the
ratio of the medians stays.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection

WARM_UP = 3  # calls of each way that are not counted

# On a busy machine the processor's time is steadier: all there is but the disk and the network.
PROCESSOR = "REMIT_BENCH_PROCESSOR"


def _processor() -> float:
    """What this process has used, and of PostgreSQL the server's process that works for it."""
    own = time.process_time()
    if connection.vendor == "sqlite":
        return own
    return own + int(Path(f"/proc/{_servant()}/schedstat").read_text().split()[0]) / 1e9


@cache
def _servant() -> int:
    """The one connection of the pool: it is given back and taken again, but not closed."""
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


clock = _processor if os.environ.get(PROCESSOR) else time.perf_counter


@dataclass(frozen=True)
class Result:
    """One row of the table. Times are in milliseconds."""

    work: str
    engine: str
    lines: int  # how large the clinic is
    n: int
    app: float
    app_p95: float
    floor: float
    app_statements: int
    floor_statements: int

    @property
    def ratio(self) -> float:
        return self.app / self.floor

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Statements:
    """Counts what goes to the database, savepoints included, BEGIN and COMMIT not."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        self.count += not sql.startswith("BEGIN")
        return execute(sql, params, many, context)


def in_turn(
    work: str,
    n: int,
    *,
    app: Callable[[int], object],
    floor: Callable[[int], int],
    repeats: int,
) -> Result:
    """Medians over `repeats` calls of each; call i of both does the i-th piece of work.

    `floor` returns how many statements it needed.
    """
    times: dict[str, list[float]] = {"app": [], "floor": []}
    counted = Statements()
    floor_statements = 0
    for number in range(WARM_UP + repeats):
        gc.collect()
        app_first = number % 2 == 0
        for way in ("app", "floor") if app_first else ("floor", "app"):
            with ExitStack() as stack:
                if way == "app" and number == 0:
                    stack.enter_context(connection.execute_wrapper(counted))
                start = clock()
                if way == "app":
                    app(number)
                else:
                    floor_statements = floor(number)
                spent = (clock() - start) * 1000
            if number >= WARM_UP:
                times[way].append(spent)
    from billing.models import InvoiceLine  # models can be imported once Django is set up

    return Result(
        work=work,
        engine=connection.vendor,
        lines=InvoiceLine.objects.count(),
        n=n,
        app=statistics.median(times["app"]),
        app_p95=statistics.quantiles(times["app"], n=20)[-1],
        floor=statistics.median(times["floor"]),
        app_statements=counted.count,
        floor_statements=floor_statements,
    )
