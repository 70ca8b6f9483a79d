"""A fast typist over a slow line: keys wait for the answer to the last one, and land where they belong."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from billing.forms import charges
from billing.models import Payment
from patients.models import Patient, Payer, Provider, Session
from tests.factories import CoverageFactory, FeeFactory, ServiceFactory
from tests.factories.bills import money
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/insurance-payments/new/"
LOST = "What you typed ahead was not taken. Type it again."


def slow(page: Page, *, by: int = 400) -> Page:
    """Every answer takes its time from now on, as over a bad line."""
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": by, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    return page


def begun(page: Page, site: str, *, amount: str = "") -> Locator:
    """New insurance payment of BlueRiver; the box that adds a patient's sessions."""
    page.goto(site + NEW)
    page.get_by_label("Payer", exact=True).fill("60054")
    page.get_by_label("Amount", exact=True).fill(amount)
    return page.get_by_label("Add a patient's sessions")


def chosen_slowly(page: Page, site: str, *, by: int) -> Locator:
    """New insurance payment, where the list that Enter waits for takes its time; the Payer box."""
    page.goto(site + NEW)
    payer = page.get_by_label("Payer", exact=True)
    keys = slow(page, by=by).keyboard
    payer.focus()
    keys.type("blue")
    keys.press("Enter")
    return payer


def test_a_whole_payment_is_typed_without_looking_up(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    desk.goto(live_server.url + NEW)
    keys = slow(desk).keyboard
    keys.type("blue")
    keys.press("Enter")  # Payer; on to Method
    keys.press("e")  # EFT
    keys.press("Enter")
    keys.type("FAST1")
    keys.press("Enter")
    keys.press("Enter")  # Date received stays
    keys.type("200")
    keys.press("Enter")
    keys.type("oka")
    keys.press("Enter")  # her sessions
    keys.type("120")
    keys.press("Backspace")
    keys.press("Backspace")
    keys.type("00")
    keys.press("Enter")
    keys.type("60")
    keys.press("Tab")
    keys.press("Shift+Tab")
    keys.press("Enter")
    keys.press("p")  # what is left
    keys.press("Control+Enter")
    expect(desk.get_by_text("Saved. $200.00 from BlueRiver Health, all allocated.")).to_be_visible()
    payment = Payment.objects.get()
    assert (payment.method, payment.reference, payment.payer.name) == (
        "eft",
        "FAST1",
        "BlueRiver Health",
    )
    paid = payment.allocations.order_by("line__service_date").values_list("amount", flat=True)
    assert [str(amount) for amount in paid] == ["100.00", "60.00", "40.00"]


def test_tab_reaches_the_next_column_of_rows_that_are_still_coming(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    begun(desk, live_server.url, amount="200").focus()
    keys = slow(desk).keyboard
    keys.type("oka")
    keys.press("Enter")
    keys.press("Shift+Tab")  # from Insurance paid back to Write-off
    keys.type("10")
    keys.press("Tab")
    keys.type("90")
    expect(desk.get_by_role("textbox", name=re.compile("^Write-off ")).first).to_have_value("10")
    expect(desk.get_by_role("textbox", name=re.compile("^Insurance paid ")).first).to_have_value(
        "90"
    )
    expect(desk.get_by_label("Unallocated", exact=True)).to_have_text("$110.00")
    expect(desk.get_by_label("Add a patient's sessions")).to_have_value("")


def test_keys_go_into_the_details_that_were_opened_by_one(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    picker = begun(desk, live_server.url)
    picker.fill("P1001")
    picker.press("Enter")
    paid = desk.get_by_role("textbox", name=re.compile("^Insurance paid ")).first
    expect(paid).to_be_focused()
    keys = slow(desk).keyboard
    keys.press("r")
    keys.type("25")
    expect(desk.get_by_label("Deductible")).to_have_value("25")
    expect(paid).to_have_value("")


def test_nobody_is_called_that_so_no_amount_lands_in_the_box_of_the_name(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    picker = begun(desk, live_server.url, amount="200")
    picker.focus()
    keys = slow(desk).keyboard
    keys.type("zzz")
    keys.press("Enter")
    keys.type("100")
    expect(desk.locator("#shout")).to_have_text(LOST)
    expect(picker).to_have_value("zzz")
    expect(picker).to_be_focused()
    keys.type("y")  # and the keyboard is as it was
    expect(picker).to_have_value("zzzy")


def test_escape_gives_the_keyboard_back(live_server: Any, desk: Page, maya: Patient) -> None:
    payer = chosen_slowly(desk, live_server.url, by=3000)
    keys = desk.keyboard
    keys.type("x")
    expect(payer).to_have_value("blue")
    keys.press("Escape")
    keys.type("r")
    expect(payer).to_have_value("bluer")


def test_a_command_goes_elsewhere_at_once(live_server: Any, desk: Page, maya: Patient) -> None:
    chosen_slowly(desk, live_server.url, by=2000)
    keys = desk.keyboard
    keys.press("Control+k")
    keys.type("oka")
    expect(desk.locator("[data-find]")).to_have_value("oka")


def test_signed_out_while_keys_wait(live_server: Any, desk: Page, maya: Patient) -> None:
    """The page is covered, and its keyboard is the dialog's."""
    picker = begun(desk, live_server.url)
    picker.fill("P1001")
    expect(desk.locator("#patient-options").get_by_role("option").first).to_contain_text("Okafor")
    desk.context.clear_cookies(name="sessionid")
    picker.press("Enter")
    expect(desk.get_by_role("dialog", name="You are signed out")).to_be_visible()
    with desk.context.expect_page() as opened:
        desk.keyboard.press("Enter")
    opened.value.close()


def test_what_is_meant_for_find_is_no_command_on_amounts(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    """P, O, W and D fill amounts: none of them may come of a name typed into Find."""
    picker = begun(desk, live_server.url, amount="200")
    picker.fill("P1001")
    expect(desk.locator("#patient-options").get_by_role("option").first).to_contain_text("Okafor")
    keys = slow(desk, by=1000).keyboard
    keys.press("Enter")
    keys.press("Control+k")
    keys.type("wood")
    expect(desk.locator("tr[data-row]")).to_have_count(3)
    desk.wait_for_timeout(500)
    expect(desk.locator("[data-find]")).to_be_focused()
    expect(desk.locator("[data-find]")).to_have_value("wood")
    for box in desk.locator("input[data-money]").all():
        expect(box).to_have_value(re.compile(r"^(200(\.00)?)?$"))


def test_a_date_takes_no_keys_from_a_script_and_that_is_said(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    desk.goto(live_server.url + NEW)
    keys = slow(desk).keyboard
    date = desk.get_by_label("Date received")
    today = date.input_value()
    keys.type("blue")
    for _ in range(3):  # Payer, Method, Check number
        keys.press("Enter")
    keys.type("11202026")
    expect(desk.locator(".notice.told")).to_have_text(LOST)
    expect(desk.locator("#shout")).to_have_text(LOST)
    expect(date).to_be_focused()
    expect(date).to_have_value(today)


def test_arrows_move_within_what_was_typed(live_server: Any, desk: Page, maya: Patient) -> None:
    desk.goto(live_server.url + NEW)
    keys = slow(desk).keyboard
    keys.type("blue")
    keys.press("Enter")
    keys.press("ArrowDown")  # EFT
    keys.press("Enter")
    keys.type("AC")
    keys.press("ArrowLeft")
    keys.type("B")
    expect(desk.get_by_label("EFT number")).to_have_value("ABC")
    expect(desk.get_by_label("Method")).to_have_value("eft")
    # Chosen by hand, if ahead: another payer does not change it.
    payer = desk.get_by_label("Payer", exact=True)
    payer.fill("60054")
    keys.press("Enter")
    expect(desk.get_by_label("Method")).to_be_focused()
    expect(desk.get_by_label("Method")).to_have_value("eft")


def test_escape_means_that_nothing_is_chosen(live_server: Any, desk: Page, maya: Patient) -> None:
    desk.goto(live_server.url + NEW)
    keys = slow(desk, by=1000).keyboard
    desk.locator("[data-find]").focus()
    keys.type("oka")
    keys.press("Enter")
    keys.press("Escape")
    expect(desk.locator("#find-options, [data-picker=go] [role=option]").first).to_contain_text(
        "Okafor"
    )
    desk.wait_for_timeout(300)
    expect(desk).to_have_url(live_server.url + NEW)


def test_after_signing_in_again_the_picker_is_as_before(
    live_server: Any, desk: Page, maya: Patient, at_desk: Callable[[Page], Page]
) -> None:
    desk.goto(live_server.url + NEW)
    desk.context.clear_cookies(name="sessionid")
    keys = desk.keyboard
    keys.type("blue")
    covered = desk.get_by_role("dialog", name="You are signed out")
    expect(covered).to_be_visible()
    at_desk(desk)
    desk.evaluate("dispatchEvent(new Event('focus'))")
    expect(covered).to_be_hidden()
    payer = desk.get_by_label("Payer", exact=True)
    payer.focus()
    keys.press("Enter")
    expect(payer).to_have_value("BlueRiver Health (60054)")
    expect(desk.get_by_label("Method")).to_be_focused()


def test_the_last_row_there_is_room_for(
    live_server: Any,
    desk: Page,
    john: Patient,
    dr1: Provider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(charges, "MOST_ROWS", 3)
    FeeFactory(service=ServiceFactory(code="90834"), amount=money(85))
    desk.goto(f"{live_server.url}/patients/P1042/sessions/new/")
    keys = desk.keyboard
    for _ in range(3):
        keys.type("90834")
        keys.press("Enter")
    expect(desk.get_by_role("button", name="Save session")).to_be_focused()


def test_where_the_server_is_away_the_keyboard_is_not(
    live_server: Any, desk: Page, maya: Patient, no_surprises: Surprises
) -> None:
    no_surprises.expect("ERR_FAILED|htmx:sendError|htmx:afterRequest")
    desk.goto(live_server.url + NEW)

    def refuse(route: Route) -> None:
        desk.wait_for_timeout(500)
        route.abort()

    desk.route("**/find/payers/", refuse)
    keys = desk.keyboard
    payer = desk.get_by_label("Payer", exact=True)
    payer.focus()
    keys.type("blue")
    keys.press("Enter")
    keys.type("2")
    expect(desk.locator("#shout")).to_have_text(LOST)
    keys.press("Tab")
    expect(desk.get_by_label("Method")).to_be_focused()


def test_code_enter_code_enter_is_two_services_however_fast(
    live_server: Any, desk: Page, john: Patient, dr1: Provider, blueriver: Payer
) -> None:
    for code, fee in (("90834", 85), ("96127", 12)):
        FeeFactory(service=ServiceFactory(code=code), amount=money(fee))
    CoverageFactory(patient=john, payer=blueriver, start=datetime.date(2020, 1, 1))
    desk.goto(f"{live_server.url}/patients/P1042/sessions/new/")
    expect(desk.get_by_label("Code 1", exact=True)).to_be_focused()
    keys = slow(desk).keyboard
    keys.type("90834")
    keys.press("Enter")
    keys.type("96127")
    keys.press("Enter")
    keys.press("Enter")  # nothing more
    expect(desk.get_by_label("Code 1", exact=True)).to_have_value("90834")
    expect(desk.get_by_label("Code 2", exact=True)).to_have_value("96127")
    expect(desk.get_by_role("button", name="Save session")).to_be_focused()
    keys.press("Control+Enter")
    expect(desk.get_by_text("2 services, $97.00. It waits on a draft")).to_be_visible()
    lines = Session.objects.get().lines.order_by("pk")
    assert [line.service.code for line in lines] == ["90834", "96127"]


def test_enter_on_a_payer_who_is_chosen_goes_on(
    live_server: Any, desk: Page, maya: Patient
) -> None:
    desk.goto(live_server.url + NEW)
    payer = desk.get_by_label("Payer", exact=True)
    payer.press_sequentially("blue")
    payer.press("Enter")
    expect(desk.get_by_label("Method")).to_be_focused()
    payer.focus()
    payer.press("Enter")
    expect(desk.get_by_label("Method")).to_be_focused()
