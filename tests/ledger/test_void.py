"""void: a receipt that never should have been is deleted, on its own day, while that is open."""

from typing import Any

import pytest

from billing import balances, ledger
from billing.models import Kind, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day
from tests.ledger.books import figures, free, owing, refused, transfers


def void(by: Any, payment: Payment, *, unpay_lines: bool = True, **more: Any) -> Payment:
    what = {"by": by, "payment": payment, "reason": "Typing error", **more}
    row = ledger.void(**what, unpay_lines=unpay_lines).payment
    assert row
    return row


CHOICES = pytest.mark.parametrize("unpay_lines", [True, False], ids=["un-pay", "leave paid"])


def test_a_void_is_dated_the_payments_own_day(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=7)
    row = void(ana, receipt, note="Meant for somebody else")
    assert (row.kind, row.amount, row.original) == (Kind.VOID, -20, receipt)
    assert (row.date, row.note, row.created_by) == (day(7), "Meant for somebody else", ana)
    assert figures(smith, dr1) == (0, 0, 0)


@CHOICES
def test_a_void_gives_the_same_balances_as_a_reversal(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, unpay_lines: bool
) -> None:
    def undone(how: str, patient: Patient) -> list[Any]:
        own = LineFactory(patient=patient, provider=dr1, amount="30")
        theirs = LineFactory(patient=patient, provider=dr2, amount="70")
        receipt = PaymentFactory(
            patient=patient, provider=dr1, amount="100", on={own: "25", theirs: "60"}
        )
        if how == "void":
            void(ana, receipt, unpay_lines=unpay_lines)
        else:
            ledger.reverse(
                by=ana, payment=receipt, date=day(0), reason="Error", unpay_lines=unpay_lines
            )
        return [figures(patient, dr1), figures(patient, dr2), owing(own), owing(theirs)]

    other = LineFactory(amount="1").patient
    assert undone("void", smith) == undone("reverse", other)
    assert [each[3] for each in transfers(smith)] == [True, True]


def test_r8_on_a_closed_day_it_has_to_be_reversed(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=20)
    close_books(day(20))
    closed = f"{day(20):%d %b %Y}"
    with refused(
        f"R-0001 is of a closed day (up to {closed}) and cannot be deleted. Reverse it instead."
    ):
        void(ana, receipt)
    row = ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Error").payment
    assert row
    assert row.date == day(0)


def test_r8_the_day_after_the_closing_date_is_open(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=20)
    close_books(day(21))
    assert void(ana, receipt).date == day(20)


def test_only_receipts_are_deleted(ana: Any, smith: Patient, dr1: Provider, dr2: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    refund = RefundFactory(payment=receipt, amount="10")
    moved = TransferFactory(payment=receipt, amount="10", provider=dr2)
    for row in (refund, moved, moved.original):
        assert row
        with refused("Only a payment can be deleted; reverse this entry instead."):
            void(ana, row)


def test_r4_a_second_time_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    void(ana, receipt)
    for undo in (void, lambda by, row: ledger.reverse(by=by, payment=row, date=day(0), reason="x")):
        with pytest.raises(ledger.AlreadyUndoneError) as error:
            undo(ana, receipt)
        assert str(error.value).startswith("This payment was already deleted at ")


def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    with refused("Choose a reason.", field="reason"):
        void(ana, receipt, reason="")


def test_an_insurers_payment_is_deleted_with_all_that_came_with_it(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    check = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: ("60", "40")})
    void(ana, check)
    assert owing(line) == (0, 100)
    assert free(check) == 0
    assert balances.adjustments_with(check) == 0


def test_rows_of_transfers_leave_the_history_with_it(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    theirs = LineFactory(patient=smith, provider=dr2)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={theirs: "60"})
    void(ana, receipt)
    assert [row.line for row in balances.history(smith)] == [theirs]
    assert len(balances.history(smith, deleted=True)) == 7


# --- Deposited -----------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["patient", "payer"])
def test_a_deposited_payment_is_reversed_and_never_deleted(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, whose: str
) -> None:
    receipt = (
        PaymentFactory(patient=smith, provider=dr1, amount="30")
        if whose == "patient"
        else InsurancePaymentFactory(payer=blueriver, amount="30")
    )
    assert ledger.why_not_deleted(receipt) == ""
    ledger.deposit(by=ana, payments=[receipt], date=day(3))
    sentence = (
        f"{receipt.number} was deposited on {day(3):%d %b %Y} (D-0001) and cannot be deleted."
        " Reverse it instead."
    )
    assert ledger.why_not_deleted(receipt) == sentence
    with refused(sentence):
        void(ana, receipt)
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    assert free(receipt) == 0


def test_a_payment_is_deleted_though_its_refund_or_another_receipt_went_to_the_bank(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt, other = (PaymentFactory(patient=smith, provider=dr1) for _ in range(2))
    refund = RefundFactory(payment=receipt, amount="5")
    ledger.deposit(by=ana, payments=[refund, other], date=day(0))
    void(ana, receipt)
    assert figures(smith, dr1) == (0, 15, -15)


def test_a_closed_day_is_the_first_thing_a_deposited_payment_is_told(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=20)
    ledger.deposit(by=ana, payments=[receipt], date=day(20))
    close_books(day(20))
    assert ledger.why_not_deleted(receipt).startswith("R-0001 is of a closed day")
