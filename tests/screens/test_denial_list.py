"""Denials: what insurers refused, and still wait for somebody to deal with it."""

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import InvoiceLine
from tests.factories import LineFactory, PatientFactory, PayerFactory, UserFactory
from tests.factories.bills import day
from tests.screens.insurers import denies
from tests.screens.lists import SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db
URL = "/denials/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def denied(ago: int = 5, codes: str = "CO 50", **line: Any) -> InvoiceLine:
    payer = PayerFactory(name=line.pop("by", "BlueRiver Health"))
    found: InvoiceLine = LineFactory(owed_by=payer, **line)
    denies(payer, found, ago=ago, codes=codes)
    return found


def test_it_shows_the_oldest_first_with_what_the_insurer_said(client: Client) -> None:
    denied(ago=1, patient=PatientFactory(family_name="Reyes"), amount="80")
    line = denied(ago=9, patient=PatientFactory(family_name="Smith"), amount="150")
    page = look(client, URL)
    assert "Lines 2 Together $230.00" in page.words
    assert page.table.index("Smith") < page.table.index("Reyes")
    first = page.table.partition("Review")[0]
    assert first.startswith(f"{day(9):%d %b %Y} 9 days Smith, Robin BlueRiver Health")
    assert f"{line.invoice.number} {line.description}" in first
    assert "CO 50" in first
    assert "150.00" in first
    assert f'href="/invoices/{line.invoice.number}/"' in page.html


def test_what_somebody_dealt_with_is_no_longer_there(client: Client) -> None:
    line = denied()
    ledger.set_responsibility(
        by=UserFactory(), lines=[line], payer=None, date=day(0), reason="Not covered"
    )
    page = look(client, URL)
    assert line.invoice.number not in page.words
    assert "Nothing is denied" in page.words


def test_a_denial_without_a_reason_says_so(client: Client) -> None:
    denied(codes="")
    assert "no reason given" in look(client, URL).table


def test_names_and_codes_are_text(client: Client) -> None:
    denied(by=SCRIPT, codes="<b>50", patient=PatientFactory(family_name=SCRIPT))
    page = look(client, URL)
    assert SCRIPT not in page.html
    assert "<b>50" not in page.html
    assert "&lt;script&gt;" in page.html


def test_it_costs_the_same_however_many_there_are(client: Client) -> None:
    costs_the_same(client, URL, lambda number: denied(by=f"Payer {number}"))
    assert len(look(client, URL).queries) <= 12


def test_it_is_only_looked_at(client: Client) -> None:
    assert client.post(URL).status_code == 405
