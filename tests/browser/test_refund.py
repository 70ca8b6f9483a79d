"""Money is paid back by keyboard, un-paying the line it is on in the same form."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Kind, Payment
from patients.models import Patient
from tests.browser.test_story_two import account, figures, history
from tests.factories import PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receipt(john: Patient, dr1: Any, ana: Any) -> Payment:
    """100.00, of which 40.00 is on INV-0001 and 60.00 is credit."""
    line = john.lines.get()
    return PaymentFactory(patient=john, provider=dr1, amount="100", by=ana, on={line: "40"}, ago=3)


def test_by_keyboard_from_the_account(live_server: Any, desk: Page, receipt: Payment) -> None:
    page = desk
    account(page, live_server.url)
    figures(page, "10.00", "60.00", "-50.00")
    page.get_by_role("link", name="Refund", exact=True).press("Enter")
    expect(page.get_by_role("heading", name=f"Refund {receipt.number}")).to_be_visible()
    amount = page.get_by_label("Amount to pay back")
    expect(amount).to_have_value("60.00")
    page.get_by_role("textbox", name="Un-pay INV-0001").focus()
    page.keyboard.type("15.50")
    expect(amount).to_have_value("75.50")  # it follows, without a box being swapped
    expect(page.get_by_role("textbox", name="Un-pay INV-0001")).to_be_focused()
    page.keyboard.press("Enter")  # goes on, and never saves
    expect(amount).to_be_focused()
    assert Payment.objects.count() == 1
    amount.fill("70")
    expect(page.locator("#explain")).to_contain_text("5.50 of it stays as credit.")
    page.get_by_label("Reason").select_option("Overpaid")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"$70.00 of {receipt.number} paid back")).to_be_visible()
    figures(page, "25.50", "5.50", "20.00")
    expect(history(page).filter(has_text=f"Refund of {receipt.number}")).to_have_count(1)


def test_un_pay_everything_in_the_dialog_and_undo(
    live_server: Any, desk: Page, receipt: Payment
) -> None:
    page = desk
    page.goto(f"{live_server.url}/payments/{receipt.number}/")
    page.get_by_role("link", name="Refund", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Pay money back")).to_be_visible()
    dialog.get_by_role("button", name="Un-pay everything").click()
    expect(dialog.get_by_role("textbox", name="Un-pay INV-0001")).to_have_value("40.00")
    expect(dialog.get_by_label("Amount to pay back")).to_have_value("100.00")
    dialog.get_by_role("button", name="Save refund").click()
    expect(dialog.locator(".errsum")).to_be_focused()
    dialog.get_by_label("Reason").select_option("Visit cancelled")
    dialog.get_by_role("button", name="Save refund").click()
    expect(page.get_by_text(f"$100.00 of {receipt.number} paid back")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")

    row = history(page).filter(has_text=f"Refund of {receipt.number}")
    row.get_by_role("link", name="Undo", exact=True).click()
    dialog.get_by_label("Reason").select_option("Wrong amount")
    dialog.get_by_role("button", name="Undo refund").click()
    expect(
        page.get_by_text(f"The refund of 100.00 from {receipt.number} is undone.")
    ).to_be_visible()
    figures(page, "50.00", "100.00", "-50.00")
    assert Payment.objects.filter(kind=Kind.REVERSAL).count() == 1


def test_correct_payment_opens_its_copy(live_server: Any, desk: Page, receipt: Payment) -> None:
    page = desk
    page.goto(f"{live_server.url}/payments/{receipt.number}/")
    page.get_by_role("link", name="Correct payment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").select_option("Wrong amount")
    dialog.get_by_role("button", name="Delete and open the copy").click()
    expect(page.get_by_text("This is a copy of")).to_be_visible()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("100.00")
    expect(page.get_by_role("textbox", name="Allocate INV-0001")).to_have_value("40.00")
    page.get_by_label("Amount", exact=True).fill("40")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved as R-")).to_be_visible()
    figures(page, "10.00", "0.00", "10.00")
    expect(history(page)).to_have_count(2)  # the deleted one has left the history


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_scripts_it_asks_once_about_the_amount(
    live_server: Any, desk: Page, receipt: Payment
) -> None:
    page = desk
    page.goto(f"{live_server.url}/payments/{receipt.number}/refund/")
    page.get_by_role("textbox", name="Un-pay INV-0001").fill("40")
    page.get_by_label("Reason").select_option("Overpaid")
    page.get_by_role("button", name="Save refund").click()
    expect(page.locator(".errsum")).to_contain_text("100.00 can be paid back")
    page.get_by_role("button", name="Save refund").click()
    expect(page.get_by_text(f"$100.00 of {receipt.number} paid back")).to_be_visible()
