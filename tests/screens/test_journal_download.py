"""The journal as a file: of a period, of a batch, sent while it is read."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from billing import journal, ledger
from billing.models import Export
from config.roles import ACCOUNTANT
from tests.factories import LineFactory, PaymentFactory, UserFactory
from tests.factories.bills import day
from tests.journal.reading import texts
from tests.screens.lists import look

pytestmark = pytest.mark.django_db
URL = "/reports/journal."


@pytest.fixture
def accountant() -> Any:
    return UserFactory(username="grace", roles=[ACCOUNTANT])


@pytest.fixture
def client(accountant: Any) -> Client:
    line = LineFactory(ago=30)
    PaymentFactory(patient=line.patient, provider=line.provider, ago=5, on={line: "20"})
    client = Client()
    client.force_login(accountant)
    return client


def file(answer: Any) -> bytes:
    assert answer.streaming
    return b"".join(answer.streaming_content)


FILES = [
    ("csv", "csv", "text/csv"),
    ("hledger", "journal", "text/plain"),
    ("beancount", "beancount", "text/plain"),
]


@pytest.mark.parametrize(("name", "ending", "kind"), FILES)
def test_a_period(client: Client, name: str, ending: str, kind: str) -> None:
    first, last = day(9), day(0)
    answer = client.get(URL + name, {"from": first.isoformat(), "to": last.isoformat()})
    assert answer["Content-Type"] == f"{kind}; charset=utf-8"
    called = f"journal-{first}-to-{last}.{ending}"
    assert answer["Content-Disposition"] == f'attachment; filename="{called}"'
    sent = file(answer)
    assert sent == texts(first=first, last=last)[name]
    assert b"R-0001" in sent
    assert b"charge" not in sent.lower()


@pytest.mark.parametrize(("name", "ending", "_kind"), FILES)
def test_a_batch(accountant: Any, client: Client, name: str, ending: str, _kind: str) -> None:
    batch = ledger.make_journal_batch(by=accountant, through=day(9)).batch
    answer = client.get(URL + name, {"batch": "J-0001"})
    assert answer["Content-Disposition"] == f'attachment; filename="journal-J-0001.{ending}"'
    assert file(answer) == texts(batch=batch)[name]


def test_a_period_that_cannot_be_used_leads_back_to_the_screen_that_says_why(
    client: Client,
) -> None:
    answer = client.get(f"{URL}csv", {"from": "0001-01-01", "to": ""}, follow=True)
    assert answer.redirect_chain == [("/reports/journal/?from=0001-01-01&to=", 302)]
    assert "The date is too long ago. Check the year." in answer.content.decode()


@pytest.mark.parametrize("url", ["xml", "csv.exe", "", "CSV", "csv?batch=J-9999"])
def test_what_is_not_there_is_not_found(client: Client, url: str) -> None:
    assert client.get(URL + url).status_code == 404


def test_it_is_noted_who_took_which_entries(client: Client, accountant: Any) -> None:
    """A line, a receipt and what of it is on the line: three entries, two of them of this week."""
    first, last = day(9), day(0)
    file(client.get(f"{URL}hledger", {"from": first.isoformat(), "to": last.isoformat()}))
    ledger.make_journal_batch(by=accountant, through=day(0))
    file(client.get(f"{URL}csv", {"batch": "J-0001"}))
    names = ("created_by", "report", "format", "filters", "rows")
    assert list(Export.objects.order_by("pk").values_list(*names)) == [
        (accountant.pk, "journal", "hledger", f"from={first}&to={last}", 2),
        (accountant.pk, "journal", "csv", "batch=J-0001", 3),
    ]
    scope = journal.Scope(first, last)
    trial = journal.trial(scope, journal.Chart.current())
    assert journal.count(scope) == trial.count == 2


def test_asking_for_the_head_takes_nothing_out(client: Client) -> None:
    assert client.head(f"{URL}csv", {"from": "", "to": day(0).isoformat()}).status_code == 200
    assert not Export.objects.exists()


def test_without_the_right_it_is_refused_and_the_screen_offers_none(client: Client) -> None:
    screen = "/reports/journal/"
    assert f'href="{URL}csv?' in look(client, screen).html
    may = Permission.objects.get(codename="export_reports")
    Group.objects.get(name=ACCOUNTANT).permissions.remove(may)
    for name, _ending, _kind in FILES:
        assert client.get(URL + name).status_code == 403
    page = look(client, screen)
    assert page.response.status_code == 200
    assert URL not in page.html
    assert "Download" not in page.words
    assert not Export.objects.exists()


def test_it_is_only_looked_at(client: Client) -> None:
    assert client.post(f"{URL}csv").status_code == 405
