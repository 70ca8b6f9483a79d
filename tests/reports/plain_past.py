"""The past from its rows alone, in plain Python: what SQL and stored balances are compared with."""

from __future__ import annotations

import datetime
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.balances.as_of import AsOf, Basis, Dates
from billing.models import Adjudication, Adjustment, Allocation, InvoiceLine, Offset, Payment

ZERO = Decimal("0.00")


def counts(as_of: AsOf, date: datetime.date | None, entered: datetime.datetime | None) -> bool:
    """Whether a row of this date, entered at this moment, was there then."""
    if date is None or entered is None:
        return False
    day = timezone.localdate(entered) if as_of.by == Basis.ENTRY else date
    return day <= as_of.day


def there(as_of: AsOf, model: Any) -> list[Any]:
    """The rows of one kind that were there then, in the order they were written."""
    rows = model.objects.order_by("pk")
    return [row for row in rows if counts(as_of, row.date, row.created_at)]


def lines(as_of: AsOf) -> dict[int, tuple[Decimal, int | None]]:
    """Line → what it owed then, and which insurer was to pay it; those that owed something."""
    issued = {
        line.pk: line
        for line in InvoiceLine.objects.select_related("invoice")
        if counts(as_of, line.issued_on, line.invoice.issued_at)
    }
    owed = {pk: line.amount for pk, line in issued.items()}
    for row in (*there(as_of, Allocation), *there(as_of, Adjustment)):
        owed[row.line_id] -= row.amount
    owners: dict[int, int | None] = {pk: line.payer_id for pk, line in issued.items()}
    for answer in Adjudication.objects.order_by("-pk"):  # who it waited for when it was issued
        owners[answer.line_id] = answer.owed_before_id
    for answer in there(as_of, Adjudication):
        owners[answer.line_id] = answer.owed_after_id
    return {pk: (amount, owners[pk]) for pk, amount in owed.items() if amount}


def receipts(as_of: AsOf) -> dict[int, Decimal]:
    """Receipt, or credit moved in → what of it was on no line then; those with something."""
    free: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for row in there(as_of, Payment):
        free[row.source_id or row.pk] += row.amount  # what draws on a receipt changes that receipt
    for row in there(as_of, Allocation):
        free[row.payment_id] -= row.amount
    for row in there(as_of, Offset):
        free[row.payment_id] += row.amount
    return {pk: amount for pk, amount in free.items() if amount}


def ages(as_of: AsOf, dates: str, owed: dict[int, tuple[Decimal, int | None]]) -> list[Decimal]:
    """What these lines owed, by band of age: current, 1-30, 31-60, 61-90, over 90 days."""
    found = [ZERO] * 5
    for line in InvoiceLine.objects.filter(pk__in=owed):
        since = line.issued_on if dates == Dates.BILLING else line.service_date
        assert since
        age = (as_of.day - since).days
        found[sum(age > oldest for oldest in (0, 30, 60, 90))] += owed[line.pk][0]
    return found
