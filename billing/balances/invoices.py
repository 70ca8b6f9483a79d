"""Invoices as a list shows them: what they come to, what is left, and their state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from billing.models import Invoice, InvoiceLine
from billing.models.invoices import InvoiceLineQuerySet
from billing.money import ZERO, MoneyField

DRAFT, OPEN, PAID, VOID = "Draft", "Open", "Paid", "Void"

_STANDING = Q(void__isnull=True)
_NOTHING = Value(ZERO, output_field=MoneyField())


def with_sums(invoices: QuerySet[Invoice]) -> Any:
    """Each invoice with its lines, total and balance, to sort by. What was voided is in no total."""
    standing = Q(lines__void__isnull=True)
    return invoices.annotate(
        line_count=Count("lines"),
        total=Coalesce(Sum("lines__amount", filter=standing), _NOTHING),
        owing=Coalesce(Sum("lines__balance"), _NOTHING),
    )


def in_state(invoices: QuerySet[Invoice], state: str) -> QuerySet[Invoice]:
    """Those that are drafts, open, paid or void: all of a void invoice's lines are."""
    if state == DRAFT:
        return invoices.filter(number__isnull=True)
    issued = invoices.filter(number__isnull=False)
    open_ = Q(pk__in=InvoiceLine.objects.open().values("invoice"))
    if state == OPEN:
        return issued.filter(open_)
    stands = Exists(InvoiceLine.objects.standing().filter(invoice=OuterRef("pk")))
    return issued.filter(stands).exclude(open_) if state == PAID else issued.filter(~stands)


@dataclass(frozen=True)
class InvoiceSums:
    """How many lines an invoice has, what they come to, what is left of it, and its state."""

    lines: int
    total: Decimal
    owing: Decimal
    state: str


def sums_of(invoices: Iterable[Invoice]) -> dict[int, InvoiceSums]:
    """What the invoices of a page add up to, by their ids: one query."""
    listed = {invoice.pk: invoice for invoice in invoices}
    rows = (
        InvoiceLine.objects.filter(invoice__in=listed)
        .order_by()
        .values_list("invoice")
        .annotate(
            count=Count("pk"),
            gone=Count("void"),
            total=Sum("amount", filter=_STANDING),
            owing=Sum("balance"),
        )
    )
    found = {
        pk: InvoiceSums(0, ZERO, ZERO, _state(invoice, 0, 0, ZERO))
        for pk, invoice in listed.items()
    }
    for pk, lines, voided, total, owing in rows:
        state = _state(listed[pk], lines, voided, owing)
        found[pk] = InvoiceSums(lines, total or ZERO, owing, state)
    return found


def _state(invoice: Invoice, lines: int, voided: int, owing: Decimal) -> str:
    if not invoice.number:
        return DRAFT
    if lines == voided:
        return VOID
    return OPEN if owing else PAID


@dataclass(frozen=True)
class Invoiced:
    """What a list of invoices adds up to; drafts owe nothing and are counted apart."""

    count: int
    total: Decimal
    owing: Decimal
    drafts: int
    drafted: Decimal


def invoiced_total(invoices: QuerySet[Invoice], lines: InvoiceLineQuerySet) -> Invoiced:
    """The line over a list of invoices; `lines` are the issued ones of these invoices.

    Each figure is asked by itself, so that each is read from an index.
    """
    found = invoices.order_by()
    drafts = found.filter(number__isnull=True).aggregate(
        count=Count("pk", distinct=True),
        total=Sum("lines__amount", filter=Q(lines__void__isnull=True)),
    )
    charged, voided = (
        each.aggregate(total=Sum("amount"))["total"] or ZERO
        for each in (lines, lines.filter(void__isnull=False))
    )
    owing = lines.open().aggregate(total=Sum("balance"))["total"]
    return Invoiced(
        count=found.count(),
        total=charged - voided,
        owing=owing or ZERO,
        drafts=drafts["count"],
        drafted=drafts["total"] or ZERO,
    )
