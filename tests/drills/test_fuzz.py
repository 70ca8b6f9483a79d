"""Ten thousand wrong requests of every role, on each database (tests/drills/fuzz).

FUZZ_REQUESTS=20000 for more, FUZZ_SEED=2 for others. In one process with the database, by Django's
test client: five times as many a second as through a server, and what a request wrote can be rolled
back, so that each fault comes with one line that repeats it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.temporary_postgres import temporary_postgres

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_ten_thousand_wrong_requests(engine: str) -> None:
    environment = {"FUZZ_REQUESTS": "10000", **os.environ, "DATABASE_URL": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"]
    command += ["-k", "no_wrong_request", "tests/house/test_fuzz.py"]
    if engine == "postgresql":
        with temporary_postgres() as server:
            done = run(command, {**environment, "DATABASE_URL": server.url})
    else:
        done = run(command, environment)
    print(f"\n{engine}\n{done.stdout}")  # noqa: T201
    assert done.returncode == 0, done.stdout + done.stderr


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
