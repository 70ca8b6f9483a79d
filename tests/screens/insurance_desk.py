"""A browser at New insurance payment: BlueRiver Health and three unpaid sessions of Maya's."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import LineFactory, PatientFactory, PayerFactory, ProviderFactory, UserFactory
from tests.screens.bad_input import text

URL = "/insurance-payments/new/"
NASTY = "<script>alert('x')</script>"


@dataclass
class Desk:
    """BlueRiver Health, and Maya Okafor's three unpaid sessions of 100.00."""

    client: Client
    ana: Any
    blueriver: Payer
    dr1: Provider
    maya: Patient
    lines: list[InvoiceLine]

    def form(self, *paid: str, **changed: Any) -> dict[str, Any]:
        """What the browser sends: the strip, and `paid` on Maya's lines one after the other."""
        fields = {
            "key": str(uuid.uuid4()),
            "payer": "BlueRiver Health (60054)",
            "method": "check",
            "reference": "104482",
            "date": timezone.localdate().isoformat(),
            "amount": "200",
            "action": "save",
            "lines": [str(line.pk) for line in self.lines],
        }
        for line, amount in zip(self.lines, paid, strict=False):
            fields[f"line-{line.pk}-paid"] = amount
            fields[f"line-{line.pk}-seen"] = line.seen
        fields.update(changed)
        return {name: value for name, value in fields.items() if value is not None}

    def box(self, row: int, column: str = "paid") -> str:
        return f"line-{self.lines[row].pk}-{column}"

    def save(self, form: dict[str, Any]) -> Payment:
        answer = self.client.post(URL, form)
        assert answer.status_code == 302, text(answer)
        return Payment.objects.latest("pk")

    def live(self, form: dict[str, Any], **more: Any) -> Any:
        """As the form posts itself while somebody types."""
        sent = {name: value for name, value in form.items() if name != "action"}
        return self.client.post(URL, {**sent, **more}, headers={"hx-request": "true"})


@pytest.fixture
def desk() -> Desk:
    ana = UserFactory(username="ana", first_name="Ana")
    client = Client()
    client.force_login(ana)
    blueriver = PayerFactory(name="BlueRiver Health", payer_id="60054")
    dr1 = ProviderFactory(name="Dr 1")
    maya = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    lines = [
        LineFactory(patient=maya, provider=dr1, amount="100", ago=ago, owed_by=blueriver, by=ana)
        for ago in (30, 23, 16)
    ]
    return Desk(client, ana, blueriver, dr1, maya, lines)
