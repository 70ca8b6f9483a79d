"""Who sits at the desk, and what lies on it: the start of both stories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from billing.models import InvoiceLine
from patients.models import Patient, Payer, Provider
from tests.factories import (
    LineFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
    UserFactory,
)
from tests.support.surprises import Surprises

PASSWORD = "remit-demo"

expect.set_options(timeout=10_000)  # two browsers on two slow cores


@pytest.fixture
def ana(live_server: Any) -> Any:
    user = UserFactory(username="ana", first_name="Ana")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def at_desk(live_server: Any, ana: Any, no_surprises: Surprises) -> Callable[[Page], Page]:
    """Signs a page in as Ana without the log-in page, which story one goes through."""

    def sign_in(page: Page) -> Page:
        page.set_default_timeout(10_000)
        client = Client()
        client.force_login(ana)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        return page

    return sign_in


@pytest.fixture
def desk(at_desk: Callable[[Page], Page], page: Page) -> Page:
    """A signed-in page in which nothing may go wrong unseen."""
    return at_desk(page)


@pytest.fixture
def blueriver(live_server: Any) -> Payer:
    return PayerFactory(name="BlueRiver Health", payer_id="60054")


@pytest.fixture
def dr1(live_server: Any) -> Provider:
    return ProviderFactory(name="Dr 1")


@pytest.fixture
def maya(blueriver: Payer, dr1: Provider, ana: Any) -> Patient:
    """Three unpaid sessions of $100.00 each, waiting for BlueRiver Health."""
    patient = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    for ago in (30, 23, 16):
        LineFactory(patient=patient, provider=dr1, amount="100", ago=ago, owed_by=blueriver, by=ana)
    return patient


@pytest.fixture
def john(dr1: Provider, ana: Any) -> Patient:
    """One unpaid line of $50.00 with Dr 1."""
    patient = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    LineFactory(patient=patient, provider=dr1, amount="50", ago=30, by=ana)
    return patient


def day_of(line: InvoiceLine) -> str:
    """A line's date as the names of its boxes say it."""
    return f"{line.service_date:%d %b %Y}"
