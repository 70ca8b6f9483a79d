"""The five walks of docs/tour.md, in its order."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.tour.walking import Walker


def insurance_payment(at: Walker) -> None:
    """A check of $200.00 from BlueRiver Health over two of Maya Okafor's sessions."""
    page = at.page
    at.open("/")
    at.picture("today")
    at.click(page.get_by_role("link", name="New insurance payment"))
    at.picks("blue", "BlueRiver Health")
    at.press("Enter")  # the method stays
    at.types("104482")
    at.press("Enter")
    at.press("Enter")  # received today
    at.types("200")
    at.picture("200-unallocated")
    at.press("Enter")
    at.picks("oka", "Okafor, Maya")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    expect(page.locator("input.amt:focus")).to_be_visible()
    at.press("Tab")  # past the write-off, which this insurer's payments usually have
    at.types("100")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$100.00")
    at.picture("falls-live")
    at.press("Enter")
    at.types("150")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("-$50.00")
    at.picture("too-much-explained")
    at.press("Control+a")
    at.types("100")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    at.picture("all-allocated")
    at.press("Control+Enter")
    expect(page.get_by_text("all allocated.")).to_be_visible()
    at.picture("saved")


def negative_credit(at: Walker) -> None:
    """John Smith pays $20.00 on INV-1042; the payment is reversed, and the line un-paid."""
    page = at.page
    at.open("/")
    at.press("Control+k")
    at.picks("smith", "Smith, John")
    expect(page).to_have_url(re.compile("/patients/P1042/account/"))
    at.click(page.get_by_role("link", name="Take payment", exact=True))
    at.click(page.get_by_label("Amount", exact=True))
    at.types("20")
    at.click(page.get_by_role("textbox", name=re.compile("^Allocate INV-1042")))
    at.press("p")
    expect(page.get_by_label(re.compile("^Unallocated"), exact=True)).to_have_text("$0.00")
    at.picture("take-payment")
    at.press("Control+Enter")
    expect(page.get_by_text("Saved as R-")).to_be_visible()
    at.click(page.get_by_role("link", name=re.compile("^Reverse")).first)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").select_option("Wrong amount")
    at.picture("reverse-both-outcomes")
    at.click(dialog.get_by_role("radio", name="Leave invoices paid"))
    at.click(dialog.get_by_role("button", name="Reverse $20.00"))
    expect(
        page.get_by_role("heading", name=re.compile("^Why Dr 1's credit is -20.00"))
    ).to_be_visible()
    at.picture("negative-credit-explained")
    account = page.url
    at.open("/patients/P1042/credit/?view=all")
    at.picture("credit-allocation-all")
    page.goto(account)
    at.click(page.get_by_role("button", name=re.compile("^Un-pay 20.00 on INV-1042")))
    expect(page.get_by_text("20.00 un-paid on INV-1042.")).to_be_visible()
    at.picture("un-paid")


def era_import(at: Walker, file: Path) -> None:
    """An insurer's electronic remittance becomes a draft, is looked at and saved."""
    page = at.page
    at.open("/insurance-payments/import-era/")
    page.get_by_label("ERA files").set_input_files(file)
    at.click(page.get_by_role("button", name="Import"))
    expect(page.get_by_role("heading", name=re.compile("EFT-990417"))).to_be_visible()
    at.picture("whose-payment")
    at.click(page.get_by_role("button", name="Choose"))  # once; the payer is known from then on
    expect(page.get_by_text("Whose payment is this?")).to_have_count(0)
    at.picture("draft")
    at.press("Control+Enter")
    expect(page.get_by_text(re.compile(r"^Saved\. \$[\d,.]+ from Kestrel Mutual"))).to_be_visible()
    at.picture("saved")


def month_end(at: Walker) -> None:
    """The deposit slip, the day sheet, and the month closed."""
    page = at.page
    at.open("/reports/payments-received/")
    at.picture("payments-received")
    at.open("/reports/aged-balances/")
    at.picture("aged-balances")
    at.open("/periods/")
    last = datetime.date.today().replace(day=1) - datetime.timedelta(days=1)  # noqa: DTZ011
    page.get_by_label("Close through").fill(last.isoformat())
    expect(page.locator("#through-h + p")).to_have_text(f"{last:%d %b %Y}")
    at.picture("what-is-left-to-do")
    at.click(page.get_by_role("button", name="Close period"))
    expect(page.get_by_text(f"The books are closed through {last:%d %b %Y}.")).to_be_visible()
    at.picture("closed")
    at.open("/reports/journal/")
    at.picture("journal")


def statement(at: Walker) -> None:
    """What John Smith owes, on paper."""
    page = at.page
    at.open("/patients/P1042/statements/new/")
    at.picture("what-it-will-say")
    at.click(page.get_by_role("button", name="Issue statement"))
    page.wait_for_timeout(3_000)  # its PDF opens in a window of its own, or is downloaded
    at.open("/patients/P1042/documents/")
    expect(page.get_by_text("DOC-0001").first).to_be_visible()
    at.picture("documents")
