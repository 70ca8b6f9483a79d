"""Dates (R8): one date for all rows of a verb, never before what it builds on, never closed."""

import datetime
from typing import Any

import pytest

from billing import ledger
from billing.models import Allocation
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import digest, free, owing, refused
from tests.ledger.every_verb import DATED_VERBS, MOVING_VERBS, Verb, clinic, dates_written

EACH_VERB = pytest.mark.parametrize("verb", DATED_VERBS.values(), ids=DATED_VERBS)

# In `clinic` the lines were issued 30 days ago, the child's 25, one was adjusted 29 and one paid 28
# days ago, the credit came in 26 and the check 24 days ago. Typed is a day before all of them.
LATEST = {
    DATED_VERBS[name]: ago
    for name, ago in {
        "record_payment of a patient": 30,
        "record_payment of a payer": 30,
        "record_payment for the family": 25,
        "allocate of a patient": 26,
        "allocate of a payer": 24,
        "allocate_credit": 26,
        "unpay a payment": 28,
        "unpay a line": 28,
        "adjust": 30,
        "write_off": 25,
        "undo_write_off": 29,
        "reverse of a patient": 28,
        "reverse of a payer": 24,
        "refund": 26,
        "refund that un-pays first": 28,
        "void_line": 28,
        "void_lines": 25,
        "transfer": 26,
    }.items()
}

pytestmark = pytest.mark.django_db


# --- Every verb ----------------------------------------------------------------------------------


@EACH_VERB
def test_r8_a_closed_date_is_refused(verb: Verb, close_books: Any) -> None:
    here = clinic()
    close_books(day(3))
    sentence = (
        f"The date is in a closed period (up to {day(3):%d %b %Y})."
        " Ask an administrator to open it."
    )
    for ago in (3, 4):
        with refused(sentence, field="date"):
            verb(here, date=day(ago))


@EACH_VERB
def test_r8_the_day_after_the_closing_date_is_open(verb: Verb, close_books: Any) -> None:
    here = clinic()
    close_books(day(3))
    assert dates_written(lambda: verb(here, date=day(2))) == {day(2)}


@EACH_VERB
def test_a_future_date_is_refused(verb: Verb) -> None:
    here = clinic()
    with refused("The date is in the future.", field="date"):
        verb(here, date=day(-1))


@EACH_VERB
def test_all_rows_of_a_verb_share_the_typed_date(verb: Verb) -> None:
    here = clinic()
    assert dates_written(lambda: verb(here, date=day(1))) == {day(1)}


@pytest.mark.parametrize("verb", MOVING_VERBS.values(), ids=MOVING_VERBS)
def test_the_typed_date_moves_to_the_latest_row_it_touches(verb: Verb) -> None:
    """The typed date lies before the receipts (26, 28 and 24 days ago) or the lines (30, 25)."""
    here = clinic()
    (date,) = dates_written(lambda: verb(here, date=day(60)))
    latest = LATEST.get(verb, 60)
    assert date == day(latest)


@EACH_VERB
def test_r8_a_date_that_moved_is_checked_again(verb: Verb, close_books: Any) -> None:
    """Nothing lands in the closed period by moving, and a closed typed date is never moved out."""
    here = clinic()
    close_books(day(20))
    before = digest()
    with pytest.raises(ledger.LedgerError, match="closed period"):
        verb(here, date=day(60))
    assert digest() == before


def test_r8_reopening_is_a_move_back_of_the_closing_date(close_books: Any) -> None:
    here = clinic()
    verb = DATED_VERBS["allocate of a patient"]
    close_books(day(3))
    with pytest.raises(ledger.LedgerError):
        verb(here, date=day(5))
    close_books(day(10))
    assert dates_written(lambda: verb(here, date=day(5))) == {day(5)}


# --- The latest row wins -------------------------------------------------------------------------


def test_an_allocation_is_never_before_its_line_or_its_receipt(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, ago=10)
    late = LineFactory(patient=smith, provider=dr1, ago=5)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=20)
    for each, date in ((line, day(10)), (late, day(5)), (line, day(5))):
        posted = ledger.allocate(
            by=ana, payment=receipt, entries=entries({each: "10"}), date=day(15)
        )
        assert [row.date for row in posted.allocations] == [date]


def test_lines_of_one_verb_are_all_dated_the_latest_of_them(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, blueriver: Payer
) -> None:
    old = LineFactory(patient=smith, provider=dr1, ago=30)
    new = LineFactory(patient=okafor, provider=dr1, ago=4)
    written = dates_written(
        lambda: ledger.record_payment(
            by=ana,
            payer=blueriver,
            amount=money(100),
            method="check",
            date=day(20),
            entries=entries({old: ("50", "10"), new: "50"}),
        )
    )
    assert written == {day(4)}


def test_a_write_off_alone_is_never_before_the_payment_it_comes_with(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, ago=30)
    check = InsurancePaymentFactory(payer=blueriver, ago=5)
    written = dates_written(
        lambda: ledger.allocate(
            by=ana, payment=check, entries=entries({line: ("0", "10")}), date=day(10)
        )
    )
    assert written == {day(5)}


def test_a_reversal_is_not_before_what_was_allocated_or_refunded_since(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, ago=30)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=20)
    ledger.allocate(by=ana, payment=receipt, entries=entries({line: "10"}), date=day(9))
    RefundFactory(payment=receipt, amount="5", ago=6)
    written = dates_written(
        lambda: ledger.reverse(by=ana, payment=receipt, date=day(15), reason="Bounced")
    )
    assert written == {day(6)}


def test_a_reversed_transfer_is_not_before_what_happened_on_the_other_account(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=20)
    moved = TransferFactory(payment=receipt, amount="50", provider=dr2, ago=15)
    RefundFactory(payment=moved, amount="5", ago=2)
    written = dates_written(
        lambda: ledger.reverse(by=ana, payment=receipt, date=day(10), reason="Bounced")
    )
    assert written == {day(2)}


def test_a_void_is_dated_later_than_its_payment_only_where_later_rows_ask_for_it(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, ago=30)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=20)
    ledger.allocate(by=ana, payment=receipt, entries=entries({line: "10"}), date=day(9))
    written = dates_written(lambda: ledger.void(by=ana, payment=receipt, reason="Typing error"))
    assert written == {day(9)}


def test_covering_is_not_before_the_reversal_it_covers(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, ago=30)
    bounced = PaymentFactory(patient=smith, provider=dr1, ago=20, on={line: "20"})
    ledger.reverse(by=ana, payment=bounced, date=day(4), reason="Bounced", unpay_lines=False)
    cover = PaymentFactory(patient=smith, provider=dr1, amount="50", ago=10)
    assert cover.date == day(4)
    assert {row.date for row in Allocation.objects.filter(payment=cover)} == {day(4)}


def test_r8_every_line_and_receipt_as_of_a_day_is_a_prefix_of_its_history(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """FIELD §2.9: what was true at the end of a month stays true for ever."""

    def as_of(date: datetime.date) -> tuple[Any, Any]:
        rows = Allocation.objects.filter(date__lte=date)
        return (
            sum(row.amount for row in rows.filter(line=line)),
            sum(row.amount for row in rows.filter(payment=receipt)),
        )

    line = LineFactory(patient=smith, provider=dr1, amount="50", ago=60)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=50)
    ledger.allocate(by=ana, payment=receipt, entries=entries({line: "20"}), date=day(30))
    january, february = as_of(day(40)), as_of(day(20))
    assert (january, february) == ((0, 0), (20, 20))
    ledger.unpay(by=ana, payment=receipt, date=day(45), reason="Wrong line")
    ledger.reverse(by=ana, payment=receipt, date=day(5), reason="Bounced")
    assert (as_of(day(40)), as_of(day(31))) == (january, january)
    dates = [row.date for row in Allocation.objects.order_by("pk")]
    assert dates == sorted(dates)
    assert (owing(line), free(receipt)) == ((0, 50), 0)


def test_r8_a_correction_lands_in_the_open_period_and_points_back(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=50)
    close_books(day(31))
    row = ledger.reverse(by=ana, payment=receipt, date=day(20), reason="Bounced").payment
    assert row
    assert (row.date, row.original) == (day(20), receipt)
    receipt.refresh_from_db()
    assert receipt.date == day(50)


def test_the_clock_is_kept_beside_the_date(ana: Any, blueriver: Payer) -> None:
    check = InsurancePaymentFactory(payer=blueriver, ago=12)
    assert check.date == day(12)
    assert check.created_at.date() >= day(1)
