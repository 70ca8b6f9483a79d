"""A payment goes on one deposit slip, and waits for whoever is at work on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from billing import ledger
from billing.models import Payment
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
)
from tests.factories.bills import day
from tests.ledger.books import free
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


def deposit(by: Any, *payments: Payment) -> Callable[[], Any]:
    return lambda: ledger.deposit(by=by, payments=payments, date=day(0))


@pytest.mark.parametrize("whose", ["patient", "payer"])
@pytest.mark.parametrize("kind", ["receipt", "refund"])
def test_two_desks_put_one_payment_on_slips_and_the_second_is_told(
    desks: Desks, whose: str, kind: str
) -> None:
    by = OwnerFactory()
    payment = (
        PaymentFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="20")
        if whose == "patient"
        else InsurancePaymentFactory(payer=PayerFactory(), amount="20")
    )
    number = payment.number
    if kind == "refund":
        payment = RefundFactory(payment=payment, amount="5", by=by)
    with transaction.atomic():
        # Both come as far as the number of the slip, if nothing makes the second wait before.
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO billing_numberseries (prefix, next_number) VALUES ('D', 1)")
        for _ in range(2):
            desks.start(deposit(by, payment))
        wait_until_somebody_waits()
        time.sleep(0.3)
    told = refusals(desks.outcomes())
    assert told == [f"{number} is on deposit slip D-0001 already."]


@pytest.mark.parametrize("first", ["deposit", "void"])
def test_a_receipt_is_deleted_while_another_desk_deposits_it(desks: Desks, first: str) -> None:
    by, patient = OwnerFactory(), PatientFactory()
    receipt = PaymentFactory(patient=patient, provider=ProviderFactory(), amount="20")
    acts: dict[str, Callable[[], Any]] = {
        "deposit": deposit(by, receipt),
        "void": lambda: ledger.void(
            by=by, payment=Payment.objects.get(pk=receipt.pk), reason="Typing error"
        ),
    }
    with holding(patient):
        desks.start(acts.pop("void" if first == "deposit" else "deposit"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    assert refusals(desks.outcomes()) == [
        f"R-0001 was deposited on {day(0):%d %b %Y} (D-0001) and cannot be deleted."
        " Reverse it instead."
        if first == "deposit"
        else "R-0001 was deleted."
    ]


def test_an_insurers_check_is_deleted_while_another_desk_deposits_it(desks: Desks) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="60", on={line: "60"})
    outcomes = at_the_same_time(
        desks,
        deposit(by, check),
        lambda: ledger.void(by=by, payment=Payment.objects.get(pk=check.pk), reason="Typing error"),
    )
    (told,) = refusals(outcomes)
    assert told in (
        "IP-0001 was deleted.",
        f"IP-0001 was deposited on {day(0):%d %b %Y} (D-0001) and cannot be deleted."
        " Reverse it instead.",
    )


def test_a_deposit_waits_for_a_desk_that_is_at_work_on_the_same_receipts(desks: Desks) -> None:
    """That desk touches the receipts in no order of ids: its patient is what others wait for."""
    by, provider = OwnerFactory(), ProviderFactory()
    line = LineFactory(patient=PatientFactory(), provider=provider)
    receipts = [
        PaymentFactory(patient=line.patient, provider=provider, amount="20", on={line: "20"})
        for _ in range(2)
    ]
    with transaction.atomic():
        ledger.unpay(by=by, payment=receipts[1], date=day(0), reason="Wrong line")
        desks.start(deposit(by, *receipts))
        wait_until_somebody_waits()
        ledger.unpay(by=by, payment=receipts[0], date=day(0), reason="Wrong line")
    assert refusals(desks.outcomes()) == []
    assert [free(each) for each in receipts] == [20, 20]
