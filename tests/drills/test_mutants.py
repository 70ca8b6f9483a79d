"""The state machine notices every mistake of `mutants.py`, and nothing in the program as it is.

(Of the guards in the database the same is shown in `ledger/test_database_refuses.py`: without them
each attack goes through. Of the seals in `ledger/test_chain.py`: every column of every sealed table
is changed once, every kind of row taken away and put in.)
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drills.mutants import MUTANTS, caught, run
from tests.support.temporary_postgres import temporary_postgres

ROOT = Path(__file__).parents[2]


def test_nothing_is_found_in_the_program_as_it_is() -> None:
    assert caught(None).by == ""


def test_the_state_machine_notices_every_mistake() -> None:
    assert len(MUTANTS) >= 12
    results = []
    for result in run(MUTANTS):
        print(result)  # noqa: T201
        results.append(result)
    assert [str(each) for each in results if not each.by] == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_five_hundred_long_days(engine: str) -> None:
    """500 examples of 50 steps, other ones each time."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "any_order"]
    command += ["tests/ledger/test_state_machine.py"]
    environment = {
        "REMIT_HYPOTHESIS_EXAMPLES": "500",
        "REMIT_HYPOTHESIS_STEPS": "50",
        **os.environ,
        "DATABASE_URL": "",
    }
    if engine == "sqlite":
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        return
    with temporary_postgres() as server:
        environment["DATABASE_URL"] = server.url
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
