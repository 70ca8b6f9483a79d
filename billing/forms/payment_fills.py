"""The buttons and keys that fill boxes of a payment: what each puts where, and what it says.

Each returns box name → new text, and the sentence that is read out. What a fill may give is
`sharing`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from billing import sharing
from billing.forms.grid import box_name, line_of, plain
from billing.models import InvoiceLine
from billing.money import show_dollars
from billing.sharing import LineState

if TYPE_CHECKING:
    from billing.forms.payment_grid import PaymentGrid

Filled = tuple[dict[str, str], str]


def fill(grid: PaymentGrid, what: str) -> Filled:
    """Press a button by its name: "oldest", or "pay:17" for one on a row; unknown, it does nothing."""
    verb, _, row = what.partition(":")
    if verb in OF_ALL:
        return OF_ALL[verb](grid)
    known = {share.line.row: share.line for share in grid.sharing.lines}
    if row not in known:
        return {}, ""
    if verb == "pay":
        return _pay(grid, known[row])
    if verb == "writeoff" and grid.from_insurer:
        return _write_off(grid, known[row])
    if verb == "same":
        return _same(grid, row)
    return {}, ""


def focus_after(grid: PaymentGrid, what: str, values: Mapping[str, str]) -> str:
    """The box to go on with, where a fill takes its button away or fills many."""
    verb = what.partition(":")[0]
    if verb == "same":
        return _next_empty(grid)
    return next(iter(values), "") if verb in ("amount", "trim") else ""


# ---------------------------------------------------------------------------- of the whole payment


def _oldest(grid: PaymentGrid) -> Filled:
    """Oldest first, whatever comes in the first turn before the second and so on."""
    turns = {line.pk: _turn(grid, line) for line in grid.lines.values()}
    # Of a line that stands twice, its last row: the only one that knows what is left.
    last = {share.line.id: share.line for share in grid.sharing.lines}
    by_age = sorted(
        (
            state
            for state in last.values()
            if turns[state.id] is not None and not grid.boxes.is_typed(state.row, "paid")
        ),
        key=lambda state: (turns[state.id], grid.lines[state.id].service_date, state.id),
    )
    filled = sharing.oldest_first(grid.sharing.unallocated, by_age, grid.entries)
    values: dict[str, str] = {}
    for row, amount in filled.items():
        values |= grid.put(row, "paid", amount)
    lines = "1 line" if len(values) == 1 else f"{len(values)} lines"
    left = show_dollars(grid.sharing.unallocated)
    return values, f"{lines} filled, oldest first. Unallocated {left}."


def _turn(grid: PaymentGrid, line: InvoiceLine) -> int | None:
    """When "Allocate oldest first" comes to a line; None is never.

    A patient's money: the lines of the provider chosen, then the patient's with others, then the
    family's. What waits for an insurer is not the patient's to pay yet.
    """
    if grid.from_insurer:
        return 0
    if line.payer_id:
        return None
    if grid.of_another(line):
        return 2
    return 0 if str(line.provider_id) == grid.own_provider else 1


def _clear(grid: PaymentGrid) -> Filled:
    values: dict[str, str] = {}
    for row, column in list(grid.boxes.texts):
        values |= grid.put(row, column, None)
    return values | grid.offsets.clear(), "Amounts cleared."


def _amount(grid: PaymentGrid) -> Filled:
    """Amount becomes what the lines add up to."""
    shared = grid.sharing
    amount = shared.allocated - shared.offset
    grid.take_amount(amount)
    return {"amount": plain(amount)}, f"Amount {show_dollars(amount)}."


def _trim(grid: PaymentGrid) -> Filled:
    """What is too much comes off the last line."""
    trimmed = sharing.trim_last(grid.sharing)
    if not trimmed:
        return {}, ""
    row, column, amount = trimmed
    return grid.put(str(row), column, amount), grid.said


OF_ALL = {"oldest": _oldest, "clear": _clear, "amount": _amount, "trim": _trim}


# ---------------------------------------------------------------------------- of a row


def _pay(grid: PaymentGrid, state: LineState) -> Filled:
    """P: all that is left on the line, or all that is left to give."""
    entry = grid.entries[state.row]
    free = grid.sharing.unallocated if grid.amount else None
    given = sharing.pay_remaining(state, entry, free)
    values = grid.put(state.row, "paid", given)
    owing = grid.sharing.by_line[state.row].balance_after
    if grid.amount and owing > 0:
        return values, (
            f"Only {show_dollars(given)} was left,"
            f" so {show_dollars(owing)} is still owing on this line."
        )
    return values, grid.said


def _write_off(grid: PaymentGrid, state: LineState) -> Filled:
    """W: write off what the line would still owe."""
    rest = sharing.write_off_rest(state, grid.entries[state.row])
    return grid.put(state.row, "write_off", rest), grid.said


def _same(grid: PaymentGrid, row: str) -> Filled:
    """Shift+D: the same amounts on every empty line below with this service and fee."""
    like = grid.lines[line_of(row)]
    values: dict[str, str] = {}
    filled = 0
    rows = [state.row for state in grid.states]
    for below in rows[rows.index(row) + 1 :]:
        line = grid.lines[line_of(below)]
        alike = (line.code, line.amount) == (like.code, like.amount)
        if _is_empty(grid, below) and "_" not in below and alike:
            filled += 1
            for column in grid.columns:
                values |= grid.put(below, column, grid.boxes.amount(row, column))
    lines = "1 more line" if filled == 1 else f"{filled} more lines"
    return values, f"Same amounts used on {lines}."


def _next_empty(grid: PaymentGrid) -> str:
    """The first box nothing is typed in, to go on with after filling many."""
    for state in grid.states:
        if _is_empty(grid, state.row):
            return box_name(state.row, grid.columns[0])
    return ""


def _is_empty(grid: PaymentGrid, row: str) -> bool:
    return not any(grid.boxes.text(row, column) for column in grid.columns)
