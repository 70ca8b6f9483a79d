"""Remit starts on either database, answers, and dies without a mark on its books."""

from __future__ import annotations

from tests.drills.conftest import Open


def test_it_answers_is_killed_and_answers_again(open_clinic: Open) -> None:
    clinic = open_clinic()
    clinic.app.kill()
    clinic.app.start()
    assert clinic.browser().get("/").status == 200
    clinic.check_ledger()
