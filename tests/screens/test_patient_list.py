"""Patients: the list, and finding one."""

import datetime
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from patients.models import PatientQuerySet
from patients.tables import ListTable
from tests.factories import CoverageFactory, PatientFactory, PayerFactory
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/patients/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def smith() -> Any:
    return PatientFactory(
        family_name="Smith",
        given_name="John",
        chart_number="P1042",
        phone="555-0199",
        birth_date=datetime.date(1961, 4, 2),
    )


def test_it_asks_who_you_are() -> None:
    assert Client().get(URL).status_code == 302


def test_it_shows_who_patients_are(client: Client, smith: Any) -> None:
    CoverageFactory(patient=smith, payer=PayerFactory(name="BlueRiver Health"))
    page = look(client, URL)
    assert page.response.status_code == 200
    assert page.table == (
        "Smith, John P1042 02 Apr 1961 555-0199 BlueRiver Health Take payment from Smith, John"
    )
    assert '<a href="/patients/P1042/account/">Smith, John</a>' in page.html
    assert 'href="/patients/P1042/"' in page.html
    assert 'href="/patients/P1042/payments/new/"' in page.html


def test_the_insurer_is_the_primary_one_of_today(client: Client, smith: Any) -> None:
    today = timezone.localdate()
    day = datetime.timedelta(days=1)
    for name, rank, start, end in (
        ("Past", 1, None, today - day),
        ("Coming", 1, today + day, None),
        ("Second", 3, None, None),
        ("First", 2, today, today),
    ):
        CoverageFactory(
            patient=smith, payer=PayerFactory(name=name), rank=rank, start=start, end=end
        )
    assert "555-0199 First Take" in look(client, URL).table


@pytest.mark.parametrize(
    "typed",
    [
        "Smith",
        "smi, j",
        "John Smith",
        "p104",
        "555-0199",
        "555 0199",
        "1961-04-02",
        "04/02/1961",
        "2 Apr 1961",
        "  smith ",
    ],
)
def test_it_finds_by_name_chart_phone_and_birth(client: Client, smith: Any, typed: str) -> None:
    PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P2001")
    page = look(client, URL, {"q": typed})
    assert "Smith, John" in page.table
    assert "Okafor" not in page.table


def test_the_way_to_register(client: Client) -> None:
    page = look(client, URL)
    assert re.search(r'href="/patients/new/">.*?Register patient</a>', page.html)


def test_a_whole_chart_number_leads_to_the_account(client: Client, smith: Any) -> None:
    for typed in ("P1042", "p1042", " P1042 "):
        response = client.get(URL, {"q": typed})
        assert (response.status_code, response["Location"]) == (302, "/patients/P1042/account/")


def test_while_somebody_types_nothing_leads_away(client: Client, smith: Any) -> None:
    """P1042 may be on its way to become P10421."""
    page = part(client, URL, {"q": "P1042"})
    assert page.response.status_code == 200
    assert page.html.startswith('<div id="patient-list" data-list>')
    assert "Smith, John" in page.table


def test_the_part_lies_unchanged_in_the_page(client: Client, smith: Any) -> None:
    assert part(client, URL).html in look(client, URL).html


def test_nobody_found_and_nobody_there(client: Client) -> None:
    assert "No patients yet" in look(client, URL).words
    assert "No patient matches this search" in look(client, URL, {"q": "zzz"}).words


def test_pages_of_25(client: Client) -> None:
    for _ in range(30):
        PatientFactory()
    first = look(client, URL)
    assert "1 to 25 of 30" in first.words
    assert first.table.count("Take payment") == 25
    assert look(client, URL, {"page": 2}).table.count("Take payment") == 5
    assert look(client, URL, {"page": 99}).table.count("Take payment") == 5


def test_it_sorts(client: Client) -> None:
    for name, year in (("abel", 1990), ("Zoe", 1950)):
        PatientFactory(family_name=name, birth_date=datetime.date(year, 1, 1))
    assert look(client, URL).table.startswith("abel")
    assert look(client, URL, {"sort": "name"}).table.startswith("abel")
    assert look(client, URL, {"sort": "-name"}).table.startswith("Zoe")
    assert look(client, URL, {"sort": "birth_date"}).table.startswith("Zoe")


@pytest.mark.parametrize("typed", ODD)
@pytest.mark.parametrize("key", ["q", "sort", "page", "per_page"])
def test_it_takes_garbage_calmly(client: Client, smith: Any, key: str, typed: str) -> None:
    assert look(client, URL, {key: typed}).response.status_code == 200


def test_a_search_that_is_too_long_says_so(client: Client) -> None:
    assert "Search with 100 characters at most." in look(client, URL, {"q": "x" * 101}).words


def test_names_are_text(client: Client) -> None:
    PatientFactory(family_name=SCRIPT, given_name=SCRIPT, phone="<b>1</b>")
    page = look(client, URL, {"q": "<script>"})
    assert SCRIPT not in page.html
    assert "<b>1</b>" not in page.html
    assert "&lt;script&gt;" in page.html


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, lambda n: CoverageFactory())
    assert len(look(client, URL).queries) <= 12


def test_far_pages_are_read_from_the_nearer_end_and_say_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(104):
        PatientFactory(family_name=f"Name{number:03}")
    for sort in ("name", "-name"):
        near = [look(client, URL, {"sort": sort, "page": page}).table for page in range(1, 6)]
        with monkeypatch.context() as patched:
            patched.setattr(ListTable, "far", 0)
            far = [look(client, URL, {"sort": sort, "page": page}).table for page in range(1, 6)]
        assert near == far


def test_who_leaves_a_list_while_its_page_is_read_is_left_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another list that is every payment somebody allocates just then."""
    stays, leaves = PatientFactory(), PatientFactory()
    read = PatientQuerySet.in_bulk

    def after_one_left(rows: Any, ids: list[int]) -> Any:
        return read(rows.exclude(pk=leaves.pk), ids)

    monkeypatch.setattr(ListTable, "far", 0)
    monkeypatch.setattr(PatientQuerySet, "in_bulk", after_one_left)
    page = look(client, URL)
    assert page.response.status_code == 200
    assert stays.chart_number in page.table
    assert leaves.chart_number not in page.table
