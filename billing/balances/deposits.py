"""What waits to go to the bank, and what lies on a slip."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q, Subquery, Sum

from billing.models import Deposit, DepositItem, Kind, Method, Payment
from billing.models.deposits import DepositQuerySet
from billing.models.payments import UNDOING, PaymentQuerySet
from billing.money import ZERO

PAPER = (Method.CASH, Method.CHECK)
"""What is carried to the bank. Cards and EFT arrive there by themselves."""


def to_deposit(
    *, last: datetime.date, methods: Sequence[str], first: datetime.date | None = None
) -> PaymentQuerySet:
    """Receipts, reversals and refunds dated up to `last` that are on no slip yet, oldest first.

    What was reversed before it reached a slip never went to the bank, so neither it nor its
    reversal is here; of what lies on a slip, the reversal is. Nor are deleted payments, and insurers'
    answers without money.
    """
    undone = Payment.objects.filter(original=OuterRef("pk"), kind__in=UNDOING).filter(
        Q(kind=Kind.VOID) | Q(date__lte=last, deposit_item__isnull=True)
    )
    of_something_banked = Q(
        original__kind__in=[Kind.RECEIPT, Kind.REFUND], original__deposit_item__isnull=False
    )
    found = Payment.objects.filter(
        Q(kind__in=[Kind.RECEIPT, Kind.REFUND]) | Q(kind=Kind.REVERSAL) & of_something_banked,
        ~Exists(undone),
        date__lte=last,
        method__in=methods,
        deposit_item__isnull=True,
    ).exclude(amount=0)
    return (found.filter(date__gte=first) if first else found).oldest_first()


@dataclass(frozen=True)
class MethodSum:
    """So many rows of one method, and what they add up to."""

    method: str
    count: int
    total: Decimal

    @property
    def name(self) -> str:
        return str(Method(self.method).label) if self.method else "Not said"


def by_method(rows: Iterable[Payment]) -> list[MethodSum]:
    """What these rows add up to, a sum a method, in the order methods are listed everywhere."""
    found: dict[str, list[Decimal]] = defaultdict(list)
    for row in rows:
        found[row.method].append(row.amount)
    order = [*Method.values, ""]
    return [
        MethodSum(method, len(found[method]), sum(found[method], ZERO))
        for method in order
        if method in found
    ]


def money_total(rows: Iterable[Payment]) -> Decimal:
    """What rows of money add up to, what was given back counting against it."""
    return sum((row.amount for row in rows), ZERO)


@dataclass(frozen=True)
class Slip:
    """What lies on a slip, and the same added up another way: the sums of its payments by method,
    as the database has them. `difference` is 0.00, or the books are broken."""

    rows: Sequence[Payment]
    methods: Sequence[MethodSum]
    total: Decimal

    @property
    def difference(self) -> Decimal:
        return money_total(self.rows) - self.total


def slip(deposit: Deposit) -> Slip:
    """Everything on a slip: by method, and within one in the order it came in."""
    items = (
        deposit.items.select_related(
            "payment__patient",
            "payment__payer",
            "payment__source",
            "payment__original__source",
            "payment__original__original",
        )
        .order_by("payment__date", "payment_id")
        .all()
    )
    order = {method: place for place, method in enumerate(Method.values)}
    rows = sorted((item.payment for item in items), key=lambda row: order.get(row.method, 99))
    sums = {
        each["method"]: MethodSum(each["method"], each["count"], each["total"])
        for each in Payment.objects.filter(deposit_item__deposit=deposit)
        .values("method")
        .annotate(count=Count("pk"), total=Sum("amount"))
        .order_by()
    }
    methods = [sums[method] for method in (*Method.values, "") if method in sums]
    return Slip(rows, methods, sum((each.total for each in methods), ZERO))


def with_slip_sums(deposits: DepositQuerySet) -> DepositQuerySet:
    """Slips, each with how many rows lie on it and what they add up to."""
    items = DepositItem.objects.filter(deposit=OuterRef("pk")).order_by().values("deposit")
    return deposits.annotate(
        count=Subquery(items.annotate(rows=Count("pk")).values("rows")),
        total=Subquery(items.annotate(sum=Sum("payment__amount")).values("sum")),
    )


def slip_of(payment: Payment) -> Deposit | None:
    """The slip a row of money went to the bank on, if it did."""
    item = DepositItem.objects.filter(payment=payment).select_related("deposit").first()
    return item.deposit if item else None
