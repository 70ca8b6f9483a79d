"""A page that is there to be filled in has the cursor where that begins; so has its dialog."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from patients.models import Patient, Payer
from tests.factories import InsurancePaymentFactory, PaymentFactory
from tests.factories.bills import day

pytestmark = pytest.mark.django_db(transaction=True)


def focused(page: Page) -> str:
    """The name of what has the focus, as somebody hears it."""
    expect(page.locator("body:focus")).to_have_count(0)
    return str(
        page.evaluate(
            """() => {
              const here = document.activeElement;
              const by = here.getAttribute("aria-labelledby");
              const label = by ? document.getElementById(by) : here.labels?.[0];
              return (here.getAttribute("aria-label") ?? label?.textContent ?? here.tagName).trim();
            }"""
        )
    )


def test_pages_begin_where_typing_does(
    live_server: Any, desk: Page, john: Patient, blueriver: Payer, ana: Any
) -> None:
    line = john.lines.get()
    PaymentFactory(patient=john, provider=line.provider, amount="20", on={line: "20"}, by=ana)
    PaymentFactory(patient=john, provider=line.provider, amount="30", by=ana)
    InsurancePaymentFactory(payer=blueriver, amount="10", by=ana)
    for address, begins in [
        ("/payments/new/", "Patient"),
        ("/sessions/new/", "Patient"),
        ("/invoices/new/", "Patient"),
        ("/patients/new/", "Family name"),
        ("/patients/P1042/payments/new/", "Amount"),
        ("/patients/P1042/write-off/", "Kind"),
        ("/insurance-payments/new/", "Payer"),
        ("/payments/R-0001/reverse/", "Un-pay the line it paid"),
        ("/payments/R-0001/refund/", f"Un-pay INV-0001 {line.description} {day(30):%d %b %Y}"),
        ("/payments/R-0002/refund/", "Amount to pay back"),
        ("/payments/R-0002/transfer/", "Amount to move"),
        ("/payments/R-0002/void/", "Reason"),
        ("/payments/R-0002/correct/", "Reason"),
        ("/payments/IP-0001/reverse/", "Reason"),
        ("/invoices/INV-0001/void/", "Reason"),
        ("/credit-allocation/", "Patient"),
        ("/patients/P1042/credit/", f"Allocate INV-0001 {line.description} {day(30):%d %b %Y}"),
    ]:
        desk.goto(live_server.url + address)
        assert focused(desk) == begins, address


def test_whoever_owes_nothing_pays_at_once(
    live_server: Any, desk: Page, john: Patient, ana: Any
) -> None:
    line = john.lines.get()
    PaymentFactory(patient=john, provider=line.provider, amount="50", on={line: "50"}, by=ana)
    desk.goto(f"{live_server.url}/patients/P1042/payments/new/")
    assert focused(desk) == "Amount"
    desk.keyboard.type("20")
    expect(desk.get_by_label("Unallocated", exact=True)).to_have_text("$20.00")
    expect(desk.get_by_role("button", name="Allocate oldest first")).to_have_count(0)


def test_the_sign_in_page_and_after_a_wrong_password(
    live_server: Any, page: Page, ana: Any
) -> None:
    page.goto(f"{live_server.url}/accounts/login/")
    assert focused(page) == "Username"
    page.keyboard.type("Ana")
    page.keyboard.press("Tab")
    page.keyboard.type("remit-demo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Capital letters count")).to_be_visible()
    assert focused(page) == "Password"


def test_a_dialog_begins_there_too(live_server: Any, desk: Page, john: Patient, ana: Any) -> None:
    line = john.lines.get()
    PaymentFactory(patient=john, provider=line.provider, amount="30", by=ana)
    for label, begins in [("Refund", "Amount to pay back"), ("Transfer", "Amount to move")]:
        desk.goto(f"{live_server.url}/payments/R-0001/")
        desk.get_by_role("link", name=label, exact=True).click()
        expect(desk.get_by_role("dialog")).to_be_visible()
        assert focused(desk) == begins
