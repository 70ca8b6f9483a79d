"""A day at the front desk, by keyboard, in the order it happens; each part ends with its figures.

From an empty clinic with a provider, a payer and a fee schedule: nothing is put into the books but
by the screens.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing import balances, ledger
from billing.models import Adjustment, ClosingDate, Document, Invoice, Kind, Payment
from billing.money import show
from patients.models import Patient, Payer, Provider
from tests.browser.test_sessions import Keys
from tests.browser.test_story_two import figures, from_more, history
from tests.documents.reading import words
from tests.factories import (
    FeeFactory,
    InvoiceFactory,
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


def issued(page: Page, site: str) -> str:
    """The words of the document that was just issued, read back from the browser's own copy."""
    for _ in range(100):
        if document := Document.objects.order_by("pk").last():
            break
        page.wait_for_timeout(100)  # it opens in a tab of its own
    assert document
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
    assert (visit.payer, blood.payer) == (blueriver, None)
    assert of(nora, dr1) == ("109.00", "0.00", "109.00")

    # She pays 10.00 of her 14.00 at once.
    page.goto(f"{site}/patients/P1001/payments/new/")
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()
    keys.type("10")
    box = page.get_by_role("textbox", name=re.compile("^Allocate INV-0001 Blood draw"))
    box.focus()
    keys.type("p")
    expect(box).to_have_value("10.00")
    keys.press("Control+Enter")
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()
    figures(page, "99.00", "0.00", "99.00")

    # 4.00 is left of her part; the insurer is asked for the rest.
    page.get_by_role("link", name="Statement", exact=True).press("Enter")
    expect(page.get_by_role("region", name="Amount due")).to_contain_text("$4.00")
    keys.press("Control+Enter")
    text = issued(page, site)
    today = f"{timezone.localdate():%d %b %Y}"
    for said in (
        "Nora Quist",
        "Amount due $4.00",
        "$95.00 more is waiting for insurance.",
        "Opening balance on",
        "Visit",
        "Blood draw",
        "R-0001",
        f"Closing balance on {today} 109.00 -10.00 99.00",
    ):
        assert said in text, (said, text)
    # From an unknown patient to her statement, beside Tab from field to field.
    assert (keys.pressed, keys.typed) == (10, 40)


def test_money_is_paid_back_and_the_statement_says_so(
    live_server: Any, desk: Page, john: Patient, dr1: Provider
) -> None:
    page, site = desk, live_server.url
    line = john.lines.get()
    receipt = PaymentFactory(patient=john, provider=dr1, amount="60", on={line: "50"}, ago=2)
    open_account(page, site, john)
    figures(page, "0.00", "10.00", "-10.00")
    page.get_by_role("link", name="Refund", exact=True).press("Enter")
    page.get_by_role("textbox", name="Un-pay INV-0001").focus()
    page.keyboard.type("30")
    expect(page.get_by_label("Amount to pay back")).to_have_value("40.00")
    page.get_by_label("Reason").select_option("Visit cancelled")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"$40.00 of {receipt.number} paid back")).to_be_visible()
    figures(page, "30.00", "0.00", "30.00")
    page.get_by_role("link", name="Statement", exact=True).press("Enter")
    page.get_by_role("button", name="Issue statement").press("Enter")
    text = issued(page, site)
    assert "Amount due $30.00" in text
    assert "Refund" in text
    assert "Closing balance on" in text
    assert text.index("40.00") < text.index("Closing balance")


def test_credit_goes_to_another_provider_and_pays_there(
    live_server: Any, desk: Page, john: Patient, dr1: Provider
) -> None:
    page, site = desk, live_server.url
    dr2 = ProviderFactory(name="Dr 2")
    LineFactory(patient=john, provider=dr2, amount="40", ago=5)
    receipt = PaymentFactory(patient=john, provider=dr1, amount="40", ago=2)
    open_account(page, site, john)
    from_more(page, "Transfer")
    expect(page.get_by_label("Amount to move")).to_have_value("40.00")
    page.get_by_label("With provider").select_option(label="Dr 2")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"$40.00 of {receipt.number} moved to Dr 2.")).to_be_visible()
    assert of(john, dr1) == ("50.00", "0.00", "50.00")
    assert of(john, dr2) == ("40.00", "40.00", "0.00")

    page.get_by_role("link", name="Allocate 40.00 credit").press("Enter")
    page.get_by_role("textbox", name="Allocate INV-0002").press("p")
    expect(page.get_by_label("Available credit", exact=True)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("40.00 allocated to INV-0002.")).to_be_visible()
    assert of(john, dr2) == ("0.00", "0.00", "0.00")


def test_a_guarantor_pays_for_a_child_with_one_receipt(
    live_server: Any, desk: Page, john: Patient, dr1: Provider
) -> None:
    page, site = desk, live_server.url
    kim = PatientFactory(family_name="Smith", given_name="Kim", guarantor=john)
    LineFactory(patient=kim, provider=dr1, amount="70", ago=10)
    page.goto(f"{site}/patients/P1042/family/")
    family = page.get_by_role("row", name="Family")
    expect(family).to_contain_text("120.00")
    page.get_by_role("link", name="Take payment from Smith, John").press("Enter")
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()
    page.keyboard.type("120")
    page.get_by_role("button", name="Lines of the whole family").press("Enter")
    page.get_by_role("textbox", name="Smith, Kim").press("o")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Moved on: $70.00 to Smith, Kim")).to_be_visible()
    assert of(john, dr1) == of(kim, dr1) == ("0.00", "0.00", "0.00")
    assert Payment.objects.receipts().count() == 1

    page.goto(f"{site}/patients/{kim.chart_number}/family/")
    expect(family).to_contain_text("0.00")
    page.goto(f"{site}/payments/R-0001/receipt/")
    page.keyboard.press("Control+Enter")
    text = issued(page, site)
    assert "$120.00" in text
    assert "for Smith, Kim" in text
    assert "Stays as credit 120.00 120.00 0.00 0.00" in text


def test_one_line_and_many_are_written_off_and_one_comes_back(
    live_server: Any, desk: Page, john: Patient, dr1: Provider
) -> None:
    page, site = desk, live_server.url
    for amount in ("3.20", "1.80"):
        LineFactory(patient=john, provider=dr1, amount=amount, ago=60)
    page.goto(f"{site}/invoices/INV-0001/")
    page.get_by_role("link", name="Write off").press("Enter")
    expect(page.get_by_label("Kind")).to_be_focused()
    page.keyboard.type("court")
    page.keyboard.press("Tab")
    page.keyboard.type("Long wait")
    page.get_by_role("textbox", name="Write off INV-0001").focus()
    page.keyboard.type("20")
    expect(page.get_by_label("To write off", exact=True)).to_have_text("$20.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("$20.00 written off on 1 line.")).to_be_visible()
    figures(page, "35.00", "0.00", "35.00")

    page.get_by_role("link", name="Invoices", exact=True).press("Enter")
    page.get_by_role("link", name="Small balances").press("Enter")
    page.get_by_role("button", name="Mark all").press("Enter")
    expect(page.locator("#chosen")).to_contain_text("2 lines, $5.00")
    page.get_by_label("Reason").fill("Year end")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Written off as small balances: 2 lines, $5.00.")).to_be_visible()
    assert of(john, dr1) == ("30.00", "0.00", "30.00")

    open_account(page, site, john)
    row = history(page).filter(has_text="courtesy written off")
    row.get_by_role("link", name="Undo", exact=True).press("Enter")
    page.get_by_role("dialog").get_by_label("Reason").fill("Wrong line")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The write-off of 20.00 on INV-0001 is undone.")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")
    assert Adjustment.objects.count() == 4  # nothing is deleted


def test_a_line_and_then_the_invoice_are_voided_and_their_money_is_credit(
    live_server: Any, desk: Page, john: Patient, dr1: Provider
) -> None:
    page, site = desk, live_server.url
    invoice = InvoiceFactory(patient=john, provider=dr1, amounts=("30", "20"))
    first, second = invoice.lines.order_by("pk")
    PaymentFactory(patient=john, provider=dr1, amount="45", on={first: "30", second: "15"}, ago=2)
    assert of(john, dr1) == ("55.00", "0.00", "55.00")

    open_account(page, site, john)
    row = history(page).filter(has_text=f"{invoice}").filter(has_text="Part paid")
    row.locator("summary").press("Enter")
    row.get_by_role("link", name="Void line").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("20.00 comes off as a correction")
    dialog.get_by_label("Reason").select_option("Entered twice")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("15.00 of it un-paid: it is credit again.")).to_be_visible()
    assert of(john, dr1) == ("50.00", "15.00", "35.00")

    page.goto(f"{site}/invoices/{invoice}/")
    page.get_by_role("link", name="Void invoice").press("Enter")
    dialog.get_by_label("Reason").select_option("Entered twice")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{invoice} voided.")).to_be_visible()
    assert of(john, dr1) == ("50.00", "45.00", "5.00")  # INV-0001 is as it was


def test_delete_is_refused_once_money_is_banked_and_reverse_is_not(
    live_server: Any, desk: Page, john: Patient, dr1: Provider, ana: Any
) -> None:
    page, site = desk, live_server.url
    receipt = PaymentFactory(
        patient=john, provider=dr1, amount="20", on={john.lines.get(): "20"}, ago=3, by=ana
    )
    slip = ledger.deposit(by=ana, payments=[receipt], date=day(1)).deposit
    assert slip
    page.goto(f"{site}/payments/{receipt.number}/void/")
    expect(page.get_by_role("main")).to_contain_text(
        f"{receipt.number} was deposited on {slip.date:%d %b %Y} ({slip.number})"
        " and cannot be deleted. Reverse it instead."
    )
    expect(page.get_by_role("button", name="Delete $20.00")).to_have_count(0)
    page.goto(f"{site}/payments/{receipt.number}/")
    page.get_by_role("link", name="Reverse", exact=True).press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").select_option("Payment bounced")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{receipt.number} reversed and 20.00 un-paid")).to_be_visible()
    figures(page, "50.00", "0.00", "50.00")


def test_delete_is_refused_on_a_closed_day_and_reverse_lands_on_an_open_one(
    live_server: Any, desk: Page, john: Patient, dr1: Provider, ana: Any
) -> None:
    page, site = desk, live_server.url
    receipt = PaymentFactory(
        patient=john, provider=dr1, amount="20", on={john.lines.get(): "20"}, ago=3, by=ana
    )
    ClosingDate.objects.create(closed_through=day(2), created_by=ana)
    for act in ("void", "correct"):
        page.goto(f"{site}/payments/{receipt.number}/{act}/")
        expect(page.get_by_role("main")).to_contain_text(
            f"{receipt.number} is of a closed day (up to {day(2):%d %b %Y})"
        )
    page.goto(f"{site}/payments/{receipt.number}/")
    page.get_by_role("link", name="Reverse", exact=True).press("Enter")
    page.get_by_role("dialog").get_by_label("Reason").select_option("Wrong amount")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(f"{receipt.number} reversed and 20.00 un-paid")).to_be_visible()
    assert Payment.objects.get(kind=Kind.REVERSAL).date == day(0)
    figures(page, "50.00", "0.00", "50.00")


def test_a_wrong_amount_is_corrected(
    live_server: Any, desk: Page, john: Patient, dr1: Provider, ana: Any
) -> None:
    page, site = desk, live_server.url
    receipt = PaymentFactory(
        patient=john, provider=dr1, amount="20", on={john.lines.get(): "20"}, ago=0, by=ana
    )
    open_account(page, site, john)
    row = history(page).filter(has_text=f"Payment {receipt.number}")
    row.locator("summary").press("Enter")
    row.get_by_role("link", name="Correct payment").press("Enter")
    page.get_by_label("Reason").select_option("Wrong amount")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("This is a copy of")).to_be_visible()
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("25")
    box = page.get_by_role("textbox", name="Allocate INV-0001")
    expect(box).to_have_value("20.00")
    box.fill("25")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved as R-")).to_be_visible()
    figures(page, "25.00", "0.00", "25.00")
    expect(history(page)).to_have_count(2)  # the invoice line and the right payment


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_the_same_day_without_scripts(
    live_server: Any, desk: Page, dr1: Provider, blueriver: Payer
) -> None:
    page, site = desk, live_server.url
    page.goto(f"{site}/patients/new/")
    page.get_by_label("Family name").fill("Quist")
    page.get_by_label("Given name").fill("Nora")
    page.get_by_label("Date of birth").fill("1984-03-09")
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Member ID").fill("M-7781")
    page.get_by_role("button", name="Save and enter a session").click()
    page.get_by_label("Provider").select_option(label="Dr 1")
    page.get_by_label("Code 1", exact=True).fill("99213")
    page.get_by_label("Code 2", exact=True).fill("36415")
    page.get_by_label("Patient pays 2", exact=True).check()
    page.get_by_role("button", name="Save and issue invoice").click()
    expect(page.get_by_text("INV-0001 issued.")).to_be_visible()
    page.goto(f"{site}/patients/P1001/account/")
    page.get_by_role("link", name="Take payment").click()
    page.get_by_label("Amount", exact=True).fill("30")
    page.get_by_role("textbox", name="Allocate INV-0001 Blood draw").fill("14")
    page.get_by_role("button", name="Save payment").click()
    figures(page, "95.00", "16.00", "79.00")

    page.get_by_role("link", name="Refund", exact=True).click()
    page.get_by_label("Amount to pay back").fill("6")
    page.get_by_label("Reason").select_option("Overpaid")
    page.get_by_role("button", name="Save refund").click()
    figures(page, "95.00", "10.00", "85.00")
    page.locator(".acts summary", has_text="More").click()
    page.locator(".acts .menu").get_by_role("link", name="Write off", exact=True).click()
    page.get_by_label("Kind").select_option("courtesy")
    page.get_by_label("Reason").fill("Long wait")
    page.get_by_role("textbox", name="Write off INV-0001").fill("5")
    page.get_by_role("button", name="Save write-off").click()
    figures(page, "90.00", "10.00", "80.00")
    page.get_by_role("link", name="Statement", exact=True).click()
    page.get_by_role("button", name="Issue statement").click()
    text = issued(page, site)
    assert "80.00" in text
    assert "R-0001" in text
    page.goto(f"{site}/invoices/INV-0001/")
    page.get_by_role("link", name="Void invoice").click()
    page.get_by_label("Reason").select_option("Entered twice")
    page.get_by_role("button", name="Void chosen lines").click()
    expect(page.get_by_text("INV-0001 voided.")).to_be_visible()
    assert of(Patient.objects.get(), dr1) == ("0.00", "24.00", "-24.00")
