"""The end of a month: to the bank, the period closed, and opened again; by keyboard, and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import ClosingDate, Deposit, Payment
from billing.models.periods import closed_through
from config.roles import ACCOUNTANT
from patients.models import Patient
from tests.factories import PaymentFactory, give
from tests.factories.bills import day

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def received(john: Patient, dr1: Any, ana: Any) -> list[Payment]:
    """20.00 in cash and a check of 30.00 wait for the bank; Ana may close periods."""
    give(ana, ACCOUNTANT)
    who: dict[str, Any] = {"patient": john, "provider": dr1, "by": ana}
    return [
        PaymentFactory(**who, amount="20", ago=4),
        PaymentFactory(**who, amount="30", ago=3, method="check", reference="1017"),
    ]


def test_a_slip_is_ticked_counted_and_saved_by_keyboard(
    live_server: Any, desk: Page, received: list[Payment]
) -> None:
    page = desk
    page.goto(live_server.url + "/reports/deposit-slip/")
    ticked = page.locator("#ticked")
    expect(ticked).to_contain_text("2 payments, $50.00: Cash $20.00 (1), Check $30.00 (1)")
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    expect(ticked).to_contain_text("1 payment, $30.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Deposit slip D-0001")).to_be_visible()
    expect(page.get_by_text("Deposit slip D-0001 saved.")).to_be_visible()
    assert [item.payment for item in Deposit.objects.get().items.all()] == [received[1]]


def test_a_period_is_closed_and_opened_again(
    live_server: Any, desk: Page, received: list[Payment]
) -> None:
    page = desk
    page.goto(live_server.url + "/periods/")
    page.get_by_label("Close through").fill(day(2).isoformat())
    expect(page.locator("#through-h + p")).to_have_text(f"{day(2):%d %b %Y}")
    left = page.get_by_role("row", name="Cash and checks on no deposit slip")
    expect(left).to_contain_text("50.00")
    page.get_by_role("button", name="Close period").press("Enter")
    expect(page.get_by_text(f"The books are closed through {day(2):%d %b %Y}.")).to_be_visible()
    assert closed_through() == day(2)

    page.get_by_role("link", name="Reopen").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Reopen", exact=True).click()
    expect(dialog.locator(".errsum")).to_contain_text("Say why the period is opened again.")
    dialog.get_by_label("Reason").fill("Two checks were found")
    dialog.get_by_label("Keep closed through").fill(day(40).isoformat())
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"The books are closed through {day(40):%d %b %Y}.")).to_be_visible()
    expect(page.get_by_role("table", name="Moves of the closing date")).to_contain_text(
        "Two checks were found"
    )
    assert ClosingDate.objects.count() == 2


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_both_work_without_scripts(
    live_server: Any, at_desk: Callable[[Page], Page], page: Page, received: list[Payment]
) -> None:
    at_desk(page)
    page.goto(live_server.url + "/reports/deposit-slip/")
    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="Count what is ticked").last.click()
    expect(page.locator("#ticked")).to_contain_text("1 payment, $30.00")
    page.get_by_role("button", name="Save deposit slip").click()
    expect(page.get_by_role("heading", name="Deposit slip D-0001")).to_be_visible()

    page.goto(live_server.url + "/periods/")
    page.get_by_label("Close through").fill(day(2).isoformat())
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Close period").click()
    expect(page.get_by_text(f"The books are closed through {day(2):%d %b %Y}.")).to_be_visible()
    assert closed_through() == day(2)
