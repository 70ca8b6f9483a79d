"""Every report there is: the screen, the sums and each kind of file tell the same rows.

What a report says is tested in its own file; a report added tomorrow is looked at here as well.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from billing.money import show
from billing.reports import REPORTS, Report, shelves
from billing.reports.columns import Column, Holds
from billing.reports.files import as_csv, as_xlsx
from billing.reports.paper import as_pdf, printed
from tests.factories import UserFactory
from tests.reports.asking import ask
from tests.screens.small_clinic import SmallClinic, small_clinic

pytestmark = pytest.mark.django_db

REPO = Path(__file__).resolve().parents[2]
ALL = list(REPORTS)
# So that each report has rows: all the time there is, or what it needs to be asked.
QUERIES = {"patient-ledger": "patient=P1042&"}


@pytest.fixture
def clinic() -> SmallClinic:
    return small_clinic()


def whole(slug: str, more: str = "") -> Report:
    return ask(slug, f"{QUERIES.get(slug, '')}from=&to={timezone.localdate()}{more}")


def screen(report: Report, columns: list[Column] | None = None) -> list[list[Any]]:
    """The rows as the screen has them, all pages."""
    totals = report.rows.totals()
    place = {column.name: at for at, column in enumerate(report.columns)}
    rows = []
    for start in range(0, totals.count, 7):
        rows += report.rows.page(report.sorted_by, start, 7)
    shown = columns or report.in_files
    return [[row[place[column.name]] for column in shown] for row in rows]


def test_each_stands_on_a_shelf_once(clinic: SmallClinic) -> None:
    urls = [entry.url for _heading, entries in shelves(clinic.by) for entry in entries]
    assert len(urls) == len(set(urls))
    assert {f"/reports/{slug}/" for slug in REPORTS} <= set(urls)


@pytest.mark.parametrize("slug", ALL)
def test_the_csv_holds_the_rows_of_the_screen(clinic: SmallClinic, slug: str) -> None:
    report = whole(slug)
    heading, *lines = csv.reader(io.StringIO(b"".join(as_csv(report)).decode()))
    assert heading == [column.name for column in report.in_files]
    assert lines == [[_in_csv(value) for value in row] for row in screen(report)]
    assert lines


def _in_csv(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}"
    return "" if value is None else str(value)


@pytest.mark.parametrize("slug", ALL)
def test_the_workbook_holds_the_rows_of_the_screen(clinic: SmallClinic, slug: str) -> None:
    report = whole(slug)
    with as_xlsx(report) as file:
        sheet = openpyxl.load_workbook(file).worksheets[0]
    heading, *lines = sheet.iter_rows(values_only=True)
    columns = report.in_files
    assert list(heading) == [column.name for column in columns]
    found = [
        [_out_of(cell, column) for cell, column in zip(line, columns, strict=True)]
        for line in lines
    ]
    assert found == [[_seconds(value) for value in row] for row in screen(report)]


def _out_of(value: Any, column: Column) -> Any:
    if column.holds is Holds.MONEY:
        return None if value is None else Decimal(str(value)).quantize(Decimal("0.01"))
    if column.holds is Holds.DAY and value is not None:
        return value.date()
    if column.holds in (Holds.TEXT, Holds.CODE):
        return value or ""
    if column.holds is Holds.MOMENT and value is not None:  # a workbook counts in parts of a day
        return (value + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
    return value


def _seconds(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None, microsecond=0)
    return value


@pytest.mark.parametrize("slug", ALL)
def test_the_pdf_holds_the_rows_of_the_screen(clinic: SmallClinic, slug: str) -> None:
    report = whole(slug)
    pages = PdfReader(io.BytesIO(as_pdf(report))).pages
    text = " ".join("".join(page.extract_text() for page in pages).split()).replace(" ", "")
    unbroken = text.replace("\u2019", "'").replace("-", "")  # long words are broken in two
    assert report.title.replace(" ", "") in text
    columns = report.on_screen
    for row in screen(report, columns):
        for column, value in zip(columns, row, strict=True):
            said = printed(column, value).replace("\u200b", "")
            # A long text may be broken, or go on on the next page: then each of its words is there.
            assert said.replace(" ", "") in text or (
                len(said) > 100 and all(word.replace("-", "") in unbroken for word in said.split())
            )
    totals = report.rows.totals()
    for column in columns:
        if column.total and column.holds is Holds.MONEY:
            assert show(totals[column.name]) in text


@pytest.mark.parametrize("slug", ALL)
def test_it_can_be_sorted_by_each_column(clinic: SmallClinic, slug: str) -> None:
    rows = sorted(map(str, screen(whole(slug))))
    for column in REPORTS[slug].columns:
        if column.hidden:
            continue
        for sort in (column.name, f"-{column.name}"):
            report = whole(slug, f"&sort={sort}")
            found = screen(report)
            assert sorted(map(str, found)) == rows
            at = report.in_files.index(column)
            values = [row[at] for row in found if row[at] not in (None, "")]
            ordered = sorted(values, reverse=sort.startswith("-"))
            if column.holds is not Holds.TEXT:  # texts as the database's language has them
                assert values == ordered, sort


@pytest.mark.parametrize("slug", ALL)
def test_the_totals_are_the_sums_of_the_rows(clinic: SmallClinic, slug: str) -> None:
    report = whole(slug)
    totals = report.rows.totals()
    rows = screen(report, list(report.columns))
    assert totals.count == len(rows)
    for at, column in enumerate(report.columns):
        if column.total:
            assert totals[column.name] == sum(row[at] or 0 for row in rows)


@pytest.mark.parametrize("slug", ALL)
def test_the_groups_add_up_to_the_totals(clinic: SmallClinic, slug: str) -> None:
    report = whole(slug)
    if not report.grouped_by:
        pytest.skip("has no groups")
    at = [column.name for column in report.columns].index(report.grouped_by)
    values = [row[at] for row in screen(report, list(report.columns))]
    groups = report.rows.groups(report.grouped_by, values)
    assert sum(each.count for each in groups.values()) == len(values)
    totals = report.rows.totals()
    for name, total in totals.sums.items():
        assert sum(each[name] for each in groups.values()) == total


@pytest.mark.parametrize("slug", ALL)
def test_whichever_column_is_asked_for_alone_the_table_is_a_table(
    clinic: SmallClinic, slug: str
) -> None:
    """Sums and their names stand under the headings, however few those are."""
    kind = REPORTS[slug]
    kinds = {
        (column.total, column.fold, column.name == kind.group): column.name
        for column in kind.columns
        if not column.hidden
    }
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    for name in kinds.values():
        query = f"{QUERIES.get(slug, '')}from=&to={timezone.localdate()}&columns={name}"
        html = client.get(f"/reports/{slug}/?{query}").content.decode()
        table = html.partition('<table class="t report"')[2].partition("</table>")[0]
        widths = {
            sum(int(span or 1) for span in re.findall(r'<t[hd](?: [^>]*?colspan="(\d+)")?', row))
            for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)
        }
        assert len(widths) == 1, (name, widths)


@pytest.mark.parametrize("slug", ALL)
def test_its_check_holds(clinic: SmallClinic, slug: str) -> None:
    report = whole(slug)
    check = report.check(report.rows.totals())
    assert check is None or check.holds, check
    for panel in report.panels():
        assert panel.check is None or panel.check.holds, panel.check


@pytest.mark.parametrize("slug", ALL)
def test_names_of_columns_can_be_kept_for_ever(slug: str) -> None:
    names = [column.name for column in REPORTS[slug].columns]
    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalnum() and name == name.lower() for name in names)


@pytest.mark.parametrize("slug", ALL)
def test_its_columns_are_documented_in_their_order(slug: str) -> None:
    """docs/exports.md is what people who read the files rely on."""
    text = (REPO / "docs" / "exports.md").read_text(encoding="utf-8")
    section = text.partition(f"\n### {slug}\n")[2].partition("\n#")[0]
    listed = section.partition("Columns: ")[2].partition(".")[0]
    assert re.findall(r"`(\w+)`", listed) == [
        column.name for column in REPORTS[slug].columns if not column.hidden
    ]
    meanings = text.partition("### What the columns hold")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\| (.*?) \|", meanings))))
    assert told >= set(re.findall(r"`(\w+)`", listed))
