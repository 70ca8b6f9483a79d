"""Reversals and transfers at once: none is made twice, none is forgotten, none deadlocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billing import balances, ledger
from billing.models import Payment
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
from tests.ledger.books import figures, free, owing, transfers
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


def test_two_desks_reverse_one_payment_and_the_second_is_told(desks: Desks) -> None:
    ana = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})

    def reverse() -> ledger.Posted:
        fresh = Payment.objects.get(pk=receipt.pk)
        return ledger.reverse(by=ana, payment=fresh, date=day(0), reason="Bounced")

    (told,) = refusals(at_the_same_time(desks, reverse, reverse))
    assert told.startswith("This payment was already reversed at ")
    assert told.endswith(" by Ana.")
    assert Payment.objects.filter(kind="reversal").count() == 1
    assert owing(line) == (0, 100)


def test_crossing_reversals_of_two_checks_do_not_deadlock(desks: Desks) -> None:
    """Each check pays lines of all patients, in opposite order."""
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(6)]
    checks_ = [
        InsurancePaymentFactory(payer=PayerFactory(), amount="240", on=dict.fromkeys(order, "40"))
        for order in (lines, lines[::-1])
    ]

    def reverse(payment: Payment) -> Callable[[], Any]:
        return lambda: ledger.reverse(by=by, payment=payment, date=day(0), reason="Bounced")

    assert refusals(at_the_same_time(desks, *map(reverse, checks_))) == []
    assert [owing(line) for line in lines] == [(0, 100)] * 6


def test_crossing_transfers_between_two_patients_do_not_deadlock(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    patients = [PatientFactory(), PatientFactory()]
    receipts = [PaymentFactory(patient=each, provider=provider, amount="100") for each in patients]

    def transfer(source: Payment, to: Patient) -> Callable[[], Any]:
        return lambda: ledger.transfer(
            by=by,
            payment=source,
            amount=money(10),
            patient=to,
            provider=provider,
            date=day(0),
            reason="Family",
        )

    acts = [transfer(receipts[n % 2], patients[1 - n % 2]) for n in range(8)]
    assert refusals(at_the_same_time(desks, *acts)) == []
    assert [figures(each, provider)[1] for each in patients] == [100, 100]


def test_every_verb_at_once_on_two_patients_ends_without_a_deadlock(desks: Desks) -> None:
    by, payer = OwnerFactory(), PayerFactory()
    patients = [PatientFactory(), PatientFactory()]
    providers = [ProviderFactory(), ProviderFactory()]
    lines = [
        LineFactory(patient=patient, provider=provider, amount="1000")
        for patient in patients
        for provider in providers
    ]

    def a_busy_minute(number: int) -> Callable[[], Any]:
        mine = lines if number % 2 else lines[::-1]

        def work() -> None:
            for turn in range(4):
                line = mine[turn]
                check = ledger.record_payment(
                    by=by,
                    payer=payer,
                    amount=money(40),
                    method="check",
                    date=day(0),
                    entries=entries(dict.fromkeys(mine, "10")),
                ).payment
                receipt = ledger.record_payment(
                    by=by,
                    patient=line.patient,
                    provider=line.provider,
                    amount=money(30),
                    method="cash",
                    date=day(0),
                    entries=entries({line: "20"}),
                ).payment
                assert check
                assert receipt
                for payment in (check, receipt):
                    ledger.reverse(
                        by=by,
                        payment=payment,
                        date=day(0),
                        reason="Bounced",
                        unpay_lines=bool(turn % 2),
                    )

        return work

    assert refusals(at_the_same_time(desks, *(a_busy_minute(n) for n in range(4)))) == []


def test_a_transfer_pair_written_while_a_reversal_waits_is_reversed_with_it(
    desks: Desks,
) -> None:
    """R5 and Reversing: transfers made from it are reversed first, however late they came."""
    by, patient = OwnerFactory(), PatientFactory()
    dr1, dr2 = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
    theirs = LineFactory(patient=patient, provider=dr2, amount="70")
    receipt = PaymentFactory(patient=patient, provider=dr1, amount="100")
    with holding(patient):
        desks.start(
            lambda: ledger.reverse(
                by=by,
                payment=Payment.objects.get(pk=receipt.pk),
                date=day(0),
                reason="Bounced",
            )
        )
        wait_until_somebody_waits()
        ledger.allocate(by=by, payment=receipt, entries=entries({theirs: "60"}), date=day(0))
    assert refusals(desks.outcomes()) == []
    assert [undone for *_rest, undone in transfers(patient)] == [True, True]
    assert figures(patient, dr1) == (0, 0, 0)
    assert figures(patient, dr2) == (70, 0, 70)


def test_a_line_allocated_while_a_checks_reversal_waits_is_never_left_paid(
    desks: Desks,
) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    first, later = (LineFactory(patient=PatientFactory(), provider=provider) for _ in range(2))
    copay = PaymentFactory(patient=later.patient, provider=provider, on={later: "20"})
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="150", on={first: "50"})
    with holding(first.patient):
        desks.start(
            lambda: ledger.reverse(
                by=by, payment=Payment.objects.get(pk=check.pk), date=day(0), reason="Bounced"
            )
        )
        wait_until_somebody_waits()
        ledger.allocate(by=by, payment=check, entries=entries({later: ("90", "10")}), date=day(0))
    told = refusals(desks.outcomes())
    if told:  # it may be told to look again; then nothing was undone, and the second try does it
        assert told == ["Someone else used this payment just now. Look at it and try again."]
        assert (owing(first), owing(later)) == ((50, 50), (90, 0))
        check.refresh_from_db()
        ledger.reverse(by=by, payment=check, date=day(0), reason="Bounced")
    assert (owing(first), owing(later)) == ((0, 100), (0, 100))
    assert (free(check), free(copay)) == (0, 20)
    assert balances.adjustments_with(check) == 0
