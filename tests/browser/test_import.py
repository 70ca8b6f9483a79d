"""A newcomer's first file in a real browser: refused with reasons, mended, imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.views import imports
from config.roles import ADMINISTRATOR
from patients.models import Patient
from tests.factories import give

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "Family name;Given name;Birth date\r\n"
MENDED = HEAD + "Müller;Jörg;05/17/1980\r\nOkafor;Maya;1990-02-28\r\n"
BAD = MENDED.replace("Müller", '"=HYPERLINK(1)"').replace("02-28", "02-30")


@pytest.fixture
def omar(ana: Any) -> Any:
    """Whoever sits at this desk is the administrator, too."""
    give(ana, ADMINISTRATOR)
    return ana


def check(page: Page, file: Path, content: str) -> None:
    file.write_bytes(content.encode("utf-8-sig"))
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Check this file").click()


def test_a_file_is_mended_and_imported(
    live_server: Any, omar: Any, desk: Page, tmp_path: Path
) -> None:
    desk.goto(live_server.url + "/patients/")
    desk.get_by_role("link", name="Import from a file").click()
    expect(desk.get_by_role("heading", name="Import", exact=True)).to_be_visible()
    desk.get_by_role("link", name="Import patients").click()

    file = tmp_path / "patients.csv"
    check(desk, file, BAD)
    rows = desk.get_by_role("table", name="To mend").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("This begins with =")
    expect(rows.nth(1)).to_contain_text("There is no such day.")
    with desk.expect_download() as problems:
        desk.get_by_role("link", name="Problems as a file").click()
    assert "family_name" in Path(problems.value.path()).read_text(encoding="utf-8-sig")

    desk.get_by_role("link", name="Upload the mended file").click()
    check(desk, file, MENDED)
    expect(desk.get_by_text("Every line can be imported.")).to_be_visible()
    assert Patient.objects.count() == 0
    desk.get_by_role("button", name="Import 2 lines").click()
    expect(desk.get_by_text("2 patients and 0 coverages.")).to_be_visible()
    desk.get_by_role("link", name="Look at the patients").click()
    expect(desk.get_by_role("link", name="Müller, Jörg", exact=True)).to_be_visible()


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_a_long_file_without_javascript(
    live_server: Any, omar: Any, desk: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 0)
    rows = "".join(f"Smith{number};John;1980-05-17\r\n" for number in range(1_500))
    desk.goto(live_server.url + "/import/patients/")
    check(desk, tmp_path / "patients.csv", HEAD + rows)
    expect(desk.get_by_text("1,500 lines checked.")).to_be_visible()
    expect(desk.get_by_role("progressbar")).to_have_count(0)  # the end takes its place
    desk.get_by_role("link", name="See what was found").click()
    desk.get_by_role("button", name="Import 1,500 lines").click()
    expect(desk.get_by_text("1,500 patients and 0 coverages.")).to_be_visible()
    assert Patient.objects.count() == 1_500
