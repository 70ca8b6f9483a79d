"""allocate: money of a saved receipt is put on lines."""

from typing import Any

import pytest

from billing import ledger
from billing.models import Allocation, Payment
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import Amount, day, entries, money
from tests.ledger.books import figures, free, owing, paying, refused, transfers


def allocate(by: Any, payment: Payment, on: dict[Any, Any], ago: int = 0) -> ledger.Posted:
    return ledger.allocate(by=by, payment=payment, entries=entries(on), date=day(ago))


def test_r6_allocating_moves_credit_to_the_line_and_never_changes_net(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20")
    posted = allocate(ana, receipt, {line: "12.34"})
    assert [(row.payment, row.line, row.amount) for row in posted.allocations] == [
        (receipt, line, money("12.34"))
    ]
    assert free(receipt) == money("7.66")
    assert owing(line) == (money("12.34"), money("37.66"))
    assert figures(smith, dr1) == (money("37.66"), money("7.66"), 30)


def test_the_rows_say_who_and_when(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1)
    allocate(ana, receipt, {line: "20"}, ago=3)
    row = Allocation.objects.get()
    assert (row.created_by, row.date) == (ana, day(3))


@pytest.mark.parametrize("typed", ["20", "19.99"])
def test_boundaries_what_is_left_and_a_cent_less_fit(
    ana: Any, smith: Patient, dr1: Provider, typed: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="20")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20")
    allocate(ana, receipt, {line: typed})
    assert owing(line) == (money(typed), 20 - money(typed))


def test_r3_a_cent_more_than_is_left_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "5"})
    sentence = "$0.01 too much is allocated. Lower some lines or correct Amount."
    with refused(sentence, field="amount"):
        allocate(ana, receipt, {line: "15.01"})
    allocate(ana, receipt, {line: "15"})


def test_r3_refunded_money_cannot_be_allocated(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20")
    RefundFactory(payment=receipt, amount="15")
    sentence = "$0.01 too much is allocated. Lower some lines or correct Amount."
    with refused(sentence, field="amount"):
        allocate(ana, receipt, {line: "5.01"})


def test_r2_more_than_the_line_owes_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="10")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20")
    with refused("This line only owes 10.00.", line=line):
        allocate(ana, receipt, {line: "10.01"})


def test_of_several_lines_one_bad_one_refuses_them_all(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    good = LineFactory(patient=smith, provider=dr1, amount="10")
    bad = LineFactory(patient=smith, provider=dr1, amount="10")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50")
    with refused("This line only owes 10.00.", line=bad):
        allocate(ana, receipt, {good: "10", bad: "10.01"})


@pytest.mark.parametrize("how", ["reversed", "deleted"])
def test_an_undone_receipt_pays_nothing_more(
    ana: Any, smith: Patient, dr1: Provider, how: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1)
    what: dict[str, Any] = {"by": ana, "payment": receipt, "reason": "Bounced"}
    if how == "deleted":
        ledger.void(**what)
    else:
        ledger.reverse(**what, date=day(0))
    with pytest.raises(ledger.AlreadyUndoneError) as error:
        allocate(ana, receipt, {line: "20"})
    assert str(error.value).startswith(f"This payment was already {how} at ")
    assert str(error.value).endswith(" by Ana.")
    assert owing(line) == (0, 100)


def test_a_refund_or_reversal_row_is_not_money_in(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1)
    row = RefundFactory(payment=receipt, amount="5")
    with refused("Only money that came in can be allocated."):
        allocate(ana, row, {line: "1"})


def test_r5_another_patients_line_is_refused_and_an_insurer_may_pay_it(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, blueriver: Payer
) -> None:
    hers = LineFactory(patient=okafor, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1)
    sentence = f"{hers.invoice} belongs to another patient; this payment cannot pay it."
    with refused(sentence, line=hers):
        allocate(ana, receipt, {hers: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="20")
    allocate(ana, check, {hers: "20"})
    assert owing(hers) == (20, 80)


def test_a_minus_is_refused_to_a_patients_receipt(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, on={line: "20"})
    with refused("To un-pay a line, use Credit allocation.", line=line):
        allocate(ana, receipt, {line: "-5"})


def test_r5_another_providers_line_writes_a_transfer_pair(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    theirs = LineFactory(patient=smith, provider=dr2, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50")
    allocate(ana, receipt, {theirs: "15"})
    allocate(ana, receipt, {theirs: "10"})
    assert transfers(smith) == [
        ("transfer_out", "Dr 1", -15, False),
        ("transfer_in", "Dr 2", 15, False),
        ("transfer_out", "Dr 1", -10, False),
        ("transfer_in", "Dr 2", 10, False),
    ]
    assert figures(smith, dr1) == (0, 25, -25)
    assert figures(smith, dr2) == (15, 0, 15)
    assert free(receipt) == 25


def test_money_that_was_transferred_in_can_be_allocated(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr2, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50")
    moved = TransferFactory(payment=receipt, amount="30", provider=dr2)
    allocate(ana, moved, {line: "30"})
    assert paying(line) == {moved.number: 30}


def test_an_insurers_payment_can_be_finished_later(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    one, two = (LineFactory(patient=smith, provider=dr1) for _ in range(2))
    check = InsurancePaymentFactory(payer=blueriver, amount="150", on={one: ("80", "20")})
    assert free(check) == 70
    allocate(ana, check, {two: ("70", "25")})
    assert free(check) == 0
    assert owing(two) == (70, 5)
    with refused(
        "$5.00 too much is allocated. Lower some lines or correct Amount.", field="amount"
    ):
        allocate(ana, check, {two: "5"})


def test_an_insurers_money_is_taken_off_a_line_from_its_own_payment(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, blueriver: Payer
) -> None:
    wrong = LineFactory(patient=smith, provider=dr1)
    right = LineFactory(patient=okafor, provider=dr1)
    check = InsurancePaymentFactory(payer=blueriver, amount="80", on={wrong: "80"})
    allocate(ana, check, {wrong: "-80", right: "80"})
    assert owing(wrong) == (0, 100)
    assert owing(right) == (80, 20)
    assert free(check) == 0


def test_finishing_an_insurers_payment_releases_a_copay(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="90")
    posted = allocate(ana, check, {line: "90"})
    assert [row.payment for row in posted.released] == [copay]
    assert free(copay) == 10


def test_nothing_typed_writes_nothing(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1)
    assert allocate(ana, receipt, {line: "0"}).allocations == []


@pytest.mark.parametrize("typed", [["10", "10"], ["15", "15"], ["30", "30"]])
def test_a_line_named_twice_counts_twice_or_is_refused_with_a_sentence(
    ana: Any, smith: Patient, dr1: Provider, typed: list[Amount]
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="25")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    twice = [Entry(line.pk, money(each)) for each in typed]
    try:
        ledger.allocate(by=ana, payment=receipt, entries=twice, date=day(0))
    except ledger.LedgerError:
        assert owing(line) == (0, 25)
    else:
        assert owing(line) == (20, 5)


def test_an_insurers_line_named_twice_is_never_an_error_of_the_database(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="200")
    twice = [Entry(line.pk, money(95)), Entry(line.pk, money(10))]
    with refused(None):
        ledger.allocate(by=ana, payment=check, entries=twice, date=day(0))


def test_takebacks_of_a_line_named_twice_add_up(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """R2: neither alone is too much, both together are."""
    line = LineFactory(patient=smith, provider=dr1)
    check = InsurancePaymentFactory(payer=blueriver, amount="50", on={line: "50"})
    twice = [Entry(line.pk, money(-30)), Entry(line.pk, money(-30))]
    with refused(None):
        ledger.allocate(by=ana, payment=check, entries=twice, date=day(0))
