"""What insurers do: pay, answer, take back, keep; and their payments undone."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import ledger
from billing.sharing import OffsetEntry
from tests.factories.bills import day
from tests.ledger.machine.clinic import Clinic
from tests.ledger.machine.model import ZERO, Word, WriteOff
from tests.ledger.machine.parts import (
    AGO,
    AMOUNT,
    CENT,
    CHECK,
    ENTRIES,
    OFFSETS,
    OUTCOME,
    OWES,
    PART,
    PAYER,
    PICK,
    REST,
    part,
)


class Insurers(Clinic):
    """Each rule does one thing in the model and the same at the ledger."""

    @rule(
        payer=PAYER,
        amount=AMOUNT,
        ago=AGO,
        typed=ENTRIES,
        of=st.sampled_from(["balance", "balance", "beside the patient", "takeback"]),
        write_off=st.sampled_from(["0.00", "0.00", "0.01", "10.00", "-10.00"]).map(Decimal),
        reason=st.sampled_from(["", "", "Offset"]),
        check=CHECK,
        owes=OWES,
        outcome=OUTCOME,
        rest=REST,
        above=st.sampled_from([False, False, False, True]),
        offsets=OFFSETS,
    )
    def a_payer_pays(
        self,
        payer: str,
        amount: Decimal,
        ago: int,
        typed: list[tuple[int, str]],
        of: str,
        write_off: Decimal,
        reason: str,
        check: str,
        owes: tuple[tuple[str, Decimal], ...],
        outcome: str,
        rest: str,
        above: bool,
        offsets: list[tuple[str, Decimal, str]],
    ) -> None:
        on = self.on_lines(typed, self.of_a_payer(payer, of), write_off)
        words = self.words(on, owes, outcome=outcome, rest=rest, code="94" if above else "")
        if check != "typed":
            amount = self.comes_to(words, offsets) - (CENT if check == "a cent short" else ZERO)
        self.an_insurer_pays(payer, amount, words, offsets, ago, reason)

    def comes_to(self, words: list[Word], offsets: list[tuple[str, Decimal, str]]) -> Decimal:
        """The check that leaves nothing unallocated; it may be nothing, or below."""
        kept = sum((amount for _code, amount, _reference in offsets), ZERO)
        return sum((word.paid for word in words), ZERO) - kept

    def an_insurer_pays(
        self,
        payer: str,
        amount: Decimal,
        words: list[Word],
        offsets: list[tuple[str, Decimal, str]],
        ago: int,
        reason: str = "",
    ) -> None:
        with self.nothing_else_moves([word.line for word in words]):
            self.both(
                lambda books: books.record_insurer(
                    payer=payer,
                    amount=amount,
                    date=day(ago),
                    words=words,
                    offsets=offsets,
                    reason=reason,
                ),
                lambda: ledger.record_payment(
                    by=self.by,
                    payer=self.payers[payer],
                    amount=amount,
                    method="check",
                    date=day(ago),
                    entries=self.answers(words),
                    offsets=[OffsetEntry(*each) for each in offsets],
                    over_allocation_reason=reason,
                ),
            )

    @rule(number=PICK, payer=PAYER, owes=OWES, outcome=OUTCOME, rest=REST, ago=AGO)
    def a_payer_answers(
        self,
        number: int,
        payer: str,
        owes: tuple[tuple[str, Decimal], ...],
        outcome: str,
        rest: str,
        ago: int,
    ) -> None:
        """$0.00: denied, the patient's deductible, forwarded ..."""
        line = self.pick(self.lines, number, self.waits)
        payer = self.books.lines[line].waits_for or payer
        words = self.words({line: (ZERO, ZERO)}, owes, outcome=outcome, rest=rest)
        self.an_insurer_pays(payer, ZERO, words, [], ago)

    def waits(self, line: int) -> bool:
        return bool(self.books.lines[line].waits_for) and self.books.balance(line) > 0

    @precondition(lambda self: self.paid_by_payers())
    @rule(
        number=PICK,
        which=PART,
        again=st.one_of(st.none(), PART),
        settled=st.sampled_from(["check", "carried forward", "withheld", "later receipt"]),
        paid_first=st.sampled_from([False, False, False, True]),
        write_offs_too=st.booleans(),
        twice=st.sampled_from([False, False, True]),
        ago=AGO,
    )
    def a_payer_takes_back(
        self,
        number: int,
        which: str,
        again: str | None,
        settled: str,
        paid_first: bool,
        write_offs_too: bool,
        twice: bool,
        ago: int,
    ) -> None:
        """A claim is reversed, and corrected perhaps, in a payment of its own or in a later one."""
        pairs = self.paid_by_payers()
        payer, line = pairs[number % len(pairs)]
        taken = part(self.books.by_payer(payer, line), which)
        off = self.books.written_off_by(payer, line) if write_offs_too else ZERO
        said = tuple((kind, -each) for kind, each in self.books.patient_owes(line).items())
        words = [Word(line, -taken, -off, said, outcome="taken_back")]
        if twice:
            words.append(Word(line, -taken))
        if again:
            words.append(Word(line, part(taken, again), off))
        if paid_first:
            words.reverse()
        total = self.comes_to(words, [])
        if settled == "later receipt":
            fitting = [n for n, each in self.books.receipts.items() if each.payer == payer]
            receipt = fitting[number % len(fitting)]
            with self.nothing_else_moves([line], receipt):
                self.both(
                    lambda books: books.allocate_insurer(receipt, words, [], day(ago)),
                    lambda: ledger.allocate(
                        by=self.by,
                        payment=self.receipts[receipt],
                        entries=self.answers(words),
                        date=day(ago),
                    ),
                )
            return
        offsets = []
        if total and settled != "check":
            offsets = [("FB" if settled == "carried forward" else "WO", total, "C")]
        self.an_insurer_pays(payer, self.comes_to(words, offsets), words, offsets, ago)

    @rule(number=PICK, which=PART, payer=PAYER, ago=AGO)
    def a_payer_takes_a_write_off_back(self, number: int, which: str, payer: str, ago: int) -> None:
        """And no money: the claim was only priced wrong. Where there is none, one is given."""
        pairs = self.written_off_by_payers()
        if pairs:
            payer, line = pairs[number % len(pairs)]
            write_off = -part(self.books.written_off_by(payer, line), which)
        else:
            line = self.pick(self.lines, number, self.books.balance)
            write_off = part(self.books.balance(line), which)
        self.an_insurer_pays(payer, ZERO, [Word(line, ZERO, write_off)], [], ago)

    def written_off_by_payers(self) -> list[tuple[str, int]]:
        """(payer, line) where a write-off can be taken back."""
        return [
            (payer, line)
            for payer in self.payers
            for line in self.lines
            if self.books.written_off_by(payer, line) > 0
        ]

    def paid_by_payers(self) -> list[tuple[str, int]]:
        """(payer, line) where there is something to take back."""
        return [
            (payer, line)
            for payer in self.payers
            for line in self.lines
            if self.books.by_payer(payer, line) > 0
        ]

    @precondition(lambda self: any(self.books.debts(each) for each in self.payers))
    @rule(number=PICK, which=PART, ago=AGO)
    def a_payer_collects(self, number: int, which: str, ago: int) -> None:
        """What was carried forward or withheld is settled out of its next payment."""
        payer, reference, owed = next(
            (payer, *each) for payer in self.payers for each in self.books.debts(payer).items()
        )
        line = self.pick(self.lines, number, self.books.balance)
        words = [Word(line, part(self.books.balance(line), which))]
        offsets = [("FB", owed, reference)]
        self.an_insurer_pays(payer, self.comes_to(words, offsets), words, offsets, ago)

    @rule(number=PICK, more=st.booleans(), whose=st.one_of(st.none(), PAYER), ago=AGO)
    def say_who_owes(self, number: int, more: bool, whose: str | None, ago: int) -> None:
        lines = [self.pick(self.lines, number, self.books.balance)]
        if more:
            lines.append(self.pick(self.lines, number + 1, self.books.balance))
        with self.nothing_else_moves(lines):
            self.both(
                lambda books: books.say_who_owes(lines, whose, day(ago)),
                lambda: ledger.set_responsibility(
                    by=self.by,
                    lines=[self.lines[line] for line in lines],
                    payer=self.payers[whose] if whose else None,
                    date=day(ago),
                    reason="Not covered",
                ),
            )

    @precondition(lambda self: self.any(self.of_an_insurer))
    @rule(number=PICK, delete=st.booleans(), ago=AGO)
    def undo_an_insurers_payment(self, number: int, delete: bool, ago: int) -> None:
        theirs = [each for each in self.receipts if self.books.receipts[each].payer]
        self.undoes(self.pick(dict.fromkeys(theirs), number, self.stands), ago, delete=delete)

    def undoes(self, receipt: int, ago: int, *, delete: bool = False) -> None:
        lines = {line for r, line in self.books.held if r == receipt}
        lines |= {each.line for each in self.books.write_offs if each.receipt == receipt}
        lines |= {each.line for each in self.books.answers if each.receipt == receipt}
        how: dict[str, Any] = {"by": self.by, "reason": "Entered twice", "unpay_lines": False}
        with self.nothing_else_moves(lines, receipt):
            if delete:
                self.both(
                    lambda books: books.void(receipt, unpay_lines=False),
                    lambda: ledger.void(payment=self.receipts[receipt], **how),
                )
            else:
                self.both(
                    lambda books: books.reverse(receipt, unpay_lines=False, date=day(ago)),
                    lambda: ledger.reverse(payment=self.receipts[receipt], date=day(ago), **how),
                )

    @precondition(lambda self: self.write_offs_taken_back())
    @rule(number=PICK, last_first=st.booleans(), paid_since=st.booleans(), ago=AGO)
    def undo_around_a_write_off_taken_back(
        self, number: int, last_first: bool, paid_since: bool, ago: int
    ) -> None:
        """Either the payment that took it back, or an earlier one that had given it."""
        rows = self.write_offs_taken_back()
        taker = rows[number % len(rows)]
        if paid_since and self.books.balance(taker.line) > 0:
            self.pays_a_line(taker.line, self.books.balance(taker.line), ago)
        givers = [
            each.receipt
            for each in self.books.write_offs
            if each.line == taker.line and each.receipt and each.amount > 0 and not each.undone
        ]
        self.undoes(taker.receipt if last_first or not givers else givers[0], ago)

    def write_offs_taken_back(self) -> list[WriteOff]:
        rows = self.books.write_offs
        return [each for each in rows if each.receipt and each.amount < 0 and not each.undone]

    def of_an_insurer(self, receipt: int) -> bool:
        return bool(self.books.receipts[receipt].payer) and self.stands(receipt)

    def of_a_payer(self, payer: str, of: str) -> Callable[[int], Decimal]:
        return {
            "balance": self.books.balance,
            "beside the patient": lambda line: (
                self.books.balance(line) + self.books.by_patients(line)
            ),
            "takeback": lambda line: -self.books.by_payer(payer, line),
        }[of]
