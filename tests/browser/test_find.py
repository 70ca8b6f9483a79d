"""Find by keyboard: Ctrl+K from any page, a few letters, Enter."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from patients.models import Patient
from tests.browser.test_accessibility import RULES
from tests.factories import PatientFactory, PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)


def option(page: Page, name: str) -> Any:
    return page.get_by_role("listbox", name="Found").get_by_role("option", name=name)


def test_ctrl_k_some_letters_and_enter_open_an_account(
    live_server: Any, desk: Page, john: Patient
) -> None:
    PatientFactory(family_name="Smithers", given_name="Wanda")
    desk.goto(f"{live_server.url}/reports/")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("smith")
    expect(option(desk, "Smith, John")).to_have_attribute("aria-selected", "true")
    expect(desk.get_by_label("Find patient")).to_have_attribute("aria-expanded", "true")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("ArrowDown")
    expect(option(desk, "Smithers, Wanda")).to_have_attribute("aria-selected", "true")
    desk.keyboard.press("ArrowUp")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(f"{live_server.url}/patients/{john.chart_number}/account/")


def test_enter_before_the_list_came_still_leads_there(
    live_server: Any, desk: Page, john: Patient
) -> None:
    PaymentFactory(patient=john)
    desk.goto(f"{live_server.url}/")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("r-1")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(f"{live_server.url}/payments/R-0001/")


def test_an_action_is_found_and_escape_closes_the_list(live_server: Any, desk: Page) -> None:
    desk.goto(f"{live_server.url}/")
    desk.keyboard.press("Control+k")
    desk.keyboard.type("zzzz")
    expect(desk.get_by_text("Nothing fits “zzzz”.")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("listbox", name="Found")).to_be_hidden()
    desk.keyboard.press("Control+k")
    desk.keyboard.type("new ins")
    option(desk, "New insurance payment").click()
    expect(desk).to_have_url(f"{live_server.url}/insurance-payments/new/")


def test_without_an_answer_enter_opens_the_page_of_the_same_links(
    live_server: Any, desk: Page, john: Patient, no_surprises: Any
) -> None:
    no_surprises.expect("ERR_FAILED|htmx:")
    PatientFactory(family_name="Smithers", given_name="Wanda")
    desk.goto(f"{live_server.url}/")
    desk.route("**/find/", lambda route: route.abort())
    desk.keyboard.press("Control+k")
    desk.keyboard.type("smith")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", name="Find smith")).to_be_visible()
    expect(desk.get_by_role("main").get_by_role("link", name="Smith, John")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (820, 1180), (360, 740)])
def test_the_open_list_is_accessible_and_inside_the_window(
    live_server: Any, desk: Page, john: Patient, width: int, height: int
) -> None:
    desk.set_viewport_size({"width": width, "height": height})
    desk.goto(f"{live_server.url}/")
    desk.get_by_label("Find patient").focus()
    desk.keyboard.type("smith")
    found = option(desk, "Smith, John")
    expect(found).to_be_visible()
    box = desk.get_by_role("listbox", name="Found").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= height
    violations = Axe().run(desk, options=RULES)
    assert violations.violations_count == 0, violations.generate_report()
