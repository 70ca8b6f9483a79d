"""What insurers answered on lines, and what they keep or owe beside them."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)

from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    InvoiceLine,
    Offset,
    Outcome,
    Payment,
    Responsibility,
)
from billing.models.offsets import RECOVERIES
from billing.models.payments import PaymentQuerySet
from billing.models.prepared import Ids, Prepared
from billing.money import ZERO
from billing.sharing import Policy, next_payer
from patients.models import Payer

# ---------------------------------------------------------------------------- answers


@dataclass(frozen=True)
class Answer:
    """The latest standing word of an insurer on a line, and what it says the patient owes."""

    adjudication: Adjudication | None
    owes: Sequence[tuple[str, Decimal]]

    @property
    def state(self) -> str:
        """Denied, Deductible, Paid nothing ...: what the tag beside the line says, or nothing."""
        if self.adjudication is None:
            return ""
        outcome = self.adjudication.outcome
        if outcome == Outcome.PATIENT and len(self.owes) == 1:
            return self.owes[0][0]
        shown = {Outcome.DENIED, Outcome.ZERO, Outcome.FORWARDED, Outcome.PATIENT}
        return str(self.adjudication.get_outcome_display()) if outcome in shown else ""


def answers(lines: Iterable[InvoiceLine]) -> dict[int, Answer]:
    """Line -> its insurers' latest answer; two queries however many lines."""
    return _answers(Q(line__in=[line.pk for line in lines]))


def _answers(where: Q) -> dict[int, Answer]:
    latest: dict[int, Adjudication] = {}
    for each in (
        Adjudication.objects.standing()
        .filter(where)
        .select_related("payment", "owed_after")
        .order_by("pk")
    ):
        latest[each.line_id] = each
    owes: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for said in Responsibility.objects.filter(where).order_by("pk"):
        owes[said.line_id][said.get_kind_display()] += said.amount
    standing = {
        pk: Answer(latest.get(pk), [each for each in owes[pk].items() if each[1]])
        for pk in {*latest, *owes}
    }
    return {pk: answer for pk, answer in standing.items() if answer.adjudication or answer.owes}


@dataclass(frozen=True)
class OnLine:
    """What one insurer's payment does on a line, and what it says there."""

    line: InvoiceLine
    paid: Decimal
    written_off: Decimal
    answer: Answer | None
    payer_id: int | None

    @property
    def is_passed_on(self) -> bool:
        """Whether the rest waits for somebody else than who made this payment."""
        return self.line.payer_id != self.payer_id


def on_lines(payment: Payment) -> list[OnLine]:
    """Every line an insurer's payment pays, takes back from, writes off, or only answers on.

    A denial moves no money and is listed all the same. Nothing is left of a payment that was undone.
    """
    own = Q(payment=payment)
    paid = _sums(Allocation.objects.filter(own))
    written_off = _sums(Adjustment.objects.filter(own))
    said = _answers(own)
    lines = InvoiceLine.objects.with_names().in_bulk({*paid, *written_off, *said})
    return [
        OnLine(
            line,
            paid.get(line.pk, ZERO),
            written_off.get(line.pk, ZERO),
            said.get(line.pk),
            payment.payer_id,
        )
        for line in sorted(
            lines.values(), key=lambda line: (line.patient_id, line.service_date, line.pk)
        )
    ]


def _sums(rows: QuerySet[Allocation] | QuerySet[Adjustment]) -> dict[int, Decimal]:
    """Line -> what the rows add up to there, where that is not nothing."""
    summed = rows.values_list("line").annotate(total=Sum("amount")).order_by()
    return {line: total for line, total in summed if total}


POLICIES = Prepared(
    lambda: (
        InvoiceLine.objects.filter(pk__among=Ids("lines"), patient__coverages__isnull=False)
        .order_by("patient__coverages__rank", "patient__coverages__pk")
        .values_list(
            "pk",
            "service_date",
            "patient__coverages__rank",
            "patient__coverages__payer_id",
            "patient__coverages__start",
            "patient__coverages__end",
            "patient__coverages__payer__name",
        )
    )
)


def next_payers(lines: Iterable[int], payer: Payer | None) -> dict[int, str]:
    """Line -> the payer billed after this one, by name; one query however many lines.

    Lines whose rest is the patient's are left out. The ledger asks the same rule when it posts.
    """
    policies: dict[int, list[Policy]] = defaultdict(list)
    days: dict[int, datetime.date] = {}
    names: dict[int, str] = {}
    for line, day, rank, pk, start, end, name in POLICIES.rows(lines=lines):
        policies[line].append(Policy(rank, pk, start, end))
        days[line] = day
        names[pk] = name
    found = {
        line: next_payer(policies[line], payer.pk if payer else None, days[line])
        for line in policies
    }
    return {line: names[after] for line, after in found.items() if after}


LATELY = 5  # payments that show what a payer usually does


def usually_writes_off(payer: Payer) -> bool:
    """Whether most of a payer's latest payments brought write-offs."""
    brought = Exists(Adjustment.objects.filter(payment=OuterRef("pk"), amount__gt=0))
    lately: list[bool] = list(
        Payment.objects.receipts()
        .filter(payer=payer, allocated__gt=0)
        .order_by("-pk")
        .values_list(brought, flat=True)[:LATELY]
    )
    return sum(lately) * 2 > len(lately)


def last_methods(payers: Iterable[Payer]) -> dict[int, str]:
    """Payer -> how it paid last."""
    latest = Payment.objects.receipts().filter(payer=OuterRef("pk")).order_by("-pk")
    return dict(
        Payer.objects.filter(pk__in=[payer.pk for payer in payers])
        .annotate(last=Subquery(latest.values("method")[:1]))
        .filter(last__isnull=False)
        .values_list("pk", "last")
    )


NAMED = ("line__patient", "line__provider", "line__invoice", "line__payer", "payment")


def denied() -> QuerySet[Adjudication]:
    """Denials somebody has to deal with: the line still waits for the insurer that denied it."""
    later = Adjudication.objects.standing().filter(line=OuterRef("line"), pk__gt=OuterRef("pk"))
    waits = Q(line__balance__gt=0, line__payer=F("owed_after"))
    # Most denials were dealt with long ago: only of lines that wait it is asked what came later.
    unanswered = Case(When(waits, then=~Exists(later)), default=False)
    return (
        Adjudication.objects.standing()
        .filter(waits, unanswered, outcome=Outcome.DENIED)
        .select_related(*NAMED)
        .order_by("date", "pk")
    )


@dataclass(frozen=True)
class Denials:
    """The oldest few denials, how many there are, and what they owe together."""

    rows: Sequence[tuple[Adjudication, int]]
    count: int
    total: Decimal


def denials(*, day: datetime.date, first: int, payer: Payer | None = None) -> Denials:
    """The worklist of denials (of one payer, if named), oldest first, each with its age in days."""
    found = denied()
    if payer:
        found = found.filter(owed_after=payer)
    # Which they are takes most of the time, so it is asked once, of all.
    owed = dict(found.select_related(None).values_list("pk", "line__balance"))
    oldest = Adjudication.objects.filter(pk__in=list(owed)[:first]).order_by("date", "pk")
    shown = oldest.select_related(*NAMED) if owed else ()
    rows = [(each, (day - each.date).days) for each in shown]
    return Denials(rows, len(owed), sum(owed.values(), ZERO))


# ---------------------------------------------------------------------------- offsets


@dataclass(frozen=True)
class PayerStanding:
    """How things stand with one payer."""

    payer: Payer | None
    lines: int  # sessions that wait for it
    owing: Decimal  # what they owe
    unallocated: Decimal  # its money that is on no line yet
    over_allocated: Decimal  # what was put on lines above what it paid; below nothing
    owed: Decimal  # deferred and still to recover; below nothing, kept for what no line says yet


def payer_standings() -> list[PayerStanding]:
    """Every payer something goes on with, by name; five queries however many."""
    going_on = _GoingOn.of()
    return [
        going_on.standing(payer)
        for payer in Payer.objects.filter(Q(active=True) | Q(pk__in=going_on.payers))
    ]


def payer_standing(payer: Payer) -> PayerStanding:
    """How things stand with this payer; four queries."""
    return _GoingOn.of(payer).standing(payer)


@dataclass(frozen=True)
class _GoingOn:
    """Payer -> its open lines and what they owe, its free and its overdrawn money, its debts."""

    waiting: dict[int, tuple[int, Decimal]]
    free: dict[int, Decimal]
    over: dict[int, Decimal]
    debts: dict[int, Decimal]

    @classmethod
    def of(cls, payer: Payer | None = None) -> _GoingOn:
        whose = Q(payer=payer) if payer else Q()
        of_offsets = Q(payment__payer=payer) if payer else Q()
        waiting = (
            InvoiceLine.objects.open()
            .filter(whose, payer__isnull=False)
            .values_list("payer")
            .annotate(count=Count("pk"), owing=Sum("balance"))
            .order_by()
        )
        debts = (
            Offset.objects.standing()
            .recoveries()
            .filter(of_offsets)
            .values_list("payment__payer")
            .annotate(total=Sum("amount"))
            .order_by()
        )
        return cls(
            {pk: (count, owing) for pk, count, owing in waiting},
            _unallocated(Payment.objects.with_credit().filter(whose)),
            _unallocated(Payment.objects.overdrawn().filter(whose)),
            {pk: -total for pk, total in debts},
        )

    @property
    def payers(self) -> set[int]:
        return {*self.waiting, *self.free, *self.over, *self.debts}

    def standing(self, payer: Payer) -> PayerStanding:
        return PayerStanding(
            payer,
            *self.waiting.get(payer.pk, (0, ZERO)),
            self.free.get(payer.pk, ZERO),
            self.over.get(payer.pk, ZERO),
            self.debts.get(payer.pk, ZERO),
        )


def _unallocated(receipts: PaymentQuerySet) -> dict[int, Decimal]:
    # Where there is no patient there is a payer; said so, the small index is used.
    sums = receipts.filter(patient__isnull=True).values_list("payer").order_by()
    return dict(sums.annotate(total=Sum("unallocated")))


def payers_total(rows: Iterable[PayerStanding]) -> PayerStanding:
    """The row for all payers together."""
    listed = list(rows)
    return PayerStanding(
        None,
        sum(each.lines for each in listed),
        sum((each.owing for each in listed), ZERO),
        sum((each.unallocated for each in listed), ZERO),
        sum((each.over_allocated for each in listed), ZERO),
        sum((each.owed for each in listed), ZERO),
    )


@dataclass(frozen=True)
class OffsetRow:
    """A line of a payer's offset account, with what was owed to the payer after it."""

    offset: Offset
    owed: Decimal


def offset_account(payer: Payer) -> list[OffsetRow]:
    """A payer's offsets as they came, undone ones and their opposites included.

    The running figure counts recoveries only: interest, penalties and bonuses are no debt.
    """
    owed = ZERO
    rows = []
    for offset in (
        Offset.objects.filter(payment__payer=payer)
        .select_related("payment", "created_by")
        .order_by("date", "pk")
    ):
        if offset.code in RECOVERIES:
            owed -= offset.amount
        rows.append(OffsetRow(offset, owed))
    return rows


def open_forwards(payer: Payer) -> dict[str, Decimal]:
    """Reference -> what is still to be recovered under it (balances carried forward, WO, 72)."""
    sums = (
        Offset.objects.filter(payment__payer=payer)
        .recoveries()
        .values_list("reference")
        .annotate(total=Sum("amount"))
        .order_by("reference")
    )
    return {reference: -total for reference, total in sums if total}
