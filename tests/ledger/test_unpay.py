"""unpay: a patient's money comes off lines and is credit again."""

from typing import Any

import pytest

from billing import ledger
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.ledger.books import figures, free, owing, paying, refused


def unpay(by: Any, **what: Any) -> ledger.Posted:
    return ledger.unpay(**{"by": by, "date": day(0), "reason": "Wrong line", **what})


def test_a_payment_is_taken_off_every_line_it_pays(ana: Any, smith: Patient, dr1: Provider) -> None:
    one, two = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    other = PaymentFactory(patient=smith, provider=dr1, amount="5", on={one: "5"})
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="60", on={one: "40", two: "20"})
    net = figures(smith, dr1)[2]
    posted = unpay(ana, payment=receipt)
    assert free(receipt) == 60
    assert paying(one) == {other.number: 5}
    assert owing(two) == (0, 50)
    assert figures(smith, dr1) == (95, 60, net)
    assert {(row.reason, row.created_by) for row in posted.allocations} == {("Wrong line", ana)}


def test_un_paying_part_of_a_line(ana: Any, smith: Patient, dr1: Provider) -> None:
    """FIELD §2.5: un-pay 5 of 20 → line 35, credit 5."""
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    unpay(ana, line=line, amount=money(5))
    assert owing(line) == (15, 35)
    assert figures(smith, dr1) == (35, 5, 30)
    unpay(ana, line=line, amount=money("14.99"))
    assert (free(receipt), owing(line)) == (money("19.99"), (money("0.01"), money("49.99")))


def test_it_touches_one_line_and_one_payment_only(ana: Any, smith: Patient, dr1: Provider) -> None:
    """FIELD A3: never collateral."""
    one, two = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    first = PaymentFactory(patient=smith, provider=dr1, amount="30", on={one: "20", two: "10"})
    second = PaymentFactory(patient=smith, provider=dr1, amount="30", on={one: "20", two: "10"})
    unpay(ana, line=one, amount=money(20), payment=first)
    assert paying(one) == {second.number: 20}
    assert paying(two) == {first.number: 10, second.number: 10}
    assert (free(first), free(second)) == (20, 0)


def test_from_a_line_the_reversed_come_first_then_the_newest(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    oldest, bounced, newest = (
        PaymentFactory(patient=smith, provider=dr1, amount="20", ago=ago, on={line: "20"})
        for ago in (20, 15, 10)
    )
    ledger.reverse(by=ana, payment=bounced, date=day(2), reason="Bounced", unpay_lines=False)
    posted = unpay(ana, line=line, amount=money(45))
    assert [(row.payment, row.amount) for row in posted.allocations] == [
        (bounced, -20),
        (newest, -20),
        (oldest, -5),
    ]
    assert (free(oldest), free(bounced), free(newest)) == (5, 0, 20)


def test_of_two_receipts_of_one_day_the_later_entered_is_the_newest(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    first, second = (
        PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"}) for _ in "12"
    )
    unpay(ana, line=line, amount=money(20))
    assert (free(first), free(second)) == (0, 20)


def test_r2_no_more_than_was_paid_comes_off(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    first = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    PaymentFactory(patient=smith, provider=dr1, amount="10", on={line: "10"})
    with refused("You can un-pay at most 30.00 on this line.", line=line):
        unpay(ana, line=line, amount=money("30.01"))
    with refused("You can un-pay at most 20.00 on this line.", line=line):
        unpay(ana, line=line, amount=money("20.01"), payment=first)
    unpay(ana, line=line, amount=money(30))
    assert owing(line) == (0, 60)


def test_insurer_money_on_the_line_stays(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    check = InsurancePaymentFactory(payer=blueriver, amount="40", on={line: "40"})
    with refused("You can un-pay at most 0.00 on this line.", line=line):
        unpay(ana, line=line, amount=money(1))
    for what in ({"payment": check}, {"payment": check, "line": line, "amount": money(5)}):
        with refused("Insurer money is un-paid from its own payment."):
            unpay(ana, **what)


@pytest.mark.parametrize("amount", [None, "0", "-5"])
def test_an_amount_has_to_be_above_nothing(
    ana: Any, smith: Patient, dr1: Provider, amount: str | None
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    with refused("Enter how much to un-pay.", field="amount"):
        unpay(ana, line=line, amount=None if amount is None else money(amount))


def test_a_payment_that_pays_nothing_or_nothing_named_is_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    with refused("This payment pays no line."):
        unpay(ana, payment=receipt)
    with refused("Choose the payment or the line to un-pay."):
        unpay(ana)


@pytest.mark.parametrize("reason", ["", "  "])
def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider, reason: str) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, on={line: "20"})
    with refused("Choose a reason.", field="reason"):
        unpay(ana, payment=receipt, reason=reason)
    with refused("Choose a reason.", field="reason"):
        unpay(ana, line=line, amount=money(5), reason=reason)


def test_un_paying_and_allocating_again_is_as_if_nothing_was(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """FIELD §2.11 (4): the identity on balances, though not on history."""
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    before = figures(smith, dr1)
    unpay(ana, payment=receipt)
    ledger.allocate_credit(
        by=ana,
        patient=smith,
        provider=dr1,
        entries=[Entry(line.pk, money(20))],
        date=day(0),
    )
    assert figures(smith, dr1) == before
    assert receipt.allocations.count() == 3


def test_un_paying_a_reversed_payment_brings_credit_back_to_nothing(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    ledger.reverse(by=ana, payment=receipt, date=day(1), reason="Bounced", unpay_lines=False)
    unpay(ana, payment=receipt)
    assert figures(smith, dr1) == (50, 0, 50)


def test_what_becomes_credit_covers_a_reversed_receipt_even_on_the_same_line(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """R7: the standing receipt that was named is put back where the reversed one paid."""
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    standing = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    unpay(ana, line=line, amount=money(30), payment=standing)
    assert paying(line) == {standing.number: 20}
    assert figures(smith, dr1) == (30, 10, 20)
