"""Random histories: every figure of every past day ties out, and stays what it was on that day.

The same acts as in tests/ledger/machine/, entered over many days by a clock that goes on.
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

from billing.balances.as_of import (
    AsOf,
    Basis,
    Dates,
    StandsThen,
    ageing_total,
    lines_as_of,
    receipts_as_of,
    roll_forward,
    standing_as_of,
)
from billing.balances.patient_ledger import patient_ledger
from billing.ledger import posting
from billing.models import InvoiceLine, Payment
from billing.tie_out import tie_out
from tests.factories.bills import day
from tests.ledger.machine.desk import Desk
from tests.ledger.machine.parts import MORE
from tests.reports import plain_past
from tests.reports.asking import ask, told

ZERO = Decimal("0.00")
HOURS = 7  # between two acts
LAST_DAYS = [day(ago) for ago in range(6)]


def books_now() -> StandsThen:
    owed = InvoiceLine.objects.aggregate(sum=Sum("balance"))["sum"] or ZERO
    free = Payment.objects.aggregate(sum=Sum("unallocated"))["sum"] or ZERO
    return StandsThen(owed, free)


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
                self.every_line_and_receipt_is_what_its_rows_say()
                self.every_way_leads_to_the_same_figures()
                self.the_reports_of_a_day_are_all_of_it()
                self.every_ledger_closes_as_the_account_stood()
        finally:
            super().teardown()

    def every_day_still_says_what_it_said(self) -> None:
        for each, said in self.said.items():
            as_of = AsOf(each, Basis.ENTRY)
            assert standing_as_of(as_of) == said
            found = lines_as_of(as_of).values_list("pk", "balance_then", "owner_then")
            assert {pk: (owed, owner) for pk, owed, owner in found} == self.owed[each]

    def every_line_and_receipt_is_what_its_rows_say(self) -> None:
        """By either date: what is rolled back is what plain Python adds up from the first row on."""
        entered = [AsOf(each, Basis.ENTRY) for each in self.said]
        for as_of in (*entered, *(AsOf(each) for each in LAST_DAYS)):
            found = lines_as_of(as_of).values_list("pk", "balance_then", "owner_then")
            owed = plain_past.lines(as_of)
            assert {pk: (amount, owner) for pk, amount, owner in found} == owed
            free = receipts_as_of(as_of).values_list("pk", "unallocated_then")
            assert dict(free) == plain_past.receipts(as_of)
            for dates in Dates.values:
                bands = list(ageing_total(as_of, dates).values())
                assert bands == plain_past.ages(as_of, dates, owed)

    def every_way_leads_to_the_same_figures(self) -> None:
        assert standing_as_of(AsOf(day(0))) == books_now()
        for as_of in (
            *(AsOf(each, Basis.ENTRY) for each in self.said),
            *(AsOf(each) for each in LAST_DAYS),
        ):
            found = tie_out(as_of)
            assert found.holds, [figure for figure in found.figures if not figure.holds]
            assert found.figures[0].amount == standing_as_of(as_of).receivable
        for last in LAST_DAYS:
            for first in (last - datetime.timedelta(days=2), last):
                proof = roll_forward(first, last)
                assert proof.closing == standing_as_of(AsOf(last)).net
                assert proof.difference == 0
        middle = len(self.said) // 2
        first, *others = list(self.said)[middle:]
        for last in (first, *others):
            assert roll_forward(first, last, Basis.ENTRY).difference == 0

    def the_reports_of_a_day_are_all_of_it(self) -> None:
        """Unallocated payments and negative credit, row for row; who is below zero knows why."""
        entered = [(each, Basis.ENTRY) for each in list(self.said)[::-3]]  # the last, and before
        for last, by in (*entered, *((each, Basis.ACCOUNTING) for each in LAST_DAYS[::2])):
            query = f"as_of={last}&by={by}"
            waiting = ask("unallocated-payments", query)
            negative = ask("negative-credit", query)
            found = [
                *told(waiting, "row", "unallocated"),
                *told(negative, "row", "negative_credit"),
            ]
            assert len(found) == len(dict(found))
            assert dict(found) == plain_past.receipts(AsOf(last, by))
            assert waiting.check(waiting.totals).holds
            for cause, since, on_lines in told(negative, "cause", "since", "on_lines"):
                assert cause
                assert since <= last or by == Basis.ENTRY
                assert on_lines >= 0

    def every_ledger_closes_as_the_account_stood(self) -> None:
        """Period after period: each opens where the one before it closed, with any provider."""
        for patient in self.patients.values():
            for provider in (None, *self.providers.values()):
                closed = StandsThen(ZERO, ZERO)
                for first, last in ((None, LAST_DAYS[4]), (LAST_DAYS[3], LAST_DAYS[1])):
                    then = patient_ledger(patient, first=first, last=last, provider=provider)
                    assert then.opening == closed
                    assert then.closing == standing_as_of(AsOf(last), patient, provider)
                    assert then.moved.after(then.opening) == then.closing
                    closed = then.closing


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
