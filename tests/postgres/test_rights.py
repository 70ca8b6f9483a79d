"""Limits and rights while somebody does two things at once, on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from billing import ledger
from billing.models import Clinic, Payment
from config.roles import FRONT_DESK
from tests.factories import PatientFactory, PaymentFactory, ProviderFactory, UserFactory
from tests.factories.bills import day, money
from tests.postgres.racing import Desks, at_the_same_time, refusals

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


def test_one_person_in_two_windows_stays_under_the_limit(desks: Desks) -> None:
    """Two children of one family, two receipts, one limit."""
    Clinic.objects.update_or_create(pk=Clinic.ONLY, defaults={"refund_limit": money("50")})
    ana, parent, provider = UserFactory(roles=[FRONT_DESK]), PatientFactory(), ProviderFactory()
    receipts = [
        PaymentFactory(patient=PatientFactory(guarantor=parent), provider=provider, amount="100")
        for _ in range(4)
    ]

    def paying_back(receipt: Payment) -> Any:
        return lambda: ledger.refund(
            by=ana, payment=receipt, amount=money("30"), method="cash", date=day(0), reason="Moved"
        )

    told = refusals(at_the_same_time(desks, *map(paying_back, receipts)))
    assert len(told) == 3
    assert all("A refund above $50.00 needs" in each for each in told)


def test_another_superuser_who_did_nothing_can_be_deleted() -> None:
    """The others are held while it is decided that somebody is left."""
    boss = UserFactory(username="boss", is_staff=True, is_superuser=True)
    second = UserFactory(username="second", is_staff=True, is_superuser=True, roles=[])
    client = Client()
    client.force_login(boss)
    page = f"/admin/auth/user/{second.pk}/delete/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=second.pk).exists()
