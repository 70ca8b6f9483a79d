"""A guarantor's one payment pays lines of the whole family, through transfer pairs (R5)."""

from typing import Any

import pytest

from billing import ledger
from billing.models import Payment
from patients.models import Patient, Provider
from tests.factories import LineFactory, PatientFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying, refused, transfers


@pytest.fixture
def child(smith: Patient) -> Patient:
    return PatientFactory(family_name="Smith", given_name="Kim", guarantor=smith)


def pay(by: Any, patient: Patient, provider: Provider, amount: str, on: Any) -> Payment:
    return ledger.record_payment(
        by=by,
        patient=patient,
        provider=provider,
        amount=money(amount),
        method="card",
        date=day(0),
        entries=entries(on),
    ).receipt


def test_one_payment_pays_the_guarantors_line_and_the_childs(
    ana: Any, smith: Patient, child: Patient, dr1: Provider, dr2: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="50")
    same, other = (LineFactory(patient=child, provider=dr, amount="40") for dr in (dr1, dr2))
    receipt = pay(ana, smith, dr1, "100", {own: "50", same: "30", other: "15"})
    assert [owing(line) for line in (own, same, other)] == [(50, 0), (30, 10), (15, 25)]
    assert free(receipt) == 5
    assert figures(smith, dr1) == (0, 5, -5)
    assert figures(child, dr1) == (10, 0, 10)
    assert figures(child, dr2) == (25, 0, 25)
    assert paying(same) == {"T-0001": 30}
    assert transfers(child) == [
        ("transfer_in", "Dr 1", 30, False),
        ("transfer_in", "Dr 2", 15, False),
    ]


def test_reversing_it_unpays_the_childs_lines_too(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = pay(ana, smith, dr1, "100", {line: "40"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    assert owing(line) == (0, 40)
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(child, dr1) == (40, 0, 40)


def test_the_childs_own_payment_pays_nobody_elses_line(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    sentence = f"{line.invoice} belongs to another patient; this payment cannot pay it."
    with refused(sentence, line=line):
        pay(ana, child, dr1, "50", {line: "50"})


def test_more_than_was_received_is_refused_over_all_accounts_together(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="50")
    other = LineFactory(patient=child, provider=dr1, amount="50")
    sentence = "$0.01 too much is allocated. Lower some lines or correct Amount."
    with refused(sentence, field="amount"):
        pay(ana, smith, dr1, "99.99", {own: "50", other: "50"})


def test_who_is_no_longer_the_guarantor_cannot_pay(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="40")
    Patient.objects.filter(pk=child.pk).update(guarantor=None)
    with refused(None, line=line):
        ledger.allocate(by=ana, payment=receipt, entries=entries({line: "40"}), date=day(0))


def test_a_saved_receipt_of_the_guarantor_pays_the_childs_line_later(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=20)
    posted = ledger.allocate(by=ana, payment=receipt, entries=entries({line: "39.99"}), date=day(4))
    assert {row.date for row in posted.allocations} == {day(4)}
    assert {row.date for row in Payment.objects.exclude(pk=receipt.pk)} == {day(4)}
    assert owing(line) == (money("39.99"), money("0.01"))
    assert free(receipt) == money("60.01")
    assert figures(child, dr1) == (money("0.01"), 0, money("0.01"))


def test_siblings_a_stranger_and_a_guarantors_guarantor_are_paid_by_nobody_here(
    ana: Any, smith: Patient, child: Patient, okafor: Patient, dr1: Provider
) -> None:
    """One step only: who pays for whom is what their chart says."""
    sibling = PatientFactory(guarantor=smith)
    grandchild = PatientFactory(guarantor=child)
    for payer_of, whose in (
        (child, sibling),
        (smith, grandchild),
        (smith, okafor),
        (okafor, child),
        (grandchild, child),
    ):
        line = LineFactory(patient=whose, provider=dr1, amount="5")
        sentence = f"{line.invoice} belongs to another patient; this payment cannot pay it."
        with refused(sentence, line=line):
            pay(ana, payer_of, dr1, "5", {line: "5"})


def test_what_a_child_was_given_pays_the_childs_lines_only(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    mothers = LineFactory(patient=smith, provider=dr1, amount="40")
    pay(ana, smith, dr1, "40", {line: "40"})
    into = Payment.objects.get(patient=child)
    ledger.unpay(by=ana, payment=into, date=day(0), reason="Wrong line")
    assert figures(child, dr1) == (40, 40, 0)
    assert figures(smith, dr1) == (40, 0, 40)
    with refused(None, line=mothers):
        ledger.allocate(by=ana, payment=into, entries=entries({mothers: "40"}), date=day(0))


def test_credit_allocation_pays_the_accounts_own_lines_only(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    PaymentFactory(patient=smith, provider=dr1, amount="40")
    with refused(f"{line.invoice} is not on this account.", line=line):
        ledger.allocate_credit(
            by=ana, patient=smith, provider=dr1, entries=entries({line: "40"}), date=day(0)
        )


def test_un_paying_the_payment_leaves_what_was_moved_to_the_child(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="50")
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = pay(ana, smith, dr1, "90", {own: "50", line: "40"})
    ledger.unpay(by=ana, payment=receipt, date=day(0), reason="Wrong line")
    assert (owing(own), owing(line)) == ((0, 50), (40, 0))
    assert figures(smith, dr1) == (50, 50, 0)
    assert figures(child, dr1) == (0, 0, 0)


def test_reversed_with_its_lines_left_paid_each_account_carries_its_own_negative(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="50")
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = pay(ana, smith, dr1, "100", {own: "50", line: "40"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced", unpay_lines=False)
    assert figures(smith, dr1) == (0, -50, 50)
    assert figures(child, dr1) == (0, -40, 40)
    # The child's next payment covers the child's line and nothing else.
    cover = pay(ana, child, dr1, "60", {})
    assert paying(line) == {cover.number: 40}
    assert figures(child, dr1) == (0, 20, -20)
    assert figures(smith, dr1) == (0, -50, 50)


@pytest.mark.parametrize("how", ["void", "reverse"])
def test_undone_all_of_the_family_is_as_before(
    ana: Any, smith: Patient, child: Patient, dr1: Provider, dr2: Provider, how: str
) -> None:
    lines = [
        LineFactory(patient=patient, provider=dr, amount="50")
        for patient in (smith, child)
        for dr in (dr1, dr2)
    ]
    receipt = pay(ana, smith, dr1, "200", dict.fromkeys(lines, "50"))
    if how == "void":
        ledger.void(by=ana, payment=receipt, reason="Typing error")
    else:
        ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Error")
    assert [owing(line) for line in lines] == [(0, 50)] * 4
    assert {undone for *_rest, undone in transfers(child)} == {True}
    for patient in (smith, child):
        for dr in (dr1, dr2):
            assert figures(patient, dr) == (50, 0, 50)


def test_a_childs_line_that_is_voided_gives_the_money_to_the_childs_account(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = pay(ana, smith, dr1, "40", {line: "40"})
    ledger.void_line(by=ana, line=line, date=day(0), reason="Billed twice")
    assert figures(child, dr1) == (0, 40, -40)
    assert figures(smith, dr1) == (0, 0, 0)
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    assert figures(child, dr1) == (0, 0, 0)


def test_more_on_a_childs_line_than_it_owes_or_less_than_nothing_is_refused(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    for typed, sentence in (
        ("40.01", "This line only owes 40.00."),
        ("-1", "To un-pay a line, use Credit allocation."),
        (("1", "1"), "To un-pay a line, use Credit allocation."),
    ):
        with refused(sentence, line=line):
            pay(ana, smith, dr1, "100", {line: typed})
    assert transfers(child) == []


def test_the_childs_negative_credit_is_not_covered_by_the_guarantors_payment(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    """What is meant for another line pays that line; the bounced one waits (R7)."""
    bounced_line, line = (LineFactory(patient=child, provider=dr1, amount="40") for _ in range(2))
    bounced = PaymentFactory(patient=child, provider=dr1, amount="40", on={bounced_line: "40"})
    ledger.reverse(by=ana, payment=bounced, date=day(0), reason="Bounced", unpay_lines=False)
    pay(ana, smith, dr1, "100", {line: "40"})
    assert figures(child, dr1) == (0, -40, 40)
    assert figures(smith, dr1) == (0, 60, -60)


def test_r8_the_pair_and_the_childs_line_share_the_latest_date(
    ana: Any, smith: Patient, child: Patient, dr1: Provider, close_books: Any
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40", ago=5)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="40", ago=20)
    close_books(day(10))
    ledger.allocate(by=ana, payment=receipt, entries=entries({line: "40"}), date=day(9))
    assert {row.date for row in Payment.objects.exclude(pk=receipt.pk)} == {day(5)}
