"""void_line: a charge that never should have been made is un-paid, and the rest taken off."""

from typing import Any
from uuid import uuid4

import pytest

from billing import ledger
from billing.models import Adjustment, AdjustmentKind, Allocation, InvoiceLine, LineVoid, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PaymentFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import digest, figures, free, owing, paying, refused


def void(by: Any, *lines: InvoiceLine, **more: Any) -> ledger.Posted:
    what = {"date": day(0), "reason": "Billed twice", **more}
    return ledger.void_lines(by=by, lines=lines, **what)


def is_void(line: InvoiceLine) -> str:
    """What every verb says of it from then on."""
    row = LineVoid.objects.get(line=line)
    return f"{line.description} on {line.invoice} was voided on {row.date:%d %b %Y}."


def reverse(by: Any, payment: Payment, **more: Any) -> ledger.Posted:
    return ledger.reverse(by=by, payment=payment, date=day(0), reason="Bounced", **more)


def pay_from(by: Any, payment: Payment, on: Any) -> ledger.Posted:
    return ledger.allocate(by=by, payment=payment, entries=entries(on), date=day(0))


# --- What it does --------------------------------------------------------------------------------


def test_what_nobody_paid_is_taken_off_as_a_correction(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="80.50")
    posted = ledger.void_line(by=ana, line=line, date=day(2), reason="Billed twice")
    (row,) = posted.adjustments
    assert (row.amount, row.kind, row.reason) == (
        money("80.50"),
        AdjustmentKind.CORRECTION,
        "Billed twice",
    )
    (mark,) = LineVoid.objects.all()
    assert posted.voids == [mark]
    assert (mark.line, mark.date, mark.reason, mark.created_by) == (
        line,
        day(2),
        "Billed twice",
        ana,
    )
    assert owing(line) == (0, 0)
    assert figures(smith, dr1) == (0, 0, 0)
    assert posted.allocations == []


def test_what_the_patient_paid_is_credit_again(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="80")
    older = PaymentFactory(patient=smith, provider=dr1, amount="50", on={line: "45"}, ago=25)
    newer = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "10.01"}, ago=20)
    posted = void(ana, line)
    assert [(row.payment, row.amount, row.reason) for row in posted.allocations] == [
        (newer, money("-10.01"), "Voided: Billed twice"),
        (older, money("-45"), "Voided: Billed twice"),
    ]
    assert [row.amount for row in posted.adjustments] == [80]
    assert (free(older), free(newer)) == (50, 20)
    assert owing(line) == (0, 0)
    assert figures(smith, dr1) == (0, 70, -70)
    assert paying(line) == {}


def test_what_was_written_off_before_stays_and_only_the_rest_is_taken_off(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="80")
    ledger.adjust(
        by=ana, line=line, amount=money(30), kind="courtesy", date=day(9), reason="Hardship"
    )
    void(ana, line)
    rows = Adjustment.objects.order_by("pk").values_list("kind", "amount")
    assert list(rows) == [("courtesy", 30), ("correction", 50)]


@pytest.mark.parametrize("amount", ["0", "40"], ids=["free of charge", "written off entirely"])
def test_a_line_that_owes_nothing_is_voided_without_an_adjustment(
    ana: Any, smith: Patient, dr1: Provider, amount: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount=amount)
    if money(amount):
        ledger.adjust(
            by=ana, line=line, amount=money(amount), kind="courtesy", date=day(9), reason="Gift"
        )
    posted = void(ana, line)
    assert (posted.adjustments, posted.allocations) == ([], [])
    assert LineVoid.objects.get().line == line


def test_a_whole_invoice_and_lines_of_several_patients_are_voided_in_one_act(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider
) -> None:
    invoice = InvoiceFactory(patient=smith, provider=dr1, amounts=["50", "25.50"])
    hers = LineFactory(patient=okafor, provider=dr2, amount="10")
    PaymentFactory(patient=okafor, provider=dr2, amount="10", on={hers: "10"})
    mine = list(invoice.lines.order_by("pk"))
    posted = void(ana, *mine, hers)
    assert len(posted.voids) == 3
    assert {row.date for row in (*posted.voids, *posted.adjustments, *posted.allocations)} == {
        day(0)
    }
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(okafor, dr2) == (0, 10, -10)


def test_the_line_keeps_its_charge_and_its_place_on_the_invoice(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="80")
    void(ana, line)
    again = InvoiceLine.objects.get(pk=line.pk)
    assert (again.amount, again.adjusted, again.invoice) == (80, 80, line.invoice)


# --- What it refuses -----------------------------------------------------------------------------


def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    for reason in ("", "  "):
        with refused("Choose a reason.", field="reason"):
            void(ana, line, reason=reason)


def test_no_line_at_all_is_refused(ana: Any) -> None:
    with refused("Choose the lines to void."):
        void(ana)


def test_a_line_named_twice_is_voided_once(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="80")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    posted = void(ana, line, InvoiceLine.objects.get(pk=line.pk))
    assert [each.line for each in posted.voids] == [line]
    assert (owing(line), free(receipt)) == ((0, 0), 20)


def test_a_second_time_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1) for _ in range(2))
    void(ana, line, date=day(3))
    sentence = f"Psychotherapy, 45 minutes on {line.invoice} was voided on {day(3):%d %b %Y}."
    for lines in ([line], [other, line]):
        with refused(sentence, line=line):
            void(ana, *lines)


def test_a_draft_cannot_be_voided(ana: Any, smith: Patient, dr1: Provider) -> None:
    draft = InvoiceFactory(patient=smith, provider=dr1, issued=False).lines.get()
    with refused("That invoice line does not exist.", line=draft):
        void(ana, draft)


def test_r8_the_date_is_open_and_never_before_what_is_on_the_line(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, ago=30)
    PaymentFactory(patient=smith, provider=dr1, on={line: "20"}, ago=12)
    untouched = LineFactory(patient=smith, provider=dr1, ago=14, amount="0")
    close_books(day(20))
    closed = (
        f"The date is in a closed period (up to {day(20):%d %b %Y})."
        " Ask an administrator to open it."
    )
    with refused(closed, field="date"):
        void(ana, line, date=day(20))
    with refused("The date is in the future.", field="date"):
        void(ana, line, date=day(-1))
    posted = void(ana, line, date=day(19))
    assert {row.date for row in (*posted.voids, *posted.adjustments, *posted.allocations)} == {
        day(12)
    }
    # Not even where nothing but the mark is written.
    (mark,) = void(ana, untouched, date=day(19)).voids
    assert mark.date == day(14)


def test_r10_sent_twice_it_is_done_once(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    key = uuid4()
    void(ana, line, key=key)
    after = digest()
    assert void(ana, line, key=key).replayed
    assert ledger.void_line(by=ana, line=line, date=day(0), reason="Billed twice", key=key).replayed
    assert digest() == after
    with refused(
        "This form was already saved with other figures. Open it afresh to enter another one."
    ):
        void(ana, line, key=key, reason="Another")


# --- Insurers ------------------------------------------------------------------------------------


def test_an_insurers_money_is_undone_first(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1, amount="100") for _ in range(2))
    check = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: "60"})
    sentence = (
        f"IP-0001 paid 60.00 on {line.invoice}. Undo that payment first, or take it back"
        " with the insurer's next one."
    )
    with refused(sentence, line=line):
        void(ana, other, line)
    reverse(ana, check)
    void(ana, line)
    assert owing(line) == (0, 0)
    assert free(check) == 0


def test_an_insurers_write_off_is_undone_first(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    check = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: ("0", "12.34")})
    sentence = (
        f"IP-0001 wrote off 12.34 on {line.invoice}. Undo that payment first, or take it back"
        " with the insurer's next one."
    )
    with refused(sentence, line=line):
        void(ana, line)
    reverse(ana, check)
    void(ana, line)
    assert [row.amount for row in Adjustment.objects.order_by("pk")] == [
        money("12.34"),
        money("-12.34"),
        100,
    ]


def test_what_the_insurer_took_back_is_no_obstacle(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    InsurancePaymentFactory(payer=blueriver, amount="60", on={line: ("60", "10")})
    part = InsurancePaymentFactory(payer=blueriver, amount="0", on={line: ("-20", "-10")})
    with refused(None, line=line):
        void(ana, line)
    rest = InsurancePaymentFactory(payer=blueriver, amount="-40", on={line: "-40"})
    void(ana, line)
    assert owing(line) == (0, 0)
    assert (free(part), free(rest)) == (20, 0)


@pytest.mark.parametrize("copay_ago", [20, 5], ids=["paid before", "paid after"])
def test_only_the_patients_money_comes_off_though_an_insurer_paid_and_took_back(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, copay_ago: int
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    if copay_ago == 20:
        copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    paid = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: "60"}, ago=10)
    back = InsurancePaymentFactory(payer=blueriver, amount="-60", on={line: "-60"}, ago=9)
    if copay_ago == 5:
        copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"}, ago=5)
    posted = void(ana, line)
    assert [(row.payment, row.amount) for row in posted.allocations] == [(copay, -20)]
    assert (free(copay), free(paid), free(back)) == (20, 0, 0)


def test_the_payment_named_is_the_one_that_holds_something(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """A later check of the same payer that put money on the line and took it off again is not."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    InsurancePaymentFactory(payer=blueriver, amount="30", on={line: ("30", "5")})
    later = InsurancePaymentFactory(payer=blueriver, amount="20", on={line: ("20", "1")})
    pay_from(ana, later, {line: ("-20", "-1")})
    sentence = (
        f"IP-0001 paid 30.00 on {line.invoice}. Undo that payment first, or take it back"
        " with the insurer's next one."
    )
    with refused(sentence, line=line):
        void(ana, line)


def test_a_write_off_of_the_desk_that_an_insurer_took_back_is_undone_first(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """The insurer's write-offs on the line are below nothing: undoing them would raise it."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    ledger.adjust(
        by=ana, line=line, amount=money(10), kind="courtesy", date=day(20), reason="Hardship"
    )
    check = InsurancePaymentFactory(payer=blueriver, amount="50", on={line: ("0", "-10")})
    sentence = (
        f"IP-0001 wrote off -10.00 on {line.invoice}. Undo that payment first, or take it back"
        " with the insurer's next one."
    )
    with refused(sentence, line=line):
        void(ana, line)
    reverse(ana, check)
    void(ana, line)
    assert owing(line) == (0, 0)


def test_an_insurers_payment_that_the_voided_line_still_knows_stays(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """Paid 60 and taken back 60: undoing either would put money on the line, or take it below."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    paid = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: ("60", "10")})
    back = InsurancePaymentFactory(payer=blueriver, amount="-60", on={line: ("-60", "-10")})
    void(ana, line)
    with refused(is_void(line), line=line):
        reverse(ana, back)
    with refused(is_void(line), line=line):
        ledger.void(by=ana, payment=back, reason="Typing error")
    with refused(is_void(line), line=line):
        reverse(ana, paid)


def test_an_insurers_payment_that_was_reversed_before_is_done_with(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line, other = (LineFactory(patient=smith, provider=dr1, amount="100") for _ in range(2))
    check = InsurancePaymentFactory(payer=blueriver, amount="60", on={line: "20", other: "40"})
    pay_from(ana, check, {line: "-20"})
    void(ana, line)
    reverse(ana, check)
    assert (owing(line), owing(other)) == ((0, 0), (0, 100))


# --- Covering ------------------------------------------------------------------------------------


def test_the_money_of_a_reversed_receipt_comes_off_first_and_the_account_is_whole_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    standing = PaymentFactory(patient=smith, provider=dr1, amount="10", on={line: "10"})
    reverse(ana, bounced, unpay_lines=False)
    assert figures(smith, dr1) == (20, -20, 40)
    posted = void(ana, line)
    assert [row.payment for row in posted.allocations] == [bounced, standing]
    assert figures(smith, dr1) == (0, 10, -10)
    assert (free(bounced), free(standing)) == (0, 10)


def test_what_a_voided_line_gives_back_covers_what_a_reversed_receipt_still_pays(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line, kept = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", on={kept: "20"})
    standing = PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"})
    reverse(ana, bounced, unpay_lines=False)
    posted = void(ana, line)
    assert posted.covered == 20
    assert paying(kept) == {standing.number: 20}
    assert (owing(line), owing(kept)) == ((0, 0), (20, 30))
    assert figures(smith, dr1) == (30, 10, 20)


def test_a_receipt_may_be_reversed_after_its_line_was_voided(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    for unpay_lines in (True, False):
        line = LineFactory(patient=smith, provider=dr1, amount="50")
        receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
        void(ana, line)
        reverse(ana, receipt, unpay_lines=unpay_lines)
        assert figures(smith, dr1) == (0, 0, 0)


# --- Afterwards nothing is put on it -------------------------------------------------------------


def test_every_verb_refuses_a_voided_line(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    adjustment = ledger.adjust(
        by=ana, line=line, amount=money(5), kind="courtesy", date=day(20), reason="Hardship"
    ).adjustments[0]
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="50")
    void(ana, line)
    typed: dict[str, Any] = {"by": ana, "date": day(0), "entries": entries({line: "10"})}
    off: dict[str, Any] = {"kind": "courtesy", "reason": "x", "date": day(0), "by": ana}
    back = {"by": ana, "date": day(0), "reason": "x"}
    for act in (
        lambda: ledger.record_payment(
            **typed, patient=smith, provider=dr1, amount=money(10), method="cash"
        ),
        lambda: ledger.record_payment(**typed, payer=blueriver, amount=money(10), method="check"),
        lambda: ledger.allocate(**typed, payment=receipt),
        lambda: ledger.allocate(**typed, payment=check),
        lambda: ledger.allocate_credit(**typed, patient=smith, provider=dr1),
        lambda: ledger.unpay(**back, line=line, amount=money(1)),
        lambda: ledger.adjust(**off, line=line, amount=money(1)),
        lambda: ledger.adjust(**off, line=line, amount=money(-1)),
        lambda: ledger.write_off(**off, entries=entries({line: ("0", "-1")})),
        lambda: ledger.undo_write_off(**back, adjustment=adjustment),
        lambda: ledger.refund(
            **back, payment=receipt, amount=money(1), method="cash", unpay=entries({line: "1"})
        ),
    ):
        with refused(is_void(line), line=line):
            act()
    assert Allocation.objects.count() == 2
