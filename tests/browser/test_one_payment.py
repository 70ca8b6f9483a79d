"""One payment, or a question: however often and in whatever way somebody saves.

Take payment of 20.00 on Mr Smith's credit, so that no line that changed gives the second one away.
(The same for an insurance payment is in test_money_grid.py.)
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Payment
from patients.models import Patient

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "/patients/P1042/payments/new/?provider="
ASKED = "You entered the same payment at"


def fill(page: Page, site: str, john: Patient, amount: str = "20") -> None:
    provider = john.lines.get().provider_id
    page.goto(f"{site}{NEW}{provider}")
    page.get_by_label("Amount", exact=True).fill(amount)


def save(page: Page) -> Any:
    return page.get_by_role("button", name="Save payment")


def saved(page: Page) -> None:
    page.wait_for_url("**/patients/P1042/account/**")


def payments() -> list[str]:
    return [str(each.amount) for each in Payment.objects.order_by("pk")]


def test_a_double_click(live_server: Any, desk: Page, john: Patient) -> None:
    fill(desk, live_server.url, john)
    save(desk).dblclick()
    saved(desk)
    assert payments() == ["20.00"]


def test_enter_five_times(live_server: Any, desk: Page, john: Patient) -> None:
    fill(desk, live_server.url, john)
    save(desk).focus()
    for _ in range(5):
        desk.keyboard.press("Enter", delay=0)
    saved(desk)
    assert payments() == ["20.00"]


def test_ten_at_once(live_server: Any, desk: Page, john: Patient) -> None:
    """As a browser without our script would send them."""
    fill(desk, live_server.url, john)
    statuses = desk.evaluate(
        """async () => {
            const form = document.querySelector("#payment");
            const body = new URLSearchParams([...new FormData(form), ["action", "save"]]);
            const send = () => fetch(location.href, {method: "POST", body, redirect: "manual"});
            return (await Promise.all(Array.from({length: 10}, send))).map(answer => answer.type);
        }"""
    )
    assert statuses == ["opaqueredirect"] * 10  # each was told of the one payment
    assert payments() == ["20.00"]


def test_reload_afterwards(live_server: Any, desk: Page, john: Patient) -> None:
    fill(desk, live_server.url, john)
    save(desk).click()
    saved(desk)
    desk.reload()
    desk.reload()
    assert payments() == ["20.00"]


def test_back_and_save_again_asks(live_server: Any, desk: Page, john: Patient) -> None:
    fill(desk, live_server.url, john)
    save(desk).click()
    saved(desk)
    desk.go_back()
    desk.get_by_label("Amount", exact=True).fill("20")  # where the browser has not done so itself
    save(desk).click()
    expect(desk.get_by_text(ASKED).first).to_be_visible()
    assert payments() == ["20.00"]
    desk.get_by_label("This is another payment").check()
    save(desk).click()
    saved(desk)
    assert payments() == ["20.00", "20.00"]


def test_two_tabs(live_server: Any, desk: Page, john: Patient) -> None:
    other = desk.context.new_page()
    fill(desk, live_server.url, john)
    fill(other, live_server.url, john)
    save(desk).click()
    saved(desk)
    save(other).click()
    expect(other.get_by_text(ASKED).first).to_be_visible()
    assert payments() == ["20.00"]


def test_a_different_amount_is_a_different_payment(
    live_server: Any, desk: Page, john: Patient
) -> None:
    """The control: nobody is asked about what is not the same."""
    for amount in ("20", "21"):
        fill(desk, live_server.url, john, amount)
        save(desk).click()
        saved(desk)
    assert payments() == ["20.00", "21.00"]
