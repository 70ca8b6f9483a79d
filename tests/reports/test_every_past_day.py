"""Random histories: every figure of every past day ties out, and stays what it was on that day.

The same acts as in tests/ledger/test_state_machine.py, entered over many days by a clock that goes on.
What the books said at the end of each day is kept; asked later as of that day, they say it still.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from billing import journal
from billing.balances.as_of import (
    AsOf,
    Basis,
    Dates,
    StandsThen,
    ageing_total,
    lines_as_of,
    roll_forward,
    standing_as_of,
    standing_by_account,
    standing_from_rows,
)
from billing.ledger import posting
from billing.models import InvoiceLine, Payment
from billing.models.journal import PATIENTS_CREDIT, PAYERS_CREDIT, RECEIVABLE
from tests.factories.bills import day
from tests.ledger.test_state_machine import MORE, Desk

ZERO = Decimal("0.00")
HOURS = 7  # between two acts


def books_now() -> StandsThen:
    owed = InvoiceLine.objects.aggregate(sum=Sum("balance"))["sum"] or ZERO
    free = Payment.objects.aggregate(sum=Sum("unallocated"))["sum"] or ZERO
    return StandsThen(owed, free)


def journal_through(last: datetime.date) -> StandsThen:
    chart = journal.Chart.current()
    trial = journal.trial(journal.Scope(last=last), chart)
    assert trial.difference == 0
    credit = sum(
        (trial.balance(chart.account(key)) for key in (PATIENTS_CREDIT, PAYERS_CREDIT)), ZERO
    )
    return StandsThen(trial.balance(chart.account(RECEIVABLE)), -credit)


class EveryDay(Desk):
    """The desk, with a clock of its own that began thirty days ago."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = timezone.now() - datetime.timedelta(days=30)
        self.said: dict[datetime.date, StandsThen] = {}
        self.owed: dict[datetime.date, dict[int, tuple[Decimal, int | None]]] = {}
        own = SimpleNamespace(now=lambda: self.clock, localdate=self._today)
        self.patched = patch.object(posting, "timezone", own)
        self.patched.start()

    @staticmethod
    def _today(_moment: Any = None) -> datetime.date:
        """No act is dated ahead: what people call today is today."""
        return timezone.localdate()

    @invariant()
    def the_clock_goes_on(self) -> None:
        today = timezone.localdate(self.clock)
        self.said[today] = books_now()
        self.owed[today] = {
            line.pk: (line.balance, line.payer_id) for line in InvoiceLine.objects.open()
        }
        self.clock += datetime.timedelta(hours=HOURS)

    def teardown(self) -> None:
        self.patched.stop()
        try:
            if self.said and not connection.needs_rollback:
                self.every_day_still_says_what_it_said()
                self.every_way_leads_to_the_same_figures()
        finally:
            super().teardown()

    def every_day_still_says_what_it_said(self) -> None:
        for each, said in self.said.items():
            as_of = AsOf(each, Basis.ENTRY)
            assert standing_as_of(as_of) == said
            assert standing_from_rows(as_of) == said
            assert standing_by_account(as_of) == said
            assert sum(ageing_total(as_of).values(), ZERO) == said.receivable
            found = lines_as_of(as_of).values_list("pk", "balance_then", "owner_then")
            assert {pk: (owed, owner) for pk, owed, owner in found} == self.owed[each]

    def every_way_leads_to_the_same_figures(self) -> None:
        assert standing_as_of(AsOf(day(0))) == books_now()
        for ago in range(6):
            as_of = AsOf(day(ago))
            found = standing_as_of(as_of)
            assert standing_from_rows(as_of) == found
            assert standing_by_account(as_of) == found
            assert journal_through(day(ago)) == found
            for dates in Dates.values:
                assert sum(ageing_total(as_of, dates).values(), ZERO) == found.receivable
            for first in (None, day(ago + 2), day(ago)):
                proof = roll_forward(first, day(ago))
                assert proof.closing == found.net
                assert proof.difference == 0
                assert proof.movements["transfers"] == 0 or first is not None


@pytest.mark.django_db
def test_every_past_day_ties_out_and_stays_as_it_was() -> None:
    run_state_machine_as_test(
        EveryDay,
        settings=settings(
            max_examples=int(MORE or 15),
            stateful_step_count=25,
            derandomize=MORE is None,
            phases=[Phase.generate, *([Phase.shrink] if MORE else [])],
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert not connection.needs_rollback
