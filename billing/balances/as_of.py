"""The past: what lines owed, and what of receipts was on no line, as of any day.

Balances are stored as they are now. The past is worked out from them by taking back what came after
(docs/money.md): for today that is nothing, for last month end a month's rows. Rows are never changed or
deleted, so a figure of the past is the same whenever it is asked for.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    F,
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
from django.utils import timezone

from billing.models import (
    Adjudication,
    Adjustment,
    AdjustmentKind,
    Allocation,
    InvoiceLine,
    Offset,
    Payment,
)
from billing.models.invoices import InvoiceLineQuerySet
from billing.models.payments import IS_MOVE, IS_REFUND, UNDOING, PaymentQuerySet
from billing.money import ZERO, MoneyField
from patients.models import Patient, Provider

NOTHING = Value(ZERO, output_field=MoneyField())


class Basis(TextChoices):
    """Which day of a row counts: the one it is booked on, or the one it was typed in."""

    ACCOUNTING = "accounting", "Accounting date"
    ENTRY = "entry", "Entry date"


def begin_of(day: datetime.date, *, later: int = 0) -> datetime.datetime:
    """The first moment of a day by the clinic's clock, or so many days later. Of any day to come that
    of tomorrow: as good where it is asked what happened, and the calendar ends somewhere."""
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    reached = min(day, tomorrow) + datetime.timedelta(days=later)
    return timezone.make_aware(datetime.datetime.combine(reached, datetime.time()))


@dataclass(frozen=True)
class AsOf:
    """The books at the end of a day.

    By accounting date: with every row dated up to that day, whenever it was entered. By entry
    date: with every row entered up to the end of that day at the clinic, whatever it is dated.
    """

    day: datetime.date
    by: str = Basis.ACCOUNTING

    @classmethod
    def today(cls) -> AsOf:
        return cls(timezone.localdate())

    @property
    def is_now(self) -> bool:
        """Whether nothing can have come after: no row is dated or entered ahead of today."""
        return self.day >= timezone.localdate()

    def until(self, date: str = "date", entered: str = "created_at") -> Q:
        """The rows that count; `date` and `entered` are the fields that say when."""
        if self.by == Basis.ENTRY:
            return Q(**{f"{entered}__lt": begin_of(self.day, later=1)})
        return Q(**{f"{date}__lte": self.day})

    def after(self, date: str = "date", entered: str = "created_at") -> Q:
        """The rows that came later."""
        if self.by == Basis.ENTRY:
            return Q(**{f"{entered}__gte": begin_of(self.day, later=1)})
        return Q(**{f"{date}__gt": self.day})

    def later(self, rows: QuerySet[Any], by: str) -> Coalesce:
        """For each receipt or line the sum of what came later of the rows whose `by` it is.

        The rows are found by their key alone and the later ones are picked out then: given the
        date as well, SQLite looks through all that came later for every single receipt.
        """
        mine = rows.filter(**{by: OuterRef("pk")}).order_by().values(by)
        sums = mine.annotate(added_up=Sum("amount", filter=self.after())).values("added_up")
        return Coalesce(Subquery(sums), NOTHING, output_field=MoneyField())

    def worth_a_look(self, stands: Q) -> Q:
        """Rows that stand at something now, or that something came to later: no others stood at
        anything then. By entry date there is no telling but by looking at each."""
        return stands | Q(last_date__gt=self.day) if self.by == Basis.ACCOUNTING else Q()


def lines_as_of(as_of: AsOf) -> InvoiceLineQuerySet:
    """Every line that owed something then: `balance_then`, and `owner_then`, the insurer who was
    to pay it (nobody: the patient)."""
    if as_of.is_now:
        now: InvoiceLineQuerySet = InvoiceLine.objects.open().annotate(
            balance_then=F("balance"), owner_then=F("payer_id")
        )
        return now
    answers = Adjudication.objects.filter(line=OuterRef("pk")).order_by("pk")
    answered = answers.filter(as_of.until()).order_by("-pk")
    lines = InvoiceLine.objects.issued().filter(
        as_of.until("issued_on", "invoice__issued_at"), as_of.worth_a_look(Q(balance__gt=0))
    )
    found: InvoiceLineQuerySet = lines.annotate(
        balance_then=F("balance")
        + as_of.later(Allocation.objects.all(), "line")
        + as_of.later(Adjustment.objects.all(), "line"),
        # Whom the last answer left it to; before any answer, who owed it when it was issued.
        owner_then=Case(
            When(Exists(answered), then=Subquery(answered.values("owed_after")[:1])),
            When(Exists(answers), then=Subquery(answers.values("owed_before")[:1])),
            default=F("payer_id"),
            output_field=BigIntegerField(),
        ),
    ).filter(balance_then__gt=0)
    return found


def receipts_as_of(as_of: AsOf) -> PaymentQuerySet:
    """Every receipt, and credit moved in, whose `unallocated_then` was not nothing; with what of it
    lines held then (`allocated_then`)."""
    money_in, stands = Payment.objects.money_in(), Q(unallocated__gt=0) | Q(unallocated__lt=0)
    if as_of.is_now:
        now: PaymentQuerySet = money_in.filter(stands).annotate(
            unallocated_then=F("unallocated"), allocated_then=F("allocated")
        )
        return now
    allocated_later = as_of.later(Allocation.objects.all(), "payment")
    found: PaymentQuerySet = (
        money_in.filter(as_of.until(), as_of.worth_a_look(stands))
        .annotate(
            unallocated_then=F("unallocated")
            + allocated_later
            - as_of.later(Payment.objects.all(), "source")
            - as_of.later(Offset.objects.all(), "payment"),
            allocated_then=F("allocated") - allocated_later,
        )
        .exclude(unallocated_then=0)
    )
    return found


# ---------------------------------------------------------------------------- totals


@dataclass(frozen=True)
class StandsThen:
    """What is owed, what of receipts is on no line, and the difference."""

    receivable: Decimal
    unallocated: Decimal

    @property
    def net(self) -> Decimal:
        return self.receivable - self.unallocated


def standing_as_of(
    as_of: AsOf, patient: Patient | None = None, provider: Provider | None = None
) -> StandsThen:
    """The whole clinic then (or one patient, or their account with one provider), from the stored
    balances with what came after taken back.

    It is taken back from the sums, not from each line and receipt: as of yesterday only a day's
    rows are looked at. What a line or receipt began with that came after is among them.
    """
    given = {"patient": patient, "provider": provider}

    def its(by: str = "") -> dict[str, Any]:
        return {f"{by}{name}": who for name, who in given.items() if who is not None}

    after = as_of.after()
    lines, payments = InvoiceLine.objects.filter(**its()), Payment.objects.filter(**its())
    charges = lines.issued().filter(as_of.after("issued_on", "invoice__issued_at"))
    allocations = Allocation.objects.filter(after)
    return StandsThen(
        _added_up(
            (1, lines.open(), "balance"),
            (-1, charges, "amount"),
            (1, allocations.filter(**its("line__")), "amount"),
            (1, Adjustment.objects.filter(after, **its("line__")), "amount"),
        ),
        _added_up(
            (1, payments.with_credit(), "unallocated"),
            (1, payments.overdrawn(), "unallocated"),
            (-1, payments.filter(after), "amount"),
            (1, allocations.filter(**its("payment__")), "amount"),
            (-1, Offset.objects.filter(after, **its("payment__")), "amount"),
        ),
    )


def _added_up(*parts: tuple[int, QuerySet[Any], str]) -> Decimal:
    """Sums of columns, each with its sign: one statement, of which each part finds its own rows."""
    first, *others = (
        rows.order_by()
        .annotate(sign=Value(sign))
        .values("sign")
        .annotate(sum=Sum(column))
        .values_list("sign", "sum")
        for sign, rows, column in parts
    )
    found = first.union(*others, all=True)
    return sum((sign * total for sign, total in found if total is not None), ZERO)


def standing_from_rows(as_of: AsOf) -> StandsThen:
    """The same, added up from the first row on: no stored balance has a part in it."""
    until = as_of.until()
    charged = _total(
        InvoiceLine.objects.issued().filter(as_of.until("issued_on", "invoice__issued_at"))
    )
    allocated = _total(Allocation.objects.filter(until))
    adjusted = _total(Adjustment.objects.filter(until))
    moved = _total(Payment.objects.filter(until))
    offset = _total(Offset.objects.filter(until))
    return StandsThen(charged - allocated - adjusted, moved - allocated + offset)


def money_moved(as_of: AsOf) -> Decimal:
    """All money that came in by then, less what went out: transfers come to nothing."""
    return _total(Payment.objects.filter(as_of.until()))


def money_placed(as_of: AsOf) -> Decimal:
    """The same money where it was then: on lines and unallocated, less what insurers kept of it."""
    until = as_of.until()
    on_lines = _total(Allocation.objects.filter(until))
    kept = _total(Offset.objects.filter(until))
    return on_lines + _unallocated(receipts_as_of(as_of)) - kept


def _unallocated(receipts: PaymentQuerySet) -> Decimal:
    return receipts.order_by().aggregate(sum=Sum("unallocated_then"))["sum"] or ZERO


def _total(rows: QuerySet[Any]) -> Decimal:
    return rows.order_by().aggregate(sum=Sum("amount"))["sum"] or ZERO


def standing_by_account(as_of: AsOf) -> StandsThen:
    """The same, as the sum of all accounts: each patient with each provider, and each payer."""
    accounts: dict[tuple[Any, ...], list[Decimal]] = {}
    owed = (
        lines_as_of(as_of)
        .order_by()
        .values_list("patient", "provider")
        .annotate(sum=Sum("balance_then"))
    )
    free = (
        receipts_as_of(as_of)
        .order_by()
        .values_list("patient", "provider", "payer")
        .annotate(sum=Sum("unallocated_then"))
    )
    for patient, provider, amount in owed.iterator():
        accounts.setdefault((patient, provider, None), [ZERO, ZERO])[0] += amount
    for patient, provider, payer, amount in free.iterator():
        accounts.setdefault((patient, provider, payer), [ZERO, ZERO])[1] += amount
    return StandsThen(
        sum((owed for owed, _free in accounts.values()), ZERO),
        sum((free for _owed, free in accounts.values()), ZERO),
    )


# ---------------------------------------------------------------------------- ageing


class Dates(TextChoices):
    """From which day a line's age counts."""

    SERVICE = "service", "Service date"
    BILLING = "billing", "Billing date"


AGEING = (
    ("current", "Current", None, 0),
    ("days_1_30", "1-30", 1, 30),
    ("days_31_60", "31-60", 31, 60),
    ("days_61_90", "61-90", 61, 90),
    ("days_over_90", "Over 90", 91, None),
)


def age_bands(as_of: AsOf, dates: str = Dates.SERVICE) -> dict[str, Case]:
    """For each band of age, an expression over `lines_as_of`: the balance if the line is in it.

    A line is current on its day, and on the days before, where it was billed ahead.
    """
    since = "issued_on" if dates == Dates.BILLING else "service_date"
    return {
        key: Case(
            When(_within(since, as_of.day, youngest, oldest), then=F("balance_then")),
            default=NOTHING,
            output_field=MoneyField(),
        )
        for key, _label, youngest, oldest in AGEING
    }


def _within(since: str, day: datetime.date, youngest: int | None, oldest: int | None) -> Q:
    found = Q()
    if youngest is not None:
        found &= Q(**{f"{since}__lte": day - datetime.timedelta(days=youngest)})
    if oldest is not None:
        found &= Q(**{f"{since}__gte": day - datetime.timedelta(days=oldest)})
    return found


def ageing_total(as_of: AsOf, dates: str = Dates.SERVICE) -> dict[str, Decimal]:
    """What was owed then, by age."""
    bands = {f"sum_{key}": Sum(band) for key, band in age_bands(as_of, dates).items()}
    found = lines_as_of(as_of).order_by().aggregate(**bands)
    return {key: found[f"sum_{key}"] or ZERO for key, *_band in AGEING}


# ---------------------------------------------------------------------------- roll-forward

# How a movement is called on the day sheet, and in which order. What the sum of money rows holds.
MOVEMENTS = {
    "charges": "Charges",
    **{f"adjustment_{kind.value}": str(kind.label) for kind in AdjustmentKind},
    "payments": "Payments received",
    "reversals": "Reversed or deleted payments",
    "refunds": "Refunds",
    "transfers": "Transfers between accounts",
    "offsets": "Insurers' offsets",
}


@dataclass(frozen=True)
class RollForward:
    """From the net receivable before a period to the one at its end, and what moved it.

    Net receivable is what lines owe less what is unallocated. Allocating and un-paying change
    both alike, so they are not among the movements (FIELD 2.10).
    """

    opening: Decimal
    movements: dict[str, Decimal]  # each as it changes the net receivable; keys of MOVEMENTS
    closing: Decimal

    @property
    def expected(self) -> Decimal:
        """What the movements lead to."""
        return self.opening + sum(self.movements.values(), ZERO)

    @property
    def difference(self) -> Decimal:
        """0.00, or rows and balances tell different stories."""
        return self.closing - self.expected


def roll_forward(
    first: datetime.date | None, last: datetime.date, by: str = Basis.ACCOUNTING
) -> RollForward:
    """The proof of a period: what is dated in it, or by entry date what was entered in it.

    Without a first day: from the beginning.
    """
    then = AsOf(last, by)
    before = AsOf(first - datetime.timedelta(days=1), by) if first else None

    def between(*fields: str) -> Q:
        return then.until(*fields) & (before.after(*fields) if before else Q())

    moved = dict.fromkeys(MOVEMENTS, ZERO)
    issued = InvoiceLine.objects.issued()
    moved["charges"] = _total(issued.filter(between("issued_on", "invoice__issued_at")))
    adjusted = Adjustment.objects.filter(between()).order_by()
    for kind, amount in adjusted.values_list("kind").annotate(sum=Sum("amount")):
        moved[f"adjustment_{kind}"] = -amount
    for kind, amount in _by_movement(Payment.objects.filter(between())):
        moved[kind] = -amount
    moved["offsets"] = -_total(Offset.objects.filter(between()))
    opening = standing_as_of(before).net if before else ZERO
    return RollForward(opening, moved, standing_as_of(then).net)


def _by_movement(payments: PaymentQuerySet) -> Iterable[tuple[str, Decimal]]:
    """Payments by what they are to the books. What undoes a refund or a transfer counts as one."""
    undone = {
        "transfers": IS_MOVE,
        "refunds": IS_REFUND,
        "reversals": Q(kind__in=UNDOING),
    }
    cases = [When(which, then=Value(name)) for name, which in undone.items()]
    found: Iterable[tuple[str, Decimal]] = (
        payments.order_by()
        .annotate(moves=Case(*cases, default=Value("payments")))
        .values_list("moves")
        .annotate(sum=Sum("amount"))
    )
    return found
