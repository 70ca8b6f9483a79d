"""Two desks at once, with real threads on a file of SQLite: they take turns, and nobody meets a lock.

(`tests/postgres/races/` has the same on PostgreSQL, and more, where who locks what matters;
`tests/drills/test_races.py` with whole servers.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

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
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import free, owing

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="has races of its own"),
]

LONG = 60


def at_the_same_time(*acts: Callable[[], Any]) -> list[Any]:
    """What each gave back, or the error it ended with. Each has a connection of its own."""
    gate = threading.Barrier(len(acts))

    def after_the_signal(act: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        gate.wait(LONG)
        try:
            return act()
        except Exception as error:  # the test says which it takes
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(after_the_signal, acts))


def told(outcomes: list[Any]) -> list[str]:
    errors = [each for each in outcomes if isinstance(each, Exception)]
    for error in errors:
        assert isinstance(error, ledger.LedgerError), repr(error)
    return [str(error) for error in errors]


def test_eight_allocate_the_last_of_a_check_and_one_does() -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="50")
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(8)]

    def allocate(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate(
            by=by, payment=check, entries=entries({line: "50"}), date=day(0)
        )

    refusals = told(at_the_same_time(*map(allocate, lines)))
    assert len(refusals) == 7
    assert all("too much is allocated" in each or "not allocated" in each for each in refusals)
    assert free(check) == 0


def test_the_same_form_from_eight_is_posted_once() -> None:
    by, provider, key = OwnerFactory(), ProviderFactory(), uuid4()
    line = LineFactory(patient=PatientFactory(), provider=provider, amount="50")

    def record() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            patient=line.patient,
            provider=provider,
            amount=money(20),
            method="cash",
            date=day(0),
            entries=entries({line: "20"}),
            key=key,
        )

    outcomes = at_the_same_time(*[record] * 8)
    assert told(outcomes) == []
    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 7
    assert Payment.objects.count() == 1
    assert owing(line) == (20, 30)


def test_a_reversal_and_an_un_paying_cross() -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    line = LineFactory(patient=PatientFactory(), provider=provider, amount="50")
    receipt = PaymentFactory(patient=line.patient, provider=provider, amount="20", on={line: "20"})
    acts = {
        "reverse": lambda: ledger.reverse(
            by=by, payment=receipt, date=day(0), reason="Wrong amount", unpay_lines=True
        ),
        "unpay": lambda: ledger.unpay(by=by, payment=receipt, date=day(0), reason="Wrong line"),
    }
    refusals = told(at_the_same_time(*acts.values(), *acts.values()))
    assert 2 <= len(refusals) <= 3
    receipt.refresh_from_db()
    assert (receipt.reversed, receipt.allocated) == (True, 0)
    assert owing(line) == (0, 50)
