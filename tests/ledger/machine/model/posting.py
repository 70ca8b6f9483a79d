"""What the verbs are made of: their frame, money on lines and off them, and covering (R7)."""

from __future__ import annotations

import datetime
from collections import defaultdict
from decimal import Decimal

from tests.ledger.machine.model.rows import ZERO, Account, Moved, Receipt, Refused
from tests.ledger.machine.model.sums import Sums


class Posting(Sums):
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

    def touch(self, receipt: int) -> None:
        if self.receipts[receipt] not in self.new:
            self.touched.append(self.receipts[receipt])

    # ------------------------------------------------------------------ money on lines and accounts

    def put(self, receipt: int, line: int, amount: Decimal) -> None:
        self.held[receipt, line] += amount
        self.touch(receipt)
        self.touched.append(self.lines[line])

    def take_off(self, line: int, amount: Decimal) -> None:
        self.lines[line].adjusted += amount
        self.touched.append(self.lines[line])

    def draw(self, receipt: int, amount: Decimal) -> None:
        self.receipts[receipt].returned += amount
        self.touch(receipt)

    def move(self, receipt: int, amount: Decimal, account: Account) -> int:
        self.draw(receipt, amount)
        into = self.receive(
            account=account, payer=None, amount=amount, date=self.today, last=datetime.date.min
        )
        self.moved.append(Moved(receipt, into, amount))
        return into

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

    def has_enough(self, receipt: int) -> None:
        if self.unallocated(receipt) < 0 and not self.receipts[receipt].reason:
            raise Refused("R3")

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
