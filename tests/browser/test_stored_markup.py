"""In a browser: nothing that is called `<script>` runs, and no page asks for what the policy forbids."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Dialog, Page, expect

from patients.models import Payer
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.screens.test_stored_markup import PAYLOADS, rename_everything
from tests.support.surprises import Surprises

pytestmark = pytest.mark.django_db(transaction=True)

# The screens with the most of other people's words, scripts or parts on them.
SCREENS = (
    "today", "payment_new", "patient_account", "patient_credit", "patient_documents",
    "patient_family", "payment_list", "payment_detail", "payment_reverse", "payment_transfer",
    "insurance_payment_new", "insurance_payment_list", "insurance_payment_detail", "invoice_list",
    "invoice_detail", "invoice_draft", "session_new", "session_list", "statement_new", "payer_list",
    "payer_account", "era_import", "era_file", "remittance_detail", "unmatched_claim",
    "report_detail", "journal_entries", "negative_credit", "unallocated_payments", "fee_list",
    "import_check", "patient_list", "patient_detail", "patient_edit",
)  # fmt: skip


@pytest.fixture
def clinic(live_server: Any) -> SmallClinic:
    clinic = small_clinic()
    rename_everything()
    return clinic


@pytest.fixture
def dialogs(page: Page) -> list[str]:
    """What any page said by alert()."""
    said: list[str] = []

    def hear(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", hear)
    return said


def test_no_screen_runs_it(
    live_server: Any,
    page: Page,
    clinic: SmallClinic,
    dialogs: list[str],
    no_surprises: Surprises,
) -> None:
    """`no_surprises` hears every violation of the policy in the console."""
    session = clinic.client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
    )
    page.set_default_timeout(20_000)
    opened: dict[str, str] = {}
    for name, url in clinic.one_of_each():
        opened.setdefault(name.partition(":")[2], url)
    told = 0
    for name in SCREENS:
        page.goto(live_server.url + opened[name])
        page.wait_for_load_state("networkidle")
        told += any(payload in page.inner_text("body") for payload in PAYLOADS)
        assert page.locator("img[src=x]").count() == 0, name
        assert page.evaluate("document.querySelectorAll('script:not([src])').length") == 0, name
    assert told > 20
    # A picker and the search put their answers into the page.
    page.goto(live_server.url + opened["insurance_payment_new"])
    payer = Payer.objects.filter(active=True).earliest("pk")
    page.get_by_label("Payer", exact=True).press_sequentially(payer.name[:9])
    expect(page.get_by_role("option").first).to_be_visible()
    page.goto(live_server.url + opened["patient_list"])
    page.get_by_label("Search patients").press_sequentially("script")
    expect(page).to_have_url(re.compile(r"\?q="))
    page.wait_for_load_state("networkidle")
    for row in page.locator("#patient-list a").all()[:3]:
        row.focus()
    assert dialogs == []


def test_a_script_that_would_run_is_heard(
    live_server: Any, page: Page, dialogs: list[str], no_surprises: Surprises
) -> None:
    """The control: the policy stops it, and the console says so."""
    page.goto(live_server.url + "/accounts/login/")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "alert(1)";
            document.body.append(script);
        }"""
    )
    no_surprises.expect("Content Security Policy")
    assert any("Content Security Policy" in each for each in no_surprises.found)
    assert dialogs == []
