"""Refunds: what was paid out, and refunds that were undone, each on its own day."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from billing.models import Payment
from billing.reports import REPORTS
from patients.models import Patient, Provider
from tests.factories import (
    InsurancePaymentFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, days, told
from tests.screens.lists import costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "refunds"
FIGURES = ("date", "receipt", "amount")


@pytest.fixture
def receipt(smith: Patient, dr1: Provider, ana: Any) -> Payment:
    """100.00 of Smith's, received 60 days ago; none of it is on a line."""
    found: Payment = PaymentFactory(patient=smith, provider=dr1, amount="100", by=ana, ago=60)
    return found


# --- Its figures ---------------------------------------------------------------------------------


def test_a_refund_is_told_with_everything_about_it(receipt: Payment, ana: Any) -> None:
    paid_out = {"method": "check", "reference": "2001", "reason": "Paid twice"}
    RefundFactory(payment=receipt, amount="30", ago=5, by=ana, **paid_out)
    names = [column.name for column in REPORTS[SLUG].columns if not column.hidden]
    whose = ("Dr 1", "P1042", "Ana Rell")
    assert told(ask(SLUG, days(9, 0)), *names) == [
        (day(5), "Smith, John", receipt.number, "Check", "2001", "Paid twice", *whose, money(30))
    ]


def test_an_insurers_money_goes_back_to_the_insurer(ana: Any) -> None:
    payer = PayerFactory(name="BlueRiver Health")
    check = InsurancePaymentFactory(payer=payer, by=ana, ago=9)
    RefundFactory(payment=check, amount="80.25", ago=5, by=ana, method="eft")
    assert told(
        ask(SLUG, days(9, 0)), "to", "receipt", "method", "provider", "chart", "amount"
    ) == [("BlueRiver Health", check.number, "EFT", "", "", money("80.25"))]


def test_an_undone_refund_is_a_row_of_its_own_day_and_the_past_stays(
    receipt: Payment, ana: Any
) -> None:
    """30.00 paid out in one period, undone in the next: 30.00, then -30.00, together nothing."""
    paid_out = RefundFactory(payment=receipt, amount="30", ago=40, by=ana)
    before = told(ask(SLUG, days(60, 31)), *FIGURES)
    assert before == [(day(40), receipt.number, money(30))]
    ledger.reverse(by=ana, payment=paid_out, date=day(5), reason="Check not cashed")
    assert told(ask(SLUG, days(60, 31)), *FIGURES) == before
    assert told(ask(SLUG, days(30, 0)), *FIGURES, "method", "reason") == [
        (day(5), receipt.number, money(-30), "Cash", "Check not cashed")
    ]
    report = ask(SLUG, days(60, 0))
    assert report.rows.totals()["amount"] == 0
    assert [figure.amount for figure in report.figures(report.rows.totals())] == [money(0)]


def test_reversals_deletions_and_transfers_are_no_refunds(
    receipt: Payment, smith: Patient, dr1: Provider, ana: Any
) -> None:
    TransferFactory(
        payment=receipt, amount="25", provider=ProviderFactory(name="Dr 2"), ago=5, by=ana
    )
    wrong, bounced = (PaymentFactory(patient=smith, provider=dr1, by=ana, ago=4) for _ in "ab")
    ledger.void(by=ana, payment=wrong, reason="Typing error")
    ledger.reverse(by=ana, payment=bounced, date=day(3), reason="Payment bounced")
    assert ask(SLUG, days(9, 0)).rows.totals().count == 0


def test_credit_that_was_moved_is_paid_back_out_of_the_transfer(receipt: Payment, ana: Any) -> None:
    moved = TransferFactory(
        payment=receipt, amount="25", provider=ProviderFactory(name="Dr 2"), ago=9, by=ana
    )
    RefundFactory(payment=moved, amount="25", ago=5, by=ana)
    assert told(ask(SLUG, days(9, 0)), "receipt", "provider", "amount") == [
        (moved.number, "Dr 2", money(25))
    ]


def test_the_days_have_their_own_sums(receipt: Payment, ana: Any) -> None:
    for amount, ago in (("10", 5), ("0.35", 5), ("7", 4)):
        RefundFactory(payment=receipt, amount=amount, ago=ago, by=ana)
    report = ask(SLUG, days(9, 0))
    assert report.grouped
    by_day = report.rows.groups("date", [day(5), day(4)])
    assert (by_day[day(5)].count, by_day[day(5)]["amount"]) == (2, money("10.35"))
    assert by_day[day(4)]["amount"] == money(7)


# --- Its filters ---------------------------------------------------------------------------------


def test_it_is_narrowed_by_method_provider_payer_and_user(receipt: Payment, ana: Any) -> None:
    bo, payer = UserFactory(username="bo"), PayerFactory()
    check = InsurancePaymentFactory(payer=payer, by=ana, ago=9)
    undone = RefundFactory(payment=receipt, amount="1", ago=5, by=ana)
    RefundFactory(payment=receipt, amount="2", ago=4, by=bo, method="check")
    RefundFactory(payment=check, amount="3", ago=3, by=bo, method="eft")
    ledger.reverse(by=ana, payment=undone, date=day(2), reason="Not cashed")
    for query, found in (
        ("", [-1, 3, 2, 1]),
        ("&method=cash", [-1, 1]),
        ("&method=check", [2]),
        (f"&provider={receipt.provider_id}", [-1, 2, 1]),
        (f"&provider={ProviderFactory().pk}", []),
        (f"&payer={payer.pk}", [3]),
        ("&user=bo", [3, 2]),
        ("&user=bo&method=cash", []),
    ):
        amounts = told(ask(SLUG, days(9, 0) + query), "amount")
        assert amounts == [money(each) for each in found], query


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("method=barter", "Choose one of the methods in the list."),
        ("provider=x", "Choose one of the providers in the list."),
        ("payer=99999999", "Choose one of the payers in the list."),
        ("user=nobody", "Choose one of the users in the list."),
        ("from=2025-11-30&to=2025-11-01", "To is before From."),
    ],
)
def test_what_cannot_be_asked_is_told_beside_its_field(query: str, said: str) -> None:
    page = look(signed_in(), f"/reports/{SLUG}/?{query}")
    assert page.response.status_code == 200
    assert said in page.words


# --- Its screen ----------------------------------------------------------------------------------


def test_what_was_typed_is_escaped(receipt: Payment, ana: Any) -> None:
    RefundFactory(payment=receipt, amount="1", ago=1, by=ana, reason="<i>Why</i>")
    page = look(signed_in(), f"/reports/{SLUG}/?{days(9, 0)}")
    assert "<i>Why</i>" not in page.html
    assert "&lt;i&gt;Why&lt;/i&gt;" in page.html
    assert f'href="/payments/{receipt.number}/"' in page.html
    assert 'href="/patients/P1042/account/"' in page.html


def test_it_costs_the_same_with_any_number_of_refunds(receipt: Payment, ana: Any) -> None:
    client, url = signed_in(), f"/reports/{SLUG}/?{days(90, 0)}"
    costs_the_same(
        client,
        url,
        lambda number: RefundFactory(payment=receipt, amount="0.10", ago=59 - number, by=ana),
    )
    assert len(look(client, url).queries) <= 16
