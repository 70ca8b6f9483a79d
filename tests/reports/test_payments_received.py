"""Payments received: what came in, what was paid back, and where it went by the end of the period."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import ledger
from billing.models import Payment
from patients.models import Patient, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, days, told

pytestmark = pytest.mark.django_db

SLUG = "payments-received"
FIGURES = ("received", "reversed_or_refunded", "net", "allocated", "unallocated")


def figures(query: str) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in told(ask(SLUG, query), *FIGURES)]


def paid(smith: Patient, dr1: Provider, ana: Any) -> Payment:
    """An invoice of 50.00, and 20.00 of it paid 40 days ago."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=60)
    receipt: Payment = PaymentFactory(
        patient=smith, provider=dr1, amount="20", by=ana, ago=40, on={line: "20"}
    )
    return receipt


def reverse(receipt: Payment, ana: Any, ago: int, *, unpay: bool = False) -> None:
    ledger.reverse(
        by=ana, payment=receipt, date=day(ago), reason="Payment bounced", unpay_lines=unpay
    )


# --- Its figures ---------------------------------------------------------------------------------


def test_a_receipt_is_told_with_everything_about_it(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount="20", by=ana, ago=5, method="check", reference="1017"
    )
    report = ask(SLUG, days(9, 0))
    names = ("date", "receipt", "received_from", "method", "provider", "reference", "chart")
    assert told(report, *names) == [
        (day(5), receipt.number, "Smith, John", "Check", "Dr 1", "1017", "P1042")
    ]
    assert told(report, "entered_by") == ["Ana Rell"]
    assert figures(days(9, 0)) == [("20.00", "0.00", "20.00", "0.00", "20.00")]


def test_seed_2_in_one_period_the_reversed_receipt_still_pays(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    """20.00 received and allocated, then reversed: nothing is left but -20.00 of credit."""
    reverse(paid(smith, dr1, ana), ana, 35)
    assert figures(days(60, 0)) == [("20.00", "-20.00", "0.00", "20.00", "-20.00")]


def test_a_later_reversal_leaves_the_earlier_period_as_it_was(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = paid(smith, dr1, ana)
    before = figures(days(60, 31))
    assert before == [("20.00", "0.00", "20.00", "20.00", "0.00")]
    reverse(receipt, ana, 10)
    assert figures(days(60, 31)) == before
    assert told(ask(SLUG, days(30, 0)), "date", "receipt") == [(day(10), receipt.number)]
    assert figures(days(30, 0)) == [("0.00", "-20.00", "-20.00", "0.00", "-20.00")]


def test_what_a_reversal_unpays_comes_back_in_the_same_period(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    reverse(paid(smith, dr1, ana), ana, 10, unpay=True)
    assert figures(days(30, 0)) == [("0.00", "-20.00", "-20.00", "-20.00", "0.00")]


def test_a_refund_counts_as_paid_back_and_a_transfer_does_not(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", by=ana, ago=20)
    RefundFactory(payment=receipt, amount="30", ago=8, by=ana)
    TransferFactory(
        payment=receipt, amount="25", provider=ProviderFactory(name="Dr 2"), ago=7, by=ana
    )
    report = ask(SLUG, days(30, 0))
    assert told(report, *FIGURES, "transferred") == [
        (money(100), money(-30), money(70), money(0), money(45), money(25))
    ]
    assert report.check(report.rows.totals()).holds
    assert ask(SLUG, days(30, 8)).rows.totals()["transferred"] == 0


def test_what_an_insurer_kept_is_an_offset_and_not_unallocated(ana: Any) -> None:
    payer = PayerFactory(name="BlueRiver Health")
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="90", by=ana)
    check = ledger.record_payment(
        by=ana,
        payer=payer,
        amount=money(60),
        method="check",
        reference="104412",
        date=day(3),
        entries=[ledger.Entry(line.pk, money(70))],
        offsets=[ledger.OffsetEntry("WO", money(10), "ICN9")],
    ).receipt
    report = ask(SLUG, days(9, 0))
    assert told(
        report, "receipt", "received_from", "net", "offset", "allocated", "unallocated"
    ) == [(check.number, "BlueRiver Health", money(60), money(-10), money(70), money(0))]
    words = report.check(report.rows.totals())
    assert (words.words, words.holds) == ("Allocated + offset + unallocated = net", True)


def test_the_totals_are_the_sums_of_all_rows_and_of_each_day(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    for ago, amount in ((3, "10"), (3, "20.10"), (2, "5")):
        PaymentFactory(patient=smith, provider=dr1, amount=amount, by=ana, ago=ago)
    rows = ask(SLUG, days(9, 0)).rows
    assert (rows.totals().count, rows.totals()["received"]) == (3, money("35.10"))
    by_day = rows.groups("date", [day(3), day(2), day(1)])
    assert {key: (each.count, each["net"]) for key, each in by_day.items()} == {
        day(3): (2, money("30.10")),
        day(2): (1, money("5")),
    }


def test_the_check_says_by_how_much_it_fails() -> None:
    report = ask(SLUG)
    totals = report.rows.totals()
    sums = {**totals.sums, "net": Decimal("0.05")}
    found = report.check(type(totals)(1, sums))
    assert (found.holds, found.difference) == (False, money("0.05"))


# --- Its filters ---------------------------------------------------------------------------------


def test_it_is_narrowed_by_whose_money_how_and_by_whom(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    cash = PaymentFactory(patient=smith, provider=dr1, by=ana, ago=3)
    card = PaymentFactory(
        patient=smith, provider=ProviderFactory(name="Dr 2"), by=ana, ago=2, method="card"
    )
    bo = UserFactory(username="bo")
    check = InsurancePaymentFactory(payer=PayerFactory(), by=bo, ago=1)
    for query, found in (
        ("", [check, card, cash]),
        (f"&provider={dr1.pk}", [cash]),
        ("&method=card", [card]),
        ("&received_from=insurers", [check]),
        ("&received_from=patients", [card, cash]),
        ("&user=bo", [check]),
        ("&user=bo&method=cash", []),
    ):
        assert told(ask(SLUG, days(9, 0) + query), "receipt") == [each.number for each in found]


def test_without_a_first_day_it_begins_with_the_first_receipt(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, by=ana, ago=900)
    report = ask(SLUG, f"from=&to={day(0)}")
    assert told(report, "receipt") == [receipt.number]
    assert report.file_stem == f"payments-received-{day(0)}"
