"""A report of all lines as CSV, beside COPY of the same rows by the database itself.

The floor reads what the report's query finds, as PostgreSQL writes it; the app's file says amounts
with decimals, dates in ISO, names that no spreadsheet runs, and is cut into blocks for the network.
On SQLite, which has no COPY, the floor is the same rows read and written by Python's csv.
"""

from __future__ import annotations

import csv
import os
import resource
from collections.abc import Iterator

from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from benchmarks.measure import Result, in_turn
from billing.reports import REPORTS, Report
from billing.reports.files import as_csv
from billing.reports.rows import SqlRows

REPEATS = 3
NULL = os.devnull


def report() -> Report:
    """Charges, from the beginning: a row for each line that was billed."""
    kind = REPORTS["charges"]
    columns = [(column.name, column.label) for column in kind.columns if not column.hidden]
    form = kind.form(QueryDict(f"from=&to={timezone.localdate()}"), columns=columns)
    assert form.is_valid(), form.errors
    return kind(form.cleaned_data)


def taken_away(_number: int = 0) -> int:
    with open(NULL, "wb") as nowhere:
        return sum(nowhere.write(part) for part in as_csv(report()))


def floor(_number: int = 0) -> int:
    asked = report()
    rows = asked.rows
    assert isinstance(rows, SqlRows)
    shown = [rows.quoted(column) for column in asked.in_files]
    select = rows.select(asked.sorted_by, shown)
    with connection.cursor() as cursor, open(NULL, "w", newline="") as nowhere:
        if connection.vendor == "postgresql":
            copying = f"COPY ({select}) TO STDOUT WITH (FORMAT csv)"
            with cursor.cursor.copy(copying, tuple(rows.params)) as copy:
                for part in copy:
                    nowhere.buffer.write(part)
        else:
            cursor.execute(select, rows.params)
            csv.writer(nowhere).writerows(cursor)
    return 1


def results() -> Iterator[Result]:
    rows = report().totals.count
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken_away()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 50, f"{grown} MB more: a file has to leave while it is read"
    yield in_turn("report as CSV", rows, app=taken_away, floor=floor, repeats=REPEATS)
