"""The books of a clinic: each verb either changes them or raises Refused."""

from __future__ import annotations

import copy
import datetime
from decimal import Decimal

from tests.ledger.machine.model.insurers import Insurers
from tests.ledger.machine.model.rows import ZERO, Account, Line, Moved, Refused, WriteOff


class Books(Insurers):
    def copy(self) -> Books:
        return copy.deepcopy(self)

    # ------------------------------------------------------------------ lines

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

    # ------------------------------------------------------------------ patients' money

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

    def allocate(
        self, receipt: int, on: dict[int, tuple[Decimal, Decimal]], date: datetime.date
    ) -> None:
        self.begin(date)
        if self.receipts[receipt].reversed:
            raise Refused("reversed")
        self.share(receipt, on)
        self.end(date)

    def share(self, receipt: int, on: dict[int, tuple[Decimal, Decimal]]) -> None:
        on = {line: typed for line, typed in on.items() if any(typed)}  # empty boxes are nothing
        for line, (paid, _write_off) in on.items():
            self.stands(line)
            self.share_patient(receipt, line, paid)
        self.pay_elsewhere(receipt, on)
        self.has_enough(receipt)

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

    def deposit(self, receipts: list[int], date: datetime.date) -> None:
        self.begin(date)
        for receipt in dict.fromkeys(receipts):
            one = self.receipts[receipt]
            moved = any(each.into == receipt and not each.fills for each in self.moved)
            if moved or one.deleted or one.banked or one.date > date:
                raise Refused("not for the bank")
            one.banked = True

    # ------------------------------------------------------------------ money out, and undoing

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
