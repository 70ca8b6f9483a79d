"""What the model's books are made of, row by row, and how they say no."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal("0.00")
Account = tuple[str, str]
DEBTS = ("WO", "FB", "72")  # one debt to the payer; interest, penalties and so on are none
WAITS = ("denied", "taken_back", "forwarded")


class Refused(Exception):
    """The rules do not allow it. `undo_first`: receipts of which the refusal has to name one."""

    def __init__(self, why: str, undo_first: Iterable[int] = ()) -> None:
        super().__init__(why)
        self.undo_first = set(undo_first)


@dataclass
class Line:
    patient: str
    provider: str
    amount: Decimal
    service_date: datetime.date
    last: datetime.date
    adjusted: Decimal = ZERO
    void: bool = False
    waits_for: str | None = None  # the payer that owes the rest; nobody: the patient


@dataclass
class Receipt:
    """A receipt or a transfer in."""

    account: Account | None
    payer: str | None
    amount: Decimal
    date: datetime.date
    last: datetime.date
    returned: Decimal = ZERO
    reversed: bool = False
    deleted: bool = False
    banked: bool = False
    reason: str = ""


@dataclass
class Moved:
    """A refund (`into` is None), a transfer, or what fills a bounced receipt (`fills`)."""

    source: int
    into: int | None
    amount: Decimal
    undone: bool = False
    fills: bool = False


@dataclass
class WriteOff:
    """With an insurer's receipt, or (`receipt` is 0) of the desk's own."""

    line: int
    receipt: int
    amount: Decimal
    undone: bool = False


@dataclass(frozen=True)
class Word:
    """What an insurer's payment says of one line."""

    line: int
    paid: Decimal = ZERO
    write_off: Decimal = ZERO
    owes: tuple[tuple[str, Decimal], ...] = ()
    outcome: str = ""
    rest: str = ""
    code: str = ""  # of the write-off

    @property
    def empty(self) -> bool:
        return not (self.paid or self.write_off or self.owes or self.outcome)


@dataclass
class Owed:
    """So much of a line an insurer says the patient owes; no balance knows of it."""

    line: int
    receipt: int
    kind: str
    amount: Decimal
    undone: bool = False


@dataclass
class Answer:
    """Somebody else owes the rest of a line since, or an insurer says why not.

    By hand where `receipt` is 0.
    """

    line: int
    receipt: int
    outcome: str
    before: str | None
    after: str | None
    undone: bool = False


@dataclass
class Kept:
    """An offset: so much the payer kept (or added) beside its lines, or (`undoes`) its undoing."""

    receipt: int
    code: str
    reference: str
    amount: Decimal
    act: int
    date: datetime.date = datetime.date.min
    undone: bool = False
    undoes: bool = False


@dataclass(frozen=True)
class Policy:
    payer: str
    rank: int
    end: datetime.date = datetime.date.max
