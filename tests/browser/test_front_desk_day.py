"""A day at the front desk, by keyboard, in the order it happens; each part ends with its figures.

From an empty clinic with a provider, a payer and a fee schedule: nothing is put into the books but
by the screens.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from billing import balances, ledger
from billing.models import Adjustment, ClosingDate, Document, Invoice, Kind, Payment
from billing.money import show
from patients.models import Patient, Payer, Provider
from tests.browser.test_sessions import Keys
from tests.browser.test_story_two import figures, from_more, history
from tests.documents.reading import words
from tests.factories import (
    FeeFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    ServiceFactory,
)
from tests.factories.bills import day, money

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def clinic(live_server: Any, dr1: Provider, blueriver: Payer) -> None:
    """What an administrator has set up before the first patient comes."""
    FeeFactory(service=ServiceFactory(code="99213", description="Visit"), amount=money(95))
    FeeFactory(service=ServiceFactory(code="36415", description="Blood draw"), amount=money(14))


def of(patient: Patient, provider: Provider) -> tuple[str, str, str]:
    """Invoices, unallocated credit and net balance, as the books have them."""
    now = balances.account(patient, provider)
    return show(now.invoices), show(now.credit), show(now.net)


def open_account(page: Page, site: str, patient: Patient) -> None:
    page.goto(f"{site}/patients/{patient.chart_number}/account/")


def printed(page: Page, site: str) -> str:
    """The words of the document issued last, as the browser gets it."""
    document = Document.objects.latest("pk")
    answer = page.context.request.get(site + document.get_absolute_url())
    assert answer.headers["content-type"] == "application/pdf"
    return words(answer.body())


def register(keys: Keys) -> None:
    """Nora Quist, insured with BlueRiver Health, and on to her first session."""
    page = keys.page
    expect(page.get_by_label("Family name")).to_be_focused()
    keys.type("Quist")
    keys.press("Tab")
    keys.type("Nora")
    keys.press("Tab")
    page.get_by_label("Date of birth").fill("1984-03-09")
    keys.typed += 8
    page.get_by_label("Payer", exact=True).focus()
    keys.type("blue")
    expect(page.get_by_role("option", name="BlueRiver Health")).to_be_visible()
    keys.press("Enter")
    expect(page.get_by_label("Member ID")).to_be_focused()
    keys.type("M-7781")
    page.get_by_role("button", name="Save and enter a session").press("Enter")
    keys.pressed += 1
    expect(page.get_by_text("Registered Quist, Nora as P1001.")).to_be_visible()


def test_from_the_first_visit_to_the_statement(
    live_server: Any, desk: Page, dr1: Provider, blueriver: Payer
) -> None:
    page, site, keys = desk, live_server.url, Keys(desk)
    page.goto(f"{site}/patients/new/")
    register(keys)

    # Two services: the visit goes to the insurer, the blood draw is the patient's own.
    page.get_by_label("Provider").select_option(label="Dr 1")
    page.get_by_label("Code 1", exact=True).focus()
    keys.type("visit")
    keys.press("Enter")
    expect(page.get_by_label("Code 2", exact=True)).to_be_focused()
    keys.type("36415")
    keys.press("Enter")
    expect(page.locator("#foot-state")).to_contain_text("$109.00")
    page.get_by_label("Patient pays 2", exact=True).press("Space")
    keys.pressed += 1
    expect(page.locator("#owed-2")).to_have_text("Patient")
    page.get_by_role("button", name="Save and issue invoice").press("Enter")
    keys.pressed += 1
    expect(page.get_by_text("INV-0001 issued.")).to_be_visible()
    nora = Patient.objects.get()
    visit, blood = Invoice.objects.get(number="INV-0001").lines.order_by("pk")
    assert (visit.owed_by, blood.owed_by) == (blueriver, None)
    assert of(nora, dr1) == ("109.00", "0.00", "109.00")

    # She pays 10.00 of her 14.00 at once.
    page.goto(f"{site}/patients/P1001/payments/new/")
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()
    keys.type("10")
    page.get_by_role("textbox", name=re.compile("^Allocate INV-0001 Blood draw")).focus()
    keys.type("p")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    keys.press("Control+Enter")
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()
    figures(page, "99.00", "0.00", "99.00")

    page.get_by_role("link", name="Statement", exact=True).press("Enter")
    expect(page.get_by_role("region", name="Amount due")).to_contain_text("$4.00")
    page.keyboard.press("Control+Enter")
    expect(page.locator("body")).to_be_visible()
    page.wait_for_function("true")
    for _ in range(50):
        if Document.objects.exists():
            break
        page.wait_for_timeout(100)
    text = printed(page, site)
    today = f"{timezone.localdate():%d %b %Y}"
    for said in (
        "Quist, Nora",
        "Amount due $4.00",
        "$95.00 more is waiting for insurance.",
        "Opening balance",
        "Visit",
        "95.00",
        "Blood draw",
        "14.00",
        "R-0001",
        f"Closing balance on {today} 109.00 10.00 99.00",
    ):
        assert said in text, (said, text)
    assert (keys.pressed, keys.typed) == (0, 0)
