"""The expert's side of the payment grid: details, adjustments, drafts, over-allocation, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, Route, expect

from billing.models import Payment, PaymentDraft
from patients.models import Patient, Payer
from tests.browser.test_accessibility import looked_at
from tests.browser.test_money_grid import NEW, box, listed, settled, unallocated
from tests.factories import CoverageFactory, InsurancePaymentFactory, PayerFactory
from tests.support.surprises import Surprises

__all__ = ["looked_at"]

pytestmark = pytest.mark.django_db(transaction=True)

SAVED = re.compile(r"Draft saved \d\d:\d\d")


def state(page: Page) -> Any:
    return page.locator("#draft-state")


@pytest.fixture
def may_over(ana: Any) -> None:
    ana.user_permissions.add(Permission.objects.get(codename="overallocate_payment"))


# ---------------------------------------------------------------------------- details


def test_details_by_keyboard(
    live_server: Any,
    desk: Page,
    maya: Patient,
    blueriver: Payer,
    looked_at: Callable[[str], None],
) -> None:
    CoverageFactory(patient=maya, payer=blueriver, rank=1)
    CoverageFactory(patient=maya, payer=PayerFactory(name="Cascade Supplement"), rank=2)
    page = listed(desk, live_server.url, amount="60", patient="P1001", rows=3)
    page.keyboard.type("60")
    page.keyboard.press("r")
    first = page.get_by_label("Deductible")
    expect(first).to_be_focused()
    page.keyboard.type("25")
    row = page.locator("tr[data-row]").first
    expect(row).to_contain_text("insurer: 25.00")
    expect(row).to_contain_text("The insurer says 25.00, but 40.00 is left on this line.")
    expect(row).to_contain_text("then Cascade Supplement")
    page.keyboard.press("Tab")
    page.keyboard.type("10+5")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Coinsurance")).to_have_value("15.00")
    expect(row).not_to_contain_text("The insurer says")
    page.get_by_label("Outcome").select_option("Denied")
    expect(row).to_contain_text("stays: denied")
    page.get_by_label("Rest").select_option("Patient")
    expect(row).to_contain_text("then patient")
    settled(page)
    looked_at("insurance payment, details open")
    page.get_by_label("Reason codes").focus()
    page.keyboard.press("Escape")
    expect(box(page, 0)).to_be_focused()
    page.keyboard.press("r")
    expect(first).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/insurance-payments/IP-"))
    line = maya.lines.oldest_first()[0]
    assert line.payer is None
    assert [(each.kind, each.amount) for each in line.responsibilities.order_by("pk")] == [
        ("deductible", 25),
        ("coinsurance", 15),
    ]
    expect(page.locator(".tag", has_text="Denied")).to_be_visible()
    looked_at("an insurance payment with a denial")


def test_taken_back_and_paid_anew(
    live_server: Any, desk: Page, maya: Patient, blueriver: Payer
) -> None:
    line = maya.lines.oldest_first()[0]
    InsurancePaymentFactory(payer=blueriver, amount="100", on={line: "100"}, ago=5)
    page = desk
    page.goto(live_server.url + NEW)
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Amount", exact=True).fill("-40")
    expect(page.locator("#un")).to_contain_text("still to take back")
    page.get_by_label("Add a patient's sessions").fill("P1001")
    page.locator("#patient-options").get_by_role("option").first.click()
    expect(page.locator("tr[data-row]")).to_have_count(2)
    expect(box(page, 0)).to_be_focused()
    page.get_by_label("Add a patient's sessions").fill("nobody")
    page.get_by_label("Add a patient's sessions").fill("")
    page.evaluate(
        "document.querySelector('[data-add]').value = 'P1001:all';"
        " document.querySelector('[data-add]').click()"
    )
    expect(page.locator("tr[data-row]")).to_have_count(3)
    paid = page.locator(f"#line-{line.pk}-paid")
    expect(paid).to_be_focused()
    paid.fill("-100")
    paid.press("r")
    page.get_by_role("button", name=re.compile("^Add a correction")).click()
    expect(page.locator(f"#line-{line.pk}_2-paid")).to_be_focused()
    page.keyboard.type("60")
    expect(unallocated(page)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved. -$40.00 from BlueRiver Health, all allocated.")).to_be_visible()
    line.refresh_from_db()
    assert line.paid == 60


# ---------------------------------------------------------------------------- adjustments, focus


def test_adjustments_and_where_the_focus_goes(
    live_server: Any, desk: Page, maya: Patient, looked_at: Callable[[str], None]
) -> None:
    page = listed(desk, live_server.url, amount="60", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.get_by_role("button", name="Add an adjustment").click()
    expect(page.locator("#offset-1-code")).to_be_focused()
    page.locator("#offset-1-code").select_option("WO")
    page.locator("#offset-1-amount").fill("30+10")
    expect(unallocated(page)).to_have_text("$0.00")
    expect(page.locator("#offset-effect-1")).to_have_text("BlueRiver Health kept 40.00")
    page.locator("#offset-1-amount").blur()
    expect(page.locator("#offset-1-amount")).to_have_value("40.00")
    looked_at("insurance payment with an adjustment")
    # A fix takes its own button away; the focus goes to the box it mended, not to the page.
    box(page, 1).fill("50")
    page.get_by_role("button", name="Change Amount to $110.00").click()
    expect(page.get_by_label("Amount", exact=True)).to_be_focused()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("110.00")
    box(page, 2).fill("30")
    page.get_by_role("button", name="Take $30.00 off the last line").click()
    expect(box(page, 2)).to_be_focused()
    # A wrong Amount is said beside it at once.
    page.get_by_label("Amount", exact=True).fill("1.005")
    expect(page.locator("#amount-says")).to_have_text("Amounts have two decimals at most.")
    expect(page.get_by_label("Amount", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Amount", exact=True).fill("110")
    expect(page.locator("#amount-says")).to_have_text("")
    expect(page.get_by_label("Amount", exact=True)).not_to_have_attribute("aria-invalid", "true")


def test_the_payers_method_and_a_known_number(
    live_server: Any, desk: Page, blueriver: Payer, looked_at: Callable[[str], None]
) -> None:
    earlier = InsurancePaymentFactory(payer=blueriver, method="eft", reference="7001", amount="75")
    page = desk
    page.goto(live_server.url + NEW)
    page.keyboard.type("blue")
    expect(page.get_by_role("option", name="BlueRiver Health")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Method")).to_have_value("eft")
    page.get_by_label("EFT number").fill("7001")
    page.keyboard.press("Enter")
    known = page.locator("#duplicate")
    expect(known).to_contain_text(f"This number was entered before: {earlier.number}")
    looked_at("a number entered before")
    page.get_by_label("EFT number").fill("7002")
    page.keyboard.press("Enter")
    expect(known).to_be_empty()


# ---------------------------------------------------------------------------- drafts


def test_a_draft_is_kept_found_again_and_ends_with_the_payment(
    live_server: Any, desk: Page, maya: Patient, looked_at: Callable[[str], None]
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.keyboard.press("r")
    page.get_by_label("Copay").fill("20")
    settled(page)
    expect(state(page)).to_have_text(SAVED)
    page.wait_for_timeout(3500)
    expect(state(page)).to_have_text(SAVED)
    assert Payment.objects.count() == 0
    page.goto(live_server.url + "/")
    left = page.get_by_role("region", name="Pick up where you left off")
    expect(left).to_contain_text("BlueRiver Health $200.00")
    expect(left).to_contain_text("$100.00 unallocated")
    looked_at("today with a draft")
    page.goto(live_server.url + "/insurance-payments/drafts/")
    looked_at("drafts")
    page.get_by_role("link", name="Continue").click()
    expect(box(page, 0)).to_have_value(re.compile("^100"))
    expect(unallocated(page)).to_have_text("$100.00")
    box(page, 1).fill("100")
    expect(unallocated(page)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved. $200.00 from BlueRiver Health, all allocated.")).to_be_visible()
    assert PaymentDraft.objects.count() == 0
    line = maya.lines.oldest_first()[0]
    assert [(each.kind, each.amount) for each in line.responsibilities.all()] == [("copay", 20)]


def test_details_that_come_late_leave_the_hands_where_they_are(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    held: list[Route] = []
    page.route("**/insurance-payments/new/lines/**", lambda route: held.append(route))
    page.keyboard.press("r")
    box(page, 1).focus()
    page.keyboard.type("1")
    for route in held:
        route.continue_()
    expect(page.get_by_label("Copay")).to_be_visible()
    page.wait_for_timeout(200)  # they take the focus once they have settled
    page.keyboard.type("00")
    expect(box(page, 1)).to_have_value("100")


def test_what_was_refused_is_kept_as_a_draft(live_server: Any, desk: Page, maya: Patient) -> None:
    page = listed(desk, live_server.url, amount="80", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".errsum")).to_be_focused()
    expect(state(page)).to_have_text(SAVED, timeout=15_000)
    page.goto(live_server.url + "/insurance-payments/drafts/")
    page.get_by_role("link", name="Continue").click()
    expect(box(page, 0)).to_have_value(re.compile("^100"))


def test_reload_and_back_bring_the_draft_back(live_server: Any, desk: Page, maya: Patient) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    page.keyboard.type("100")
    expect(state(page)).to_have_text(SAVED)
    expect(page).to_have_url(re.compile(r"\?draft=[0-9a-f-]{36}$"))
    page.reload()
    expect(box(page, 0)).to_have_value(re.compile("^100"))
    expect(unallocated(page)).to_have_text("$100.00")
    page.goto(live_server.url + "/")
    page.go_back()
    expect(box(page, 0)).to_have_value(re.compile("^100"))


@pytest.mark.parametrize("kept_before", [False, True])
def test_a_reload_a_moment_after_typing_brings_all_of_it(
    live_server: Any, desk: Page, maya: Patient, kept_before: bool
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    if kept_before:
        expect(state(page)).to_have_text(SAVED)
    page.keyboard.type("75")
    page.reload()
    expect(box(page, 0)).to_have_value(re.compile("^75"))
    expect(unallocated(page)).to_have_text("$125.00")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="New insurance payment").first.click()
    expect(page).to_have_url(re.compile("/new/$"))
    expect(page.get_by_label("Amount", exact=True)).to_have_value("")


def test_a_reload_of_a_page_with_a_place_in_its_address_comes_back_usable(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    expect(state(page)).to_have_text(SAVED)
    page.evaluate("location.hash = 'main'")
    box(page, 0).focus()
    page.keyboard.type("75")
    page.reload()
    expect(box(page, 0)).to_have_value(re.compile("^75"))
    expect(page.locator("main[inert]")).to_have_count(0)
    box(page, 1).fill("10")
    expect(unallocated(page)).to_have_text("$115.00")


def test_a_reload_of_what_was_emptied_again_is_a_new_form_and_says_nothing(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    desk.goto(live_server.url + NEW)
    amount = desk.get_by_label("Amount", exact=True)
    amount.fill("7")
    amount.fill("")
    desk.reload()
    expect(desk.locator("main[inert]")).to_have_count(0)
    expect(desk.get_by_text("discarded")).to_have_count(0)
    amount.fill("8")
    expect(unallocated(desk)).to_have_text("$8.00")


def test_a_reload_of_a_copy_brings_what_was_typed_into_it(
    live_server: Any, desk: Page, maya: Patient, ana: Any
) -> None:
    line = maya.lines.oldest_first()[0]
    payment = InsurancePaymentFactory(payer=line.payer, amount="100", on={line: "100"}, by=ana)
    desk.goto(f"{live_server.url}/payments/{payment.number}/correct/")
    desk.get_by_label("Reason").select_option("Wrong amount")
    desk.get_by_role("button", name="Delete and open the copy").click()
    expect(state(desk)).to_have_text(SAVED)
    box(desk, 0).fill("75")
    desk.reload()
    expect(box(desk, 0)).to_have_value(re.compile("^75"))
    desk.wait_for_timeout(3500)
    assert PaymentDraft.objects.get().data[f"line-{line.pk}-paid"].startswith("75")


def test_back_to_a_refused_payment_is_no_error_of_the_browser(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = listed(desk, live_server.url, amount="80", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".errsum")).to_be_focused()
    expect(page).to_have_url(re.compile(r"\?draft="))
    page.goto(live_server.url + "/")
    page.go_back()
    expect(box(page, 0)).to_have_value(re.compile("^100"))
    expect(unallocated(page)).to_have_text(re.compile("20.00"))


def test_what_was_typed_a_moment_before_leaving_is_kept(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    page.wait_for_timeout(3500)
    expect(state(page)).to_have_text(SAVED)
    page.keyboard.type("75")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name=re.compile("draft", re.IGNORECASE)).first.click()
    page.get_by_role("link", name="Continue").click()
    expect(box(page, 0)).to_have_value(re.compile("^75"))


def test_looking_elsewhere_keeps_the_draft_at_once(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    desk.clock.install()
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    expect(state(page)).to_have_text(SAVED, timeout=15_000)
    before = PaymentDraft.objects.get().updated_at
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))  # the draft's own time does not come
    page.keyboard.type("75")
    expect(unallocated(page)).to_have_text("$125.00")
    assert PaymentDraft.objects.get().updated_at == before
    with page.expect_response(f"**{NEW}draft/"):
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { value: true });"
            " document.dispatchEvent(new Event('visibilitychange'))"
        )
    assert PaymentDraft.objects.get().updated_at > before


def test_the_copy_of_a_payment_that_was_taken_out_is_a_draft_at_once(
    live_server: Any, desk: Page, maya: Patient, ana: Any
) -> None:
    line = maya.lines.oldest_first()[0]
    payment = InsurancePaymentFactory(
        payer=line.payer, amount="100", on={line: "100"}, reference="104482", by=ana
    )
    desk.goto(f"{live_server.url}/payments/{payment.number}/correct/")
    desk.get_by_label("Reason").select_option("Wrong amount")
    desk.get_by_role("button", name="Delete and open the copy").click()
    expect(desk.get_by_text(f"This is a copy of {payment.number}")).to_be_visible()
    expect(state(desk)).to_have_text(SAVED)
    desk.goto(f"{live_server.url}/")
    desk.get_by_role("link", name="Continue").click()
    expect(box(desk, 0)).to_have_value("100.00")


def test_back_to_a_payment_that_was_saved_leads_to_it(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = listed(desk, live_server.url, amount="100", patient="P1001", rows=3)
    page.keyboard.type("100")
    expect(state(page)).to_have_text(SAVED)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved. $100.00 from BlueRiver Health, all allocated.")).to_be_visible()
    page.go_back()
    expect(page.get_by_text(re.compile("This draft was saved as IP-"))).to_be_visible()
    assert Payment.objects.count() == 1


def test_a_draft_that_could_not_be_kept_says_so(
    live_server: Any, desk: Page, maya: Patient, no_surprises: Surprises
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    no_surprises.expect("ERR_FAILED|htmx:sendError|htmx:afterRequest")
    away = f"**{NEW}draft/"

    def cut(route: Route) -> None:
        route.abort()

    page.route(away, cut)
    page.keyboard.type("100")
    expect(state(page)).to_have_text(
        "Not saved: no connection. Your typing is kept on this page.", timeout=15_000
    )
    expect(box(page, 0)).to_have_value("100")
    page.unroute(away, cut)
    page.keyboard.type(".00")
    expect(state(page)).to_have_text(SAVED, timeout=15_000)


# ---------------------------------------------------------------------------- over-allocation


def test_over_allocated_is_stopped_once(
    live_server: Any,
    desk: Page,
    maya: Patient,
    may_over: None,
    looked_at: Callable[[str], None],
) -> None:
    page = listed(desk, live_server.url, amount="80", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".errsum")).to_be_focused()
    looked_at("over-allocated, stopped")
    page.get_by_label("Reason for over-allocating").fill("The EOB adds up to more")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Save as over-allocated")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved as over-allocated: $20.00 more is on its lines")).to_be_visible()
    expect(page.locator("#un")).to_contain_text("over-allocated")
    looked_at("an over-allocated payment")


# ---------------------------------------------------------------------------- without JavaScript


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript(live_server: Any, desk: Page, maya: Patient, may_over: None) -> None:
    page = desk
    page.goto(live_server.url + NEW)
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Amount", exact=True).fill("60")
    page.get_by_label("Add a patient's sessions").fill("P1001")
    page.get_by_role("button", name="Add sessions").click()
    box(page, 0).fill("70")
    page.get_by_role("button", name=re.compile("^Details of Okafor, Maya")).first.click()
    page.get_by_label("Copay").fill("20")
    page.get_by_role("button", name="Add an adjustment").click()
    page.locator("#offset-1-code").select_option("WO")
    page.locator("#offset-1-amount").fill("5")
    expect(page.get_by_label("Copay")).to_have_value("20")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft saved. It waits on Today until you go on.")).to_be_visible()
    page.goto(live_server.url + "/")
    page.get_by_role("link", name="Continue").click()
    expect(unallocated(page)).to_have_text("-$5.00")
    page.get_by_role("button", name="Save payment").click()
    page.get_by_label("Reason for over-allocating").fill("Typed as the EOB says")
    page.get_by_role("button", name="Save as over-allocated").click()
    payment = Payment.objects.get()
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(payment.number))
    assert (payment.unallocated, payment.offsets.get().amount) == (-5, 5)
    assert PaymentDraft.objects.count() == 0
