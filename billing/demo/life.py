"""Money in the demo clinic, day by day: who pays, how much, and what goes wrong."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from decimal import Decimal
from random import Random

from billing.demo.acts import (
    Act,
    Bill,
    Charge,
    Check,
    Receipt,
    Refund,
    Transfer,
    Undo,
    Void,
    WriteOff,
)
from billing.demo.cast import PAYERS, SEED, Cast
from billing.models import AdjustmentKind, Method
from billing.models.payments import BOUNCED
from billing.money import CENT, ZERO
from patients.models import Patient, Payer

DAYS = 425  # about fourteen months
PAY_CYCLE = 14  # an insurer pays every second week
LEAVING_CREDIT = 4  # so many quiet receipts at least are kept for credit, on any day of the year

WRONG_AMOUNT = "Wrong amount"


def weekday(day: datetime.date) -> datetime.date:
    """That day, or the Friday before."""
    return day - datetime.timedelta(days=max(0, day.weekday() - 4))


class Life:
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
            payer: weekday(today - datetime.timedelta(days=(3 * position - 3) % PAY_CYCLE))
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
        self.promises[weekday(later)] += charges

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
            day = weekday(self.today - (number % 4 + 1) * month)
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
