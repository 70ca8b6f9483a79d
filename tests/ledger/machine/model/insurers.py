"""Insurers' payments: what they say of lines, offsets, whose the rest is, and undoing all of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal

from tests.ledger.machine.model.posting import Posting
from tests.ledger.machine.model.rows import (
    WAITS,
    ZERO,
    Answer,
    Kept,
    Line,
    Owed,
    Policy,
    Refused,
    Word,
    WriteOff,
)


class Insurers(Posting):
    # ------------------------------------------------------------------ the verbs

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

    # ------------------------------------------------------------------ what a payment says

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

    # ------------------------------------------------------------------ reversing one

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
