"""After every step the database says what the model says, and every rule holds."""

from typing import Any

from django.db.models import Sum
from hypothesis.stateful import invariant

from billing import balances, checks
from billing.models import (
    Adjudication,
    Allocation,
    Deposit,
    InvoiceLine,
    LineVoid,
    Payment,
    Responsibility,
)
from tests.ledger.machine.acts import Acts
from tests.ledger.machine.model import ZERO


class Desk(Acts):
    """All that may happen at the desk, and what is looked at after each step."""

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
            pk: rest
            for pk, *rest in InvoiceLine.objects.issued().values_list(
                "pk", "paid", "adjusted", "balance", "last_date", "payer__name"
            )
        }
        assert found == {
            self.lines[n].pk: [
                self.books.paid(n),
                each.adjusted,
                self.books.balance(n),
                each.last,
                each.waits_for,
            ]
            for n, each in self.books.lines.items()
        }

    @invariant()
    def every_receipt_is_as_in_the_model(self) -> None:
        found: dict[int, list[Any]] = {
            pk: rest
            for pk, *rest in Payment.objects.money_in().values_list(
                "pk", "unallocated", "offset", "reversed", "date", "last_date"
            )
        }
        assert found == {
            self.receipts[n].pk: [
                self.books.unallocated(n),
                -self.books.kept(n),
                each.reversed,
                each.date,
                each.last,
            ]
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
    def every_answer_is_as_in_the_model(self) -> None:
        said: dict[int, list[tuple[Any, ...]]] = {}
        for line, *answer in (
            Adjudication.objects.standing()
            .order_by("pk")
            .values_list("line", "payment", "outcome", "owed_before__name", "owed_after__name")
        ):
            said.setdefault(line, []).append(tuple(answer))
        pk = {n: each.pk for n, each in self.receipts.items()}
        assert said == {
            self.lines[n].pk: [
                (pk.get(each.receipt), each.outcome, each.before, each.after) for each in answers
            ]
            for n in self.lines
            if (answers := self.books.standing_answers(n))
        }
        denied = {each.line_id for each in balances.denied()}
        assert denied == {self.lines[n].pk for n in self.books.denials()}

    @invariant()
    def what_patients_owe_is_as_in_the_model(self) -> None:
        rows = Responsibility.objects.values_list("line", "kind").annotate(owes=Sum("amount"))
        found = {(line, kind): owes for line, kind, owes in rows.order_by() if owes}
        assert found == {
            (self.lines[n].pk, kind): owes
            for n in self.lines
            for kind, owes in self.books.patient_owes(n).items()
        }

    @invariant()
    def every_payer_is_as_in_the_model(self) -> None:
        shown = {str(each.payer and each.payer.name): each for each in balances.payer_standings()}
        for name, payer in self.payers.items():
            account = [
                (row.offset.code, row.offset.amount, row.owed)
                for row in balances.offset_account(payer)
            ]
            assert account == self.books.offset_account(name)
            assert balances.open_forwards(payer) == self.books.debts(name)
            standing = shown[name]
            lines = [n for n, one in self.books.lines.items() if one.waits_for == name]
            waiting = [owes for n in lines if (owes := self.books.balance(n))]
            mine = [n for n, each in self.books.receipts.items() if each.payer == name]
            free = [self.books.unallocated(n) for n in mine]
            assert (standing.lines, standing.owing) == (len(waiting), sum(waiting, ZERO))
            assert standing.unallocated == sum((each for each in free if each > 0), ZERO)
            assert standing.over_allocated == sum((each for each in free if each < 0), ZERO)
            assert standing.owed == (account[-1][2] if account else 0)

    @invariant()
    def what_is_void_and_what_went_to_the_bank_is_as_in_the_model(self) -> None:
        void = {self.lines[n].pk for n, each in self.books.lines.items() if each.void}
        assert set(LineVoid.objects.values_list("line", flat=True)) == void
        banked = {self.receipts[n].pk for n, each in self.books.receipts.items() if each.banked}
        assert set(Deposit.objects.values_list("items__payment", flat=True)) == banked

    @invariant()
    def no_credit_is_stuck_on_a_reversed_receipt(self) -> None:
        assert not Payment.objects.with_credit().filter(reversed=True, patient__isnull=False)

    @invariant()
    def the_history_adds_up_to_net(self) -> None:
        """Dear, so after every fifth step; of each patient, with the deleted and without."""
        self.steps += 1
        if self.steps % 5:
            return
        for patient in self.patients.values():
            net = balances.total(balances.accounts(patient)).net
            for deleted in (False, True):
                rows = balances.history(patient, deleted=deleted)
                assert sum((row.balance for row in rows), ZERO) == net

    @invariant()
    def the_books_hold(self) -> None:
        assert checks.run_all() == []
