"""The past: FIELD §2.8, §2.9 and §2.10 in words, and that nothing done later changes it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import balances, ledger
from billing.balances import AsOf, Basis, Dates
from billing.ledger import posting
from billing.models import ClosingDate, InvoiceLine, Payment
from patients.models import Patient, Provider
from tests.factories import (
    CoverageFactory,
    InsurancePaymentFactory,
    LineFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.every_verb import DATED_VERBS, EVERY_VERB, clinic
from tests.reports.asking import ask, told

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY, MARCH = (
    datetime.date(2025, 1, 31),
    datetime.date(2025, 2, 28),
    datetime.date(2025, 3, 31),
)


def ago(month: int, on: int) -> int:
    """A day of 2025 as the factories want it."""
    return (day(0) - datetime.date(2025, month, on)).days


# ------------------------------------------------------------------------------ FIELD 2.9


class Story:
    """Invoice 10 Jan 50; payment 20 Jan 20; allocated 5 Feb; un-paid 3 Mar."""

    def __init__(self, by: Any, patient: Patient, provider: Provider) -> None:
        self.by, self.patient, self.provider = by, patient, provider
        account = {"patient": patient, "provider": provider}
        self.line: InvoiceLine = LineFactory(**account, amount="50", ago=ago(1, 10))
        self.payment: Payment = PaymentFactory(**account, amount="20", ago=ago(1, 20))

    def allocate(self) -> None:
        on = entries({self.line: "20"})
        date = datetime.date(2025, 2, 5)
        ledger.allocate(by=self.by, payment=self.payment, entries=on, date=date)

    def unpay(self) -> None:
        date = datetime.date(2025, 3, 3)
        ledger.unpay(by=self.by, payment=self.payment, date=date, reason="Wrong line")

    def stood(self, last: datetime.date) -> tuple[Decimal, Decimal, Decimal]:
        """Invoices, credit and net of the account at the end of a day."""
        then = balances.standing_as_of(AsOf(last), self.patient, self.provider)
        return then.receivable, then.unallocated, then.net


@pytest.fixture
def story(ana: Any, smith: Patient, dr1: Provider) -> Story:
    return Story(ana, smith, dr1)


def test_each_month_end_keeps_its_figures_for_ever(story: Story) -> None:
    assert story.stood(JANUARY) == (50, 20, 30)
    story.allocate()
    assert story.stood(JANUARY) == (50, 20, 30)
    assert story.stood(FEBRUARY) == (30, 0, 30)
    story.unpay()
    assert story.stood(JANUARY) == (50, 20, 30)
    assert story.stood(FEBRUARY) == (30, 0, 30)
    assert story.stood(MARCH) == (50, 20, 30), "the payment stands"


def test_before_the_invoice_there_was_nothing(story: Story) -> None:
    assert story.stood(datetime.date(2025, 1, 9)) == (0, 0, 0)
    assert story.stood(datetime.date(2025, 1, 10)) == (50, 0, 50)


def test_a_payment_of_a_closed_month_reversed_in_the_next(story: Story) -> None:
    """Lock 31 Jan; the payment is reversed on 10 Feb: January is unchanged."""
    ClosingDate.objects.create(closed_through=JANUARY, created_by=story.by, reason="Month end")
    date = datetime.date(2025, 2, 10)
    posted = ledger.reverse(by=story.by, payment=story.payment, date=date, reason="Bounced")
    assert posted.payment is not None
    assert (posted.payment.date, posted.payment.amount) == (date, -20)
    assert posted.payment.original == story.payment
    assert story.stood(JANUARY) == (50, 20, 30)
    assert story.stood(FEBRUARY) == (50, 0, 50)


def test_by_entry_date_all_of_it_was_entered_today(story: Story) -> None:
    story.allocate()
    assert balances.standing_as_of(AsOf(day(1), Basis.ENTRY)).net == 0
    assert balances.standing_as_of(AsOf(day(0), Basis.ENTRY)).net == 30
    assert not balances.lines_as_of(AsOf(MARCH, Basis.ENTRY)).exists()
    assert not balances.receipts_as_of(AsOf(MARCH, Basis.ENTRY)).exists()


# ------------------------------------------------------------------------------ FIELD 2.8


def collected(first: datetime.date, last: datetime.date) -> dict[str, Decimal]:
    report = ask("production", f"from={first}&to={last}")
    return dict(told(report, "provider", "collected"))


def test_collection_follows_the_provider_of_the_line(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """100 taken for Dr 1; 30 on Dr 1's line and 70 on Dr 2's. Un-paying the 70 next month takes
    it from Dr 2 next month."""
    dr2 = ProviderFactory(name="Dr 2")
    line1 = LineFactory(patient=smith, provider=dr1, amount="30", ago=ago(1, 10))
    line2 = LineFactory(patient=smith, provider=dr2, amount="70", ago=ago(1, 10))
    PaymentFactory(
        patient=smith, provider=dr1, amount="100", ago=ago(1, 20), on={line1: "30", line2: "70"}
    )
    january = (datetime.date(2025, 1, 1), JANUARY)
    assert collected(*january) == {"Dr 1": 30, "Dr 2": 70}
    assert balances.standing_as_of(AsOf(JANUARY), smith, dr1).unallocated == 0
    ledger.unpay(
        by=ana, line=line2, amount=money(70), date=datetime.date(2025, 2, 3), reason="Wrong line"
    )
    assert collected(*january) == {"Dr 1": 30, "Dr 2": 70}
    assert collected(datetime.date(2025, 2, 1), FEBRUARY) == {"Dr 2": -70}
    assert balances.standing_as_of(AsOf(JANUARY), smith, dr2).net == 0
    assert balances.standing_as_of(AsOf(FEBRUARY), smith, dr2).receivable == 70


# ------------------------------------------------------------------------------ FIELD 2.10


def test_seed_2_in_one_day_rolls_forward_from_0_to_50(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    account = {"patient": smith, "provider": dr1}
    line = LineFactory(**account, amount="50", ago=3)
    payment = PaymentFactory(**account, amount="20", ago=3, on={line: "20"})
    ledger.reverse(by=ana, payment=payment, date=day(3), reason="Bounced", unpay_lines=False)
    proof = balances.roll_forward(day(3), day(3))
    assert proof.opening == 0
    assert {key: amount for key, amount in proof.movements.items() if amount} == {
        "charges": 50,
        "payments": -20,
        "reversals": 20,
    }
    assert (proof.expected, proof.closing, proof.difference) == (50, 50, 0)
    ledger.unpay(by=ana, payment=payment, date=day(2), reason="Bounced")
    next_day = balances.roll_forward(day(2), day(2))
    assert (next_day.opening, next_day.closing) == (50, 50), "un-paying moves no net balance"
    assert not any(next_day.movements.values())


def test_every_movement_has_its_row(ana: Any, smith: Patient, dr1: Provider) -> None:
    account = {"patient": smith, "provider": dr1}
    line = LineFactory(**account, amount="100", ago=5)
    payment = PaymentFactory(**account, amount="60", ago=4)
    RefundFactory(payment=payment, amount="10", ago=3, by=ana)
    TransferFactory(
        payment=payment, amount="5", provider=ProviderFactory(name="Dr 2"), ago=3, by=ana
    )
    InsurancePaymentFactory(amount="30", ago=2, on={line: ("30", "20")})
    ledger.adjust(
        by=ana, line=line, amount=money(7), kind="courtesy", date=day(2), reason="Hardship"
    )
    proof = balances.roll_forward(day(4), day(2))
    assert proof.opening == 100
    assert {key: amount for key, amount in proof.movements.items() if amount} == {
        "adjustment_contractual": -20,
        "adjustment_courtesy": -7,
        "payments": -90,
        "refunds": 10,
    }
    assert proof.closing == proof.expected == -7
    by_entry = balances.roll_forward(day(0), day(0), Basis.ENTRY)
    assert (by_entry.opening, by_entry.closing, by_entry.difference) == (0, -7, 0)
    assert by_entry.movements["charges"] == 100


# ------------------------------------------------------------------------------ whose it was


def owner_then(ago: int) -> int | None:
    """Whose the only line there is was, so many days ago."""
    [owner] = balances.lines_as_of(AsOf(day(ago))).values_list("owner_then", flat=True)
    return owner


def test_who_owed_a_line_is_as_it_was(ana: Any, smith: Patient, dr1: Provider) -> None:
    """Issued to BlueRiver on day 30, answered and left to Cascade on day 20, to the patient by
    hand on day 10."""
    first, second = PayerFactory(name="BlueRiver"), PayerFactory(name="Cascade")
    for rank, payer in enumerate((first, second), start=1):
        CoverageFactory(patient=smith, payer=payer, rank=rank)
    line = LineFactory(patient=smith, provider=dr1, owed_by=first, amount="100", ago=30)
    InsurancePaymentFactory(payer=first, amount="60", ago=20, on={line: "60"})
    ledger.set_responsibility(by=ana, lines=[line], payer=None, date=day(10), reason="Not covered")
    assert [owner_then(ago) for ago in (30, 21)] == [first.pk] * 2
    assert [owner_then(ago) for ago in (20, 11)] == [second.pk] * 2
    assert [owner_then(ago) for ago in (10, 0)] == [None] * 2


def test_an_undone_answer_moves_no_past_day_where_another_had_answered_since(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    first, second = PayerFactory(name="BlueRiver"), PayerFactory(name="Cascade")
    for rank, payer in enumerate((first, second), start=1):
        CoverageFactory(patient=smith, payer=payer, rank=rank)
    line = LineFactory(patient=smith, provider=dr1, owed_by=first, amount="100", ago=30)
    check = InsurancePaymentFactory(payer=first, amount="60", ago=20, on={line: "60"})
    InsurancePaymentFactory(payer=second, amount="10", ago=10, on={line: "10"})
    assert [owner_then(ago) for ago in (25, 15, 5)] == [first.pk, second.pk, None]
    ledger.reverse(by=ana, payment=check, date=day(2), reason="Wrong patient")
    assert [owner_then(ago) for ago in (25, 15, 5)] == [first.pk, second.pk, None]
    assert owner_then(2) is None


# ------------------------------------------------------------------------------ ages


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "current"),
        (1, "days_1_30"),
        (30, "days_1_30"),
        (31, "days_31_60"),
        (60, "days_31_60"),
        (61, "days_61_90"),
        (90, "days_61_90"),
        (91, "days_over_90"),
        (400, "days_over_90"),
    ],
)
@pytest.mark.parametrize("as_of_ago", [0, 5])
def test_a_line_is_in_one_band_of_age(age: int, band: str, as_of_ago: int) -> None:
    LineFactory(amount="100", ago=as_of_ago + age)
    for dates in Dates.values:
        bands = balances.ageing_total(AsOf(day(as_of_ago)), dates)
        assert {key: amount for key, amount in bands.items() if amount} == {band: 100}


# ------------------------------------------------------------------------------ nothing later


def past(as_of: AsOf) -> Any:
    """Every figure there is of a day."""
    lines = balances.lines_as_of(as_of).values_list("pk", "balance_then", "owner_then")
    receipts = balances.receipts_as_of(as_of).values_list("pk", "unallocated_then")
    return (
        sorted(lines, key=str),
        sorted(receipts),
        [balances.ageing_total(as_of, dates) for dates in Dates.values],
        balances.standing_as_of(as_of),
        balances.standing_from_rows(as_of),
        balances.roll_forward(None, as_of.day, as_of.by),
        balances.roll_forward(as_of.day, as_of.day, as_of.by),
    )


@pytest.mark.parametrize("verb", DATED_VERBS)
def test_what_is_dated_later_changes_no_past_figure(verb: str) -> None:
    scene = clinic()
    ends = [AsOf(day(ago)) for ago in (1, 10, 25, 27, 29, 31)]
    before = [past(each) for each in ends]
    DATED_VERBS[verb](scene, date=day(0))
    assert [past(each) for each in ends] == before


@pytest.mark.parametrize("verb", EVERY_VERB)
def test_what_is_entered_today_changes_no_figure_of_what_was_entered_before(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is dated as far back as it may be."""
    then = timezone.now() - datetime.timedelta(days=2)
    clock = SimpleNamespace(now=lambda: then, localdate=timezone.localdate)
    monkeypatch.setattr(posting, "timezone", clock)
    scene = clinic()
    yesterday, before_that = AsOf(day(1), Basis.ENTRY), AsOf(day(3), Basis.ENTRY)
    before = past(yesterday)
    assert before[0], "the clinic was entered by then"
    assert balances.standing_from_rows(before_that).net == 0
    monkeypatch.undo()
    dated = {} if verb == "make_journal_batch" else {"date": day(1)}
    EVERY_VERB[verb](scene, **dated)
    assert past(yesterday) == before


# ------------------------------------------------------------------------------ what it costs


@pytest.mark.parametrize(
    "ask_for",
    [
        lambda as_of: list(balances.lines_as_of(as_of)),
        lambda as_of: list(balances.receipts_as_of(as_of)),
        balances.standing_as_of,
        balances.standing_from_rows,
        balances.standing_by_account,
        balances.ageing_total,
        lambda as_of: balances.roll_forward(as_of.day, as_of.day, as_of.by),
    ],
    ids=["lines", "receipts", "standing", "rows", "accounts", "ages", "roll-forward"],
)
@pytest.mark.parametrize("by", Basis.values)
def test_it_costs_the_same_at_any_size(ask_for: Callable[[AsOf], Any], by: str) -> None:
    counts = []
    for _more in range(2):
        for _each in range(4):
            line = LineFactory(amount="100", ago=30)
            account = {"patient": line.patient, "provider": line.provider}
            PaymentFactory(**account, amount="50", ago=20, on={line: "30"})
        with CaptureQueriesContext(connection) as captured:
            ask_for(AsOf(day(10), by))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 9
