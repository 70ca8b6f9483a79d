"""Files of reports: nothing in them runs as a formula, and a long one leaves in blocks."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from billing.reports import Report, files
from billing.reports.columns import code, day, hidden, moment, money, text
from billing.reports.files import FORMATS, FORMULA, as_csv, as_xlsx, harmless
from billing.reports.payments_received import PaymentsReceived
from tests.factories import PatientFactory, PaymentFactory, ProviderFactory, UserFactory
from tests.reports.asking import ask, told

pytestmark = pytest.mark.django_db

# What a spreadsheet would run, open or call, in a patient's name, a provider's and a reference.
NASTY = (
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\uff1d1+1",
    'a"b,c;=1+1',
    "two\nlines",
    "Zoë Ænima 李",
)


@pytest.fixture
def nasty() -> list[str]:
    """A receipt of each such patient, at a provider called so too, with such a reference."""
    ana = UserFactory(username="ana", first_name="=cmd", last_name="|'/C calc'!A0")
    for name in NASTY:
        PaymentFactory(
            patient=PatientFactory(family_name=name, given_name="John"),
            provider=ProviderFactory(name=name),
            reference=name,
            by=ana,
        )
    return [f"{name}, John" for name in NASTY]


def everything() -> Report:
    return ask("payments-received", "period=fiscal-year")


def lines(report: Any) -> list[dict[str, str]]:
    text_ = b"".join(as_csv(report)).decode()
    return list(csv.DictReader(io.StringIO(text_, newline="")))


def test_nothing_in_a_csv_begins_like_a_formula(nasty: list[str]) -> None:
    found = lines(everything())
    assert len(found) == len(NASTY)
    assert not [value for row in found for value in row.values() if value[:1] in set(FORMULA)]
    assert {row["received_from"] for row in found} == {harmless(name) for name in nasty}
    assert {row["entered_by"] for row in found} == {"'=cmd |'/C calc'!A0"}


def test_amounts_below_zero_stay_numbers(nasty: list[str]) -> None:
    assert {row["reversed_or_refunded"] for row in lines(everything())} == {"0.00"}


def test_a_csv_is_in_the_order_of_the_screen_within_one_second_too() -> None:
    """The file tells moments to the second; it is sorted by the moments themselves."""
    second = timezone.localtime().replace(microsecond=0) - datetime.timedelta(minutes=1)
    numbers = {}
    for part in (900_000, 100_000, 500_000):
        with time_machine.travel(second.replace(microsecond=part), tick=False):
            numbers[part] = PaymentFactory().number
    report = ask("payments-received", "period=fiscal-year&sort=entered_at")
    found = [row["receipt"] for row in lines(report)]
    assert found == [numbers[part] for part in sorted(numbers)]
    assert found == told(report, "receipt")


def test_every_text_of_a_csv_stands_in_quotes(nasty: list[str]) -> None:
    """A program that splits at semicolons would else find the second half of a name a formula."""
    text_ = b"".join(as_csv(everything())).decode()
    assert '"a""b,c;=1+1, John"' in text_


def test_a_workbook_holds_texts_only_as_texts(nasty: list[str]) -> None:
    with as_xlsx(everything()) as file:
        book = zipfile.ZipFile(file)
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "<hyperlink" not in sheet
        assert not [name for name in book.namelist() if "externalLink" in name]
        for name in ("=HYPERLINK", "+1+1", "@SUM(A1)"):
            assert re.search(rf'<c [^>]*t="inlineStr"[^>]*><is><t[^>]*>{re.escape(name)}', sheet)


@pytest.mark.parametrize("sign", list(FORMULA))
def test_each_sign_that_begins_a_formula_is_made_harmless(sign: str) -> None:
    assert harmless(f"{sign}1") == f"'{sign}1"
    assert harmless(f"1{sign}") == f"1{sign}"


def test_a_long_csv_leaves_in_blocks_of_some_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BLOCK", 100)
    patient, provider = PatientFactory(), ProviderFactory()
    for _ in range(10):
        PaymentFactory(patient=patient, provider=provider)
    parts: Iterator[bytes] = as_csv(everything())
    sizes = [len(part) for part in parts]
    assert len(sizes) > 5
    assert max(sizes) < 1_000


@pytest.mark.parametrize("name", ["xlsx", "pdf"])
def test_a_format_that_cannot_hold_so_many_rows_says_so(name: str) -> None:
    chosen = FORMATS[name]
    assert chosen.most
    assert chosen.refuses(chosen.most) == ""
    assert chosen.refuses(chosen.most + 1) == (
        f"{chosen.label} holds {chosen.most:,} rows at most, and this report has"
        f" {chosen.most + 1:,}. Narrow the filters, or take CSV."
    )


def test_csv_holds_any_number() -> None:
    assert FORMATS["csv"].refuses(10**9) == ""


@pytest.mark.postgres
def test_what_the_database_writes_is_what_python_would_write(nasty: list[str]) -> None:
    """On PostgreSQL the lines come from COPY; on SQLite Python writes them. Byte for byte alike."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    report = everything()
    heading = b",".join(b'"%s"' % column.name.encode() for column in report.in_files) + b"\n"
    assert b"".join(as_csv(report)) == heading + b"".join(files._written(report))


@pytest.mark.postgres
def test_a_file_is_not_broken_off_by_what_a_page_may_wait() -> None:
    """COPY is one statement until somebody has taken the last line."""
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    PaymentFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '60s'")
        assert b"".join(as_csv(everything())).count(b"\n") == 2
        cursor.execute("SHOW statement_timeout")  # of this test's transaction, which still goes on
        assert cursor.fetchone() == (files.LONGEST_COPY,)


def test_the_columns_of_the_report_hold_each_kind_there_is() -> None:
    """Or the test above would pass over one."""
    kinds = {column.holds for column in PaymentsReceived.columns}
    made = (code("a", "A"), day("a", "A"), money("a", "A"), moment("a", "A"), text("a", "A"))
    assert {column.holds for column in (*made, hidden("a"))} <= kinds
