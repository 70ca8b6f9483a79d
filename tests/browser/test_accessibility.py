"""axe-core on the screens of both stories, in light and in dark: no violation at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from billing import documents, ledger
from billing.models import Clinic, Invoice, Payment, Remittance, RemittanceRow
from billing.remittances import posting, review
from config.roles import ACCOUNTANT, ADMINISTRATOR
from patients.models import Patient
from tests.browser.test_story_one import boxes, unallocated
from tests.era.clinic import TODAY, series
from tests.era.clinic import Clinic as EraClinic
from tests.factories import (
    CoverageFactory,
    FeeFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    RefundFactory,
    ServiceFactory,
    SessionFactory,
    give,
)
from tests.factories.bills import day, entries
from tests.support.codes import code_of_app
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

RULES = {
    "runOnly": [
        "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice",
    ]
}  # fmt: skip
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


@pytest.fixture
def looked_at(page: Page) -> Callable[[str], None]:
    """looked_at("name"): axe finds nothing on the page as it is now, in light and in dark."""
    axe = Axe()

    def look(what: str) -> None:
        for theme, rules in (("light", RULES), ("dark", COLOURS)):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.wait_for_timeout(50)  # where a colour still fades
            found = axe.run(page, options=rules)
            assert found.violations_count == 0, f"{what}, {theme}:\n{found.generate_report()}"

    return look


@pytest.fixture
def reversed_receipt(john: Patient, dr1: Any, ana: Any) -> Payment:
    """20.00 reversed with INV-0001 left paid: the account explains a negative credit."""
    line = john.lines.get()
    receipt = PaymentFactory(
        patient=john, provider=dr1, amount="20", by=ana, on={line: "20"}, ago=3
    )
    ledger.reverse(by=ana, payment=receipt, date=day(2), reason="Wrong amount", unpay_lines=False)
    return receipt


def test_sign_in(
    live_server: Any, page: Page, no_surprises: Surprises, looked_at: Callable[[str], None]
) -> None:
    page.goto(live_server.url + "/accounts/login/")
    looked_at("sign in")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    looked_at("sign in, refused")


def test_two_steps(
    live_server: Any, desk: Page, ana: Any, looked_at: Callable[[str], None]
) -> None:
    site = live_server.url
    desk.goto(f"{site}/accounts/second-factor/app/")
    looked_at("confirm it is you")
    desk.get_by_label("Password").fill("remit-demo")
    with desk.expect_navigation():
        desk.get_by_role("button", name="Confirm").click()
    looked_at("set up two-step sign-in")
    secret = desk.locator(".secret").inner_text()
    with desk.expect_navigation():
        desk.get_by_role("button", name="Turn on").click()
    looked_at("set up two-step sign-in, refused")
    desk.get_by_label("Authenticator code").fill(code_of_app(secret))
    with desk.expect_navigation():
        desk.get_by_role("button", name="Turn on").click()
    for page in ("", "recovery-codes/", "recovery-codes/new/", "app/remove/", "passkeys/"):
        desk.goto(f"{site}/accounts/second-factor/{page}")
        looked_at(page)
    desk.goto(f"{site}/accounts/second-factor/passkeys/new/")
    looked_at("add a passkey")
    desk.goto(f"{site}/accounts/sign-ins/")
    looked_at("where one is signed in")
    for words in ("#leaving-soon", "#leaving-over"):
        desk.evaluate(
            "words => { const box = document.querySelector('#leaving');"
            " box.replaceChildren(document.querySelector(words).content.cloneNode(true));"
            " if (!box.open) box.showModal(); }",
            words,
        )
        looked_at(words)


def test_lists(
    live_server: Any,
    desk: Page,
    maya: Patient,
    reversed_receipt: Payment,
    blueriver: Any,
    looked_at: Callable[[str], None],
) -> None:
    InsurancePaymentFactory(payer=blueriver, amount="75")
    for path in (
        "/",
        "/patients/",
        "/patients/P1042/",
        "/payments/",
        "/insurance-payments/",
        "/credit-allocation/",
        "/invoices/INV-0001/",
        "/help/keys/",
        "/payments/?q=nothing-is-called-so",
    ):
        desk.goto(live_server.url + path)
        looked_at(path)


def test_registering(
    live_server: Any,
    desk: Page,
    john: Patient,
    maya: Patient,
    blueriver: Any,
    looked_at: Callable[[str], None],
) -> None:
    page = desk
    CoverageFactory(patient=john, payer=blueriver, member_id="M1")
    PatientFactory(family_name="Smith", given_name="Ann", guarantor=john)
    page.goto(live_server.url + "/patients/P1042/")
    expect(page.get_by_role("link", name="Take payment from Smith, Ann")).to_be_visible()
    looked_at("a patient")
    for path in ("family/", "edit/", "coverages/new/"):
        page.goto(live_server.url + f"/patients/P1042/{path}")
        looked_at(path)
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Billed").select_option("Primary")
    page.get_by_label("From", exact=True).fill("2025-01-01")
    page.get_by_role("button", name="Save coverage").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("coverage, overlapping")
    page.goto(live_server.url + "/patients/new/")
    looked_at("register")
    page.get_by_label("Guarantor").fill("oka")
    expect(page.get_by_role("option", name="Okafor, Maya")).to_be_visible()
    looked_at("a list under Guarantor")
    page.get_by_role("button", name="Register patient").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("register, errors")


def test_account_and_credit(
    live_server: Any,
    desk: Page,
    reversed_receipt: Payment,
    no_surprises: Surprises,
    looked_at: Callable[[str], None],
) -> None:
    page = desk
    page.goto(live_server.url + "/patients/P1042/account/")
    expect(page.get_by_role("heading", name="Why Dr 1's credit is -20.00")).to_be_visible()
    looked_at("account with a negative credit")
    page.get_by_role("link", name="Choose lines myself").click()
    looked_at("credit allocation")
    page.get_by_role("textbox", name="Allocate INV-0001").fill("30")
    expect(page.locator("#explain")).to_contain_text("30.00 more than the credit available.")
    looked_at("credit allocation, too much")
    page.get_by_role("button", name="Save allocation").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("credit allocation, refused")
    page.goto(live_server.url + f"/payments/{reversed_receipt.number}/")
    looked_at("a reversed payment")


def test_taking_and_undoing_a_payment(
    live_server: Any,
    desk: Page,
    john: Patient,
    dr1: Any,
    looked_at: Callable[[str], None],
) -> None:
    page = desk
    page.goto(live_server.url + "/patients/P1042/payments/new/")
    looked_at("take payment")
    page.get_by_role("textbox", name="Allocate INV-0001").fill("70")
    page.get_by_role("button", name="Save payment").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("take payment, errors")
    receipt = PaymentFactory(patient=john, provider=dr1, amount="20", on={john.lines.get(): "20"})
    page.goto(live_server.url + f"/payments/{receipt.number}/")
    looked_at("a payment")
    page.get_by_role("link", name="Reverse").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    looked_at("reverse, the dialog")
    for verb in ("reverse", "void"):
        page.goto(live_server.url + f"/payments/{receipt.number}/{verb}/")
        looked_at(verb)


def test_insurance_payment(
    live_server: Any,
    desk: Page,
    maya: Patient,
    looked_at: Callable[[str], None],
) -> None:
    page = desk
    page.goto(live_server.url + "/insurance-payments/new/")
    looked_at("empty")
    page.get_by_role("button", name="Save payment").click()
    expect(page.locator(".errsum")).to_contain_text("Choose the payer.")
    looked_at("nothing filled in")
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Amount", exact=True).fill("200")
    page.get_by_label("Add a patient's sessions").fill("oka")
    expect(page.get_by_role("option", name="Okafor, Maya")).to_be_visible()
    looked_at("a list under the picker")
    page.get_by_role("option", name="Okafor, Maya").click()
    boxes(page).nth(0).fill("100")
    expect(unallocated(page)).to_have_text("$100.00")
    looked_at("part")
    boxes(page).nth(1).fill("150")
    expect(unallocated(page)).to_have_text("-$50.00")
    looked_at("over")
    boxes(page).nth(2).fill("1.005")
    page.get_by_role("button", name="Save payment").click()
    expect(page.locator(".errsum")).to_contain_text("Amounts have two decimals at most.")
    looked_at("errors")
    boxes(page).nth(1).fill("100")
    boxes(page).nth(2).fill("")
    expect(unallocated(page)).to_have_text("$0.00")
    looked_at("all allocated")
    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved. $200.00")).to_be_visible()
    looked_at("saved")


def test_import(live_server: Any, desk: Page, ana: Any, looked_at: Callable[[str], None]) -> None:
    give(ana, ADMINISTRATOR)
    head = "family_name,given_name,birth_date\n"
    good = f"{head}Smith,John,1980-05-17\n"
    desk.goto(live_server.url + "/import/")
    looked_at("import")
    for what, content in {
        "choosing a file": b"",
        "to mend": f"{head}=x,John,\n".encode(),
        "another encoding": f"{head}Müller,Jörg,1980-05-17\n".encode("windows-1252"),
        "checked, worth a look": f"{good}Smith,John,1980-05-17\n".encode(),
    }.items():
        desk.goto(live_server.url + "/import/patients/")
        file: Any = {"name": "file.csv", "mimeType": "text/csv", "buffer": content}
        desk.get_by_label("CSV file").set_input_files(file)
        with desk.expect_navigation():
            desk.get_by_role("button", name="Check this file").click()
        looked_at(f"import, {what}")
    desk.get_by_role("button", name="Import 2 lines").click()
    expect(desk.get_by_text("2 patients and 0 coverages.")).to_be_visible()
    looked_at("imported")


def test_sessions_and_invoices(
    live_server: Any,
    desk: Page,
    john: Patient,
    dr1: Any,
    ana: Any,
    looked_at: Callable[[str], None],
) -> None:
    FeeFactory(service=ServiceFactory(code="90834", description="Psychotherapy"))
    SessionFactory(patient=john, provider=dr1)
    page = desk
    page.goto(live_server.url + "/patients/P1042/sessions/new/")
    page.get_by_label("Code 1", exact=True).fill("psy")
    expect(page.locator("#row-1-options [role=option]")).to_have_count(1)
    looked_at("a new session with its suggestions")
    page.keyboard.press("Enter")
    page.get_by_label("Units 1", exact=True).fill("0")
    page.get_by_role("button", name="Save session").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("a new session, refused")
    page.get_by_label("Units 1", exact=True).fill("1")
    page.get_by_label("This is another session").check()
    page.get_by_role("button", name="Save session").click()
    expect(page.get_by_role("button", name="Bill all 1")).to_be_visible()
    draft = Invoice.objects.get(number=None)
    for path in (
        f"/sessions/{draft.lines.get().session_id}/",
        "/sessions/",
        "/sessions/?unbilled=1",
        "/sessions/new/",
        f"/invoices/drafts/{draft.pk}/",
        "/invoices/",
        "/invoices/new/?patient=P1042",
        "/invoices/INV-0001/void/",
        "/fees/",
    ):
        page.goto(live_server.url + path)
        looked_at(path)
    line = john.lines.issued().get()
    ledger.void_line(by=ana, line=line, date=day(0), reason="Entered twice")
    for path in ("/invoices/INV-0001/", "/invoices/INV-0001/void/", "/patients/P1042/account/"):
        page.goto(live_server.url + path)
        looked_at(f"{path}, voided")


def test_money_that_leaves_and_write_offs(
    live_server: Any,
    desk: Page,
    john: Patient,
    dr1: Any,
    ana: Any,
    looked_at: Callable[[str], None],
) -> None:
    page = desk
    line = john.lines.get()
    LineFactory(patient=john, provider=dr1, amount="4.50", ago=60, by=ana)
    kim = PatientFactory(family_name="Smith", given_name="Kim", guarantor=john)
    LineFactory(patient=kim, provider=dr1, amount="60", by=ana)
    receipt = PaymentFactory(patient=john, provider=dr1, amount="100", on={line: "40"}, by=ana)
    other = PaymentFactory(patient=john, provider=dr1, amount="10", by=ana)
    refund = RefundFactory(payment=other, amount="5", by=ana)
    give(ana, ACCOUNTANT)
    off = ledger.write_off(
        by=ana,
        entries=entries({line: ("0", "2")}),
        kind="courtesy",
        date=day(0),
        reason="Long wait",
    ).adjustments[0]
    for path in (
        "/patients/P1042/account/",
        "/patients/P1042/account/?show=unallocated&period=all",
        f"/payments/{receipt.number}/refund/",
        f"/payments/{other.number}/refunds/{refund.pk}/undo/",
        f"/payments/{receipt.number}/transfer/",
        f"/payments/{receipt.number}/correct/",
        "/patients/P1042/refund/",
        "/patients/P1042/write-off/",
        "/patients/P1042/payments/new/?family=1",
        "/write-offs/small-balances/",
        "/reports/deposit-slip/",
        "/deposits/",
        "/periods/",
        "/periods/reopen/",
        f"/write-offs/{off.pk}/undo/",
        f"/invoices/{line.invoice.number}/",
    ):
        page.goto(live_server.url + path)
        looked_at(path)
    page.goto(f"{live_server.url}/payments/{receipt.number}/refund/")
    page.get_by_role("textbox", name="Un-pay INV-0001").fill("41")
    page.get_by_role("button", name="Save refund").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("refund, refused")
    page.goto(f"{live_server.url}/patients/P1042/write-off/")
    page.get_by_role("textbox", name="Write off INV-0001").fill("99")
    page.get_by_role("button", name="Save write-off").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("write off, refused")


def test_documents(
    live_server: Any,
    desk: Page,
    john: Patient,
    dr1: Any,
    ana: Any,
    looked_at: Callable[[str], None],
) -> None:
    page = desk
    receipt = PaymentFactory(patient=john, provider=dr1, amount="20", on={john.lines.get(): "20"})
    refunded = PaymentFactory(patient=john, provider=dr1, amount="10", by=ana)
    RefundFactory(payment=refunded, amount="5", by=ana)
    page.goto(live_server.url + "/patients/P1042/documents/")
    looked_at("no documents")
    for path in (
        "/patients/P1042/statements/new/",
        "/patients/P1042/statements/new/?from=2025-02-03&to=2025-01-01",
        "/patients/P1042/superbills/new/",
        "/patients/P1042/superbills/new/?from=2020-01-01&to=2020-01-02",
        f"/payments/{receipt.number}/receipt/",
        f"/payments/{refunded.number}/receipt/",
        "/statements/new/",
        "/statements/new/?more_than=9999",
    ):
        page.goto(live_server.url + path)
        looked_at(path)
    documents.issue(documents.receipt(Clinic.current(), receipt), by=ana)
    for path in ("/patients/P1042/documents/", f"/payments/{receipt.number}/receipt/"):
        page.goto(live_server.url + path)
        looked_at(f"{path}, issued")
    page.goto(live_server.url + "/statements/new/")
    page.get_by_role("button", name="Make 1 statement").click()
    expect(page.get_by_role("link", name="Open the PDF")).to_be_visible()
    looked_at("statements made")


def test_dialogs_and_menus(
    live_server: Any, desk: Page, john: Patient, dr1: Any, looked_at: Callable[[str], None]
) -> None:
    page = desk
    receipt = PaymentFactory(patient=john, provider=dr1, amount="60", on={john.lines.get(): "20"})
    for button in ("Refund", "Transfer", "Correct payment", "Delete payment"):
        page.goto(live_server.url + f"/payments/{receipt.number}/")
        page.get_by_role("link", name=button, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        looked_at(f"{button}, the dialog")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.get_by_role("link", name=button, exact=True)).to_be_focused()
    page.goto(live_server.url + "/invoices/INV-0001/")
    page.get_by_role("link", name="Void invoice").click()
    page.get_by_role("dialog").get_by_role("button", name="Void chosen lines").click()
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("void, refused in the dialog")
    stranger = PatientFactory(chart_number="P1099")
    page.goto(live_server.url + f"/patients/{stranger.chart_number}/account/")
    page.locator(".acts summary", has_text="More").press("Enter")
    looked_at("account, More")
    for path in ("account/", "refund/", "transfer/", "write-off/", "credit/"):
        page.goto(live_server.url + f"/patients/{stranger.chart_number}/{path}")
        looked_at(f"nothing yet: {path}")


def test_a_new_clinic(
    live_server: Any, desk: Page, ana: Any, looked_at: Callable[[str], None]
) -> None:
    for staff in (False, True):
        ana.is_staff = staff
        ana.save()
        give(ana, *([ADMINISTRATOR] if staff else []))
        for path in ("/", "/patients/", "/sessions/", "/invoices/", "/fees/", "/statements/new/"):
            desk.goto(live_server.url + path)
            looked_at(f"{path} of a new clinic")


# ---------------------------------------------------------------------------- insurers' files


@pytest.fixture
def evergreen(live_server: Any) -> Iterator[EraClinic]:
    """The clinic of the constructed series, on the day after it."""
    with time_machine.travel(TODAY, tick=True):
        yield series()


def test_files_of_insurers(
    live_server: Any,
    desk: Page,
    evergreen: EraClinic,
    looked_at: Callable[[str], None],
) -> None:
    """From uploading to undoing: what is sure, what asks for somebody, what nobody finds."""
    for path in ("import-era/", "unmatched/", "drafts/"):
        desk.goto(f"{live_server.url}/insurance-payments/{path}")
        looked_at(f"{path}, empty")
    evergreen.post(1)
    denied, unknown = evergreen.draft(5), evergreen.draft(8)
    paths = ["/insurance-payments/import-era/"]
    for draft in (Remittance.objects.get(state="posted"), denied, unknown):
        paths += [draft.file.get_absolute_url(), draft.get_absolute_url()]
        paths += [f"{draft.get_absolute_url()}rows/{row.pk}/" for row in draft.rows.all()[:2]]
    posted = Remittance.objects.get(state="posted")
    paths += [f"{posted.get_absolute_url()}undo/", f"{posted.file.get_absolute_url()}undo/"]
    for path in paths:
        desk.goto(live_server.url + path)
        looked_at(path)
    with review.changing(unknown.pk) as draft:
        for row in draft.rows.select_related("claim"):
            if row.line_id:
                review.tick(row)
            else:
                review.leave_unapplied(row)
        posting.save(draft, by=evergreen.ana, sure=True)
    unmatched = RemittanceRow.objects.get(unapplied=True)
    for path in (
        "/insurance-payments/unmatched/",
        f"/insurance-payments/unmatched/{unmatched.pk}/",
        "/payers/",
        f"/payers/{evergreen.evergreen.pk}/",
        "/denials/",
    ):
        desk.goto(live_server.url + path)
        looked_at(path)


# ---------------------------------------------------------------------------- worklists, the books


def test_worklists_and_the_books(
    live_server: Any,
    desk: Page,
    ana: Any,
    reversed_receipt: Payment,
    blueriver: Any,
    looked_at: Callable[[str], None],
) -> None:
    ana.is_staff = ana.is_superuser = True
    ana.save()
    empty = (
        "/reports/journal/batches/",
        "/periods/",
        "/deposits/",
        "/payments/unallocated/?cause=over",
    )
    for path in empty:
        desk.goto(live_server.url + path)
        looked_at(f"{path}, empty")
    cash = PaymentFactory(amount="30", ago=2)
    InsurancePaymentFactory(payer=blueriver, amount="75")
    slip = ledger.deposit(by=ana, payments=[cash], date=day(1)).deposit
    batch = ledger.make_journal_batch(by=ana, through=day(1)).batch
    assert slip
    assert batch
    ledger.close_period(by=ana, through=day(20), seen=None)
    for path in (
        "/payments/unallocated/",
        "/payments/negative-credit/",
        "/reports/journal/",
        batch.get_absolute_url(),
        "/reports/journal/batches/",
        "/periods/",
        "/periods/reopen/",
        "/reports/deposit-slip/",
        "/deposits/",
        slip.get_absolute_url(),
    ):
        desk.goto(live_server.url + path)
        looked_at(path)
    desk.goto(live_server.url + "/periods/reopen/")
    desk.get_by_role("button", name="Reopen").click()
    expect(desk.locator(".errsum")).to_be_focused()
    looked_at("reopen, refused")
