"""Registering somebody with the keyboard alone, as a desk with a queue does."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from patients.models import Patient

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_child_with_guarantor_and_insurance(
    live_server: Any, desk: Page, maya: Patient, blueriver: Any
) -> None:
    page = desk
    page.goto(live_server.url + "/patients/new/")
    expect(page.get_by_label("Family name")).to_be_focused()
    page.keyboard.type("Okafor")
    page.keyboard.press("Tab")
    page.keyboard.type("Ada")
    page.get_by_label("Date of birth").fill("2015-06-01")
    page.get_by_label("Guarantor").focus()
    page.keyboard.type("okaf")
    expect(page.get_by_role("option", name="Okafor, Maya")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Guarantor")).to_have_value("Okafor, Maya (P1001)")
    expect(page.get_by_label("Payer", exact=True)).to_be_focused()
    page.keyboard.type("blue")
    expect(page.get_by_role("option", name="BlueRiver Health")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Member ID")).to_be_focused()
    page.keyboard.type("M1")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Registered Okafor, Ada as P1002.")).to_be_visible()
    page.get_by_role("link", name="Okafor, Maya", exact=True).click()
    expect(page.get_by_role("heading", name="Family of Okafor, Maya")).to_be_visible()
    expect(page.get_by_role("row", name="Family 300.00")).to_be_visible()


@pytest.mark.parametrize("width", [1366, 820, 360])
def test_no_page_scrolls_sideways(live_server: Any, desk: Page, john: Patient, width: int) -> None:
    page = desk
    Patient.objects.filter(pk=john.pk).update(
        family_name="W" * 80, note="W" * 200, address_line1="W" * 80, email="w" * 60 + "@x.example"
    )
    page.set_viewport_size({"width": width, "height": 768})
    for path in ("", "new/", "P1042/", "P1042/edit/", "P1042/coverages/new/", "P1042/family/"):
        page.goto(live_server.url + f"/patients/{path}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
