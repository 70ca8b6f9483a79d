"""What each act is done with, and how: at the ledger as in the model."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis.stateful import RuleBasedStateMachine, initialize

from billing import ledger
from billing.models import Adjustment, Allocation, InvoiceLine, Offset, Payment, Responsibility
from billing.sharing import Entry, Owes
from tests.factories import (
    CoverageFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    ProviderFactory,
)
from tests.factories.bills import day
from tests.ledger.machine.model import ZERO, Account, Books, Moved, Policy, Refused, Word
from tests.ledger.machine.parts import part


class Clinic(RuleBasedStateMachine):
    """A parent, their child and somebody else with two providers and two payers."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.example = transaction.atomic()
        self.example.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @initialize()
    def open_the_clinic(self) -> None:
        self.by = OwnerFactory()
        self.patients = {name: PatientFactory(family_name=name) for name in ("Smith", "Okafor")}
        self.patients["Kim"] = PatientFactory(guarantor=self.patients["Smith"])
        self.providers = {name: ProviderFactory(name=name) for name in ("Dr 1", "Dr 2")}
        self.payers = {name: PayerFactory(name=name) for name in ("BlueRiver", "Cascade")}
        self.books = Books(today=day(0), guarantors={"Kim": "Smith"})
        self.insure("Smith", [Policy("BlueRiver", 1), Policy("Cascade", 2)])
        self.insure("Okafor", [Policy("Cascade", 1), Policy("BlueRiver", 2, end=day(2))])
        self.lines: dict[int, InvoiceLine] = {}
        self.receipts: dict[int, Payment] = {}
        self.refunds: list[tuple[Moved, Payment]] = []
        self.write_offs: list[Adjustment] = []
        for provider in ("Dr 1", "Dr 2"):
            self.issue("Smith", provider, Decimal("50.00"), 4)
        self.issue("Okafor", "Dr 1", Decimal("100.00"), 4)
        self.issue("Kim", "Dr 1", Decimal("33.33"), 4)

    def insure(self, patient: str, policies: list[Policy]) -> None:
        self.books.policies[patient] = policies
        for each in policies[::-1]:  # by rank, not as they were entered
            CoverageFactory(
                patient=self.patients[patient],
                payer=self.payers[each.payer],
                rank=each.rank,
                end=None if each.end == datetime.date.max else each.end,
            )

    # ------------------------------------------------------------------ doing it twice

    def both(
        self, model: Callable[[Books], object], verb: Callable[[], ledger.Posted]
    ) -> ledger.Posted | None:
        """Both carry it out and agree, or both refuse and nothing changed."""
        trial = self.books.copy()
        try:
            model(trial)
        except Refused as refusal:
            told = self.refused(verb)
            names = [str(self.receipts[each].number) for each in refusal.undo_first]
            if told is not None:
                # Of two lines with something in the way, it may speak of the other one.
                assert not names or any(each in told for each in (*names, "Undo that first.")), told
                return None
            pytest.fail(f"the rules refuse this ({refusal}), the ledger did it")
        posted = verb()
        self.books = trial
        known = {each.pk for each in self.receipts.values()}
        fresh = Payment.objects.money_in().exclude(pk__in=known).order_by("pk")
        unknown = sorted(set(trial.receipts) - set(self.receipts))
        assert len(unknown) == len(fresh), "as many new receipts and transfers as in the model"
        self.receipts.update(zip(unknown, fresh, strict=True))
        return posted

    def refused(self, verb: Callable[[], object]) -> str | None:
        """What the ledger says, if it refuses."""
        try:
            verb()
        except ledger.LedgerError as refusal:
            return str(refusal)
        return None

    def pick(
        self, things: dict[int, Any], number: int, fit: Callable[[int], object] | None = None
    ) -> int:
        """Mostly one that fits, so that the act is more than a refusal; now and then any."""
        fitting = [each for each in things if fit and fit(each)]
        among = fitting if fitting and number < 80 else list(things)
        return sorted(among, reverse=True)[number % len(among)]

    def has_credit(self, receipt: int) -> bool:
        one = self.books.receipts[receipt]
        return not one.reversed and self.books.unallocated(receipt) > 0

    def pays_lines(self, receipt: int) -> bool:
        return any(r == receipt and held for (r, _line), held in self.books.held.items())

    def any(self, fit: Callable[[int], object]) -> bool:
        return any(fit(each) for each in self.receipts)

    def can_bounce(self, receipt: int) -> bool:
        """A patient's, that would leave the account negative."""
        one = self.books.receipts[receipt]
        return self.stands(receipt) and bool(
            one.account and self.books.unallocated(receipt) < one.amount
        )

    def stands(self, receipt: int) -> bool:
        return not self.books.receipts[receipt].reversed

    def on_lines(
        self,
        typed: list[tuple[int, str]],
        of: Callable[[int], Decimal],
        write_off: Decimal = ZERO,
        whose: str = "",
    ) -> dict[int, tuple[Decimal, Decimal]]:
        """What is typed on lines: parts of what `of` says of them, the last of it a little less
        than all where a write-off has to fit beside it."""

        def fits(line: int) -> bool:
            return (not whose or self.books.pays_for(whose, line)) and bool(of(line))

        return {
            line: (part(of(line), which) - write_off, write_off)
            for number, which in typed
            for line in [self.pick(self.lines, number, fits)]
        }

    def entries(self, on: dict[int, tuple[Decimal, Decimal]]) -> list[Entry]:
        return [
            Entry(self.lines[line].pk, paid, write_off) for line, (paid, write_off) in on.items()
        ]

    def words(
        self,
        on: dict[int, tuple[Decimal, Decimal]],
        owes: tuple[tuple[str, Decimal], ...] = (),
        **more: str,
    ) -> list[Word]:
        """An insurer's answers; what it says beside the amounts, on the first line alone."""
        found = [Word(line, paid, write_off) for line, (paid, write_off) in on.items()]
        return [replace(each, owes=owes, **more) for each in found[:1]] + found[1:]

    def answers(self, words: Iterable[Word]) -> list[Entry]:
        return [
            Entry(
                self.lines[word.line].pk,
                word.paid,
                word.write_off,
                carc=word.code,
                owes=tuple(Owes(kind, amount) for kind, amount in word.owes),
                outcome=word.outcome,
                rest=word.rest,
            )
            for word in words
        ]

    def of(self, line: int) -> Account:
        return self.books.lines[line].patient, self.books.lines[line].provider

    def account(self, account: Account) -> dict[str, Any]:
        return {"patient": self.patients[account[0]], "provider": self.providers[account[1]]}

    # ------------------------------------------------------------------ nothing else moves

    @contextmanager
    def nothing_else_moves(
        self, lines: Iterable[int], receipt: int | None = None
    ) -> Iterator[None]:
        """FIELD §3, pain 3: what is done to these lines changes no other line or account.

        All rows there were are as they were. On another line of the same account standing credit
        may take over from a reversed receipt (R7); what is paid on it stays the same.
        """
        lines = list(lines)
        accounts = {self.of(line) for line in lines}
        if receipt is not None and (own := self.books.receipts[receipt].account):
            accounts.add(own)
        before = self.everything()
        yield
        after = self.everything()
        for table, rows in before["rows"].items():
            assert [row for row in after["rows"][table] if row in rows] == rows, table
        ours = {self.lines[line].pk for line in lines}
        other = before["lines"].keys() - ours
        assert {pk: after["lines"][pk] for pk in other} == {pk: before["lines"][pk] for pk in other}
        mine = {(self.patients[who].pk, self.providers[whom].pk) for who, whom in accounts}
        itself = self.receipts[receipt].pk if receipt is not None else None  # also a payer's
        new = after["credit"].keys() - before["credit"].keys()
        for what in ("held", "credit"):
            elsewhere = [
                {
                    key: each
                    for key, each in state[what].items()
                    if key != itself and key not in new and state["of"][key] not in mine
                }
                for state in (before, after)
            ]
            assert elsewhere[0] == elsewhere[1], what
        for (payment, line), held in before["held"].items():
            now = after["held"].get((payment, line), ZERO)
            if line in other and now != held:  # what pays it may pay more of it
                assert now < held if payment in before["reversed"] else now > held

    def everything(self) -> dict[str, Any]:
        held, of = {}, {}
        sums = (
            Allocation.objects.values_list("payment", "line", "line__patient", "line__provider")
            .annotate(held=Sum("amount"))
            .order_by()
        )
        for payment, line, patient, provider, amount in sums:
            of[payment, line] = patient, provider
            if amount:
                held[payment, line] = amount
        credit = {}
        for each in Payment.objects.money_in():
            credit[each.pk], of[each.pk] = each.unallocated, (each.patient_id, each.provider_id)
        return {
            "rows": {
                model: list(model.objects.order_by("pk").values_list("pk", "amount", "date"))
                for model in (Payment, Allocation, Adjustment, Responsibility, Offset)
            },
            "lines": {
                pk: rest
                for pk, *rest in InvoiceLine.objects.values_list(
                    "pk", "paid", "adjusted", "balance", "payer"
                )
            },
            "held": held,
            "credit": credit,
            "of": of,
            "reversed": set(Payment.objects.filter(reversed=True).values_list("pk", flat=True)),
        }
