"""The people of both seeds, and a clerk."""

import datetime
from typing import Any

import pytest

from billing.models import ClosingDate
from patients.models import Patient, Payer, Provider
from tests.factories import OwnerFactory, PatientFactory, PayerFactory, ProviderFactory


@pytest.fixture
def ana(db: None) -> Any:
    return OwnerFactory(username="ana", first_name="Ana")


@pytest.fixture
def smith(db: None) -> Patient:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


@pytest.fixture
def okafor(db: None) -> Patient:
    return PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")


@pytest.fixture
def dr1(db: None) -> Provider:
    return ProviderFactory(name="Dr 1")


@pytest.fixture
def dr2(db: None) -> Provider:
    return ProviderFactory(name="Dr 2")


@pytest.fixture
def dr3(db: None) -> Provider:
    return ProviderFactory(name="Dr 3")


@pytest.fixture
def blueriver(db: None) -> Payer:
    return PayerFactory(name="BlueRiver Health", payer_id="60054")


@pytest.fixture
def cascade(db: None) -> Payer:
    return PayerFactory(name="Cascade Supplement", payer_id="60101")


@pytest.fixture
def close_books(ana: Any) -> Any:
    """close_books(day): nothing may be dated on or before that day any more (R8)."""

    def close(through: datetime.date) -> ClosingDate:
        return ClosingDate.objects.create(
            closed_through=through, created_by=ana, reason="Month end"
        )

    return close
