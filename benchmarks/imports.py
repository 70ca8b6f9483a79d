"""Importing a large clinic, once an engine: `python -m benchmarks.imports [--patients 100000]`.

Patients, every second one insured and every fifth with a guarantor, and an opening balance of every
fifth, every fourth of these credit. Beside the import stands its floor: the same rows once more,
by the driver's own executemany, into copies of the tables without our triggers, in one transaction.
Too slow to be repeated by `make bench`.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from typing import Any

import django

from benchmarks.million import on_each_engine

HEADINGS = ("kind", "engine", "lines", "MB", "check s", "import s", "SQL floor s", "peak MB")
NAMES = [
    "Smith",
    "Okafor",
    "Garcia",
    "Johnson",
    "Petersen",
    "Andrews",
    "Lopez",
    "Novak",
    "Schmid",
    "Müller",
]


def patients(count: int) -> Iterator[str]:
    yield (
        "chart_number,family_name,given_name,birth_date,phone,email,address_line1,city,state,"
        "postal_code,guarantor_chart_number,primary_payer,primary_member_id"
    )
    for n in range(count):
        family, given = f"{NAMES[n % 10]} {n % 97}", NAMES[n // 10 % 10]
        born = f"{1940 + n % 80}-0{1 + n % 9}-{10 + n % 18}"
        guarantor = f"P{200_000 + n - 1}" if n % 5 == 1 else ""
        insured = f"BlueRiver Health,M{n}" if n % 2 else ","
        yield (
            f"P{200_000 + n},{family},{given},{born},(555) 010-{n % 10_000:04d},p{n}@example.com,"
            f'"{n} Harbour St, rear",Portland,ME,04101,{guarantor},{insured}'
        )


def balances(count: int) -> Iterator[str]:
    yield "chart_number,provider,amount,date,reference"
    for n in range(count // 5):
        sign = "-" if n % 4 == 0 else ""
        yield f"P{200_000 + n},Dr {1 + n % 2},{sign}{1 + n % 500}.50,2025-10-31,A-{n}"


def one_engine(count: int) -> None:
    """Both files on the database of the environment, which is new and empty; prints JSON."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from benchmarks.copies import copy_tables
    from billing import checks
    from billing.imports.running import check_file, import_file, run_of
    from billing.models import ImportFile, Invoice, InvoiceLine, Payment
    from patients.models import Coverage, Patient, PatientWord, Payer, Provider

    call_command("migrate", verbosity=0)
    by = User.objects.create(username="bench", is_superuser=True)
    Payer.objects.create(name="BlueRiver Health")
    for number in (1, 2):
        Provider.objects.create(name=f"Dr {number}")
    tables: dict[str, Any] = {
        "patients": (Patient, Coverage, PatientWord),
        "balances": (Invoice, InvoiceLine, Payment),
    }
    rows = []
    for kind, lines in (("patients", patients), ("balances", balances)):
        copy_tables(tables[kind])
        data = "\r\n".join(lines(count)).encode()
        file = ImportFile.objects.keep(by=by, kind=kind, name="bench.csv", data=data)
        start = time.perf_counter()
        run = run_of(file)
        for _step in check_file(file, run):
            pass
        checked = time.perf_counter()
        for _step in import_file(file, run_of(file), by):
            pass
        row = {
            "kind": kind,
            "lines": run.report.rows,
            "size": len(data) / 1e6,
            "check": checked - start,
            "import": time.perf_counter() - checked,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        rows.append(row)
    for row in rows:  # last, because the floor holds all its rows in memory
        print(json.dumps({**row, "floor": _floor(tables[str(row["kind"])])}), flush=True)
    assert checks.run_all() == []


def _floor(tables: Any) -> float:
    """Seconds for the same rows in bare SQL."""
    from django.db import connection, transaction

    from benchmarks.copies import copy_of

    works = []
    with connection.cursor() as cursor:
        for model in tables:
            columns = [f'"{f.column}"' for f in model._meta.concrete_fields if not f.generated]
            table, names = model._meta.db_table, ", ".join(columns)
            order = "guarantor_id IS NOT NULL" if table == "patients_patient" else "id"
            cursor.execute(f"SELECT {names} FROM {table} ORDER BY {order}")
            values = ", ".join(["%s"] * len(columns))
            works.append(
                (f"INSERT INTO {copy_of(table)} ({names}) VALUES ({values})", cursor.fetchall())
            )
        start = time.perf_counter()
        with transaction.atomic():
            for sql, rows in works:
                cursor.executemany(sql, rows)
        return time.perf_counter() - start


def main() -> None:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    for number, (engine, line) in enumerate(
        on_each_engine("benchmarks.imports", __doc__, one_engine)
    ):
        if number == 0:
            print(f"| {' | '.join(HEADINGS)} |\n| --- | --- |{' --: |' * 6}")
        row = json.loads(line)
        print(
            f"| {row['kind']} | {names[engine]} | {row['lines']:,} | {row['size']:.1f} |"
            f" {row['check']:.1f} | {row['import']:.1f} | {row['floor']:.1f} |"
            f" {row['peak']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
