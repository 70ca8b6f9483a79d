"""allocate_credit: Credit allocation; plus pays a line from the account's credit, minus un-pays."""

from typing import Any

import pytest

from billing import ledger
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying, refused


def move(by: Any, patient: Patient, provider: Provider, on: dict[Any, Any]) -> ledger.Posted:
    return ledger.allocate_credit(
        by=by, patient=patient, provider=provider, entries=entries(on), date=day(0)
    )


def test_r6_credit_pays_lines_oldest_receipt_first(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    new = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=5)
    old = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=15)
    assert figures(smith, dr1) == (50, 60, -10)
    move(ana, smith, dr1, {line: "40"})
    assert paying(line) == {old.number: 30, new.number: 10}
    assert figures(smith, dr1) == (10, 20, -10)


def test_a_minus_un_pays_the_newest_receipt_first(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    old = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=15, on={line: "30"})
    new = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=5, on={line: "30"})
    move(ana, smith, dr1, {line: "-40"})
    assert (free(old), free(new)) == (10, 30)
    assert paying(line) == {old.number: 20}


def test_a_minus_un_pays_a_reversed_receipt_before_all_others(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="60")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=15, on={line: "30"})
    new = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=5, on={line: "30"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    posted = move(ana, smith, dr1, {line: "-40"})
    assert [(row.payment, row.amount) for row in posted.allocations] == [(bounced, -30), (new, -10)]
    assert (free(bounced), free(new)) == (0, 10)
    assert figures(smith, dr1) == (40, 10, 30)


def test_the_fix_over_several_lines_at_once(ana: Any, smith: Patient, dr1: Provider) -> None:
    """FIELD §5: it may need several lines, and each in part."""
    one, two = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="60", on={one: "40", two: "20"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    assert figures(smith, dr1) == (40, -60, 100)
    move(ana, smith, dr1, {one: "-30"})
    assert figures(smith, dr1) == (70, -30, 100)
    move(ana, smith, dr1, {one: "-10", two: "-20"})
    assert figures(smith, dr1) == (100, 0, 100)


def test_un_paying_comes_first_so_one_line_can_pay_another(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    wrong, right = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50", on={wrong: "50"})
    move(ana, smith, dr1, {right: "50", wrong: "-50"})
    assert owing(wrong) == (0, 50)
    assert paying(right) == {receipt.number: 50}
    assert figures(smith, dr1) == (50, 0, 50)


def test_money_of_a_reversed_receipt_pays_nothing_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    wrong, right = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="50", on={wrong: "50"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    with refused("50.00 more than the credit available.", line=right):
        move(ana, smith, dr1, {wrong: "-50", right: "50"})


def test_un_paid_credit_covers_what_another_reversed_receipt_pays(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """R7: covering runs last here as well."""
    one, two = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="30", on={one: "30"})
    standing = PaymentFactory(patient=smith, provider=dr1, amount="50", on={two: "50"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    assert figures(smith, dr1) == (20, -30, 50)
    move(ana, smith, dr1, {two: "-40"})
    assert paying(one) == {standing.number: 30}
    assert figures(smith, dr1) == (60, 10, 50)


@pytest.mark.parametrize(("typed", "over"), [("30.01", "0.01"), ("45", "15.00")])
def test_more_than_the_credit_available_is_refused(
    ana: Any, smith: Patient, dr1: Provider, typed: str, over: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    PaymentFactory(patient=smith, provider=dr1, amount="30")
    with refused(f"{over} more than the credit available.", line=line):
        move(ana, smith, dr1, {line: typed})
    move(ana, smith, dr1, {line: "30"})


def test_negative_credit_pays_nothing(ana: Any, smith: Patient, dr1: Provider) -> None:
    one, two = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={one: "20"})
    ledger.reverse(by=ana, payment=bounced, date=day(1), reason="Bounced", unpay_lines=False)
    with refused("0.01 more than the credit available.", line=two):
        move(ana, smith, dr1, {two: "0.01"})


def test_r2_more_than_a_line_owes_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="20")
    PaymentFactory(patient=smith, provider=dr1, amount="30")
    with refused("This line only owes 20.00.", line=line):
        move(ana, smith, dr1, {line: "20.01"})


@pytest.mark.parametrize("typed", ["-20.01", "-100"])
def test_r2_un_paying_more_than_was_paid_is_refused(
    ana: Any, smith: Patient, dr1: Provider, typed: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    with refused("You can un-pay at most 20.00 on this line.", line=line):
        move(ana, smith, dr1, {line: typed})
    move(ana, smith, dr1, {line: "-20"})


def test_insurer_money_is_never_un_paid_from_a_patients_screen(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    InsurancePaymentFactory(payer=blueriver, amount="60", on={line: "60"})
    with refused("You can un-pay at most 20.00 on this line.", line=line):
        move(ana, smith, dr1, {line: "-20.01"})


def test_a_line_of_another_account_is_refused(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider
) -> None:
    PaymentFactory(patient=smith, provider=dr1, amount="30")
    for line in (
        LineFactory(patient=smith, provider=dr2),
        LineFactory(patient=okafor, provider=dr1),
    ):
        with refused(f"{line.invoice} is not on this account.", line=line):
            move(ana, smith, dr1, {line: "10"})
        with refused(f"{line.invoice} is not on this account.", line=line):
            move(ana, smith, dr1, {line: "-10"})


def test_credit_with_another_provider_is_not_used(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    PaymentFactory(patient=smith, provider=dr2, amount="30")
    with refused("10.00 more than the credit available.", line=line):
        move(ana, smith, dr1, {line: "10"})


def test_what_is_left_of_an_insurers_check_is_not_patient_credit(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    InsurancePaymentFactory(payer=blueriver, amount="300", on={line: "10"})
    with refused("0.01 more than the credit available.", line=line):
        move(ana, smith, dr1, {line: "0.01"})


def test_a_line_that_changed_since_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    PaymentFactory(patient=smith, provider=dr1, amount="30")
    stale = [Entry(line.pk, money(10), seen=line.seen)]
    move(ana, smith, dr1, {line: "5"})
    with pytest.raises(ledger.StaleLineError):
        ledger.allocate_credit(by=ana, patient=smith, provider=dr1, entries=stale, date=day(0))
    assert owing(line) == (5, 95)


def test_un_paying_a_line_named_twice_is_never_an_error_of_the_database(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    twice = [Entry(line.pk, money(-20)), Entry(line.pk, money(-20))]
    with refused(None):
        ledger.allocate_credit(by=ana, patient=smith, provider=dr1, entries=twice, date=day(0))


def test_un_paying_rows_say_why(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    posted = move(ana, smith, dr1, {line: "-30"})
    assert [bool(row.reason) for row in posted.allocations] == [True]
