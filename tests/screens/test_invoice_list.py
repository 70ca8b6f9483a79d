"""Invoices: drafts and issued ones, their sums and states."""

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import Invoice
from tests.factories import InvoiceFactory, PatientFactory, PaymentFactory, ProviderFactory
from tests.factories.bills import day
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/invoices/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def void(invoice: Invoice, *lines: Any) -> None:
    chosen = lines or list(invoice.lines.all())
    ledger.void_lines(by=invoice.created_by, lines=chosen, date=day(0), reason="Wrong service")


def numbers(client: Client, **query: Any) -> list[str]:
    words = look(client, URL, query).table.split()
    return [word for word in words if word.startswith("INV-")]


def test_number_date_patient_lines_total_balance_and_state(client: Client) -> None:
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    invoice = InvoiceFactory(patient=smith, provider=ProviderFactory(), amounts=["100", "35"])
    line = invoice.lines.order_by("pk")[0]
    PaymentFactory(patient=smith, provider=line.provider, amount="20", on={line: "20"})
    page = look(client, URL)
    assert page.table == (f"INV-0001 {day(30):%d %b %Y} Smith, John P1042 2 135.00 115.00 Open")
    assert 'href="/invoices/INV-0001/"' in page.html


def test_the_four_states_and_what_they_add_up_to(client: Client) -> None:
    InvoiceFactory(amounts=["50"], issued=False)
    InvoiceFactory(amounts=["100"])
    paid = InvoiceFactory(amounts=["30"])
    line = paid.lines.get()
    PaymentFactory(patient=line.patient, provider=line.provider, amount="30", on={line: "30"})
    gone = InvoiceFactory(amounts=["7"])
    void(gone)
    partly = InvoiceFactory(amounts=["40", "60"])
    void(partly, partly.lines.order_by("pk")[0])
    page = look(client, URL)
    assert "5 invoices. Issued $190.00 , owing $160.00 ; 1 draft, $50.00 ." in page.words
    for state, found in (
        ("open", ["INV-0004", "INV-0001"]),
        ("paid", ["INV-0002"]),
        ("void", ["INV-0003"]),
        ("draft", []),
    ):
        assert numbers(client, state=state) == found, state
    assert "Draft" in look(client, URL, {"state": "draft"}).table
    assert "2 60.00 60.00 Open" in look(client, URL, {"state": "open"}).table


def test_drafts_lead_to_their_page_and_come_first(client: Client) -> None:
    InvoiceFactory(ago=0)
    draft = InvoiceFactory(issued=False)
    page = look(client, URL)
    assert page.table.startswith("Draft")
    assert f'href="/invoices/drafts/{draft.pk}/"' in page.html


def test_the_last_90_days_unless_asked_otherwise(client: Client) -> None:
    old, new = InvoiceFactory(ago=200), InvoiceFactory(ago=5)
    line = old.lines.get()
    PaymentFactory(
        patient=line.patient, provider=line.provider, amount="100", on={line: "100"}, ago=190
    )
    assert numbers(client) == [new.number]
    assert numbers(client, state="open") == [new.number]
    assert numbers(client, q="INV-0001") == [old.number]
    assert numbers(client, **{"from": day(300).isoformat()}) == [new.number, old.number]
    assert numbers(client, **{"from": day(300).isoformat(), "to": day(100).isoformat()}) == [
        old.number
    ]
    for ago in (400, 500):
        InvoiceFactory(ago=ago)
    assert len(numbers(client, state="open")) == 3  # open ones, however old


def test_by_patient_and_provider(client: Client) -> None:
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    dr1 = ProviderFactory(name="Dr 1")
    mine = InvoiceFactory(patient=smith, provider=dr1)
    other = InvoiceFactory()
    for typed in ("smith", "john smith", "P1042", mine.number):
        assert numbers(client, q=typed) == [mine.number]
    assert numbers(client, provider=dr1.pk) == [mine.number]
    assert set(numbers(client)) == {mine.number, other.number}


@pytest.mark.parametrize("typed", ODD)
def test_anything_may_be_typed(client: Client, typed: str) -> None:
    InvoiceFactory()
    for name in ("q", "provider", "state", "from", "to", "sort", "page"):
        assert look(client, URL, {name: typed}).response.status_code == 200


def test_filters_that_cannot_be_used_say_so(client: Client) -> None:
    for query, sentence in (
        ({"from": "0001-01-01"}, "The date is too long ago. Check the year."),
        ({"to": "2025-02-30"}, "Enter a date like 2025-11-18."),
        ({"from": day(1).isoformat(), "to": day(2).isoformat()}, "To is before From."),
        ({"state": "lost"}, "Choose one of the states in the list."),
        ({"provider": "999"}, "Choose one of the providers in the list."),
    ):
        page = look(client, URL, query)
        assert "These filters cannot be used." in page.words
        assert sentence in page.words


def test_every_column_sorts(client: Client) -> None:
    for amount in ("10", "30", "20"):
        InvoiceFactory(amounts=[amount])
    assert numbers(client, sort="total") == ["INV-0001", "INV-0003", "INV-0002"]
    assert numbers(client, sort="-balance") == ["INV-0002", "INV-0003", "INV-0001"]
    for column in ("number", "date", "patient", "lines", "nonsense"):
        assert len(numbers(client, sort=column)) == len(numbers(client, sort=f"-{column}")) == 3


def test_htmx_gets_the_list_alone(client: Client) -> None:
    InvoiceFactory()
    assert part(client, URL).html.startswith('<div id="invoice-list"')


def test_names_are_text(client: Client) -> None:
    InvoiceFactory(patient=PatientFactory(family_name=SCRIPT))
    assert SCRIPT not in look(client, URL).html


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, lambda n: InvoiceFactory(amounts=["10", "20"]))
    assert len(look(client, URL).queries) <= 12


def test_nothing_found_and_nothing_there_at_all(client: Client) -> None:
    page = look(client, URL, {"q": "nobody"})
    assert "No invoices yet" in page.words
    assert "match these filters" not in page.words
    InvoiceFactory()
    page = look(client, URL, {"q": "nobody"})
    assert "No invoices match these filters" in page.words
    assert "No invoices yet" not in page.words
