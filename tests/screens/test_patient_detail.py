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
    PatientFactory(family_name="Smith", given_name="John", chart_number="P1042", phone="555-0199")
    page = look(client, URL)
    assert "<h1>Smith, John</h1>" in page.html
    for fact in ("Chart P1042", "Born 17 May 1980", "Phone 555-0199", "No coverage on file"):
        assert fact in page.words
    assert '<a class="btn btn-line" href="/patients/P1042/account/">Account</a>' in page.html
    assert 'href="/patients/P1042/payments/new/"' in page.html


def test_coverages_and_whether_they_hold_today(client: Client) -> None:
    smith = PatientFactory(chart_number="P1042")
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    CoverageFactory(patient=smith, payer=payer, member_id="M1")
    past = datetime.date(2020, 1, 31)
    CoverageFactory(patient=smith, payer=PayerFactory(name="Old"), rank=2, end=past)
    page = look(client, URL)
    assert "BlueRiver Health (60054) M1 Primary - - Covered" in page.table
    assert "Secondary - 31 Jan 2020 Not today" in page.table


def test_unknown_charts_are_404(client: Client) -> None:
    for chart in ("P9", "%27", "x" * 3000, "<b>"):
        assert look(client, f"/patients/{chart}/").response.status_code == 404


def test_names_are_text(client: Client) -> None:
    PatientFactory(chart_number="P1042", family_name=SCRIPT, phone="<i>")
    page = look(client, URL)
    assert SCRIPT not in page.html
    assert "<i>" not in page.html


def test_it_costs_the_same(client: Client) -> None:
    smith = PatientFactory(chart_number="P1042")
    costs_the_same(client, URL, lambda n: CoverageFactory(patient=smith, rank=n + 1))
