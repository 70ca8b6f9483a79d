"""The list of deposit slips."""

from __future__ import annotations

import pytest

from billing import ledger
from billing.models import Payment
from tests.factories import PaymentFactory
from tests.factories.bills import day
from tests.screens.desk import Desk, seed2
from tests.screens.lists import ODD, costs_the_same, look, part

pytestmark = pytest.mark.django_db

URL = "/deposits/"


@pytest.fixture
def desk() -> Desk:
    return seed2()


def deposit(desk: Desk, *payments: Payment, ago: int = 0) -> None:
    ledger.deposit(by=desk.ana, payments=payments, date=day(ago))


def test_slips_are_listed_with_their_sums_the_newest_first(desk: Desk) -> None:
    deposit(desk, desk.receipt, PaymentFactory(amount="30"), ago=3)
    deposit(desk, PaymentFactory(amount="5"))
    found = look(desk.client, URL).table
    assert found.index("D-0002") < found.index("D-0001")
    assert f"D-0001 {day(3):%d %b %Y} 2 50.00" in found
    assert "Ana" in found
    by_total = look(desk.client, URL, {"sort": "total"}).table
    assert by_total.index("D-0002") < by_total.index("D-0001")


def test_it_says_so_where_there_is_none(desk: Desk) -> None:
    page = look(desk.client, URL)
    assert "No deposit slip yet" in page.words
    assert 'href="/reports/deposit-slip/"' in page.html


def test_the_part_is_the_list_alone(desk: Desk) -> None:
    deposit(desk, desk.receipt)
    assert part(desk.client, URL).html.startswith('<div id="deposit-list" data-list>')


def test_odd_pages_and_sorts_never_break(desk: Desk) -> None:
    for odd in ODD:
        assert desk.client.get(URL, {"sort": odd, "page": odd}).status_code == 200


def test_it_costs_the_same_at_any_size(desk: Desk) -> None:
    costs_the_same(desk.client, URL, lambda _n: deposit(desk, PaymentFactory()))
    assert len(look(desk.client, URL).queries) <= 12
