"""Some hundred wrong requests by everybody, each other than the last (tests/drills/crawling.py).

The same ones each time. `make drill DRILL=tests/drills/test_fuzz.py` asks 10,000 others on each
database. What it finds is printed with a line; FUZZ_REPEAT='that line' asks it again here.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.drills.crawling import WHO, Asked, Fuzz, Site, wrong_requests

pytestmark = pytest.mark.django_db

REQUESTS = int(os.environ.get("FUZZ_REQUESTS", "600"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
REPEAT = os.environ.get("FUZZ_REPEAT", "")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of lines about refusals would hide the few that matter."""
    for name in ("", "axes", "django", "remit"):
        caplog.set_level("CRITICAL", name)


@pytest.fixture
def fuzz() -> Fuzz:
    return Fuzz(Site())


def asked_by(who: str, fuzz: Fuzz, requests: int) -> None:
    """Ten at a time, each ten of a seed of their own: Hypothesis goes on to vary what it drew
    before, and here another form finds more than the same one again."""
    known: set[str] = set()
    rounds = 0
    while fuzz.asked[who] < requests:
        rounds += 1

        @seed(f"{SEED} {who} {rounds}")
        @settings(
            max_examples=10,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(wrong_requests(fuzz.site, who))
        def ask(asked: Asked) -> None:
            if fuzz.asked[who] < requests and str(asked) not in known:
                known.add(str(asked))
                fuzz.ask(asked)

        ask()


def test_no_wrong_request_breaks_anything(fuzz: Fuzz) -> None:
    if REPEAT:
        assert fuzz.ask(Asked.read(REPEAT)) == []
        return
    for who in WHO:
        asked_by(who, fuzz, REQUESTS // len(WHO))
    print(fuzz.report())  # noqa: T201
    assert not fuzz.faults, "\n" + fuzz.report()
    assert fuzz.accepted > 0, "nothing it sent was ever taken: it did not get far"
