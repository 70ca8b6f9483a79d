"""Two batches of the journal at once, and desks that go on posting, on a real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction

from billing import ledger
from billing.chain.acts import sealing
from billing.models import JournalBatch, JournalItem
from tests.factories import (
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    TransferFactory,
)
from tests.factories.bills import day
from tests.journal.reading import by_path, from_the_books, names
from tests.postgres.racing import Desks, at_the_same_time, refusals, wait_until_somebody_waits

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


def receipts(number: int) -> None:
    patient, provider = PatientFactory(), ProviderFactory()
    for _ in range(number):
        PaymentFactory(patient=patient, provider=provider, ago=1)


def handed_over() -> list[str]:
    """Every entry of every batch, as often as it is in one."""
    return [name for batch in JournalBatch.objects.order_by("pk") for name in names(batch=batch)]


def test_two_batches_at_once_take_no_row_twice_and_leave_none_out(desks: Desks) -> None:
    by = OwnerFactory()
    receipts(40)

    def make() -> Any:
        return ledger.make_journal_batch(by=by, through=day(0))

    outcomes = at_the_same_time(desks, make, make)
    assert refusals(outcomes) == [f"Nothing up to {day(0):%d %b %Y} is left for a batch."]
    assert sorted(handed_over()) == sorted(names())
    assert [batch.number for batch in JournalBatch.objects.all()] == ["J-0001"]


def test_a_batch_waits_for_the_one_before_it_and_takes_what_that_left(desks: Desks) -> None:
    by = OwnerFactory()
    receipts(5)
    with transaction.atomic():
        ledger.make_journal_batch(by=by, through=day(0))
        desks.start(lambda: ledger.make_journal_batch(by=by, through=day(0)))
        wait_until_somebody_waits()
        receipts(3)  # after the first one looked
    assert refusals(desks.outcomes()) == []
    assert Counter(handed_over()) == Counter(names())
    counts = [batch.items.count() for batch in JournalBatch.objects.order_by("pk")]
    assert counts == [5, 3]


def test_a_row_that_was_not_committed_yet_comes_in_the_next_one(desks: Desks) -> None:
    by = OwnerFactory()
    receipts(2)
    with sealing("at work", by=by):
        receipts(3)  # under way while the other desk makes its batch
        desks.start(lambda: ledger.make_journal_batch(by=by, through=day(0)))
        desks.outcomes()
        # (What is under way here is seen by this connection only.)
    assert JournalItem.objects.count() == 2
    ledger.make_journal_batch(by=by, through=day(0))
    assert Counter(handed_over()) == Counter(names())


def test_while_desks_post_each_row_is_in_one_batch_and_transfers_stay_in_pairs(
    desks: Desks,
) -> None:
    by, dr1, dr2 = OwnerFactory(), ProviderFactory(), ProviderFactory()

    def post(patient: Any) -> Any:
        def act() -> None:
            for _ in range(6):
                line = LineFactory(patient=patient, provider=dr1, by=by)
                paid = PaymentFactory(patient=patient, provider=dr1, by=by, on={line: "5"})
                TransferFactory(payment=paid, amount="10", provider=dr2, by=by)

        return act

    def make() -> None:
        for _ in range(10):
            try:
                ledger.make_journal_batch(by=by, through=day(0))
            except ledger.LedgerError:
                continue

    outcomes = at_the_same_time(desks, *(post(PatientFactory()) for _ in range(3)), make, make)
    assert outcomes == [None] * 5
    make()
    assert Counter(handed_over()) == Counter(names())
    for batch in JournalBatch.objects.all():
        assert not [path for path in by_path(batch=batch) if "Transfers" in path]
    assert by_path() == from_the_books()
