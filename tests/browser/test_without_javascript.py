"""Both stories in a browser that runs no scripts: every form posts, every button is a button."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Payment
from patients.models import Patient
from tests.browser.test_story_one import boxes, sign_in, unallocated
from tests.browser.test_story_two import BOX, account, figures, history
from tests.support.surprises import Surprises

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.browser_context_args(java_script_enabled=False),
]


def test_story_one(live_server: Any, page: Page, no_surprises: Surprises, maya: Patient) -> None:
    sign_in(page, live_server.url)
    page.get_by_role("link", name="New insurance payment").click()
    page.get_by_label("Payer", exact=True).fill("BlueRiver Health")
    page.get_by_label("Amount", exact=True).fill("200")
    page.get_by_label("Add a patient's sessions").fill("Okafor, Maya")
    page.get_by_role("button", name="Add sessions").click()
    expect(boxes(page)).to_have_count(3)
    expect(unallocated(page)).to_have_text("$200.00")

    boxes(page).nth(0).fill("100")
    boxes(page).nth(1).fill("150")
    page.get_by_role("button", name="Update totals").last.click()
    expect(unallocated(page)).to_have_text("-$50.00")
    expect(page.locator("#explain")).to_contain_text("$50.00 too much is allocated.")
    page.get_by_role("button", name="Save payment").click()
    expect(page.locator(".errsum")).to_contain_text("This payment is not saved yet.")
    assert Payment.objects.count() == 0
    expect(boxes(page).nth(1)).to_have_value("150")

    page.get_by_role("button", name="Take $50.00 off the last line").click()
    expect(boxes(page).nth(1)).to_have_value("100.00")
    expect(unallocated(page)).to_have_text("$0.00")
    # Enter in a box never saves a half-finished payment.
    boxes(page).nth(1).press("Enter")
    expect(unallocated(page)).to_have_text("$0.00")
    assert Payment.objects.count() == 0

    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved. $200.00 from BlueRiver Health, all allocated.")).to_be_visible()
    expect(
        page.get_by_role("region", name="Lines of this payment").locator("tbody tr")
    ).to_have_count(2)
    page.reload()
    assert Payment.objects.count() == 1


def test_the_buttons_of_the_grid(live_server: Any, desk: Page, maya: Patient) -> None:
    page = desk
    page.goto(live_server.url + "/insurance-payments/new/")
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Amount", exact=True).fill("150")
    page.get_by_label("Add a patient's sessions").fill("P1001")
    page.get_by_role("button", name="Add sessions").click()
    page.get_by_role("button", name="Allocate oldest first").click()
    expect(boxes(page).nth(0)).to_have_value("100.00")
    expect(boxes(page).nth(1)).to_have_value("50.00")
    page.get_by_role("button", name="Clear amounts").click()
    expect(boxes(page).nth(0)).to_have_value("")
    page.get_by_role("button", name=re.compile("^Pay remaining on Okafor, Maya")).nth(2).click()
    expect(boxes(page).nth(2)).to_have_value("100.00")
    expect(unallocated(page)).to_have_text("$50.00")
    page.get_by_label("Add a patient's sessions").fill("nobody of this name")
    page.get_by_role("button", name="Add sessions").click()
    expect(page.get_by_text("No patient is called nobody of this name.")).to_be_visible()
    expect(boxes(page).nth(2)).to_have_value("100.00")


def test_story_two(live_server: Any, desk: Page, john: Patient) -> None:
    page = desk
    account(page, live_server.url)
    page.get_by_role("link", name="Take payment").click()
    page.get_by_label("Amount", exact=True).fill("20")
    page.get_by_role("textbox", name=BOX).fill("15")
    page.get_by_role("button", name="Update totals").last.click()
    expect(unallocated(page)).to_have_text("$5.00")
    page.get_by_role("textbox", name=BOX).fill("20")
    page.get_by_role("button", name="Save payment").click()
    figures(page, "30.00", "0.00", "30.00")
    number = Payment.objects.get().number

    history(page).filter(has_text=f"Payment {number}").get_by_role(
        "link", name="Reverse", exact=True
    ).first.click()
    expect(page.get_by_role("heading", name=f"Reverse {number}")).to_be_visible()
    page.get_by_role("radio", name="Leave invoices paid").check()
    page.get_by_label("Reason").select_option("Wrong amount")
    page.get_by_role("button", name="Reverse $20.00").click()
    figures(page, "30.00", "-20.00", "50.00")

    page.get_by_role("link", name="Choose lines myself").click()
    page.get_by_role("textbox", name=BOX).fill("-20")
    page.get_by_role("button", name="Update totals").last.click()
    expect(page.get_by_label("Available credit", exact=True)).to_have_text("$0.00")
    page.get_by_role("button", name="Save allocation").click()
    figures(page, "50.00", "0.00", "50.00")
    expect(history(page)).to_have_count(3)


def test_the_panel_unpays_and_a_deleted_payment_is_shown_on_demand(
    live_server: Any, desk: Page, john: Patient
) -> None:
    page = desk
    account(page, live_server.url)
    page.get_by_role("link", name="Take payment").click()
    page.get_by_label("Amount", exact=True).fill("20")
    page.get_by_role("button", name="Allocate oldest first").click()
    expect(page.get_by_role("textbox", name=BOX)).to_have_value("20.00")
    page.get_by_role("button", name="Save payment").click()
    number = Payment.objects.get().number
    page.goto(f"{live_server.url}/payments/{number}/void/")
    page.get_by_role("radio", name="Leave invoices paid").check()
    page.get_by_label("Reason").select_option("Entered twice")
    page.get_by_role("button", name="Delete $20.00").click()
    figures(page, "30.00", "-20.00", "50.00")
    expect(history(page)).to_have_count(3)  # it still pays a line
    page.get_by_role("button", name="Un-pay 20.00 on INV-0001").click()
    figures(page, "50.00", "0.00", "50.00")
    expect(history(page)).to_have_count(1)
    page.get_by_label("Show deleted").check()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(history(page)).to_have_count(3)
