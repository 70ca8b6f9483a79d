"""The verbs in any order against a plain model of the rules (`plain_model`), step by step.

Two patients with two providers, two payers, and amounts that are just what is left, a cent less
or a cent more. After every step the database says of each account, line and receipt what the
model says, and every rule of `billing.checks` holds. The same examples every time, unless
REMIT_HYPOTHESIS_EXAMPLES asks for so many of other ones.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import balances, checks, ledger
from billing.models import Allocation, ClosingDate, InvoiceLine, Kind, Payment
from billing.sharing import Entry
from tests.factories import (
    InvoiceFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.ledger.plain_model import ZERO, Account, Books, Moved, Refused

CENT = Decimal("0.01")
MORE = os.environ.get("REMIT_HYPOTHESIS_EXAMPLES")

PICK = st.integers(0, 99)
"""Which of the lines or receipts there are; the last ones are the likelier by shrinking to 0."""
PART = st.sampled_from(["all", "all", "a cent less", "a cent more", "half", "a cent", "three"])
AGO = st.sampled_from([0, 0, 1, 2, 3])
WHO = st.sampled_from(["Smith", "Okafor"])
PROVIDER = st.sampled_from(["Dr 1", "Dr 2"])
PAYER = st.sampled_from(["BlueRiver", "Cascade"])
AMOUNT = st.sampled_from(["0.00", "0.01", "20.00", "33.33", "50.00", "100.00"]).map(Decimal)
ENTRIES = st.lists(st.tuples(PICK, PART), max_size=3, unique_by=lambda each: each[0])


def part(of: Decimal, which: str) -> Decimal:
    return {
        "all": of,
        "a cent less": of - CENT,
        "a cent more": of + CENT,
        "half": (of / 2).quantize(CENT),
        "a cent": CENT,
        "three": Decimal("3.00"),
    }[which]


class Desk(RuleBasedStateMachine):
    """Each rule does one thing in the model and the same at the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize()
    def open_the_clinic(self) -> None:
        self.by = UserFactory()
        self.patients = {name: PatientFactory(family_name=name) for name in ("Smith", "Okafor")}
        self.providers = {name: ProviderFactory(name=name) for name in ("Dr 1", "Dr 2")}
        self.payers = {name: PayerFactory(name=name) for name in ("BlueRiver", "Cascade")}
        self.books = Books(today=day(0))
        self.lines: dict[int, InvoiceLine] = {}
        self.receipts: dict[int, Payment] = {}
        self.refunds: list[tuple[Moved, Payment]] = []
        for provider in ("Dr 1", "Dr 2"):
            self.issue("Smith", provider, Decimal("50.00"), 4)
        self.issue("Okafor", "Dr 1", Decimal("100.00"), 4)

    # ------------------------------------------------------------------ doing it twice

    def both(
        self, model: Callable[[Books], object], verb: Callable[[], ledger.Posted]
    ) -> ledger.Posted | None:
        """Both carry it out and agree, or both refuse and nothing changed."""
        trial = self.books.copy()
        try:
            model(trial)
        except Refused as refusal:
            with pytest.raises(ledger.LedgerError):
                verb()
                pytest.fail(f"the rules refuse this ({refusal}), the ledger did it")
            return None
        posted = verb()
        self.books = trial
        known = {each.pk for each in self.receipts.values()}
        fresh = Payment.objects.money_in().exclude(pk__in=known).order_by("pk")
        unknown = sorted(set(trial.receipts) - set(self.receipts))
        assert len(unknown) == len(fresh), "as many new receipts and transfers as in the model"
        self.receipts.update(zip(unknown, fresh, strict=True))
        return posted

    def pick(self, things: dict[int, Any], number: int) -> int:
        return sorted(things, reverse=True)[number % len(things)]

    def on_lines(
        self,
        typed: list[tuple[int, str]],
        of: Callable[[int], Decimal],
        write_off: Decimal = ZERO,
    ) -> dict[int, tuple[Decimal, Decimal]]:
        return {
            line: (part(of(line), which), write_off)
            for number, which in typed
            for line in [self.pick(self.lines, number)]
        }

    def entries(self, on: dict[int, tuple[Decimal, Decimal]]) -> list[Entry]:
        return [
            Entry(self.lines[line].pk, paid, write_off) for line, (paid, write_off) in on.items()
        ]

    def account(self, account: Account) -> dict[str, Any]:
        return {
            "patient": self.patients[account[0]],
            "provider": self.providers[account[1]],
        }

    # ------------------------------------------------------------------ rules

    @rule(patient=WHO, provider=PROVIDER, amount=AMOUNT, ago=AGO)
    def issue(self, patient: str, provider: str, amount: Decimal, ago: int) -> None:
        draft = InvoiceFactory(
            **self.account((patient, provider)), amounts=[amount], ago=ago, issued=False
        )
        line = draft.lines.get()
        posted = self.both(
            lambda books: books.issue(patient, provider, amount, day(ago)),
            lambda: ledger.issue_invoice(by=self.by, invoice=draft, date=day(ago)),
        )
        if posted:
            self.lines[max(self.books.lines)] = line

    @rule(patient=WHO, provider=PROVIDER, amount=AMOUNT, ago=AGO, typed=ENTRIES)
    def a_patient_pays(
        self,
        patient: str,
        provider: str,
        amount: Decimal,
        ago: int,
        typed: list[tuple[int, str]],
    ) -> None:
        on = self.on_lines(typed, lambda line: min(self.books.balance(line), amount))
        self.both(
            lambda books: books.record(
                account=(patient, provider), payer=None, amount=amount, date=day(ago), on=on
            ),
            lambda: ledger.record_payment(
                by=self.by,
                **self.account((patient, provider)),
                amount=amount,
                method="cash",
                date=day(ago),
                entries=self.entries(on),
            ),
        )

    @rule(number=PICK, which=PART, ago=AGO)
    def a_patient_pays_a_line(self, number: int, which: str, ago: int) -> None:
        """The commonest thing of all: a payment for one line, all of it on that line."""
        line = self.pick(self.lines, number)
        one = self.books.lines[line]
        amount = part(self.books.balance(line), which)
        account = (one.patient, one.provider)
        on = {line: (amount, ZERO)}
        self.both(
            lambda books: books.record(
                account=account, payer=None, amount=amount, date=day(ago), on=on
            ),
            lambda: ledger.record_payment(
                by=self.by,
                **self.account(account),
                amount=amount,
                method="cash",
                date=day(ago),
                entries=self.entries(on),
            ),
        )

    @rule(
        payer=PAYER,
        amount=AMOUNT,
        ago=AGO,
        typed=ENTRIES,
        of=st.sampled_from(["balance", "balance", "beside the patient", "takeback"]),
        write_off=st.sampled_from(["0.00", "0.00", "0.01", "10.00"]).map(Decimal),
        reason=st.sampled_from(["", "", "Offset"]),
        fits=st.booleans(),
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
        fits: bool,
    ) -> None:
        on = self.on_lines(typed, self.of_a_payer(payer, of), write_off)
        if fits:
            amount = sum((paid for paid, _write_off in on.values()), ZERO)
        self.both(
            lambda books: books.record(
                account=None, payer=payer, amount=amount, date=day(ago), on=on, reason=reason
            ),
            lambda: ledger.record_payment(
                by=self.by,
                payer=self.payers[payer],
                amount=amount,
                method="check",
                date=day(ago),
                entries=self.entries(on),
                over_allocation_reason=reason,
            ),
        )

    def of_a_payer(self, payer: str, of: str) -> Callable[[int], Decimal]:
        return {
            "balance": self.books.balance,
            "beside the patient": lambda line: (
                self.books.balance(line) + self.books.by_patients(line)
            ),
            "takeback": lambda line: -self.books.by_payer(payer, line),
        }[of]

    @precondition(lambda self: self.receipts)
    @rule(
        number=PICK,
        ago=AGO,
        typed=ENTRIES,
        of=st.sampled_from(["balance", "beside the patient", "takeback"]),
        write_off=st.sampled_from(["0.00", "0.00", "10.00"]).map(Decimal),
    )
    def allocate(
        self, number: int, ago: int, typed: list[tuple[int, str]], of: str, write_off: Decimal
    ) -> None:
        receipt = self.pick(self.receipts, number)
        payer = self.books.receipts[receipt].payer
        if payer:
            on = self.on_lines(typed, self.of_a_payer(payer, of), write_off)
        else:
            free = max(self.books.unallocated(receipt), ZERO)
            on = self.on_lines(typed, lambda line: min(self.books.balance(line), free))
        self.both(
            lambda books: books.allocate(receipt, on, day(ago)),
            lambda: ledger.allocate(
                by=self.by,
                payment=self.receipts[receipt],
                entries=self.entries(on),
                date=day(ago),
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
    def credit_allocation(
        self, number: int, ago: int, typed: list[tuple[int, str, bool]]
    ) -> None:
        """Plus: what the line owes or the account has. Minus: what patients paid on it."""
        first = self.books.lines[self.pick(self.lines, number)]
        account = (first.patient, first.provider)
        mine = {
            n: each
            for n, each in self.books.lines.items()
            if (each.patient, each.provider) == account
        }
        on: dict[int, Decimal] = {}
        for which_line, which, minus in typed:
            # Mostly the account's own lines, now and then anybody's.
            line = self.pick(self.lines if which_line > 90 else mine, which_line)
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

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, ago=AGO)
    def unpay_a_payment(self, number: int, ago: int) -> None:
        receipt = self.pick(self.receipts, number)
        self.both(
            lambda books: books.unpay_payment(receipt, day(ago)),
            lambda: ledger.unpay(
                by=self.by, payment=self.receipts[receipt], date=day(ago), reason="Wrong line"
            ),
        )

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, which=PART, named=st.one_of(st.none(), PICK), ago=AGO)
    def unpay_a_line(self, number: int, which: str, named: int | None, ago: int) -> None:
        line = self.pick(self.lines, number)
        only = None if named is None else self.pick(self.receipts, named)
        held = self.books.by_patients(line) if only is None else self.books.held[only, line]
        amount = part(held, which)
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
        self.both(
            lambda books: books.adjust(line, amount, day(ago)),
            lambda: ledger.adjust(
                by=self.by,
                line=self.lines[line],
                amount=amount,
                kind="courtesy",
                date=day(ago),
                reason="Hardship",
            ),
        )

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, which=PART, ago=AGO)
    def refund(self, number: int, which: str, ago: int) -> None:
        receipt = self.pick(self.receipts, number)
        amount = part(self.books.unallocated(receipt), which)
        posted = self.both(
            lambda books: books.refund(receipt, amount, day(ago)),
            lambda: ledger.refund(
                by=self.by,
                payment=self.receipts[receipt],
                amount=amount,
                method="cash",
                date=day(ago),
                reason="Asked",
            ),
        )
        if posted and posted.payment:
            self.refunds.append((self.books.moved[-1], posted.payment))

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, which=PART, patient=WHO, provider=PROVIDER, ago=AGO)
    def transfer(
        self, number: int, which: str, patient: str, provider: str, ago: int
    ) -> None:
        receipt = self.pick(self.receipts, number)
        amount = part(self.books.unallocated(receipt), which)
        self.both(
            lambda books: books.transfer(receipt, amount, (patient, provider), day(ago)),
            lambda: ledger.transfer(
                by=self.by,
                payment=self.receipts[receipt],
                amount=amount,
                **self.account((patient, provider)),
                date=day(ago),
                reason="Asked",
            ),
        )

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, unpay_lines=st.booleans(), ago=AGO, other_side=st.booleans())
    def reverse(self, number: int, unpay_lines: bool, ago: int, other_side: bool) -> None:
        receipt = self.pick(self.receipts, number)
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

    @precondition(lambda self: self.receipts)
    @rule(number=PICK, unpay_lines=st.booleans())
    def void(self, number: int, unpay_lines: bool) -> None:
        receipt = self.pick(self.receipts, number)
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
        if any(each.into == refund.source and each.fills for each in self.books.moved):
            return  # what covers it would have to come back: test_covering tells that story
        self.both(
            lambda books: books.undo_refund(books.moved[position], day(ago)),
            lambda: ledger.reverse(by=self.by, payment=row, date=day(ago), reason="Never paid"),
        )

    def _position(self, refund: Moved) -> int:
        refunds = [n for n, each in enumerate(self.books.moved) if each.into is None]
        order = [each for each, _row in self.refunds]
        return refunds[next(n for n, each in enumerate(order) if each is refund)]

    @rule(ago=st.sampled_from([4, 3, 2]))
    def close_the_books(self, ago: int) -> None:
        ClosingDate.objects.create(closed_through=day(ago), created_by=self.by)
        self.books.closed = day(ago)

    # ------------------------------------------------------------------ after every step

    @invariant()
    def every_account_is_as_in_the_model(self) -> None:
        for name, patient in self.patients.items():
            shown = {
                str(each.provider): (each.invoices, each.credit, each.net)
                for each in balances.accounts(patient)
            }
            for provider in self.providers:
                account = (name, provider)
                invoices, credit = self.books.invoices(account), self.books.credit(account)
                assert shown.get(provider, (0, 0, 0)) == (invoices, credit, invoices - credit)

    @invariant()
    def every_line_is_as_in_the_model(self) -> None:
        found = {
            pk: rest for pk, *rest in InvoiceLine.objects.issued().values_list(
                "pk", "paid", "adjusted", "balance", "last_date"
            )
        }
        assert found == {
            self.lines[n].pk: [
                self.books.paid(n), each.adjusted, self.books.balance(n), each.last
            ]
            for n, each in self.books.lines.items()
        }

    @invariant()
    def every_receipt_is_as_in_the_model(self) -> None:
        found: dict[int, list[Any]] = {
            pk: rest
            for pk, *rest in Payment.objects.money_in().values_list(
                "pk", "unallocated", "reversed", "date", "last_date"
            )
        }
        assert found == {
            self.receipts[n].pk: [self.books.unallocated(n), each.reversed, each.date, each.last]
            for n, each in self.books.receipts.items()
        }

    @invariant()
    def every_line_knows_which_receipts_pay_it(self) -> None:
        rows = Allocation.objects.values_list("payment", "line").annotate(held=Sum("amount"))
        found = {(payment, line): held for payment, line, held in rows.order_by() if held}
        assert found == {
            (self.receipts[receipt].pk, self.lines[line].pk): held
            for (receipt, line), held in self.books.held.items()
            if held
        }

    @invariant()
    def no_credit_is_stuck_on_a_reversed_receipt(self) -> None:
        assert not Payment.objects.with_credit().filter(reversed=True, patient__isnull=False)

    @invariant()
    def the_history_adds_up_to_net(self) -> None:
        for patient in self.patients.values():
            net = balances.total(balances.accounts(patient)).net
            for deleted in (False, True):
                rows = balances.history(patient, deleted=deleted)
                assert sum((row.balance for row in rows), ZERO) == net

    @invariant()
    def the_books_hold(self) -> None:
        assert checks.run_all() == []


@pytest.mark.django_db
def test_the_verbs_in_any_order_keep_to_the_rules() -> None:
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=int(MORE or 60),
            stateful_step_count=25,
            derandomize=MORE is None,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert not connection.needs_rollback


def test_the_day_is_what_the_model_takes_it_for() -> None:
    assert isinstance(day(0), datetime.date)
    assert day(0) > day(1)
