"""Three years of a clinic group, thought up day by day; nothing is written here.

It follows the rules of docs/money.md as the ledger's verbs would: what happens to a line or a
receipt comes in the order of its days, nothing is paid beyond what is owed, and no account holds
credit of both signs. `benchmarks.million` writes it down, and `check_ledger` then judges both.

Cents everywhere, and days as ordinals: a million lines are kept in memory.
"""

from __future__ import annotations

import datetime
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SEED = 1042
DAYS = 3 * 365
LARGEST_CHECK = 200  # lines
ANSWER_AFTER = 14  # days an insurer takes at least
BOUNCED = "Payment bounced"
PAPER = ("cash", "check")
SATURDAY, FRIDAY = 5, 4


@dataclass(frozen=True)
class Insurer:
    pk: int
    method: str
    allows: int  # per cent of the fee


@dataclass(frozen=True)
class Service:
    pk: int
    code: str
    words: str
    fee: int


class Account:
    """A patient with a provider, the lines they owe themselves, and a receipt with credit left."""

    __slots__ = ("credit", "insurer", "negative", "owes", "patient", "provider")

    def __init__(self, patient: int, provider: int, insurer: Insurer | None) -> None:
        self.patient, self.provider, self.insurer = patient, provider, insurer
        self.owes: list[Line] = []
        self.credit: Receipt | None = None
        self.negative = False


class Line:
    __slots__ = (
        "account", "adjusted", "first_payer", "invoice", "last", "paid", "payer", "pk", "service",
        "session",
    )  # fmt: skip

    def __init__(self, pk: int, account: Account, service: Service, visit: Visit) -> None:
        self.pk, self.account, self.service = pk, account, service
        self.session, self.invoice, self.last = visit.pk, visit, visit.day
        self.payer = account.insurer.pk if account.insurer else None
        self.paid = self.adjusted = 0

    @property
    def balance(self) -> int:
        return self.service.fee - self.paid - self.adjusted


class Visit:
    """A session and its invoice: both have the same lines. `number` 0: not billed yet."""

    __slots__ = ("account", "day", "number", "pk")

    def __init__(self, pk: int, account: Account, day: int, number: int) -> None:
        self.pk, self.account, self.day, self.number = pk, account, day, number


class Receipt:
    """A receipt, or the reversal of one (`original`)."""

    __slots__ = (
        "account", "allocated", "amount", "day", "excuse", "insurer", "last", "method", "number",
        "on", "original", "pk", "returned", "reversed", "slip",
    )  # fmt: skip

    def __init__(self, pk: int, day: int, amount: int, method: str, number: int) -> None:
        self.pk, self.day, self.amount, self.method, self.number = pk, day, amount, method, number
        self.account: Account | None = None
        self.insurer: Insurer | None = None
        self.original: Receipt | None = None
        self.allocated = self.returned = 0
        self.reversed = self.slip = False
        self.last, self.excuse = day, ""
        self.on: list[tuple[Line, int]] = []

    @property
    def free(self) -> int:
        return self.amount - self.returned - self.allocated


@dataclass
class Numbers:
    """The first ids that are free, and how the clinic's own numbers go on."""

    visit: int
    line: int
    payment: int
    slip: int
    invoice: int
    receipt: int
    check: int
    deposit: int


@dataclass
class Years:
    """What happened. Every list is in the order of its days."""

    numbers: Numbers
    visits: list[Visit] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    allocations: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    adjustments: list[tuple[int, str, int, int, int | None, str, str]] = field(default_factory=list)
    answers: list[tuple[int, int, int, str, str, int, int | None]] = field(default_factory=list)
    parts: list[tuple[int, int, int, str, int, str]] = field(default_factory=list)
    voids: list[tuple[int, int]] = field(default_factory=list)
    slips: list[tuple[int, int, int, list[int]]] = field(default_factory=list)


def think_up(
    *,
    lines: int,
    accounts: Sequence[Account],
    services: Sequence[Service],
    insurers: Sequence[Insurer],
    numbers: Numbers,
    today: datetime.date,
) -> Years:
    """So many lines, spread over the working days of three years up to today."""
    return _Clinic(lines, accounts, services, insurers, Years(numbers), today).live()


class _Clinic:
    def __init__(
        self,
        lines: int,
        accounts: Sequence[Account],
        services: Sequence[Service],
        insurers: Sequence[Insurer],
        years: Years,
        today: datetime.date,
    ) -> None:
        self.wanted, self.accounts, self.services = lines, accounts, services
        self.insurers, self.years, self.today = insurers, years, today.toordinal()
        self.chance = random.Random(SEED)
        self.unanswered: dict[int, list[Line]] = {each.pk: [] for each in insurers}
        self.to_pay: dict[int, list[Account]] = defaultdict(list)
        self.to_bounce: dict[int, list[Receipt]] = defaultdict(list)
        self.to_write_off: dict[int, list[tuple[Line, str]]] = defaultdict(list)
        self.to_bank: list[Receipt] = []

    def live(self) -> Years:
        days = list(self._working_days())
        for at, day in enumerate(days):
            left = self.wanted - len(self.years.lines)
            self._see_patients(day, left // (len(days) - at) if at + 1 < len(days) else left)
            self._hear_from_insurers(day)
            for line, kind in self.to_write_off.pop(day, ()):
                self._write_off(day, line, kind)
            for receipt in self.to_bounce.pop(day, ()):
                self._bounce(day, receipt)
            for account in self.to_pay.pop(day, ()):
                self._pay(day, account)
            if self._weekday(day) == FRIDAY:
                self._go_to_the_bank(day)
        return self.years

    def _working_days(self) -> Iterator[int]:
        for day in range(self.today - DAYS, self.today + 1):
            if self._weekday(day) < SATURDAY or day == self.today:
                yield day

    @staticmethod
    def _weekday(day: int) -> int:
        return (day + 6) % 7

    def _later(self, day: int, least: int, most: int) -> int:
        """A working day so many days later."""
        later = day + self.chance.randint(least, most)
        return later + max(0, 7 - self._weekday(later)) * (self._weekday(later) >= SATURDAY)

    # ------------------------------------------------------------------ what is billed

    def _see_patients(self, day: int, lines: int) -> None:
        chance, years = self.chance, self.years
        until = len(years.lines) + lines
        while len(years.lines) < until:
            account = self.accounts[int(chance.random() * len(self.accounts))]
            # Of the last two days half is not billed yet.
            number = 0
            if day < self.today - 2 or chance.random() < 0.5:
                number = years.numbers.invoice
                years.numbers.invoice += 1
            visit = Visit(years.numbers.visit, account, day, number)
            years.numbers.visit += 1
            years.visits.append(visit)
            for _ in range(min(1 + (chance.random() < 0.25), until - len(years.lines))):
                service = self.services[int(chance.random() * len(self.services))]
                line = Line(years.numbers.line, account, service, visit)
                years.numbers.line += 1
                years.lines.append(line)
                if number:
                    self._bill(day, line)

    def _bill(self, day: int, line: Line) -> None:
        account, chance = line.account, self.chance
        if chance.random() < 0.002:
            self._adjust(day, line, "correction", line.balance, reason="Entered twice")
            self.years.voids.append((day, line.pk))
        elif account.insurer:
            self.unanswered[account.insurer.pk].append(line)
        else:
            self._patient_owes(day, line, soonest=0)

    def _patient_owes(self, day: int, line: Line, *, soonest: int = 4) -> None:
        """Most people pay within two months; who does not is written off at last, or not even that."""
        account = line.account
        account.owes.append(line)
        if self.chance.random() < 0.95:
            self.to_pay[self._later(day, soonest, 60)].append(account)
        elif self.chance.random() < 0.7:
            self.to_write_off[self._later(day, 120, 150)].append((line, "bad_debt"))

    def _adjust(
        self, day: int, line: Line, kind: str, amount: int, check: int | None = None, *,
        carc: str = "", reason: str = "",
    ) -> None:  # fmt: skip
        line.adjusted += amount
        line.last = day
        self.years.adjustments.append((day, kind, amount, line.pk, check, carc, reason))

    def _write_off(self, day: int, line: Line, kind: str) -> None:
        if line.balance:
            self._adjust(day, line, kind, line.balance, reason="Nobody will pay it")
            if line in line.account.owes:
                line.account.owes.remove(line)

    # ------------------------------------------------------------------ insurers

    def _hear_from_insurers(self, day: int) -> None:
        """Each pays once a week what has waited for two, in checks of up to 200 lines."""
        for at, insurer in enumerate(self.insurers):
            if at % 5 != self._weekday(day):
                continue
            waiting = self.unanswered[insurer.pk]
            ripe = next(
                (n for n, line in enumerate(waiting) if line.last > day - ANSWER_AFTER),
                len(waiting),
            )
            ready, self.unanswered[insurer.pk] = waiting[:ripe], waiting[ripe:]
            while ready:
                size = self.chance.randint(20, LARGEST_CHECK)
                self._check(day, insurer, ready[:size])
                ready = ready[size:]

    def _check(self, day: int, insurer: Insurer, lines: Sequence[Line]) -> None:
        years, chance = self.years, self.chance
        receipt = self._receipt(day, 0, insurer.method, years.numbers.check)
        years.numbers.check += 1
        receipt.insurer = insurer
        for line in lines:
            self._answer(day, receipt, insurer, line)
        receipt.amount = receipt.allocated
        if chance.random() < 0.03:
            receipt.amount += chance.randint(2_000, 40_000)  # for a claim nobody finds
        elif receipt.amount > 100_000 and chance.random() < 0.003:
            receipt.amount -= chance.randint(1_000, 5_000)
            receipt.excuse = "The insurer says the rest follows"
        if insurer.method in PAPER:
            self.to_bank.append(receipt)

    def _answer(self, day: int, receipt: Receipt, insurer: Insurer, line: Line) -> None:
        years, chance = self.years, self.chance.random()
        if chance < 0.03:
            years.answers.append(
                (day, line.pk, receipt.pk, "denied", "CO-197", insurer.pk, insurer.pk)
            )
            line.last = day
            if self.chance.random() < 0.9:
                self.to_write_off[self._later(day, 30, 90)].append((line, "bad_debt"))
            return
        allowed = line.service.fee * insurer.allows // 100
        if allowed < line.service.fee:
            off = line.service.fee - allowed
            self._adjust(day, line, "contractual", off, receipt.pk, carc="CO-45")
        part, kind, carc = 0, "", ""
        if chance < 0.1:
            part, kind, carc = allowed, "deductible", "PR-1"
        elif chance < 0.6:
            part, kind, carc = allowed // 5, "coinsurance", "PR-2"
        if allowed > part:
            self._put(day, receipt, line, allowed - part)
        if part:
            years.parts.append((day, line.pk, receipt.pk, kind, part, carc))
            outcome = "paid" if allowed > part else "patient"
            years.answers.append((day, line.pk, receipt.pk, outcome, "", insurer.pk, None))
            line.payer = None
            self._patient_owes(day, line)
        line.last = day

    # ------------------------------------------------------------------ patients' money

    def _receipt(self, day: int, amount: int, method: str, number: int) -> Receipt:
        receipt = Receipt(self.years.numbers.payment, day, amount, method, number)
        self.years.numbers.payment += 1
        self.years.receipts.append(receipt)
        return receipt

    def _put(self, day: int, receipt: Receipt, line: Line, amount: int, reason: str = "") -> None:
        self.years.allocations.append((day, receipt.pk, line.pk, amount, reason))
        receipt.allocated += amount
        line.paid += amount
        receipt.last = line.last = day
        if receipt.account and amount > 0:
            receipt.on.append((line, amount))

    def _pay(self, day: int, account: Account) -> None:
        chance = self.chance
        if account.credit and chance.random() < 0.8:
            self._use_credit(day, account, account.credit)
        owed = sum(line.balance for line in account.owes)
        if not owed:
            return
        amount = owed
        if chance.random() < 0.02 and owed > 2_000:
            amount = owed // 2
        elif chance.random() < 0.012 and not account.negative and not account.credit:
            amount = owed + chance.randint(1_000, 10_000)
        method = ("cash", "card", "card", "check")[int(chance.random() * 4)]
        receipt = self._receipt(day, amount, method, self.years.numbers.receipt)
        self.years.numbers.receipt += 1
        receipt.account = account
        self._allocate(day, receipt, account)
        if receipt.free:
            account.credit = receipt
        if method == "check" and chance.random() < 0.02:
            self.to_bounce[self._later(day, 2, 8)].append(receipt)
        if method in PAPER:
            self.to_bank.append(receipt)

    def _use_credit(self, day: int, account: Account, receipt: Receipt) -> None:
        self._allocate(day, receipt, account)
        if not receipt.free:
            account.credit = None

    def _allocate(self, day: int, receipt: Receipt, account: Account) -> None:
        """Oldest first, as far as it goes."""
        still = []
        for line in account.owes:
            if amount := min(line.balance, receipt.free):
                self._put(day, receipt, line, amount)
            if line.balance:
                still.append(line)
        account.owes = still

    def _bounce(self, day: int, receipt: Receipt) -> None:
        """Mostly its lines are owed again; some are left paid, and the account goes negative."""
        account = receipt.account
        assert account
        if account.credit is receipt:
            account.credit = None
        if account.credit or self.chance.random() < 0.85:
            for line, amount in receipt.on:
                self._put(day, receipt, line, -amount, BOUNCED)
                if line not in account.owes:
                    account.owes.append(line)
            self.to_pay[self._later(day, 3, 20)].append(account)
        elif receipt.allocated:
            account.negative = True
        reversal = self._receipt(day, -receipt.amount, receipt.method, 0)
        reversal.account, reversal.original = account, receipt
        receipt.reversed, receipt.returned, receipt.last = True, receipt.amount, day
        if receipt.slip:
            self.to_bank.append(reversal)

    def _go_to_the_bank(self, day: int) -> None:
        ready = [each for each in self.to_bank if each.amount and not each.reversed]
        self.to_bank = []
        if ready:
            numbers = self.years.numbers
            on_it = [each.pk for each in ready]
            self.years.slips.append((numbers.slip, numbers.deposit, day, on_it))
            numbers.slip, numbers.deposit = numbers.slip + 1, numbers.deposit + 1
        for receipt in ready:
            receipt.slip = True
