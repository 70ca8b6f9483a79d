"""What the desk does: invoices, patients' payments, credit, write-offs, refunds, undoing."""

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from billing import ledger
from billing.models import ClosingDate, Kind
from billing.sharing import OffsetEntry
from tests.factories import InvoiceFactory
from tests.factories.bills import day
from tests.ledger.machine.insurers import Insurers
from tests.ledger.machine.model import ZERO, Account, Moved
from tests.ledger.machine.parts import (
    AGO,
    AMOUNT,
    ENTRIES,
    OFFSETS,
    OUTCOME,
    OWES,
    PART,
    PICK,
    PROVIDER,
    REST,
    WHO,
    part,
)


class Acts(Insurers):
    """Each rule does one thing in the model and the same at the ledger."""

    @precondition(lambda self: len(self.lines) < 7)
    @rule(patient=WHO, provider=PROVIDER, amount=AMOUNT, ago=AGO)
    def issue(self, patient: str, provider: str, amount: Decimal, ago: int) -> None:
        draft = InvoiceFactory(
            **self.account((patient, provider)),
            amounts=[amount],
            ago=ago,
            owed_by=self.payers.get(self.first_payer(patient) or ""),
            issued=False,
        )
        line = draft.lines.get()
        payer = self.first_payer(patient)
        posted = self.both(
            lambda books: books.issue(patient, provider, amount, day(ago), payer),
            lambda: ledger.issue_invoice(by=self.by, invoice=draft, date=day(ago)),
        )
        if posted:
            self.lines[max(self.books.lines)] = line

    def first_payer(self, patient: str) -> str | None:
        return next((each.payer for each in self.books.policies.get(patient, [])), None)

    @precondition(lambda self: len(self.lines) < 7)
    @rule(first=WHO, second=WHO, provider=PROVIDER, amount=AMOUNT, ago=AGO)
    def issue_many(self, first: str, second: str, provider: str, amount: Decimal, ago: int) -> None:
        drafts = [
            InvoiceFactory(**self.account((who, provider)), amounts=[amount], ago=ago, issued=False)
            for who in (first, second)
        ]
        posted = self.both(
            lambda books: [books.issue(who, provider, amount, day(ago)) for who in (first, second)],
            lambda: ledger.issue_invoices(by=self.by, invoices=drafts, date=day(ago)),
        )
        if posted:
            numbers = sorted(self.books.lines)[-2:]
            self.lines.update(
                (number, draft.lines.get()) for number, draft in zip(numbers, drafts, strict=True)
            )

    @rule(patient=WHO, provider=PROVIDER, amount=AMOUNT, ago=AGO, typed=ENTRIES)
    def a_patient_pays(
        self, patient: str, provider: str, amount: Decimal, ago: int, typed: list[tuple[int, str]]
    ) -> None:
        half = part(amount, "half")
        on = self.on_lines(typed, lambda line: min(self.books.balance(line), half), whose=patient)
        self.pays((patient, provider), amount, ago, on)

    def pays(
        self,
        account: Account,
        amount: Decimal,
        ago: int,
        on: dict[int, tuple[Decimal, Decimal]] | None = None,
    ) -> None:
        """In cash, on these lines or on none."""
        on = on or {}
        self.both(
            lambda books: books.record(account=account, amount=amount, date=day(ago), on=on),
            lambda: ledger.record_payment(
                by=self.by,
                **self.account(account),
                amount=amount,
                method="cash",
                date=day(ago),
                entries=self.entries(on),
            ),
        )

    @precondition(lambda self: self.negative())
    @rule(number=PICK, which=PART, ago=AGO)
    def a_patient_pays_off_negative_credit(self, number: int, which: str, ago: int) -> None:
        """The seed's "do nothing": the next payment covers."""
        accounts = self.negative()
        account = accounts[number % len(accounts)]
        self.pays(account, part(-self.books.credit(account), which), ago)

    def negative(self) -> list[Account]:
        accounts = sorted({self.of(line) for line in self.books.lines})
        return [each for each in accounts if self.books.credit(each) < 0]

    @rule(number=PICK, which=PART, ago=AGO)
    def a_patient_pays_a_line(self, number: int, which: str, ago: int) -> None:
        """The commonest thing of all: a payment for one line, all of it on that line."""
        line = self.pick(self.lines, number, self.books.balance)
        self.pays_a_line(line, part(self.books.balance(line), which), ago)

    def pays_a_line(self, line: int, amount: Decimal, ago: int) -> None:
        self.pays(self.of(line), amount, ago, {line: (amount, ZERO)})

    @precondition(lambda self: self.any(self.has_credit))
    @rule(
        number=PICK,
        ago=AGO,
        typed=ENTRIES,
        of=st.sampled_from(["balance", "beside the patient", "takeback"]),
        write_off=st.sampled_from(["0.00", "0.00", "10.00", "-10.00"]).map(Decimal),
        owes=OWES,
        outcome=OUTCOME,
        rest=REST,
        offsets=OFFSETS,
    )
    def allocate(
        self,
        number: int,
        ago: int,
        typed: list[tuple[int, str]],
        of: str,
        write_off: Decimal,
        owes: tuple[tuple[str, Decimal], ...],
        outcome: str,
        rest: str,
        offsets: list[tuple[str, Decimal, str]],
    ) -> None:
        receipt = self.pick(self.receipts, number, self.has_credit)
        one, free = self.books.receipts[receipt], self.books.unallocated(receipt)
        if one.payer:
            on = self.on_lines(typed, self.of_a_payer(one.payer, of), write_off)
            words = self.words(on, owes, outcome=outcome, rest=rest)
            with self.nothing_else_moves(on, receipt):
                self.both(
                    lambda books: books.allocate_insurer(receipt, words, offsets, day(ago)),
                    lambda: ledger.allocate(
                        by=self.by,
                        payment=self.receipts[receipt],
                        entries=self.answers(words),
                        offsets=[OffsetEntry(*each) for each in offsets],
                        date=day(ago),
                    ),
                )
            return
        on = self.on_lines(
            typed,
            lambda line: min(self.books.balance(line), max(free, ZERO)),
            whose=one.account[0] if one.account else "",
        )
        self.both(
            lambda books: books.allocate(receipt, on, day(ago)),
            lambda: ledger.allocate(
                by=self.by, payment=self.receipts[receipt], entries=self.entries(on), date=day(ago)
            ),
        )

    @rule(
        number=PICK,
        ago=AGO,
        typed=st.lists(
            st.tuples(PICK, PART, st.booleans()),
            min_size=1,
            max_size=3,
            unique_by=lambda each: each[0],
        ),
    )
    def credit_allocation(self, number: int, ago: int, typed: list[tuple[int, str, bool]]) -> None:
        """Plus: what the line owes or the account has. Minus: what patients paid on it."""
        first = self.books.lines[
            self.pick(self.lines, number, lambda line: self.books.credit(self.of(line)))
        ]
        account = (first.patient, first.provider)
        on: dict[int, Decimal] = {}
        for which_line, which, minus in typed:
            size = self.books.by_patients if minus else self.books.balance
            line = self.pick(
                self.lines, which_line, lambda n, size=size: self.of(n) == account and size(n)
            )
            if minus:
                on[line] = -part(self.books.by_patients(line), which)
            else:
                credit = max(self.books.credit(account), ZERO)
                on[line] = part(min(self.books.balance(line), credit), which)
        self.both(
            lambda books: books.allocate_credit(account, on, day(ago)),
            lambda: ledger.allocate_credit(
                by=self.by,
                **self.account(account),
                entries=self.entries({line: (each, ZERO) for line, each in on.items()}),
                date=day(ago),
            ),
        )

    @precondition(lambda self: self.any(self.pays_lines))
    @rule(number=PICK, ago=AGO)
    def unpay_a_payment(self, number: int, ago: int) -> None:
        receipt = self.pick(self.receipts, number, self.pays_lines)
        with self.nothing_else_moves([n for r, n in self.books.held if r == receipt], receipt):
            self.both(
                lambda books: books.unpay_payment(receipt, day(ago)),
                lambda: ledger.unpay(
                    by=self.by, payment=self.receipts[receipt], date=day(ago), reason="Wrong line"
                ),
            )

    @precondition(lambda self: self.any(self.pays_lines))
    @rule(number=PICK, which=PART, named=st.one_of(st.none(), PICK), ago=AGO)
    def unpay_a_line(self, number: int, which: str, named: int | None, ago: int) -> None:
        line = self.pick(self.lines, number, self.books.by_patients)
        only = None
        if named is not None:
            only = self.pick(
                self.receipts, named, lambda receipt: self.books.held.get((receipt, line))
            )
        held = self.books.by_patients(line)
        if only is not None:
            held = self.books.held.get((only, line), ZERO)
        amount = part(held, which)
        with self.nothing_else_moves([line]):
            self.both(
                lambda books: books.unpay_line(line, amount, only, day(ago)),
                lambda: ledger.unpay(
                    by=self.by,
                    line=self.lines[line],
                    amount=amount,
                    payment=None if only is None else self.receipts[only],
                    date=day(ago),
                    reason="Wrong line",
                ),
            )

    @rule(number=PICK, which=PART, minus=st.booleans(), ago=AGO)
    def adjust(self, number: int, which: str, minus: bool, ago: int) -> None:
        line = self.pick(self.lines, number)
        amount = part(self.books.balance(line), which) * (-1 if minus else 1)
        with self.nothing_else_moves([line]):
            posted = self.both(
                lambda books: books.write_off({line: amount}, day(ago)),
                lambda: ledger.adjust(
                    by=self.by,
                    line=self.lines[line],
                    amount=amount,
                    kind="courtesy",
                    date=day(ago),
                    reason="Hardship",
                ),
            )
        self.write_offs += posted.adjustments if posted else []

    @rule(typed=ENTRIES, ago=AGO)
    def write_off(self, typed: list[tuple[int, str]], ago: int) -> None:
        on = {line: paid for line, (paid, _w) in self.on_lines(typed, self.books.balance).items()}
        with self.nothing_else_moves(on):
            posted = self.both(
                lambda books: books.write_off(on, day(ago)),
                lambda: ledger.write_off(
                    by=self.by,
                    entries=self.entries({line: (ZERO, each) for line, each in on.items()}),
                    kind="bad_debt",
                    date=day(ago),
                    reason="Moved away",
                ),
            )
        self.write_offs += posted.adjustments if posted else []

    @precondition(lambda self: self.write_offs)
    @rule(number=PICK, ago=AGO)
    def undo_write_off(self, number: int, ago: int) -> None:
        number %= len(self.write_offs)
        with self.nothing_else_moves([self.books.of_the_desk()[number].line]):
            self.both(
                lambda books: books.undo_write_off(number, day(ago)),
                lambda: ledger.undo_write_off(
                    by=self.by,
                    adjustment=self.write_offs[number],
                    date=day(ago),
                    reason="Paid after all",
                ),
            )

    def is_ours(self, line: int) -> bool:
        """It may be voided: it stands, and no insurer has anything on it."""
        return not self.books.lines[line].void and not self.books.of_insurers(line)

    @rule(number=PICK, more=st.booleans(), ago=AGO)
    def void_lines(self, number: int, more: bool, ago: int) -> None:
        lines = [self.pick(self.lines, number, self.is_ours)]
        if more:
            lines.append(self.pick(self.lines, number + 1, self.is_ours))
        with self.nothing_else_moves(lines):
            self.both(
                lambda books: books.void_lines(lines, day(ago)),
                lambda: ledger.void_lines(
                    by=self.by,
                    lines=[self.lines[line] for line in lines],
                    date=day(ago),
                    reason="Billed twice",
                ),
            )

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, more=st.booleans(), ago=AGO)
    def deposit(self, number: int, more: bool, ago: int) -> None:
        def fits(receipt: int) -> bool:
            return self.may_be_banked(receipt) and self.books.receipts[receipt].date <= day(ago)

        receipts = [self.pick(self.receipts, number, fits)]
        if more:
            receipts.append(self.pick(self.receipts, number + 1, fits))
        with self.nothing_else_moves([]):
            self.both(
                lambda books: books.deposit(receipts, day(ago)),
                lambda: ledger.deposit(
                    by=self.by,
                    payments=[self.receipts[receipt] for receipt in receipts],
                    date=day(ago),
                ),
            )

    def may_be_banked(self, receipt: int) -> bool:
        one = self.books.receipts[receipt]
        return not (one.banked or one.deleted)

    @precondition(lambda self: self.any(self.has_credit))
    @rule(number=PICK, which=PART, ago=AGO)
    def refund(self, number: int, which: str, ago: int) -> None:
        receipt = self.pick(self.receipts, number, self.has_credit)
        self.pay_back(receipt, part(self.books.unallocated(receipt), which), {}, ago)

    @precondition(lambda self: self.any(self.may_give_back))
    @rule(number=PICK, which=PART, of_the_line=PART, more=st.booleans(), ago=AGO)
    def refund_and_un_pay(
        self, number: int, which: str, of_the_line: str, more: bool, ago: int
    ) -> None:
        receipt = self.pick(self.receipts, number, self.may_give_back)
        held = {line: each for (r, line), each in self.books.held.items() if r == receipt and each}
        lines = sorted(held)[: 2 if more else 1] or [self.pick(self.lines, number)]
        unpay = {line: part(held.get(line, ZERO), of_the_line) for line in lines}
        free = self.books.unallocated(receipt) + sum(unpay.values(), ZERO)
        self.pay_back(receipt, part(free, which), unpay, ago)

    def may_give_back(self, receipt: int) -> bool:
        """A patient's that stands and pays lines."""
        one = self.books.receipts[receipt]
        return bool(one.account) and self.stands(receipt) and self.pays_lines(receipt)

    def pay_back(self, receipt: int, amount: Decimal, unpay: dict[int, Decimal], ago: int) -> None:
        with self.nothing_else_moves(unpay, receipt):
            posted = self.both(
                lambda books: books.refund(receipt, amount, day(ago), unpay),
                lambda: ledger.refund(
                    by=self.by,
                    payment=self.receipts[receipt],
                    amount=amount,
                    method="cash",
                    date=day(ago),
                    reason="Asked",
                    unpay=self.entries({line: (each, ZERO) for line, each in unpay.items()}),
                ),
            )
        if posted and posted.payment:
            (*_earlier, row) = (each for each in self.books.moved if each.into is None)
            self.refunds.append((row, posted.payment))

    @precondition(lambda self: self.any(self.has_credit))
    @rule(number=PICK, which=PART, patient=WHO, provider=PROVIDER, ago=AGO)
    def transfer(self, number: int, which: str, patient: str, provider: str, ago: int) -> None:
        receipt = self.pick(self.receipts, number, self.has_credit)
        amount = part(self.books.unallocated(receipt), which)
        self.moves(receipt, amount, (patient, provider), ago)

    def moves(self, receipt: int, amount: Decimal, to: Account, ago: int) -> None:
        self.both(
            lambda books: books.transfer(receipt, amount, to, day(ago)),
            lambda: ledger.transfer(
                by=self.by,
                payment=self.receipts[receipt],
                amount=amount,
                **self.account(to),
                date=day(ago),
                reason="Asked",
            ),
        )

    @precondition(lambda self: self.any(self.has_credit))
    @rule(number=PICK, ago=AGO)
    def transfer_to_where_it_is(self, number: int, ago: int) -> None:
        """All of a patient's credit, to its own account: refused."""
        receipt = self.pick(self.receipts, number, self.has_credit)
        account = self.books.receipts[receipt].account or ("Smith", "Dr 1")
        self.moves(receipt, self.books.unallocated(receipt), account, ago)

    @precondition(lambda self: self.any(self.stands))
    @rule(number=PICK, unpay_lines=st.booleans(), ago=AGO, other_side=st.booleans())
    def reverse(self, number: int, unpay_lines: bool, ago: int, other_side: bool) -> None:
        receipt = self.pick(self.receipts, number, self.stands)
        payment = self.receipts[receipt]
        if other_side and payment.kind == Kind.TRANSFER_IN and payment.original:
            payment = payment.original
        self.both(
            lambda books: books.reverse(receipt, unpay_lines=unpay_lines, date=day(ago)),
            lambda: ledger.reverse(
                by=self.by,
                payment=payment,
                date=day(ago),
                reason="Bounced",
                unpay_lines=unpay_lines,
            ),
        )

    @precondition(lambda self: self.any(self.can_bounce))
    @rule(number=PICK, ago=AGO)
    def a_check_bounces(self, number: int, ago: int) -> None:
        """Reversed though it pays lines or was refunded, and lines left paid: seed 2 begins."""
        self.bounces(self.pick(self.receipts, number, self.can_bounce), ago)

    def bounces(self, receipt: int, ago: int) -> None:
        self.both(
            lambda books: books.reverse(receipt, unpay_lines=False, date=day(ago)),
            lambda: ledger.reverse(
                by=self.by,
                payment=self.receipts[receipt],
                date=day(ago),
                reason="Bounced",
                unpay_lines=False,
            ),
        )

    @precondition(lambda self: any(map(self.open_on_patient, self.lines)))
    @rule(number=PICK, ago=st.sampled_from([0, 0, 1]))
    def a_check_bounces_beside_two_credits(self, number: int, ago: int) -> None:
        """The line it paid stays paid, by the older credit first and by a part of the newer one."""
        line = self.pick(self.lines, number, self.open_on_patient)
        account, owed = self.of(line), self.books.balance(line)
        known = set(self.receipts)
        for more in (part(owed, "half"), owed):  # two credits, one after the other
            self.pays(account, more, ago)
        self.pays_a_line(line, owed, ago)
        made = sorted(set(self.receipts) - known)
        if len(made) == 3:
            self.bounces(made[-1], ago)

    def open_on_patient(self, line: int) -> bool:
        return self.books.balance(line) > 0 and not self.books.lines[line].void

    @precondition(lambda self: any(each.banked for each in self.books.receipts.values()))
    @rule(number=PICK, unpay_lines=st.booleans())
    def delete_what_went_to_the_bank(self, number: int, unpay_lines: bool) -> None:
        """Refused: it is reversed instead."""
        banked = [r for r, each in self.books.receipts.items() if each.banked]
        self.deletes(sorted(banked)[number % len(banked)], unpay_lines=unpay_lines)

    @precondition(lambda self: self.any(self.stands))
    @rule(number=PICK, unpay_lines=st.booleans())
    def void(self, number: int, unpay_lines: bool) -> None:
        self.deletes(self.pick(self.receipts, number, self.stands), unpay_lines=unpay_lines)

    def deletes(self, receipt: int, *, unpay_lines: bool) -> None:
        self.both(
            lambda books: books.void(receipt, unpay_lines=unpay_lines),
            lambda: ledger.void(
                by=self.by,
                payment=self.receipts[receipt],
                reason="Typing error",
                unpay_lines=unpay_lines,
            ),
        )

    @precondition(lambda self: self.refunds)
    @rule(number=PICK, ago=AGO)
    def undo_a_refund(self, number: int, ago: int) -> None:
        index = number % len(self.refunds)
        refund, row = self.refunds[index]
        position = self._position(refund)
        self.both(
            lambda books: books.undo_refund(books.moved[position], day(ago)),
            lambda: ledger.reverse(by=self.by, payment=row, date=day(ago), reason="Never paid"),
        )

    def _position(self, refund: Moved) -> int:
        refunds = [n for n, each in enumerate(self.books.moved) if each.into is None]
        order = [each for each, _row in self.refunds]
        return refunds[next(n for n, each in enumerate(order) if each is refund)]

    @precondition(lambda self: len(self.receipts) > 4)
    @rule(ago=st.sampled_from([4, 4, 3, 2]))
    def close_the_books(self, ago: int) -> None:
        ClosingDate.objects.create(
            reason="The month is over", closed_through=day(ago), created_by=self.by
        )
        self.books.closed = day(ago)
