"""What is left to do in a period before it is closed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from billing.balances.deposits import PAPER, to_deposit
from billing.models import InvoiceLine, Payment, Remittance
from billing.money import ZERO


@dataclass(frozen=True)
class Unfinished:
    """So many things are not done, and how much money they are about."""

    count: int
    total: Decimal


@dataclass(frozen=True)
class LeftToDo:
    """What closing through a day would leave behind. None of it forbids closing."""

    drafts: Unfinished  # draft invoices with a service done by then
    receipts: Unfinished  # cash and checks received by then and on no slip
    unallocated: Unfinished  # receipts of then with money on no line
    remittances: Unfinished  # drafts of insurers' payments read from ERA files

    @property
    def nothing(self) -> bool:
        each = (self.drafts, self.receipts, self.unallocated, self.remittances)
        return not any(one.count for one in each)


def left_to_do(through: datetime.date) -> LeftToDo:
    """What is dated up to that day and not finished, older periods included."""
    drafts = InvoiceLine.objects.drafted().filter(service_date__lte=through)
    remittances = Remittance.objects.drafts().filter(date__lte=through)
    # COALESCE, so that SQLite reads the few receipts with credit and not all payments by their date.
    credit = Payment.objects.with_credit().alias(day=Coalesce("date", "date"))
    unallocated = credit.filter(day__lte=through)
    return LeftToDo(
        _unfinished(drafts.aggregate(count=Count("invoice", distinct=True), total=Sum("amount"))),
        _sum_of(to_deposit(last=through, methods=PAPER).order_by(), "amount"),
        _sum_of(unallocated, "unallocated"),
        _sum_of(remittances, "amount"),
    )


def _sum_of(rows: object, column: str) -> Unfinished:
    return _unfinished(rows.aggregate(count=Count("pk"), total=Sum(column)))  # type: ignore[attr-defined]


def _unfinished(found: dict[str, Decimal | None]) -> Unfinished:
    return Unfinished(int(found["count"] or 0), found["total"] or ZERO)
