"""Ana at the desk, an administrator, and Mr Smith, whom they look at."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from patients.models import Patient
from tests.factories import PatientFactory, UserFactory


@pytest.fixture
def ana() -> Any:
    return UserFactory(username="ana", first_name="Ana", last_name="Ruiz")


@pytest.fixture
def desk(ana: Any) -> Client:
    client = Client()
    client.force_login(ana)
    return client


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(UserFactory(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
