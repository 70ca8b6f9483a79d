"""Production and collection: by the provider of the line, and on the day it happens."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import InvoiceLine, Payment
from billing.sharing import Entry
from patients.models import Patient, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, told
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "production"
URL = f"/reports/{SLUG}/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(family_name="Smith", given_name="John")


@pytest.fixture
def dr2() -> Provider:
    return ProviderFactory(name="Dr 2")


def of(first: int, last: int, *names: str, more: str = "") -> list[tuple[str, ...]]:
    report = ask(SLUG, f"from={day(first)}&to={day(last)}{more}")
    return [tuple(map(str, row)) for row in told(report, "provider", *names)]


@pytest.fixture
def shared(
    smith: Patient, dr1: Provider, dr2: Provider, ana: Any
) -> tuple[Payment, InvoiceLine, InvoiceLine]:
    """FIELD 2.8: 100.00 taken for Dr 1, of which 70.00 pay a line of Dr 2's; 40 days ago."""
    first = LineFactory(patient=smith, provider=dr1, amount="30", by=ana, ago=60)
    second = LineFactory(patient=smith, provider=dr2, amount="70", by=ana, ago=60)
    posted = ledger.record_payment(
        by=ana,
        patient=smith,
        provider=dr1,
        amount=money(100),
        method="cash",
        date=day(40),
        entries=[Entry(first.pk, money(30)), Entry(second.pk, money(70))],
    )
    assert posted.payment
    return posted.payment, first, second


# --- Its figures ---------------------------------------------------------------------------------


def test_field_2_8_collection_follows_the_provider_of_the_line(shared: Any) -> None:
    assert of(59, 31, "from_patients", "collected") == [
        ("Dr 1", "30.00", "30.00"),
        ("Dr 2", "70.00", "70.00"),
    ]


def test_field_2_8_un_paying_counts_when_it_is_done(
    shared: tuple[Payment, InvoiceLine, InvoiceLine], ana: Any
) -> None:
    before = of(59, 31, "from_patients", "unpaid", "collected")
    ledger.unpay(by=ana, line=shared[2], amount=money(70), date=day(10), reason="Wrong line")
    assert of(59, 31, "from_patients", "unpaid", "collected") == before
    assert of(30, 0, "from_patients", "unpaid", "collected") == [
        ("Dr 2", "-70.00", "-70.00", "-70.00")
    ]


def test_production_is_charges_less_adjustments_on_their_own_days(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100", by=ana, ago=60)
    ledger.adjust(
        by=ana, line=line, amount=money(25), kind="courtesy", date=day(20), reason="Hardship"
    )
    names = ("charges", "adjustments", "net_production")
    assert of(70, 50, *names) == [("Dr 1", "100.00", "0.00", "100.00")]
    assert of(30, 0, *names) == [("Dr 1", "0.00", "-25.00", "-25.00")]
    assert of(70, 0, *names) == [("Dr 1", "100.00", "-25.00", "75.00")]


def test_insurers_money_stands_beside_patients(smith: Patient, dr1: Provider, ana: Any) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="150", by=ana, ago=30)
    InsurancePaymentFactory(amount="200", by=ana, on={line: ("80", "50")})
    PaymentFactory(patient=smith, provider=dr1, amount="60", by=ana, ago=5, on={line: "20"})
    names = ("charges", "adjustments", "from_patients", "from_insurers", "collected")
    # What is on no line was collected for nobody yet.
    assert of(40, 0, *names) == [("Dr 1", "150.00", "-50.00", "20.00", "80.00", "100.00")]


def test_of_one_provider(shared: Any, dr2: Provider) -> None:
    assert of(99, 0, "collected", more=f"&provider={dr2.pk}") == [("Dr 2", "70.00")]


# --- On the screen -------------------------------------------------------------------------------


def test_figures_rows_and_bars(client: Client, shared: Any) -> None:
    page = look(client, URL, {"from": day(99).isoformat(), "to": day(0).isoformat()})
    assert "Charges 100.00 Adjustments 0.00 Net production 100.00 Collected 100.00" in page.words
    assert "From patients + from insurers = collected" in page.words
    assert "2 providers" in page.words
    [panel] = ask(SLUG, f"from={day(99)}&to={day(0)}").panels()
    assert [(line.label, line.share) for line in panel.lines] == [("Dr 2", 100), ("Dr 1", 43)]


def test_nothing_done_says_so(client: Client) -> None:
    assert "Nothing was done in this period" in look(client, URL).words


def test_names_are_texts(client: Client) -> None:
    LineFactory(provider=ProviderFactory(name=SCRIPT), ago=0)
    assert SCRIPT not in look(client, URL).html


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_the_address_it_answers(client: Client, odd: str) -> None:
    for name in ("from", "to", "period", "provider"):
        assert look(client, URL, {name: odd}).response.status_code == 200


def test_it_costs_as_many_queries_with_many_providers(client: Client) -> None:
    url = f"{URL}?from={day(30)}&to={day(0)}"
    costs_the_same(client, url, lambda n: LineFactory(provider=ProviderFactory(), ago=1))
