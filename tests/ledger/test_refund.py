"""refund: money was really paid back, out of what is unallocated of a receipt."""

from typing import Any
from uuid import uuid4

import pytest

from billing import ledger
from billing.models import Kind, Payment
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import digest, figures, free, owing, paying, refused


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
    moved = TransferFactory(payment=receipt, amount="30", provider=dr2)
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


# --- Un-paying first -----------------------------------------------------------------------------


def test_allocated_money_is_un_paid_and_refunded_in_one_act(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """FIELD §2.6: un-pay 40 → refund 100."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    posted = ledger.refund(
        by=ana,
        payment=receipt,
        amount=money(100),
        method="card",
        date=day(2),
        reason="Moved away",
        unpay=entries({line: "40"}),
    )
    (row,) = posted.allocations
    assert (row.payment, row.line, row.amount, row.reason, row.date) == (
        receipt,
        line,
        -40,
        "Paid back: Moved away",
        day(2),
    )
    assert (posted.receipt.amount, posted.receipt.date) == (-100, day(2))
    assert free(receipt) == 0
    assert figures(smith, dr1) == (100, 0, 100)


def test_only_what_is_typed_comes_off_and_only_from_this_receipt(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    line, kept, elsewhere = (
        LineFactory(patient=smith, provider=provider, amount="100") for provider in (dr1, dr1, dr2)
    )
    other = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount="90", on={line: "40", kept: "20", elsewhere: "25"}
    )
    refund(ana, receipt, "20", unpay=entries({line: "15.01"}))
    assert paying(line) == {other.number: 30, receipt.number: money("24.99")}
    assert owing(kept) == (20, 80)
    assert owing(elsewhere) == (25, 75)
    assert free(receipt) == money("0.01")
    assert free(other) == 0


def test_what_is_un_paid_and_not_refunded_is_credit(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    refund(ana, receipt, "10", unpay=entries({line: "40"}))
    assert figures(smith, dr1) == (100, 90, 10)


def test_more_than_is_free_after_un_paying_is_refused_to_the_cent(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "80"})
    with refused("Only 30.00 of R-0001 is not allocated.", field="amount"):
        refund(ana, receipt, "30.01", unpay=entries({line: "10"}))
    refund(ana, receipt, "30", unpay=entries({line: "10"}))
    assert owing(line) == (70, 30)


def test_more_than_the_receipt_holds_on_a_line_is_refused(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider
) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1, amount="100") for _ in range(2))
    hers = LineFactory(patient=okafor, provider=dr1, amount="100")
    PaymentFactory(patient=smith, provider=dr1, amount="50", on={line: "10", other: "40"})
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50", on={line: "40"})
    for each, has, typed in (
        (line, "40.00", "40.01"),
        (other, "0.00", "0.01"),
        (hers, "0.00", "1"),
        (line, "40.00", "-1"),
        (line, "40.00", ("0", "5")),
        (line, "40.00", ("5", "5")),
    ):
        with refused(
            f"R-0002 pays {has} of this line; un-pay that much at most.", field="", line=each
        ):
            refund(ana, receipt, "1", unpay=entries({each: typed}))


def test_a_line_that_stands_twice_changed_or_is_gone_is_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    seen = line.seen
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50", on={line: "40"})
    with refused("A line stands on this form twice. Open the form afresh."):
        refund(ana, receipt, "1", unpay=entries({line: "20"}) * 2)
    with refused(None, line=line, error=ledger.StaleLineError):
        refund(ana, receipt, "1", unpay=[Entry(line.pk, money(20), seen=seen)])
    with refused("That invoice line does not exist."):
        refund(ana, receipt, "1", unpay=[Entry(987654, money(20))])


def test_an_insurers_money_comes_off_lines_as_a_takeback(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    check = InsurancePaymentFactory(payer=blueriver, amount="100", on={line: "40"})
    with refused("An insurer's money comes off lines as a takeback in its next payment."):
        refund(ana, check, "70", unpay=entries({line: "10"}))


@pytest.mark.parametrize("unpay_lines", [True, False])
def test_an_undone_receipt_is_not_un_paid_for_a_refund(
    ana: Any, smith: Patient, dr1: Provider, unpay_lines: bool
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="x", unpay_lines=unpay_lines)
    with refused(None, error=ledger.AlreadyUndoneError):
        refund(ana, receipt, "5", unpay=entries({line: "40"}))


def test_while_the_account_is_negative_what_is_paid_back_covers_nothing(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """All that is un-paid leaves the house: the bounced 20 stay as they are."""
    line, kept = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={kept: "20"})
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    ledger.reverse(by=ana, payment=bounced, date=day(0), reason="Bounced", unpay_lines=False)
    refund(ana, receipt, "30", unpay=entries({line: "30"}))
    assert figures(smith, dr1) == (80, -20, 100)
    assert paying(kept) == {bounced.number: 20}


def test_while_the_account_is_negative_the_rest_of_what_is_un_paid_covers(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line, kept = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={kept: "20"})
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    ledger.reverse(by=ana, payment=bounced, date=day(0), reason="Bounced", unpay_lines=False)
    refund(ana, receipt, "25", unpay=entries({line: "30"}))
    assert paying(kept) == {bounced.number: 15, receipt.number: 5}
    assert figures(smith, dr1) == (80, -15, 95)


def test_the_very_line_a_bounced_receipt_pays_keeps_that_receipts_money(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    ledger.reverse(by=ana, payment=bounced, date=day(0), reason="Bounced", unpay_lines=False)
    refund(ana, receipt, "30", unpay=entries({line: "30"}))
    assert paying(line) == {bounced.number: 20}
    assert figures(smith, dr1) == (30, -20, 50)


def test_undoing_the_refund_brings_the_money_back_as_credit_and_pays_no_line(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    row = refund(ana, receipt, "100", unpay=entries({line: "40"}))
    ledger.reverse(by=ana, payment=row, date=day(0), reason="Never paid")
    assert figures(smith, dr1) == (100, 100, 0)


def test_a_childs_line_is_un_paid_from_the_transfer_that_pays_it(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    child = PatientFactory(guarantor=smith)
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    into = Payment.objects.get(patient=child)
    with refused("R-0001 pays 0.00 of this line; un-pay that much at most.", line=line):
        refund(ana, receipt, "70", unpay=entries({line: "40"}))
    refund(ana, into, "40", unpay=entries({line: "40"}))
    assert figures(child, dr1) == (40, 0, 40)
    assert figures(smith, dr1) == (0, 60, -60)


def test_r8_un_paying_and_paying_back_share_the_latest_date(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100", ago=40)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50", on={line: "40"}, ago=30)
    ledger.adjust(by=ana, line=line, amount=money(1), kind="courtesy", date=day(9), reason="x")
    close_books(day(20))
    with refused(None):
        refund(ana, receipt, "50", unpay=entries({line: "40"}), date=day(20))
    row = refund(ana, receipt, "50", unpay=entries({line: "40"}), date=day(19))
    assert row.date == day(9)
    assert {each.date for each in line.allocations.filter(amount__lt=0)} == {day(9)}


def test_r10_sent_twice_it_is_un_paid_and_paid_back_once(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "80"})
    key = uuid4()
    first = refund(ana, receipt, "40", unpay=entries({line: "40"}), key=key)
    after = digest()
    assert refund(ana, receipt, "40", unpay=entries({line: "40"}), key=key) == first
    assert digest() == after
    for typed in ({}, {line: "39"}):
        with refused(None):
            refund(ana, receipt, "40", unpay=entries(typed), key=key)
