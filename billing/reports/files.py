"""A report as a file: CSV and XLSX of its rows as they are, PDF as the screen shows them.

No text of a file can run as a formula in a spreadsheet: workbooks hold it as text, and in CSV a text that
a spreadsheet would take for a formula has an apostrophe in front (docs/exports.md).
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import xlsxwriter
from django.conf import settings
from django.db import transaction

from billing.reports.base import Report
from billing.reports.columns import Column, Holds
from billing.reports.paper import as_pdf
from billing.reports.rows import SqlRows

Buffer = bytes | memoryview
BLOCK = 64 * 1024  # bytes that go out at once
LONGEST_COPY = "2h"
QUOTED = (Holds.TEXT, Holds.CODE, Holds.DAY, Holds.MOMENT)

# What makes a cell a formula, if it comes first: also as wide as a Chinese letter, which some
# programs read alike; a tab or a new line is skipped over by others.
FORMULA = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(f"[{re.escape(FORMULA)}]")


def harmless(text: str) -> str:
    """A text for CSV, with an apostrophe in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


# ---------------------------------------------------------------------------- CSV


def as_csv(report: Report) -> Iterator[bytes]:
    """The heading, then every row, in blocks: memory stays flat however long the report is.

    On PostgreSQL the database writes the lines itself (COPY), formula signs and all.
    """
    yield _csv_line([column.name for column in report.in_files])
    rows = report.rows
    if (
        isinstance(rows, SqlRows)
        and rows.source
        and rows.as_found
        and rows.connection.vendor == "postgresql"
    ):
        yield from _in_blocks(_copied(report, rows))
    else:
        yield from _in_blocks(_written(report))


def _in_blocks(parts: Iterator[Buffer]) -> Iterator[bytes]:
    block = bytearray()
    for part in parts:
        block += part
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def _csv_line(values: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerow(values)
    return line.getvalue().encode()


def _written(report: Report) -> Iterator[bytes]:
    columns = report.in_files
    at = _places(report)
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    for row in report.rows.stream(report.sorted_by):
        writer.writerow(
            [_in_csv(column, row[place]) for column, place in zip(columns, at, strict=True)]
        )
        yield lines.getvalue().encode()
        lines.seek(0)
        lines.truncate()


def _places(report: Report) -> list[int]:
    """Where the columns of the files stand in a row."""
    place = {column.name: at for at, column in enumerate(report.columns)}
    return [place[column.name] for column in report.in_files]


def _in_csv(column: Column, value: Any) -> Any:
    if value is None:
        return ""
    if column.holds is Holds.DAY:
        return value.isoformat()
    if column.holds is Holds.MOMENT:
        return value.replace(tzinfo=None).isoformat(timespec="seconds")
    return harmless(value) if isinstance(value, str) else value


def _copied(report: Report, rows: SqlRows) -> Iterator[Buffer]:
    columns = report.in_files
    select = rows.select(report.sorted_by, [_copy_of(column, rows) for column in columns])
    quoted = ", ".join(rows.quoted(column) for column in columns if column.holds in QUOTED)
    options = f"FORMAT csv, FORCE_QUOTE ({quoted})" if quoted else "FORMAT csv"
    copying = f"COPY ({select}) TO STDOUT WITH ({options})"
    with transaction.atomic(using=rows.connection.alias), rows.connection.cursor() as cursor:
        # One statement until the last line was taken, over a slow line for many minutes. What a page
        # may wait for (config/gunicorn.py) would break the file off in the middle.
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_COPY}'")
        # psycopg's own: Django's, where queries are watched, takes no values.
        with cursor.cursor.copy(copying, tuple(rows.params)) as copy:
            yield from copy


def _copy_of(column: Column, rows: SqlRows) -> str:
    """A column as SQL that gives what `_in_csv` gives."""
    name = rows.quoted(column)
    if column.holds is Holds.MONEY:
        return f"{name} * 0.01 AS {name}"  # cents times a number of two decimals has two decimals
    if column.holds is Holds.NUMBER:
        return name
    if column.holds is Holds.DAY:
        return f"coalesce(to_char({name}, 'YYYY-MM-DD'), '') AS {name}"
    if column.holds is Holds.MOMENT:
        clock = f"{name} AT TIME ZONE '{settings.TIME_ZONE}'"
        return f"coalesce(to_char({clock}, 'YYYY-MM-DD\"T\"HH24:MI:SS'), '') AS {name}"
    # Numbers are compared ten times as fast as letters.
    signs = ", ".join(str(ord(sign)) for sign in FORMULA)
    return f"CASE WHEN ascii({name}) IN ({signs}) THEN '''' || {name} ELSE {name} END AS {name}"


# ---------------------------------------------------------------------------- XLSX

LARGEST_XLSX = 250_000  # rows: a minute's work, and as much as people can use in a workbook


def as_xlsx(report: Report) -> IO[bytes]:
    """A workbook with one sheet: its columns by their names, days as days, amounts as numbers.

    Written row by row into a file that is gone when it is closed.
    """
    file = tempfile.TemporaryFile()  # noqa: SIM115  (closed by the response that sends it)
    book = xlsxwriter.Workbook(
        file,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    formats = {
        holds: book.add_format({"num_format": mask}) for holds, mask in _XLSX_FORMATS.items()
    }
    sheet = book.add_worksheet("Report")
    sheet.freeze_panes(1, 0)
    columns = report.in_files
    at = _places(report)
    for x, column in enumerate(columns):
        sheet.set_column(x, x, _XLSX_WIDTHS[column.holds])
        sheet.write_string(0, x, column.name, heading)
    for y, row in enumerate(report.rows.stream(report.sorted_by), start=1):
        for x, (column, place) in enumerate(zip(columns, at, strict=True)):
            _cell(sheet, y, x, column, row[place], formats)
    book.close()
    file.seek(0)
    return file


_XLSX_FORMATS = {
    Holds.MONEY: "#,##0.00",
    Holds.NUMBER: "0",
    Holds.DAY: "yyyy-mm-dd",
    Holds.MOMENT: "yyyy-mm-dd hh:mm:ss",
}
_XLSX_WIDTHS = {
    Holds.TEXT: 24,
    Holds.CODE: 12,
    Holds.DAY: 11,
    Holds.MOMENT: 18,
    Holds.MONEY: 13,
    Holds.NUMBER: 9,
}


def _cell(sheet: Any, y: int, x: int, column: Column, value: Any, formats: Any) -> None:
    if value is None or value == "":
        return
    if column.right:
        sheet.write_number(y, x, value, formats[column.holds])
    elif column.holds is Holds.DAY:
        sheet.write_datetime(y, x, value, formats[column.holds])
    elif column.holds is Holds.MOMENT:
        sheet.write_datetime(y, x, value.replace(tzinfo=None, microsecond=0), formats[column.holds])
    else:
        sheet.write_string(y, x, value)


# ---------------------------------------------------------------------------- which there are

LARGEST_PDF = 5_000  # rows: some hundred pages


@dataclass(frozen=True)
class Format:
    """A kind of file: its ending, what the button says, how many rows it can hold."""

    name: str
    label: str
    content_type: str
    write: Callable[[Report], Any]
    most: int | None = None

    def refuses(self, rows: int) -> str:
        """Why this format cannot hold so many rows; nothing where it can."""
        if self.most is None or rows <= self.most:
            return ""
        return (
            f"{self.label} holds {self.most:,} rows at most, and this report has {rows:,}."
            " Narrow the filters, or take CSV."
        )


FORMATS = {
    each.name: each
    for each in (
        Format("csv", "CSV", "text/csv; charset=utf-8", as_csv),
        Format(
            "xlsx",
            "XLSX",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            as_xlsx,
            LARGEST_XLSX,
        ),
        Format("pdf", "PDF", "application/pdf", as_pdf, LARGEST_PDF),
    )
}
