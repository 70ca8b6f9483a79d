"""What happened in the demo clinic in the past fourteen months, thought up day by day.

Nothing is written here. The plan is a list of acts in the order of their days; `clinic` hands each
to the ledger's verb. Thinking it up first lets the document numbers be chosen so that John Smith's
bill is INV-1042.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from billing.demo.cast import (
    BLUERIVER,
    CONSULTATION,
    LONG_SESSION,
    PAYERS,
    SEED,
    Cast,
    Course,
)
from billing.models import AdjustmentKind, Method
from billing.money import CENT, ZERO
from patients.models import Patient, Payer, Provider

DAYS = 425  # about fourteen months
JOHNS_NUMBER = 1042  # INV-1042
PAY_CYCLE = 14  # an insurer pays every second week
LEAVING_CREDIT = 4  # so many quiet receipts at least are kept for credit, on any day of the year

WRONG_AMOUNT, BOUNCED = "Wrong amount", "Payment bounced"


@dataclass(eq=False)
class Charge:
    """A line of a bill, and what it still owes as the plan goes on."""

    patient: Patient
    provider: Provider
    code: str
    date: datetime.date
    amount: Decimal
    payer: Payer | None
    owes: Decimal
    insured: bool = False  # an insurer has still to answer
    settled: list[Check] = field(default_factory=list)
    diagnoses: str = ""


# ---------------------------------------------------------------------------- acts


@dataclass(eq=False)
class Bill:
    date: datetime.date
    charges: list[Charge]


@dataclass(eq=False)
class Receipt:
    date: datetime.date
    patient: Patient
    provider: Provider
    amount: Decimal
    method: str
    reference: str
    shares: list[tuple[Charge, Decimal]]


@dataclass(eq=False)
class Check:
    """An insurer's payment: what it pays and writes off on each line, and perhaps more."""

    date: datetime.date
    payer: Payer
    amount: Decimal
    method: str
    reference: str
    shares: list[tuple[Charge, Decimal, Decimal]]
    over_allocation_reason: str = ""


@dataclass(eq=False)
class Undo:
    date: datetime.date
    receipt: Receipt
    reason: str
    unpay: bool
    void: bool = False


@dataclass(eq=False)
class Refund:
    date: datetime.date
    receipt: Receipt
    amount: Decimal
    reason: str


@dataclass(eq=False)
class Transfer:
    date: datetime.date
    receipt: Receipt
    amount: Decimal
    provider: Provider
    reason: str


@dataclass(eq=False)
class WriteOff:
    date: datetime.date
    charge: Charge
    amount: Decimal
    kind: str
    reason: str


@dataclass(eq=False)
class Void:
    """A line that never should have been billed."""

    date: datetime.date
    charge: Charge
    reason: str


Act = Bill | Receipt | Check | Undo | Refund | Transfer | WriteOff | Void


@dataclass
class Plan:
    bills: list[Bill]
    acts: list[Act]
    first_invoice: int
    owed_by: dict[Charge, Payer | None]  # where the insurer has answered: who owes the rest
    unbilled: list[list[Charge]] = field(default_factory=list)  # visits still on drafts

    def count(self, kind: type) -> int:
        return sum(isinstance(act, kind) for act in self.acts)


def think_up(cast: Cast, today: datetime.date) -> Plan:
    """The clinic's life until today. The same cast and day give the same plan."""
    bills = _bills(cast, today)
    others = list(bills)
    _add_maya(cast, bills, today)
    first_invoice = _add_john(cast, bills, today)
    life = _Life(cast, others, today)
    life.live()
    life.what_the_desk_has_to_deal_with()
    acts: list[Act] = [*bills, *life.acts]
    acts.sort(key=lambda act: act.date)  # stable: a day's bills first, then as things happened
    return Plan(bills, acts, first_invoice, life.owed_by, _not_billed_yet(cast, today))


# ---------------------------------------------------------------------------- visits and bills


def _bills(cast: Cast, today: datetime.date) -> list[Bill]:
    rng = Random(SEED + 1)  # noqa: S311
    bills = []
    for course in cast.courses:
        together = rng.choice((2, 4, 4, 5, 6))
        group: list[list[Charge]] = []
        for number, day in enumerate(_visits(course, rng, today)):
            begun = group[0][0].date if group else day
            if len(group) == together or (day - begun).days > 35:
                bills.append(_bill(group))
                group = []
            group.append(_charges(cast, course, number, day, rng))
        if group:
            bills.append(_bill(group))
    return sorted(bills, key=lambda bill: bill.date)


def _bill(group: Iterable[list[Charge]]) -> Bill:
    charges = [charge for visit in group for charge in visit]
    return Bill(charges[-1].date, charges)


def _visits(course: Course, rng: Random, today: datetime.date) -> list[datetime.date]:
    """A few visits, or a long series of them; on weekdays, until yesterday."""
    visits = rng.choices(
        (rng.randint(1, 5), rng.randint(6, 14), rng.randint(15, 34)), weights=(50, 32, 18)
    )[0]
    visits = min(visits, course.track.longest)
    every = rng.choice((7, 7, 14)) if visits > 5 else rng.choice((7, 7, 14, 14, 90))
    span = visits * every
    begun = today - datetime.timedelta(days=rng.randint(min(span, DAYS) // 2, DAYS))
    found: list[datetime.date] = []
    for number in range(visits):
        day = begun + datetime.timedelta(days=number * every + rng.choice((0, 0, 0, 1)))
        day = _weekday(day)
        if day < today and (not found or day > found[-1]):
            found.append(day)
    return found


def _weekday(day: datetime.date) -> datetime.date:
    """That day, or the Friday before."""
    return day - datetime.timedelta(days=max(0, day.weekday() - 4))


def _charges(
    cast: Cast, course: Course, number: int, day: datetime.date, rng: Random
) -> list[Charge]:
    if rng.random() < 0.015:
        return [_charge(cast, course, "NOSHOW", day, payer=None)]
    code = course.track.first if number == 0 else rng.choice(course.track.usual)
    codes = [code]
    if rng.random() < 0.22:
        codes.append(rng.choice(course.track.extra))
    return [_charge(cast, course, each, day, payer=course.payer) for each in codes]


def _charge(
    cast: Cast, course: Course, code: str, day: datetime.date, payer: Payer | None
) -> Charge:
    fee = cast.fee(code, day, payer)
    return Charge(
        course.patient,
        course.provider,
        code,
        day,
        fee,
        payer,
        fee,
        payer is not None,
        diagnoses=course.diagnoses,
    )


def _not_billed_yet(cast: Cast, today: datetime.date) -> list[list[Charge]]:
    """Visits of today so far, and what is left of yesterday's: they wait on drafts."""
    rng = Random(SEED + 3)  # noqa: S311
    visits = []
    courses = cast.courses[5::9]
    for number, course in enumerate(courses[:12]):
        day = today if number % 3 else today - datetime.timedelta(days=1)
        codes = [rng.choice(course.track.usual)]
        if rng.random() < 0.35:
            codes.append(rng.choice(course.track.extra))
        visits.append([_charge(cast, course, code, day, payer=course.payer) for code in codes])
    return visits


# ---------------------------------------------------------------------------- the two stories


def _add_maya(cast: Cast, bills: list[Bill], today: datetime.date) -> None:
    """Three unpaid sessions with BlueRiver, a bill each. Nothing else ever touches them."""
    for weeks in (5, 4, 3):
        day = _weekday(today - datetime.timedelta(weeks=weeks))
        fee = cast.fee(LONG_SESSION, day)
        payer = cast.payers[BLUERIVER]
        line = Charge(cast.maya, cast.providers["Dr Lee"], LONG_SESSION, day, fee, payer, fee)
        _insert(bills, Bill(day, [line]))


def _add_john(cast: Cast, bills: list[Bill], today: datetime.date) -> int:
    """One unpaid consultation with Dr 1. Returns the first bill's number, so that his is 1042.

    It is of two weeks ago, or earlier where there are too many bills before it.
    """
    day = _weekday(today - datetime.timedelta(days=15))
    before = sum(bill.date <= day for bill in bills)
    if before >= JOHNS_NUMBER:
        before = JOHNS_NUMBER - 1
        day = bills[before].date
    fee = cast.fee(CONSULTATION, day)
    line = Charge(cast.john, cast.providers["Dr 1"], CONSULTATION, day, fee, None, fee)
    bills.insert(before, Bill(day, [line]))
    return JOHNS_NUMBER - before


def _insert(bills: list[Bill], bill: Bill) -> None:
    bills.insert(sum(other.date <= bill.date for other in bills), bill)


# ---------------------------------------------------------------------------- money, day by day


class _Life:
    """The days of the clinic: bills go out, patients and insurers pay, some do not."""

    def __init__(self, cast: Cast, bills: list[Bill], today: datetime.date) -> None:
        self.rng = Random(SEED + 2)  # noqa: S311
        self.cast = cast
        self.today = today
        self.bills: dict[datetime.date, list[Bill]] = defaultdict(list)
        for bill in bills:
            self.bills[bill.date].append(bill)
        self.first_day = today - datetime.timedelta(days=DAYS + 10)
        self.acts: list[Act] = []
        self.owed_by: dict[Charge, Payer | None] = {}
        # When an insurer answers, and when a patient pays what is left.
        self.answers: dict[Payer, list[tuple[datetime.date, Charge]]] = defaultdict(list)
        self.promises: dict[datetime.date, list[Charge]] = defaultdict(list)
        self.copay_due: dict[Charge, Decimal] = {}
        self.second: dict[Patient, Payer] = {
            course.patient: course.secondary for course in cast.courses if course.secondary
        }
        self.numbers: Counter[Payer] = Counter()
        # Each insurer's last payday: every third day of the cycle, the second of them today.
        self.paydays: dict[Payer, datetime.date] = {
            payer: _weekday(today - datetime.timedelta(days=(3 * position - 3) % PAY_CYCLE))
            for position, payer in enumerate(cast.payers.values())
        }

    def live(self) -> None:
        for number in range((self.today - self.first_day).days + 1):
            day = self.first_day + datetime.timedelta(days=number)
            for bill in self.bills.get(day, []):
                self._bill_goes_out(bill)
            for payer, payday in self.paydays.items():
                if (payday - day).days % PAY_CYCLE == 0:
                    self._insurer_pays(payer, day)
            self._patients_pay(day)

    # ------------------------------------------------------------------ patients

    def _bill_goes_out(self, bill: Bill) -> None:
        """At the desk: a copay, or everything, or a promise, or nothing."""
        insured = [charge for charge in bill.charges if charge.payer]
        own = [charge for charge in bill.charges if not charge.payer]
        paid: list[tuple[Charge, Decimal]] = []
        for visit in sorted({charge.date for charge in insured}):
            main = max(
                (charge for charge in insured if charge.date == visit),
                key=lambda charge: charge.amount,
            )
            copay = min(Decimal(self.rng.choice((15, 20, 25, 30))), main.owes) + ZERO
            self.copay_due[main] = copay
            if self.rng.random() < 0.75:
                paid.append((main, copay))
        for charge in insured:
            assert charge.payer  # noqa: S101  (insured)
            if self.rng.random() < 0.965:  # the others wait for an answer that never came
                wait = datetime.timedelta(days=self.rng.randint(14, 38))
                self.answers[charge.payer].append((bill.date + wait, charge))
        fate = self.rng.random()
        if fate < 0.7:
            paid += [(charge, charge.owes) for charge in own]
        elif fate < 0.96:
            self._promise(own, bill.date)
        if paid:
            self._receipt(bill.date, paid)

    def _promise(self, charges: list[Charge], day: datetime.date) -> None:
        later = day + datetime.timedelta(days=self.rng.randint(6, 48))
        self.promises[_weekday(later)] += charges

    def _patients_pay(self, day: datetime.date) -> None:
        by_account: dict[tuple[str, str], list[tuple[Charge, Decimal]]] = defaultdict(list)
        for charge in self.promises.pop(day, []):
            if charge.owes and not charge.insured:
                account = charge.patient.chart_number, charge.provider.name
                by_account[account].append((charge, charge.owes))
        for paid in by_account.values():
            if len(paid) == 1 and paid[0][1] > 60 and self.rng.random() < 0.15:
                charge, owed = paid[0]  # half of it now
                self._receipt(day, [(charge, (owed / 2).quantize(CENT))])
                self._promise([charge], day)
            else:
                self._receipt(day, paid)

    def _receipt(self, day: datetime.date, paid: list[tuple[Charge, Decimal]]) -> Receipt:
        for charge, amount in paid:
            charge.owes -= amount
        method = self.rng.choices(
            (Method.CARD, Method.CASH, Method.CHECK, Method.OTHER), weights=(58, 22, 18, 2)
        )[0]
        reference = str(self.rng.randint(1001, 9899)) if method == Method.CHECK else ""
        total = sum((amount for _charge, amount in paid), ZERO)
        first = paid[0][0]
        receipt = Receipt(day, first.patient, first.provider, total, method, reference, list(paid))
        self.acts.append(receipt)
        self._may_go_wrong(receipt)
        return receipt

    def _may_go_wrong(self, receipt: Receipt) -> None:
        """Entered wrongly and put right the same day, or bounced and paid again."""
        fate = self.rng.random()
        day = receipt.date
        if fate < 0.004:
            self.acts.append(Undo(day, receipt, "Entered twice", unpay=True, void=True))
        elif fate < 0.014 and day < self.today:
            day = self._after(receipt, 1)
            bounced = receipt.method == Method.CHECK
            reason = BOUNCED if bounced else WRONG_AMOUNT
            self.acts.append(Undo(day, receipt, reason, unpay=True))
        else:
            return
        again = Receipt(
            day,
            receipt.patient,
            receipt.provider,
            receipt.amount,
            Method.CARD,
            "",
            list(receipt.shares),
        )
        self.acts.append(again)

    # ------------------------------------------------------------------ insurers

    def _insurer_pays(self, payer: Payer, day: datetime.date) -> None:
        due = [charge for answer, charge in self.answers[payer] if answer <= day]
        self.answers[payer] = [each for each in self.answers[payer] if each[0] > day]
        shares = [self._answer(payer, charge, day) for charge in due]
        shares = [share for share in shares if share[1] or share[2]]
        if shares:
            self._check(payer, day, shares)

    def _answer(
        self, payer: Payer, charge: Charge, day: datetime.date
    ) -> tuple[Charge, Decimal, Decimal]:
        """Allowed, less the copay; now and then only half, for the deductible."""
        percent, _method = _terms(payer)
        if payer != charge.payer:  # the second insurer takes what is left
            charge.owes, paid, write_off = ZERO, charge.owes, ZERO
        else:
            write_off = min((charge.amount * (100 - percent) / 100).quantize(CENT), charge.owes)
            paid = charge.owes - write_off
            copay = self.copay_due.get(charge, ZERO)
            already = charge.amount - charge.owes
            paid -= min(paid, max(ZERO, copay - already))
            fate = self.rng.random()
            if fate < 0.03:
                paid = ZERO
            elif fate < 0.11:
                paid = (paid / 2).quantize(CENT)
            charge.owes -= paid + write_off
        charge.insured = False
        if charge.owes:
            self._rest_of(charge, day)
        return charge, paid, write_off

    def _rest_of(self, charge: Charge, day: datetime.date) -> None:
        second = self.second.get(charge.patient)
        if second and second != charge.payer and self.rng.random() < 0.9:
            charge.insured = True
            self.owed_by[charge] = second
            self.answers[second].append((day + datetime.timedelta(days=21), charge))
            return
        self.owed_by[charge] = None
        if self.rng.random() < 0.85:
            self._promise([charge], day + datetime.timedelta(days=5))

    def _check(
        self, payer: Payer, day: datetime.date, shares: list[tuple[Charge, Decimal, Decimal]]
    ) -> None:
        _percent, method = _terms(payer)
        self.numbers[payer] += 1
        place = list(self.cast.payers).index(payer.name)
        number = 200_017 + 40_009 * place + 37 * self.numbers[payer]
        check = Check(
            day,
            payer,
            sum((paid for _charge, paid, _off in shares), ZERO),
            method,
            f"EFT-{number}" if method == Method.EFT else str(number),
            shares,
        )
        for charge, _paid, _off in shares:
            charge.settled.append(check)
        self.acts.append(check)

    # ------------------------------------------------------------------ what is still to do

    def what_the_desk_has_to_deal_with(self) -> None:
        """Something in every worklist: open credit, negative credit, checks not shared out."""
        self._takings_of_today()
        self._write_off_old_ones()
        self._void_some()
        quiet = self._quiet_receipts()
        self._leave_paid(quiet)
        self._unpay(quiet)
        self._leave_credit(quiet)
        self._checks_not_shared_out()
        self._take_back()

    def _takings_of_today(self) -> None:
        """A morning's worth of patients pay what they owe."""
        today = [act for act in self.acts if isinstance(act, Receipt) and act.date == self.today]
        by_account: dict[tuple[str, str], list[tuple[Charge, Decimal]]] = {}
        for bills in self.bills.values():
            for charge in (each for bill in bills for each in bill.charges):
                if charge.owes and not charge.insured:
                    account = charge.patient.chart_number, charge.provider.name
                    by_account.setdefault(account, []).append((charge, charge.owes))
        newest = sorted(by_account.values(), key=lambda paid: paid[-1][0].date, reverse=True)
        for paid in newest[3 : 3 + max(0, 12 - len(today))]:
            self._receipt(self.today, paid)

    def _write_off_old_ones(self) -> None:
        """What nobody will pay any more, and what is not worth a stamp."""
        month = datetime.timedelta(days=30)
        old = [
            charge
            for day, bills in self.bills.items()
            if day < self.today - 7 * month
            for bill in bills
            for charge in bill.charges
            if charge.owes and not charge.insured
        ]
        for number, charge in enumerate(old[:12]):
            kind, reason = (
                (AdjustmentKind.SMALL_BALANCE, "Not worth collecting")
                if charge.owes < 15
                else (AdjustmentKind.COURTESY, "Agreed with the patient")
                if number % 3 == 0
                else (AdjustmentKind.BAD_DEBT, "Three statements, no answer")
            )
            day = _weekday(self.today - (number % 4 + 1) * month)
            self.acts.append(WriteOff(day, charge, charge.owes, kind, reason))
            charge.owes = ZERO

    def _void_some(self) -> None:
        """Two lines nobody paid anything on that never should have been billed. (What is still
        promised falls due after today.)"""
        paid = {
            charge
            for act in self.acts
            if isinstance(act, Receipt | Check)
            for charge, *_amounts in act.shares
        }
        wrong = [
            charge
            for day, bills in sorted(self.bills.items())
            if (self.today - day).days < 120
            for bill in bills
            for charge in bill.charges
            if charge.owes == charge.amount and not charge.payer and charge not in paid
        ]
        for charge, reason in zip(wrong[1:3], ("Entered twice", "Not provided"), strict=False):
            self.acts.append(Void(self._soon_after(charge.date), charge, reason))
            charge.owes = ZERO

    def _soon_after(self, day: datetime.date) -> datetime.date:
        """A few days after the bill of a visit went out, at the latest today."""
        return min(self.today, day + datetime.timedelta(days=40))

    def _quiet_receipts(self) -> list[Receipt]:
        """Receipts of the last eight weeks, of patients who pay themselves: the last of their
        account and never undone. In no order."""
        last: dict[tuple[str, str], Receipt] = {}
        undone = {act.receipt for act in self.acts if isinstance(act, Undo)}
        undone_accounts = {_account(receipt) for receipt in undone}
        insured = {course.patient.chart_number for course in self.cast.courses if course.payer}
        for act in self.acts:
            if isinstance(act, Receipt):
                before = last.get(_account(act))
                if before is None or act.date >= before.date:
                    last[_account(act)] = act
        soon = self.today - datetime.timedelta(days=56)
        quiet = [
            receipt
            for account, receipt in last.items()
            if account not in undone_accounts
            and account[0] not in insured
            and soon < receipt.date < self.today
        ]
        self.rng.shuffle(quiet)
        return quiet

    def _leave_paid(self, quiet: list[Receipt]) -> None:
        """Reversed, and the invoices left paid: the account's credit is below zero."""
        for reason in (WRONG_AMOUNT, BOUNCED, WRONG_AMOUNT)[: len(quiet)]:
            receipt = quiet.pop(0)
            self.acts.append(Undo(self._after(receipt, 2), receipt, reason, unpay=False))

    def _unpay(self, quiet: list[Receipt]) -> None:
        """Reversed and un-paid: the lines owe again. The last of these was today."""
        for number in range(min(4, len(quiet), max(1, len(quiet) - LEAVING_CREDIT))):
            receipt = quiet.pop(0)
            day = self.today if number == 0 else self._after(receipt, 3)
            self.acts.append(Undo(day, receipt, BOUNCED, unpay=True))
            for charge, amount in receipt.shares:
                charge.owes += amount

    def _after(self, receipt: Receipt, days: int) -> datetime.date:
        """So many days later, or the Monday after; never in the future."""
        day = receipt.date + datetime.timedelta(days=days)
        return min(self.today, day + datetime.timedelta(days=(7 - day.weekday()) % 7 % 3))

    def _leave_credit(self, quiet: list[Receipt]) -> None:
        """More was paid than was owed. One gets some of it back, one has it moved."""
        with_two = {
            course.patient.chart_number: course.provider
            for earlier, course in zip(self.cast.courses, self.cast.courses[1:], strict=False)
            if earlier.patient == course.patient
        }
        refunded = moved = False
        for receipt in quiet[:14]:
            extra = Decimal(self.rng.choice((10, 15, 20, 25, 40, 45, 60))) + ZERO
            receipt.amount += extra
            other = with_two.get(receipt.patient.chart_number)
            day = self._after(receipt, 4)
            if not refunded:
                self.acts.append(Refund(day, receipt, extra, "Patient asked for it"))
                refunded = True
            elif other and other != receipt.provider and not moved:
                why = "Paid for the other provider"
                self.acts.append(Transfer(day, receipt, extra / 2, other, why))
                moved = True

    def _checks_not_shared_out(self) -> None:
        """Of the last checks three hold more than was found to pay, and one holds less."""
        latest: dict[Payer, Check] = {}
        for act in self.acts:
            if isinstance(act, Check) and len(act.shares) > 2:
                latest[act.payer] = act
        newest = sorted(latest.values(), key=lambda check: check.date, reverse=True)
        for check, extra in zip(newest[1:4], ("310.00", "150.00", "84.50"), strict=False):
            check.amount += Decimal(extra)
        for check in newest[4:5]:
            if check.amount > 85:
                check.amount -= Decimal("85.00")
                check.over_allocation_reason = "As on the remittance; the payer was asked"

    def _take_back(self) -> None:
        """A payer finds it paid two lines in error, and keeps the money of its next checks."""
        checks = [act for act in self.acts if isinstance(act, Check)]
        recent = [
            check for check in checks if 5 < (self.today - check.date).days < 60 and check.shares
        ]
        for check in recent[-9::4][:2]:
            if check.over_allocation_reason:
                continue
            for earlier in checks:
                taken = self._to_take_back(earlier, check)
                if taken:
                    charge, amount = taken
                    check.shares.append((charge, -amount, ZERO))
                    check.amount -= amount
                    charge.owes += amount
                    charge.settled.append(check)
                    self.owed_by[charge] = check.payer
                    break

    def _to_take_back(self, earlier: Check, check: Check) -> tuple[Charge, Decimal] | None:
        age = (check.date - earlier.date).days
        if earlier.payer != check.payer or not 50 < age < 200:
            return None
        for charge, paid, _off in earlier.shares:
            if ZERO < paid < check.amount / 2 and charge.settled == [earlier]:
                return charge, paid
        return None


def _terms(payer: Payer) -> tuple[int, str]:
    return next((allows, method) for name, _id, allows, method in PAYERS if name == payer.name)


def _account(receipt: Receipt) -> tuple[str, str]:
    return receipt.patient.chart_number, receipt.provider.name
