"""What the page of an insurer's draft shows: its figures, its tabs, its rows and offsets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.paginator import EmptyPage, PageNotAnInteger
from django.db.models import Count, QuerySet

from billing import balances
from billing.balances import Standing
from billing.era.refusals import Finding
from billing.models import Remittance, RemittanceOffset, RemittanceRow, RemittanceState, RowState
from billing.models.remittances import OPEN
from billing.money import show_dollars
from billing.remittances import review
from patients.http import DeskRequest
from patients.tables import CountedPaginator, page_number

ROWS = 50  # of one page
SHOWN: dict[str, tuple[int, ...]] = {
    "open": (RowState.CHECK, *OPEN),
    "check": (RowState.CHECK,),
    "choose": (RowState.CHOOSE,),
    "not-found": (RowState.NOT_FOUND,),
    "unapplied": (RowState.UNAPPLIED,),
    "matched": (RowState.MATCHED,),
    "other": (RowState.NOTHING,),
}
KINDS_OF_ROW = {
    "B1": "of a claim of ours, with another charge",
    "B2": "found by the person",
    "B3": "about a whole claim",
}
WHY_CHECK = {
    "B1": "The claim is ours, but the charge, the date or the code differs",
    "B2": "Found by the person, the date, the service and the charge; not by a claim number",
    "B3": "About the whole claim: shared out over its sessions as proposed",
}


@dataclass(frozen=True)
class ShownRow:
    """A row with the reversal it corrects, or (`taken`) the reversal that the next row corrects."""

    row: RemittanceRow
    was: RemittanceRow | None = None
    taken: bool = False

    @property
    def why(self) -> str:
        """Why a row is to be checked, where it has no concern of its own."""
        return "" if self.row.concerns else WHY_CHECK.get(self.row.level, "")

    @property
    def difference(self) -> Decimal:
        """What a correction changes: -80.00 where 105.00 became 25.00."""
        return self.row.allocation + (self.was.allocation if self.was else Decimal(0))

    @property
    def was_paid(self) -> Decimal:
        return -self.was.allocation if self.was else Decimal(0)


@dataclass(frozen=True)
class ShownOffset:
    """An offset with what it may be, and what is odd about it."""

    offset: RemittanceOffset
    finding: Finding | None = None
    may_take_back: bool = False


def figures(request: DeskRequest, draft: Remittance) -> dict[str, Any]:
    """Unallocated, its words, and the counts: everything a small change moves."""
    now = balances.standing(draft)
    show = request.GET.get("show", "")
    return {
        "now": now,
        "show": show if show in SHOWN else "",
        "unallocated": _unallocated(now),
        "explain": _explain(draft, now),
        "tabs": _tabs(now),
    }


def _tabs(now: Standing) -> list[tuple[str, str, int]]:
    """(show, word, count): what the bar above the rows offers."""
    tabs = [
        ("matched", "Matched", now.matched),
        ("check", "Check", now.to_check),
        ("choose", "Choose", now.to_choose),
        ("not-found", "Not found", now.not_found),
    ]
    if now.unapplied:
        tabs.append(("unapplied", "Unapplied", now.unapplied))
    return [*tabs, ("other", "Other", now.others)]


def _unallocated(now: Standing) -> dict[str, Any]:
    left = now.unallocated
    asks = now.to_check or now.to_choose or now.not_found
    state = "todo" if asks else "over" if left < 0 else "todo" if left else "done"
    words = {"over": "too much placed", "todo": "still to place", "done": "all placed"}[state]
    if asks and left <= 0:
        words = "rows to look at"
    return {
        "label": "Unallocated",
        "state": state,
        "figure": show_dollars(left),
        "words": words,
        "allocated": show_dollars(now.settled),
        "amount": show_dollars(now.amount),
        "percent": now.percent,
    }


def _explain(draft: Remittance, now: Standing) -> dict[str, Any]:
    """The message line: what is left to do before this can be saved."""
    if draft.payer is None:
        return {
            "state": "todo",
            "lead": "Whose payment is this?",
            "text": "Choose the payer once; it is remembered, and the claims are matched.",
        }
    if now.to_check:
        rows = "1 row is" if now.to_check == 1 else f"{now.to_check:,} rows are"
        return {"state": "todo", "lead": f"{rows} not sure.", "text": "Look and accept."}
    if now.unallocated > 0:
        return {
            "state": "todo",
            "lead": f"{show_dollars(now.unallocated)} has no session yet.",
            "text": "Find the sessions, or leave the money unapplied with the payer.",
        }
    if now.unallocated < 0:
        return {
            "state": "todo" if now.to_choose + now.not_found else "over",
            "lead": f"{show_dollars(-now.unallocated)} too much is placed.",
            "text": "Correct the amounts you changed, or place what is taken back.",
        }
    text = "Every cent has its place. Ready to save."
    if now.kept:
        text = f"{show_dollars(now.kept)} stays unapplied with the payer. Ready to save."
    return {"state": "done", "lead": "", "text": text}


def with_names(rows: QuerySet[RemittanceRow]) -> QuerySet[RemittanceRow]:
    return rows.select_related("claim", "line__patient", "line__invoice", "line__payer")


def rows(request: DeskRequest, draft: Remittance, now: Standing) -> dict[str, Any]:
    """A page of rows: what asks for somebody first, a correction after its reversal."""
    rows = with_names(draft.rows.order_by("state", "group", "number", "pk"))
    show = request.GET.get("show", "")
    states = SHOWN.get(show)
    if states:
        rows = rows.filter(state__in=states)
    count = sum(now.counts.get(state, 0) for state in states) if states else now.rows
    pages = CountedPaginator(rows, ROWS, rows=count)
    try:
        page = pages.page(page_number(request.GET.get("page")))
    except (EmptyPage, PageNotAnInteger):
        page = pages.page(pages.num_pages)
    return {"page": page, "rows": shown(list(page.object_list))}


def shown(rows: list[RemittanceRow]) -> list[ShownRow]:
    was = review.pairs(rows)
    following = [was.get(row.pk) for row in rows[1:]]
    taken = {row.pk for row, after in zip(rows, following, strict=False) if after == row}
    return [ShownRow(row, was.get(row.pk), taken=row.pk in taken) for row in rows]


def offsets(draft: Remittance) -> list[ShownOffset]:
    offsets = list(draft.offsets.all())
    if draft.payer is None or draft.state != RemittanceState.DRAFT:
        return [ShownOffset(each) for each in offsets]
    named = review.recoveries_known(offsets, draft.payer)
    return [
        ShownOffset(
            each,
            review.collected(each, draft.payer)[1]
            if each.code == "FB" and each.amount > 0
            else None,
            each.pk in named,
        )
        for each in offsets
    ]


def levels(draft: Remittance) -> list[tuple[str, int, str]]:
    """(level, how many, what they are): what may be accepted all at once."""
    counts = (
        draft.rows.filter(state=RowState.CHECK, concerns=[])
        .values_list("level")
        .annotate(count=Count("pk"))
        .order_by("level")
    )
    return [
        (level, count, KINDS_OF_ROW[level])
        for level, count in counts
        if count > 1 and level in KINDS_OF_ROW
    ]
