"""Every screen there is: axe finds nothing, in light and in dark, and none scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page

from config.access import SCREENS
from tests.browser.test_accessibility import looked_at
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.support.surprises import Surprises

__all__ = ["looked_at"]

pytestmark = pytest.mark.django_db(transaction=True)

PARTS = 4  # so that two browsers share the work
WIDTHS = (1366, 820, 360)


def screens(clinic: SmallClinic) -> list[str]:
    """The addresses of all pages that are looked at; files and what is only posted to left out."""
    found = []
    for name, url in clinic.one_of_each():
        if SCREENS[name].look is None:
            continue
        answer = clinic.client.get(url)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            found.append(url)
        answer.close()  # a file that nobody reads is closed all the same
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_every_screen_is_accessible_and_fits(
    live_server: Any,
    page: Page,
    no_surprises: Surprises,
    looked_at: Callable[[str], None],
    part: int,
) -> None:
    clinic = small_clinic()
    urls = screens(clinic)
    assert len(urls) > 60
    session = clinic.client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
    )
    sideways = []
    for url in urls[part::PARTS]:
        page.set_viewport_size({"width": WIDTHS[0], "height": 768})
        page.goto(live_server.url + url)
        looked_at(url)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 768})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                sideways.append(f"{url} at {width}: {wide}")
    assert sideways == []
