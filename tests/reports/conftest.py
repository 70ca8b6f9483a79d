"""Who the reports are about: Ana, who enters everything, and Mr Smith with Dr 1."""

from __future__ import annotations

from typing import Any

import pytest

from patients.models import Patient, Provider
from tests.factories import PatientFactory, ProviderFactory, UserFactory


@pytest.fixture
def ana() -> Any:
    return UserFactory(username="ana", first_name="Ana", last_name="Rell")


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


@pytest.fixture
def dr1() -> Provider:
    return ProviderFactory(name="Dr 1")
