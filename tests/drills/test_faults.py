"""Whatever dies, fills up or stands still: what was acknowledged is there, once, and whole.

DRILL_POSTINGS=2000 for more than the 200 acknowledged postings of each of these drills.
"""

from __future__ import annotations

import os

import pytest

from tests.drills.clinics import Clinic, acknowledged, retried, work_until
from tests.drills.conftest import Open
from tests.drills.desks import Desk

POSTINGS = int(os.environ.get("DRILL_POSTINGS", "200"))
RETRIES = POSTINGS // 4
DESKS = 8


def told(clinic: Clinic, desks: list[Desk]) -> str:
    """The figures of a drill, for whoever runs it with -s."""
    busy, lost = (sum(getattr(desk, name) for desk in desks) for name in ("busy", "lost"))
    return (
        f"\n{clinic.engine}: {acknowledged(desks)} acknowledged, {retried(desks)} by retry,"
        f" {lost} answers lost, {busy} busy, {sum(len(desk.refused) for desk in desks)} refused"
    )


@pytest.mark.parametrize("fault", ["kill_before_commit", "kill_after_commit"])
def test_a_worker_dies_at_the_commit_of_a_posting(open_clinic: Open, fault: str) -> None:
    clinic = open_clinic(f"{fault}=0.3")
    desks = clinic.desks(DESKS)
    wrong = work_until(
        desks, lambda: acknowledged(desks) >= POSTINGS and retried(desks) >= RETRIES
    )
    print(told(clinic, desks))
    assert wrong + clinic.problems(desks) == []
    assert retried(desks) >= RETRIES
    clinic.check_ledger()
