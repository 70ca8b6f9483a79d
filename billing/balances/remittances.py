"""How a draft of a remittance stands, and claims that were saved without a session."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Case, Count, QuerySet, Sum, When

from billing.models import Remittance, RemittanceOffset, RemittanceRow, RemittanceState, RowState
from billing.models.remittances import OPEN, UNPLACED
from billing.money import ZERO


@dataclass(frozen=True)
class Standing:
    """How far along a draft is. What is ticked or sure is placed; the rest asks for somebody."""

    amount: Decimal
    counts: Mapping[int, int]
    sums: Mapping[int, Decimal]
    offsets: int
    effects: Decimal

    @property
    def placed(self) -> Decimal:
        return self.sums.get(RowState.MATCHED, ZERO)

    @property
    def kept(self) -> Decimal:
        """Money that stays unallocated on the payer's receipt because somebody said so."""
        return self.sums.get(RowState.UNAPPLIED, ZERO) + self.sums.get(RowState.NOTHING, ZERO)

    @property
    def unallocated(self) -> Decimal:
        """What nobody has said anything about yet."""
        return self.amount - self.placed - self.effects - self.kept

    @property
    def settled(self) -> Decimal:
        """What has its place, or was said to need none."""
        return self.amount - self.unallocated

    @property
    def percent(self) -> int:
        """How far along it is, for the meter: 0 to 100."""
        if not self.amount:
            return 100
        return int(max(min(self.settled * 100 / self.amount, Decimal(100)), ZERO))

    @property
    def over(self) -> Decimal:
        """What the payment, once saved, would have on its sessions beyond what was received."""
        return max(ZERO, self.placed + self.effects - self.amount)

    @property
    def to_check(self) -> int:
        return self.counts.get(RowState.CHECK, 0)

    @property
    def to_choose(self) -> int:
        return self.counts.get(RowState.CHOOSE, 0)

    @property
    def not_found(self) -> int:
        return self.counts.get(RowState.NOT_FOUND, 0)

    @property
    def unapplied(self) -> int:
        return self.counts.get(RowState.UNAPPLIED, 0)

    @property
    def matched(self) -> int:
        return self.counts.get(RowState.MATCHED, 0)

    @property
    def others(self) -> int:
        """Provider adjustments, and claims that post nothing."""
        return self.offsets + self.counts.get(RowState.NOTHING, 0)

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def standing(draft: Remittance) -> Standing:
    """Two queries, however many rows."""
    counts: dict[int, int] = {}
    sums: dict[int, Decimal] = {}
    for state, count, total in (
        draft.rows.values_list("state")
        .annotate(count=Count("pk"), total=Sum("allocation"))
        .order_by()
    ):
        counts[state], sums[state] = count, total
    # What is taken back from sessions instead comes off the payment all the same.
    offsets = RemittanceOffset.objects.filter(remittance=draft).aggregate(
        count=Count("pk"), total=Sum("amount")
    )
    effects = ZERO - (offsets["total"] or ZERO)
    return Standing(draft.amount, counts, sums, offsets["count"], effects)


# ---------------------------------------------------------------------------- saved, not placed


def unmatched_claims() -> QuerySet[RemittanceRow]:
    """Rows of saved remittances that have no session yet, the oldest payment first.

    Money that left the payment meanwhile (put on lines from the payment's own page, or returned)
    needs no session any more.
    """
    return (
        RemittanceRow.objects.filter(
            state__in=UNPLACED,
            remittance__state=RemittanceState.POSTED,
            remittance__attached=False,
            remittance__payment__reversed=False,
        )
        .exclude(allocation__gt=0, remittance__payment__unallocated=0)
        .select_related("claim", "remittance__payer", "remittance__payment")
        .order_by("remittance__payment__date", "remittance", "group", "number", "pk")
    )


@dataclass(frozen=True)
class Unmatched:
    """The oldest few unmatched claims with their age in days, how many, and how much money."""

    rows: Sequence[tuple[RemittanceRow, int]]
    count: int
    total: Decimal


def unmatched(*, day: datetime.date, first: int) -> Unmatched:
    """The worklist of unmatched claims, as Today shows it."""
    found = unmatched_claims()
    sums = found.order_by().aggregate(count=Count("pk"), total=Sum("allocation"))
    rows = []
    for row in found[:first] if sums["count"] else ():
        payment = row.remittance.payment
        rows.append((row, (day - payment.date).days if payment else 0))
    return Unmatched(rows, sums["count"], sums["total"] or ZERO)


def open_remittances() -> QuerySet[Remittance]:
    """Drafts somebody has to save or discard, the oldest first, with what keeps them."""
    waits = Case(When(rows__state__in=(RowState.CHECK, *OPEN), then=1))
    return (
        Remittance.objects.drafts()
        .with_names()
        .annotate(waiting=Count(waits))
        .order_by("file__uploaded_at", "pk")
    )
