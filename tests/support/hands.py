"""Whoever works at the keyboard, counted as docs/tour.md counts."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect


@dataclass
class Hands:
    """An action is one click or one control key (a chord counts once); letters and figures, which
    have to be typed anywhere, are counted apart."""

    page: Page
    actions: int = 0
    characters: int = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.actions += 1

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.actions += 1

    def types(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.characters += len(text)

    def picks(self, text: str, option: str) -> None:
        """Types into the picker that has the focus and takes what it then proposes."""
        self.types(text)
        proposed = self.page.locator("[role=option][aria-selected=true]:visible")
        expect(proposed).to_contain_text(option)
        self.press("Enter")
