"""Undoing one thing leaves every other allocation, line and account as it was (FIELD §3, pain 3).

A patient's payment shared over three sessions, with a copay and an insurer's check beside it, the
other provider's session, the child's and a stranger's. What is done to the first session is seen on
the first session, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum

from billing import ledger
from billing.models import Adjustment, Allocation, InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures

pytestmark = pytest.mark.django_db


class Family:
    def __init__(
        self, by: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider, payer: Payer
    ) -> None:
        self.by, self.dr1, self.dr2 = by, dr1, dr2
        self.smith, self.okafor = smith, okafor
        self.child = PatientFactory(guarantor=smith)
        self.first, self.second, self.insured = (
            LineFactory(patient=smith, provider=dr1, amount="100") for _ in range(3)
        )
        self.of_dr2 = LineFactory(patient=smith, provider=dr2, amount="100")
        self.childs = LineFactory(patient=self.child, provider=dr1, amount="100")
        self.hers = LineFactory(patient=okafor, provider=dr1, amount="100")
        (self.written_off,) = ledger.adjust(
            by=by, line=self.first, amount=money(7), kind="courtesy", date=day(25), reason="Gift"
        ).adjustments
        self.copay = PaymentFactory(
            patient=smith, provider=dr1, amount="40", on={self.first: "10", self.second: "20"}
        )
        self.receipt = PaymentFactory(
            patient=smith,
            provider=dr1,
            amount="150",
            on={
                self.first: "30",
                self.second: "30",
                self.insured: "10",
                self.of_dr2: "25",
                self.childs: "35",
            },
        )
        self.check = InsurancePaymentFactory(
            payer=payer, amount="100", on={self.insured: ("60", "30"), self.hers: ("40", "5")}
        )
        PaymentFactory(patient=okafor, provider=dr1, amount="15", on={self.hers: "15"})

    @property
    def accounts(self) -> dict[str, Any]:
        return {
            f"{name} with {provider}": figures(patient, provider)
            for name, patient in {
                "Smith": self.smith,
                "Kim": self.child,
                "Okafor": self.okafor,
            }.items()
            for provider in (self.dr1, self.dr2)
        }

    def everything(self) -> dict[str, Any]:
        sums = Allocation.objects.values_list("payment", "line").annotate(held=Sum("amount"))
        return {
            **{("held", p, line): held for p, line, held in sums.order_by() if held},
            **{
                ("line", pk): rest
                for pk, *rest in InvoiceLine.objects.values_list(
                    "pk", "paid", "adjusted", "balance"
                )
            },
            **{
                ("free", pk): free
                for pk, free in Payment.objects.money_in().values_list("pk", "unallocated")
            },
            **self.accounts,
        }


@pytest.fixture
def family(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider, blueriver: Payer
) -> Family:
    return Family(ana, smith, okafor, dr1, dr2, blueriver)


Act = Callable[[Family, dict[str, Any]], object]
ACTS: dict[str, tuple[Act, list[str]]] = {
    "un-pay the line": (
        lambda f, how: ledger.unpay(**how, line=f.first, amount=money(30)),
        ["receipt"],
    ),
    "un-pay this payment on the line": (
        lambda f, how: ledger.unpay(**how, line=f.first, amount=money(10), payment=f.copay),
        ["copay"],
    ),
    "un-pay on Credit allocation": (
        lambda f, how: ledger.allocate_credit(
            by=f.by,
            patient=f.smith,
            provider=f.dr1,
            date=day(0),
            entries=entries({f.first: "-40"}),
        ),
        ["receipt", "copay"],
    ),
    "refund and un-pay": (
        lambda f, how: ledger.refund(
            **how,
            payment=f.receipt,
            amount=money(30),
            method="cash",
            unpay=entries({f.first: "30"}),
        ),
        ["receipt"],
    ),
    "void the line": (
        lambda f, how: ledger.void_line(**how, line=f.first),
        ["receipt", "copay"],
    ),
    "write off": (
        lambda f, how: ledger.write_off(
            **how, kind="bad_debt", entries=entries({f.first: ("0", "53")})
        ),
        [],
    ),
    "put back on": (
        lambda f, how: ledger.adjust(**how, kind="correction", line=f.first, amount=money(-5)),
        [],
    ),
    "undo the write-off": (
        lambda f, how: ledger.undo_write_off(**how, adjustment=f.written_off),
        [],
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_done_to_one_line_is_seen_on_that_line_only(act: str, family: Family) -> None:
    before = family.everything()
    carry_out, receipts = ACTS[act]
    carry_out(family, {"by": family.by, "date": day(0), "reason": "Wrong"})
    after = family.everything()
    first = family.first.pk
    theirs = [getattr(family, each).pk for each in receipts]
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} <= {
        ("line", first),
        *(("held", payment, first) for payment in theirs),
        *(("free", payment) for payment in theirs),
        "Smith with Dr 1",
    }
    assert before[("line", first)] != after[("line", first)]


def test_refunding_what_is_free_touches_no_line_at_all(family: Family) -> None:
    before = family.everything()
    ledger.refund(
        by=family.by,
        payment=family.receipt,
        amount=money(20),
        method="cash",
        date=day(0),
        reason="Asked",
    )
    after = family.everything()
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} == {
        ("free", family.receipt.pk),
        "Smith with Dr 1",
    }


def test_a_deposit_touches_nothing(family: Family) -> None:
    before = family.everything()
    ledger.deposit(by=family.by, payments=[family.receipt, family.copay, family.check], date=day(0))
    assert family.everything() == before


def test_reversing_the_check_leaves_what_patients_paid(family: Family) -> None:
    before = family.everything()
    ledger.reverse(by=family.by, payment=family.check, date=day(0), reason="Bounced")
    after = family.everything()
    mine = {family.insured.pk, family.hers.pk}
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} == {
        *(("line", line) for line in mine),
        *(("held", family.check.pk, line) for line in mine),
        "Smith with Dr 1",
        "Okafor with Dr 1",
    }
    assert Adjustment.objects.standing().count() == 1
