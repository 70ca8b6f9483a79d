"""Help: the keys."""

import pytest
from django.test import Client

from tests.screens.lists import look, signed_in

pytestmark = pytest.mark.django_db


def test_it_lists_the_keys() -> None:
    page = look(signed_in(), "/help/keys/")
    assert page.response.status_code == 200
    assert "<h1>Keys</h1>" in page.html
    for key in ("Ctrl", "Enter", "Pay remaining"):
        assert key.lower() in page.words.lower()


def test_it_asks_who_you_are() -> None:
    assert Client().get("/help/keys/").status_code == 302
