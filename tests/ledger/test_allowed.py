"""Who may do what, where the money moves: whatever the door, the verb asks."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Adjustment, Clinic, InvoiceLine, Kind, Payment
from config.roles import ACCOUNTANT, ADMINISTRATOR, BILLER, FRONT_DESK
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import refused
from tests.ledger.every_verb import EVERY_VERB, clinic

BILLERS = "Ask a biller."
ABOVE = "A refund above $50.00 needs somebody who may pay more back: ask a biller."
WRITTEN_ABOVE = "A write-off above $50.00 needs somebody who may write off more: ask a biller."


def somebody(role: str) -> Any:
    """A new person of this role: rights are asked of the database once for each object."""
    return UserFactory(username=role, roles=[role])


@pytest.fixture
def ana(db: None) -> Any:
    return somebody(FRONT_DESK)


@pytest.fixture
def tomas(db: None) -> Any:
    return somebody(BILLER)


# ---------------------------------------------------------------------------- every verb, every role

# Everything was entered by somebody else. F front desk, B biller, A accountant, D administrator.
MAY = {
    "record_payment of a patient": "FB",
    "record_payment of a payer": "FB",
    "record_payment for the family": "FB",
    "allocate of a patient": "FB",
    "allocate of a payer": "FB",
    "allocate_credit": "FB",
    "unpay a payment": "FB",
    "unpay a line": "FB",
    "adjust": "FB",
    "write_off": "FB",
    "undo_write_off": "FB",
    "reverse of a patient": "B",
    "reverse of a payer": "B",
    "void": "B",
    "refund": "FB",
    "refund that un-pays first": "FB",
    "transfer": "FB",
    "issue_invoice": "FB",
    "record_opening": "D",
    "issue_invoices": "FB",
    "void_line": "B",
    "void_lines": "B",
    "deposit": "FB",
    "make_journal_batch": "A",
}
LETTERS = {"F": FRONT_DESK, "B": BILLER, "A": ACCOUNTANT, "D": ADMINISTRATOR, "N": ""}


def test_every_verb_is_in_the_table() -> None:
    assert MAY.keys() == EVERY_VERB.keys()


@pytest.mark.django_db
@pytest.mark.parametrize("name", EVERY_VERB)
def test_a_verb_asks_for_its_right(name: str) -> None:
    here = clinic()
    more = {} if name in ("void", "make_journal_batch") else {"date": day(0)}
    for letter in sorted(LETTERS, key=lambda letter: letter in MAY[name]):  # who may comes last
        by = UserFactory(username=f"person-{letter}", roles=[LETTERS[letter]])
        there = replace(here, by=by)
        if letter not in MAY[name]:
            with refused(None, error=ledger.NotAllowedError):
                EVERY_VERB[name](there, **more)
    EVERY_VERB[name](replace(here, by=somebody(LETTERS[MAY[name][0]])), **more)


@pytest.mark.django_db
def test_closing_is_for_accountants_and_administrators() -> None:
    sentence = "You may not close or reopen periods. Ask an accountant or an administrator."
    with refused(sentence):
        ledger.close_period(by=somebody(BILLER), through=day(9), seen=None)
    ledger.close_period(by=somebody(ACCOUNTANT), through=day(9), seen=None)
    with refused(sentence):
        ledger.reopen_period(by=somebody(BILLER), through=day(20), seen=day(9), reason="Late")
    ledger.reopen_period(by=somebody(ADMINISTRATOR), through=day(20), seen=day(9), reason="Late")


def test_a_superuser_may_everything(smith: Patient, dr1: Provider) -> None:
    owner = UserFactory(username="owner", roles=[], is_superuser=True)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20")
    assert ledger.void(by=owner, payment=receipt, reason="Entered twice").payment


def test_over_allocating_asks_for_its_right(ana: Any, tomas: Any, blueriver: Payer) -> None:
    def record(by: Any) -> ledger.Posted:
        line = LineFactory(amount="100")
        return ledger.record_payment(
            by=by,
            payer=blueriver,
            amount=money(80),
            method="check",
            date=day(0),
            entries=entries({line: "100"}),
            over_allocation_reason="The rest comes tomorrow",
        )

    LineFactory(amount="100")
    with pytest.raises(ledger.NotAllowedError, match=r"You may not over-allocate .* Ask a biller"):
        record(ana)
    assert record(tomas).receipt.unallocated == -20


# ---------------------------------------------------------------------------- undoing


def reverse(by: Any, row: Payment) -> ledger.Posted:
    return ledger.reverse(by=by, payment=row, date=day(0), reason="Wrong amount")


def void(by: Any, row: Payment) -> ledger.Posted:
    return ledger.void(by=by, payment=row, reason="Wrong amount")


@pytest.mark.parametrize("undo", [reverse, void])
def test_ones_own_payment_of_today_may_be_undone(
    undo: Any, ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    undo(ana, PaymentFactory(patient=smith, provider=dr1, amount="20", by=ana))
    undo(ana, InsurancePaymentFactory(payer=blueriver, amount="20", by=ana))


@pytest.mark.parametrize(
    ("undo", "what"), [(reverse, "reverse"), (void, "delete")], ids=["reverse", "void"]
)
def test_other_peoples_and_earlier_ones_need_a_right(
    undo: Any, what: str, ana: Any, tomas: Any, smith: Patient, dr1: Provider
) -> None:
    theirs = PaymentFactory(patient=smith, provider=dr1, amount="20", by=tomas)
    sentence = f"You may not {what} payments of other people and of earlier days. {BILLERS}"
    with refused(sentence, error=ledger.NotAllowedError):
        undo(ana, theirs)
    yesterday = timezone.now() - datetime.timedelta(days=1)
    with mock.patch("billing.ledger.posting.timezone.now", return_value=yesterday):
        earlier = PaymentFactory(patient=smith, provider=dr1, amount="20", by=ana, ago=3)
    assert earlier.created_by == ana
    with refused(sentence):
        undo(ana, earlier)
    undo(somebody(BILLER), theirs)
    undo(somebody(BILLER), earlier)


def test_ones_own_refund_and_transfer_of_today_too(
    ana: Any, tomas: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", by=tomas)
    mine = refund(ana, receipt, "10")
    theirs = refund(tomas, receipt, "10")
    moved = TransferFactory(payment=receipt, amount="5", provider=dr2, by=ana)
    reverse(ana, mine)
    reverse(ana, moved)
    with refused(None, error=ledger.NotAllowedError):
        reverse(ana, theirs)


# ---------------------------------------------------------------------------- limits


def set_limits(amount: str | None) -> None:
    limit = None if amount is None else money(amount)
    Clinic.objects.update_or_create(
        pk=Clinic.ONLY,
        defaults={"name": "Harbor Clinic", "refund_limit": limit, "write_off_limit": limit},
    )


def refund(by: Any, payment: Payment, amount: str) -> Payment:
    return ledger.refund(
        by=by,
        payment=payment,
        amount=money(amount),
        method="cash",
        date=day(0),
        reason="Overpaid",
    ).receipt


def write_off(by: Any, line: InvoiceLine, amount: str) -> Adjustment:
    return ledger.adjust(
        by=by, line=line, amount=money(amount), kind="courtesy", date=day(0), reason="Hardship"
    ).adjustments[0]


def test_without_a_limit_any_amount_passes(ana: Any, smith: Patient, dr1: Provider) -> None:
    refund(ana, PaymentFactory(patient=smith, provider=dr1, amount="900"), "900")
    write_off(ana, LineFactory(patient=smith, provider=dr1, amount="900"), "900")


def test_a_limit_of_nothing_lets_nothing_pass(ana: Any, smith: Patient, dr1: Provider) -> None:
    set_limits("0")
    with pytest.raises(ledger.NotAllowedError, match=r"A refund above \$0.00 needs"):
        refund(ana, PaymentFactory(patient=smith, provider=dr1, amount="9"), "0.01")


def test_a_refund_above_the_limit_needs_a_biller(
    ana: Any, tomas: Any, smith: Patient, dr1: Provider
) -> None:
    set_limits("50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="200")
    with refused(ABOVE, field="amount", error=ledger.NotAllowedError):
        refund(ana, receipt, "50.01")
    refund(ana, receipt, "50")
    refund(tomas, receipt, "150")


def test_a_refund_is_not_paid_in_halves(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    """Not of one receipt, nor of another provider's, nor by way of a child's account."""
    set_limits("50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="200")
    other = PaymentFactory(patient=smith, provider=dr2, amount="200")
    child = PatientFactory(guarantor=smith)
    childs = PaymentFactory(patient=child, provider=dr1, amount="200")
    first = refund(ana, receipt, "30")
    counted = " You paid back $30.00 for this family in the last 30 days, which counts too."
    for again in (receipt, other, childs):
        with refused(ABOVE + counted, field="amount"):
            refund(ana, again, "30")
    refund(ana, childs, "20")  # as far as it goes
    stranger = PaymentFactory(patient=PatientFactory(), provider=dr1, amount="200")
    refund(ana, stranger, "50")
    refund(somebody_else(), receipt, "50")  # what others did does not count
    reverse(ana, first)
    refund(ana, receipt, "30")  # what was undone does not count either


def somebody_else() -> Any:
    return UserFactory(username="ben", roles=[FRONT_DESK])


def test_refunds_of_long_ago_do_not_count(ana: Any, smith: Patient, dr1: Provider) -> None:
    set_limits("50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="200")
    long_ago = timezone.now() - datetime.timedelta(days=31)
    with mock.patch("billing.ledger.posting.timezone.now", return_value=long_ago):
        old = PaymentFactory(patient=smith, provider=dr1, amount="200", ago=40)
        RefundFactory(payment=old, amount="50", ago=35, by=ana)
    refund(ana, receipt, "50")


def test_an_insurers_refund_counts_for_the_insurer(ana: Any, blueriver: Payer) -> None:
    set_limits("50")
    check = InsurancePaymentFactory(payer=blueriver, amount="200")
    refund(ana, check, "50")
    with pytest.raises(ledger.NotAllowedError):
        refund(ana, check, "0.01")


def test_a_write_off_above_the_limit_needs_a_biller(
    ana: Any, tomas: Any, smith: Patient, dr1: Provider
) -> None:
    set_limits("50")
    line = LineFactory(patient=smith, provider=dr1, amount="200")
    with refused(WRITTEN_ABOVE, error=ledger.NotAllowedError):
        write_off(ana, line, "50.01")
    write_off(ana, line, "50")
    write_off(tomas, line, "150")


def test_a_write_off_is_not_made_in_parts(ana: Any, smith: Patient, dr1: Provider) -> None:
    """Not of one line, nor over the lines of the family, nor over several in one form."""
    set_limits("50")
    child = PatientFactory(guarantor=smith)
    line, other, childs = (
        LineFactory(patient=patient, provider=dr1, amount="200")
        for patient in (smith, smith, child)
    )
    with refused(WRITTEN_ABOVE):
        ledger.write_off(
            by=ana,
            entries=entries({line: ("0", "26"), childs: ("0", "26")}),
            kind="courtesy",
            date=day(0),
            reason="Hardship",
        )
    row = write_off(ana, line, "30")
    counted = " You wrote off $30.00 for this family in the last 30 days, which counts too."
    for again in (line, other, childs):
        with refused(WRITTEN_ABOVE + counted):
            write_off(ana, again, "30")
    write_off(ana, LineFactory(provider=dr1, amount="200"), "50")
    ledger.undo_write_off(by=ana, adjustment=row, date=day(0), reason="Paid after all")
    write_off(ana, line, "50")


def test_nor_by_putting_something_on_and_taking_it_off_again(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """Undoing a negative write-off takes as much off as a write-off does."""
    set_limits("50")
    line = LineFactory(patient=smith, provider=dr1, amount="200")
    put_on = write_off(ana, line, "-100")
    with refused(WRITTEN_ABOVE):
        ledger.undo_write_off(by=ana, adjustment=put_on, date=day(0), reason="Mistake")


def test_what_an_insurer_writes_off_is_not_the_clinics(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    set_limits("50")
    lines = [LineFactory(patient=smith, provider=dr1, amount="200") for _ in range(2)]
    InsurancePaymentFactory(
        payer=blueriver, amount="100", by=ana, on=dict.fromkeys(lines, ("50", "100"))
    )
    write_off(ana, lines[0], "50")


def test_the_form_is_told_the_same_sentence(
    ana: Any, tomas: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="200")
    assert ledger.limit_on_refund(ana, receipt) == ledger.limit_on_write_off(ana, smith) == ""
    set_limits("50")
    assert ledger.limit_on_refund(ana, receipt) == ABOVE
    assert ledger.limit_on_write_off(ana, smith) == WRITTEN_ABOVE
    assert ledger.limit_on_refund(tomas, receipt) == ledger.limit_on_write_off(tomas, smith) == ""
    assert ledger.why_not_undone_by(ana, receipt, Kind.REVERSAL).startswith("You may not reverse")


def test_the_owner_of_a_small_clinic_has_every_role(smith: Patient, dr1: Provider) -> None:
    set_limits("50")
    refund(OwnerFactory(), PaymentFactory(patient=smith, provider=dr1, amount="200"), "200")
