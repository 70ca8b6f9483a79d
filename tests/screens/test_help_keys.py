"""Help: the keys."""

import pytest
from django.test import Client

from billing.models import DeskSettings
from tests.factories import UserFactory
from tests.screens.lists import look, signed_in

URL = "/help/keys/"
TAKE = "/insurance-payments/new/"

pytestmark = pytest.mark.django_db


def test_it_lists_the_keys() -> None:
    page = look(signed_in(), URL)
    assert page.response.status_code == 200
    assert "<h1>Keys</h1>" in page.html
    for key in ("Ctrl", "Enter", "Pay remaining"):
        assert key.lower() in page.words.lower()


def test_it_asks_who_you_are() -> None:
    assert Client().get(URL).status_code == 302


def test_letter_keys_are_on_until_somebody_turns_them_off() -> None:
    client = signed_in()
    page = look(client, URL)
    assert " checked" in page.html.partition('name="letter_keys"')[2].partition(">")[0]
    assert "data-letter-keys" not in page.html
    grid = look(client, TAKE)
    assert 'aria-keyshortcuts="O"' in grid.html
    assert "<kbd>P</kbd>" in grid.html


def test_turned_off_no_screen_offers_them() -> None:
    client = signed_in()
    answer = client.post(URL, {}, follow=True)
    assert "Letter keys in amount boxes are off." in answer.content.decode()
    page = look(client, URL)
    assert "Letters in amount boxes are turned off for you" in page.words
    assert "Pay remaining" not in page.words
    assert "Ctrl" in page.words
    grid = look(client, TAKE)
    assert 'data-letter-keys="off"' in grid.html
    assert 'aria-keyshortcuts="O"' not in grid.html
    assert "<kbd>P</kbd>" not in grid.html
    assert "<kbd>Enter</kbd>" in grid.html


def test_they_are_turned_on_again() -> None:
    client = signed_in()
    client.post(URL, {})
    answer = client.post(URL, {"letter_keys": "on"}, follow=True)
    assert "Letter keys in amount boxes are on." in answer.content.decode()
    assert DeskSettings.objects.get().letter_keys
    assert "data-letter-keys" not in look(client, TAKE).html


def test_everybody_has_a_setting_of_their_own() -> None:
    signed_in().post(URL, {"user": "1"})
    other = Client()
    other.force_login(UserFactory(username="ben"))
    assert "data-letter-keys" not in look(other, TAKE).html
    assert str(DeskSettings.objects.get()) == "Settings of ana"


def test_the_setting_comes_with_the_person_in_one_query() -> None:
    client = signed_in()
    client.post(URL, {})
    queries = look(client, TAKE).queries
    assert len([sql for sql in queries if "desksettings" in sql]) == 1
    assert len([sql for sql in queries if 'FROM "auth_user"' in sql]) == 1


def test_whoever_may_not_sign_in_any_more_is_out_at_once() -> None:
    client = signed_in()
    client.post(URL, {})
    user = DeskSettings.objects.get().user
    user.is_active = False
    user.save()
    assert client.get(URL).status_code == 302
