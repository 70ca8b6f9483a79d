"""A guarantor's one payment pays lines of the whole family, through transfer pairs (R5)."""

from typing import Any

import pytest

from billing import ledger
from billing.models import Payment
from patients.models import Patient, Provider
from tests.factories import LineFactory, PatientFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying, refused, transfers


@pytest.fixture
def child(smith: Patient) -> Patient:
    return PatientFactory(family_name="Smith", given_name="Kim", guarantor=smith)


def pay(by: Any, patient: Patient, provider: Provider, amount: str, on: Any) -> Payment:
    return ledger.record_payment(
        by=by,
        patient=patient,
        provider=provider,
        amount=money(amount),
        method="card",
        date=day(0),
        entries=entries(on),
    ).receipt


def test_one_payment_pays_the_guarantors_line_and_the_childs(
    ana: Any, smith: Patient, child: Patient, dr1: Provider, dr2: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="50")
    same, other = (LineFactory(patient=child, provider=dr, amount="40") for dr in (dr1, dr2))
    receipt = pay(ana, smith, dr1, "100", {own: "50", same: "30", other: "15"})
    assert [owing(line) for line in (own, same, other)] == [(50, 0), (30, 10), (15, 25)]
    assert free(receipt) == 5
    assert figures(smith, dr1) == (0, 5, -5)
    assert figures(child, dr1) == (10, 0, 10)
    assert figures(child, dr2) == (25, 0, 25)
    assert paying(same) == {"T-0001": 30}
    assert transfers(child) == [
        ("transfer_in", "Dr 1", 30, False),
        ("transfer_in", "Dr 2", 15, False),
    ]


def test_reversing_it_unpays_the_childs_lines_too(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = pay(ana, smith, dr1, "100", {line: "40"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    assert owing(line) == (0, 40)
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(child, dr1) == (40, 0, 40)


def test_the_childs_own_payment_pays_nobody_elses_line(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    sentence = f"{line.invoice} belongs to another patient; this payment cannot pay it."
    with refused(sentence, line=line):
        pay(ana, child, dr1, "50", {line: "50"})


def test_more_than_was_received_is_refused_over_all_accounts_together(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="50")
    other = LineFactory(patient=child, provider=dr1, amount="50")
    sentence = "$0.01 too much is allocated. Lower some lines or correct Amount."
    with refused(sentence, field="amount"):
        pay(ana, smith, dr1, "99.99", {own: "50", other: "50"})


def test_who_is_no_longer_the_guarantor_cannot_pay(
    ana: Any, smith: Patient, child: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=child, provider=dr1, amount="40")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="40")
    Patient.objects.filter(pk=child.pk).update(guarantor=None)
    with refused(None, line=line):
        ledger.allocate(by=ana, payment=receipt, entries=entries({line: "40"}), date=day(0))
