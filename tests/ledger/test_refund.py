"""refund: money was really paid back, out of what is unallocated of a receipt."""

from typing import Any

import pytest

from billing import ledger
from billing.models import Kind, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.ledger.books import figures, free, owing, refused


def refund(by: Any, payment: Payment, amount: str, **more: Any) -> Payment:
    what = {"method": "cash", "date": day(0), "reason": "Patient asked", **more}
    row = ledger.refund(by=by, payment=payment, amount=money(amount), **what).payment
    assert row
    return row


def test_a_refund_is_a_row_of_its_own_that_names_its_receipt(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    row = refund(ana, receipt, "60", method="check", reference="2001")
    assert (row.kind, row.amount, row.original, row.source) == (
        Kind.REFUND,
        -60,
        receipt,
        receipt,
    )
    assert (row.method, row.reference, row.reason, row.created_by) == (
        "check",
        "2001",
        "Patient asked",
        ana,
    )
    assert free(receipt) == 40
    assert figures(smith, dr1) == (0, 40, -40)


def test_r6_no_line_changes(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    refund(ana, receipt, "60")
    assert owing(line) == (40, 60)
    assert figures(smith, dr1) == (60, 0, 60)


def test_r4_more_than_is_unallocated_is_refused_to_the_cent(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    for amount in ("60.01", "100"):
        with refused("Only 60.00 of R-0001 is not allocated.", field="amount"):
            refund(ana, receipt, amount)
    refund(ana, receipt, "59.99")
    with refused("Only 0.01 of R-0001 is not allocated.", field="amount"):
        refund(ana, receipt, "0.02")
    refund(ana, receipt, "0.01")
    with refused("Only 0.00 of R-0001 is not allocated.", field="amount"):
        refund(ana, receipt, "0.01")


def test_refunding_allocated_money_takes_an_un_pay_first(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """FIELD §2.6: un-pay 40 → refund 100."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    ledger.unpay(by=ana, payment=receipt, date=day(0), reason="Refund")
    refund(ana, receipt, "100")
    assert figures(smith, dr1) == (100, 0, 100)


@pytest.mark.parametrize("amount", ["0", "-0.01", "-60"])
def test_nothing_or_less_is_refused(ana: Any, smith: Patient, dr1: Provider, amount: str) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    with refused("Enter the amount.", field="amount"):
        refund(ana, receipt, amount)


def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    with refused("Choose a reason.", field="reason"):
        refund(ana, receipt, "5", reason="")


@pytest.mark.parametrize("unpay_lines", [True, False])
def test_an_undone_receipt_gives_nothing_back(
    ana: Any, smith: Patient, dr1: Provider, unpay_lines: bool
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced", unpay_lines=unpay_lines)
    with pytest.raises(ledger.AlreadyUndoneError):
        refund(ana, receipt, "5")


def test_a_refund_cannot_be_refunded(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    row = refund(ana, receipt, "5")
    with refused("Only money that came in can be allocated."):
        refund(ana, row, "5")


def test_transferred_credit_is_refunded_from_where_it_went(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    moved = ledger.transfer(
        by=ana,
        payment=receipt,
        amount=money(30),
        patient=smith,
        provider=dr2,
        date=day(0),
        reason="Seen by Dr 2",
    ).payment
    assert moved
    refund(ana, moved, "30")
    assert figures(smith, dr2) == (0, 0, 0)
    assert figures(smith, dr1) == (0, 70, -70)


def test_a_payer_gets_back_what_is_left_of_its_check(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    check = InsurancePaymentFactory(payer=blueriver, amount="100", on={line: "40"})
    with refused("Only 60.00 of IP-0001 is not allocated.", field="amount"):
        refund(ana, check, "60.01")
    row = refund(ana, check, "60", method="check")
    assert (row.payer, row.patient, row.amount) == (blueriver, None, -60)
    assert free(check) == 0


def test_an_over_allocated_check_gives_nothing_back(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    check = InsurancePaymentFactory(
        payer=blueriver, amount="60", on={line: "100"}, over_allocation_reason="Offset"
    )
    with refused("Only 0.00 of IP-0001 is not allocated.", field="amount"):
        refund(ana, check, "0.01")
