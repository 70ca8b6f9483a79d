"""The tie-out while desks go on posting, on a real PostgreSQL."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from billing import ledger, tie_out
from billing.balances import AsOf, StandsThen
from patients.models import Patient, Provider
from tests.factories import LineFactory, OwnerFactory, PatientFactory, ProviderFactory
from tests.factories.bills import day, entries, money
from tests.postgres.racing import Desks

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


class Meanwhile:
    """Somebody pays 60.00, 40.00 of it on the line, after the first way and before the second."""

    def __init__(self, desks: Desks) -> None:
        self.desks = desks
        self.by: Any = OwnerFactory()
        self.patient: Patient = PatientFactory()
        self.provider: Provider = ProviderFactory()
        self.line = LineFactory(patient=self.patient, provider=self.provider, amount="100")
        self.add_up = tie_out.standing_from_rows
        self.paid = False

    def __call__(self, as_of: AsOf) -> StandsThen:
        if not self.paid:
            self.desks.start(self.pay).result()
            self.paid = True
        return self.add_up(as_of)

    def pay(self) -> None:
        ledger.record_payment(
            by=self.by,
            patient=self.patient,
            provider=self.provider,
            amount=money(60),
            method="cash",
            date=day(0),
            entries=entries({self.line: "40"}),
        )


@pytest.fixture
def meanwhile(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    found = Meanwhile(desks)
    monkeypatch.setattr(tie_out, "standing_from_rows", found)
    return found


def test_what_is_posted_meanwhile_makes_no_difference(meanwhile: Meanwhile) -> None:
    found = tie_out.tie_out(AsOf.today())
    assert meanwhile.paid
    assert found.holds
    assert [figure.amount for figure in found.figures[:2]] == [100, 0], "as at the first look"
    again = tie_out.tie_out(AsOf.today())
    assert again.holds
    assert [figure.amount for figure in again.figures[:2]] == [60, 20]


def test_without_one_moment_it_would(meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tie_out, "one_moment", nullcontext)
    assert not tie_out.tie_out(AsOf.today()).holds
