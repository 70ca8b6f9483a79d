"""What is asked of a million rows is read from an index: the database's own plan says so."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from billing.models import Adjudication, Adjustment, Allocation, Invoice, InvoiceLine, Payment
from patients.models import Session

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 3, 4)


def plan(query: QuerySet[Any]) -> str:
    """How the database would answer. PostgreSQL reads small tables whole unless it is kept from it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    return query.explain()


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda: InvoiceLine.objects.issued().filter(issued_on__gte=DAY), "line_by_date"),
        (lambda: Invoice.objects.filter(issued_on__gte=DAY), "invoice_by_date"),
        (lambda: Adjustment.objects.filter(date__gte=DAY), "adjustment_by_date"),
        (lambda: Allocation.objects.filter(date__gte=DAY), "allocation_by_date"),
        (lambda: Session.objects.filter(date=DAY), "session_by_date"),
        (lambda: Payment.objects.filter(source=1), "payment_by_source"),
        (lambda: Payment.objects.filter(original=1, kind="refund"), "payment_by_original"),
        (
            lambda: Adjudication.objects.filter(outcome="denied", undoes__isnull=True),
            "adjudication_denied",
        ),
    ],
)
def test_it_is_read_from_an_index(ask: Any, index: str) -> None:
    assert index in plan(ask())


@pytest.mark.parametrize("table", ["adjustment", "adjudication", "responsibility", "offset"])
@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_what_undoes_is_found_also_where_hardly_anything_was_undone(table: str) -> None:
    """As SQLite sees a million rows of which none undoes another: their unique index is worthless."""
    name, many = f"billing_{table}", "1000000 1000000"
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1 WHERE tbl = %s", [name])
        for index, counted in ((f"sqlite_autoindex_{name}_1", many), (f"{table}_undone", "5 1")):
            cursor.execute(
                "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (%s, %s, %s)",
                [name, index, counted],
            )
        cursor.execute("ANALYZE sqlite_schema")
        cursor.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {name} WHERE undoes_id = 1")
        assert f"{table}_undone" in str(cursor.fetchall())
