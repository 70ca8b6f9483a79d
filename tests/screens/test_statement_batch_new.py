"""Statements for everybody who owes something: how many first, then made with a progress bar."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from unittest import mock

import pytest
from django.test import Client

from billing.models import Document, StatementBatch
from billing.views import statements
from tests.documents.reading import pages
from tests.factories import LineFactory, PatientFactory, PayerFactory, ProviderFactory
from tests.factories.bills import day
from tests.screens.desk import key, text
from tests.screens.lists import look, part, signed_in
from tests.screens.paper import BAD_PERIODS, nothing_issued

pytestmark = pytest.mark.django_db

URL = "/statements/new/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def owing() -> Any:
    """Three who owe 10, 20 and 30, and one whose insurer owes."""
    provider = ProviderFactory(name="Dr 1")
    for amount in (10, 20, 30):
        LineFactory(patient=PatientFactory(), provider=provider, amount=amount)
    LineFactory(provider=ProviderFactory(name="Dr 2"), owed_by=PayerFactory())
    return provider


def typed(**more: Any) -> dict[str, Any]:
    return {"from": day(90).isoformat(), "to": day(0).isoformat(), "key": key(), **more}


def sent(answer: Any) -> str:
    assert answer.streaming
    return " ".join(b"".join(answer.streaming_content).decode().split())


def test_it_says_how_many_and_how_much_first(client: Client, owing: Any) -> None:
    page = look(client, URL)
    period = f"{day(90):%d %b %Y} to {day(0):%d %b %Y}"
    assert f"Statements 3 {period}. They owe $60.00 together." in page.words
    assert "Make 3 statements" in page.words
    assert "Make 2 statements" in look(client, URL, {"more_than": "10"}).words
    assert "Make 1 statement " in look(client, URL, {"more_than": "$20.00"}).words
    assert "Make 3 statements" in look(client, URL, {"provider": owing.pk}).words
    assert "Nobody owes that much" in look(client, URL, {"more_than": "30"}).words


def test_it_says_who_gets_one(client: Client, owing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    child = PatientFactory(
        family_name="Aarons", guarantor=PatientFactory(family_name="Aaltonen", given_name="Aino")
    )
    LineFactory(patient=child, provider=owing, amount=5)
    words = look(client, URL).words
    assert re.search(r"Who gets one .* Aaltonen, Aino P\d+ 5\.00", words)  # who pays for the child
    assert "Aarons" not in words
    for amount in ("10.00", "20.00", "30.00"):
        assert re.search(rf"P\d+ {amount}", words)
    monkeypatch.setattr(statements, "LISTED", 2)
    words = look(client, URL).words
    assert "The first 2 of 4 by name; the button makes all of them." in words
    assert "Make 4 statements" in words


def test_it_makes_them_with_a_progress_bar_and_ends_with_one_pdf(
    client: Client, owing: Any
) -> None:
    page = sent(client.post(URL, typed()))
    assert '<progress max="3" value="0"' in page
    assert '<progress max="3" value="3"' in page
    assert "3 statements issued as ST-0001." in page
    link = re.search(r'href="(/statements/[^"]+)">Open the PDF', page)
    assert link
    pdf = client.get(link.group(1))
    assert len(pages(pdf.content)) == 3
    assert pdf["Content-Disposition"] == 'inline; filename="ST-0001-statements.pdf"'
    assert Document.objects.count() == 3
    made_before = look(client, URL).words
    assert "ST-0001" in made_before
    assert f"{day(90):%d %b %Y} to {day(0):%d %b %Y} 3" in made_before


def test_only_whom_was_asked_for(client: Client, owing: Any) -> None:
    sent(client.post(URL, typed(more_than="15", provider=owing.pk)))
    assert Document.objects.count() == 2


def test_a_second_click_makes_no_second_batch(client: Client, owing: Any) -> None:
    data = typed()
    sent(client.post(URL, data))
    again = client.post(URL, data)
    assert again["Location"] == URL
    assert "These statements were made already: ST-0001." in text(client.get(URL))
    assert StatementBatch.objects.count() == 1


def test_an_error_half_way_says_what_stands(client: Client, owing: Any) -> None:
    with mock.patch("billing.documents.batches.Bundle.pdf", side_effect=MemoryError):
        page = sent(client.post(URL, typed()))
    assert "This broke off before it was finished." in page
    assert "The statements issued so far stand." in page
    assert page.endswith("</html>")
    assert not StatementBatch.objects.exists()
    assert "3 statements issued as ST-0001." in sent(client.post(URL, typed()))
    assert Document.objects.count() == 3


@pytest.mark.parametrize(("given", "sentence"), BAD_PERIODS)
def test_a_period_nobody_means_is_refused(
    client: Client, owing: Any, given: dict[str, str], sentence: str
) -> None:
    answer = client.post(URL, typed(**given))
    assert answer.status_code == 200
    assert sentence in unescape(text(answer))
    assert nothing_issued()


@pytest.mark.parametrize("amount", ["NaN", "1e9", "２０", "1.005", "9" * 30, "-1", "x" * 5000])
def test_what_is_no_amount_is_refused(client: Client, owing: Any, amount: str) -> None:
    answer = client.post(URL, typed(more_than=amount))
    assert answer.status_code == 200
    assert "This cannot be worked out yet. 1 thing to fix:" in text(answer)
    assert nothing_issued()


@pytest.mark.parametrize("forged", [{"key": "x"}, {"key": ""}, {"provider": "9999"}])
def test_a_forged_form_makes_nothing(client: Client, owing: Any, forged: dict[str, str]) -> None:
    answer = client.post(URL, typed(**forged))
    assert answer.status_code == 200
    assert not answer.streaming
    assert nothing_issued()


def test_nobody_to_send_one_to_makes_nothing(client: Client) -> None:
    assert "Nobody owes anything" in text(client.post(URL, typed()))


def test_htmx_gets_the_part_alone(client: Client, owing: Any) -> None:
    assert part(client, URL).html.startswith('<div id="batch">')


def test_an_unknown_batch_is_404(client: Client) -> None:
    for number in ("ST-9999", "x" * 3000, "%27"):
        assert client.get(f"/statements/{number}/").status_code == 404


def test_it_costs_the_same(client: Client) -> None:
    counts = []
    for count in (1, 10, 60):
        for _ in range(count):
            LineFactory(patient=PatientFactory())
        sent(client.post(URL, typed()))
        counts.append(len(look(client, URL).queries))
    assert len(set(counts)) == 1, counts
