"""The people of seed 2 and a browser that is signed in: what the screen tests start from."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing import balances, ledger
from billing.models import Allocation, ClosingDate, InvoiceLine, Payment
from billing.money import show
from patients.models import Patient, Provider
from tests.factories import (
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day

# What people, and people who make forms up, put in amount boxes; none of it is an amount.
NOT_AMOUNTS = ["NaN", "1e9", "Infinity", "２０", "1.005", "9" * 30, "twenty", "--5", "0x10"]


@dataclass
class Desk:
    """Mr Smith with Dr 1: an invoice of 50.00, and 20.00 of it paid by one receipt."""

    client: Client
    ana: Any
    smith: Patient
    dr1: Provider
    line: InvoiceLine
    receipt: Payment

    @property
    def account_url(self) -> str:
        return f"/patients/{self.smith.chart_number}/account/"

    @property
    def credit_url(self) -> str:
        return f"/patients/{self.smith.chart_number}/credit/?provider={self.dr1.pk}&view=all"

    def reverse(self, payment: Payment | None = None, *, unpay: bool = False) -> Payment:
        posted = ledger.reverse(
            by=self.ana,
            payment=payment or self.receipt,
            date=timezone.localdate(),
            reason="Wrong amount",
            unpay_lines=unpay,
        )
        assert posted.payment
        return posted.payment

    @property
    def figures(self) -> tuple[str, str, str]:
        """Invoices, unallocated credit and net balance, as the account shows them."""
        now = balances.account(self.smith, self.dr1)
        return show(now.invoices), show(now.credit), show(now.net)

    def close(self, through: datetime.date | None = None) -> None:
        ClosingDate.objects.create(
            closed_through=through or timezone.localdate(), created_by=self.ana
        )


def seed2(*, amount: str = "20", on: str | None = "20") -> Desk:
    ana = UserFactory(username="ana", first_name="Ana")
    client = Client()
    client.force_login(ana)
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    dr1 = ProviderFactory(name="Dr 1")
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana)
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount=amount, by=ana, on={line: on} if on else {}
    )
    line.refresh_from_db()
    return Desk(client, ana, smith, dr1, line, receipt)


def left_paid(reason: str = "Wrong amount", **more: Any) -> Payment:
    """A receipt that was reversed while it goes on paying its line: negative credit."""
    line = LineFactory(amount="50", **more)
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    ledger.reverse(by=UserFactory(), payment=receipt, date=day(0), reason=reason, unpay_lines=False)
    return receipt


def key() -> str:
    return str(uuid.uuid4())


def rows() -> tuple[int, int]:
    """How many money rows there are: a refusal and a GET leave it alone."""
    return Payment.objects.count(), Allocation.objects.count()


def text(response: Any) -> str:
    """The page with its white space made single, so that sentences can be looked for."""
    return " ".join(response.content.decode().split())


def queries(ask: Callable[[], Any]) -> int:
    """How many queries a request costs, the counts in the navigation being known already."""
    ask()
    with CaptureQueriesContext(connection) as captured:
        ask()
    return len(captured)
