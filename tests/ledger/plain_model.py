"""The money rules of DESIGN §2 once more, in plain dicts, for the state machine to compare with.

Written from the rules, not from `billing.ledger`; nothing here knows a database. An act either
changes the books or raises Refused (then the books are thrown away: work on a copy).
"""

from __future__ import annotations

import copy
import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal("0.00")
Account = tuple[str, str]


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


DEBTS = ("WO", "FB", "72")  # one debt to the payer; interest, penalties and so on are none
WAITS = ("denied", "taken_back", "forwarded")


@dataclass
class Books:
    today: datetime.date
    closed: datetime.date = datetime.date.min
    guarantors: dict[str, str] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    held: dict[tuple[int, int], Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))
    moved: list[Moved] = field(default_factory=list)
    write_offs: list[WriteOff] = field(default_factory=list)
    policies: dict[str, list[Policy]] = field(default_factory=dict)
    owed: list[Owed] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    offsets: list[Kept] = field(default_factory=list)
    takebacks: set[tuple[int, int]] = field(default_factory=set)
    acts: int = 0
    touched: list[Line | Receipt] = field(default_factory=list)
    voided: list[Line] = field(default_factory=list)
    new: list[Receipt] = field(default_factory=list)

    def copy(self) -> Books:
        return copy.deepcopy(self)

    # ------------------------------------------------------------------ sums

    def paid(self, line: int) -> Decimal:
        return sum((each for (_r, on), each in self.held.items() if on == line), ZERO)

    def balance(self, line: int) -> Decimal:
        one = self.lines[line]
        return one.amount - one.adjusted - self.paid(line)

    def unallocated(self, receipt: int) -> Decimal:
        one = self.receipts[receipt]
        allocated = sum((each for (r, _l), each in self.held.items() if r == receipt), ZERO)
        return one.amount - one.returned - allocated + self.kept(receipt)

    def kept(self, receipt: int) -> Decimal:
        """The offsets of a receipt: money it put on lines without having it."""
        return sum((each.amount for each in self.offsets if each.receipt == receipt), ZERO)

    def by_payer(self, payer: str, line: int) -> Decimal:
        return sum(
            (
                each
                for (r, on), each in self.held.items()
                if on == line and self.receipts[r].payer == payer
            ),
            ZERO,
        )

    def written_off_by(self, payer: str, line: int) -> Decimal:
        return sum(
            (
                each.amount
                for each in self.write_offs
                if each.line == line
                and each.receipt
                and not each.undone
                and self.receipts[each.receipt].payer == payer
            ),
            ZERO,
        )

    def patient_owes(self, line: int) -> dict[str, Decimal]:
        """Kind -> what insurers say of it on this line, where it is not nothing."""
        found: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for each in self.owed:
            if each.line == line and not each.undone:
                found[each.kind] += each.amount
        return {kind: amount for kind, amount in found.items() if amount}

    def standing_answers(self, line: int) -> list[Answer]:
        return [each for each in self.answers if each.line == line and not each.undone]

    def denials(self) -> set[int]:
        """Lines whose last answer is a denial, while they wait for who denied them."""
        last = {line: self.standing_answers(line)[-1:] for line in self.lines}
        return {
            line
            for line, answers in last.items()
            for answer in answers
            if answer.outcome == "denied"
            and answer.after
            and answer.after == self.lines[line].waits_for
            and self.balance(line) > 0
        }

    def offset_account(self, payer: str) -> list[tuple[str, Decimal, Decimal]]:
        """(code, amount, owed to the payer after it) of each of a payer's offsets, by day.

        Of one act what was kept stands before what was added.
        """
        owed = ZERO
        found = []
        mine = [each for each in self.offsets if self.receipts[each.receipt].payer == payer]
        for each in sorted(mine, key=lambda each: (each.date, each.act, each.amount < 0)):
            owed -= each.amount if each.code in DEBTS else ZERO
            found.append((each.code, each.amount, owed))
        return found

    def debts(self, payer: str) -> dict[str, Decimal]:
        """Reference -> what is still to be recovered under it."""
        found: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for each in self.offsets:
            if self.receipts[each.receipt].payer == payer and each.code in DEBTS:
                found[each.reference] -= each.amount
        return {reference: owed for reference, owed in found.items() if owed}

    def of_the_desk(self) -> list[WriteOff]:
        return [each for each in self.write_offs if not each.receipt]

    def of_insurers(self, line: int) -> bool:
        """Does an insurer's money or write-off stand on it?"""
        payers = {each.payer for each in self.receipts.values() if each.payer}
        return any(self.by_payer(each, line) or self.written_off_by(each, line) for each in payers)

    def pays_for(self, patient: str, line: int) -> bool:
        whose = self.lines[line].patient
        return patient in (whose, self.guarantors.get(whose))

    def by_patients(self, line: int) -> Decimal:
        return sum(
            (
                each
                for (r, on), each in self.held.items()
                if on == line and self.receipts[r].payer is None
            ),
            ZERO,
        )

    def invoices(self, account: Account) -> Decimal:
        mine = [n for n, each in self.lines.items() if (each.patient, each.provider) == account]
        return sum((self.balance(line) for line in mine), ZERO)

    def credit(self, account: Account) -> Decimal:
        mine = [n for n, each in self.receipts.items() if each.account == account]
        return sum((self.unallocated(receipt) for receipt in mine), ZERO)

    def account_of(self, line: int) -> Account:
        return self.lines[line].patient, self.lines[line].provider

    def oldest_first(self, receipts: list[int]) -> list[int]:
        return sorted(receipts, key=lambda each: (self.receipts[each].date, each))

    def transfers_from(self, receipt: int) -> list[Moved]:
        """Standing transfers made from a receipt, and from those in turn."""
        found = []
        for moved in self.moved:
            if moved.source == receipt and moved.into is not None and not moved.undone:
                found.append(moved)
                if not moved.fills:
                    found += self.transfers_from(moved.into)
        return found

    # ------------------------------------------------------------------ the frame of every verb

    def begin(self, typed: datetime.date) -> None:
        """R8: a typed date is open and not ahead."""
        self.acts += 1
        self.touched, self.voided, self.new = [], [], []
        if typed <= self.closed or typed > self.today:
            raise Refused("date")

    def end(self, typed: datetime.date) -> None:
        """Covering, then one date for everything: the latest of all that is touched."""
        self.cover()
        date = max([typed, *(each.last for each in (*self.touched, *self.voided))])
        for each in [*self.touched, *self.new]:
            each.last = date
        for receipt in self.new:
            receipt.date = date
        for offset in self.offsets:
            if offset.date == datetime.date.min:
                offset.date = date
        self.held = defaultdict(lambda: ZERO, {k: v for k, v in self.held.items() if v})

    def number(self) -> int:
        return max(self.receipts, default=0) + 1

    def receive(self, **what: object) -> int:
        receipt = Receipt(**what)  # type: ignore[arg-type]
        self.new.append(receipt)
        number = self.number()
        self.receipts[number] = receipt
        return number

    def stands(self, line: int) -> None:
        if self.lines[line].void:
            raise Refused("void")

    def put(self, receipt: int, line: int, amount: Decimal) -> None:
        self.held[receipt, line] += amount
        self.touch(receipt)
        self.touched.append(self.lines[line])

    def draw(self, receipt: int, amount: Decimal) -> None:
        self.receipts[receipt].returned += amount
        self.touch(receipt)

    # ------------------------------------------------------------------ R7

    def cover(self) -> None:
        self.give_back()
        accounts = {each.account for each in self.receipts.values() if each.account}
        for account in accounts:
            mine = [n for n, each in self.receipts.items() if each.account == account]
            overdrawn = [n for n in mine if self.receipts[n].reversed and self.unallocated(n) < 0]
            for bounced in self.oldest_first(overdrawn):
                self.cover_one(bounced, mine)

    def give_back(self) -> None:
        """What fills a bounced receipt that needs it no longer returns, the newest pair first."""
        for moved in self.moved[::-1]:
            if moved.fills and not moved.undone:
                assert moved.into is not None
                if self.unallocated(moved.into) > 0:
                    moved.undone = True
                    self.draw(moved.source, -moved.amount)
                    self.draw(moved.into, moved.amount)

    def cover_one(self, bounced: int, mine: list[int]) -> None:
        standing = [n for n in mine if not self.receipts[n].reversed and self.unallocated(n) > 0]
        standing = self.oldest_first(standing)
        lines = [on for (r, on), each in self.held.items() if r == bounced and each > 0]
        for line in sorted(lines, key=lambda each: (self.lines[each].service_date, each)):
            for cover in standing:
                amount = min(
                    self.held[bounced, line], -self.unallocated(bounced), self.unallocated(cover)
                )
                if amount > 0:
                    self.put(bounced, line, -amount)
                    self.put(cover, line, amount)
        for cover in standing:
            amount = min(-self.unallocated(bounced), self.unallocated(cover))
            if amount > 0:
                self.draw(cover, amount)
                self.draw(bounced, -amount)
                self.moved.append(Moved(cover, bounced, amount, fills=True))

    # ------------------------------------------------------------------ money on lines

    def un_pay(self, line: int, amount: Decimal, only: int | None = None) -> None:
        """Patients' money: reversed first, then the newest."""
        holders = [
            r
            for (r, on), each in self.held.items()
            if on == line and each > 0 and self.receipts[r].payer is None and only in (None, r)
        ]
        newest = self.oldest_first(holders)[::-1]
        for receipt in sorted(newest, key=lambda each: not self.receipts[each].reversed):
            taken = min(amount, self.held[receipt, line])
            if taken > 0:
                self.put(receipt, line, -taken)
                amount -= taken
        if amount > 0:
            raise Refused("un-pay")

    def un_pay_all(self, receipt: int) -> None:
        for (r, line), amount in list(self.held.items()):
            if r == receipt and amount:
                self.put(receipt, line, -amount)

    def share(self, receipt: int, on: dict[int, tuple[Decimal, Decimal]]) -> None:
        on = {line: typed for line, typed in on.items() if any(typed)}  # empty boxes are nothing
        for line, (paid, _write_off) in on.items():
            self.stands(line)
            self.share_patient(receipt, line, paid)
        self.pay_elsewhere(receipt, on)
        self.has_enough(receipt)

    def has_enough(self, receipt: int) -> None:
        if self.unallocated(receipt) < 0 and not self.receipts[receipt].reason:
            raise Refused("R3")

    def share_patient(self, receipt: int, line: int, paid: Decimal) -> None:
        account = self.receipts[receipt].account
        assert account
        if not self.pays_for(account[0], line) or paid < 0 or paid > self.balance(line):
            raise Refused("R2, R5")
        if self.account_of(line) == account and paid:
            self.put(receipt, line, paid)

    def pay_elsewhere(self, receipt: int, on: dict[int, tuple[Decimal, Decimal]]) -> None:
        account = self.receipts[receipt].account
        assert account
        elsewhere = [self.account_of(line) for line, (paid, _w) in on.items() if paid]
        for theirs in dict.fromkeys(each for each in elsewhere if each != account):
            payments = {
                line: paid
                for line, (paid, _w) in on.items()
                if self.account_of(line) == theirs and paid
            }
            total = sum(payments.values(), ZERO)
            if total > self.unallocated(receipt):
                raise Refused("R3")
            into = self.move(receipt, total, theirs)
            for line, paid in payments.items():
                self.put(into, line, paid)

    def share_payer(
        self, receipt: int, words: Iterable[Word], offsets: Iterable[tuple[str, Decimal, str]]
    ) -> None:
        words = [word for word in words if not word.empty]
        self.refuse_takebacks(receipt, words)
        for word in words:
            self.stands(word.line)
            self.share_word(receipt, word)
        for code, amount, reference in offsets:
            if not amount:
                raise Refused("an offset of nothing")
            self.offsets.append(Kept(receipt, code, reference, amount, self.acts))
            self.touch(receipt)
        self.has_enough(receipt)

    def refuse_takebacks(self, receipt: int, words: Sequence[Word]) -> None:
        """R2: only what the payer paid before this payment, and all of its takebacks together."""
        payer = self.receipts[receipt].payer
        assert payer
        for line in {word.line for word in words}:
            taken = sum((min(word.paid, ZERO) for word in words if word.line == line), ZERO)
            if taken and self.by_payer(payer, line) + taken < 0:
                raise Refused("R2: taken back more than was paid")

    def share_word(self, receipt: int, word: Word) -> None:
        line = self.lines[word.line]
        above_the_fee = word.code and word.outcome != "taken_back"
        if word.write_off < 0 and not above_the_fee and line.adjusted + word.write_off < 0:
            raise Refused("a write-off that was not made")
        short = word.paid + word.write_off - self.balance(word.line)
        if short > 0:
            self.un_pay(word.line, short)
        if word.write_off:
            self.take_off(word.line, word.write_off)
            self.write_offs.append(WriteOff(word.line, receipt, word.write_off))
            self.touch(receipt)
        if word.paid:
            self.put(receipt, word.line, word.paid)
        if word.paid < 0:
            self.takebacks.add((receipt, word.line))
        for kind, amount in word.owes:
            self.owed.append(Owed(word.line, receipt, kind, amount))
            self.touch(receipt)
            self.touched.append(line)
        self.hear(receipt, word)

    def hear(self, receipt: int, word: Word) -> None:
        """Whose the rest is now. An answer that is no news is not kept."""
        line = self.lines[word.line]
        payer = self.receipts[receipt].payer
        outcome = word.outcome or self.meant(word)
        rest = word.rest or ("stays" if outcome in WAITS else "next")
        if rest == "stays":
            whose = payer
        elif rest == "patient":
            whose = None
        elif self.balance(word.line):
            whose = self.billed_after(payer, line)
        else:
            whose = line.waits_for
        if outcome != "paid" or whose != line.waits_for:
            self.answer(word.line, receipt, outcome, whose)

    def meant(self, word: Word) -> str:
        """How a claim came out, where only its amounts say it."""
        if word.paid:
            return "paid" if word.paid > 0 else "taken_back"
        if word.write_off < 0:
            return "taken_back"
        owes = sum((amount for _kind, amount in word.owes), ZERO)
        return "patient" if owes > 0 else "zero"

    def billed_after(self, payer: str | None, line: Line) -> str | None:
        """The next insurer of that day, or the patient (also where this one insures nobody)."""
        insured = [each for each in self.policies.get(line.patient, []) if self.covers(each, line)]
        own = [each.rank for each in insured if each.payer == payer]
        later = [each for each in insured if own and each.rank > own[0]]
        return min(later, key=lambda each: each.rank).payer if later else None

    def covers(self, policy: Policy, line: Line) -> bool:
        return line.service_date <= policy.end

    def answer(self, line: int, receipt: int, outcome: str, whose: str | None) -> None:
        one = self.lines[line]
        self.answers.append(Answer(line, receipt, outcome, one.waits_for, whose))
        one.waits_for = whose
        self.touched.append(one)
        if receipt:
            self.touch(receipt)

    def touch(self, receipt: int) -> None:
        if self.receipts[receipt] not in self.new:
            self.touched.append(self.receipts[receipt])

    def move(self, receipt: int, amount: Decimal, account: Account) -> int:
        self.draw(receipt, amount)
        into = self.receive(
            account=account, payer=None, amount=amount, date=self.today, last=datetime.date.min
        )
        self.moved.append(Moved(receipt, into, amount))
        return into

    # ------------------------------------------------------------------ the verbs

    def issue(
        self,
        patient: str,
        provider: str,
        amount: Decimal,
        day: datetime.date,
        payer: str | None = None,
    ) -> int:
        self.begin(day)
        number = max(self.lines, default=0) + 1
        self.lines[number] = Line(patient, provider, amount, day, day, waits_for=payer)
        return number

    def record(
        self,
        *,
        account: Account,
        amount: Decimal,
        date: datetime.date,
        on: dict[int, tuple[Decimal, Decimal]],
    ) -> None:
        self.begin(date)
        if amount <= 0:
            raise Refused("R3")
        receipt = self.receive(
            account=account, payer=None, amount=amount, date=date, last=datetime.date.min
        )
        self.share(receipt, on)
        self.end(date)

    def record_insurer(
        self,
        *,
        payer: str,
        amount: Decimal,
        date: datetime.date,
        words: Sequence[Word],
        offsets: Sequence[tuple[str, Decimal, str]] = (),
        reason: str = "",
    ) -> None:
        self.begin(date)
        receipt = self.receive(
            account=None,
            payer=payer,
            amount=amount,
            date=date,
            last=datetime.date.min,
            reason=reason,
        )
        self.share_payer(receipt, words, offsets)
        self.end(date)

    def allocate(
        self, receipt: int, on: dict[int, tuple[Decimal, Decimal]], date: datetime.date
    ) -> None:
        self.begin(date)
        if self.receipts[receipt].reversed:
            raise Refused("reversed")
        self.share(receipt, on)
        self.end(date)

    def allocate_insurer(
        self,
        receipt: int,
        words: Sequence[Word],
        offsets: Sequence[tuple[str, Decimal, str]],
        date: datetime.date,
    ) -> None:
        self.begin(date)
        if self.receipts[receipt].reversed:
            raise Refused("reversed")
        self.share_payer(receipt, words, offsets)
        self.end(date)

    def say_who_owes(self, lines: Sequence[int], payer: str | None, date: datetime.date) -> None:
        """By hand: the rest of these lines is an insurer's, or the patient's."""
        self.begin(date)
        for line in lines:
            self.stands(line)
            one = self.lines[line]
            if not self.balance(line) or one.waits_for == payer:
                raise Refused("nothing to move")
            insured = self.policies.get(one.patient, [])
            if payer and not any(
                each.payer == payer and self.covers(each, one) for each in insured
            ):
                raise Refused("not covered")
            self.answer(line, 0, "moved", payer)
        self.end(date)

    def allocate_credit(
        self, account: Account, on: dict[int, Decimal], date: datetime.date
    ) -> None:
        self.begin(date)
        for line, amount in sorted(on.items(), key=lambda each: each[1] > 0):
            if not amount:
                continue
            self.stands(line)
            if self.account_of(line) != account:
                raise Refused("account")
            if amount < 0:
                self.un_pay(line, -amount)
            elif amount > self.balance(line):
                raise Refused("R2")
            else:
                self.pay_from_credit(account, line, amount)
        self.end(date)

    def pay_from_credit(self, account: Account, line: int, amount: Decimal) -> None:
        mine = [
            n
            for n, each in self.receipts.items()
            if each.account == account and not each.reversed and self.unallocated(n) > 0
        ]
        for receipt in self.oldest_first(mine):
            given = min(amount, self.unallocated(receipt))
            if given > 0:
                self.put(receipt, line, given)
                amount -= given
        if amount > 0:
            raise Refused("R3")

    def unpay_payment(self, receipt: int, date: datetime.date) -> None:
        self.begin(date)
        if self.receipts[receipt].payer or not any(r == receipt for r, _line in self.held):
            raise Refused("nothing to un-pay")
        self.un_pay_all(receipt)
        self.end(date)

    def unpay_line(self, line: int, amount: Decimal, only: int | None, date: datetime.date) -> None:
        self.begin(date)
        if amount <= 0 or (only is not None and self.receipts[only].payer):
            raise Refused("amount")
        self.stands(line)
        self.un_pay(line, amount, only)
        self.end(date)

    def write_off(self, on: dict[int, Decimal], date: datetime.date) -> None:
        self.begin(date)
        on = {line: amount for line, amount in on.items() if amount}
        if not on:
            raise Refused("nothing")
        for line, amount in on.items():
            self.stands(line)
            if amount > self.balance(line):
                raise Refused("R2")
            self.take_off(line, amount)
            self.write_offs.append(WriteOff(line, 0, amount))
        self.end(date)

    def undo_write_off(self, number: int, date: datetime.date) -> None:
        self.begin(date)
        one = self.of_the_desk()[number]
        self.stands(one.line)
        if one.undone or -one.amount > self.balance(one.line):
            raise Refused("undone, R2")
        one.undone = True
        self.take_off(one.line, -one.amount)
        self.end(date)

    def take_off(self, line: int, amount: Decimal) -> None:
        self.lines[line].adjusted += amount
        self.touched.append(self.lines[line])

    def void_lines(self, lines: list[int], date: datetime.date) -> None:
        self.begin(date)
        for line in dict.fromkeys(lines):
            self.stands(line)
            if self.of_insurers(line):
                raise Refused("an insurer's")
            self.un_pay(line, self.by_patients(line))
            if self.balance(line):
                self.take_off(line, self.balance(line))
            self.lines[line].void = True
            self.voided.append(self.lines[line])
        self.end(date)

    def deposit(self, receipts: list[int], date: datetime.date) -> None:
        self.begin(date)
        for receipt in dict.fromkeys(receipts):
            one = self.receipts[receipt]
            moved = any(each.into == receipt and not each.fills for each in self.moved)
            if moved or one.deleted or one.banked or one.date > date:
                raise Refused("not for the bank")
            one.banked = True

    def refund(
        self,
        receipt: int,
        amount: Decimal,
        date: datetime.date,
        unpay: dict[int, Decimal] | None = None,
    ) -> None:
        self.begin(date)
        for line, paid in (unpay or {}).items():
            if not paid:
                continue
            if self.receipts[receipt].payer or not 0 < paid <= self.held[receipt, line]:
                raise Refused("R2")
            self.put(receipt, line, -paid)
        self.take_out(receipt, amount)
        self.draw(receipt, amount)
        self.moved.append(Moved(receipt, None, amount))
        self.end(date)

    def transfer(
        self, receipt: int, amount: Decimal, account: Account, date: datetime.date
    ) -> None:
        if self.receipts[receipt].payer or self.receipts[receipt].account == account:
            raise Refused("whose")
        self.begin(date)
        self.take_out(receipt, amount)
        self.move(receipt, amount, account)
        self.end(date)

    def take_out(self, receipt: int, amount: Decimal) -> None:
        if self.receipts[receipt].reversed or not 0 < amount <= self.unallocated(receipt):
            raise Refused("R4")

    def reverse(self, receipt: int, *, unpay_lines: bool, date: datetime.date) -> None:
        """A receipt, or (undone from either side) the transfer that made it."""
        self.begin(date)
        one = self.receipts[receipt]
        if one.reversed:
            raise Refused("R4")
        if one.payer:
            self.reverse_payer(receipt)
        made_by = [each for each in self.moved if each.into == receipt and not each.fills]
        family = [*made_by, *self.transfers_from(receipt)]
        if unpay_lines:
            self.un_pay_all(receipt)
            for moved in family:
                if not moved.fills and moved.into is not None:
                    self.un_pay_all(moved.into)
        for moved in family[::-1]:
            assert moved.into is not None
            moved.undone = True
            self.draw(moved.source, -moved.amount)
            self.draw(moved.into, moved.amount)
            if not moved.fills:
                self.receipts[moved.into].reversed = True
        if not made_by:
            self.draw(receipt, one.amount)
            one.reversed = True
        self.end(date)

    def reverse_payer(self, receipt: int) -> None:
        """Everything that came with it gets its opposite; the last one in is the first one out."""
        lines = {line for r, line in self.held if r == receipt and self.held[r, line]}
        mine = [row for row in self.write_offs if row.receipt == receipt and not row.undone]
        for line in (*lines, *(row.line for row in mine)):
            self.stands(line)
        self.un_pay_all(receipt)
        for row in mine:
            row.undone = True
            self.take_off(row.line, -row.amount)
        self.unsay(receipt)
        for offset in [each for each in self.offsets if each.receipt == receipt]:
            if not (offset.undone or offset.undoes):
                offset.undone = True
                self.offsets.append(
                    Kept(
                        receipt,
                        offset.code,
                        offset.reference,
                        -offset.amount,
                        self.acts,
                        undoes=True,
                    )
                )
        self.refuse_what_stands_on_it(receipt, lines, mine)
        for line in sorted({*lines, *(row.line for row in mine)}):
            if self.balance(line) < 0:
                self.un_pay(line, -self.balance(line))

    def unsay(self, receipt: int) -> None:
        """What it said the patient owes, and its answers; a voided line stays as it is."""
        for owed in self.owed:
            if owed.receipt == receipt and not self.lines[owed.line].void and not owed.undone:
                owed.undone = True
                self.touched.append(self.lines[owed.line])
        for answer in self.answers[::-1]:
            line = self.lines[answer.line]
            if answer.receipt == receipt and not line.void and not answer.undone:
                if self.standing_answers(answer.line)[-1] is answer:  # nobody answered since
                    line.waits_for = answer.before
                answer.undone = True
                self.touched.append(line)

    def refuse_what_stands_on_it(
        self, receipt: int, lines: Iterable[int], mine: Sequence[WriteOff]
    ) -> None:
        """A later payment of the same payer took back what would now never have been given."""
        payer = self.receipts[receipt].payer
        assert payer
        of_payer = {n for n, each in self.receipts.items() if each.payer == payer} - {receipt}
        in_the_way: set[int] = set()
        for line in lines:
            if self.by_payer(payer, line) < 0:
                in_the_way |= {r for r in of_payer if self.took_back(r, line)}
        for line in {row.line for row in mine}:
            first = next(
                n for n, row in enumerate(self.write_offs) if row in mine and row.line == line
            )
            takers = {
                row.receipt
                for row in self.write_offs[first:]
                if row.line == line
                and row.receipt in of_payer
                and row.amount < 0
                and not row.undone
            }
            if self.written_off_by(payer, line) < 0:
                in_the_way |= takers
        if in_the_way:
            raise Refused("a later takeback stands on it", in_the_way)

    def took_back(self, receipt: int, line: int) -> bool:
        return (receipt, line) in self.takebacks and not self.receipts[receipt].reversed

    def void(self, receipt: int, *, unpay_lines: bool) -> None:
        if any(each.into == receipt and not each.fills for each in self.moved):
            raise Refused("only receipts")
        if self.receipts[receipt].banked:
            raise Refused("deposited")
        self.reverse(receipt, unpay_lines=unpay_lines, date=self.receipts[receipt].date)
        self.receipts[receipt].deleted = True

    def undo_refund(self, refund: Moved, date: datetime.date) -> None:
        self.begin(date)
        if refund.undone:
            raise Refused("R4")
        refund.undone = True
        self.draw(refund.source, -refund.amount)
        self.end(date)
