"""That a browser finds nothing to complain about in the pages of config/, and that we would hear
it if it did."""

from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Error, Page

from billing import guards
from tests.support.surprises import Surprises

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADMIN_PAGES = ["/admin/", "/admin/auth/user/", "/admin/auth/user/add/"]
OTHER_PAGES = ["/accounts/password/change/", "/accounts/logout/", "/healthz"]


def test_log_in_and_walk_the_admin(
    live_server: Any, page: Page, no_surprises: Surprises, admin_user: Any
) -> None:
    page.goto(live_server.url + "/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("password")
    page.keyboard.press("Enter")
    page.wait_for_url(live_server.url + "/admin/")
    for address in ADMIN_PAGES + OTHER_PAGES:
        page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")


def test_surprises_are_heard(live_server: Any, page: Page) -> None:
    surprises = Surprises(page.context, live_server.url)
    page.goto(live_server.url + "/healthz")
    page.evaluate("console.warn('beware')")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")  # the policy forbids it
    with page.context.expect_event("weberror"):
        page.evaluate("setTimeout(() => { throw new Error('broken') })")
    with pytest.raises(Error, match="ERR_"):
        page.goto("http://127.0.0.1:9/")
    text = "\n".join(surprises.found)
    for complaint in ["beware", "Content Security Policy", "broken", "another host"]:
        assert complaint in text
    with pytest.raises(AssertionError, match="beware"):
        surprises.assert_none()
    surprises.expect("")
    surprises.assert_none()


def test_the_guards_stand_again_after_a_flush(live_server: Any) -> None:
    assert guards.missing(connection) == []
