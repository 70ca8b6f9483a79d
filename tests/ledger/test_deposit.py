"""deposit: receipts go to the bank on a slip, and cannot be deleted from then on."""

from typing import Any
from uuid import uuid4

import pytest

from billing import ledger
from billing.models import Deposit, DepositItem, Kind, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries
from tests.ledger.books import digest, figures, free, owing, paying, refused


def deposit(by: Any, *payments: Payment, ago: int = 0, **more: Any) -> Deposit:
    slip = ledger.deposit(by=by, payments=payments, date=day(ago), **more).deposit
    assert slip
    return slip


def on(slip: Deposit) -> list[Payment]:
    return [item.payment for item in slip.items.order_by("pk")]


def reverse(by: Any, payment: Payment) -> Payment:
    return ledger.reverse(by=by, payment=payment, date=day(0), reason="Bounced").receipt


# --- What it does --------------------------------------------------------------------------------


def test_receipts_of_patients_and_payers_go_on_one_numbered_slip(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=5)
    check = InsurancePaymentFactory(payer=blueriver, ago=4)
    other = PaymentFactory(patient=smith, provider=dr1, ago=3)
    slip = deposit(ana, check, receipt, ago=2)
    assert (slip.number, slip.date, slip.created_by) == ("D-0001", day(2), ana)
    assert on(slip) == [receipt, check]
    assert on(deposit(ana, other)) == [other]
    assert list(Deposit.objects.order_by("pk").values_list("number", flat=True)) == [
        "D-0001",
        "D-0002",
    ]


def test_no_figure_of_any_account_changes(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "20"})
    before = figures(smith, dr1), owing(line), paying(line), Payment.objects.values().get()
    deposit(ana, receipt)
    assert before == (
        figures(smith, dr1),
        owing(line),
        paying(line),
        Payment.objects.values().get(),
    )


def test_a_deposited_receipt_goes_on_being_allocated_refunded_and_transferred(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30")
    deposit(ana, receipt)
    ledger.allocate(by=ana, payment=receipt, entries=entries({line: "5"}), date=day(0))
    RefundFactory(payment=receipt, amount="5")
    TransferFactory(payment=receipt, amount="5", provider=dr2)
    assert free(receipt) == 15


def test_the_reversal_of_a_deposited_receipt_goes_on_a_later_slip(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30")
    first = deposit(ana, receipt, ago=3)
    bounced = reverse(ana, receipt)
    second = deposit(ana, bounced)
    assert (on(first), on(second)) == ([receipt], [bounced])
    assert figures(smith, dr1) == (0, 0, 0)


def test_refunds_and_their_reversals_are_money_of_the_bank(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30")
    paid_back = RefundFactory(payment=receipt, amount="10")
    never = reverse(ana, paid_back)
    slip = deposit(ana, receipt, paid_back, never)
    assert [row.kind for row in on(slip)] == [Kind.RECEIPT, Kind.REFUND, Kind.REVERSAL]


def test_a_receipt_that_was_reversed_and_its_reversal_may_lie_on_one_slip(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30")
    bounced = reverse(ana, receipt)
    assert sum(row.amount for row in on(deposit(ana, receipt, bounced))) == 0


def test_a_payment_named_twice_lies_on_the_slip_once(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    assert on(deposit(ana, receipt, Payment.objects.get(pk=receipt.pk))) == [receipt]


# --- What it refuses -----------------------------------------------------------------------------


def test_nothing_chosen_is_refused(ana: Any) -> None:
    with refused("Choose what goes to the bank."):
        deposit(ana)


def test_what_is_on_a_slip_already_is_refused_and_the_rest_stays_off_too(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    first, second = (PaymentFactory(patient=smith, provider=dr1) for _ in range(2))
    deposit(ana, first)
    with refused("R-0001 is on deposit slip D-0001 already."):
        deposit(ana, second, first)
    assert on(deposit(ana, second)) == [second]


def test_a_deleted_payment_is_refused_and_so_is_its_deletion(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt, fine = (PaymentFactory(patient=smith, provider=dr1) for _ in range(2))
    gone = ledger.void(by=ana, payment=receipt, reason="Typing error").receipt
    with refused("R-0001 was deleted."):
        deposit(ana, fine, receipt)
    with refused("R-0001 is no money for the bank: deleted payment."):
        deposit(ana, gone)


def test_transfers_bring_no_money_and_neither_does_undoing_them(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    into = TransferFactory(payment=receipt, amount="40", provider=dr2)
    assert into.original
    with refused("T-0001 is no money for the bank: transfer in."):
        deposit(ana, into)
    with refused("R-0001 is no money for the bank: transfer out."):
        deposit(ana, into.original)
    cash = RefundFactory(payment=into, amount="1")
    assert on(deposit(ana, cash)) == [cash]
    reverse(ana, into)
    for row, name in (
        (Payment.objects.get(original=into, kind=Kind.REVERSAL), "T-0001"),
        (Payment.objects.get(original=into.original, kind=Kind.REVERSAL), "R-0001"),
    ):
        with refused(f"{name} is no money for the bank: it undoes a transfer."):
            deposit(ana, receipt, row)


def test_r8_the_slip_is_of_the_last_day_of_what_it_holds_or_later(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=5)
    with refused(f"R-0001 is of {day(5):%d %b %Y}, after the date of the slip.", field="date"):
        deposit(ana, receipt, ago=6)
    assert deposit(ana, receipt, ago=5).date == day(5)


def test_a_slip_of_the_receipts_day_may_come_though_it_was_allocated_since(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=5)
    ledger.allocate(by=ana, payment=receipt, entries=entries({line: "5"}), date=day(1))
    assert deposit(ana, receipt, ago=5).date == day(5)


def test_r8_a_closed_or_future_day_is_refused(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=20)
    close_books(day(10))
    closed = (
        f"The date is in a closed period (up to {day(10):%d %b %Y})."
        " Ask an administrator to open it."
    )
    with refused(closed, field="date"):
        deposit(ana, receipt, ago=10)
    with refused("The date is in the future.", field="date"):
        deposit(ana, receipt, ago=-1)
    assert deposit(ana, receipt, ago=9).date == day(9)


def test_r10_sent_twice_there_is_one_slip(ana: Any, smith: Patient, dr1: Provider) -> None:
    first, second = (PaymentFactory(patient=smith, provider=dr1) for _ in range(2))
    key = uuid4()
    deposit(ana, first, key=key)
    after = digest()
    again = ledger.deposit(by=ana, payments=[first], date=day(0), key=key)
    assert (again.replayed, digest()) == (True, after)
    with refused(
        "This form was already saved with other figures. Open it afresh to enter another one."
    ):
        ledger.deposit(by=ana, payments=[first, second], date=day(0), key=key)
    assert DepositItem.objects.count() == 1


def test_no_number_is_used_up_by_a_refused_slip(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=5)
    with pytest.raises(ledger.LedgerError):
        deposit(ana, receipt, ago=6)
    assert deposit(ana, receipt).number == "D-0001"
