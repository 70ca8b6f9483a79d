"""A period is closed while desks are at work, with real threads on a real PostgreSQL (R8)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from billing import ledger
from billing.chain.acts import sealing
from billing.models import ClosingDate, InvoiceLine, Payment, periods
from billing.models.periods import closed_through
from patients.models import Patient, Provider
from tests.factories import LineFactory, OwnerFactory, PatientFactory, ProviderFactory
from tests.factories.bills import day, money
from tests.postgres.racing import LONG, Desks, at_the_same_time, holding, refusals

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]

IN_IT = 5
SENTENCE = (
    f"The date is in a closed period (up to {day(1):%d %b %Y}). Ask an administrator to open it."
)


def closing(by: Any) -> Callable[[], ledger.Posted]:
    return lambda: ledger.close_period(by=by, through=day(1), seen=None, key=uuid4())


def paying(by: Any, patient: Patient, provider: Provider) -> Callable[[], ledger.Posted]:
    """A payment dated in the period that is being closed."""
    return lambda: ledger.record_payment(
        by=by,
        patient=patient,
        provider=provider,
        amount=money(20),
        method="cash",
        date=day(IN_IT),
        key=uuid4(),
    )


def wait_until_so_many_wait(number: int) -> None:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees one picture
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0] >= number:
                return
        time.sleep(0.01)
    pytest.fail(f"there were never {number} who waited")


@contextmanager
def moving_the_closing_date(by: Any) -> Iterator[None]:
    """This desk has closed the period and is about to commit."""
    with transaction.atomic():
        closing(by)()
        yield


def test_closing_waits_for_a_verb_that_is_at_work_in_the_period(desks: Desks) -> None:
    """It looked at the closing date before; its rows still come first, and then the day is shut."""
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with holding(patient):
        payment = desks.start(paying(by, patient, provider))
        wait_until_so_many_wait(1)
        closed = desks.start(closing(by))
        wait_until_so_many_wait(2)
        assert not closed.done()
    outcomes = desks.outcomes()
    assert refusals(outcomes) == []
    row = payment.result().receipt
    assert row.date == day(IN_IT)
    assert closed.result().closing.created_at > row.created_at
    with pytest.raises(ledger.LedgerError, match="closed period"):
        paying(by, patient, provider)()


def test_a_verb_waits_for_the_closing_and_is_refused_in_a_sentence(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with moving_the_closing_date(by):
        desks.start(paying(by, patient, provider))
        wait_until_so_many_wait(1)
    assert refusals(desks.outcomes()) == [SENTENCE]
    assert Payment.objects.count() == 0


def test_a_verb_goes_on_where_the_closing_was_given_up(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with transaction.atomic():
        closing(by)()
        desks.start(paying(by, patient, provider))
        wait_until_so_many_wait(1)
        transaction.set_rollback(True)
    assert refusals(desks.outcomes()) == []
    assert closed_through() is None


def receipt(by: Any, patient: Patient, provider: Provider) -> Payment:
    """Written past every verb, as a script would."""
    return Payment.objects.create(
        kind="receipt",
        number=f"X-{uuid4().hex[:6]}",
        patient=patient,
        provider=provider,
        amount=money(20),
        method="cash",
        date=day(IN_IT),
        last_date=day(IN_IT),
        created_by=by,
    )


def test_closing_waits_for_whoever_writes_past_the_verbs(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with transaction.atomic():
        receipt(by, patient, provider)
        closed = desks.start(closing(by))
        wait_until_so_many_wait(1)
        assert not closed.done()
    assert refusals(desks.outcomes()) == []
    assert closed_through() == day(1)


def test_whoever_writes_past_the_verbs_waits_for_the_closing(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with moving_the_closing_date(by):
        desks.start(lambda: receipt(by, patient, provider))
        wait_until_so_many_wait(1)
    (refused,) = desks.outcomes()
    assert isinstance(refused, IntegrityError)
    assert "R8: the day is closed" in str(refused)


def test_a_closing_date_written_past_the_verb_waits_too(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with transaction.atomic():
        paying(by, patient, provider)()
        closed = desks.start(
            lambda: ClosingDate.objects.create(closed_through=day(1), created_by=by)
        )
        wait_until_so_many_wait(1)
        assert not closed.done()
    assert refusals(desks.outcomes()) == []


def test_two_who_close_at_once_close_once(desks: Desks) -> None:
    ana, grace = OwnerFactory(first_name="Ana"), OwnerFactory(first_name="Grace")
    (told,) = refusals(at_the_same_time(desks, closing(ana), closing(grace)))
    assert "moved the closing date meanwhile" in told
    assert ClosingDate.objects.count() == 1


def test_closing_gives_up_before_long_work_stops_every_desk(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import holds the date for minutes, and whoever saves waits behind whoever closes."""
    monkeypatch.setattr(periods, "PATIENCE", 1)
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    with transaction.atomic():
        paying(by, patient, provider)()
        closed = desks.start(closing(by))
        assert isinstance(error := closed.exception(LONG), ledger.LedgerError)
    assert str(error).startswith("Something long is being saved just now")
    assert closed_through() is None


def test_verbs_never_wait_for_one_another_because_of_it(desks: Desks) -> None:
    """While one desk is at work, another patient's line is written off."""
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(2)]

    def write_off(line: InvoiceLine) -> ledger.Posted:
        return ledger.adjust(
            by=by, line=line, amount=money(5), kind="courtesy", date=day(0), reason="Hardship"
        )

    with sealing("at work", by=by):  # it has not come to the chain's end yet
        write_off(lines[0])
        other = desks.start(lambda: write_off(lines[1]))
        assert other.result(LONG).adjustments


def test_verbs_and_closings_all_at_once_end(desks: Desks) -> None:
    """None of them waits in a circle; each payment is before the closing, or is refused by it."""
    by, provider = OwnerFactory(), ProviderFactory()
    patients = [PatientFactory() for _ in range(3)]
    acts = [paying(by, patient, provider) for patient in patients * 3]
    told = refusals(at_the_same_time(desks, *acts, closing(by)))
    assert set(told) <= {SENTENCE}
    assert Payment.objects.count() == len(acts) - len(told)
