"""Batches of the journal: what was handed over, and making the next one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from billing import ledger
from billing.models import JournalBatch
from config.roles import ACCOUNTANT, ADMINISTRATOR
from tests.factories import LineFactory, PaymentFactory, UserFactory, give
from tests.factories.bills import day
from tests.ledger.books import digest
from tests.screens.desk import key, text
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/reports/journal/batches/"


@pytest.fixture
def client() -> Client:
    """Somebody who may make batches and take them along."""
    client = signed_in()
    give(UserFactory(), ACCOUNTANT)
    return client


def paid(ago: int = 5) -> None:
    """A line and a receipt on it: three entries."""
    line = LineFactory(amount="50", ago=ago)
    PaymentFactory(patient=line.patient, provider=line.provider, ago=ago, on={line: "20"})


def typed(ago: int = 0, **more: Any) -> dict[str, Any]:
    return {"key": key(), "through": day(ago).isoformat(), **more}


def test_the_next_batch_is_made_and_shown(client: Client) -> None:
    paid(ago=9)
    paid(ago=2)
    assert "Entries in no batch yet 6" in look(client, URL).words
    answer = client.post(URL, typed(ago=5), follow=True)
    assert answer.redirect_chain == [("/reports/journal/?batch=J-0001", 302)]
    said = text(answer)
    assert "J-0001 is made. Download it here." in said
    assert 'href="/reports/journal.csv?batch=J-0001"' in said
    page = look(client, URL)
    assert "Entries in no batch yet 3" in page.words
    when = f"{day(9):%d %b %Y} {day(5):%d %b %Y} 3"
    assert f"J-0001 {when}" in page.words
    assert 'href="/reports/journal/?batch=J-0001"' in page.html


def test_who_may_not_export_makes_a_batch_for_somebody_else_to_take(client: Client) -> None:
    paid(ago=9)
    may = Permission.objects.get(codename="export_reports")
    Group.objects.get(name=ACCOUNTANT).permissions.remove(may)
    said = text(client.post(URL, typed(ago=5), follow=True))
    assert "J-0001 is made." in said
    assert "Download" not in said


def test_a_second_click_makes_no_second_batch(client: Client) -> None:
    paid()
    form = typed()
    client.post(URL, form)
    paid()
    assert "This batch was made before." in text(client.post(URL, form, follow=True))
    assert JournalBatch.objects.count() == 1


NOTHING = "Nothing up to {} is left for a batch."


@pytest.mark.parametrize(
    ("through", "said"),
    [
        ("", "Enter the last day."),
        ("yesterday", "Enter a date like 2025-11-18."),
        ("２０２５-01-01", "Enter a date like 2025-11-18."),
        ("0001-01-01", "The date is too long ago. Check the year."),
        ("9999-12-31", "The date is in the future."),
        ("1990-01-01", NOTHING.format("01 Jan 1990")),
        ("\0", "Enter a date like 2025-11-18."),
    ],
)
def test_a_day_that_cannot_be_is_refused_beside_the_field(
    client: Client, through: str, said: str
) -> None:
    paid()
    before = digest()
    answer = client.post(URL, typed(through=through))
    assert answer.status_code == 200
    page = text(answer)
    assert "This batch is not made yet." in page
    assert page.count(said) >= 2  # in the summary and beside the field
    assert 'aria-invalid="true"' in page
    assert digest() == before


def test_a_form_without_its_key_is_refused(client: Client) -> None:
    paid()
    answer = client.post(URL, {"through": day(0).isoformat(), "key": "x"})
    assert "This form is too old to be saved." in text(answer)
    assert not JournalBatch.objects.exists()


def test_only_whoever_may_makes_batches() -> None:
    client = signed_in()
    paid()
    UserFactory(roles=[ADMINISTRATOR])
    assert "Make the next batch" not in look(client, URL).words
    assert client.post(URL, typed()).status_code == 403
    assert not JournalBatch.objects.exists()


def test_they_are_paged(client: Client) -> None:
    for ago in range(30, 0, -1):
        paid(ago=ago)
        ledger.make_journal_batch(by=UserFactory(), through=day(ago))
    page = look(client, URL)
    assert page.table.startswith("J-0030 ")
    assert "1 to 25 of 30" in page.words
    assert "26 to 30 of 30" in look(client, URL, {"page": "2"}).words


def test_before_the_first_it_says_so(client: Client) -> None:
    assert "No batch was made yet" in look(client, URL).words


@pytest.mark.parametrize("page", ODD)
def test_it_takes_garbage_calmly(client: Client, page: str) -> None:
    assert look(client, URL, {"page": page}).response.status_code == 200


def test_names_are_text(client: Client) -> None:
    eve = UserFactory(username="eve", first_name=SCRIPT, roles=[ACCOUNTANT])
    paid()
    ledger.make_journal_batch(by=eve, through=day(0))
    page = look(client, URL)
    assert "J-0001" in page.words
    assert SCRIPT not in page.html


def test_the_part_lies_unchanged_in_the_page(client: Client) -> None:
    paid()
    ledger.make_journal_batch(by=UserFactory(), through=day(0))
    alone = part(client, URL)
    assert alone.html.startswith('<div class="stack" id="journal-batches" data-list>')
    assert alone.html in look(client, URL).html


def test_it_costs_the_same(client: Client) -> None:
    def add(number: int) -> None:
        paid()
        ledger.make_journal_batch(by=UserFactory(), through=day(0))

    costs_the_same(client, URL, add)
    assert len(look(client, URL).queries) <= 12
