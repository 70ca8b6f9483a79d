"""Two steps, and what is left on the screen when a sign-in is over."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from config.models import SignIn
from config.sessions import SEEN_AT
from patients.models import Patient
from tests.browser.conftest import PASSWORD
from tests.factories import PaymentFactory, UserFactory
from tests.support.codes import code_of_app
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_two_steps_are_set_up_and_asked_for(
    live_server: Any,
    page: Page,
    ana: Any,
    no_surprises: Surprises,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "SECOND_FACTOR_FOR", "everybody")
    sign_in(page, live_server.url)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    picture = page.get_by_role("img", name="QR code")
    assert picture.evaluate("image => image.naturalWidth") > 0
    secret = page.locator(".secret").inner_text()
    page.get_by_label("Authenticator code").fill(code_of_app(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, live_server.url)
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    page.get_by_label("Code").fill(code_of_app(secret, steps_later=1))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()


def test_wrong_passwords_lock_the_name_until_somebody_unlocks_it(
    live_server: Any, page: Page, ana: Any, browser: Any, no_surprises: Surprises
) -> None:
    no_surprises.expect("429")
    page.goto(f"{live_server.url}/accounts/login/")
    for _ in range(5):
        page.get_by_label("Username").fill("ana")
        page.get_by_label("Password").fill("a guess")
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Too many tries")).to_be_visible()
    sign_in(page, live_server.url)  # the right password opens nothing now
    expect(page.get_by_role("heading", name="Too many tries")).to_be_visible()

    boss = UserFactory(username="boss", is_superuser=True, is_staff=True)
    boss.set_password(PASSWORD)
    boss.save()
    office = browser.new_context().new_page()
    office.goto(f"{live_server.url}/accounts/login/?next=/admin/axes/accessattempt/")
    office.get_by_label("Username").fill("boss")
    office.get_by_label("Password").fill(PASSWORD)
    office.get_by_role("button", name="Sign in").click()
    office.get_by_role("checkbox", name="Select this object for an action").check()
    office.locator("select[name=action]").select_option("unlock")
    office.get_by_role("button", name="Go").click()
    expect(office.get_by_text("Unlocked: ana.")).to_be_visible()
    office.context.close()
    sign_in(page, live_server.url)
    expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()


def test_a_passkey_is_added_and_signs_in(
    live_server: Any, page: Page, ana: Any, no_surprises: Surprises
) -> None:
    site = live_server.url
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, site)
    page.goto(f"{site}/accounts/second-factor/passkeys/new/")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("Front desk")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, site)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()


def test_back_after_signing_out_shows_nothing(live_server: Any, desk: Page, john: Patient) -> None:
    desk.goto(f"{live_server.url}/patients/P1042/")
    expect(desk.get_by_role("heading", name="Smith, John")).to_be_visible()
    desk.get_by_role("button", name="Sign out").click()
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
    desk.go_back()
    expect(desk.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Smith" not in desk.content()


def leave_alone(page: Page, minutes: float) -> None:
    """Nobody touches anything for so long: the server's clock and the page's say so."""
    # What the page still loads would count as somebody there.
    page.wait_for_load_state("networkidle")
    for row in SignIn.objects.all():
        session = row.get_session_store_class()(row.session_key)
        session[SEEN_AT] = int(time.time() - minutes * 60)
        session.save()
    page.clock.fast_forward(int(minutes * 60_000))


def test_whoever_is_away_is_warned_and_stays_if_they_want(
    live_server: Any, desk: Page, john: Patient
) -> None:
    desk.clock.install()
    desk.goto(f"{live_server.url}/patients/P1042/")
    leave_alone(desk, 13.5)
    dialog = desk.get_by_role("dialog", name="Are you still there?")
    dialog.get_by_role("button", name="Stay signed in").click()
    expect(dialog).to_be_hidden()
    seen = SignIn.objects.get().get_decoded()[SEEN_AT]
    assert time.time() - seen < 60


def test_whoever_types_stays_signed_in(live_server: Any, desk: Page, john: Patient) -> None:
    desk.clock.install()
    desk.goto(f"{live_server.url}/patients/P1042/edit/")
    leave_alone(desk, 10)
    with desk.expect_response("**/accounts/session/") as answer:
        desk.get_by_label("Given name").press_sequentially("Jo")
    assert answer.value.json()["left"] > 890


def test_a_covered_page_comes_back_with_what_was_typed(
    live_server: Any, desk: Page, john: Patient, ana: Any
) -> None:
    desk.clock.install()
    desk.goto(f"{live_server.url}/patients/P1042/edit/")
    given_name = desk.get_by_label("Given name")
    given_name.fill("Jonathan")
    desk.clock.run_for(2_000)
    leave_alone(desk, 16)
    dialog = desk.get_by_role("dialog", name="You are signed out")
    expect(dialog).to_be_visible()
    expect(given_name).to_be_hidden()
    desk.keyboard.press("Escape")
    expect(dialog).to_be_visible()

    with desk.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in again").click()
    tab = opened.value
    sign_in(tab, live_server.url)
    expect(tab.get_by_role("heading", level=1, name="Today")).to_be_visible()
    tab.close()

    desk.evaluate("dispatchEvent(new Event('focus'))")
    expect(dialog).to_be_hidden()
    expect(given_name).to_have_value("Jonathan")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("heading", name="Smith, Jonathan")).to_be_visible()


def test_a_page_is_not_uncovered_for_somebody_else(
    live_server: Any, desk: Page, john: Patient
) -> None:
    ben = UserFactory(username="ben")
    desk.clock.install()
    desk.goto(f"{live_server.url}/patients/P1042/edit/")
    desk.get_by_label("Given name").fill("Jonathan")
    leave_alone(desk, 16)
    expect(desk.get_by_role("dialog", name="You are signed out")).to_be_visible()
    client = Client()
    client.force_login(ben)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    desk.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
    )
    desk.evaluate("dispatchEvent(new Event('focus'))")
    expect(desk.get_by_label("Given name")).to_have_value("John")


def sign_in_anew_elsewhere(page: Page, site: str, refused: Surprises | None = None) -> None:
    """In another window; this one keeps the token of before, which is refused from now on.

    `refused` where the page is to find that out by an answer.
    """
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    tab = page.context.new_page()
    sign_in(tab, site)
    expect(tab.get_by_role("heading", level=1, name="Today")).to_be_visible()
    tab.close()
    if refused:
        refused.expect("403|Response Status Error")


def test_typing_goes_on_after_signing_in_anew_in_another_window(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    desk.goto(f"{live_server.url}/patients/P1042/payments/new/")
    sign_in_anew_elsewhere(desk, live_server.url, no_surprises)
    desk.get_by_label("Amount", exact=True).fill("20")
    expect(desk.get_by_label("Unallocated", exact=True)).to_have_text("$20.00")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_text("Saved as R-0001.")).to_be_visible()


def test_a_button_pressed_after_it_does_what_it_says(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    line = john.lines.get()
    desk.goto(f"{live_server.url}/patients/P1042/payments/new/")
    sign_in_anew_elsewhere(desk, live_server.url, no_surprises)
    desk.get_by_role("button", name=re.compile("Pay remaining")).first.click()
    expect(desk.locator("input[data-col=paid]").first).to_have_value(f"{line.balance}")


def test_a_filter_chosen_after_it_asks_to_be_chosen_again(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    desk.goto(f"{live_server.url}/payments/")
    sign_in_anew_elsewhere(desk, live_server.url, no_surprises)
    desk.get_by_label("Method").select_option("cash")
    expect(desk.locator("[data-told]")).to_have_text(re.compile("signed in anew"))


def test_what_is_saved_first_thing_after_it_is_saved(
    live_server: Any, desk: Page, john: Patient
) -> None:
    desk.goto(f"{live_server.url}/patients/P1042/edit/")
    desk.get_by_label("Given name").fill("Jonathan")
    sign_in_anew_elsewhere(desk, live_server.url)
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("heading", name="Smith, Jonathan")).to_be_visible()


def test_a_dialog_is_sent_once_more_after_it(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    line = john.lines.get()
    PaymentFactory(patient=john, provider=line.provider, amount="20", on={line: "20"})
    desk.goto(f"{live_server.url}/payments/R-0001/")
    desk.get_by_role("link", name="Refund").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").or_(dialog.get_by_label("Close")).first.wait_for()
    sign_in_anew_elsewhere(desk, live_server.url, no_surprises)
    desk.keyboard.press("Control+Enter")
    # Nothing was typed: the answer is the form's own refusal, and no silence.
    expect(dialog.get_by_text("Choose a reason", exact=False).first).to_be_visible()
