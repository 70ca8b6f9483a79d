"""A patient with a provider, a payer and a fee schedule: what the tests of sessions start from."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from billing import ledger
from billing.charging import Charge
from billing.models import Invoice, InvoiceLine, Service
from patients.models import Patient, Payer, Provider, Session
from tests.factories import (
    CoverageFactory,
    FeeFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
    ServiceFactory,
    UserFactory,
)
from tests.factories.bills import money
from tests.screens.desk import key


@dataclass
class Practice:
    """Mr Smith with Dr 1, insured by BlueRiver Health; 90834 costs 85.00 and 96127 costs 12.00."""

    client: Client
    ana: Any
    smith: Patient
    dr1: Provider
    blueriver: Payer
    therapy: Service
    questions: Service

    @property
    def url(self) -> str:
        return f"/patients/{self.smith.chart_number}/sessions/new/"

    def visit(
        self,
        *,
        ago: int = 0,
        patient: Patient | None = None,
        provider: Provider | None = None,
        amounts: tuple[str, ...] = ("85",),
        diagnoses: str = "",
    ) -> Session:
        """A session on a draft."""
        patient, provider = patient or self.smith, provider or self.dr1
        day = timezone.localdate() - datetime.timedelta(days=ago)
        draft = ledger.enter_session(
            by=self.ana,
            patient=patient,
            provider=provider,
            date=day,
            place_of_service="11",
            diagnoses=diagnoses,
            charges=[
                Charge(
                    provider=provider,
                    date=day,
                    code=self.therapy.code,
                    description=self.therapy.description,
                    units=1,
                    amount=money(amount),
                    service=self.therapy,
                )
                for amount in amounts
            ],
        ).invoices[0]
        session = draft.lines.all()[0].session
        assert session
        return session

    def bill(self, *sessions: Session) -> list[Invoice]:
        return ledger.bill_sessions(
            by=self.ana, sessions=sessions, date=timezone.localdate()
        ).invoices

    def void(self, invoice: Invoice) -> None:
        ledger.void_lines(
            by=self.ana,
            lines=list(invoice.lines.all()),
            date=timezone.localdate(),
            reason="Wrong service",
        )


def practice() -> Practice:
    ana = UserFactory(username="ana", first_name="Ana")
    client = Client()
    client.force_login(ana)
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    blueriver = PayerFactory(name="BlueRiver Health", payer_id="60054")
    CoverageFactory(patient=smith, payer=blueriver, start=datetime.date(2020, 1, 1))
    therapy = ServiceFactory(code="90834", description="Psychotherapy, 45 minutes")
    questions = ServiceFactory(code="96127", description="Questionnaire, scored")
    FeeFactory(service=therapy, amount=money(85))
    FeeFactory(service=questions, amount=money(12))
    return Practice(client, ana, smith, ProviderFactory(name="Dr 1"), blueriver, therapy, questions)


def form(*rows: Any, **given: Any) -> dict[str, Any]:
    """What New session sends: a row is a code, or a dict of its boxes."""
    sent: dict[str, Any] = {
        "key": key(),
        "action": "save",
        "date": timezone.localdate().isoformat(),
        "provider": Provider.objects.get(name="Dr 1").pk,
        "place_of_service": "11",
        "diagnoses": "",
        "rows": [str(n) for n in range(1, len(rows) + 1)],
    }
    for n, row in enumerate(rows, start=1):
        boxes = row if isinstance(row, dict) else {"code": row}
        sent |= {f"row-{n}-{box}": text for box, text in boxes.items()}
    return sent | given


def lines() -> list[tuple[str, int, str, str]]:
    """Every line there is: code, units, amount, payer."""
    return [
        (line.code, line.units, str(line.amount), line.payer.name if line.payer else "patient")
        for line in InvoiceLine.objects.select_related("payer").order_by("pk")
    ]


def everything() -> tuple[Any, ...]:
    """All that these screens may write: a refusal and a GET leave it alone."""
    return (
        list(Session.objects.order_by("pk").values_list()),
        list(Invoice.objects.order_by("pk").values_list("pk", "number")),
        list(InvoiceLine.objects.order_by("pk").values_list()),
    )
