"""Negative credit as of any day: which undone receipt still paid lines, since when, and why."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing import balances, ledger
from billing.models import Payment
from patients.models import Patient, Provider
from tests.factories import (
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, told
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "negative-credit"
URL = f"/reports/{SLUG}/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def as_of(ago: int, more: str = "") -> Any:
    return ask(SLUG, f"as_of={day(ago)}{more}")


def left_paid(
    patient: Patient, provider: Provider, by: Any, reason: str = "Wrong amount"
) -> Payment:
    """20.00 of an invoice of 50.00, paid 40 days ago; reversed 10 days ago and left paid."""
    line = LineFactory(patient=patient, provider=provider, amount="50", by=by, ago=50)
    receipt: Payment = PaymentFactory(
        patient=patient, provider=provider, amount="20", by=by, ago=40, on={line: "20"}
    )
    ledger.reverse(by=by, payment=receipt, date=day(10), reason=reason, unpay_lines=False)
    return receipt


# --- Its figures ---------------------------------------------------------------------------------


def test_seed_2_from_the_day_it_was_reversed(smith: Patient, dr1: Provider, ana: Any) -> None:
    receipt = left_paid(smith, dr1, ana)
    assert told(as_of(11), "receipt") == []
    names = ("cause", "since", "days", "patient", "chart", "provider", "receipt")
    amounts = ("received", "on_lines", "negative_credit")
    for ago, days in ((10, 0), (3, 7), (0, 10)):
        assert told(as_of(ago), *names) == [
            (
                "Reversed, still pays lines",
                day(10),
                days,
                "Smith, John",
                "P1042",
                "Dr 1",
                receipt.number,
            )
        ]
        assert told(as_of(ago), *amounts) == [(money(20), money(20), money(-20))]


def test_mending_it_today_changes_no_day_before(smith: Patient, dr1: Provider, ana: Any) -> None:
    receipt = left_paid(smith, dr1, ana)
    before = told(as_of(5), "receipt", "negative_credit", "cause")
    ledger.unpay(by=ana, payment=receipt, date=day(0), reason="It bounced")
    assert told(as_of(0), "receipt") == []
    assert told(as_of(5), "receipt", "negative_credit", "cause") == before
    assert before == [(receipt.number, money(-20), "Reversed, still pays lines")]


def test_the_next_payment_covers_it_and_yesterday_stays(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    left_paid(smith, dr1, ana)
    PaymentFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=2)
    assert told(as_of(2), "negative_credit") == []
    assert told(as_of(3), "negative_credit") == [money(-20)]


def test_every_cause_is_told_of_a_past_day_too(dr1: Provider, ana: Any) -> None:
    bounced = left_paid(PatientFactory(), dr1, ana, "Payment bounced")
    refunded = PaymentFactory(patient=PatientFactory(), provider=dr1, amount="30", by=ana, ago=40)
    RefundFactory(payment=refunded, amount="30", ago=20, by=ana)
    ledger.reverse(by=ana, payment=refunded, date=day(12), reason="Payment bounced")
    line = LineFactory(amount="50", by=ana, ago=30)
    deleted = PaymentFactory(
        patient=line.patient, provider=line.provider, by=ana, ago=9, on={line: "20"}
    )
    ledger.void(by=ana, payment=deleted, reason="Entered twice", unpay_lines=False)
    causes = [
        ("Bounced, still pays lines", bounced.number),
        ("Deleted, still pays lines", deleted.number),
        ("Paid back before it was undone", refunded.number),
    ]
    assert told(as_of(0), "cause", "receipt") == causes
    assert told(as_of(1), "cause", "receipt") == causes
    for which, number in (
        ("bounced", bounced.number),
        ("deleted", deleted.number),
        ("refunded", refunded.number),
    ):
        for ago in (0, 1):
            assert told(as_of(ago, f"&cause={which}"), "receipt") == [number]
    assert told(as_of(0, "&cause=reversed"), "receipt") == []


def test_the_cause_of_a_day_is_what_was_so_then(smith: Patient, dr1: Provider, ana: Any) -> None:
    """20.00 on a line and 10.00 paid back, then bounced; un-paid since, only the refund is left."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=50)
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount="30", by=ana, ago=40, on={line: "20"}
    )
    RefundFactory(payment=receipt, amount="10", ago=30, by=ana)
    ledger.reverse(
        by=ana, payment=receipt, date=day(20), reason="Payment bounced", unpay_lines=False
    )
    ledger.unpay(by=ana, payment=receipt, date=day(5), reason="It bounced")
    names = ("cause", "since", "on_lines", "negative_credit")
    bounced = [("Bounced, still pays lines", day(20), money(20), money(-30))]
    assert [told(as_of(ago), *names) for ago in (21, 20, 6)] == [[], bounced, bounced]
    assert told(as_of(5), *names) == [
        ("Paid back before it was undone", day(20), money(0), money(-10))
    ]


def test_by_entry_date_it_is_below_zero_from_the_day_that_was_typed(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    """Reversed 10 days ago by its date, and entered today."""
    receipt = left_paid(smith, dr1, ana)
    assert told(as_of(1), "receipt") == [receipt.number]
    assert told(as_of(1, "&by=entry"), "receipt") == []
    assert told(as_of(0, "&by=entry"), "receipt", "since") == [(receipt.number, day(10))]


def test_today_it_says_what_the_worklist_says(smith: Patient, dr1: Provider, ana: Any) -> None:
    left_paid(smith, dr1, ana)
    left_paid(PatientFactory(), dr1, ana, "Payment bounced")
    listed: Any = balances.negative_credit(day=day(0)).order_by("pk")
    then: Any = balances.negative_credit_as_of(balances.AsOf(day(1))).order_by("pk")
    said = [(each.pk, each.cause, each.since, each.unallocated) for each in listed]
    assert [(each.pk, each.cause, each.since, each.unallocated_then) for each in then] == said
    assert as_of(0).totals["negative_credit"] == sum(free for *_what, free in said)


def test_of_one_provider(smith: Patient, dr1: Provider, ana: Any) -> None:
    receipt = left_paid(smith, dr1, ana)
    left_paid(smith, ProviderFactory(name="Dr 2"), ana)
    assert len(told(as_of(0), "receipt")) == 2
    assert told(as_of(0, f"&provider={dr1.pk}"), "receipt") == [receipt.number]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"as_of": "2099-01-01"}, "The date is in the future."),
        ({"as_of": ""}, "Enter a day."),
        ({"by": "mood"}, "Choose one of the list."),
        ({"cause": "mood"}, "Choose one of the causes in the list."),
        ({"provider": "999999"}, "Choose one of the providers in the list."),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(
    client: Client, smith: Patient, dr1: Provider, ana: Any, query: dict[str, str], sentence: str
) -> None:
    receipt = left_paid(smith, dr1, ana)
    words = look(client, URL, query).words
    assert sentence in words
    assert receipt.number not in words


# --- On the screen -------------------------------------------------------------------------------


def test_the_screen_has_sums_by_cause_and_leads_on(
    client: Client, smith: Patient, dr1: Provider, ana: Any
) -> None:
    receipt = left_paid(smith, dr1, ana)
    page = look(client, URL)
    assert "Negative credit -20.00" in page.words
    assert "Reversed, still pays lines &middot; 1 payment" in page.words
    assert f'<a href="/payments/{receipt.number}/">' in page.html
    assert '<a href="/patients/P1042/account/">' in page.html


def test_nothing_below_zero_says_so(client: Client) -> None:
    assert "No receipt that was undone still paid a line." in look(client, URL).words


def test_nothing_of_one_cause_says_nothing_about_the_others(
    client: Client, smith: Patient, dr1: Provider, ana: Any
) -> None:
    left_paid(smith, dr1, ana)
    words = look(client, URL, {"cause": "bounced"}).words
    assert "No such negative credit Choose another day, or reset the filters." in words
    assert "still paid a line." not in words


def test_names_are_texts(client: Client, dr1: Provider, ana: Any) -> None:
    left_paid(PatientFactory(family_name=SCRIPT), dr1, ana)
    assert SCRIPT not in look(client, URL).html


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_the_address_it_answers(client: Client, odd: str) -> None:
    for name in ("as_of", "by", "cause", "provider"):
        assert look(client, URL, {name: odd}).response.status_code == 200


def test_it_costs_as_many_queries_with_many_rows(client: Client, dr1: Provider, ana: Any) -> None:
    costs_the_same(client, URL, lambda n: left_paid(PatientFactory(), dr1, ana))
