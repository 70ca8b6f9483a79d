"""Some hundred wrong requests by everybody, each other than the last (tests/drills/fuzz).

The same ones each time. `make drill DRILL=tests/drills/test_fuzz.py` asks 10,000 others on each
database. What it finds is printed with a line; FUZZ_REPEAT='that line' asks it again here.
"""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

import pytest
from django.http import HttpResponse
from hypothesis import HealthCheck, Phase, given, seed, settings

from config.roles import BILLER
from tests.drills.fuzz import WHO, Asked, Fuzz, Site, wrong_requests
from tests.factories import PaymentFactory

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
        asked_by(who, fuzz, -(-REQUESTS // len(WHO)))
    print(fuzz.report())  # noqa: T201
    assert not fuzz.faults, "\n" + fuzz.report()
    if REQUESTS >= 600:
        assert fuzz.accepted > 0, "nothing it sent was ever taken: it did not get far"
    it_would_have_told(fuzz)


def it_would_have_told(fuzz: Fuzz) -> None:
    """The controls: a page that breaks, one that does not escape, one that refuses and writes."""
    today = Asked(BILLER, "GET", "/")

    def writes_and_refuses(*args: Any) -> HttpResponse:
        PaymentFactory(patient=fuzz.site.clinic.smith, provider=fuzz.site.clinic.dr1)
        return HttpResponse(status=400)

    told = []
    for how in (
        {"side_effect": ValueError("broken")},
        {"return_value": HttpResponse("<p>You typed <zqx></p>")},
        {"side_effect": writes_and_refuses},
    ):
        with mock.patch("billing.views.today.render", **how):
            told.append(fuzz.ask(today))
    assert told[0] == ["500 ValueError: broken"]
    assert told[1] == ["markup as it was typed"]
    assert told[2][0].startswith("400, and yet [")
    assert "billing_payment" in told[2][0]
    assert fuzz.ask(today) == []
