"""Two desks pay at once: the last 50 of a receipt or of a line is given once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing import ledger
from billing.models import Payment
from billing.sharing import Entry
from patients.models import Patient
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing
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


def test_two_desks_allocate_the_last_50_and_exactly_one_wins(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    lines = [LineFactory(patient=patient, provider=provider, amount="50") for _ in range(2)]
    receipt = PaymentFactory(patient=patient, provider=provider, amount="50")

    def allocate(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate(
            by=by, payment=receipt, entries=entries({line: "50"}), date=day(0)
        )

    told = refusals(at_the_same_time(desks, *map(allocate, lines)))
    assert told == ["$50.00 too much is allocated. Lower some lines or correct Amount."]
    assert figures(patient, provider) == (50, 0, 50)
    assert free(receipt) == 0


def test_two_desks_use_the_last_50_of_an_accounts_credit(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    lines = [LineFactory(patient=patient, provider=provider, amount="50") for _ in range(2)]
    PaymentFactory(patient=patient, provider=provider, amount="50")

    def pay(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate_credit(
            by=by,
            patient=patient,
            provider=provider,
            entries=entries({line: "50"}),
            date=day(0),
        )

    told = refusals(at_the_same_time(desks, *map(pay, lines)))
    assert told == ["50.00 more than the credit available."]
    assert figures(patient, provider) == (50, 0, 50)


def test_two_desks_pay_the_last_50_of_one_line(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    line = LineFactory(patient=patient, provider=provider, amount="50")

    def pay() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            patient=patient,
            provider=provider,
            amount=money(50),
            method="cash",
            date=day(0),
            entries=entries({line: "50"}),
        )

    assert refusals(at_the_same_time(desks, pay, pay)) == ["This line only owes 0.00."]
    assert owing(line) == (50, 0)
    assert Payment.objects.count() == 1


def test_two_desks_put_one_check_on_lines_of_different_patients(desks: Desks) -> None:
    """No patient is locked by both; the check itself is."""
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(2)]
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="50")

    def allocate(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate(
            by=by, payment=check, entries=entries({line: "50"}), date=day(0)
        )

    told = refusals(at_the_same_time(desks, *map(allocate, lines)))
    assert told == ["$50.00 too much is allocated. Lower some lines or correct Amount."]
    assert free(check) == 0


def test_a_refund_and_an_allocation_of_the_last_50(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    line = LineFactory(patient=patient, provider=provider, amount="50")
    receipt = PaymentFactory(patient=patient, provider=provider, amount="50")
    outcomes = at_the_same_time(
        desks,
        lambda: ledger.allocate(by=by, payment=receipt, entries=entries({line: "50"}), date=day(0)),
        lambda: ledger.refund(
            by=by, payment=receipt, amount=money(50), method="cash", date=day(0), reason="Asked"
        ),
    )
    assert len(refusals(outcomes)) == 1
    assert free(receipt) == 0


@pytest.mark.parametrize("first", ["refund", "allocate"])
def test_a_refund_that_un_pays_while_another_desk_allocates_the_rest(
    desks: Desks, first: str
) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    line, other = (
        LineFactory(patient=patient, provider=provider, amount="50")
        for patient in [PatientFactory()] * 2
    )
    receipt = PaymentFactory(patient=line.patient, provider=provider, amount="60", on={line: "40"})
    acts: dict[str, Callable[[], Any]] = {
        "refund": lambda: ledger.refund(
            by=by,
            payment=receipt,
            amount=money(60),
            method="cash",
            date=day(0),
            reason="Asked",
            unpay=entries({line: "40"}),
        ),
        "allocate": lambda: ledger.allocate(
            by=by, payment=receipt, entries=entries({other: "20"}), date=day(0)
        ),
    }
    with holding(line.patient):
        desks.start(acts.pop("allocate" if first == "refund" else "refund"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    (told,) = refusals(desks.outcomes())
    if first == "refund":
        assert told == "$20.00 too much is allocated. Lower some lines or correct Amount."
        assert figures(line.patient, provider) == (100, 0, 100)
    else:
        assert told == "Only 40.00 of R-0001 is not allocated."
        assert figures(line.patient, provider) == (40, 0, 40)


def test_a_screen_drawn_before_another_desk_saved_is_stale(desks: Desks) -> None:
    by, payer = OwnerFactory(), PayerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    seen = line.seen
    with holding(line.patient):
        desks.start(
            lambda: ledger.record_payment(
                by=by,
                payer=payer,
                amount=money(60),
                method="check",
                date=day(0),
                entries=[Entry(line.pk, money(60), seen=seen)],
            )
        )
        wait_until_somebody_waits()
        ledger.adjust(
            by=by, line=line, amount=money(5), kind="courtesy", date=day(0), reason="Hardship"
        )
    (told,) = refusals(desks.outcomes())
    assert told.startswith("Someone else changed this session at ")
    assert owing(line) == (0, 95)


def test_who_stops_being_the_guarantor_while_the_payment_waits_pays_nothing(
    desks: Desks,
) -> None:
    by, provider, parent = OwnerFactory(), ProviderFactory(), PatientFactory()
    child = PatientFactory(guarantor=parent)
    line = LineFactory(patient=child, provider=provider, amount="40")
    with holding(child):
        desks.start(
            lambda: ledger.record_payment(
                by=by,
                patient=parent,
                provider=provider,
                amount=money(40),
                method="cash",
                date=day(0),
                entries=entries({line: "40"}),
            )
        )
        wait_until_somebody_waits()
        Patient.objects.filter(pk=child.pk).update(guarantor=None)
    told = refusals(desks.outcomes())
    assert told == ["INV-0001 belongs to another patient; this payment cannot pay it."]
    assert owing(line) == (0, 40)
