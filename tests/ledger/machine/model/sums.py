"""What the books hold, and every sum that is read off them; nothing here changes them."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from tests.ledger.machine.model.rows import (
    DEBTS,
    ZERO,
    Account,
    Answer,
    Kept,
    Line,
    Moved,
    Owed,
    Policy,
    Receipt,
    WriteOff,
)


@dataclass
class Sums:
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

    def by_patients(self, line: int) -> Decimal:
        return sum(
            (
                each
                for (r, on), each in self.held.items()
                if on == line and self.receipts[r].payer is None
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

    def of_insurers(self, line: int) -> bool:
        """Does an insurer's money or write-off stand on it?"""
        payers = {each.payer for each in self.receipts.values() if each.payer}
        return any(self.by_payer(each, line) or self.written_off_by(each, line) for each in payers)

    def of_the_desk(self) -> list[WriteOff]:
        return [each for each in self.write_offs if not each.receipt]

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

    def pays_for(self, patient: str, line: int) -> bool:
        whose = self.lines[line].patient
        return patient in (whose, self.guarantors.get(whose))

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
