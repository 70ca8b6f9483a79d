"""Why money waits: receipts with unallocated money, and negative credit, each by its cause.

No cause is stored. It follows from the rows as they are, so it is never out of date; the database
works it out, so that a list can be narrowed by it and counted, however long the list is.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from billing.balances.as_of import AsOf, receipts_as_of
from billing.balances.remittances import unmatched_claims
from billing.models import Allocation, InvoiceLine, Kind, Payment
from billing.models.allocations import RELEASED
from billing.models.payments import BOUNCED, UNDOING, PaymentQuerySet
from billing.money import ZERO


class Cause(TextChoices):
    """Why a receipt has money that is on no line, or more on lines than was received."""

    OVER = "over", "Over-allocated"
    TAKEBACK = "takeback", "Takeback not on its lines yet"
    UNMATCHED = "unmatched", "Claim without a session"
    OFFSET = "offset", "Kept by the insurer, not explained"
    TAKEN_BACK = "taken-back", "Freed by a takeback"
    REST = "rest", "Rest of an insurer's payment"
    UNTYPED = "untyped", "Insurer's payment not shared out"
    RELEASED = "released", "Released, the insurer paid"
    VOIDED = "voided", "Freed by a voided line"
    UNPAID = "unpaid", "Un-paid later"
    PAYABLE = "payable", "Could pay what the patient owes"
    ELSEWHERE = "elsewhere", "Owes another provider"
    AHEAD = "ahead", "Paid before the insurer answered"
    PREPAID = "prepaid", "Paid ahead, nothing is owed"


class Owes(TextChoices):
    """What money that waits could be used for: the nearest that the patient owes."""

    HERE = "here", "The patient owes this provider"
    ELSEWHERE = "elsewhere", "The patient owes another provider"
    INSURER = "insurer", "An insurer has still to answer"
    NOTHING = "nothing", "Nothing is owed"


class NegativeCause(TextChoices):
    """Why credit is below zero: what happened to the receipt that was undone."""

    BOUNCED = "bounced", "Bounced, still pays lines"
    REVERSED = "reversed", "Reversed, still pays lines"
    DELETED = "deleted", "Deleted, still pays lines"
    REFUNDED = "refunded", "Paid back before it was undone"


class AgeBand(TextChoices):
    """How many days money has waited."""

    MONTH = "0-30", "0-30 days"
    TWO = "31-60", "31-60 days"
    THREE = "61-90", "61-90 days"
    OLDER = "over-90", "Over 90"


_COULD_PAY = {
    Owes.HERE: Cause.PAYABLE,
    Owes.ELSEWHERE: Cause.ELSEWHERE,
    Owes.INSURER: Cause.AHEAD,
}
_DAYS = (30, 60, 90)
_OF_A_PAYER = Q(patient__isnull=True)  # said by the first column of the partial indexes


def age_band(day: datetime.date, since: str) -> Case:
    """The age band of a date column, as of that day."""
    starts = [day - datetime.timedelta(days=days) for days in _DAYS]
    younger = [
        When(**{f"{since}__gte": start}, then=Value(band))
        for start, band in zip(starts, AgeBand.values, strict=False)
    ]
    return Case(*younger, default=Value(AgeBand.OLDER), output_field=CharField())


# ---------------------------------------------------------------------------- unallocated money


def with_way_on(receipts: PaymentQuerySet) -> PaymentQuerySet:
    """Receipts with what decides the way on: what a patient's could pay (`owes`), and of an
    insurer's the first claim without a session (`claim`)."""
    owes = Case(
        *(When(owed, then=Value(owes)) for owes, owed in _owed_to().items()),
        default=Value(Owes.NOTHING),
        output_field=CharField(),
    )
    claims = unmatched_claims().filter(remittance__payment=OuterRef("pk")).exclude(allocation=0)
    found: PaymentQuerySet = receipts.annotate(
        owes=Case(When(_OF_A_PAYER, then=Value("")), default=owes, output_field=CharField()),
        claim=Case(When(_OF_A_PAYER, then=Subquery(claims.order_by("pk").values("pk")[:1]))),
    )
    return found


def _owed_to() -> dict[Owes, Exists]:
    """What a patient's receipt could pay, the nearest first."""
    owed = InvoiceLine.objects.open().filter(patient=OuterRef("patient"))
    mine = Q(provider=OuterRef("provider"))
    return {
        Owes.HERE: Exists(owed.filter(mine, payer__isnull=True)),
        Owes.ELSEWHERE: Exists(owed.filter(payer__isnull=True)),
        Owes.INSURER: Exists(owed.filter(mine)),
    }


def unallocated_money(*, day: datetime.date) -> PaymentQuerySet:
    """Every receipt whose money waits, each with its `cause`, what it could pay (`owes`), its
    `age` band as of that day, and of an insurer's the first claim without a session (`claim`).

    Insurers' over-allocated receipts are among them. What a patient's reversed receipt still pays
    is negative credit: `negative_credit` has those.
    """
    # One after the other, each in the words of its own partial index: an OR of both reads every
    # payment on SQLite.
    over_allocated = Payment.objects.overdrawn().filter(_OF_A_PAYER)
    ids = Payment.objects.with_credit().values("pk").union(over_allocated.values("pk"), all=True)
    waiting = with_way_on(Payment.objects.filter(pk__in=ids)).annotate(age=age_band(day, "date"))
    could_pay = Case(
        *(When(owed, then=Value(_COULD_PAY[owes])) for owes, owed in _owed_to().items()),
        default=Value(Cause.PREPAID),
        output_field=CharField(),
    )
    takebacks = Allocation.objects.filter(payment=OuterRef("pk"), amount__lt=0)
    over = Q(unallocated__lt=0)
    found: PaymentQuerySet = waiting.annotate(
        cause=Case(
            # An insurer that took money back in this payment, or added it by an offset of the
            # opposite sign, has to have it come off lines; until then they hold too much.
            When(over & (Q(amount__lt=0) | Q(offset__gt=0)), then=Value(Cause.TAKEBACK)),
            When(over, then=Value(Cause.OVER)),
            When(claim__isnull=False, then=Value(Cause.UNMATCHED)),
            When(_OF_A_PAYER & Q(offset__lt=0), then=Value(Cause.OFFSET)),
            When(_OF_A_PAYER & Exists(takebacks), then=Value(Cause.TAKEN_BACK)),
            When(_OF_A_PAYER & Q(allocated__gt=0), then=Value(Cause.REST)),
            When(_OF_A_PAYER, then=Value(Cause.UNTYPED)),
            # Each is asked once for a receipt: what it came off, and only then what it could pay.
            default=Coalesce(_came_off(), could_pay),
            output_field=CharField(),
        )
    )
    return found


def _came_off() -> Subquery:
    """Why the last thing a patient's receipt did was to come off a line; NULL where it was not.

    Ordered by the clock, not by id: so the few rows of one receipt are sorted, where the database
    might else walk all allocations backwards until it meets one of them.
    """
    last = Allocation.objects.filter(payment=OuterRef("pk")).order_by("-created_at", "-pk")
    why = Case(
        When(amount__gt=0, then=Value(None)),
        When(reason__startswith=RELEASED, then=Value(Cause.RELEASED)),
        When(line__void__isnull=False, then=Value(Cause.VOIDED)),
        default=Value(Cause.UNPAID),
        output_field=CharField(),
    )
    return Subquery(last.annotate(why=why).values("why")[:1])


# ---------------------------------------------------------------------------- negative credit


def negative_credit(*, day: datetime.date) -> PaymentQuerySet:
    """Every undone receipt that makes an account's credit negative, each with its `cause`, since
    when it is so (`since`, the day it was undone), the `age` band of that, and how much of it
    lines still hold (`allocated`).

    By R7 an account with such a receipt has no credit beside it, so these are all of it.
    """
    undone = Payment.objects.overdrawn().of_patients()
    found: PaymentQuerySet = _undone(undone, Payment.objects.all(), "allocated").annotate(
        age=age_band(day, "since")
    )
    return found


def negative_credit_as_of(as_of: AsOf) -> PaymentQuerySet:
    """The same at the end of any day: what lines still held of them then (`allocated_then`), and
    by how much that was too much (`unallocated_then`, below zero)."""
    then: Any = receipts_as_of(as_of).of_patients()
    then = then.filter(unallocated_then__lt=0)
    return _undone(then, Payment.objects.filter(as_of.until()), "allocated_then")


def _undone(
    receipts: PaymentQuerySet, payments: PaymentQuerySet, allocated: str
) -> PaymentQuerySet:
    """The receipts with what undid them among these payments: its day and its cause."""
    undoing = payments.filter(original=OuterRef("pk"), kind__in=UNDOING).order_by()
    found: PaymentQuerySet = receipts.annotate(
        since=Subquery(undoing.values("date")[:1]),
        undone_as=Subquery(undoing.values("kind")[:1]),
        undone_why=Subquery(undoing.values("reason")[:1]),
    ).annotate(
        cause=Case(
            When(**{allocated: 0}, then=Value(NegativeCause.REFUNDED)),
            When(undone_as=Kind.VOID, then=Value(NegativeCause.DELETED)),
            When(undone_why=BOUNCED, then=Value(NegativeCause.BOUNCED)),
            default=Value(NegativeCause.REVERSED),
            output_field=CharField(),
        ),
    )
    return found


def still_pays(receipts: Iterable[Payment]) -> dict[int, list[tuple[str, Decimal]]]:
    """Receipt -> the invoices it still pays, each line's with how much; one query however many."""
    found: dict[int, list[tuple[str, Decimal]]] = defaultdict(list)
    for payment, number, _line, amount in (
        Allocation.objects.filter(payment__in=[each.pk for each in receipts])
        .values_list("payment", "line__invoice__number", "line")
        .annotate(held=Sum("amount"))
        .order_by("line__service_date", "line")
    ):
        if amount:
            found[payment].append((number, amount))
    return found


# ---------------------------------------------------------------------------- by cause and age


@dataclass(frozen=True)
class Counted:
    """So many receipts, and what they come to."""

    count: int = 0
    total: Decimal = ZERO

    @classmethod
    def together(cls, parts: Iterable[Counted]) -> Counted:
        listed = list(parts)
        return cls(sum(each.count for each in listed), sum((each.total for each in listed), ZERO))


@dataclass(frozen=True)
class CauseSum:
    """One cause (or all, where it is empty), and of it each age band, the youngest first."""

    cause: str
    label: str
    ages: Sequence[tuple[str, Counted]]

    @property
    def total(self) -> Counted:
        return Counted.together(each for _band, each in self.ages)


@dataclass(frozen=True)
class ByCause:
    """A worklist added up; `rows` are the causes that occur, in the order they are listed."""

    rows: Sequence[CauseSum]

    @property
    def total(self) -> CauseSum:
        return CauseSum("", "Together", self._ages(self.rows))

    def narrowed(self, cause: str = "", age: str = "") -> Counted:
        """What a list narrowed to this cause and this age comes to."""
        ages = self._ages(row for row in self.rows if cause in ("", row.cause))
        return Counted.together(each for band, each in ages if age in ("", band))

    @staticmethod
    def _ages(rows: Iterable[CauseSum]) -> list[tuple[str, Counted]]:
        bands: dict[str, list[Counted]] = {band: [] for band in AgeBand.values}
        for row in rows:
            for band, each in row.ages:
                bands[band].append(each)
        return [(band, Counted.together(parts)) for band, parts in bands.items()]


def by_cause(found: QuerySet[Any], causes: type[TextChoices]) -> ByCause:
    """Add a worklist up by cause and age: one query."""
    sums: dict[str, dict[str, Counted]] = defaultdict(dict)
    for cause, age, count, total in (
        found.order_by()
        .values_list("cause", "age")
        .annotate(count=Count("pk"), total=Sum("unallocated"))
    ):
        sums[cause][age] = Counted(count, total)
    return ByCause(
        [
            CauseSum(
                cause, label, [(age, sums[cause].get(age, Counted())) for age in AgeBand.values]
            )
            for cause, label in causes.choices
            if cause in sums
        ]
    )
