"""Whoever is signed out gets nowhere: every url of billing and patients leads to sign-in."""

from __future__ import annotations

import re
import uuid
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
        "documents": "DOC-0001",
        "statements": "ST-0001",
        "deposits": "D-0001",
    }
    fitting = {
        "chart": "P1042",
        "number": next((str(n) for start, n in numbers.items() if route.startswith(start)), ""),
        "kind": "patients",
        "slug": "payments-received",
        "format": "csv",
        "key": str(uuid.uuid4()),
    }
    given = [fitting.get(argument, "1") for argument in re.findall(r"<\w+:(\w+)>", route)]
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
