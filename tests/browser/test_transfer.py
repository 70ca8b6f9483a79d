"""Credit moves to another provider and within the family; write-offs; all by keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Adjustment, Kind, Payment
from patients.models import Patient
from tests.browser.test_story_two import account, figures, from_more, history
from tests.factories import LineFactory, PatientFactory, PaymentFactory, ProviderFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def receipt(john: Patient, dr1: Any, ana: Any) -> Payment:
    return PaymentFactory(patient=john, provider=dr1, amount="60", by=ana, ago=3)


def test_to_another_provider_by_keyboard(live_server: Any, desk: Page, receipt: Payment) -> None:
    ProviderFactory(name="Dr 2")
    page = desk
    account(page, live_server.url)
    from_more(page, "Transfer")
    expect(page.get_by_label("Amount to move")).to_have_value("60.00")
    page.get_by_label("Amount to move").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("25")
    page.keyboard.press("Tab")
    expect(page.get_by_label("To the account of")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("Dr 2")
    expect(page.get_by_role("table", name="Balances of Smith, John, Dr 2")).to_be_visible()
    expect(page.get_by_role("table", name="Balances of Smith, John, Dr 1")).to_contain_text("35.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"$25.00 of {receipt.number} moved to Dr 2.")).to_be_visible()
    figures(page, "50.00", "35.00", "15.00")


def test_to_the_family_from_the_dialog(live_server: Any, desk: Page, receipt: Payment) -> None:
    john = receipt.patient
    PatientFactory(family_name="Smith", given_name="Kim", guarantor=john)
    page = desk
    page.goto(f"{live_server.url}/payments/{receipt.number}/")
    page.get_by_role("link", name="Transfer", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("To the account of").select_option(label="Smith, Kim (P1043)")
    dialog.get_by_label("With provider").select_option(label="Dr 1")
    expect(dialog.get_by_role("table", name="Balances of Smith, Kim, Dr 1")).to_be_visible()
    dialog.get_by_role("button", name="Save transfer").click()
    expect(page.get_by_text("moved to Smith, Kim")).to_be_visible()
    assert Payment.objects.get(kind=Kind.TRANSFER_IN).patient != john


def test_a_guarantor_pays_for_the_family(live_server: Any, desk: Page, john: Patient) -> None:
    kim = PatientFactory(family_name="Smith", given_name="Kim", guarantor=john)
    LineFactory(patient=kim, provider=ProviderFactory(name="Dr 2"), amount="60", ago=20)
    page = desk
    page.goto(f"{live_server.url}/patients/P1042/payments/new/")
    page.get_by_label("Amount", exact=True).fill("110")
    page.get_by_role("textbox", name="Allocate INV-0001").fill("50.00")
    page.get_by_role("button", name="Lines of the whole family").click()
    box = page.get_by_role("textbox", name="Smith, Kim")
    expect(box).to_be_visible()
    expect(page.get_by_role("textbox", name="Allocate INV-0001")).to_have_value("50.00")
    box.press("o")
    expect(box).to_have_value("60.00")
    expect(page.get_by_text("credit moves to Kim, Dr 2")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Moved on: $60.00 to Smith, Kim")).to_be_visible()


def test_a_mending_button_leaves_the_focus_in_the_form(
    live_server: Any, desk: Page, john: Patient
) -> None:
    page = desk
    page.goto(f"{live_server.url}/patients/P1042/payments/new/")
    page.get_by_label("Amount", exact=True).fill("20")
    page.get_by_role("textbox", name="Allocate INV-0001").fill("50")
    page.get_by_role("button", name="Change Amount to $50.00").click()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("50.00")
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()


def test_a_write_off_by_keyboard_and_its_undo(live_server: Any, desk: Page, john: Patient) -> None:
    page = desk
    account(page, live_server.url)
    from_more(page, "Write off")
    box = page.get_by_role("textbox", name="Write off INV-0001")
    box.press("w")
    expect(box).to_have_value("50.00")
    expect(page.get_by_label("To write off", exact=True)).to_have_text("$50.00")
    box.press("u")
    expect(box).to_have_value("")
    box.fill("12.50")
    page.get_by_label("Kind").select_option("courtesy")
    page.get_by_label("Reason").fill("Long wait")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("$12.50 written off on 1 line.")).to_be_visible()
    figures(page, "37.50", "0.00", "37.50")
    row = history(page).filter(has_text="courtesy written off")
    row.get_by_role("link", name="Undo", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Wrong line")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The write-off of 12.50 on INV-0001 is undone.")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")
    assert Adjustment.objects.count() == 2


def test_small_balances_are_counted_and_written_off(live_server: Any, desk: Page, dr1: Any) -> None:
    for amount in ("4.50", "1.25"):
        LineFactory(provider=dr1, amount=amount, ago=60)
    page = desk
    page.goto(live_server.url + "/write-offs/small-balances/")
    page.get_by_role("checkbox").first.check()
    expect(page.locator("#chosen")).to_contain_text("1 line, $")
    page.get_by_role("button", name="Mark all").click()
    expect(page.locator("#chosen")).to_contain_text("2 lines, $5.75")
    page.get_by_label("Reason").fill("Year end")
    page.get_by_role("button", name="Write off", exact=True).click()
    expect(page.get_by_text("Written off as small balances: 2 lines, $5.75.")).to_be_visible()
    assert Adjustment.objects.count() == 2


def test_the_acts_fold_under_more_on_a_narrow_screen(
    live_server: Any, desk: Page, receipt: Payment
) -> None:
    page = desk
    page.set_viewport_size({"width": 820, "height": 700})
    account(page, live_server.url)
    expect(page.get_by_role("link", name="Refund", exact=True)).to_be_hidden()
    page.locator("summary", has_text="More").first.press("Enter")
    page.get_by_role("link", name="Refund", exact=True).press("Enter")
    expect(page.get_by_role("heading", name=f"Refund {receipt.number}")).to_be_visible()


def test_a_figure_opens_its_rows(live_server: Any, desk: Page, receipt: Payment) -> None:
    page = desk
    account(page, live_server.url)
    page.get_by_role("link", name="60.00 unallocated credit with Dr 1").click()
    expect(history(page)).to_have_count(1)
    expect(history(page)).to_contain_text(f"Payment {receipt.number}")
    page.get_by_role("link", name="50.00 owed on invoices of Dr 1").click()
    expect(history(page)).to_have_count(1)
    expect(history(page)).to_contain_text("INV-0001")
