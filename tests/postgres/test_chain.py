"""The chain's end is locked last, so desks that post at once wait for each other there only."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from billing.audit.recording import record
from billing.chain.acts import sealing
from billing.models import AuditEvent, ChainLink, EventKind
from tests.factories import (
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.postgres.racing import Desks

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


def test_desks_that_post_at_once_leave_one_whole_chain(desks: Desks) -> None:
    by, provider = UserFactory(), ProviderFactory()
    patients = [PatientFactory() for _ in range(6)]
    lines = [LineFactory(patient=patient, provider=provider, amount="50") for patient in patients]
    before = ChainLink.objects.count()

    def post(at: int) -> Any:
        def work() -> None:
            for _ in range(5):
                PaymentFactory(
                    by=by, patient=patients[at], provider=provider, amount="2", on={lines[at]: "2"}
                )

        return work

    for at in range(6):
        desks.start(post(at))
    assert [each for each in desks.outcomes() if each is not None] == []
    numbers = list(ChainLink.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == before + 30


def test_a_look_waits_for_nobody_who_posts(desks: Desks) -> None:
    patient, by = PatientFactory(), UserFactory()
    with sealing("a long import", by=by):
        PaymentFactory(by=by, patient=patient)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(10420018)"
            )  # the chain's end is taken, too
        desks.start(lambda: record(EventKind.LOOKED, patient=patient.pk, what="/patients/P1/"))
        assert desks.outcomes() == [None]
        desks.futures.clear()
    assert AuditEvent.objects.get(kind=EventKind.LOOKED).patient_id == patient.pk
