"""A report of a million receipts as CSV, beside COPY of the same rows by the database itself.

The floor reads what the report's query finds, as PostgreSQL writes it; the app's file says amounts
with decimals, dates in ISO, names that no spreadsheet runs, and is cut into blocks for the network.
On SQLite, which has no COPY, the floor is the same rows read and written by Python's csv.
"""

from __future__ import annotations

import csv
import datetime
import os
import random
import resource
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from benchmarks.measure import Result, in_turn
from billing.models import Payment
from billing.reports import REPORTS, Report
from billing.reports.files import as_csv
from billing.reports.rows import SqlRows

RECEIPTS = 1_000_000
DAYS = 1_000
TOGETHER = 5_000  # written at once, so that memory is not the builder's
REPEATS = 5
NULL = os.devnull


def take(by: Any, receipts: int = RECEIPTS) -> None:
    """So many receipts of the patients there are, over a thousand days."""
    chance = random.Random(318)
    today = timezone.localdate()
    patients = list(
        Payment.objects.of_patients()
        .exclude(patient=None)
        .order_by("patient_id")
        .values_list("patient_id", "provider_id")
        .distinct()[:500]
    )
    for start in range(0, receipts, TOGETHER):
        Payment.objects.bulk_create(
            Payment(
                number=f"R-{2_000_000 + number}",
                kind="receipt",
                patient_id=patients[number % len(patients)][0],
                provider_id=patients[number % len(patients)][1],
                method=("cash", "card", "check")[number % 3],
                reference=str(number),
                amount=chance.randrange(500, 20_000),
                date=(taken := today - datetime.timedelta(days=number * DAYS // receipts)),
                last_date=taken,
                created_by=by,
            )
            for number in range(start, min(start + TOGETHER, receipts))
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE billing_payment")


def report() -> Report:
    """Payments received, from the beginning."""
    kind = REPORTS["payments-received"]
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


def results(by: Any, receipts: int = RECEIPTS) -> Iterator[Result]:
    take(by, receipts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken_away()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert grown < 50, f"{grown} MB more: a file has to leave while it is read"
    yield in_turn("report as CSV", receipts, app=taken_away, floor=floor, repeats=REPEATS)
