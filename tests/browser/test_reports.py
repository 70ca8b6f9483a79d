"""An accountant's reports: chosen, narrowed, sorted and taken away, by keyboard and without scripts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, expect

from billing.models import Export, Payment
from billing.reports import REPORTS
from patients.models import Patient
from tests.browser.test_accessibility import looked_at
from tests.factories import PaymentFactory, ProviderFactory
from tests.factories.bills import day

__all__ = ["looked_at"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def received(john: Patient, dr1: Any, ana: Any) -> list[Payment]:
    """Three receipts of two providers; Ana may export."""
    ana.user_permissions.add(Permission.objects.get(codename="export_reports"))
    other = ProviderFactory(name="Dr 2")
    return [
        PaymentFactory(patient=john, provider=dr1, by=ana, amount="20", ago=2),
        PaymentFactory(patient=john, provider=other, by=ana, amount="75", ago=1, method="card"),
        PaymentFactory(patient=john, provider=dr1, by=ana, amount="30", ago=0),
    ]


def shown(page: Page, *receipts: Payment) -> None:
    """These receipts are listed, in this order, as soon as the page is there."""
    numbers = [str(receipt.number) for receipt in receipts]
    expect(page.locator("table.report tbody a")).to_have_text(numbers)


def test_a_report_is_chosen_narrowed_sorted_and_taken_away_by_keyboard(
    live_server: Any, desk: Page, received: list[Payment]
) -> None:
    page = desk
    page.goto(live_server.url + "/")
    page.get_by_role("link", name="Reports").press("Enter")
    page.get_by_role("link", name="Payments received").press("Enter")
    page.locator("#id_from").fill(day(9).isoformat())
    page.locator("#id_to").press("Tab")
    expect(page.locator("table.report tfoot")).to_contain_text("125.00")

    page.locator("#id_provider").select_option("Dr 1")
    expect(page.locator("table.report tfoot")).to_contain_text("50.00")
    assert "provider=" in page.url
    shown(page, received[2], received[0])

    page.get_by_role("link", name="Received", exact=True).press("Enter")
    expect(page.get_by_role("columnheader", name="Received")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_role("link", name="Received", exact=True).press("Enter")
    expect(page.get_by_role("columnheader", name="Received")).to_have_attribute(
        "aria-sort", "ascending"
    )
    shown(page, received[0], received[2])

    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").press("Enter")
    assert download.value.suggested_filename == f"payments-received-{day(9)}-to-{day(0)}.csv"
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["receipt"] for row in rows] == [received[0].number, received[2].number]
    kept = Export.objects.get()
    assert (kept.report, kept.rows) == ("payments-received", 2)


def test_a_period_in_one_click_keeps_the_other_filters(
    live_server: Any, desk: Page, received: list[Payment]
) -> None:
    page = desk
    page.goto(f"{live_server.url}/reports/payments-received/?method=card&from={day(9)}&to={day(0)}")
    shown(page, received[1])
    page.get_by_role("link", name="Last year").click()
    expect(page.get_by_role("heading", name="No payments in this period")).to_be_visible()
    assert "method=card" in page.url
    expect(page.locator("#id_method")).to_have_value("card")


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_it_works_without_scripts(
    live_server: Any, at_desk: Callable[[Page], Page], page: Page, received: list[Payment]
) -> None:
    at_desk(page)
    page.goto(live_server.url + "/reports/payments-received/")
    page.locator("#id_from").fill(day(9).isoformat())
    page.locator("#id_method").select_option("card")
    page.get_by_role("button", name="Show").click()
    shown(page, received[1])
    page.locator(".filters summary").click()
    page.get_by_role("checkbox", name="Net", exact=True).check()
    page.get_by_role("checkbox", name="Receipt").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("table.report thead th")).to_have_text(["Receipt", "Net"])


def test_axe_finds_nothing_on_any_report(
    live_server: Any, desk: Page, received: list[Payment], looked_at: Callable[[str], None]
) -> None:
    page = desk
    page.goto(live_server.url + "/reports/")
    looked_at("reports")
    for slug in sorted(REPORTS.keys() - {"audit-trail"}):  # which is for administrators
        page.goto(f"{live_server.url}/reports/{slug}/?from={day(60)}&to={day(0)}&patient=P1042")
        looked_at(slug)
    page.goto(f"{live_server.url}/reports/payments-received/?sort=nonsense")
    looked_at("a report that cannot be shown")
