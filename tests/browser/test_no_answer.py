"""The server does not answer: the page says so, what was typed stays, and trying again posts once."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from playwright.sync_api import Page, Request, Route, expect

from billing import ledger
from billing.models import Payment
from patients.models import Patient
from tests.factories import PaymentFactory
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = "Failed to load resource|htmx:afterRequest|htmx:sendError|Status Error Code 503"
TOLD = "Remit cannot be reached. What you typed is still here."


def cut_off(route: Route) -> None:
    route.abort("connectionrefused")


def busy(route: Route) -> None:
    route.fulfill(status=503, content_type="text/plain; charset=utf-8", body="It is busy just now.")


def is_fill(request: Request) -> bool:
    return "fill=oldest" in (request.post_data or "")


def begin_payment(page: Page, server: str, john: Patient) -> None:
    page.goto(f"{server}/patients/{john.chart_number}/payments/new/")
    page.get_by_label("Amount").fill("20")
    page.get_by_label("Reference").fill("Kept")
    expect(page.locator(".un").first).to_contain_text("20.00")


def test_a_page_is_not_left_while_nobody_answers(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    no_surprises.expect(FAILED)
    page = desk
    begin_payment(page, live_server.url, john)
    page.route("**/*", cut_off)
    page.get_by_role("button", name="Save payment").click()
    expect(page.get_by_role("alert").filter(has_text=TOLD)).to_be_visible()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_focused()
    again.click()  # still nobody there
    expect(page.get_by_role("alert").filter(has_text=TOLD)).to_have_count(1)
    expect(page.get_by_label("Reference")).to_have_value("Kept")
    assert Payment.objects.count() == 0
    page.unroute("**/*", cut_off)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()
    assert Payment.objects.get().reference == "Kept"


def test_a_fill_that_was_on_its_way_is_asked_again_before_the_form_is_saved(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    """Saved without it, the money would be on no line."""
    no_surprises.expect(FAILED)
    page = desk
    begin_payment(page, live_server.url, john)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if is_fill(route.request):
            held.append(route)
        else:
            route.continue_()

    page.route("**/payments/new/", hold)
    with page.expect_request(is_fill):
        page.get_by_role("button", name="Allocate oldest first").click()
    page.get_by_role("button", name="Save payment").click()
    for route in held:
        route.abort("connectionrefused")
    page.unroute("**/payments/new/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()
    assert Payment.objects.get().unallocated == 0


def test_a_dialog_says_it_beside_the_form(
    live_server: Any, desk: Page, john: Patient, dr1: Any, ana: Any, no_surprises: Surprises
) -> None:
    no_surprises.expect(FAILED)
    receipt = PaymentFactory(patient=john, provider=dr1, amount="20", by=ana)
    page = desk
    page.goto(f"{live_server.url}/payments/{receipt.number}/")
    page.get_by_role("link", name="Reverse", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").select_option("Wrong amount")
    for answer, told in ((cut_off, TOLD), (busy, "It is busy just now.")):
        page.route("**/reverse/", answer)
        dialog.get_by_role("button", name="Reverse $20.00").click()
        expect(dialog.get_by_role("alert")).to_contain_text(told)
        expect(dialog.get_by_label("Reason")).to_have_value("Wrong amount")
        page.unroute("**/reverse/", answer)
    dialog.get_by_role("button", name="Try again").click()
    expect(page.get_by_text(f"{receipt.number} reversed")).to_be_visible()
    receipt.refresh_from_db()
    assert receipt.reversed


def test_a_dialog_that_does_not_come_leaves_the_page_as_it_is(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises
) -> None:
    no_surprises.expect(FAILED)
    page = desk
    begin_payment(page, live_server.url, john)
    page.route("**/help/**", cut_off)
    page.keyboard.press("Control+/")
    expect(page.get_by_role("alert").filter(has_text=TOLD)).to_be_visible()
    expect(page.get_by_label("Reference")).to_have_value("Kept")


@pytest.mark.parametrize("posted", [False, True], ids=["not posted", "posted"])
def test_the_page_of_a_database_that_is_away_sends_the_form_again(
    live_server: Any, desk: Page, john: Patient, no_surprises: Surprises, posted: bool
) -> None:
    """Also where it went away after it had saved: the same form is posted once."""
    no_surprises.expect("503")
    page = desk
    begin_payment(page, live_server.url, john)
    record = ledger.record_payment

    def lost(**what: Any) -> Any:
        if posted:
            record(**what)
        raise OperationalError("server closed the connection unexpectedly")

    with mock.patch.object(ledger, "record_payment", side_effect=lost):
        page.get_by_role("button", name="Save payment").click()
        expect(page.get_by_role("heading", name="Please try again")).to_be_visible()
        expect(page.get_by_text("What you typed is kept on this page.")).to_be_visible()
    assert Payment.objects.count() == posted
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Saved as R-0001.")).to_be_visible()
    assert Payment.objects.get().reference == "Kept"
