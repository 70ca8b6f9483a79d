"""What is owed, by age: of today from the balances, of a past day with what came after taken back.

The floor is one statement written by hand for each, over the same rows.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from benchmarks.measure import Result, in_turn
from billing import balances
from billing.balances.as_of import AGEING
from billing.models import InvoiceLine
from billing.money import from_cents

NOW = "SELECT service_date, balance AS owed FROM billing_invoiceline WHERE balance > 0"
# What came later is added up once, and then joined.
THEN = """
    WITH later AS (
        SELECT line_id, SUM(amount) AS amount FROM (
            SELECT line_id, amount FROM billing_allocation WHERE date > '{day}'
            UNION ALL SELECT line_id, amount FROM billing_adjustment WHERE date > '{day}'
        ) rows GROUP BY line_id
    )
    SELECT service_date, balance AS owed FROM billing_invoiceline
    WHERE balance > 0 AND issued_on <= '{day}' AND id NOT IN (SELECT line_id FROM later)
    UNION ALL
    SELECT service_date, balance + later.amount FROM later
    JOIN billing_invoiceline ON id = line_id WHERE issued_on <= '{day}'
"""


def results(repeats: int) -> Iterator[Result]:
    today = timezone.localdate()
    lines = InvoiceLine.objects.count()
    for work, day in (
        ("ageing, today", today),
        ("ageing, month end", today.replace(day=1) - datetime.timedelta(days=1)),
        ("ageing, a year ago", today - datetime.timedelta(days=365)),
    ):
        as_of = balances.AsOf(day)
        assert list(balances.ageing_total(as_of).values()) == floor(day), work
        yield in_turn(
            work,
            lines,
            app=lambda _number, as_of=as_of: balances.ageing_total(as_of),
            floor=lambda _number, day=day: len([floor(day)]),
            repeats=max(3, repeats // 5),
        )


def floor(day: datetime.date) -> list[Decimal]:
    """What was owed by the end of that day, by age: one statement."""
    bands = ", ".join(_band(day, *ages) for _key, _label, *ages in AGEING)
    lines = NOW if day == timezone.localdate() else THEN.format(day=day)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {bands} FROM ({lines}) lines WHERE owed > 0")
        row = cursor.fetchone()
    return [from_cents(int(amount or 0)) for amount in row]


def _band(day: datetime.date, youngest: int | None, oldest: int | None) -> str:
    last = day - datetime.timedelta(days=youngest) if youngest is not None else datetime.date.max
    first = day - datetime.timedelta(days=oldest) if oldest is not None else datetime.date.min
    within = f"service_date BETWEEN '{first}' AND '{last}'"
    return f"SUM(CASE WHEN {within} THEN owed ELSE 0 END)"
