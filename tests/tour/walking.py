"""Somebody at the demo clinic: signs in, works by keyboard, takes pictures on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.support.hands import Hands

PASSWORD = "remit-demo"
DESK = {"width": 1366, "height": 768}

expect.set_options(timeout=20_000)


@dataclass
class Walker(Hands):
    """Hands with a camera. Pictures are numbered in the order of the walk."""

    site: str = ""
    walk: str = ""
    folder: Path = field(default_factory=Path)
    taken: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)

    def picture(self, what: str) -> None:
        """A picture of the window as it is, once nothing moves any more."""
        self.page.mouse.move(0, 0)
        self.page.wait_for_timeout(400)
        name = f"tour-{self.walk}-{len(self.taken) + 1}-{what}.png"
        self.page.screenshot(path=self.folder / name, animations="disabled")
        self.taken.append(name)


@contextmanager
def signed_in(browser: Browser, site: str, who: str, **context: Any) -> Iterator[Page]:
    """A window of this person's. Whatever the browser complains about ends the walk."""
    window = browser.new_context(**{"viewport": DESK, "locale": "en-US", **context})
    page = window.new_page()
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Today", level=1)).to_be_visible()
    try:
        yield page
    finally:
        window.close()
    assert complaints == [], complaints
