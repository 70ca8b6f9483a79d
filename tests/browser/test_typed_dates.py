"""A date typed digit by digit, where a change asks anew: it asks once the date is whole."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from patients.models import Patient
from tests.factories import PaymentFactory
from tests.factories.bills import day

pytestmark = pytest.mark.django_db(transaction=True)


def digits(date: datetime.date) -> str:
    return f"{date:%m%d%Y}"


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("/payments/", "From"),
        ("/invoices/", "From"),
        ("/insurance-payments/", "From"),
        ("/sessions/", "Day"),
        ("/reports/payments-received/", "From"),
        ("/reports/aged-balances/", "As of"),
        ("/periods/", "Close through"),
    ],
)
def test_it_is_typed_whole(
    live_server: Any, desk: Page, john: Patient, ana: Any, address: str, label: str
) -> None:
    line = john.lines.get()
    PaymentFactory(patient=john, provider=line.provider, amount="5", by=ana)
    desk.goto(live_server.url + address)
    box = desk.get_by_label(label, exact=True).first
    wanted = day(20)
    box.focus()
    desk.keyboard.type(digits(wanted), delay=70)
    expect(box).to_be_focused()
    expect(box).to_have_value(wanted.isoformat())
    desk.keyboard.press("Tab")
    desk.keyboard.press("Tab")
    expect(box).to_have_value(wanted.isoformat())
    assert "Error" not in desk.title()


def test_statements_are_made_of_the_period_that_is_shown(
    live_server: Any, desk: Page, john: Patient
) -> None:
    desk.goto(f"{live_server.url}/statements/new/")
    make = desk.get_by_role("button", name="Make 1 statement")
    expect(make).to_be_enabled()
    first = day(10)
    desk.get_by_label("From").focus()
    desk.keyboard.type(digits(first), delay=40)
    expect(make).to_be_disabled()
    desk.keyboard.press("Control+Enter")
    expect(
        desk.get_by_text(f"{first:%d %b %Y} to {timezone.localdate():%d %b %Y}.")
    ).to_be_visible()
    expect(make).to_be_enabled()
    make.click()
    expect(desk.get_by_text(re.compile("issued as ST-0001"))).to_be_visible()
    desk.goto(f"{live_server.url}/statements/new/")
    expect(desk.get_by_role("row").filter(has_text="ST-0001")).to_contain_text(
        f"{first:%d %b %Y} to"
    )
