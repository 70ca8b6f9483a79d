"""A report on the screen: its period and filters, its figures, its rows a page at a time."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from billing.models import Clinic, Payment
from patients.models import Patient, Provider
from tests.factories import PatientFactory, PaymentFactory, ProviderFactory, UserFactory
from tests.factories.bills import day
from tests.screens.lists import ODD, SCRIPT, Look, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db

URL = "/reports/payments-received/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


@pytest.fixture
def dr1() -> Provider:
    return ProviderFactory(name="Dr 1")


@pytest.fixture
def receipts(smith: Patient, dr1: Provider) -> list[Payment]:
    """Two on one day and one on another."""
    return [
        PaymentFactory(patient=smith, provider=dr1, amount=amount, ago=ago)
        for amount, ago in (("20", 3), ("30.50", 3), ("5", 1))
    ]


def asked(**more: str) -> dict[str, str]:
    return {"from": day(9).isoformat(), "to": day(0).isoformat(), **more}


def page(client: Client, **more: str) -> Look:
    return look(client, URL, asked(**more))


# --- What it shows -------------------------------------------------------------------------------


def test_figures_days_and_rows(client: Client, receipts: list[Payment]) -> None:
    found = page(client)
    assert "3 payments" in found.words
    assert "Received 55.50 Reversed or refunded 0.00 Net received 55.50" in found.words
    assert "Allocated + unallocated = net" in found.words
    assert f"{day(3):%a %d %b %Y} &middot; 2 payments 50.50 0.00 50.50" in found.words
    row = f"{receipts[2].number} Smith, John Cash, Dr 1 Cash Dr 1 5.00 0.00 5.00 0.00 5.00"
    assert row in found.words  # method and provider under the name too, for a tablet
    assert "Total 55.50" in found.words


def test_the_newest_day_comes_first(client: Client, receipts: list[Payment]) -> None:
    numbers = re.findall(r"(R-\d+)</a>", page(client).html)
    assert numbers == [receipts[2].number, receipts[1].number, receipts[0].number]


def test_a_receipt_leads_to_its_page(client: Client, receipts: list[Payment]) -> None:
    assert f'<a href="/payments/{receipts[0].number}/">' in page(client).html


def test_sorted_by_an_amount_the_days_have_no_sums(client: Client, receipts: list[Payment]) -> None:
    found = page(client, sort="-net")
    assert re.findall(r"(R-\d+)</a>", found.html) == [
        receipts[1].number,
        receipts[0].number,
        receipts[2].number,
    ]
    assert "2 payments" not in found.words
    assert 'aria-sort="descending"' in found.html
    assert "sort=net" in found.html  # the next click turns it


def test_only_the_columns_asked_for(client: Client, receipts: list[Payment]) -> None:
    found = look(client, URL, {**asked(), "columns": ["receipt", "net", "entered_by"]})
    headings = re.findall(r'id="sort-(\w+)"', found.html)
    assert headings == ["receipt", "entered_by", "net"]


def test_fifty_rows_a_page_with_the_sums_of_whole_days(
    client: Client, smith: Patient, dr1: Provider
) -> None:
    for _ in range(53):
        PaymentFactory(patient=smith, provider=dr1, amount="1", ago=2)
    first, second = page(client), page(client, page="2")
    assert (len(re.findall(r"R-\d+</a>", first.html)), "1 to 50 of 53" in first.words) == (50, True)
    assert len(re.findall(r"R-\d+</a>", second.html)) == 3
    for each in (first, second):
        assert f"{day(2):%a %d %b %Y} &middot; 53 payments 53.00" in each.words


def test_htmx_gets_the_report_alone(client: Client, receipts: list[Payment]) -> None:
    found = part(client, URL, asked())
    assert found.html.startswith('<div id="report"')
    assert "Smith, John" in found.html


def test_nothing_found_says_so(client: Client) -> None:
    words = page(client).words
    assert "No payments in this period" in words
    assert "Choose a longer one, or reset the filters." in words


def test_names_are_texts(client: Client, dr1: Provider) -> None:
    PaymentFactory(patient=PatientFactory(family_name=SCRIPT), provider=dr1, ago=1)
    html = page(client).html
    assert SCRIPT not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, " in html


def test_it_costs_as_many_queries_with_many_rows(
    client: Client, smith: Patient, dr1: Provider
) -> None:
    url = f"{URL}?from={day(30)}&to={day(0)}"
    costs_the_same(client, url, lambda n: PaymentFactory(patient=smith, provider=dr1, ago=n % 20))
    # Five of them are asked once in a while only: the counts of the navigation, the clinic.
    assert len(look(client, url).queries) <= 15


# --- Periods -------------------------------------------------------------------------------------


def dates(found: Look) -> tuple[str, str]:
    boxes = dict(re.findall(r'name="(from|to)" value="([^"]*)"', found.html))
    return boxes["from"], boxes["to"]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("", "2025-11-01", "2025-11-18"),
        ("this-month", "2025-11-01", "2025-11-18"),
        ("last-month", "2025-10-01", "2025-10-31"),
        ("this-quarter", "2025-10-01", "2025-11-18"),
        ("fiscal-year", "2025-07-01", "2025-11-18"),
        ("last-fiscal-year", "2024-07-01", "2025-06-30"),
        ("nonsense", "2025-11-01", "2025-11-18"),
    ],
)
def test_a_period_in_one_click(client: Client, period: str, first: str, last: str) -> None:
    """The clinic's fiscal year begins in July."""
    Clinic.objects.update_or_create(pk=1, defaults={"name": "Harbor", "fiscal_year_month": 7})
    with time_machine.travel("2025-11-18 12:00", tick=False):
        client.force_login(UserFactory())
        query = {"period": period} if period else {}
        assert dates(look(client, URL, query)) == (first, last)


@pytest.mark.parametrize(
    ("today", "month", "first"),
    [
        (date(2025, 7, 1), 7, "2025-07-01"),
        (date(2025, 6, 30), 7, "2024-07-01"),
        (date(2024, 2, 29), 3, "2023-03-01"),
        (date(2025, 1, 1), 1, "2025-01-01"),
    ],
)
def test_where_a_fiscal_year_begins(client: Client, today: date, month: int, first: str) -> None:
    Clinic.objects.update_or_create(pk=1, defaults={"name": "Harbor", "fiscal_year_month": month})
    with time_machine.travel(f"{today} 12:00", tick=False):
        client.force_login(UserFactory())
        assert dates(look(client, URL, {"period": "fiscal-year"})) == (first, today.isoformat())


def test_a_named_period_goes_before_days_and_keeps_the_other_filters(
    client: Client, dr1: Provider
) -> None:
    found = page(client, provider=str(dr1.pk))
    link = re.search(r'<a href="([^"]*period=last-month[^"]*)"', found.html)
    assert link
    assert f"provider={dr1.pk}" in link[1]
    assert "from=" not in link[1]


# --- What it refuses -----------------------------------------------------------------------------


@time_machine.travel("2026-11-28 15:00Z", tick=False)
def test_the_end_of_a_month_that_is_not_over_means_up_to_today() -> None:
    client = signed_in()
    url = "/reports/payments-received/"
    page = look(client, url, {"from": "2026-11-01", "to": "2026-11-30"})
    assert "01 Nov 2026 to 28 Nov 2026" in page.words
    page = look(client, url, {"from": "2026-11-01", "to": "2026-12-01"})
    assert "The date is in the future." in page.words


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"from": "2025-11-30", "to": "2025-11-01"}, "To is before From."),
        ({"from": "0001-01-01", "to": "2025-11-01"}, "The date is too long ago. Check the year."),
        ({"from": "2025-11-01", "to": "9999-12-31"}, "The date is in the future."),
        ({"from": "31.11.2025", "to": "2025-11-01"}, "Enter a date like 2025-11-18."),
        ({"from": "2025-11-01", "to": ""}, "Enter the last day."),
        ({"sort": "patient"}, "This report cannot be sorted by that."),
        ({"sort": "row"}, "This report cannot be sorted by that."),
        ({"columns": "ssn"}, "“ssn” is no column of this report. Choose from the list."),
        ({"provider": "999999"}, "Choose one of the providers in the list."),
        ({"method": "gold"}, "Choose one of the methods in the list."),
        ({"user": "nobody"}, "Choose one of the users in the list."),
        ({"received_from": "x"}, "Choose one of the patients and insurers in the list."),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(
    client: Client, receipts: list[Payment], query: dict[str, str], sentence: str
) -> None:
    found = look(client, URL, query)
    assert found.response.status_code == 200
    assert "This report cannot be shown like that." in found.words
    assert sentence in found.words
    assert receipts[0].number not in found.words
    for value in query.values():
        assert not value or value in found.html


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_the_address_it_answers(client: Client, odd: str) -> None:
    for name in ("from", "to", "period", "provider", "method", "user", "sort", "columns", "page"):
        assert look(client, URL, asked(**{name: odd})).response.status_code == 200


def test_a_report_there_is_not(client: Client) -> None:
    assert look(client, "/reports/nonsense/").response.status_code == 404


# --- Files ---------------------------------------------------------------------------------------


def test_who_may_export_finds_the_files_with_the_same_filters(
    client: Client, receipts: list[Payment]
) -> None:
    accountant: Any = UserFactory()
    accountant.user_permissions.add(Permission.objects.get(codename="export_reports"))
    client.force_login(accountant)
    html = page(client, sort="-net", page="1").html
    for format in ("csv", "xlsx", "pdf"):
        assert (
            f'href="/reports/payments-received.{format}?from={day(9)}&amp;to={day(0)}'
            '&amp;sort=-net"' in html
        )


def test_who_may_not_export_finds_none(client: Client, receipts: list[Payment]) -> None:
    assert "Export CSV" not in page(client).words
