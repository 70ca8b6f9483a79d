"""reverse: a payment was entered in error or bounced; both rows stay."""

from typing import Any

import pytest

from billing import balances, ledger
from billing.models import Adjustment, Kind, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying, refused, transfers


def reverse(by: Any, payment: Payment, *, unpay_lines: bool = True, **more: Any) -> Payment:
    what = {"by": by, "payment": payment, "date": day(0), "reason": "Bounced", **more}
    row = ledger.reverse(**what, unpay_lines=unpay_lines).payment
    assert row
    return row


CHOICES = pytest.mark.parametrize("unpay_lines", [True, False], ids=["un-pay", "leave paid"])


# --- A patient's receipt -------------------------------------------------------------------------


@CHOICES
def test_r4_a_reversal_is_the_opposite_and_points_at_what_it_undoes(
    ana: Any, smith: Patient, dr1: Provider, unpay_lines: bool
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", method="card")
    row = reverse(ana, receipt, unpay_lines=unpay_lines, note="Letter of the bank")
    receipt.refresh_from_db()
    assert receipt.reversed
    assert (row.kind, row.amount, row.original, row.source) == (
        Kind.REVERSAL,
        -20,
        receipt,
        receipt,
    )
    assert (row.created_by, row.reason, row.note) == (ana, "Bounced", "Letter of the bank")
    assert (row.date, row.patient, row.provider) == (day(0), smith, dr1)
    assert figures(smith, dr1) == (0, 0, 0)


@CHOICES
def test_r6_reversing_changes_only_the_lines_it_paid_and_only_when_asked(
    ana: Any, smith: Patient, dr1: Provider, unpay_lines: bool
) -> None:
    paid_by_it, of_another = (LineFactory(patient=smith, provider=dr1) for _ in range(2))
    other = PaymentFactory(
        patient=smith, provider=dr1, amount="30", on={of_another: "20", paid_by_it: "10"}
    )
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={paid_by_it: "20"})
    reverse(ana, receipt, unpay_lines=unpay_lines)
    assert owing(paid_by_it) == ((10, 90) if unpay_lines else (30, 70))
    assert paying(of_another) == {other.number: 20}
    assert free(other) == 0
    assert figures(smith, dr1)[2] == 170


def test_part_of_it_on_lines_and_part_free(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "20"})
    assert figures(smith, dr1) == (30, 10, 20)
    reverse(ana, receipt, unpay_lines=False)
    assert figures(smith, dr1) == (30, -20, 50)


@CHOICES
def test_after_a_refund_the_refunded_part_stays_owed(
    ana: Any, smith: Patient, dr1: Provider, unpay_lines: bool
) -> None:
    """Receipt 100, 40 on a line, 60 really paid back, then the check bounces."""
    line = LineFactory(patient=smith, provider=dr1, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "40"})
    RefundFactory(payment=receipt, amount="60")
    assert figures(smith, dr1) == (0, 0, 0)
    reverse(ana, receipt, unpay_lines=unpay_lines)
    assert figures(smith, dr1) == ((40, -60, 100) if unpay_lines else (0, -100, 100))


def test_r4_a_second_reversal_is_refused_and_says_who_was_first(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    reverse(ana, receipt)
    ben = OwnerFactory(username="ben", first_name="Ben")
    for _ in range(2):
        with pytest.raises(ledger.AlreadyUndoneError) as error:
            reverse(ben, receipt)
        assert str(error.value).startswith("This payment was already reversed at ")
        assert str(error.value).endswith(" by Ana.")
    with pytest.raises(ledger.AlreadyUndoneError, match="already reversed"):
        ledger.void(by=ben, payment=receipt, reason="Typing error")
    assert Payment.objects.count() == 2


def test_a_reversal_or_void_itself_cannot_be_reversed(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    row = reverse(ana, PaymentFactory(patient=smith, provider=dr1))
    gone = ledger.void(
        by=ana, payment=PaymentFactory(patient=smith, provider=dr1), reason="Typing error"
    ).payment
    assert gone
    for undoing in (row, gone):
        with refused("A reversal cannot be reversed; enter the payment again."):
            reverse(ana, undoing)


@pytest.mark.parametrize("reason", ["", " \t"])
def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider, reason: str) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1)
    with refused("Choose a reason.", field="reason"):
        reverse(ana, receipt, reason=reason)


def test_r9_the_rows_that_un_pay_say_who_and_why(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    receipt = PaymentFactory(patient=smith, provider=dr1, on={line: "20"})
    reverse(OwnerFactory(username="ben"), receipt)
    row = receipt.allocations.get(amount__lt=0)
    assert (row.reason, row.created_by.get_username()) == ("Bounced", "ben")


# --- Transfers made from it ----------------------------------------------------------------------


@CHOICES
def test_r5_transfers_made_from_it_are_reversed_first_and_their_lines_alike(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, unpay_lines: bool
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="30")
    theirs = LineFactory(patient=smith, provider=dr2, amount="70")
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount="100", on={own: "30", theirs: "60"}
    )
    assert figures(smith, dr1) == (0, 10, -10)
    assert figures(smith, dr2) == (10, 0, 10)
    row = reverse(ana, receipt, unpay_lines=unpay_lines)
    assert row.original == receipt
    assert [each[3] for each in transfers(smith)] == [True, True], "both sides are undone"
    if unpay_lines:
        assert figures(smith, dr1) == (30, 0, 30)
        assert figures(smith, dr2) == (70, 0, 70)
    else:
        assert figures(smith, dr1) == (0, -30, 30)
        assert figures(smith, dr2) == (10, -60, 70)


@CHOICES
def test_transfers_of_transfers_are_reversed_too(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider, unpay_lines: bool
) -> None:
    line = LineFactory(patient=okafor, provider=dr2, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    second = TransferFactory(payment=receipt, amount="80", provider=dr2)
    third = TransferFactory(payment=second, amount="50", patient=okafor, provider=dr2)
    ledger.allocate(by=ana, payment=third, entries=entries({line: "45"}), date=day(0))
    assert [figures(smith, dr1)[1], figures(smith, dr2)[1]] == [20, 30]
    assert figures(okafor, dr2) == (5, 5, 0)
    reverse(ana, receipt, unpay_lines=unpay_lines)
    assert [figures(smith, dr1), figures(smith, dr2)] == [(0, 0, 0)] * 2
    assert figures(okafor, dr2) == ((50, 0, 50) if unpay_lines else (5, -45, 50))


@pytest.mark.parametrize("side", ["transfer_out", "transfer_in"])
@CHOICES
def test_a_transfer_pair_is_undone_from_either_side(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, side: str, unpay_lines: bool
) -> None:
    theirs = LineFactory(patient=smith, provider=dr2, amount="70")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={theirs: "60"})
    row = reverse(ana, Payment.objects.get(kind=side), unpay_lines=unpay_lines)
    assert row.original
    assert row.original.kind == side
    assert free(receipt) == 100
    assert figures(smith, dr1) == (0, 100, -100)
    assert figures(smith, dr2) == ((70, 0, 70) if unpay_lines else (10, -60, 70))
    for other in Payment.objects.filter(kind__startswith="transfer"):
        with pytest.raises(ledger.AlreadyUndoneError):
            reverse(ana, other)


@CHOICES
def test_a_transfer_undone_before_is_not_undone_again_with_its_receipt(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, unpay_lines: bool
) -> None:
    theirs = LineFactory(patient=smith, provider=dr2, amount="70")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={theirs: "60"})
    reverse(ana, Payment.objects.get(kind=Kind.TRANSFER_IN))
    reverse(ana, receipt, unpay_lines=unpay_lines)
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(smith, dr2) == (70, 0, 70)
    assert Payment.objects.count() == 6


@CHOICES
def test_a_transferred_and_refunded_payment_that_bounces(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, unpay_lines: bool
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    moved = TransferFactory(payment=receipt, amount="60", provider=dr2)
    RefundFactory(payment=moved, amount="50")
    reverse(ana, receipt, unpay_lines=unpay_lines)
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(smith, dr2) == (0, -50, 50), "what was really paid back is owed to Dr 2"


# --- Refunds -------------------------------------------------------------------------------------


def test_a_refund_that_never_happened_is_credit_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100")
    refund = RefundFactory(payment=receipt, amount="60", method="check")
    row = reverse(ana, refund)
    assert (row.amount, row.original, row.source) == (60, refund, receipt)
    assert figures(smith, dr1) == (0, 100, -100)
    with pytest.raises(ledger.AlreadyUndoneError):
        reverse(ana, refund)


# --- An insurer's receipt ------------------------------------------------------------------------


@CHOICES
def test_an_insurers_payment_always_un_pays_all_that_came_with_it(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, blueriver: Payer, unpay_lines: bool
) -> None:
    his = LineFactory(patient=smith, provider=dr1)
    hers = LineFactory(patient=okafor, provider=dr1)
    check = InsurancePaymentFactory(
        payer=blueriver, amount="150", on={his: ("60", "25"), hers: ("80", "20")}
    )
    row = reverse(ana, check, unpay_lines=unpay_lines)
    assert (row.amount, row.payer) == (-150, blueriver)
    assert (owing(his), owing(hers)) == ((0, 100), (0, 100))
    assert free(check) == 0
    assert balances.adjustments_with(check) == 0
    undone = Adjustment.objects.filter(undoes__isnull=False)
    assert sorted(row.amount for row in undone) == [-25, -20]
    assert {row.reason for row in undone} == {"Bounced"}


def test_other_write_offs_of_its_lines_stay(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    what: dict[str, Any] = {"by": ana, "line": line, "date": day(0), "reason": "Hardship"}
    check = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: ("60", "25")})
    ledger.adjust(**what, amount=money(5), kind="courtesy")
    reverse(ana, check)
    line.refresh_from_db()
    assert (line.paid, line.adjusted, line.balance) == (0, 5, 95)


def test_the_released_copay_stays_credit_until_somebody_allocates_it(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="90", on={line: "90"})
    reverse(ana, check)
    assert owing(line) == (10, 90)
    assert free(copay) == 10


def test_a_later_takeback_is_named_and_goes_first(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    first = InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"}, ago=10)
    second = InsurancePaymentFactory(payer=blueriver, amount="0", on={line: "-30"}, ago=5)
    sentence = f"IP-0002 took 30.00 back on {line.invoice}. Reverse IP-0002 first."
    with refused(sentence, line=line):
        reverse(ana, first)
    with refused(sentence, line=line):
        ledger.void(by=ana, payment=first, reason="Typing error")
    reverse(ana, second)
    assert owing(line) == (80, 20)
    reverse(ana, first)
    assert owing(line) == (0, 100)


def test_of_several_takebacks_the_last_one_is_named(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    first = InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"}, ago=10)
    for ago in (8, 6):
        InsurancePaymentFactory(payer=blueriver, amount="0", on={line: "-20"}, ago=ago)
    with refused(f"IP-0003 took 20.00 back on {line.invoice}. Reverse IP-0003 first.", line=line):
        reverse(ana, first)


def test_the_takeback_that_is_named_is_this_payers_and_nobody_elses(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    """A patient's un-pay and another payer's takeback came later, and are not in the way."""
    line = LineFactory(patient=smith, provider=dr1, amount="200")
    first = InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"}, ago=10)
    InsurancePaymentFactory(payer=blueriver, amount="0", on={line: "-30"}, ago=8)
    InsurancePaymentFactory(payer=cascade, amount="50", on={line: "50"}, ago=6)
    InsurancePaymentFactory(payer=cascade, amount="0", on={line: "-10"}, ago=5)
    own = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=4, on={line: "20"})
    ledger.unpay(by=ana, payment=own, date=day(3), reason="Wrong line")
    with refused(f"IP-0002 took 30.00 back on {line.invoice}. Reverse IP-0002 first.", line=line):
        reverse(ana, first)


def test_reversing_a_takeback_pays_the_line_again(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"}, ago=10)
    takeback = InsurancePaymentFactory(payer=blueriver, amount="-80", on={line: "-80"}, ago=5)
    row = reverse(ana, takeback)
    assert row.amount == 80
    assert owing(line) == (80, 20)
    assert free(takeback) == 0


def test_reversing_a_takeback_releases_what_the_patient_paid_since(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"}, ago=10)
    takeback = InsurancePaymentFactory(payer=blueriver, amount="0", on={line: "-80"}, ago=8)
    own = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=5, on={line: "100"})
    reverse(ana, takeback)
    assert owing(line) == (100, 0)
    assert free(own) == 80
    assert figures(smith, dr1) == (0, 80, -80)


def test_reversing_a_takeback_is_refused_when_another_payer_paid_since(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"}, ago=10)
    takeback = InsurancePaymentFactory(payer=blueriver, amount="0", on={line: "-80"}, ago=8)
    InsurancePaymentFactory(payer=cascade, amount="90", on={line: "90"}, ago=5)
    with refused(
        f"{line.invoice} was paid since by another payment, or written off. Undo that first.",
        line=line,
    ):
        reverse(ana, takeback)


def test_a_write_off_taken_back_later_goes_first_too(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """A line never owes more than its charge because a write-off was given back twice."""
    line = LineFactory(patient=smith, provider=dr1)
    first = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: ("60", "40")}, ago=10)
    InsurancePaymentFactory(payer=blueriver, amount="0", on={line: ("0", "-40")}, ago=5)
    with refused(None):
        reverse(ana, first)
    assert owing(line) == (60, 40)


def test_an_over_allocated_insurers_payment_can_be_reversed(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    lines = [LineFactory(patient=smith, provider=dr1) for _ in range(3)]
    check = InsurancePaymentFactory(
        payer=blueriver,
        amount="200",
        on=dict.fromkeys(lines, "100"),
        over_allocation_reason="Offset of another patient",
    )
    reverse(ana, check)
    assert free(check) == 0
    assert figures(smith, dr1) == (300, 0, 300)


def test_a_refund_to_a_payer_and_its_reversal(ana: Any, blueriver: Payer) -> None:
    check = InsurancePaymentFactory(payer=blueriver, amount="200")
    refund = RefundFactory(payment=check, amount="150", method="check")
    assert (refund.payer, free(check)) == (blueriver, 50)
    reverse(ana, refund)
    assert free(check) == 200


def test_after_a_reversal_the_money_can_be_entered_again(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    for _ in range(3):
        check = InsurancePaymentFactory(
            payer=blueriver, amount="60", reference="104482", on={line: ("60", "40")}, ago=0
        )
        assert owing(line) == (60, 0)
        reverse(ana, check)
        assert owing(line) == (0, 100)
