"""Twenty desks at work: nobody meets an error. (For longer: python -m tests.drills.load --help)"""

from __future__ import annotations

import os

from tests.drills.clinics import figures, tell
from tests.drills.conftest import Open
from tests.drills.load import HEAD, put_load

SECONDS = float(os.environ.get("DRILL_SECONDS", "60"))


def test_twenty_desks_while_others_sign_in(open_clinic: Open) -> None:
    clinic = open_clinic()
    load = put_load(clinic, 20, SECONDS, logins=20)
    if HEAD not in figures:
        tell(HEAD)
    tell(f"{load}\n{load.beside}")
    assert load.errors == []
    if clinic.server:
        assert load.busy == 0
    clinic.check_ledger()
