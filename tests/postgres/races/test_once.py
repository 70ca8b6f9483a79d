"""What is sent twice at once is posted once, and of what is the same only one is taken (R10)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from billing import ledger
from billing.models import Allocation, Payment, Submission
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import paying
from tests.postgres.racing import Desks, at_the_same_time, refusals, wait_until_somebody_waits

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


@pytest.mark.parametrize("whose", ["patient", "payer"])
def test_r10_the_same_form_sent_ten_times_at_once_posts_once(desks: Desks, whose: str) -> None:
    by, key, payer = OwnerFactory(), uuid4(), PayerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    who: dict[str, Any] = {"payer": payer, "reference": "104482"}
    if whose == "patient":
        who = {"patient": line.patient, "provider": line.provider}

    def send() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            **who,
            amount=money(60),
            method="check",
            date=day(0),
            entries=entries({line: "50"}),
            key=key,
        )

    outcomes = at_the_same_time(desks, *[send] * 10)
    assert refusals(outcomes) == []
    payment = Payment.objects.get()
    assert {each.payment for each in outcomes} == {payment}
    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 9
    assert Submission.objects.count() == Allocation.objects.count() == 1
    assert paying(line) == {payment.number: 50}


def test_r10_ten_copies_of_a_form_that_is_refused_are_all_refused(desks: Desks) -> None:
    by, key = OwnerFactory(), uuid4()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="10")

    def send() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            patient=line.patient,
            provider=line.provider,
            amount=money(60),
            method="cash",
            date=day(0),
            entries=entries({line: "50"}),
            key=key,
        )

    told = refusals(at_the_same_time(desks, *[send] * 10))
    assert told == ["This line only owes 10.00."] * 10
    assert not Submission.objects.exists()


@pytest.mark.parametrize("written", [("104482", "104482"), ("eft-7a", "EFT-7A")])
def test_r10_two_identical_checks_at_once_one_is_refused_with_a_sentence(
    desks: Desks, written: tuple[str, str]
) -> None:
    by, payer = OwnerFactory(), PayerFactory(name="BlueRiver Health")
    # Somebody is just taking the number, so that both come as far as they can.
    InsurancePaymentFactory(payer=payer, reference="1", amount="1")

    def enter(reference: str) -> Callable[[], Any]:
        return lambda: ledger.record_payment(
            by=by,
            payer=payer,
            amount=money(60),
            method="check",
            reference=reference,
            date=day(0),
        )

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM billing_numberseries FOR UPDATE")
        for reference in written:
            desks.start(enter(reference))
        wait_until_somebody_waits()
        time.sleep(0.3)
    (told,) = refusals(desks.outcomes())
    assert told.startswith("Check ")
    assert " from BlueRiver Health was already entered on " in told
    assert Payment.objects.filter(amount=money(60)).count() == 1
