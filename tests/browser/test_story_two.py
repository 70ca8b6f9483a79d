"""Seed 2: Mr Smith pays 20.00 that was never there, and what becomes of the 20.00 it paid."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from billing.models import Payment
from patients.models import Patient
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

UNALLOCATED = "Unallocated"
BOX = re.compile(r"^Allocate INV-\d+ ")


def account(page: Page, site: str, query: str = "") -> None:
    page.goto(f"{site}/patients/P1042/account/{query}")


def balances(page: Page) -> Locator:
    return page.get_by_role("table", name="Balances by provider").get_by_role("row", name="Dr 1")


def figures(page: Page, invoices: str, credit: str, net: str) -> None:
    """What the account's balances say: Invoices, Unall. credit, Net balance."""
    cells = balances(page).get_by_role("cell")
    for cell, wanted in zip(cells.all()[:3], (invoices, credit, net), strict=True):
        expect(cell).to_have_text(re.compile(rf"^\s*{re.escape(wanted)}\s*$"))


def history(page: Page) -> Locator:
    return page.get_by_role("table", name="Financial history").locator("tbody tr")


def from_more(page: Page, what: str) -> None:
    """What the account offers under More, by keyboard."""
    page.locator(".acts summary", has_text="More").press("Enter")
    page.locator(".acts .menu").get_by_role("link", name=what, exact=True).press("Enter")


def take_payment(page: Page, *, amount: str, on_line: str = "") -> str:
    """From the account and back to it; returns the receipt's number."""
    page.get_by_role("link", name="Take payment").click()
    expect(page.get_by_label("Provider")).to_have_value(re.compile(r"\d+"))
    assert page.get_by_label("Provider").locator("option:checked").text_content() == "Dr 1"
    page.get_by_label("Amount", exact=True).fill(amount)
    expect(page.get_by_label(UNALLOCATED, exact=True)).to_have_text(f"${amount}.00")
    if on_line:
        page.get_by_role("textbox", name=BOX).fill(on_line)
        left = f"${int(amount) - int(on_line)}.00"
        expect(page.get_by_label(UNALLOCATED, exact=True)).to_have_text(left)
    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved as R-")).to_be_visible()
    number = Payment.objects.receipts().latest("pk").number
    assert number
    return number


def reverse(page: Page, number: str, *, leave: bool = False) -> None:
    """By the button of the payment's row, in the dialog."""
    history(page).filter(has_text=f"Payment {number}").get_by_role(
        "link", name="Reverse", exact=True
    ).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Reverse this $20.00 payment?")).to_be_visible()
    expect(dialog.get_by_role("radio", name="Un-pay the line it paid")).to_be_checked()
    if leave:
        dialog.get_by_role("radio", name="Leave invoices paid").check()
    dialog.get_by_label("Reason").select_option("Wrong amount")
    dialog.get_by_role("button", name="Reverse $20.00").click()
    expect(page.get_by_text(f"{number} reversed")).to_be_visible()


@pytest.fixture
def left_paid(live_server: Any, desk: Page, john: Patient) -> str:
    """20.00 taken, allocated and reversed with the invoice left paid; its receipt's number."""
    account(desk, live_server.url)
    figures(desk, "50.00", "0.00", "50.00")
    number = take_payment(desk, amount="20", on_line="20")
    figures(desk, "30.00", "0.00", "30.00")
    reverse(desk, number, leave=True)
    figures(desk, "30.00", "-20.00", "50.00")
    return number


def test_the_account_says_why_and_unpays_by_one_button(
    desk: Page, left_paid: str, john: Patient
) -> None:
    page = desk
    expect(page.get_by_text(f"{left_paid} reversed.")).to_be_visible()
    panel = page.get_by_role("region", name="Why Dr 1's credit is -20.00")
    invoice = "INV-0001"
    expect(panel).to_contain_text(f"Payment {left_paid} (20.00, cash) was reversed on")
    expect(panel).to_contain_text(f"but {invoice} still counts its 20.00.")
    expect(panel).to_contain_text("The net balance of 50.00 is right either way.")
    expect(panel).to_contain_text(
        "The next 20.00 John pays to Dr 1 brings the credit back to 0.00."
        f" Until then {invoice} shows 30.00 owing, not 50.00."
    )
    rows = history(page)
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(f"Payment {left_paid}")
    expect(rows.nth(1)).to_contain_text(f"Reversed payment {left_paid}")

    panel.get_by_role("button", name=f"Un-pay 20.00 on {invoice}").click()
    expect(page.get_by_text(f"20.00 un-paid on {invoice}.").first).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")
    expect(panel).to_have_count(0)
    expect(history(page)).to_have_count(3)


def test_unpay_by_hand_on_credit_allocation(desk: Page, left_paid: str) -> None:
    page = desk
    page.get_by_role("link", name="Choose lines myself").click()
    expect(page.get_by_label("All", exact=True)).to_be_checked()
    page.get_by_label("Unpaid", exact=True).check()
    page.wait_for_url(re.compile("view=unpaid"))
    page.get_by_label("All", exact=True).check()
    page.wait_for_url(re.compile("view=all"))
    available = page.get_by_label("Available credit", exact=True)
    expect(available).to_have_text("-$20.00")
    box = page.get_by_role("textbox", name=BOX)
    expect(box).to_have_count(1)
    box.press_sequentially("-20")
    expect(available).to_have_text("$0.00")
    foot = page.get_by_role("region", name="Result and save")
    expect(foot).to_contain_text(re.compile(r"Invoices owing\s*30\.00.*50\.00"))
    expect(foot).to_contain_text("unchanged")
    page.get_by_role("button", name="Save allocation").click()
    expect(page.get_by_text("20.00 un-paid on INV-0001.").first).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")
    expect(history(page)).to_have_count(3)


def test_do_nothing_and_the_next_payment_covers_it(desk: Page, left_paid: str) -> None:
    page = desk
    page.get_by_role("button", name="Do nothing, hide this note").click()
    expect(page.get_by_role("region", name=re.compile("^Why Dr 1"))).to_have_count(0)
    figures(page, "30.00", "-20.00", "50.00")

    page.get_by_role("link", name="Take payment").click()
    expect(page.get_by_text("Dr 1's credit is -20.00.")).to_be_visible()
    page.go_back()
    number = take_payment(page, amount="50")
    expect(page.get_by_text("$20.00 took over what a reversed payment still paid")).to_be_visible()
    figures(page, "30.00", "30.00", "0.00")
    expect(history(page).filter(has_text="Part paid")).to_contain_text(f"Paid by {number}, 20.00")

    page.get_by_role("link", name="Allocate 30.00 credit").click()
    page.get_by_role("button", name=re.compile("^Pay INV-0001")).click()
    expect(page.get_by_role("textbox", name=BOX)).to_have_value("30.00")
    expect(page.get_by_label("Available credit", exact=True)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("30.00 allocated to INV-0001.").first).to_be_visible()
    figures(page, "0.00", "0.00", "0.00")


def test_reverse_with_the_line_unpaid(live_server: Any, desk: Page, john: Patient) -> None:
    page = desk
    account(page, live_server.url)
    number = take_payment(page, amount="20", on_line="20")
    reverse(page, number)
    expect(page.get_by_text(f"{number} reversed and 20.00 un-paid on INV-0001.")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")
    expect(page.get_by_role("region", name=re.compile("^Why Dr 1"))).to_have_count(0)
    expect(history(page)).to_have_count(3)


def test_reverse_before_it_was_allocated(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    page = desk
    account(page, live_server.url)
    number = take_payment(page, amount="20")
    figures(page, "50.00", "20.00", "30.00")
    history(page).filter(has_text=f"Payment {number}").get_by_role(
        "link", name="Reverse", exact=True
    ).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Reverse this $20.00 payment?")).to_be_visible()
    expect(dialog.get_by_role("radio")).to_have_count(0)
    dialog.get_by_role("button", name="Reverse $20.00").click()  # without a reason
    expect(dialog.get_by_role("alert")).to_contain_text("Choose a reason for the reversal.")
    assert Payment.objects.count() == 1
    dialog.get_by_label("Reason").select_option("Payment bounced")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{number} reversed.")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")


def test_a_deleted_payment_leaves_the_history(live_server: Any, desk: Page, john: Patient) -> None:
    page = desk
    account(page, live_server.url)
    number = take_payment(page, amount="20", on_line="20")
    row = history(page).filter(has_text=f"Payment {number}")
    row.get_by_label(f"More actions for Payment {number}").click()
    row.get_by_role("link", name="Delete payment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").select_option("Entered twice")
    dialog.get_by_role("button", name="Delete $20.00").click()
    expect(page.get_by_text(f"{number} deleted")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")
    expect(history(page)).to_have_count(1)
    page.get_by_label("Show deleted").check()
    expect(history(page)).to_have_count(3)
    expect(history(page).nth(1)).to_contain_text(f"Deleted payment {number}")
    figures(page, "50.00", "0.00", "50.00")
    page.get_by_label("Show deleted").uncheck()
    expect(history(page)).to_have_count(1)
