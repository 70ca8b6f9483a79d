"""Words: what the words of money mean, on a page and folded up where they are met."""

from __future__ import annotations

import re

import pytest
from django.template.loader import get_template
from django.test import Client

from billing.views.help import WORDS
from tests.factories import LineFactory, UserFactory
from tests.screens.lists import look, signed_in

pytestmark = pytest.mark.django_db

NAMES = [word for _heading, words in WORDS for word in words.split()]


@pytest.fixture
def client() -> Client:
    return signed_in()


def test_every_word_is_explained_once_on_the_page(client: Client) -> None:
    page = look(client, "/help/words/")
    defined = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page.html)
    assert len(defined) == len(NAMES) == len({word for word, _meaning in defined})
    assert "Un-pay" in [word for word, _meaning in defined]


def test_the_page_has_all_words_there_are() -> None:
    text = get_template("help/_word.html").template.source
    assert sorted(re.findall(r'word == "(\w+)"', text)) == sorted(NAMES)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/patients/{chart}/account/", "Negative credit"),
        ("/patients/{chart}/credit/", "Un-pay"),
        ("/patients/{chart}/payments/new/", "Cover"),
        ("/payments/unallocated/", "Unallocated"),
        ("/payments/negative-credit/", "Negative credit"),
        ("/insurance-payments/new/", "Takeback"),
    ],
)
def test_a_screen_explains_its_words_where_they_are_met(
    client: Client, path: str, word: str
) -> None:
    chart = LineFactory().patient.chart_number
    page = look(client, path.format(chart=chart))
    assert "<summary>What do these words mean?</summary>" in page.html
    assert f"<dt>{word}</dt>" in page.html
    assert 'href="/help/words/"' in page.html


def test_it_is_open_to_whoever_signed_in() -> None:
    client = Client()
    client.force_login(UserFactory(roles=[]))
    assert client.get("/help/words/").status_code == 200
