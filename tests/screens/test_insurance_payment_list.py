"""Insurance payments: the list of the payers' receipts."""

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PayerFactory,
    PaymentFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/insurance-payments/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def numbers(client: Client, **query: Any) -> list[str]:
    return [word for word in look(client, URL, query).table.split() if word.startswith("IP-")]


def test_it_shows_the_payers_receipts_only(client: Client) -> None:
    PaymentFactory()
    InsurancePaymentFactory(
        payer=PayerFactory(name="BlueRiver Health"),
        reference="104482",
        amount="200",
        on={LineFactory(): "60"},
    )
    page = look(client, URL)
    when = day(10).strftime("%d %b %Y")
    assert page.table == (
        f"{when} IP-0001 BlueRiver Health Check 104482 200.00 60.00 140.00 Part allocated"
    )
    assert 'href="/insurance-payments/IP-0001/"' in page.html
    assert "New insurance payment" in page.words
    assert 'href="/insurance-payments/new/"' in page.html


def test_what_waits_is_one_click_away_however_old(client: Client) -> None:
    waiting = InsurancePaymentFactory(ago=400)
    line = LineFactory()
    done = InsurancePaymentFactory(amount="100", on={line: "100"})
    page = look(client, URL)
    assert "With unallocated money 1" in page.words
    assert 'href="/insurance-payments/?state=unallocated"' in page.html
    assert numbers(client) == [done.number]
    assert numbers(client, state="unallocated") == [waiting.number]


def test_filters_narrow(client: Client) -> None:
    blue = InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver Health"), reference="AA-1")
    kestrel = InsurancePaymentFactory(
        payer=PayerFactory(name="Kestrel Mutual"), method="eft", reference="BB-2", ago=1
    )
    assert numbers(client) == [kestrel.number, blue.number]
    assert numbers(client, q="aa-1") == [blue.number]
    assert numbers(client, q="kestrel") == [kestrel.number]
    assert numbers(client, payer=blue.payer_id) == [blue.number]
    assert numbers(client, method="eft") == [kestrel.number]
    assert numbers(client, **{"from": day(2).isoformat()}) == [kestrel.number]
    assert numbers(client, sort="payer") == [blue.number, kestrel.number]


def test_states(client: Client) -> None:
    kept, bounced, mistake = (InsurancePaymentFactory(ago=ago) for ago in (3, 2, 1))
    ledger.reverse(by=UserFactory(), payment=bounced, date=day(0), reason="Payment bounced")
    ledger.void(by=UserFactory(), payment=mistake, reason="Entered twice")
    over = InsurancePaymentFactory(
        amount="10", on={LineFactory(): "40"}, over_allocation_reason="Takeback to come", ago=0
    )
    assert numbers(client) == [over.number, bounced.number, kept.number]
    assert numbers(client, state="reversed") == [bounced.number]
    assert numbers(client, state="deleted") == [mistake.number]
    assert "-30.00 Over-allocated" in look(client, URL).table
    page = look(client, URL, {"state": "deleted"})
    assert '<input type="hidden" name="state" id="id_state" value="deleted">' in page.html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "Enter a date like 2025-11-18."),
        ({"payer": "0x"}, "Choose one of the payers in the list."),
        ({"method": "cash"}, "Choose one of the methods in the list."),
        ({"state": "lost"}, "Choose one of the states in the list."),
    ],
)
def test_a_filter_that_cannot_be_used_says_so(client: Client, query: Any, said: str) -> None:
    InsurancePaymentFactory()
    page = look(client, URL, query)
    assert page.response.status_code == 200
    assert said in page.words
    assert page.table == ""


@pytest.mark.parametrize("typed", ODD)
@pytest.mark.parametrize("key", ["q", "payer", "method", "from", "to", "state", "sort", "page"])
def test_it_takes_garbage_calmly(client: Client, key: str, typed: str) -> None:
    InsurancePaymentFactory()
    assert look(client, URL, {key: typed}).response.status_code == 200


def test_names_are_text(client: Client) -> None:
    InsurancePaymentFactory(payer=PayerFactory(name=SCRIPT), reference="<b>x</b>")
    page = look(client, URL, {"state": SCRIPT})
    assert SCRIPT not in page.html
    page = look(client, URL)
    assert SCRIPT not in page.html
    assert "<b>x</b>" not in page.html


def test_the_part_lies_unchanged_in_the_page(client: Client) -> None:
    InsurancePaymentFactory()
    alone = part(client, URL)
    assert alone.html.startswith('<div id="insurance-payment-list" data-list>')
    assert alone.html in look(client, URL).html


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, lambda n: InsurancePaymentFactory(amount=str(n + 1)))


def test_nothing_found_and_nothing_there_at_all(client: Client) -> None:
    page = look(client, URL, {"q": "nobody"})
    assert "No insurance payments yet" in page.words
    assert "match these filters" not in page.words
    InsurancePaymentFactory()
    page = look(client, URL, {"q": "nobody"})
    assert "No payments match these filters" in page.words
    assert "No insurance payments yet" not in page.words
