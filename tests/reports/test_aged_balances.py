"""Aged balances: what was owed on any day, by age, and what was unallocated beside it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, told
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "aged-balances"
URL = f"/reports/{SLUG}/"
BANDS = ("current", "days_1_30", "days_31_60", "days_61_90", "days_over_90")


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def blueriver() -> Payer:
    return PayerFactory(name="BlueRiver Health")


def as_of(ago: int, more: str = "") -> Any:
    return ask(SLUG, f"as_of={day(ago)}{more}")


def band_of(ago: int, more: str = "") -> str:
    """The one band the one balance is in."""
    [row] = told(as_of(ago, more), *BANDS)
    [band] = [name for name, amount in zip(BANDS, row, strict=True) if amount]
    return band


def balances(ago: int, more: str = "") -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in told(as_of(ago, more), "name", "gross", "unallocated")]


# --- Ages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "current"),
        (1, "days_1_30"),
        (30, "days_1_30"),
        (31, "days_31_60"),
        (60, "days_31_60"),
        (61, "days_61_90"),
        (90, "days_61_90"),
        (91, "days_over_90"),
    ],
)
def test_where_each_age_belongs(smith: Patient, age: int, band: str) -> None:
    LineFactory(patient=smith, amount="50", ago=100)
    assert band_of(100 - age) == band


def test_age_from_the_day_it_was_billed(smith: Patient, dr1: Provider, ana: Any) -> None:
    """Done 50 days ago, billed 20 days ago."""
    invoice = InvoiceFactory(
        patient=smith, provider=dr1, amounts=["50"], dates=[day(50)], by=ana, issued=False
    )
    ledger.issue_invoice(by=ana, invoice=invoice, date=day(20))
    assert band_of(0) == "days_31_60"
    assert band_of(0, "&dates=billing") == "days_1_30"
    assert told(as_of(21), "name") == []  # nobody owed it before it was billed


# --- Any day -------------------------------------------------------------------------------------


@pytest.fixture
def year(smith: Patient, dr1: Provider, ana: Any) -> tuple[InvoiceLine, Payment]:
    """FIELD 2.9: an invoice of 50.00, a payment of 20.00, allocated later, un-paid after that."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=90)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", by=ana, ago=80)
    AllocationFactory(payment=receipt, line=line, amount="20", by=ana, ago=60)
    ledger.unpay(by=ana, payment=receipt, date=day(30), reason="Wrong line")
    return line, receipt


def test_field_2_9_stays_so_for_ever(year: tuple[InvoiceLine, Payment], ana: Any) -> None:
    def said() -> list[Any]:
        return [told(as_of(ago), "gross", "unallocated", "net") for ago in (70, 50, 10)]

    assert said() == [
        [(money(50), money(20), money(30))],
        [(money(30), money(0), money(30))],
        [(money(50), money(20), money(30))],
    ]
    before = said()
    ledger.reverse(by=ana, payment=year[1], date=day(0), reason="Payment bounced")
    ledger.void_line(by=ana, line=year[0], date=day(0), reason="Entered twice")
    assert said() == before
    assert told(as_of(0), "gross") == []


def test_by_entry_date_nothing_counts_before_it_was_typed(year: Any) -> None:
    assert told(as_of(10, "&by=entry"), "gross") == []
    assert told(as_of(0, "&by=entry"), "gross", "unallocated") == [(money(50), money(20))]


# --- Whose ---------------------------------------------------------------------------------------


@pytest.fixture
def mixed(smith: Patient, dr1: Provider, blueriver: Payer, ana: Any) -> Provider:
    """Smith owes Dr 1 100.00 himself and an insurer owes 90.00 of Dr 2's; Okafor owes 40.00 and
    has 60.00 of credit with Dr 1; the insurer's check of 80.00 has 30.00 left."""
    dr2 = ProviderFactory(name="Dr 2")
    okafor = PatientFactory(family_name="Okafor", given_name="Maya")
    LineFactory(patient=smith, provider=dr1, amount="100", by=ana)
    LineFactory(patient=smith, provider=dr2, amount="90", by=ana, owed_by=blueriver)
    LineFactory(patient=okafor, provider=dr1, amount="40", by=ana)
    PaymentFactory(patient=okafor, provider=dr1, amount="60", by=ana)
    paid = LineFactory(patient=okafor, provider=dr2, amount="50", by=ana, owed_by=blueriver)
    InsurancePaymentFactory(payer=blueriver, amount="80", by=ana, on={paid: "50"})
    return dr2


def test_by_patient_provider_and_payer_the_sums_are_the_same(mixed: Provider) -> None:
    assert balances(0) == [
        ("BlueRiver Health", "0.00", "30.00"),
        ("Okafor, Maya", "40.00", "60.00"),
        ("Smith, John", "190.00", "0.00"),
    ]
    assert balances(0, "&group=provider") == [
        ("Dr 1", "140.00", "60.00"),
        ("Dr 2", "90.00", "0.00"),
        ("Insurers' payments", "0.00", "30.00"),
    ]
    assert balances(0, "&group=payer") == [
        ("BlueRiver Health", "90.00", "30.00"),
        ("Patients", "140.00", "60.00"),
    ]
    for group in ("patient", "provider", "payer"):
        totals = as_of(0, f"&group={group}").totals
        assert (totals["gross"], totals["unallocated"], totals["net"]) == (
            money(230),
            money(90),
            money(140),
        )


def test_filters(mixed: Provider, blueriver: Payer) -> None:
    assert balances(0, f"&provider={mixed.pk}") == [("Smith, John", "90.00", "0.00")]
    assert balances(0, f"&payer={blueriver.pk}") == [
        ("BlueRiver Health", "0.00", "30.00"),
        ("Smith, John", "90.00", "0.00"),
    ]


def test_two_of_one_name_stay_two(ana: Any) -> None:
    for chart in ("P2001", "P2002"):
        patient = PatientFactory(family_name="Smith", given_name="John", chart_number=chart)
        LineFactory(patient=patient, amount="10", by=ana)
    assert told(as_of(0), "name", "chart", "gross") == [
        ("Smith, John", "P2001", money(10)),
        ("Smith, John", "P2002", money(10)),
    ]


# --- On the screen -------------------------------------------------------------------------------


def test_patients_lead_to_their_accounts(client: Client, mixed: Provider) -> None:
    page = look(client, URL)
    assert '<a href="/patients/P1042/account/">Smith, John</a>' in page.html
    assert "3 balances" in page.words
    assert "Bands = gross, less unallocated = net" in page.words


@pytest.mark.parametrize("group", ["provider", "payer"])
def test_a_provider_and_a_payer_lead_to_the_patients_behind_the_sum(
    client: Client, mixed: Provider, blueriver: Payer, group: str
) -> None:
    wanted = {"group": group, "as_of": day(1).isoformat(), "dates": "billing"}
    page = look(client, URL, wanted)
    who = mixed if group == "provider" else blueriver
    link = re.search(rf'<a href="({re.escape(URL)}\?[^"]*{group}={who.pk})">', page.html)
    assert link
    query = link[1].replace("&amp;", "&").partition("?")[2]
    narrowed = ask(SLUG, query)
    assert (narrowed.last, narrowed.asked["dates"]) == (day(1), "billing")
    [gross] = [
        amount
        for name, amount in told(as_of(1, f"&group={group}"), "name", "gross")
        if name == who.name
    ]
    assert narrowed.totals["gross"] == gross == Decimal("90.00")
    assert 'id="sort-chart"' not in page.html
    assert f">{group.capitalize()}" in page.html


def test_the_bands_are_drawn(client: Client, mixed: Provider) -> None:
    [panel] = as_of(0).panels()
    assert panel.drawn
    assert [(line.label, line.share) for line in panel.lines if line.share] == [("1-30", 100)]
    assert "By age" in look(client, URL).words


def test_names_are_texts(client: Client, dr1: Provider) -> None:
    LineFactory(patient=PatientFactory(family_name=SCRIPT), provider=dr1)
    assert SCRIPT not in look(client, URL).html


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_the_address_it_answers(client: Client, odd: str) -> None:
    for name in ("as_of", "by", "group", "dates", "provider", "payer"):
        assert look(client, URL, {name: odd}).response.status_code == 200


@pytest.mark.parametrize("ago", [0, 1])
def test_it_costs_as_many_queries_with_many_patients(
    client: Client, dr1: Provider, ago: int
) -> None:
    url = f"{URL}?as_of={day(ago)}"
    costs_the_same(client, url, lambda n: LineFactory(provider=dr1, amount="10"))
