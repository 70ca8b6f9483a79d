"""A line is voided or written off while another desk pays it, voids it or writes it off too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing import ledger
from tests.factories import (
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import free, owing
from tests.postgres.racing import (
    Desks,
    at_the_same_time,
    holding,
    refusals,
    wait_until_somebody_waits,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


def void_line(by: Any, line: Any) -> Callable[[], Any]:
    return lambda: ledger.void_line(by=by, line=line, date=day(0), reason="Billed twice")


@pytest.mark.parametrize("first", ["void_line", "allocate"])
def test_a_line_is_voided_while_another_desk_pays_it(desks: Desks, first: str) -> None:
    """Paid first, the money is credit again; voided first, the other desk reads why."""
    by, provider = OwnerFactory(), ProviderFactory()
    line = LineFactory(patient=PatientFactory(), provider=provider, amount="50")
    receipt = PaymentFactory(patient=line.patient, provider=provider, amount="50")
    acts = {
        "void_line": void_line(by, line),
        "allocate": lambda: ledger.allocate(
            by=by, payment=receipt, entries=entries({line: "50"}), date=day(0)
        ),
    }
    with holding(line.patient):
        desks.start(acts.pop("allocate" if first == "void_line" else "void_line"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    told = refusals(desks.outcomes())
    assert told == (
        [f"Psychotherapy, 45 minutes on {line.invoice} was voided on {day(0):%d %b %Y}."]
        if first == "void_line"
        else []
    )
    assert (owing(line), free(receipt)) == ((0, 0), 50)


def test_two_desks_void_one_line_and_the_second_is_told(desks: Desks) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    (told,) = refusals(at_the_same_time(desks, void_line(by, line), void_line(by, line)))
    assert told == f"Psychotherapy, 45 minutes on {line.invoice} was voided on {day(0):%d %b %Y}."
    assert owing(line) == (0, 0)


@pytest.mark.parametrize("first", ["void_line", "insurer"])
def test_a_line_is_voided_while_an_insurer_pays_it(desks: Desks, first: str) -> None:
    by, payer = OwnerFactory(), PayerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="50")
    acts: dict[str, Callable[[], Any]] = {
        "void_line": void_line(by, line),
        "insurer": lambda: ledger.record_payment(
            by=by,
            payer=payer,
            amount=money(40),
            method="check",
            date=day(0),
            entries=entries({line: ("40", "10")}),
        ),
    }
    with holding(line.patient):
        desks.start(acts.pop("insurer" if first == "void_line" else "void_line"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    (told,) = refusals(desks.outcomes())
    assert told.startswith(
        "Psychotherapy, 45 minutes on INV-0001 was voided on "
        if first == "void_line"
        else "IP-0001 paid 40.00 on INV-0001. Undo that payment first"
    )


def test_crossing_voids_of_the_same_lines_do_not_deadlock(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(6)]
    for line in lines:
        PaymentFactory(patient=line.patient, provider=provider, on={line: "20"})

    def void(order: list[Any]) -> Callable[[], Any]:
        return lambda: ledger.void_lines(by=by, lines=order, date=day(0), reason="Billed twice")

    told = refusals(at_the_same_time(desks, void(lines), void(lines[::-1]), void(lines[2:])))
    assert len(told) == 2
    assert all(" was voided on " in each for each in told)
    assert [owing(line) for line in lines[2:]] == [(0, 0)] * 4


def test_two_desks_write_off_the_same_rest_and_exactly_one_does(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [
        LineFactory(patient=PatientFactory(), provider=provider, amount="4.99") for _ in range(4)
    ]

    def write_off(order: list[Any]) -> Callable[[], Any]:
        return lambda: ledger.write_off(
            by=by,
            entries=entries(dict.fromkeys(order, ("0", "4.99"))),
            kind="small_balance",
            date=day(0),
            reason="Small balance",
        )

    told = refusals(at_the_same_time(desks, write_off(lines), write_off(lines[::-1])))
    assert told == ["This line only owes 0.00."]
    assert [owing(line) for line in lines] == [(0, 0)] * 4


def test_two_desks_undo_one_write_off_and_the_second_is_told(desks: Desks) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="50")
    (adjustment,) = ledger.adjust(
        by=by, line=line, amount=money(5), kind="courtesy", date=day(3), reason="Hardship"
    ).adjustments

    def undo() -> ledger.Posted:
        return ledger.undo_write_off(
            by=by, adjustment=adjustment, date=day(0), reason="Paid after all"
        )

    told = refusals(at_the_same_time(desks, undo, undo))
    assert told == [f"This write-off was already undone on {day(0):%d %b %Y}."]
    assert owing(line) == (0, 50)
