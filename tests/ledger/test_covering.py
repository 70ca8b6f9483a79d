"""Covering (R7): standing credit takes over what reversed receipts still pay, oldest first."""

from typing import Any

import pytest

from billing import ledger
from billing.models import Allocation, Kind, Payment
from patients.models import Patient, Provider
from tests.factories import LineFactory, PaymentFactory, RefundFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, paying, transfers


def bounce(by: Any, payment: Payment, ago: int = 1) -> None:
    ledger.reverse(by=by, payment=payment, date=day(ago), reason="Bounced", unpay_lines=False)


def test_the_line_stays_paid_and_says_by_what(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    bounce(ana, bounced)
    cover = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=0)
    assert paying(line) == {cover.number: 20}
    rows = Allocation.objects.order_by("pk").values_list("payment__number", "amount")
    assert list(rows) == [("R-0001", 20), ("R-0001", -20), ("R-0002", 20)]
    moved = Allocation.objects.order_by("-pk")[:2]
    assert len({(row.date, row.created_at) for row in moved}) == 1, "one day and one moment"
    assert {bool(row.reason) for row in moved if row.amount < 0} == {True}
    assert figures(smith, dr1) == (30, 0, 30)


@pytest.mark.parametrize(
    ("amount", "credit"), [("19.99", "-0.01"), ("20", "0"), ("20.01", "0.01"), ("5", "-15")]
)
def test_it_covers_as_far_as_it_goes(
    ana: Any, smith: Patient, dr1: Provider, amount: str, credit: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounce(ana, PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"}))
    PaymentFactory(patient=smith, provider=dr1, amount=amount, ago=0)
    assert figures(smith, dr1) == (30, money(credit), 30 - money(credit))


def test_the_oldest_reversed_receipt_and_the_oldest_line_come_first(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    old, new = (LineFactory(patient=smith, provider=dr1, amount="50", ago=ago) for ago in (40, 30))
    first = PaymentFactory(
        patient=smith, provider=dr1, amount="30", ago=20, on={new: "20", old: "10"}
    )
    second = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=15, on={old: "20"})
    bounce(ana, second)
    bounce(ana, first)
    cover = PaymentFactory(patient=smith, provider=dr1, amount="12", ago=0)
    assert paying(old) == {second.number: 20, cover.number: 10}
    assert paying(new) == {first.number: 18, cover.number: 2}
    assert (free(first), free(second)) == (-18, -20)


def test_the_oldest_credit_covers_first(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="50", on={line: "50"})
    newer = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=5)
    older = PaymentFactory(patient=smith, provider=dr1, amount="30", ago=10)
    bounce(ana, bounced)
    assert paying(line) == {older.number: 30, newer.number: 20}
    assert (free(older), free(newer)) == (0, 10)


def test_credit_of_another_account_covers_nothing(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounce(ana, PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"}))
    PaymentFactory(patient=smith, provider=dr2, amount="100")
    PaymentFactory(patient=okafor, provider=dr1, amount="100")
    assert figures(smith, dr1) == (30, -20, 50)


def test_the_next_payment_covers_before_it_pays_another_line(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """What is on lines by name stays there; only what is left covers."""
    line, other = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounce(ana, PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"}))
    cover = PaymentFactory(patient=smith, provider=dr1, amount="50", ago=0, on={other: "40"})
    assert paying(other) == {cover.number: 40}
    assert paying(line)[cover.number] == 10
    assert figures(smith, dr1) == (40, -10, 50)


def test_a_covering_receipt_that_bounces_is_covered_in_turn(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    for _ in range(4):
        last = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=0)
        if not paying(line):
            ledger.allocate(by=ana, payment=last, entries=entries({line: "20"}), date=day(0))
        assert paying(line) == {last.number: 20}
        bounce(ana, last, ago=0)
        assert figures(smith, dr1) == (30, -20, 50)


# --- Refunded, then bounced ----------------------------------------------------------------------


def test_refunded_then_bounced_is_covered_by_a_transfer_pair(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="80", on={line: "50"})
    RefundFactory(payment=receipt, amount="30", ago=5)
    bounce(ana, receipt)
    assert figures(smith, dr1) == (0, -80, 80)
    cover = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=0)
    assert paying(line) == {cover.number: 50}
    assert transfers(smith) == [
        ("transfer_out", "Dr 1", -30, False),
        ("transfer_in", "Dr 1", 30, False),
    ]
    assert (free(receipt), free(cover)) == (0, 20)
    assert figures(smith, dr1) == (0, 20, -20)


def test_it_is_covered_in_part_by_several_payments(ana: Any, smith: Patient, dr1: Provider) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="80")
    RefundFactory(payment=receipt, amount="80", ago=5)
    bounce(ana, receipt)
    for credit in (-50, -20, 10):
        PaymentFactory(patient=smith, provider=dr1, amount="30", ago=0)
        assert figures(smith, dr1)[1] == credit


def test_when_what_covered_a_refund_bounces_too_it_is_negative_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="80")
    RefundFactory(payment=receipt, amount="30", ago=5)
    bounce(ana, receipt)
    cover = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=0)
    assert figures(smith, dr1) == (0, 70, -70)
    bounce(ana, cover, ago=0)
    assert figures(smith, dr1) == (0, -30, 30)
    PaymentFactory(patient=smith, provider=dr1, amount="30", ago=0)
    assert figures(smith, dr1) == (0, 0, 0)


def test_when_the_refund_never_happened_the_covering_credit_can_be_used_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """Credit that is shown can be put on a line; none is stuck on a reversed receipt."""
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="80")
    refund = RefundFactory(payment=receipt, amount="30", ago=5)
    bounce(ana, receipt)
    PaymentFactory(patient=smith, provider=dr1, amount="30", ago=0)
    assert figures(smith, dr1) == (50, 0, 50)
    ledger.reverse(by=ana, payment=refund, date=day(0), reason="It never left the till")
    assert figures(smith, dr1) == (50, 30, 20)
    ledger.allocate_credit(
        by=ana, patient=smith, provider=dr1, entries=entries({line: "30"}), date=day(0)
    )
    assert figures(smith, dr1) == (20, 0, 20)


def test_undoing_the_pair_that_covers_is_covered_again_at_once(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """R7: whatever somebody undoes, an account never holds both signs."""
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="80")
    RefundFactory(payment=receipt, amount="30", ago=5)
    bounce(ana, receipt)
    PaymentFactory(patient=smith, provider=dr1, amount="100", ago=0)
    for kind in (Kind.TRANSFER_OUT, Kind.TRANSFER_IN):
        row = Payment.objects.filter(kind=kind, reversed=False).latest("pk")
        ledger.reverse(by=ana, payment=row, date=day(0), reason="Looks odd")
        assert figures(smith, dr1) == (0, 70, -70)
