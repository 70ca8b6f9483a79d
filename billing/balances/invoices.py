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


def invoiced_total(
    invoices: QuerySet[Invoice], of_period: InvoiceLineQuerySet | None = None
) -> Invoiced:
    """The line over a list of invoices.

    Where these are all invoices of a period, say so by the issued lines `of_period`: what they
    come to is then read from indexes, and not from each invoice's lines.
    """
    found = invoices.order_by()
    counted = found.aggregate(count=Count("pk"), issued=Count("number"))
    sums = _of_each(found) if of_period is None else _of_period(of_period, found)
    return Invoiced(
        count=counted["count"],
        total=sums["total"] or ZERO,
        owing=sums["owing"] or ZERO,
        drafts=counted["count"] - counted["issued"],
        drafted=sums["drafted"] or ZERO,
    )


def _of_each(invoices: QuerySet[Invoice]) -> dict[str, Decimal | None]:
    """What was charged and stands, what is left of it, and what drafts come to."""
    return InvoiceLine.objects.filter(invoice__in=invoices.values("pk")).aggregate(
        total=Sum("amount", filter=_STANDING & Q(issued_on__isnull=False)),
        drafted=Sum("amount", filter=_STANDING & Q(issued_on__isnull=True)),
        owing=Sum("balance"),
    )


def _of_period(
    lines: InvoiceLineQuerySet, invoices: QuerySet[Invoice]
) -> dict[str, Decimal | None]:
    """The same of a period: all that was charged in it, less the little that was voided."""

    def part(what: str, among: InvoiceLineQuerySet, column: str = "amount") -> Any:
        rows = among.order_by().annotate(what=Value(what)).values("what")
        return rows.annotate(sum=Sum(column)).values_list("what", "sum")

    drafts = invoices.filter(number__isnull=True)
    others = (
        part("voided", lines.filter(void__isnull=False)),
        part("owing", lines.open(), "balance"),
        part("drafted", InvoiceLine.objects.filter(invoice__in=drafts.values("pk"))),
    )
    sums = dict(part("charged", lines).union(*others, all=True))
    return {**sums, "total": (sums["charged"] or ZERO) - (sums["voided"] or ZERO)}
