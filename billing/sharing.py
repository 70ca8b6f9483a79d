"""How the money of a payment, or the credit of an account, is shared out over lines.

Pure arithmetic on what a screen shows and what is typed into it. The live figures beside Amount,
the page as saved without JavaScript and the check before saving all call `share_out` (a payment
on its lines) or `move_credit` (Credit allocation); the ledger refuses what these call too much.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from billing.models.adjudications import Outcome
from billing.money import ZERO, show, show_dollars


@dataclass(frozen=True, slots=True)
class Entry:
    """What is typed on one line: paid by this payment, written off with it.

    `seen` is the line's state when the screen was drawn (`InvoiceLine.seen`); when it is given,
    the ledger refuses to post on a line that changed since. The rest is what only insurers say:
    the reason code of the write-off (`carc`), what the patient owes and of what kind, how the
    claim came out (`outcome`, where the amounts do not say it) with its `codes`, and whose the
    rest is now (`rest`).
    """

    line: int
    paid: Decimal = ZERO
    write_off: Decimal = ZERO
    seen: str = ""
    carc: str = ""
    owes: tuple[Owes, ...] = ()
    outcome: str = ""
    codes: str = ""
    rest: str = ""

    @property
    def empty(self) -> bool:
        return not (self.paid or self.write_off or self.owes or self.outcome)

    @property
    def said(self) -> Decimal:
        """What the insurer says the patient owes, of all kinds together."""
        return sum((each.amount for each in self.owes), ZERO) if self.owes else ZERO


@dataclass(frozen=True, slots=True)
class Owes:
    """What an insurer says the patient owes of a line. A reversed claim takes it back: negative."""

    kind: str
    amount: Decimal
    carc: str = ""


@dataclass(frozen=True, slots=True)
class OffsetEntry:
    """A provider-level adjustment as the insurer states it: positive is money it kept."""

    code: str
    amount: Decimal
    reference: str = ""


# Whose the rest of a line is after an insurer's answer: the next insurer's, or the patient's where
# there is none; still this insurer's; the patient's whoever else insures them.
NEXT, STAYS, PATIENT = "next", "stays", "patient"


def outcome_of(entry: Entry) -> str:
    """How the insurer answered: as it, or the biller, says; else what the amounts say."""
    if entry.outcome:
        return entry.outcome
    if entry.paid < 0 or (entry.write_off < 0 and entry.paid <= 0):
        return Outcome.TAKEN_BACK
    if entry.paid > 0:
        return Outcome.PAID
    return Outcome.PATIENT if entry.said > 0 else Outcome.ZERO


def rest_of(entry: Entry) -> str:
    """Whose the rest is after this answer: as the biller says; else a denial, a takeback or a
    forwarded claim waits for the insurer, and any other answer passes the rest on.
    """
    waits = (Outcome.DENIED, Outcome.TAKEN_BACK, Outcome.FORWARDED)
    return entry.rest or (STAYS if outcome_of(entry) in waits else NEXT)


class Policy(NamedTuple):
    """As much of a coverage as says who is billed after whom."""

    rank: int
    payer: int
    start: datetime.date | None
    end: datetime.date | None

    def covers(self, day: datetime.date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or self.end >= day)


def next_payer(policies: Iterable[Policy], payer: int | None, day: datetime.date) -> int | None:
    """The payer billed after this one for a session of that day; None is the patient.

    `policies` are one patient's, in the order they are billed.
    """
    standing = [each for each in policies if each.covers(day)]
    own = next((each.rank for each in standing if each.payer == payer), None)
    if own is None:
        return None
    return next((each.payer for each in standing if each.rank > own), None)


@dataclass(frozen=True, slots=True)
class LineState:
    """A line before this payment: the charge, what was written off, and who paid how much.

    `row` names the row of the screen, where a line may stand twice: taken back, then paid anew.
    `waits` says that this payer answered before, and the rest stayed with it.
    """

    id: int
    amount: Decimal
    adjusted: Decimal = ZERO
    by_patient: Decimal = ZERO
    by_insurers: Decimal = ZERO
    by_this_payer: Decimal = ZERO
    row: str = ""
    waits: bool = False

    @property
    def key(self) -> int | str:
        return self.row or self.id

    @property
    def paid(self) -> Decimal:
        return self.by_patient + self.by_insurers

    @property
    def balance(self) -> Decimal:
        return self.amount - self.adjusted - self.paid


# ---------------------------------------------------------------------------- a payment


@dataclass(frozen=True, slots=True)
class LineShare:
    """A line with this payment on it. `patient_owes` is None until anybody could know it."""

    line: LineState
    paid: Decimal
    write_off: Decimal
    patient_owes: Decimal | None
    balance_after: Decimal
    released: Decimal
    problem: str = ""
    column: str = "paid"
    said: Decimal = ZERO

    @property
    def at_odds(self) -> bool:
        """Whether the insurer says another patient's part than its own figures leave."""
        return self.said > 0 and self.said != self.patient_owes

    @property
    def after(self) -> LineState:
        """The line as the next row finds it that names it again."""
        return replace(
            self.line,
            adjusted=self.line.adjusted + self.write_off,
            by_patient=self.line.by_patient - self.released,
            by_insurers=self.line.by_insurers + self.paid,
            by_this_payer=self.line.by_this_payer + self.paid,
        )


@dataclass(frozen=True, slots=True)
class Sharing:
    """The whole payment as typed so far. `offset` is what the payer kept beside its lines."""

    amount: Decimal
    allocated: Decimal
    already: Decimal
    lines: Sequence[LineShare]
    by_line: Mapping[int | str, LineShare] = field(default_factory=dict)
    offset: Decimal = ZERO

    @property
    def to_share(self) -> Decimal:
        """What the lines have to add up to: the amount, and what was kept before it was paid."""
        return self.amount + self.offset

    @property
    def unallocated(self) -> Decimal:
        return self.to_share - self.already - self.allocated

    @property
    def given(self) -> Decimal:
        """Everything this payment gives to lines, on this screen and before it."""
        return self.already + self.allocated

    @property
    def percent(self) -> int:
        """How far along the sharing is, for the meter: 0 to 100."""
        if self.to_share <= 0:
            return 100 if self.given and not self.takes_back else 0
        return int(max(min(self.given * 100 / self.to_share, Decimal(100)), ZERO))

    @property
    def over(self) -> Decimal:
        """How much too much is allocated; 0.00 while it fits."""
        return max(-self.unallocated, ZERO)

    @property
    def takes_back(self) -> bool:
        """A payment below nothing whose takebacks are not all on their lines yet."""
        return self.to_share < 0 and self.unallocated < 0 and self.given <= 0

    @property
    def state(self) -> str:
        """empty, todo, done or over: the four faces of Unallocated."""
        if self.takes_back:
            return "todo"
        if self.unallocated < 0:
            return "over"
        if self.unallocated > 0:
            return "todo"
        return "done" if self.amount or self.allocated or self.offset else "empty"

    @property
    def problems(self) -> list[LineShare]:
        return [share for share in self.lines if share.problem]

    @property
    def totals(self) -> dict[str, Decimal]:
        """The footer of every column. A line that stands twice counts once: as it was, as it ends."""
        first = {share.line.id: share.line for share in reversed(self.lines)}.values()
        last = {share.line.id: share for share in self.lines}.values()
        return {
            "amount": sum((line.amount for line in first), ZERO),
            "paid_before": sum((line.paid for line in first), ZERO),
            "balance": sum((line.balance for line in first), ZERO),
            "write_off": sum((share.write_off for share in self.lines), ZERO),
            "paid": self.allocated,
            "owes": sum((share.patient_owes or ZERO for share in last), ZERO),
            "balance_after": sum((share.balance_after for share in last), ZERO),
        }


def share_out(
    amount: Decimal,
    lines: Iterable[LineState],
    entries: Mapping[int, Entry] | Mapping[str, Entry],
    *,
    already: Decimal = ZERO,
    from_insurer: bool,
    offset: Decimal = ZERO,
) -> Sharing:
    """Unallocated, and every line as it would stand, for what is typed so far.

    `already` is what the payment gave to lines (or back) before this screen was opened, `offset`
    what its offsets add up to (positive: kept by the payer). Insurer money that does not fit beside
    what the patient paid releases the patient's money (`released`). A line that stands twice is
    shared out row after row, each on what the one before left.
    """
    typed: Mapping[int | str, Entry] = entries  # type: ignore[assignment]
    shares: list[LineShare] = []
    latest: dict[int, LineShare] = {}
    for line in lines:
        if before := latest.get(line.id):
            line = replace(before.after, row=line.row)
        share = _share(line, typed.get(line.key) or Entry(line.id), from_insurer=from_insurer)
        latest[line.id] = share
        shares.append(share)
    return Sharing(
        amount=amount,
        allocated=sum((share.paid for share in shares), ZERO),
        already=already,
        lines=shares,
        by_line={share.line.key: share for share in shares},
        offset=offset,
    )


def _share(line: LineState, entry: Entry, *, from_insurer: bool) -> LineShare:
    after = line.balance - entry.paid - entry.write_off
    released = ZERO
    problem, column = "", "paid"
    if from_insurer and after < 0:
        released = min(-after, line.by_patient)
        after += released
    if after < 0:
        problem = f"{show(-after)} more than this session owes"
        column = "paid" if entry.paid > 0 else "write_off"
    if entry.paid < 0 and line.by_this_payer + entry.paid < 0:
        problem = f"This payer paid only {show(line.by_this_payer)} on this line"
        if not from_insurer:
            problem = "To un-pay a line, use Credit allocation"
    elif entry.write_off < 0 and not entry.carc and line.adjusted + entry.write_off < 0:
        problem, column = f"Only {show(line.adjusted)} was written off", "write_off"
    return LineShare(
        line=line,
        paid=entry.paid,
        write_off=entry.write_off,
        patient_owes=_patient_owes(line, entry),
        balance_after=after,
        released=released,
        problem=problem,
        column=column,
        said=entry.said,
    )


def _patient_owes(line: LineState, entry: Entry) -> Decimal | None:
    """Fee, less all write-offs, less everything insurers paid, and never below nothing.

    Where the rest stays with the insurer (denied, taken back, forwarded), so much of that as it
    says is the patient's: a session an insurer has still to answer is nobody's bill yet.
    """
    if entry.empty and (line.waits or not line.by_insurers):
        return None
    owed = line.amount - line.adjusted - entry.write_off - line.by_insurers - entry.paid
    if not entry.empty and rest_of(entry) == STAYS:
        owed = min(owed, entry.said)
    return max(owed, ZERO)


# ------------------------------------------------------------- filling boxes for the typist


def pay_remaining(line: LineState, entry: Entry, unallocated: Decimal | None) -> Decimal:
    """What P puts on a line: the rest of the line, up to what is unallocated (None: no limit)."""
    wanted = max(line.balance - entry.write_off, ZERO)
    return wanted if unallocated is None else min(wanted, max(unallocated + entry.paid, ZERO))


def write_off_rest(line: LineState, entry: Entry) -> Decimal:
    """What W writes off: whatever the line still owes beside what is paid on it."""
    return max(line.balance - entry.paid, ZERO)


def trim_last(sharing: Sharing) -> tuple[int | str, str, Decimal] | None:
    """(row, column, amount) that takes what is too much off the last line with money on it."""
    filled = [share for share in sharing.lines if share.paid > 0]
    if not sharing.over or not filled:
        return None
    return filled[-1].line.key, "paid", max(filled[-1].paid - sharing.over, ZERO)


def oldest_first(
    amount_left: Decimal, lines: Iterable[LineState], entries: Mapping[str, Entry]
) -> dict[str, Decimal]:
    """Row → amount for each of these lines, in the order given, while money is left."""
    filled: dict[str, Decimal] = {}
    for line in lines:
        entry = entries.get(line.row) or Entry(line.id)
        if amount_left <= 0:
            break
        given = min(max(line.balance - entry.write_off, ZERO), amount_left)
        if given:
            filled[line.row] = given
            amount_left -= given
    return filled


# ---------------------------------------------------------------------------- an account's credit


@dataclass(frozen=True, slots=True)
class CreditLine:
    """A line on the Credit allocation page, with what the patient's receipts hold on it."""

    id: int
    amount: Decimal
    paid: Decimal
    balance: Decimal
    held: Decimal
    held_by_reversed: Decimal


@dataclass(frozen=True, slots=True)
class CreditMove:
    """The account before and after the amounts typed on the Credit allocation page."""

    credit: Decimal
    invoices: Decimal
    moved: Decimal
    available: Decimal
    problems: Mapping[int, str]
    balances_after: Mapping[int, Decimal]

    @property
    def credit_after(self) -> Decimal:
        return self.credit - self.moved

    @property
    def invoices_after(self) -> Decimal:
        return self.invoices - self.moved

    @property
    def net(self) -> Decimal:
        """Unchanged by anything on this page (R6)."""
        return self.invoices - self.credit

    @property
    def short(self) -> Decimal:
        """How much more is put on lines than there is standing credit to put."""
        return max(-self.available, ZERO)


def move_credit(
    *,
    credit: Decimal,
    invoices: Decimal,
    lines: Sequence[CreditLine],
    amounts: Mapping[int, Decimal],
) -> CreditMove:
    """What the page shows after every key: plus pays a line from credit, minus un-pays it.

    Reversed receipts are taken off a line first, and money of theirs pays nothing again: only
    standing credit can be put on a line.
    """
    available = max(credit, ZERO)
    moved = ZERO
    problems: dict[int, str] = {}
    balances: dict[int, Decimal] = {}
    for line in lines:
        amount = amounts.get(line.id, ZERO)
        balances[line.id] = line.balance - amount
        moved += amount
        if amount < 0:
            available += max(-amount - line.held_by_reversed, ZERO)
            if -amount > line.held:
                problems[line.id] = f"You can un-pay at most {show(line.held)} on this line."
        elif amount > line.balance:
            problems[line.id] = f"This line only owes {show(line.balance)}."
    paid_out = sum((amount for amount in amounts.values() if amount > 0), ZERO)
    return CreditMove(credit, invoices, moved, available - paid_out, problems, balances)


def offers_pay(line: CreditLine, credit: Decimal) -> bool:
    """Whether the button of a line says Pay; otherwise it says Un-pay."""
    return line.balance > 0 and (credit > 0 or not line.held)


def fill_credit(line: CreditLine, credit: Decimal, others: CreditMove) -> Decimal:
    """What a line's button puts in its box: up to the credit left by the others, or all back."""
    if offers_pay(line, credit):
        return min(line.balance, max(others.available, ZERO))
    return -line.held


@dataclass(frozen=True, slots=True)
class CreditTotals:
    """The last row of Credit allocation: the sums of the lines listed."""

    charge: Decimal
    paid: Decimal
    balance: Decimal
    moved: Decimal
    after: Decimal


def credit_totals(lines: Sequence[CreditLine], move: CreditMove) -> CreditTotals:
    return CreditTotals(
        charge=sum((line.amount for line in lines), ZERO),
        paid=sum((line.paid for line in lines), ZERO),
        balance=sum((line.balance for line in lines), ZERO),
        moved=move.moved,
        after=sum(move.balances_after.values(), ZERO),
    )


# ---------------------------------------------------------------------------- money paid back


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as typed so far: what is free, what comes off lines first, and what is left."""

    free: Decimal
    unpaid: Decimal
    amount: Decimal
    problems: Mapping[int, str]
    balances_after: Mapping[int, Decimal]

    @property
    def available(self) -> Decimal:
        """The most that can be paid back: what is unallocated once the lines are un-paid."""
        return max(self.free + self.unpaid, ZERO)

    @property
    def credit_change(self) -> Decimal:
        """What it adds to the account's credit: what is un-paid, less what is paid back."""
        return self.unpaid - self.amount

    @property
    def left(self) -> Decimal:
        """What stays as credit. Below zero while more is to be paid back than there is."""
        return self.free + self.unpaid - self.amount

    @property
    def short(self) -> Decimal:
        return max(-self.left, ZERO)


def pay_back(
    *,
    free: Decimal,
    lines: Sequence[CreditLine],
    amounts: Mapping[int, Decimal],
    amount: Decimal,
) -> Refund:
    """What paying `amount` back out of one receipt comes to, un-paying its lines first.

    `held` of each line is what this receipt has on it; `amounts` is how much of that comes off.
    """
    problems: dict[int, str] = {}
    balances: dict[int, Decimal] = {}
    for line in lines:
        unpaid = amounts.get(line.id, ZERO)
        balances[line.id] = line.balance + unpaid
        if unpaid < 0:
            problems[line.id] = "Enter what comes off the line, without a minus."
        elif unpaid > line.held:
            problems[line.id] = f"You can un-pay at most {show(line.held)} on this line."
    return Refund(free, sum(amounts.values(), ZERO), amount, problems, balances)


# ---------------------------------------------------------------------------- write-offs


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What is written off lines, as typed so far."""

    total: Decimal
    problems: Mapping[int, str]
    balances_after: Mapping[int, Decimal]

    @property
    def after(self) -> Decimal:
        """What the lines listed owe together once it is saved."""
        return sum(self.balances_after.values(), ZERO)


def write_off(lines: Iterable[LineState], amounts: Mapping[int, Decimal]) -> WriteOff:
    """Every line as it would stand. More than a line owes is a problem, and so is a minus."""
    problems: dict[int, str] = {}
    balances: dict[int, Decimal] = {}
    for line in lines:
        amount = amounts.get(line.id, ZERO)
        balances[line.id] = line.balance - amount
        if amount < 0:
            problems[line.id] = "A write-off is taken back with Undo, on the account."
        elif amount > line.balance:
            problems[line.id] = f"This line only owes {show(line.balance)}."
    return WriteOff(sum(amounts.values(), ZERO), problems, balances)


# ---------------------------------------------------------------------------- in words


def words(sharing: Sharing) -> str:
    """The words beside the figure: one of the four states, never colour alone."""
    if sharing.takes_back:
        return "still to take back"
    return {
        "empty": "enter an amount",
        "todo": "still to allocate",
        "done": "all allocated",
        "over": "over-allocated",
    }[sharing.state]


def too_much(sharing: Sharing) -> str:
    if sharing.takes_back:
        return f"{show_dollars(sharing.over)} is still to be taken back."
    return f"{show_dollars(sharing.over)} too much is allocated."
