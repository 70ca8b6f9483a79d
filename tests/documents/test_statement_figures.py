"""A statement adds up, whatever happened: random histories made by the ledger's verbs."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import balances, ledger
from billing.balances import PatientStatement
from billing.models import Adjustment, Allocation, InvoiceLine, Kind, Payment
from billing.money import ZERO
from billing.sharing import Entry
from patients.models import Patient
from tests.documents.reading import statement_of
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day, money

pytestmark = pytest.mark.django_db

DAYS = 12


class History:
    """Two patients with two providers and two payers, and what a clumsy desk does to them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.by = UserFactory()
        self.patients = [PatientFactory(), PatientFactory()]
        self.providers = [ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")]
        self.payers = [PayerFactory(), PayerFactory()]
        self.happened: dict[str, int] = {}

    def go_on(self, steps: int) -> None:
        acts: Sequence[Callable[[], object]] = (
            self.bill, self.bill, self.pay, self.pay, self.insurer_pays, self.insurer_pays,
            self.allocate, self.unpay, self.write_off, self.refund, self.transfer, self.reverse,
            self.void, self.void_line,
        )  # fmt: skip
        for _ in range(steps):
            act = self.dice.choice(acts)
            try:
                act()
            except (ledger.LedgerError, IndexError):  # refused, or nothing there to do it to
                continue
            self.happened[act.__name__] = self.happened.get(act.__name__, 0) + 1

    @property
    def some_day(self) -> datetime.date:
        return day(self.dice.randrange(DAYS))

    def part(self, of: Decimal) -> Decimal:
        return max(money(1), (of * self.dice.choice([1, 1, 3, 7]) / 8).quantize(Decimal("0.01")))

    def line(self) -> InvoiceLine:
        return self.dice.choice(list(InvoiceLine.objects.issued().order_by("pk")))

    def receipt(self, **of: Any) -> Payment:
        return self.dice.choice(list(Payment.objects.money_in().filter(**of).order_by("pk")))

    def bill(self) -> None:
        InvoiceFactory(
            patient=self.dice.choice(self.patients),
            provider=self.dice.choice(self.providers),
            amounts=[self.dice.choice(["50", "100", "33.33"])],
            owed_by=self.dice.choice([None, None, *self.payers]),
            ago=self.dice.randrange(DAYS),
            by=self.by,
        )

    def pay(self) -> None:
        line = self.line()
        amount = self.part(line.amount)
        on = [Entry(line.pk, min(amount, line.balance))] if line.balance else []
        ledger.record_payment(
            by=self.by,
            patient=line.patient,
            provider=self.dice.choice(self.providers),
            amount=amount,
            method="cash",
            date=self.some_day,
            entries=on,
        )

    def insurer_pays(self) -> None:
        lines = {self.line(), self.line()}
        on = [
            Entry(line.pk, self.part(line.balance or money(5)), money(self.dice.choice([0, 3])))
            for line in lines
        ]
        ledger.record_payment(
            by=self.by,
            payer=self.dice.choice(self.payers),
            amount=sum((entry.paid for entry in on), ZERO) + money(self.dice.choice([0, 10])),
            method="check",
            date=self.some_day,
            entries=on,
        )

    def allocate(self) -> None:
        receipt = self.receipt(unallocated__gt=0)
        lines = InvoiceLine.objects.open().filter(patient=receipt.patient_id)
        line = self.dice.choice(list(lines.order_by("pk")))
        amount = min(receipt.unallocated, line.balance)
        ledger.allocate(
            by=self.by, payment=receipt, entries=[Entry(line.pk, amount)], date=self.some_day
        )

    def unpay(self) -> None:
        ledger.unpay(
            by=self.by, payment=self.receipt(allocated__gt=0), date=self.some_day, reason="Wrong"
        )

    def write_off(self) -> None:
        line = self.line()
        kind = self.dice.choice(["courtesy", "small_balance", "bad_debt"])
        amount = self.part(line.balance) * self.dice.choice([1, 1, -1])
        ledger.adjust(
            by=self.by, line=line, amount=amount, kind=kind, date=self.some_day, reason="Hardship"
        )

    def refund(self) -> None:
        receipt = self.receipt(unallocated__gt=0)
        ledger.refund(
            by=self.by,
            payment=receipt,
            amount=self.part(receipt.unallocated),
            method="cash",
            date=self.some_day,
            reason="Asked",
        )

    def transfer(self) -> None:
        receipt = self.receipt(unallocated__gt=0, patient__isnull=False)
        ledger.transfer(
            by=self.by,
            payment=receipt,
            amount=self.part(receipt.unallocated),
            patient=self.dice.choice(self.patients),
            provider=self.dice.choice(self.providers),
            date=self.some_day,
            reason="Asked",
        )

    def reverse(self) -> None:
        undoable = Payment.objects.exclude(kind__in=[Kind.REVERSAL, Kind.VOID])
        ledger.reverse(
            by=self.by,
            payment=self.dice.choice(list(undoable.order_by("pk"))),
            date=self.some_day,
            reason="Bounced",
            unpay_lines=self.dice.choice([True, False]),
        )

    def void(self) -> None:
        ledger.void(
            by=self.by,
            payment=self.receipt(kind=Kind.RECEIPT),
            reason="Typing error",
            unpay_lines=self.dice.choice([True, False]),
        )

    def void_line(self) -> None:
        ledger.void_line(by=self.by, line=self.line(), date=self.some_day, reason="Never happened")


def net_by_hand(patient: Patient, last: datetime.date) -> Decimal:
    """Charges less write-offs, insurers' money and the patient's own, row by row."""
    net = ZERO
    for line in InvoiceLine.objects.issued().filter(patient=patient, issued_on__lte=last):
        net += line.amount
    for adjustment in Adjustment.objects.filter(line__patient=patient, date__lte=last):
        net -= adjustment.amount
    for payment in Payment.objects.filter(patient=patient, date__lte=last):
        net -= payment.amount
    for row in Allocation.objects.filter(line__patient=patient, date__lte=last):
        if row.payment.payer_id:
            net -= row.amount
    return net


def owed_by_hand(patient: Patient, last: datetime.date) -> tuple[Decimal, Decimal]:
    """What lines owed at the end of that day: the patient's own part, and insurers'."""
    own = insurers = ZERO
    for line in InvoiceLine.objects.issued().filter(patient=patient, issued_on__lte=last):
        rows = [*line.allocations.filter(date__lte=last), *line.adjustments.filter(date__lte=last)]
        owed = line.amount - sum((row.amount for row in rows), ZERO)
        if line.payer_id:
            insurers += owed
        else:
            own += owed
    return own, insurers


def adds_up(found: PatientStatement) -> None:
    assert found.opening + sum((row.amount for row in found.rows), ZERO) == found.closing
    balance = found.opening
    for row in found.rows:
        balance += row.amount
        assert row.balance == balance
    assert found.due >= 0
    assert found.credit_left >= 0
    assert found.due + found.waiting - found.credit_left == found.closing
    assert [row.date for row in found.rows] == sorted(row.date for row in found.rows)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happened_it_adds_up_to_the_cent(seed: int) -> None:
    history = History(seed)
    history.go_on(45)
    for patient in history.patients:
        accounts = balances.total(balances.accounts(patient))
        now = statement_of(patient)
        adds_up(now)
        assert now.closing == accounts.net
        assert now.own_part + now.waiting == accounts.invoices
        assert now.credit == accounts.credit
        for ago in range(0, DAYS, 3):
            last = day(ago)
            whole = statement_of(patient, None, last)
            later = statement_of(patient, day(6), last) if ago <= 6 else whole
            for found in (whole, later):
                adds_up(found)
                assert found.closing == net_by_hand(patient, last)
                assert (found.own_part, found.waiting) == owed_by_hand(patient, last)
            if ago < 6:
                assert later.opening == statement_of(patient, None, day(7)).closing


def test_the_histories_hold_every_act() -> None:
    history = History(0)
    for seed in range(6):
        history.dice = random.Random(seed)
        history.go_on(40)
    acts = {"bill", "pay", "insurer_pays", "allocate", "unpay", "write_off", "refund", "transfer"}
    assert acts | {"reverse", "void", "void_line"} <= set(history.happened)


def test_a_past_day_says_tomorrow_what_it_said_today() -> None:
    """Invoice 50, paid 20 ten days later, allocated later still, un-paid in the end."""
    line = LineFactory(amount="50", ago=50)
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, amount="20", ago=40)
    before = statement_of(line.patient, None, day(35))
    AllocationFactory(payment=receipt, line=line, amount="20", ago=30)
    ledger.unpay(by=UserFactory(), payment=receipt, date=day(5), reason="Wrong line")
    assert statement_of(line.patient, None, day(35)) == before
    assert (before.own_part, before.credit, before.closing) == (50, 20, 30)
    during = statement_of(line.patient, None, day(20))
    assert (during.own_part, during.credit, during.closing) == (30, 0, 30)


# ---------------------------------------------------------------------------- what is on it


def amounts(found: PatientStatement) -> list[Decimal]:
    return [row.amount for row in found.rows]


def test_a_payment_deleted_on_its_own_day_never_was() -> None:
    line = LineFactory(amount="50")
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, amount="20")
    ledger.void(by=UserFactory(), payment=receipt, reason="Entered twice")
    assert amounts(statement_of(line.patient)) == [50]


def test_a_deleted_payment_that_still_pays_a_line_is_shown() -> None:
    line = LineFactory(amount="50")
    receipt = PaymentFactory(
        patient=line.patient, provider=line.provider, amount="20", on={line: "20"}
    )
    ledger.void(by=UserFactory(), payment=receipt, reason="Entered twice", unpay_lines=False)
    assert amounts(statement_of(line.patient)) == [50, -20, 20]


def test_a_deleted_check_of_an_insurer_never_was_and_a_reversed_one_was() -> None:
    line = LineFactory(amount="100")
    deleted = InsurancePaymentFactory(amount="60", on={line: ("60", "10")})
    ledger.void(by=UserFactory(), payment=deleted, reason="Entered twice")
    assert amounts(statement_of(line.patient)) == [100]
    bounced = InsurancePaymentFactory(amount="60", on={line: ("60", "10")})
    ledger.reverse(by=UserFactory(), payment=bounced, date=day(10), reason="Bounced")
    assert sorted(amounts(statement_of(line.patient))) == [-60, -10, 10, 60, 100]


def test_moving_credit_between_ones_own_providers_is_no_entry() -> None:
    line = LineFactory(amount="50")
    PaymentFactory(patient=line.patient, provider=ProviderFactory(), amount="30", on={line: "30"})
    assert Payment.objects.filter(kind=Kind.TRANSFER_IN).exists()
    assert amounts(statement_of(line.patient)) == [50, -30]


def test_nobody_is_asked_for_what_an_insurer_still_owes() -> None:
    patient, provider = PatientFactory(), ProviderFactory()
    mine = {"patient": patient, "provider": provider}
    LineFactory(**mine, amount="100", owed_by=PayerFactory())
    LineFactory(**mine, amount="40")
    found = statement_of(patient)
    assert (found.due, found.waiting, found.closing) == (40, 100, 140)
    PaymentFactory(**mine, amount="55")
    found = statement_of(patient)
    assert (found.due, found.credit_left, found.closing) == (0, 15, 85)


def test_negative_credit_is_asked_for() -> None:
    """A bounced payment still pays the line: the patient owes it all the same."""
    line = LineFactory(amount="50")
    receipt = PaymentFactory(
        patient=line.patient, provider=line.provider, amount="20", on={line: "20"}
    )
    ledger.reverse(
        by=UserFactory(), payment=receipt, date=day(1), reason="Bounced", unpay_lines=False
    )
    found = statement_of(line.patient)
    assert (found.own_part, found.credit, found.due) == (30, -20, 50)


@pytest.mark.parametrize(
    ("ago", "age"), [(0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)]
)
def test_age_counts_from_the_day_of_service(ago: int, age: int) -> None:
    line = LineFactory(amount="50", ago=ago)
    by_age = [ZERO] * 5
    by_age[age] = money(50)
    assert list(statement_of(line.patient).by_age) == by_age


def test_it_costs_the_same_however_many_patients_and_rows() -> None:
    def cost(patients: list[Patient]) -> int:
        with CaptureQueriesContext(connection) as captured:
            balances.statements(patients, first=day(40), last=day(0))
        return len(captured)

    counts = []
    for size in (1, 5, 30):
        people = [PatientFactory() for _ in range(size)]
        for patient in people:
            invoice = InvoiceFactory(patient=patient, amounts=["10"] * size)
            for line in invoice.lines.all():
                PaymentFactory(patient=patient, provider=line.provider, amount=5, on={line: "5"})
        counts.append(cost(people))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 15


# ---------------------------------------------------------------------------- who gets one


def test_those_are_asked_who_owe_more_than_an_amount_by_name() -> None:
    dr1, dr2 = ProviderFactory(), ProviderFactory()
    zoe, ada, bob = (PatientFactory(family_name=name) for name in ("Zoe", "ada", "Bob"))
    LineFactory(patient=zoe, provider=dr1, amount="30")
    LineFactory(patient=ada, provider=dr2, amount="20")
    LineFactory(patient=bob, provider=dr1, amount="99", owed_by=PayerFactory())
    assert balances.debtors().by_name() == [ada.pk, zoe.pk]
    assert balances.debtors().due == 50
    assert balances.debtors(more_than=money(20)).by_name() == [zoe.pk]
    assert balances.debtors(provider=dr2).by_name() == [ada.pk]
    PaymentFactory(patient=zoe, provider=dr1, amount="30")
    assert balances.debtors().by_name() == [ada.pk]


def test_whoever_pays_for_a_family_is_asked_for_it() -> None:
    mother = PatientFactory(family_name="Mother")
    child = PatientFactory(guarantor=mother)
    LineFactory(patient=child, amount="30")
    PaymentFactory(patient=mother, amount="100")  # her credit pays no bill of the child's
    found = balances.debtors()
    assert (found.by_name(), found.due) == ([mother.pk], 30)
