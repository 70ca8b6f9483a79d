"""A morning at the desk by keyboard: a session with two services, Bill all, the invoice, a void."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing.models import Invoice, InvoiceLine, LineVoid
from patients.models import Patient, Payer, Provider, Session
from tests.factories import CoverageFactory, FeeFactory, ServiceFactory, SessionFactory
from tests.factories.bills import day, money
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fees(live_server: Any) -> None:
    FeeFactory(service=ServiceFactory(code="90834", description="Psychotherapy"), amount=money(85))
    FeeFactory(
        service=ServiceFactory(code="96127", description="Questionnaire, scored"), amount=money(12)
    )


@pytest.fixture
def insured(john: Patient, dr1: Provider, blueriver: Payer) -> Patient:
    CoverageFactory(patient=john, payer=blueriver, start=datetime.date(2020, 1, 1))
    SessionFactory(patient=john, provider=dr1, date=day(7), diagnoses="F41.1")
    return john


class Keys:
    """A typist who counts: control keys and chords apart from characters."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed, self.typed = page, 0, 0

    def press(self, key: str) -> None:
        self.pressed += 1
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.typed += len(text)
        self.page.keyboard.type(text)


def test_two_services_by_keyboard_then_bill_all(
    live_server: Any, desk: Page, insured: Patient
) -> None:
    page, keys = desk, Keys(desk)
    page.goto(f"{live_server.url}/patients/P1042/sessions/new/")
    expect(page.get_by_label("Code 1", exact=True)).to_be_focused()
    keys.type("90834")
    keys.press("Enter")
    expect(page.get_by_label("Code 2", exact=True)).to_be_focused()
    expect(page.locator("#sum-1")).to_have_text("85.00")
    keys.type("quest")
    keys.press("Enter")
    expect(page.get_by_label("Code 3", exact=True)).to_be_focused()
    expect(page.locator("#foot-state")).to_contain_text("$97.00")
    expect(page.locator("#foot-state")).to_contain_text("BlueRiver Health")
    keys.press("Control+Enter")
    expect(page.get_by_text("2 services, $97.00. It waits on a draft")).to_be_visible()
    assert (keys.pressed, keys.typed) == (3, 10)
    session = Session.objects.get(date=timezone.localdate())
    assert session.diagnoses == "F41.1"
    assert [str(line.amount) for line in session.lines.order_by("pk")] == ["85.00", "12.00"]

    page.get_by_role("button", name="Bill all 1").click()
    expect(page.get_by_text("INV-0002 issued.")).to_be_visible()
    page.get_by_role("link", name="INV-0002").click()
    expect(page.get_by_role("heading", name=re.compile("INV-0002"))).to_contain_text("$97.00")


def test_rows_come_as_they_are_filled_and_last_time_is_one_button(
    live_server: Any, desk: Page, insured: Patient
) -> None:
    page = desk
    page.goto(f"{live_server.url}/patients/P1042/sessions/new/")
    for _ in range(4):
        page.keyboard.type("90834")
        page.keyboard.press("Enter")
        expect(page.locator(":focus")).to_have_value("")
    expect(page.get_by_label("Code 5", exact=True)).to_be_focused()
    page.get_by_label("Units 4", exact=True).fill("3")
    expect(page.locator("#sum-4")).to_have_text("255.00")
    page.get_by_label("Patient pays 1", exact=True).check()
    expect(page.locator("#owed-1")).to_have_text("Patient")
    page.get_by_label("Fee 2", exact=True).fill("80+1")
    page.keyboard.press("Enter")
    expect(page.locator("#sum-2")).to_have_text("81.00")
    page.get_by_role("button", name="Save session").click()
    expect(page.get_by_text("4 services, $506.00.")).to_be_visible()

    page.goto(f"{live_server.url}/patients/P1042/sessions/new/")
    page.get_by_role("button", name="Same as last time").click()
    expect(page.get_by_label("Code 4", exact=True)).to_have_value("90834")
    expect(page.locator("#foot-state")).to_contain_text("4 services")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".errsum")).to_contain_text("already has a session with Dr 1")
    page.get_by_label("This is another session").check()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("It waits on a draft")).to_be_visible()
    assert Session.objects.count() == 3


def test_a_draft_is_issued_and_a_line_voided_in_the_dialog(
    live_server: Any, desk: Page, insured: Patient
) -> None:
    page = desk
    page.goto(f"{live_server.url}/invoices/new/")
    page.keyboard.type("P1042")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code 1", exact=True)).to_be_visible()
    page.get_by_label("Code 1", exact=True).fill("90834")
    page.keyboard.press("Enter")
    page.get_by_label("Description 2", exact=True).fill("Copy of the file")
    page.get_by_label("Fee 2", exact=True).fill("7.50")
    expect(page.locator("#foot-state")).to_contain_text("$92.50")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft saved.")).to_be_visible()
    page.get_by_role("button", name="Issue invoice").click()
    expect(page.get_by_text("INV-0002 issued.")).to_be_visible()

    page.get_by_role("link", name="Void invoice").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("92.50 comes off as a correction.")
    dialog.get_by_label(re.compile("Void Psychotherapy")).uncheck()
    expect(dialog).to_contain_text("7.50 comes off as a correction.")
    dialog.get_by_role("button", name="Void chosen lines").click()
    expect(dialog.locator(".errsum")).to_contain_text("Choose a reason for the void.")
    dialog.get_by_label("Reason").select_option("Entered twice")
    dialog.get_by_role("button", name="Void chosen lines").click()
    expect(page.get_by_text("Copy of the file on INV-0002 voided.")).to_be_visible()
    assert LineVoid.objects.get().line.description == "Copy of the file"
    assert Invoice.objects.get(number="INV-0002").lines.filter(balance__gt=0).count() == 1


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript(
    live_server: Any, desk: Page, no_surprises: Surprises, insured: Patient
) -> None:
    page = desk
    page.goto(f"{live_server.url}/patients/P1042/sessions/new/")
    page.get_by_label("Code 1", exact=True).fill("90834")
    page.get_by_role("button", name="Add another row").click()
    page.get_by_label("Code 4", exact=True).fill("96127")
    page.get_by_role("button", name="Update totals").last.click()
    expect(page.locator("#foot-state")).to_contain_text("$97.00")
    page.get_by_role("button", name="Save session").click()
    page.get_by_role("checkbox", name=re.compile("^Bill Smith, John")).check()
    page.get_by_role("button", name="Bill chosen").click()
    page.get_by_role("link", name="INV-0002").click()
    page.get_by_role("link", name="Void invoice").click()
    page.get_by_label("Reason").select_option("Wrong patient")
    page.get_by_role("button", name="Void chosen lines").click()
    expect(page.get_by_text("INV-0002 voided.")).to_be_visible()
    assert InvoiceLine.objects.filter(void__isnull=False).count() == 2
