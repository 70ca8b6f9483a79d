"""Insurers: what waits with each, and what is owed to it."""

from typing import Any

import pytest
from django.test import Client

from billing.sharing import OffsetEntry
from tests.factories import InsurancePaymentFactory, LineFactory, PayerFactory
from tests.screens.insurers import answers
from tests.screens.lists import SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db
URL = "/payers/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def test_it_shows_what_goes_on_with_each_and_with_all(client: Client) -> None:
    blueriver = PayerFactory(name="BlueRiver Health", payer_id="60001")
    cascade = PayerFactory(name="Cascade Mutual", payer_id="60002")
    LineFactory(owed_by=blueriver, amount="100")
    LineFactory(owed_by=blueriver, amount="50")
    InsurancePaymentFactory(payer=blueriver, amount="40")
    InsurancePaymentFactory(
        payer=cascade,
        amount="100",
        on={LineFactory(amount="130"): "130"},
        over_allocation_reason="Their letter of May says so",
    )
    answers(cascade, "0", offsets=[OffsetEntry("FB", -25, "CL-7"), OffsetEntry("L6", 25)])
    page = look(client, URL)
    assert page.table == (
        "BlueRiver Health 60001 2 150.00 40.00 0.00 0.00"
        " Cascade Mutual 60002 0 0.00 0.00 -30.00 25.00"
    )
    assert "All insurers 2 150.00 40.00 -30.00 25.00" in page.words
    assert f'href="/payers/{blueriver.pk}/"' in page.html
    assert 'href="/denials/"' in page.html


def test_one_that_is_no_longer_used_is_left_out_unless_something_goes_on(client: Client) -> None:
    PayerFactory(name="Gone", active=False)
    LineFactory(owed_by=PayerFactory(name="Going", active=False))
    page = look(client, URL)
    assert "Gone" not in page.words
    assert "Going" in page.table


def test_without_insurers_it_says_where_they_come_from(client: Client) -> None:
    page = look(client, URL)
    assert "No insurers yet An administrator enters them under Admin, Payers." in page.words


def test_names_are_text(client: Client) -> None:
    PayerFactory(name=SCRIPT, payer_id="<b>1")
    page = look(client, URL)
    assert SCRIPT not in page.html
    assert "<b>1" not in page.html
    assert "&lt;script&gt;" in page.html


def test_it_costs_the_same_however_many_there_are(client: Client) -> None:
    def add(number: int) -> Any:
        payer = PayerFactory()
        LineFactory(owed_by=payer)
        InsurancePaymentFactory(payer=payer)
        answers(payer, "0", offsets=[OffsetEntry("FB", -5, f"{number}"), OffsetEntry("L6", 5)])

    costs_the_same(client, URL, add)
    assert len(look(client, URL).queries) <= 12


def test_it_is_only_looked_at(client: Client) -> None:
    assert client.post(URL).status_code == 405
