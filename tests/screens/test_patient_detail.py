"""A patient's own page."""

import datetime

import pytest
from django.test import Client

from tests.factories import CoverageFactory, PatientFactory, PayerFactory
from tests.screens.lists import SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db
URL = "/patients/P1042/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def test_who_they_are_and_the_way_on(client: Client) -> None:
    PatientFactory(
        family_name="Smith",
        given_name="John",
        chart_number="P1042",
        phone="555-0199",
        email="john@example.org",
        address_line1="12 Harbour Street",
        city="Portland",
        state="ME",
        postal_code="04101",
        note="Prefers calls after four",
    )
    page = look(client, URL)
    assert "<h1>Smith, John</h1>" in page.html
    for fact in (
        "Chart P1042",
        "Born 17 May 1980",
        "Phone 555-0199",
        "john@example.org",
        "12 Harbour Street Portland, ME 04101",
        "Prefers calls after four",
        "Guarantor Pays for themself",
        "Pays for Nobody else",
        "No coverage on file",
    ):
        assert fact in page.words
    for way in ("account/", "payments/new/", "edit/", "family/", "coverages/new/"):
        assert f'href="/patients/P1042/{way}"' in page.html
    assert 'href="/patients/new/?guarantor=P1042"' in page.html


def test_what_is_unknown_is_a_dash(client: Client) -> None:
    PatientFactory(chart_number="P1042")
    assert "Phone - E-mail - Address - " in look(client, URL).words


def test_who_pays_for_whom(client: Client) -> None:
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    PatientFactory(family_name="Smith", given_name="Ann", chart_number="P1050", guarantor=smith)
    assert '<a href="/patients/P1050/">Smith, Ann</a>' in look(client, URL).html
    ann = look(client, "/patients/P1050/")
    assert "Guarantor Smith, John P1042" in ann.words
    assert "Pays for" not in ann.words


def test_the_money_is_pulled_in_by_its_address(client: Client) -> None:
    """patients knows nothing of money; without a script there is a link."""
    PatientFactory(chart_number="P1042")
    page = look(client, URL)
    assert 'hx-get="/patients/P1042/family/" hx-trigger="load"' in page.html
    assert '<a href="/patients/P1042/family/">Show the balances</a>' in page.html


def test_coverages_and_whether_they_hold_today(client: Client) -> None:
    smith = PatientFactory(chart_number="P1042")
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    covered = CoverageFactory(patient=smith, payer=payer, member_id="M1", group_number="G2")
    past = datetime.date(2020, 1, 31)
    CoverageFactory(
        patient=smith, payer=PayerFactory(name="Old", payer_id="1"), member_id="", rank=2, end=past
    )
    page = look(client, URL)
    assert "BlueRiver Health (60054) Primary M1 G2 - - Current Edit BlueRiver Health" in page.table
    assert "Old (1) Secondary - - - 31 Jan 2020 Ended Edit Old" in page.table
    assert f'href="/patients/P1042/coverages/{covered.pk}/"' in page.html


def test_unknown_charts_are_404(client: Client) -> None:
    for chart in ("P9", "%27", "x" * 3000, "<b>"):
        assert look(client, f"/patients/{chart}/").response.status_code == 404


def test_names_are_text(client: Client) -> None:
    PatientFactory(
        chart_number="P1042",
        family_name=SCRIPT,
        phone="<i>",
        email=SCRIPT,
        address_line1=SCRIPT,
        note=SCRIPT,
        guarantor=PatientFactory(given_name=SCRIPT),
    )
    page = look(client, URL)
    assert SCRIPT not in page.html
    assert "<i>" not in page.html


def test_it_costs_the_same(client: Client) -> None:
    smith = PatientFactory(chart_number="P1042")
    costs_the_same(
        client,
        URL,
        lambda n: (CoverageFactory(patient=smith, rank=n + 1), PatientFactory(guarantor=smith)),
    )
    assert len(look(client, URL).queries) <= 12
