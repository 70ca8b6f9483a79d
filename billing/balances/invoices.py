"""Invoices as a list shows them: what they come to, what is left, and their state."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.fields import CharField
from django.db.models.functions import Coalesce

from billing.models import Invoice
from billing.money import ZERO, MoneyField

DRAFT, OPEN, PAID, VOID = "Draft", "Open", "Paid", "Void"


def with_sums(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Each invoice with its lines, total, balance and state.

    A void invoice is one all of whose lines are void; what was voided is in no total.
    """
    nothing = Value(ZERO, output_field=MoneyField())
    standing = Q(lines__void__isnull=True)
    return invoices.annotate(
        line_count=Count("lines"),
        void_count=Count("lines__void"),
        total=Coalesce(Sum("lines__amount", filter=standing), nothing),
        owing=Coalesce(Sum("lines__balance"), nothing),
    ).annotate(
        state=Case(
            When(number__isnull=True, then=Value(DRAFT)),
            When(line_count=F("void_count"), then=Value(VOID)),
            When(owing__gt=0, then=Value(OPEN)),
            default=Value(PAID),
            output_field=CharField(),
        )
    )


@dataclass(frozen=True)
class Invoiced:
    """What a list of invoices adds up to; drafts owe nothing and are counted apart."""

    count: int
    total: Decimal
    owing: Decimal
    drafts: int
    drafted: Decimal


def invoiced_total(invoices: QuerySet[Invoice]) -> Invoiced:
    """The line over a list of invoices that come `with_sums`."""
    draft = Q(number__isnull=True)
    found = invoices.order_by().aggregate(
        everything=Count("pk"),
        sum_total=Sum("total", filter=~draft),
        sum_owing=Sum("owing"),
        sum_drafts=Count("pk", filter=draft),
        sum_drafted=Sum("total", filter=draft),
    )
    return Invoiced(
        count=found["everything"],
        total=found["sum_total"] or ZERO,
        owing=found["sum_owing"] or ZERO,
        drafts=found["sum_drafts"],
        drafted=found["sum_drafted"] or ZERO,
    )
