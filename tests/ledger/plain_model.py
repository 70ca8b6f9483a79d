"""The money rules of DESIGN §2 once more, in plain dicts, for the state machine to compare with.

Written from the rules, not from `billing.ledger`; nothing here knows a database. An act either
changes the books or raises Refused (then the books are thrown away: work on a copy).
"""

from __future__ import annotations

import copy
import datetime
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal("0.00")
Account = tuple[str, str]


class Refused(Exception):
    """The rules do not allow it."""


@dataclass
class Line:
    patient: str
    provider: str
    amount: Decimal
    service_date: datetime.date
    last: datetime.date
    adjusted: Decimal = ZERO
    void: bool = False


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
        allocated = sum((each for (r, _l), each in self.held.items() if r == receipt), ZERO)
        return self.receipts[receipt].amount - self.receipts[receipt].returned - allocated

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
        if self.receipts[receipt] not in self.new:
            self.touched.append(self.receipts[receipt])
        self.touched.append(self.lines[line])

    def draw(self, receipt: int, amount: Decimal) -> None:
        self.receipts[receipt].returned += amount
        if self.receipts[receipt] not in self.new:
            self.touched.append(self.receipts[receipt])

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
        one = self.receipts[receipt]
        on = {line: typed for line, typed in on.items() if any(typed)}  # empty boxes are nothing
        for line, (paid, write_off) in on.items():
            self.stands(line)
            if one.account:
                self.share_patient(receipt, line, paid)
            else:
                self.share_payer(receipt, line, paid, write_off)
        if one.account:
            self.pay_elsewhere(receipt, on)
        if self.unallocated(receipt) < 0 and not one.reason:
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

    def share_payer(self, receipt: int, line: int, paid: Decimal, write_off: Decimal) -> None:
        payer = self.receipts[receipt].payer
        assert payer
        if paid < 0 and self.by_payer(payer, line) + paid < 0:
            raise Refused("R2")
        if write_off < 0 and self.lines[line].adjusted + write_off < 0:
            raise Refused("R2")
        short = paid + write_off - self.balance(line)
        if short > 0:
            self.un_pay(line, short)
        if write_off:
            self.lines[line].adjusted += write_off
            self.write_offs.append(WriteOff(line, receipt, write_off))
            self.touched.append(self.lines[line])
            if self.receipts[receipt] not in self.new:
                self.touched.append(self.receipts[receipt])
        if paid:
            self.put(receipt, line, paid)

    def move(self, receipt: int, amount: Decimal, account: Account) -> int:
        self.draw(receipt, amount)
        into = self.receive(
            account=account, payer=None, amount=amount, date=self.today, last=datetime.date.min
        )
        self.moved.append(Moved(receipt, into, amount))
        return into

    # ------------------------------------------------------------------ the verbs

    def issue(self, patient: str, provider: str, amount: Decimal, day: datetime.date) -> int:
        self.begin(day)
        number = max(self.lines, default=0) + 1
        self.lines[number] = Line(patient, provider, amount, day, day)
        return number

    def record(
        self,
        *,
        account: Account | None,
        payer: str | None,
        amount: Decimal,
        date: datetime.date,
        on: dict[int, tuple[Decimal, Decimal]],
        reason: str = "",
    ) -> None:
        self.begin(date)
        if account and amount <= 0:
            raise Refused("R3")
        receipt = self.receive(
            account=account,
            payer=payer,
            amount=amount,
            date=date,
            last=datetime.date.min,
            reason=reason if payer else "",
        )
        self.share(receipt, on)
        self.end(date)

    def allocate(
        self, receipt: int, on: dict[int, tuple[Decimal, Decimal]], date: datetime.date
    ) -> None:
        self.begin(date)
        if self.receipts[receipt].reversed:
            raise Refused("reversed")
        self.share(receipt, on)
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
        payer = self.receipts[receipt].payer
        assert payer
        lines = {line for r, line in self.held if r == receipt}
        mine = [row for row in self.write_offs if row.receipt == receipt and not row.undone]
        for line in (*lines, *(row.line for row in mine)):
            self.stands(line)
        self.un_pay_all(receipt)
        for row in self.write_offs:
            if row.receipt == receipt and not row.undone:
                row.undone = True
                self.lines[row.line].adjusted -= row.amount
                self.touched.append(self.lines[row.line])
        written_off = {row.line for row in self.write_offs if row.receipt == receipt}
        if any(self.written_off_by(payer, line) < 0 for line in written_off):
            raise Refused("a write-off was taken back later")
        for line in lines:
            if self.by_payer(payer, line) < 0:
                raise Refused("a later takeback stands on it")
            if self.balance(line) < 0:
                self.un_pay(line, -self.balance(line))

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
