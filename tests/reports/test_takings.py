"""Takings: what came in and went back, by day and method."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from patients.models import Patient, Provider
from tests.factories import (
    InsurancePaymentFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day
from tests.reports.asking import ask, days, told

pytestmark = pytest.mark.django_db

SLUG = "takings"


def rows(query: str) -> list[tuple[Any, ...]]:
    names = ("date", "method", "payments", "received", "reversed", "refunded", "net")
    return [
        (when, method, count, *map(str, amounts))
        for when, method, count, *amounts in told(ask(SLUG, query), *names)
    ]


def test_one_row_for_each_day_and_method(smith: Patient, dr1: Provider, ana: Any) -> None:
    for amount, method, ago in (
        ("20", "cash", 3),
        ("30", "cash", 3),
        ("5", "card", 3),
        ("7", "cash", 1),
    ):
        PaymentFactory(patient=smith, provider=dr1, amount=amount, method=method, ago=ago, by=ana)
    assert rows(days(9, 0)) == [
        (day(1), "Cash", 1, "7.00", "0.00", "0.00", "7.00"),
        (day(3), "Card", 1, "5.00", "0.00", "0.00", "5.00"),
        (day(3), "Cash", 2, "50.00", "0.00", "0.00", "50.00"),
    ]


def test_what_is_undone_goes_back_by_the_method_it_came_in(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount="20", method="check", reference="7", ago=8, by=ana
    )
    ledger.reverse(by=ana, payment=receipt, date=day(2), reason="Payment bounced")
    assert rows(days(5, 0)) == [(day(2), "Check", 0, "0.00", "-20.00", "0.00", "-20.00")]


def test_a_refund_goes_out_by_its_own_method_and_undone_comes_back(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", method="card", ago=8, by=ana)
    refund = RefundFactory(payment=receipt, amount="5", method="check", ago=4, by=ana)
    ledger.reverse(by=ana, payment=refund, date=day(3), reason="Never sent")
    assert rows(days(5, 0)) == [
        (day(3), "Check", 0, "0.00", "0.00", "5.00", "5.00"),
        (day(4), "Check", 0, "0.00", "0.00", "-5.00", "-5.00"),
    ]


def test_a_transfer_brings_no_money(smith: Patient, dr1: Provider, ana: Any) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=8, by=ana)
    TransferFactory(
        payment=receipt, amount="5", provider=ProviderFactory(name="Dr 2"), ago=2, by=ana
    )
    assert rows(days(5, 0)) == []


def test_the_methods_of_the_period_are_drawn_with_their_figures(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    for amount, method, ago in (("20", "cash", 3), ("60", "cash", 2), ("20", "card", 3)):
        PaymentFactory(patient=smith, provider=dr1, amount=amount, method=method, ago=ago, by=ana)
    [panel] = ask(SLUG, days(9, 0)).panels()
    assert panel.drawn
    assert [(line.label, str(line.amounts[0]), line.share) for line in panel.lines] == [
        ("Cash", "80.00", 100),
        ("Card", "20.00", 25),
    ]
    assert panel.total
    assert [str(amount) for amount in panel.total[1]] == ["100.00", "100.00", "0.00", "0.00"]


def test_it_is_narrowed_by_provider_and_by_whose_money(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    PaymentFactory(patient=smith, provider=dr1, amount="1", ago=2, by=ana)
    PaymentFactory(patient=smith, provider=ProviderFactory(), amount="2", ago=2, by=ana)
    InsurancePaymentFactory(payer=PayerFactory(), amount="4", ago=2, by=ana)
    for query, total in (
        ("", "7.00"),
        (f"&provider={dr1.pk}", "1.00"),
        ("&received_from=patients", "3.00"),
        ("&received_from=insurers", "4.00"),
    ):
        assert str(ask(SLUG, days(9, 0) + query).totals["net"]) == total


def test_its_net_is_that_of_payments_received(smith: Patient, dr1: Provider, ana: Any) -> None:
    old = PaymentFactory(patient=smith, provider=dr1, amount="50", ago=40, by=ana)
    new = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=8, by=ana)
    ledger.reverse(by=ana, payment=old, date=day(7), reason="Wrong amount")
    RefundFactory(payment=new, amount="5", ago=6, by=ana)
    for period in (days(60, 30), days(29, 7), days(9, 0), days(60, 0)):
        received = ask("payments-received", period).totals
        assert ask(SLUG, period).totals["net"] == received["net"]
        assert ask(SLUG, period).totals["received"] == received["received"]
