"""Whoever is signed out gets nowhere: every url of billing and patients leads to sign-in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

import billing.urls
import patients.urls
from tests.factories import InsurancePaymentFactory, LineFactory, PatientFactory, PaymentFactory
from tests.screens.bad_input import nothing_happens

pytestmark = pytest.mark.django_db


def urls() -> Iterator[tuple[str, str]]:
    """Every named url with the arguments its route asks for."""
    for module in (billing.urls, patients.urls):
        for pattern in module.urlpatterns:
            assert isinstance(pattern, URLPattern)
            yield f"{module.app_name}:{pattern.name}", str(pattern.pattern)


@pytest.mark.parametrize(("name", "route"), list(urls()))
def test_signed_out(client: Client, name: str, route: str) -> None:
    line = LineFactory(patient=PatientFactory(chart_number="P1042"))
    receipt = PaymentFactory(patient=line.patient, provider=line.provider)
    check = InsurancePaymentFactory()
    numbers = {
        "invoices": line.invoice.number,
        "insurance": check.number,
        "payments": receipt.number,
    }
    given: list[str] = []
    if "chart" in route:
        given = ["P1042"]
    elif "number" in route:
        given = [next(str(number) for start, number in numbers.items() if route.startswith(start))]
    elif "<uuid:" in route:
        given = ["12345678-1234-4234-8234-123456789012"]
    elif "<" in route:
        given = ["1"]
    url = reverse(name, args=given)
    with nothing_happens():
        for answer in (
            client.get(url),
            client.post(url, {"action": "save"}),
            client.post(url, {"patient": "a"}, headers={"hx-request": "true"}),
        ):
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/login/?next=")
            assert b"P1042" not in answer.content
