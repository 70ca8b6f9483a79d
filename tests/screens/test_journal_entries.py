"""The journal on screen: what is booked on each account, and entry by entry."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from config.roles import ACCOUNTANT
from tests.factories import (
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
    give,
)
from tests.factories.bills import day
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/reports/journal/"


@pytest.fixture
def client() -> Client:
    client = signed_in()
    give(UserFactory(), ACCOUNTANT)
    return client


def paid(ago: int = 5, name: str = "Dr 1") -> Any:
    """A line of 50.00 and a receipt of 20.00 on it: three entries."""
    line = LineFactory(provider=ProviderFactory(name=name), amount="50", ago=ago)
    PaymentFactory(patient=line.patient, provider=line.provider, ago=ago, on={line: "20"})
    return line


# --- It shows ------------------------------------------------------------------------------------


def test_it_shows_what_is_booked_on_each_account_and_entry_by_entry(client: Client) -> None:
    line = paid()
    page = look(client, URL)
    assert "Entries 3 Debit $90.00 , credit $90.00 , difference 0.00 ." in page.words
    assert page.table == (
        "1010 Cash: Cash Asset 20.00 0.00 20.00"
        " 1100 Accounts receivable Asset 50.00 20.00 30.00"
        " 2100 Unallocated credit: Patients Liability 20.00 20.00 0.00"
        f" 4000-{line.provider_id} Professional fees: Dr 1 Income 0.00 50.00 -50.00"
    )
    assert "All accounts 90.00 90.00 0.00" in page.words
    when = f"{day(5):%d %b %Y}"
    assert (
        f"{when} R-0001 Allocation INV-0001 allocation-{line.allocations.get().pk} Dr 1"
        " Unallocated credit: Patients 2100 Accounts receivable 1100 20.00"
    ) in page.words
    assert str(line.patient.family_name) not in page.words


def test_the_period_stands_in_the_address_and_the_downloads_follow_it(client: Client) -> None:
    paid(ago=5)
    paid(ago=30)
    first, last = day(6).isoformat(), day(0).isoformat()
    page = look(client, URL, {"from": first, "to": last})
    assert "Entries 3 " in page.words
    for name in ("csv", "hledger", "beancount"):
        assert f'href="/reports/journal.{name}?from={first}&amp;to={last}"' in page.html
    assert "Entries 6 " in look(client, URL, {"from": "", "to": last}).words


def test_entries_are_paged(client: Client) -> None:
    for _ in range(10):
        paid()
    page = look(client, URL)
    assert "1 to 25 of 30" in page.words
    assert "26 to 30 of 30" in look(client, URL, {"page": "2"}).words
    assert "26 to 30 of 30" in look(client, URL, {"page": "99"}).words


def test_an_empty_period_says_so(client: Client) -> None:
    assert "Nothing was booked in this period" in look(client, URL).words


def test_a_batch_is_shown_by_its_number(client: Client) -> None:
    paid(ago=9)
    paid(ago=2)
    ledger.make_journal_batch(by=UserFactory(), through=day(5))
    page = look(client, URL, {"batch": "J-0001"})
    assert f"Up to {day(5):%d %b %Y}" in page.words
    assert "Entries 3 " in page.words
    assert 'href="/reports/journal.csv?batch=J-0001"' in page.html
    assert 'href="/reports/journal/batches/"' in page.html


@pytest.mark.parametrize("number", ["J-9999", "x", "J-0001'", "9" * 5000])
def test_a_batch_that_is_not_there(client: Client, number: str) -> None:
    assert client.get(URL, {"batch": number}).status_code == 404


# --- It withstands -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": day(0).isoformat(), "to": day(9).isoformat()}, "To is before From."),
        ({"from": "0001-01-01", "to": ""}, "The date is too long ago. Check the year."),
        ({"from": "", "to": "9999-12-31"}, "The date is in the future."),
        ({"from": "yesterday", "to": ""}, "Enter a date like 2025-11-18."),
        ({"from": "", "to": ""}, "Enter the last day."),
    ],
)
def test_a_period_that_cannot_be_used_says_so(client: Client, query: Any, said: str) -> None:
    paid()
    page = look(client, URL, query)
    assert page.response.status_code == 200
    assert "This period cannot be used." in page.words
    assert said in page.words
    assert "Download" not in page.words


@pytest.mark.parametrize("typed_", ODD)
@pytest.mark.parametrize("name", ["from", "to", "page"])
def test_it_takes_garbage_calmly(client: Client, name: str, typed_: str) -> None:
    assert look(client, URL, {name: typed_}).response.status_code == 200


def test_names_are_text(client: Client) -> None:
    line = LineFactory(
        provider=ProviderFactory(name=SCRIPT), patient=PatientFactory(), owed_by=PayerFactory()
    )
    ledger.make_journal_batch(by=UserFactory(), through=day(0))
    for query in ({"period": "everything"}, {"batch": "J-0001"}):
        page = look(client, URL, query)
        assert line.invoice.number in page.words
        assert SCRIPT not in page.html


def test_the_part_lies_unchanged_in_the_page(client: Client) -> None:
    paid()
    alone = part(client, URL)
    assert alone.html.startswith('<div class="stack" id="journal-entries" data-list>')
    assert alone.html in look(client, URL).html


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, lambda number: paid(name=f"Dr {number}"))
    ledger.make_journal_batch(by=UserFactory(), through=day(0))
    assert len(look(client, URL).queries) <= 14  # two of them ask whether there are files
    assert len(look(client, URL, {"batch": "J-0001"}).queries) <= 14
