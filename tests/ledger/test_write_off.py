"""write_off: something comes off many lines at once, of any patients, for one reason."""

from typing import Any
from uuid import uuid4

import pytest

from billing import ledger
from billing.models import Adjustment, AdjustmentKind, InvoiceLine
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PaymentFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import digest, figures, free, owing, paying, refused


def off(on: dict[InvoiceLine, str]) -> list[Entry]:
    return entries({line: ("0", amount) for line, amount in on.items()})


def write_off(by: Any, on: Any, **more: Any) -> ledger.Posted:
    typed = off(on) if isinstance(on, dict) else on
    what = {
        "kind": AdjustmentKind.SMALL_BALANCE,
        "date": day(0),
        "reason": "Not worth a stamp",
        **more,
    }
    return ledger.write_off(by=by, entries=typed, **what)


def test_lines_of_several_patients_and_providers_owe_less_to_the_cent(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider
) -> None:
    first = LineFactory(patient=smith, provider=dr1, amount="50")
    second = LineFactory(patient=smith, provider=dr2, amount="0.99")
    hers = LineFactory(patient=okafor, provider=dr1, amount="10")
    posted = write_off(ana, {first: "4.99", second: "0.99", hers: "0.01"}, carc="45")
    assert [(row.line, row.amount) for row in posted.adjustments] == [
        (first, money("4.99")),
        (second, money("0.99")),
        (hers, money("0.01")),
    ]
    for row in Adjustment.objects.all():
        assert (row.kind, row.reason, row.carc, row.date, row.created_by, row.payment) == (
            "small_balance",
            "Not worth a stamp",
            "45",
            day(0),
            ana,
            None,
        )
    assert figures(smith, dr1) == (money("45.01"), 0, money("45.01"))
    assert figures(smith, dr2) == (0, 0, 0)
    assert figures(okafor, dr1) == (money("9.99"), 0, money("9.99"))


def test_money_on_the_lines_and_credit_stay_as_they_were(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="10", on={line: ("10", "5")})
    write_off(ana, {line: "15"})
    assert owing(line) == (30, 0)
    assert paying(line) == {receipt.number: 20, check.number: 10}
    assert (free(receipt), free(check)) == (10, 0)


def test_a_negative_amount_puts_something_back_beside_one_that_takes_off(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    down, up = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    write_off(ana, {down: "50", up: "50"})
    write_off(ana, {up: "-20.01"})
    assert (owing(down), owing(up)) == ((0, 0), (0, money("20.01")))


def test_empty_boxes_are_nothing(ana: Any, smith: Patient, dr1: Provider) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    assert len(write_off(ana, {line: "5", other: "0"}).adjustments) == 1
    assert owing(other) == (0, 50)


def test_one_cent_more_than_a_line_owes_is_refused_and_the_others_stay(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line, full = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={full: "20"})
    with refused("This line only owes 30.00.", line=full):
        write_off(ana, {line: "5", full: "30.01"})
    write_off(ana, {line: "5", full: "30"})


def test_nothing_at_all_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    for typed in ({}, {line: "0"}):
        with refused("Enter how much to write off.", field="amount"):
            write_off(ana, typed)


def test_an_amount_in_the_wrong_box_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    """A write-off pays nothing."""
    line = LineFactory(patient=smith, provider=dr1)
    for typed in (Entry(line.pk, money(5)), Entry(line.pk, money(5), money(5))):
        with refused("A write-off brings no money; enter it as a payment.", line=line):
            write_off(ana, [typed])


def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    for reason in ("", " \t"):
        with refused("Choose a reason.", field="reason"):
            write_off(ana, {line: "5"}, reason=reason)


def test_a_line_that_stands_twice_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    with refused("A line stands on this form twice. Open the form afresh."):
        write_off(ana, [*off({line: "60"}), *off({line: "60"})])


def test_drafts_and_lines_that_are_gone_are_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    draft = InvoiceFactory(patient=smith, provider=dr1, issued=False).lines.get()
    with refused("That invoice line does not exist.", line=draft):
        write_off(ana, {line: "5", draft: "5"})
    with refused("That invoice line does not exist."):
        write_off(ana, [Entry(987654, write_off=money(5))])


def test_a_line_that_changed_since_the_screen_was_drawn_is_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    seen = line.seen
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    with refused(None, line=line, error=ledger.StaleLineError):
        write_off(ana, [Entry(line.pk, write_off=money(5), seen=seen)])
    write_off(ana, [Entry(line.pk, write_off=money(5), seen=InvoiceLine.objects.get().seen)])


def test_r8_all_lines_share_the_latest_date_and_none_is_closed(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, close_books: Any
) -> None:
    old = LineFactory(patient=smith, provider=dr1, ago=40)
    new = LineFactory(patient=okafor, provider=dr1, ago=10)
    close_books(day(20))
    with refused(None):
        write_off(ana, {old: "1"}, date=day(20))
    posted = write_off(ana, {old: "1", new: "1"}, date=day(19))
    assert [row.date for row in posted.adjustments] == [day(10), day(10)]
    with refused("The date is in the future.", field="date"):
        write_off(ana, {old: "1"}, date=day(-1))


def test_r10_sent_twice_it_is_written_off_once_though_it_would_fit_twice(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    key = uuid4()
    write_off(ana, {line: "5", other: "5"}, key=key)
    after = digest()
    assert write_off(ana, {line: "5", other: "5"}, key=key).replayed
    assert digest() == after
    with refused(None):
        write_off(ana, {line: "5", other: "6"}, key=key)


@pytest.mark.parametrize("unpay_lines", [True, False])
def test_what_is_written_off_beside_a_payment_stays_when_that_bounces(
    ana: Any, smith: Patient, dr1: Provider, unpay_lines: bool
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="45", on={line: "45"})
    write_off(ana, {line: "5"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="x", unpay_lines=unpay_lines)
    assert figures(smith, dr1)[2] == 45
    line.refresh_from_db()
    assert line.adjusted == 5
