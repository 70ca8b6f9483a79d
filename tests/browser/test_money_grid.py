"""The grid under the hands of somebody fast: keys, focus, live figures, and a server that is away."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from billing.models import InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories.bills import many_sessions
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/insurance-payments/new/"
SESSIONS = 200


@pytest.fixture
def busy(blueriver: Payer, dr1: Provider, ana: Any) -> list[InvoiceLine]:
    """Two hundred unpaid sessions with BlueRiver Health: twenty patients, ten each."""
    return many_sessions(patients=20, each=SESSIONS // 20, payer=blueriver, provider=dr1, by=ana)


def listed(page: Page, site: str, *, amount: str, patient: str, rows: int) -> Page:
    """New insurance payment of BlueRiver with a patient's sessions (or everyone's) listed."""
    page.goto(site + NEW)
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Amount", exact=True).fill(amount)
    picker = page.get_by_label("Add a patient's sessions")
    picker.fill(patient)
    found = page.locator("#patient-options").get_by_role("option")
    if patient:
        expect(found.first).to_contain_text(patient)
        found.first.click()
    else:
        found.filter(has_text="Everyone with unpaid sessions").click()
    expect(page.locator("tr[data-row]")).to_have_count(rows)
    expect(box(page, 0)).to_be_focused()
    return page


def box(page: Page, row: int, column: str = "Insurance paid") -> Locator:
    return page.get_by_role("textbox", name=re.compile(f"^{column} ")).nth(row)


def unallocated(page: Page) -> Locator:
    return page.get_by_label("Unallocated", exact=True)


def settled(page: Page) -> None:
    """Every answer has come: nothing is on its way and no figure is marked pending."""
    expect(page.locator(".htmx-request")).to_have_count(0)
    expect(page.locator(".un.pending")).to_have_count(0)


def slow_down(page: Page) -> None:
    """From now on every answer takes its time, as over a bad line."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1},
    )


# ---------------------------------------------------------------------------- moving about

# What a person sees of the focused box: where it is, and what lies on top of its middle.
WHERE = """() => {
  const box = document.activeElement, at = box.getBoundingClientRect();
  const heads = [...document.querySelectorAll('#grid thead th')];
  const foot = document.querySelector('.foot').getBoundingClientRect();
  const points = [0.1, 0.5, 0.9].map(part => [
    at.left + at.width / 2, at.top + at.height * part]);
  return {
    name: box.getAttribute('aria-label'),
    top: at.top, bottom: at.bottom,
    head: Math.max(...heads.map(head => head.getBoundingClientRect().bottom)),
    foot: foot.top,
    seen: points.every(([x, y]) => document.elementFromPoint(x, y) === box),
  };
}"""


def test_forty_moves_down_and_back_never_hide_the_box(
    live_server: Any, desk: Page, busy: list[InvoiceLine]
) -> None:
    page = listed(desk, live_server.url, amount="", patient="", rows=SESSIONS)
    names = [f"Insurance paid {line.patient.name} {line.service_date:%d %b %Y}" for line in busy]
    for move in range(1, 41):
        page.keyboard.press("Enter" if move % 2 else "ArrowDown")
        at = page.evaluate(WHERE)
        assert at["name"] == names[move]
        assert at["seen"], f"move {move}: the box is covered ({at})"
        assert at["bottom"] <= at["foot"], f"move {move}: behind the footer ({at})"
    for move in range(39, -1, -1):
        page.keyboard.press("Shift+Enter" if move % 2 else "ArrowUp")
        at = page.evaluate(WHERE)
        assert at["name"] == names[move]
        assert at["seen"], f"back to {move}: the box is covered ({at})"
        assert at["top"] >= 0


def test_tab_goes_across_and_enter_on_the_last_line_to_save(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    box(page, 0, "Write-off").focus()
    for column, row in [("Insurance paid", 0), ("Write-off", 1), ("Insurance paid", 1)]:
        page.keyboard.press("Tab")
        expect(box(page, row, column)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(box(page, 1, "Write-off")).to_be_focused()
    page.keyboard.press("Enter")
    expect(box(page, 2, "Write-off")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Save payment")).to_be_focused()
    box(page, 0).focus()
    page.keyboard.press("ArrowUp")
    expect(box(page, 0)).to_be_focused()


def test_enter_in_the_strip_goes_on_and_saves_nothing(
    live_server: Any, desk: Page, blueriver: Payer
) -> None:
    page = desk
    page.goto(live_server.url + NEW)
    page.get_by_label("Method").focus()
    for label in ["Check number", "Date received", "Amount", "Add a patient's sessions"]:
        page.keyboard.press("Enter")
        expect(page.get_by_label(label, exact=True)).to_be_focused()
    assert page.url == live_server.url + NEW
    page.get_by_label("Method").select_option("eft")
    expect(page.get_by_label("EFT number")).to_be_visible()
    date = page.get_by_label("Date received")
    today = date.input_value()
    date.press("-")
    assert date.input_value() < today
    date.press("t")
    assert date.input_value() == today


# ---------------------------------------------------------------------------- letters in a box


def test_the_letters_fill_and_undo(live_server: Any, desk: Page, maya: Patient) -> None:
    page = listed(desk, live_server.url, amount="150", patient="P1001", rows=3)
    page.keyboard.press("p")
    expect(box(page, 0)).to_have_value("100.00")
    expect(unallocated(page)).to_have_text("$50.00")
    page.keyboard.press("u")
    expect(box(page, 0)).to_have_value("")
    expect(unallocated(page)).to_have_text("$150.00")

    page.keyboard.press("o")
    expect(box(page, 0)).to_have_value("100.00")
    expect(box(page, 1)).to_have_value("50.00")
    expect(unallocated(page)).to_have_text("$0.00")
    expect(page.locator("#say")).to_contain_text("2 lines filled, oldest first. Unallocated $0.00.")
    page.keyboard.press("u")
    expect(box(page, 1)).to_have_value("")
    expect(unallocated(page)).to_have_text("$150.00")

    page.keyboard.type("60")
    page.keyboard.press("w")
    expect(box(page, 0, "Write-off")).to_have_value("40.00")
    expect(page.locator("tr[data-row]").first.locator("td").last).to_contain_text("0.00")
    page.keyboard.press("Enter")
    page.keyboard.press("d")
    expect(box(page, 1)).to_have_value(re.compile(r"^60(\.00)?$"))
    expect(unallocated(page)).to_have_text("$30.00")
    page.keyboard.press("Enter")
    page.keyboard.press("p")
    expect(box(page, 2)).to_have_value("30.00")
    expect(page.locator("#say")).to_contain_text(
        "Only $30.00 was left, so $70.00 is still owing on this line."
    )
    assert page.evaluate("document.activeElement.value") == "30.00"

    # No letter ever lands in a box, and Esc puts back what was there.
    page.keyboard.type("xyz")
    expect(box(page, 2)).to_have_value("30.00")
    page.keyboard.type("7")
    page.keyboard.press("Escape")
    expect(box(page, 2)).to_have_value("30.00")
    expect(unallocated(page)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved. $150.00 from BlueRiver Health, all allocated.")).to_be_visible()
    assert str(Payment.objects.get().allocated) == "150.00"


def test_letters_do_nothing_for_who_turned_them_off(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    desk.goto(f"{live_server.url}/help/keys/")
    desk.get_by_label("Letter keys in amount boxes").uncheck()
    desk.get_by_role("button", name="Save setting").click()
    expect(desk.get_by_text("Letter keys in amount boxes are off.")).to_be_visible()

    page = listed(desk, live_server.url, amount="150", patient="P1001", rows=3)
    page.keyboard.type("powdDru")
    page.keyboard.type("4")  # the box still takes figures, and the server has answered since
    expect(unallocated(page)).to_have_text("$146.00")
    expect(box(page, 0)).to_have_value("4")
    expect(box(page, 1)).to_have_value("")
    expect(page.locator("[data-of]")).to_have_count(0)
    expect(page.locator(".foot kbd").filter(has_text=re.compile("^P$"))).to_have_count(0)
    page.get_by_role("button", name="Pay remaining on").nth(1).click()
    expect(box(page, 1)).to_have_value("100.00")

    desk.goto(f"{live_server.url}/help/keys/")
    desk.get_by_label("Letter keys in amount boxes").check()
    desk.get_by_role("button", name="Save setting").click()
    expect(desk.get_by_text("Letter keys in amount boxes are on.")).to_be_visible()
    page = listed(desk, live_server.url, amount="150", patient="P1001", rows=3)
    page.keyboard.press("p")
    expect(box(page, 0)).to_have_value("100.00")


def test_sums_and_pasted_figures_are_tidied(live_server: Any, desk: Page, maya: Patient) -> None:
    page = listed(desk, live_server.url, amount="$1,200.50", patient="P1001", rows=3)
    expect(unallocated(page)).to_have_text("$1,200.50")
    page.keyboard.type("80+15.50")
    expect(unallocated(page)).to_have_text("$1,105.00")
    page.keyboard.press("Enter")
    expect(box(page, 0)).to_have_value("95.50")
    page.keyboard.type("1.005")
    expect(page.locator("tr[data-row]").nth(1)).to_contain_text(
        "Amounts have two decimals at most."
    )
    expect(unallocated(page)).to_have_text("-")
    expect(page.locator("#un")).to_contain_text("check the amounts")
    box(page, 1).fill("100-20")
    expect(unallocated(page)).to_have_text("$1,025.00")


def test_pay_remaining_down_the_column_without_waiting(
    live_server: Any, desk: Page, busy: list[InvoiceLine]
) -> None:
    """P, Enter, P, Enter …: not one of them is dropped, however slow the answers are."""
    page = listed(desk, live_server.url, amount="1000", patient="P2000", rows=10)
    slow_down(page)
    for _row in range(10):
        page.keyboard.press("p")
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Save payment")).to_be_focused()
    expect(unallocated(page)).to_have_text("$0.00", timeout=20_000)
    for row in range(10):
        expect(box(page, row)).to_have_value("100.00")


def test_typing_again_in_a_box_that_is_being_tidied(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    """The tidied text of a box left a moment ago never overwrites what is typed in it now."""
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    settled(page)
    slow_down(page)
    page.keyboard.type("80+15")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("50")
    expect(unallocated(page)).to_have_text("$150.00")
    settled(page)
    assert Decimal(box(page, 0).input_value()) == 50


# ---------------------------------------------------------------------------- typing fast


def test_thirty_rows_typed_without_waiting(
    live_server: Any, desk: Page, busy: list[InvoiceLine]
) -> None:
    page = listed(desk, live_server.url, amount="2500", patient="", rows=SESSIONS)
    typed = [f"{40 + row}.{row:02}" for row in range(30)]
    for amount in typed:
        page.keyboard.type(amount)
        page.keyboard.press("Enter")
    left = Decimal("2500.00") - sum(map(Decimal, typed))
    expect(unallocated(page)).to_have_text(f"${left:,.2f}")
    settled(page)
    expect(unallocated(page)).to_have_text(f"${left:,.2f}")
    expect(page.locator("#fstate")).to_contain_text(f"Allocated ${2500 - left:,.2f} of $2,500.00")
    for row, amount in enumerate(typed):
        after = page.locator("tr[data-row]").nth(row).locator("td").last
        expect(after).to_have_text(f"{100 - Decimal(amount):.2f} then patient")
    page.keyboard.press("Control+Enter")
    expect(
        page.get_by_text(f"Saved. ${left:,.2f} of $2,500.00 is still to allocate.")
    ).to_be_visible()
    payment = Payment.objects.get()
    assert payment.unallocated == left
    assert payment.allocations.count() == 30


# ---------------------------------------------------------------------------- saved once


def test_a_double_click_saves_once(live_server: Any, desk: Page, maya: Patient) -> None:
    page = listed(desk, live_server.url, amount="100", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.get_by_role("button", name="Save payment").dblclick()
    expect(page.get_by_text("Saved. $100.00 from BlueRiver Health, all allocated.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert Payment.objects.count() == 1
    page.reload()
    page.go_back()
    page.go_forward()
    assert Payment.objects.count() == 1


def test_five_quick_saves_post_one(live_server: Any, desk: Page, maya: Patient) -> None:
    page = listed(desk, live_server.url, amount="100", patient="P1001", rows=3)
    page.keyboard.type("100")
    page.get_by_role("button", name="Save payment").focus()
    for _press in range(5):
        page.keyboard.press("Enter", delay=0)
    expect(page.get_by_text("Saved. $100.00 from BlueRiver Health, all allocated.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert Payment.objects.count() == 1


def test_the_same_form_sent_five_times_at_once_posts_one(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    """Past every guard of the browser: five copies of the form race each other to the server."""
    page = listed(desk, live_server.url, amount="100", patient="P1001", rows=3)
    page.keyboard.type("100")
    settled(page)
    answers = page.evaluate(
        """async () => {
          const form = document.querySelector('#payment');
          const body = () => {
            const data = new FormData(form);
            data.set('action', 'save');
            return new URLSearchParams(data);
          };
          const copies = [1, 2, 3, 4, 5].map(() =>
            fetch(location.href, {method: 'POST', body: body()}));
          return (await Promise.all(copies)).map(answer => [answer.status, answer.url]);
        }"""
    )
    payment = Payment.objects.get()
    assert answers == [[200, f"{live_server.url}/insurance-payments/{payment.number}/"]] * 5


def test_save_and_add_next_keeps_payer_method_and_date(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    page = desk
    page.goto(live_server.url + NEW)
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Method").select_option("eft")
    page.get_by_label("Date received").press("-")
    yesterday = page.get_by_label("Date received").input_value()
    page.get_by_label("Amount", exact=True).fill("100")
    page.get_by_role("button", name="Save and add next").click()
    expect(page.get_by_text("Saved. $100.00 of $100.00 is still to allocate.")).to_be_visible()
    expect(page.get_by_label("Payer", exact=True)).to_have_value("BlueRiver Health (60054)")
    expect(page.get_by_label("Method")).to_have_value("eft")
    expect(page.get_by_label("Date received")).to_have_value(yesterday)
    expect(page.get_by_label("Amount", exact=True)).to_have_value("")
    expect(page.get_by_label("EFT number")).to_be_focused()
    expect(page.get_by_role("link", name="IP-0001")).to_be_visible()
    # Another payer's: what is typed stands instead of the name that was kept.
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("blue")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Payer", exact=True)).to_have_value("BlueRiver Health (60054)")
    page.get_by_label("Amount", exact=True).fill("70")
    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_text("Saved. $70.00 of $70.00 is still to allocate.")).to_be_visible()
    assert Payment.objects.count() == 2


# ---------------------------------------------------------------------------- the server is away


def test_figures_are_called_out_of_date_and_recover(
    live_server: Any, desk: Page, maya: Patient, no_surprises: Surprises
) -> None:
    page = listed(desk, live_server.url, amount="200", patient="P1001", rows=3)
    settled(page)
    no_surprises.expect("ERR_FAILED|htmx:sendError|htmx:afterRequest")
    away = f"**{NEW}"

    def cut(route: Route) -> None:
        route.abort()

    page.route(away, cut)
    page.keyboard.type("100")
    block, message = page.locator("#un"), page.locator("#explain")
    expect(block.get_by_text("out of date")).to_be_visible()
    expect(block.get_by_text("still to allocate")).to_be_hidden()
    expect(message).to_contain_text(
        "No answer from the server, so these totals are out of date."
        " Your typing is kept on this page."
    )
    expect(page.locator("#shout")).to_contain_text("The totals are out of date.")
    page.keyboard.press("Enter")
    page.keyboard.type("50")
    expect(block.get_by_text("out of date")).to_be_visible()
    page.unroute(away, cut)
    page.keyboard.type(".00")
    expect(unallocated(page)).to_have_text("$50.00")
    expect(block.get_by_text("out of date")).to_be_hidden()
    expect(block.get_by_text("still to allocate")).to_be_visible()
    expect(page.locator("#say")).to_contain_text(re.compile("up to date again|Unallocated"))
    # The row typed in while the server was away is right too.
    expect(page.locator("tr[data-row]").first.locator("td").last).to_contain_text("0.00")
    expect(box(page, 0)).to_have_value(re.compile("^100"))


def test_signed_out_while_typing(
    live_server: Any, desk: Page, maya: Patient, at_desk: Callable[[Page], Page]
) -> None:
    """Typing stays on the page, which is covered; no sign-in form lands in it. Signed in, it goes on."""
    page = listed(desk, live_server.url, amount="100", patient="P1001", rows=3)
    settled(page)
    page.context.clear_cookies(name="sessionid")
    page.keyboard.type("100")
    covered = page.get_by_role("dialog", name="You are signed out")
    expect(covered).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)
    at_desk(page)
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(covered).to_be_hidden()
    expect(box(page, 0)).to_have_value("100")
    expect(unallocated(page)).to_have_text("$0.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved. $100.00 from BlueRiver Health, all allocated.")).to_be_visible()


def test_signed_out_elsewhere_and_then_saved(
    live_server: Any, desk: Page, john: Patient, at_desk: Callable[[Page], Page]
) -> None:
    page = desk
    page.goto(f"{live_server.url}/patients/P1042/payments/new/")
    page.get_by_label("Amount", exact=True).fill("20")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$20.00")
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Control+Enter")
    covered = page.get_by_role("dialog", name="You are signed out")
    expect(covered).to_be_visible()
    at_desk(page)
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(covered).to_be_hidden()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("20")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()


def test_saving_right_after_a_fill_waits_for_its_amounts(
    live_server: Any, desk: Page, john: Patient
) -> None:
    page = desk
    page.goto(f"{live_server.url}/patients/P1042/payments/new/")
    page.get_by_label("Amount", exact=True).fill("20")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$20.00")

    def slowly(route: Route) -> None:
        if "fill=" in (route.request.post_data or ""):
            page.wait_for_timeout(700)
        route.continue_()

    page.route("**/payments/new/", slowly)
    page.get_by_role("textbox", name="Allocate INV-0001").press("p")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()
    receipt = Payment.objects.get()
    assert (str(receipt.amount), str(receipt.allocated)) == ("20.00", "20.00")


def test_a_key_pressed_before_the_scripts_are_here_does_what_it_does_after(
    live_server: Any, desk: Page, john: Patient
) -> None:
    page = desk
    held: list[Route] = []
    page.route("**/js/money-grid*", lambda route: held.append(route))
    page.goto(f"{live_server.url}/patients/P1042/payments/new/", wait_until="commit")
    line = page.get_by_role("textbox", name="Allocate INV-0001")
    page.get_by_label("Amount", exact=True).fill("20")
    line.press("p")
    expect(line).to_have_value("p")
    assert held
    for route in held:
        route.continue_()
    expect(line).to_have_value("20.00")
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
