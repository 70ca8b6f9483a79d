"""undo_write_off: a write-off was a mistake, and the line owes again what it took off."""

from typing import Any
from uuid import uuid4

import pytest

from billing import ledger
from billing.models import Adjustment, AdjustmentKind, InvoiceLine
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.ledger.books import digest, figures, free, owing, paying, refused


def written_off(by: Any, line: InvoiceLine, amount: str, **more: Any) -> Adjustment:
    what = {"kind": AdjustmentKind.BAD_DEBT, "date": day(15), "reason": "Moved away", **more}
    (row,) = ledger.adjust(by=by, line=line, amount=money(amount), **what).adjustments
    return row


def undo(by: Any, adjustment: Adjustment, **more: Any) -> Adjustment:
    what = {"date": day(0), "reason": "Paid after all", **more}
    (row,) = ledger.undo_write_off(by=by, adjustment=adjustment, **what).adjustments
    return row


# --- What it does --------------------------------------------------------------------------------


def test_the_opposite_row_points_back(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    first = written_off(ana, line, "12.34", carc="45")
    row = undo(ana, first)
    assert (row.amount, row.kind, row.undoes, row.payment) == (
        money("-12.34"),
        "bad_debt",
        first,
        None,
    )
    assert (row.reason, row.date, row.created_by) == ("Paid after all", day(0), ana)
    assert owing(line) == (0, 50)
    assert not Adjustment.objects.standing()


def test_only_this_write_off_is_undone(ana: Any, smith: Patient, dr1: Provider) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    first, second = written_off(ana, line, "10"), written_off(ana, line, "10")
    third = written_off(ana, other, "10")
    undo(ana, second)
    assert list(Adjustment.objects.standing().order_by("pk")) == [first, third]
    assert (owing(line), owing(other)) == ((0, 40), (0, 40))


def test_payments_that_came_since_stay_on_the_line(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    first = written_off(ana, line, "10")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="25", on={line: "15"}, ago=9)
    check = InsurancePaymentFactory(payer=blueriver, amount="25", on={line: "25"}, ago=8)
    assert owing(line) == (40, 0)
    undo(ana, first)
    assert owing(line) == (40, 10)
    assert paying(line) == {receipt.number: 15, check.number: 25}
    assert (free(receipt), free(check)) == (10, 0)
    assert figures(smith, dr1) == (10, 10, 0)


def test_a_reversed_receipt_that_still_pays_the_line_stays_as_it_was(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="40", on={line: "40"}, ago=20)
    first = written_off(ana, line, "10")
    ledger.reverse(by=ana, payment=receipt, date=day(5), reason="Bounced", unpay_lines=False)
    undo(ana, first)
    assert figures(smith, dr1) == (10, -40, 50)
    assert paying(line) == {receipt.number: 40}


def test_it_may_be_written_off_again_and_that_undone_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    for _ in range(3):
        undo(ana, written_off(ana, line, "50", date=day(0)))
    assert owing(line) == (0, 50)


def test_something_put_back_on_a_line_is_taken_off_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    raised = written_off(ana, line, "-20", kind="correction")
    PaymentFactory(patient=smith, provider=dr1, amount="60", on={line: "60"})
    with refused("This line only owes 10.00.", line=line):
        undo(ana, raised)
    ledger.unpay(by=ana, line=line, amount=money(10), date=day(0), reason="Wrong line")
    assert undo(ana, raised).amount == 20
    assert owing(line) == (50, 0)


# --- What it refuses -----------------------------------------------------------------------------


def test_a_second_time_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    first = written_off(ana, line, "10")
    undo(ana, first, date=day(3))
    with refused(f"This write-off was already undone on {day(3):%d %b %Y}."):
        undo(ana, first)


def test_what_undoes_is_not_undone(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    row = undo(ana, written_off(ana, line, "10"))
    with refused("This entry undoes a write-off; write it off again instead."):
        undo(ana, row)


def test_one_that_came_with_an_insurers_payment_is_undone_with_it(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    check = InsurancePaymentFactory(payer=blueriver, amount="25", on={line: ("25", "25")})
    with refused("This write-off came with IP-0001 and is undone with it."):
        undo(ana, check.adjustments.get())
    ledger.reverse(by=ana, payment=check, date=day(0), reason="Bounced")
    for row in check.adjustments.all():
        with refused("This write-off came with IP-0001 and is undone with it."):
            undo(ana, row)


def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider) -> None:
    first = written_off(ana, LineFactory(patient=smith, provider=dr1), "10")
    for reason in ("", " "):
        with refused("Choose a reason.", field="reason"):
            undo(ana, first, reason=reason)


def test_on_a_line_that_was_voided_since_it_stays(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    first = written_off(ana, line, "10")
    (correction,) = ledger.void_line(
        by=ana, line=line, date=day(2), reason="Billed twice"
    ).adjustments
    sentence = f"Psychotherapy, 45 minutes on {line.invoice} was voided on {day(2):%d %b %Y}."
    for row in (first, correction):
        with refused(sentence, line=line):
            undo(ana, row)


def test_r8_the_date_is_open_and_never_before_what_is_on_the_line(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50", ago=40)
    first = written_off(ana, line, "10", date=day(30))
    PaymentFactory(patient=smith, provider=dr1, amount="5", on={line: "5"}, ago=10)
    close_books(day(20))
    with refused(
        f"The date is in a closed period (up to {day(20):%d %b %Y})."
        " Ask an administrator to open it.",
        field="date",
    ):
        undo(ana, first, date=day(20))
    with refused("The date is in the future.", field="date"):
        undo(ana, first, date=day(-1))
    assert undo(ana, first, date=day(19)).date == day(10)


def test_r10_sent_twice_it_is_undone_once(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    first, second = written_off(ana, line, "10"), written_off(ana, line, "10")
    key = uuid4()
    undo(ana, first, key=key)
    after = digest()
    what: dict[str, Any] = {"by": ana, "date": day(0), "key": key}
    assert ledger.undo_write_off(adjustment=first, reason="Paid after all", **what).replayed
    assert digest() == after
    for adjustment, reason in ((second, "Paid after all"), (first, "Another")):
        with refused(None):
            ledger.undo_write_off(adjustment=adjustment, reason=reason, **what)


# --- Beside insurers -----------------------------------------------------------------------------


@pytest.mark.parametrize("first_of_all", ["the insurer", "the desk"])
def test_it_is_independent_of_an_insurers_write_off_that_is_undone_too(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, first_of_all: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    ours = written_off(ana, line, "10")
    check = InsurancePaymentFactory(payer=blueriver, amount="25", on={line: ("25", "15")})
    steps = [
        lambda: ledger.reverse(by=ana, payment=check, date=day(0), reason="Bounced"),
        lambda: undo(ana, ours),
    ]
    for step in steps if first_of_all == "the insurer" else steps[::-1]:
        step()
    assert owing(line) == (0, 50)
    line.refresh_from_db()
    assert line.adjusted == 0
