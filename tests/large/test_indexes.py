"""What is asked of a million rows is read from an index: the database's own plan says so."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from billing.models import Adjustment, Allocation, Invoice, InvoiceLine, Payment
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
    ],
)
def test_it_is_read_from_an_index(ask: Any, index: str) -> None:
    assert index in plan(ask())
