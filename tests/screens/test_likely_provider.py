"""With whom a payment or a session most likely is: suggested where it can be known, asked where not."""

from __future__ import annotations

import pytest
from django.test import Client

from patients.models import Patient, Provider
from tests.factories import (
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    SessionFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.bad_input import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(UserFactory())
    return client


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


@pytest.fixture
def two() -> list[Provider]:
    return [ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")]


def suggested(client: Client, what: str, query: str = "") -> str:
    """The provider that is chosen when the page opens; "" where somebody has to."""
    page = text(client.get(f"/patients/P1042/{what}/new/{query}"))
    box = page[page.index('name="provider"') :]
    box = box[: box.index("</select>")]
    if '<option value="" selected>' in box:
        assert "Choose the provider" in box
        assert 'autofocus id="id_provider"' in page or "autofocus" in box.partition(">")[0]
        return ""
    return box.partition(" selected>")[2].partition("<")[0]


def test_whom_they_owe_themselves_before_whom_an_insurer_owes(
    client: Client, smith: Patient, two: list[Provider]
) -> None:
    LineFactory(patient=smith, provider=two[0], amount="400", owed_by=PayerFactory())
    LineFactory(patient=smith, provider=two[1], amount="42")
    assert suggested(client, "payments") == "Dr 2"
    assert suggested(client, "payments", f"?provider={two[0].pk}") == "Dr 1"


def test_whose_account_is_open_before_whom_they_saw(
    client: Client, smith: Patient, two: list[Provider]
) -> None:
    PaymentFactory(patient=smith, provider=two[1], amount="10")
    SessionFactory(patient=smith, provider=two[0], date=day(1))
    assert suggested(client, "payments") == "Dr 2"
    assert suggested(client, "sessions") == "Dr 1"


def test_whom_they_saw_last(client: Client, smith: Patient, two: list[Provider]) -> None:
    SessionFactory(patient=smith, provider=two[1], date=day(3))
    assert suggested(client, "payments") == "Dr 2"
    assert suggested(client, "sessions") == "Dr 2"


@pytest.mark.parametrize("what", ["payments", "sessions"])
def test_of_a_new_patient_nobody_knows(
    client: Client, smith: Patient, two: list[Provider], what: str
) -> None:
    assert suggested(client, what) == ""
    two[0].active = False
    two[0].save()
    assert suggested(client, what) == "Dr 2"  # there is no other


def test_nobody_is_billed_by_accident(client: Client, smith: Patient, two: list[Provider]) -> None:
    answer = client.post(
        "/patients/P1042/sessions/new/", {"date": day(0).isoformat(), "action": "save"}
    )
    assert "Choose the provider." in text(answer)


def test_somebody_who_left_is_not_suggested(
    client: Client, smith: Patient, two: list[Provider]
) -> None:
    SessionFactory(patient=smith, provider=two[1], date=day(3))
    two[1].active = False
    two[1].save()
    ProviderFactory(name="Dr 3")
    assert suggested(client, "payments") == ""
    assert suggested(client, "sessions") == ""
