"""What came off lines without money: by whose decision, and whether it still stands."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum

from billing.models import Adjustment, InvoiceLine
from billing.models.invoices import InvoiceLineQuerySet
from billing.money import ZERO


@dataclass(frozen=True)
class WrittenOff:
    """One write-off on a line, with the row that undid it if it was undone."""

    row: Adjustment
    undone: Adjustment | None
    line_is_void: bool

    @property
    def can_undo(self) -> bool:
        """The clinic's own, still standing. An insurer's is undone with its payment."""
        return self.undone is None and self.row.payment is None and not self.line_is_void


def write_offs(lines: Iterable[int]) -> dict[int, list[WrittenOff]]:
    """Line → the write-offs there were on it, oldest first; those of a payment undone since not."""
    rows = (
        Adjustment.objects.filter(line__in=list(lines), undoes__isnull=True)
        .select_related(
            "line__invoice", "line__void", "payment", "created_by", "undone_by__created_by"
        )
        .order_by("date", "pk")
    )
    found: dict[int, list[WrittenOff]] = defaultdict(list)
    for row in rows:
        undone = getattr(row, "undone_by", None)
        if not (row.payment and undone):
            found[row.line_id].append(WrittenOff(row, undone, hasattr(row.line, "void")))
    return found


# ---------------------------------------------------------------------------- small balances


def small_balances(*, at_most: Decimal, before: datetime.date) -> InvoiceLineQuerySet:
    """Lines that patients themselves still owe at most so much on, of services before that day."""
    return (
        InvoiceLine.objects.open()
        .filter(payer__isnull=True, balance__lte=at_most, service_date__lt=before)
        .oldest_first()
    )


def owed_on(lines: InvoiceLineQuerySet) -> tuple[int, Decimal]:
    """How many lines these are, and what they owe together."""
    found = lines.order_by().aggregate(count=Count("pk"), total=Sum("balance"))
    return found["count"], found["total"] or ZERO
