"""DESIGN §2.1 to the cent: seed 1 (unallocated of a payment) and seed 2 (negative credit)."""

from decimal import Decimal
from typing import Any

import pytest

from billing import balances, ledger
from billing.models import InvoiceLine, Kind, Payment
from billing.money import show
from billing.sharing import Entry, LineState, share_out
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, InvoiceFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying

# --- Seed 1: Unallocated of an insurance payment -------------------------------------------------

SEED_1 = [
    # amount, on each session, unallocated
    ("200", [], "200.00"),
    ("200", ["100"], "100.00"),
    ("200", ["100", "100"], "0.00"),
    ("200", ["100", "100", "100"], "-100.00"),
    ("250", ["100", "100"], "50.00"),
    ("250", ["100", "100", "100"], "-50.00"),
]


@pytest.mark.parametrize(("amount", "typed", "unallocated"), SEED_1)
def test_seed_1_unallocated_is_shown_live(amount: str, typed: list[str], unallocated: str) -> None:
    lines = [LineState(id=number, amount=money(100)) for number in (1, 2, 3)]
    boxes = {number: Entry(number, money(paid)) for number, paid in enumerate(typed, start=1)}
    shared = share_out(money(amount), lines, boxes, from_insurer=True)
    assert show(shared.unallocated) == unallocated


@pytest.mark.parametrize(
    ("amount", "typed", "unallocated"), [row for row in SEED_1 if not row[2].startswith("-")]
)
def test_seed_1_unallocated_is_saved_as_it_was_shown(
    amount: str,
    typed: list[str],
    unallocated: str,
    blueriver: Payer,
    okafor: Patient,
    dr1: Provider,
) -> None:
    invoice = InvoiceFactory(patient=okafor, provider=dr1, amounts=["100"] * 3, owed_by=blueriver)
    on = dict(zip(invoice.lines.order_by("pk"), typed, strict=False))
    payment = InsurancePaymentFactory(payer=blueriver, amount=amount, on=on)
    assert payment.unallocated == Decimal(unallocated)
    for line in invoice.lines.order_by("pk"):
        assert owing(line) == ((100, 0) if line in on else (0, 100))


def test_seed_1_goes_down_step_by_step_on_a_saved_payment(
    ana: Any, blueriver: Payer, okafor: Patient, dr1: Provider
) -> None:
    one, two = (LineFactory(patient=okafor, provider=dr1, owed_by=blueriver) for _ in range(2))
    payment = InsurancePaymentFactory(payer=blueriver, amount="200")
    assert free(payment) == 200
    ledger.allocate(by=ana, payment=payment, entries=entries({one: "100"}), date=day(0))
    assert free(payment) == 100
    ledger.allocate(by=ana, payment=payment, entries=entries({two: "100"}), date=day(0))
    assert free(payment) == 0
    assert figures(okafor, dr1) == (0, 0, 0)


def test_seed_1_correct_payment_voids_it_and_its_copy_may_have_the_same_number(
    ana: Any, blueriver: Payer, okafor: Patient, dr1: Provider
) -> None:
    lines = [LineFactory(patient=okafor, provider=dr1) for _ in range(2)]
    on = dict.fromkeys(lines, "100")
    wrong = InsurancePaymentFactory(payer=blueriver, amount="200", reference="104482", on=on)
    ledger.void(by=ana, payment=wrong, reason="Wrong amount")
    assert figures(okafor, dr1) == (200, 0, 200)
    right = InsurancePaymentFactory(payer=blueriver, amount="250", reference="104482", on=on)
    assert right.unallocated == 50
    assert figures(okafor, dr1) == (0, 0, 0)


# --- Seed 2: Mr Smith and Dr 1 -------------------------------------------------------------------


class Story:
    """Seed 2, one method a row of the table."""

    def __init__(self, by: Any, patient: Patient, provider: Provider) -> None:
        self.by, self.patient, self.provider = by, patient, provider
        self.line: InvoiceLine = LineFactory(patient=patient, provider=provider, amount="50")
        self.payment: Payment

    @property
    def figures(self) -> tuple[Decimal, Decimal, Decimal]:
        return figures(self.patient, self.provider)

    def pay(self, amount: str) -> Payment:
        self.payment = PaymentFactory(
            patient=self.patient, provider=self.provider, amount=amount, ago=20
        )
        return self.payment

    def allocate(self, amount: str) -> None:
        ledger.allocate(
            by=self.by,
            payment=self.payment,
            entries=entries({self.line: amount}),
            date=day(10),
        )

    def undo(self, how: str, *, unpay_lines: bool) -> Payment:
        what: dict[str, Any] = {
            "by": self.by,
            "payment": self.payment,
            "reason": "Entered in error",
            "unpay_lines": unpay_lines,
        }
        posted = ledger.void(**what) if how == "void" else ledger.reverse(**what, date=day(5))
        assert posted.payment
        return posted.payment

    def credit_allocation(self, amount: str) -> None:
        ledger.allocate_credit(
            by=self.by,
            patient=self.patient,
            provider=self.provider,
            entries=entries({self.line: amount}),
            date=day(0),
        )

    def history(self, *, deleted: bool = False) -> list[tuple[str, Any, Any, Decimal]]:
        """(what, charge, paid, balance) of the history's rows, newest first."""
        return [
            (
                row.payment.get_kind_display() if row.payment else "Invoice line",
                row.charge,
                row.paid,
                row.balance,
            )
            for row in balances.history(self.patient, deleted=deleted)
        ]

    def assert_history_adds_up(self) -> None:
        for deleted in (False, True):
            rows = balances.history(self.patient, deleted=deleted)
            assert sum(row.balance for row in rows) == self.figures[2]


@pytest.fixture
def story(ana: Any, smith: Patient, dr1: Provider) -> Story:
    return Story(ana, smith, dr1)


UNDOINGS = pytest.mark.parametrize("how", ["reverse", "void"])


@UNDOINGS
def test_seed_2_then_un_pay_on_credit_allocation(story: Story, how: str) -> None:
    assert story.figures == (50, 0, 50)
    story.pay("20")
    assert story.figures == (50, 20, 30)
    story.allocate("20")
    assert story.figures == (30, 0, 30)
    story.undo(how, unpay_lines=False)
    assert story.figures == (30, -20, 50)
    story.credit_allocation("-20")
    assert story.figures == (50, 0, 50)
    assert owing(story.line) == (0, 50)


@UNDOINGS
def test_seed_2_or_do_nothing_and_the_next_payment_covers_it(story: Story, how: str) -> None:
    first = story.pay("20")
    story.allocate("20")
    story.undo(how, unpay_lines=False)
    second = story.pay("50")
    assert story.figures == (30, 30, 0)
    assert paying(story.line) == {second.number: 20}, "the line says by what it is paid now"
    assert free(first) == 0
    story.allocate("30")
    assert story.figures == (0, 0, 0)
    assert paying(story.line) == {second.number: 50}
    assert free(second) == 0


@UNDOINGS
def test_seed_2_un_pay_the_lines_at_once(story: Story, how: str) -> None:
    story.pay("20")
    story.allocate("20")
    story.undo(how, unpay_lines=True)
    assert story.figures == (50, 0, 50)
    assert paying(story.line) == {}


@UNDOINGS
@pytest.mark.parametrize("unpay_lines", [True, False])
def test_seed_2_undone_before_it_was_allocated(story: Story, how: str, unpay_lines: bool) -> None:
    story.pay("20")
    assert story.figures == (50, 20, 30)
    story.undo(how, unpay_lines=unpay_lines)
    assert story.figures == (50, 0, 50)


@UNDOINGS
def test_seed_2_backwards_allocating_again_after_the_un_pay(story: Story, how: str) -> None:
    """Every row of the table from its end to its beginning."""
    story.pay("20")
    story.allocate("20")
    story.undo(how, unpay_lines=False)
    second = story.pay("50")
    story.allocate("30")
    assert story.figures == (0, 0, 0)
    story.credit_allocation("-30")
    assert story.figures == (30, 30, 0)
    story.credit_allocation("-20")
    assert story.figures == (50, 50, 0)
    story.payment = second
    story.undo(how, unpay_lines=True)
    assert story.figures == (50, 0, 50)


@UNDOINGS
def test_seed_2_reversing_what_covers_leaves_it_negative_again(story: Story, how: str) -> None:
    story.pay("20")
    story.allocate("20")
    story.undo(how, unpay_lines=False)
    story.pay("50")
    assert story.figures == (30, 30, 0)
    story.undo(how, unpay_lines=False)
    assert story.figures == (30, -20, 50)


def test_seed_2_un_pay_in_part(story: Story) -> None:
    """FIELD §2.5: un-pay 5 of 20 → line 35, credit 5 if the payment stands."""
    story.pay("20")
    story.allocate("20")
    story.credit_allocation("-5")
    assert story.figures == (35, 5, 30)


def test_field_2_5_other_credit_takes_over_what_a_bounced_payment_paid(story: Story) -> None:
    """P 20 on the line, Q has 35: the line stays paid by Q, Q has 15 left, net up by 20."""
    bounced = story.pay("20")
    story.allocate("20")
    other = story.pay("35")
    assert story.figures == (30, 35, -5)
    story.payment = bounced
    story.undo("reverse", unpay_lines=False)
    assert story.figures == (30, 15, 15)
    assert paying(story.line) == {other.number: 20}
    assert free(other) == 15


def test_field_2_6_a_refund_leaves_nothing_to_match_later(
    story: Story, ana: Any, smith: Patient, dr1: Provider
) -> None:
    payment = story.pay("100")
    story.allocate("40")
    ledger.refund(
        by=ana, payment=payment, amount=money(60), method="cash", date=day(0), reason="Asked"
    )
    assert free(payment) == 0
    assert figures(smith, dr1) == (10, 0, 10)


def test_field_2_8_credit_belongs_to_the_provider_it_was_taken_for(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    thirty = LineFactory(patient=smith, provider=dr1, amount="30")
    seventy = LineFactory(patient=smith, provider=dr2, amount="70")
    payment = PaymentFactory(
        patient=smith, provider=dr1, amount="100", on={thirty: "30", seventy: "70"}
    )
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(smith, dr2) == (0, 0, 0)
    assert free(payment) == 0


# --- Seed 2: the history -------------------------------------------------------------------------


@UNDOINGS
def test_after_un_pay_the_history_has_three_rows(story: Story, how: str) -> None:
    story.pay("20")
    story.allocate("20")
    story.undo(how, unpay_lines=False)
    story.credit_allocation("-20")
    undone = "Deleted payment" if how == "void" else "Reversed payment"
    assert story.history(deleted=True) == [
        ("Payment", None, 20, 0),
        (undone, None, -20, 0),
        ("Invoice line", 50, 0, 50),
    ]
    story.assert_history_adds_up()


def test_a_reversed_payment_and_its_reversal_stay_in_the_history(story: Story) -> None:
    story.pay("20")
    story.allocate("20")
    story.undo("reverse", unpay_lines=True)
    assert len(story.history()) == 3


def test_a_voided_payment_and_its_void_leave_the_history(story: Story) -> None:
    story.pay("20")
    story.allocate("20")
    story.undo("void", unpay_lines=True)
    assert story.history() == [("Invoice line", 50, 0, 50)]
    assert len(story.history(deleted=True)) == 3
    story.assert_history_adds_up()


def test_a_voided_payment_stays_in_the_history_while_it_still_pays_a_line(story: Story) -> None:
    story.pay("20")
    story.allocate("20")
    story.undo("void", unpay_lines=False)
    assert story.history() == [
        ("Payment", None, 20, 0),
        ("Deleted payment", None, -20, 20),
        ("Invoice line", 50, 20, 30),
    ]
    story.assert_history_adds_up()
    story.credit_allocation("-20")
    assert story.history() == [("Invoice line", 50, 0, 50)]


@UNDOINGS
@pytest.mark.parametrize("unpay_lines", [True, False])
def test_the_balances_of_the_history_add_up_to_net_at_every_step(
    story: Story, how: str, unpay_lines: bool
) -> None:
    story.assert_history_adds_up()
    story.pay("20")
    story.assert_history_adds_up()
    story.allocate("20")
    story.assert_history_adds_up()
    story.undo(how, unpay_lines=unpay_lines)
    story.assert_history_adds_up()
    story.pay("65")
    story.assert_history_adds_up()
    story.credit_allocation("15")
    story.assert_history_adds_up()
    story.undo(how, unpay_lines=unpay_lines)
    story.assert_history_adds_up()


@UNDOINGS
def test_the_balances_of_the_history_add_up_with_refunds_and_transfers(
    story: Story, how: str, ana: Any, smith: Patient, dr2: Provider
) -> None:
    first = story.pay("100")
    story.allocate("50")
    what: dict[str, Any] = {"by": ana, "payment": first, "date": day(0), "reason": "Asked"}
    ledger.refund(**what, amount=money(10), method="cash")
    ledger.transfer(**what, amount=money(15), patient=smith, provider=dr2)
    net = balances.total(balances.accounts(smith)).net
    assert sum(row.balance for row in balances.history(smith, deleted=True)) == net
    story.undo(how, unpay_lines=False)
    net = balances.total(balances.accounts(smith)).net
    assert sum(row.balance for row in balances.history(smith, deleted=True)) == net
    assert sum(row.balance for row in balances.history(smith)) == net


def test_the_reversal_stands_directly_under_its_payment(story: Story) -> None:
    bounced = story.pay("20")
    undoing = story.undo("reverse", unpay_lines=True)
    later = story.pay("30")
    rows = balances.history(story.patient)
    assert [row.payment for row in rows] == [later, bounced, undoing, None]
    assert [row.under for row in rows] == [False, False, True, False]


def test_money_rows_of_the_story_are_all_still_there(story: Story) -> None:
    """R1: nothing of it was changed or deleted; the undoing is a row of its own."""
    story.pay("20")
    story.allocate("20")
    undoing = story.undo("reverse", unpay_lines=True)
    assert undoing.kind == Kind.REVERSAL
    assert undoing.original == story.payment
    assert [row.amount for row in story.payment.allocations.order_by("pk")] == [20, -20]
