"""Two steps, and what is left on the screen when a sign-in is over."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from config.sessions import SEEN_AT
from patients.models import Patient
from tests.browser.conftest import PASSWORD
from tests.support.codes import code_of_app
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_two_steps_are_set_up_and_asked_for(
    live_server: Any, page: Page, ana: Any, settings: Any, no_surprises: Surprises
) -> None:
    settings.SECOND_FACTOR_FOR = "everybody"
    sign_in(page, live_server.url)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    picture = page.get_by_role("img", name="QR code")
    assert picture.evaluate("image => image.naturalWidth") > 0
    secret = page.locator(".secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of_app(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="go to Today").click()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, live_server.url)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    page.get_by_label("Code").fill(code_of_app(secret, steps_later=1))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()


def test_back_after_signing_out_shows_nothing(
    live_server: Any, desk: Page, john: Patient
) -> None:
    desk.goto(f"{live_server.url}/patients/P1042/")
    expect(desk.get_by_role("heading", name="Smith, John")).to_be_visible()
    desk.get_by_role("button", name="Sign out").click()
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
    desk.go_back()
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Smith" not in desk.content()


def leave_alone(seconds: int) -> None:
    """Nobody has touched anything for so long."""
    for row in Session.objects.all():
        session = row.get_session_store_class()(row.session_key)
        session[SEEN_AT] = int(time.time()) - seconds
        session.save()


def test_whoever_is_away_is_warned_and_stays_if_they_want(
    live_server: Any, desk: Page, john: Patient
) -> None:
    leave_alone(13 * 60 + 30)
    desk.goto(f"{live_server.url}/patients/P1042/edit/")
    leave_alone(13 * 60 + 30)
    desk.reload()
    leave_alone(13 * 60 + 30)
    dialog = desk.get_by_role("dialog", name="Are you still there?")
    desk.evaluate("document.body.dataset.left")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Stay signed in").click()
    expect(dialog).to_be_hidden()
    seen = Session.objects.get().get_decoded()[SEEN_AT]
    assert time.time() - seen < 30


def test_a_page_is_covered_and_comes_back_with_what_was_typed(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    desk.goto(f"{live_server.url}/patients/P1042/edit/")
    name = desk.get_by_label("Given name")
    name.fill("Jonathan")
    leave_alone(16 * 60)
    desk.evaluate("dispatchEvent(new Event('focus'))")
