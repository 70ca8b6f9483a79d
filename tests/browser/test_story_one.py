"""Seed 1: a check of $200.00 from BlueRiver Health, shared out over Maya Okafor's sessions.

As a stranger would do it: fields are found by the names a person reads.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from billing.models import Allocation, InvoiceLine, Payment
from patients.models import Patient
from tests.browser.conftest import PASSWORD, day_of
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

RED = "rgb(179, 33, 27)"  # --bad, in light


def sign_in(page: Page, site: str) -> None:
    page.goto(site + "/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def open_new_payment(page: Page, *, amount: str) -> None:
    """The strip filled in and Maya's sessions listed, by the keyboard alone."""
    page.get_by_role("link", name="New insurance payment").click()
    expect(page.get_by_label("Payer", exact=True)).to_be_focused()
    page.keyboard.type("blue")
    expect(page.get_by_role("option", name="BlueRiver Health")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Payer", exact=True)).to_have_value("BlueRiver Health (60054)")
    page.get_by_label("Amount").focus()
    page.keyboard.type(amount)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Add a patient's sessions")).to_be_focused()
    page.keyboard.type("oka")
    expect(page.get_by_role("option", name="Okafor, Maya")).to_be_visible()
    expect(page.get_by_role("option", name="Okafor, Maya")).to_contain_text("3 unpaid, 300.00")
    page.keyboard.press("Enter")
    expect(boxes(page)).to_have_count(3)
    expect(boxes(page).first).to_be_focused()


def boxes(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("^Insurance paid Okafor, Maya"))


def unallocated(page: Page) -> Locator:
    return page.get_by_label("Unallocated", exact=True)


def sessions(maya: Patient) -> list[InvoiceLine]:
    return list(InvoiceLine.objects.filter(patient=maya).oldest_first())


def test_two_hundred_over_two_sessions(
    live_server: Any, page: Page, no_surprises: Surprises, maya: Patient
) -> None:
    sign_in(page, live_server.url)
    open_new_payment(page, amount="200")
    expect(unallocated(page)).to_have_text("$200.00")
    expect(page.locator("#un")).to_contain_text("still to allocate")
    first, second, third = sessions(maya)

    assert f"Insurance paid Okafor, Maya {day_of(first)}" == boxes(page).first.get_attribute(
        "aria-label"
    )
    page.keyboard.type("100")
    expect(unallocated(page)).to_have_text("$100.00")
    expect(page.locator("#explain")).to_contain_text("$100.00 then waits in the Today list")
    page.keyboard.press("Enter")
    expect(boxes(page).nth(1)).to_be_focused()
    page.keyboard.type("100")
    expect(unallocated(page)).to_have_text("$0.00")
    expect(page.locator("#un")).to_contain_text("all allocated")
    expect(page.locator("#explain")).to_have_text(
        re.compile("Every cent of \\$200.00 is allocated. Ready to save.")
    )
    assert Payment.objects.count() == 0

    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved. $200.00 from BlueRiver Health, all allocated.")).to_be_visible()
    payment = Payment.objects.get()
    assert page.url == f"{live_server.url}/insurance-payments/{payment.number}/"
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(payment.number))
    expect(unallocated(page)).to_have_text("$0.00")
    paid = page.get_by_role("region", name="Lines of this payment").locator("tbody tr")
    expect(paid).to_have_count(2)
    for row, line in zip(paid.all(), (first, second), strict=True):
        expect(row).to_contain_text(day_of(line))
        expect(row).to_contain_text("Okafor, Maya")
        expect(row).to_contain_text("100.00")
    for line in (first, second, third):
        line.refresh_from_db()
    assert [str(line.balance) for line in (first, second, third)] == ["0.00", "0.00", "100.00"]

    page.reload()
    assert Payment.objects.count() == 1
    assert Allocation.objects.count() == 2


def test_three_hundred_of_two_hundred(
    live_server: Any, desk: Page, maya: Patient, browser_name: str
) -> None:
    page = desk
    page.goto(live_server.url + "/")
    open_new_payment(page, amount="200")
    for box in boxes(page).all():
        expect(box).to_be_focused()
        page.keyboard.type("100")
        page.keyboard.press("Enter")
    expect(unallocated(page)).to_have_text("-$100.00")
    expect(page.locator("#un")).to_contain_text("over-allocated")
    expect(page.locator("#fstate")).to_contain_text("-$100.00 over-allocated")
    expect(unallocated(page)).to_have_css("color", RED)
    explain = page.locator("#explain")
    expect(explain).to_contain_text("$100.00 too much is allocated.")
    expect(explain).to_contain_text("The lines add up to $300.00 but the payment is $200.00.")
    expect(page.locator("#shout")).to_contain_text("Over-allocated by $100.00.")

    # Save does not save, and every box keeps what was typed.
    page.get_by_role("button", name="Save payment").click()
    summary = page.locator(".errsum")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("This payment is not saved yet. 1 thing to fix:")
    link = summary.get_by_role(
        "link", name="$100.00 too much is allocated. Lower some lines or correct Amount."
    )
    link.click()
    expect(page.get_by_label("Amount")).to_be_focused()
    assert page.title().startswith("Error: ")
    assert Payment.objects.count() == 0
    expect(page.get_by_label("Amount")).to_have_value(re.compile("^200(.00)?$"))
    for box in boxes(page).all():
        expect(box).to_have_value("100.00" if "." in box.input_value() else "100")

    page.get_by_role("button", name="Take $100.00 off the last line").click()
    expect(unallocated(page)).to_have_text("$0.00")
    assert boxes(page).nth(2).input_value() in ("", "0.00")
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(unallocated(page)).to_have_text("-$100.00")
    expect(boxes(page).nth(2)).to_have_value(re.compile("^100"))

    page.get_by_role("button", name="Change Amount to $300.00").click()
    expect(unallocated(page)).to_have_text("$0.00")
    expect(page.get_by_label("Amount")).to_have_value("300.00")

    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved. $300.00 from BlueRiver Health, all allocated.")).to_be_visible()
    assert [str(line.balance) for line in sessions(maya)] == ["0.00", "0.00", "0.00"]


def test_amount_changed_before_saving(live_server: Any, desk: Page, maya: Patient) -> None:
    page = desk
    page.goto(live_server.url + "/")
    open_new_payment(page, amount="200")
    boxes(page).nth(0).fill("100")
    boxes(page).nth(1).fill("100")
    expect(unallocated(page)).to_have_text("$0.00")
    page.get_by_label("Amount").fill("250")
    expect(unallocated(page)).to_have_text("$50.00")
    boxes(page).nth(2).fill("100")
    expect(unallocated(page)).to_have_text("-$50.00")
    boxes(page).nth(2).fill("")
    expect(unallocated(page)).to_have_text("$50.00")
    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved. $50.00 of $250.00 is still to allocate.")).to_be_visible()

    # What is left is allocated later, on the payment's own page.
    page.get_by_label("Add a patient's sessions").click()
    page.keyboard.type("P1001")
    expect(page.get_by_role("option", name="Okafor, Maya")).to_be_visible()
    page.keyboard.press("Enter")
    expect(boxes(page)).to_have_count(1)
    expect(boxes(page).first).to_be_focused()
    page.keyboard.type("50")
    expect(unallocated(page)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved. $250.00 from BlueRiver Health, all allocated.")).to_be_visible()
    assert [str(line.balance) for line in sessions(maya)] == ["0.00", "0.00", "50.00"]
