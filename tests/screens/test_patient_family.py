"""A family's balances."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.test import Client

from billing import balances
from billing.money import ZERO
from tests.factories import LineFactory, PatientFactory, PayerFactory, PaymentFactory
from tests.factories.bills import money
from tests.screens.desk import seed2
from tests.screens.lists import SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/patients/P1042/family/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def smith() -> Any:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


@pytest.fixture
def ann(smith: Any) -> Any:
    return PatientFactory(
        family_name="Smith",
        given_name="Ann",
        chart_number="P1050",
        guarantor=smith,
        birth_date=datetime.date(2015, 1, 1),
    )


def test_it_asks_who_you_are(smith: Any) -> None:
    assert Client().get(URL).status_code == 302


def test_what_each_owes_and_the_family(client: Client, smith: Any, ann: Any) -> None:
    """John owes 50.00 himself; Ann's insurer is asked for 100.00, and she has 30.00 credit."""
    LineFactory(patient=smith, amount="50")
    LineFactory(patient=ann, amount="100", owed_by=PayerFactory())
    PaymentFactory(patient=ann, amount="30")
    LineFactory(patient=PatientFactory(), amount="999")
    page = look(client, URL)
    assert "<h1>Family of Smith, John</h1>" in page.html
    assert "Smith, John P1042, born 17 May 1980, pays 50.00 0.00 50.00 0.00 50.00" in page.words
    assert "Smith, Ann P1050, born 01 Jan 2015 100.00 30.00 70.00" in page.words
    assert "Family 150.00 30.00 120.00 100.00 20.00" in page.words
    assert "Net balance $120.00 of which waiting for insurance $100.00" in page.words
    assert "999.00" not in page.words
    assert 'href="/patients/P1042/payments/new/"' in page.html
    assert 'href="/patients/P1050/payments/new/"' in page.html
    assert 'href="/patients/P1050/account/"' in page.html


def test_it_is_the_same_family_from_everybody(client: Client, smith: Any, ann: Any) -> None:
    page = look(client, "/patients/P1050/family/")
    assert "<h1>Family of Smith, John</h1>" in page.html
    assert "Smith, John P1042" in page.words
    assert "Smith, Ann P1050" in page.words


def test_providers_stand_apart_where_there_are_several(client: Client, smith: Any) -> None:
    first = LineFactory(patient=smith, amount="50")
    second = LineFactory(patient=smith, amount="70")
    page = look(client, URL)
    assert f"{first.provider.name} 50.00 0.00 50.00 0.00 50.00" in page.words
    assert f"{second.provider.name} 70.00 0.00 70.00 0.00 70.00" in page.words
    assert "pays for nobody else" in page.words


def test_negative_credit_stands_out() -> None:
    desk = seed2()
    desk.reverse()
    page = look(desk.client, URL)
    assert re.search(r'<td class="n num"><span class="neg nowrap">.*?-20.00</span></td>', page.html)


def test_the_parts_are_the_net_balance_whatever_is_paid(smith: Any, ann: Any) -> None:
    line = LineFactory(patient=ann, amount="100", owed_by=PayerFactory())
    PaymentFactory(patient=ann, provider=line.provider, amount="130", on={line: "40"})
    member = balances.members([ann])[0]
    assert (member.total.invoices, member.total.credit) == (money(60), money(90))
    assert (member.total.waiting, member.total.patients_part) == (money(60), money(-90))
    assert member.total.net == member.total.waiting + member.total.patients_part
    account = balances.account(ann, line.provider)
    assert (account.invoices, account.credit) == (member.total.invoices, member.total.credit)
    assert balances.family_total([]) == balances.Owed(ZERO, ZERO, ZERO)


def test_the_part_lies_unchanged_in_the_page(client: Client, smith: Any, ann: Any) -> None:
    alone = part(client, URL).html
    assert alone.startswith('<div id="members"')
    assert alone in look(client, URL).html


def test_names_are_text(client: Client, smith: Any) -> None:
    PatientFactory(family_name=SCRIPT, guarantor=smith)
    assert SCRIPT not in look(client, URL).html


def test_unknown_charts_are_404(client: Client) -> None:
    for chart in ("P9", "%27", "x" * 3_000, "<b>"):
        assert look(client, f"/patients/{chart}/family/").response.status_code == 404


def test_it_costs_the_same(client: Client, smith: Any) -> None:
    costs_the_same(
        client, URL, lambda n: LineFactory(patient=PatientFactory(guarantor=smith), amount="10")
    )
    assert len(look(client, URL).queries) <= 12
