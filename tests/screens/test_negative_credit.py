"""Negative credit by cause and age, and un-paying the lines in one click."""

from __future__ import annotations

import pytest
from django.test import Client

from billing import balances, ledger
from tests.factories import LineFactory, PatientFactory, PaymentFactory, RefundFactory, UserFactory
from tests.factories.bills import day, money
from tests.screens.desk import Desk, key, left_paid, rows, seed2, text
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/payments/negative-credit/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def desk() -> Desk:
    desk = seed2()
    desk.reverse()
    return desk


def causes() -> list[str]:
    found = balances.negative_credit(day=day(0)).order_by("pk")
    return [each.cause for each in found]  # type: ignore[attr-defined]


# --- What it shows -------------------------------------------------------------------------------


def test_which_payment_still_pays_which_line(desk: Desk) -> None:
    page = look(desk.client, URL)
    said = f"Of {desk.receipt.date:%d %b %Y}, 20.00; still on INV-0001 20.00."
    assert f"Smith, John Dr 1 R-0001 Reversed, still pays lines {said}" in page.words
    assert "-20.00 Un-pay 20.00 on INV-0001 , R-0001" in page.words


def test_causes() -> None:
    left_paid()
    left_paid("Payment bounced")
    line = LineFactory(amount="50")
    deleted = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    ledger.void(by=UserFactory(), payment=deleted, reason="Entered twice", unpay_lines=False)
    assert causes() == ["reversed", "bounced", "deleted"]


def test_refunded_and_then_bounced_asks_for_the_money(client: Client) -> None:
    receipt = PaymentFactory(amount="30")
    RefundFactory(payment=receipt, amount="30", ago=1)
    ledger.reverse(by=UserFactory(), payment=receipt, date=day(0), reason="Payment bounced")
    assert causes() == ["refunded"]
    page = look(client, URL)
    assert "30.00 had been paid back or moved." in page.words
    assert receipt.patient
    new = f"/patients/{receipt.patient.chart_number}/payments/new/?provider={receipt.provider_id}"
    assert f'href="{new}">Take payment' in page.html
    assert 'value="Un-pay' not in page.html
    assert "/unpay/" not in page.html


def test_several_lines_of_one_payment_are_unpaid_together(client: Client) -> None:
    line = LineFactory(amount="50")
    other = LineFactory(amount="40", patient=line.patient, provider=line.provider)
    receipt = PaymentFactory(
        patient=line.patient, provider=line.provider, amount="70", on={line: "50", other: "20"}
    )
    ledger.reverse(
        by=UserFactory(), payment=receipt, date=day(0), reason="Other", unpay_lines=False
    )
    page = look(client, URL)
    assert "still on INV-0001 50.00 and INV-0002 20.00." in page.words
    assert "Un-pay 70.00 on 2 lines" in page.words


def test_the_sums_are_those_of_the_accounts(client: Client) -> None:
    for _ in range(3):
        left_paid()
    sums = balances.by_cause(balances.negative_credit(day=day(0)), balances.NegativeCause)
    assert sums.total.total.total == balances.negative_accounts(first=1).total == money(-60)
    assert "3 payments, together -$60.00 ." in look(client, URL).words


def test_age_counts_from_the_day_it_was_undone(client: Client) -> None:
    line = LineFactory(amount="50", ago=200)
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, ago=150, on={line: "20"})
    ledger.reverse(
        by=UserFactory(), payment=receipt, date=day(40), reason="Other", unpay_lines=False
    )
    assert (
        "R-0001"
        in look(client, URL, {"age": "31-60"}).table + look(client, URL, {"age": "31-60"}).words
    )
    assert "No payments match" in look(client, URL, {"age": "over-90"}).words


def test_filters_narrow(client: Client) -> None:
    first, second = left_paid(), left_paid("Payment bounced")
    for query, shown, hidden in (
        ({"cause": "bounced"}, second, first),
        ({"provider": first.provider_id}, first, second),
    ):
        page = look(client, URL, query)
        assert f">{shown.number}<" in page.html
        assert f">{hidden.number}<" not in page.html


def test_every_column_sorts(client: Client) -> None:
    left_paid()
    for column in ("since_day", "patient", "provider", "number", "why", "unallocated"):
        for sort in (column, f"-{column}"):
            assert "R-0001" in look(client, URL, {"sort": sort}).words


def test_nothing_is_negative(client: Client) -> None:
    PaymentFactory()
    assert "No negative credit" in look(client, URL).words


def test_the_part_lies_in_the_page(client: Client) -> None:
    assert part(client, URL).html.startswith('<div id="negative-credit" data-list>')
    assert part(client, URL).html in look(client, URL).html


# --- The one click -------------------------------------------------------------------------------


def test_one_click_unpays_and_comes_back(desk: Desk) -> None:
    sent = {"key": key(), "from": "negative_credit"}
    answer = desk.client.post("/payments/R-0001/unpay/", sent)
    assert answer.status_code == 302
    assert answer["Location"] == URL
    assert desk.figures == ("50.00", "0.00", "50.00")
    page = text(desk.client.get(URL))
    assert "20.00 un-paid on INV-0001." in page
    assert "No negative credit" in page


def test_a_second_click_changes_nothing(desk: Desk) -> None:
    sent = {"key": key(), "from": "negative_credit"}
    desk.client.post("/payments/R-0001/unpay/", sent)
    before = rows()
    desk.client.post("/payments/R-0001/unpay/", sent)
    answer = desk.client.post("/payments/R-0001/unpay/", {**sent, "key": key()}, follow=True)
    assert rows() == before
    assert "This payment pays no line." in text(answer)


def test_a_forged_from_leads_to_the_account(desk: Desk) -> None:
    sent = {"key": key(), "from": "https://evil.example/"}
    answer = desk.client.post("/payments/R-0001/unpay/", sent)
    assert answer["Location"] == desk.account_url


# --- House rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ODD)
@pytest.mark.parametrize("name", ["cause", "age", "provider", "sort", "page"])
def test_it_takes_garbage_calmly(client: Client, name: str, typed: str) -> None:
    left_paid()
    assert look(client, URL, {name: typed}).response.status_code == 200


def test_names_are_text(client: Client) -> None:
    left_paid(patient=PatientFactory(family_name=SCRIPT))
    assert SCRIPT not in look(client, URL).html


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, lambda n: left_paid())
    assert len(look(client, URL).queries) <= 12


def test_it_is_not_posted_to(client: Client) -> None:
    assert client.post(URL).status_code == 405
