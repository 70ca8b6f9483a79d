"""make_journal_batch: every row is handed over once, and what lands late comes in the next batch."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from billing import ledger
from billing.models import JournalBatch, JournalItem, LedgerAccount
from patients.models import Patient, Payer, Provider
from tests.factories import AllocationFactory, InsurancePaymentFactory, LineFactory, PaymentFactory
from tests.factories.bills import day
from tests.journal.reading import names, texts
from tests.ledger.books import refused


def make(by: Any, ago: int = 0, **more: Any) -> JournalBatch:
    batch = ledger.make_journal_batch(by=by, through=day(ago), **more).batch
    assert batch
    return batch


# --- What it does --------------------------------------------------------------------------------


def test_it_takes_everything_up_to_its_day_and_the_next_takes_the_rest(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50", ago=30)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=20)
    paid = AllocationFactory(payment=receipt, line=line, amount="20", ago=10)
    first = make(ana, ago=20)
    assert (first.number, first.date, first.created_by) == ("J-0001", day(20), ana)
    assert names(batch=first) == [f"line-{line.pk}", f"payment-{receipt.pk}"]
    second = make(ana, ago=10)
    assert second.number == "J-0002"
    assert names(batch=second) == [f"allocation-{paid.pk}"]


def test_what_lands_late_comes_in_the_next_one(ana: Any, smith: Patient, dr1: Provider) -> None:
    PaymentFactory(patient=smith, provider=dr1, ago=5)
    first = make(ana)
    before = names(batch=first)
    late = PaymentFactory(patient=smith, provider=dr1, ago=15)
    assert names(batch=make(ana, ago=10)) == [f"payment-{late.pk}"]
    assert names(batch=first) == before


def test_rows_of_nothing_and_drafts_are_in_none(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    LineFactory(patient=smith, provider=dr1, amount="0")
    LineFactory(patient=smith, provider=dr1, amount="10", issued=False)
    line = LineFactory(patient=smith, provider=dr1, amount="10")
    InsurancePaymentFactory(payer=blueriver, amount="0")
    assert names(batch=make(ana)) == [f"line-{line.pk}"]
    assert JournalItem.objects.not_yet(day(0)) == 0


def test_a_closed_period_may_be_handed_over(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    PaymentFactory(patient=smith, provider=dr1, ago=20)
    close_books(day(10))
    assert len(names(batch=make(ana, ago=10))) == 1


def test_downloaded_again_it_is_the_same_byte_for_byte(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50", owed_by=blueriver)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    InsurancePaymentFactory(payer=blueriver, amount="30", on={line: ("25", "5")})
    batch = make(ana)
    before = texts(batch=batch)
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced")
    LedgerAccount.objects.filter(key="receivable").update(number="1200", name="Debtors")
    LedgerAccount.objects.create(provider=dr1, number="4010", name="His", type="income")
    Provider.objects.filter(pk=dr1.pk).update(name="Dr Married")
    Payer.objects.filter(pk=blueriver.pk).update(name="GreenRiver")
    next_one = make(ana)
    assert texts(batch=JournalBatch.objects.get(pk=batch.pk)) == before
    assert b"Debtors" in texts(batch=JournalBatch.objects.get(pk=next_one.pk))["csv"]


def test_it_writes_as_many_statements_for_many_rows(
    ana: Any, smith: Patient, dr1: Provider, django_assert_num_queries: Any
) -> None:
    # On PostgreSQL the closing date and the chain's end are held by statements of their own.
    statements = 14 if connection.vendor == "postgresql" else 12
    PaymentFactory(patient=smith, provider=dr1)
    with django_assert_num_queries(statements):
        make(ana)
    for _ in range(30):
        PaymentFactory(patient=smith, provider=dr1)
    with django_assert_num_queries(statements):
        make(ana)


# --- What it refuses -----------------------------------------------------------------------------


def test_a_day_to_come_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    PaymentFactory(patient=smith, provider=dr1)
    with refused("The date is in the future.", field="through"):
        ledger.make_journal_batch(by=ana, through=day(-1))


def test_nothing_new_is_refused_and_takes_no_number(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    PaymentFactory(patient=smith, provider=dr1, ago=3)
    make(ana)
    with refused(f"Nothing up to {day(0):%d %b %Y} is left for a batch.", field="through"):
        ledger.make_journal_batch(by=ana, through=day(0))
    PaymentFactory(patient=smith, provider=dr1, ago=2)
    assert make(ana).number == "J-0002"


def test_sent_twice_it_makes_one(ana: Any, smith: Patient, dr1: Provider) -> None:
    PaymentFactory(patient=smith, provider=dr1)
    key = uuid4()
    make(ana, key=key)
    assert ledger.make_journal_batch(by=ana, through=day(0), key=key).replayed
    assert JournalBatch.objects.count() == 1


def test_a_batch_and_its_items_are_written_once(ana: Any, smith: Patient, dr1: Provider) -> None:
    PaymentFactory(patient=smith, provider=dr1)
    batch = make(ana)
    with pytest.raises(TypeError, match="never changed or deleted"):
        batch.save()
    with pytest.raises(TypeError, match="never changed or deleted"):
        batch.items.all().delete()
