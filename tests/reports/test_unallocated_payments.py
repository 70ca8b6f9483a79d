"""Unallocated payments as of any day: since when, whose, how much, and today why."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from billing import ledger
from billing.balances import AsOf, standing_as_of
from billing.models import Payment
from billing.reports.paper import as_pdf
from patients.models import Patient, Provider
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, told
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "unallocated-payments"
URL = f"/reports/{SLUG}/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def as_of(ago: int, more: str = "") -> Any:
    return ask(SLUG, f"as_of={day(ago)}{more}")


def found(ago: int, more: str = "") -> list[tuple[str, str]]:
    return [
        (number, str(free)) for number, free in told(as_of(ago, more), "receipt", "unallocated")
    ]


@pytest.fixture
def receipt(smith: Patient, dr1: Provider, ana: Any) -> Payment:
    """A receipt of 60.00 of 50 days ago; 20.00 of it were put on a line 20 days ago."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=55)
    receipt: Payment = PaymentFactory(patient=smith, provider=dr1, amount="60", by=ana, ago=50)
    AllocationFactory(payment=receipt, line=line, amount="20", by=ana, ago=20)
    return receipt


# --- Its figures ---------------------------------------------------------------------------------


def test_what_was_on_no_line_on_each_day(receipt: Payment) -> None:
    assert found(51) == []
    assert found(50) == [(receipt.number, "60.00")]
    assert found(21) == [(receipt.number, "60.00")]
    assert found(20) == [(receipt.number, "40.00")]
    assert found(0) == [(receipt.number, "40.00")]


def test_its_age_is_that_of_the_day(receipt: Payment) -> None:
    ages = [told(as_of(ago), "days", "age_band") for ago in (50, 20, 19, 0)]
    assert ages == [
        [(0, "0-30 days")],
        [(30, "0-30 days")],
        [(31, "31-60 days")],
        [(50, "31-60 days")],
    ]


def test_todays_correction_changes_no_day_before(receipt: Payment, ana: Any) -> None:
    before = found(10)
    RefundFactory(payment=receipt, amount="40", by=ana)
    assert found(0) == []
    assert found(10) == before == [(receipt.number, "40.00")]


def test_by_entry_date_a_row_counts_from_the_day_it_was_typed(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    """Received 20 days ago by its date, but entered only 5 days ago."""
    noon = timezone.localtime() - datetime.timedelta(days=5)
    with time_machine.travel(noon, tick=False):
        receipt = PaymentFactory(patient=smith, provider=dr1, amount="60", by=ana, ago=15)
    assert receipt.date == day(20)
    assert found(10) == [(receipt.number, "60.00")]
    assert found(10, "&by=entry") == []
    assert found(6, "&by=entry") == []
    assert found(5, "&by=entry") == [(receipt.number, "60.00")]
    assert found(0, "&by=entry") == [(receipt.number, "60.00")]


def test_today_it_says_why_and_of_a_past_day_it_does_not(receipt: Payment) -> None:
    assert told(as_of(0), "cause") == ["Could pay what the patient owes"]
    assert told(as_of(1), "cause") == [""]
    assert "cause" in [column.name for column in as_of(0).on_screen]
    assert "cause" not in [column.name for column in as_of(1).on_screen]
    assert "cause" in [column.name for column in as_of(1).in_files]


def test_an_insurers_over_allocated_check_is_below_zero(ana: Any) -> None:
    line = LineFactory(amount="100", by=ana, ago=30)
    check = InsurancePaymentFactory(
        payer=PayerFactory(name="BlueRiver Health"),
        amount="80",
        by=ana,
        ago=8,
        on={line: "100"},
        over_allocation_reason="The rest comes by check",
    )
    for ago in (8, 0):
        assert told(as_of(ago), "holder", "receipt", "received_from", "unallocated") == [
            ("BlueRiver Health", check.number, "BlueRiver Health", money(-20))
        ]


def test_a_transfer_is_credit_of_the_account_it_was_moved_to(receipt: Payment, ana: Any) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    TransferFactory(payment=receipt, amount="15", provider=dr2, ago=4, by=ana)
    assert told(as_of(0), "holder", "method", "unallocated") == [
        ("Dr 2", "Transfer in", money(15)),
        ("Dr 1", "Cash", money(25)),
    ]
    assert told(as_of(5), "holder", "unallocated") == [("Dr 1", money(40))]


@pytest.mark.parametrize("ago", [60, 30, 10, 3, 0])
@pytest.mark.parametrize("by", ["accounting", "entry"])
def test_with_negative_credit_it_is_the_unallocated_credit_of_the_books(
    receipt: Payment, ana: Any, ago: int, by: str
) -> None:
    line = LineFactory(amount="50", by=ana, ago=40)
    undone = PaymentFactory(
        patient=line.patient, provider=line.provider, amount="30", by=ana, ago=35, on={line: "30"}
    )
    ledger.reverse(by=ana, payment=undone, date=day(9), reason="Payment bounced", unpay_lines=False)
    InsurancePaymentFactory(amount="200", by=ana, on={})
    report = as_of(ago, f"&by={by}")
    negative = ask("negative-credit", f"as_of={day(ago)}&by={by}").totals["negative_credit"]
    books = standing_as_of(AsOf(day(ago), by)).unallocated
    assert report.totals["unallocated"] + negative == books
    assert report.figures(report.totals)[-1].amount == books
    check = report.check(report.totals)
    assert check
    assert check.holds
    if by == "accounting" and ago < 9:
        assert negative == money(-30)


def test_filters(receipt: Payment, dr1: Provider, ana: Any) -> None:
    payer = PayerFactory(name="BlueRiver Health")
    check = InsurancePaymentFactory(payer=payer, amount="200", by=ana)
    other = PaymentFactory(amount="5", by=ana)
    assert {number for number, _free in found(0)} == {receipt.number, check.number, other.number}
    assert found(0, f"&provider={dr1.pk}") == [(receipt.number, "40.00")]
    assert found(0, f"&payer={payer.pk}") == [(check.number, "200.00")]
    assert found(1, f"&payer={payer.pk}") == [(check.number, "200.00")]
    assert as_of(0, f"&payer={payer.pk}").check(as_of(0).totals) is None


def test_field_2_9_each_month_end_says_what_it_said(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    """An invoice of 50.00, a payment of 20.00, allocated a month later and un-paid in the third."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=90)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", by=ana, ago=80)
    month_ends = {70: [(receipt.number, "20.00")], 50: [], 20: [(receipt.number, "20.00")]}
    assert found(70) == month_ends[70]
    AllocationFactory(payment=receipt, line=line, amount="20", by=ana, ago=60)
    assert [found(ago) for ago in (70, 50)] == [month_ends[70], month_ends[50]]
    ledger.unpay(by=ana, payment=receipt, date=day(30), reason="Wrong line")
    assert {ago: found(ago) for ago in month_ends} == month_ends


def test_of_patients_or_of_insurers(receipt: Payment, ana: Any) -> None:
    check = InsurancePaymentFactory(amount="200", by=ana, ago=9)
    for ago in (0, 1):
        assert found(ago, "&received_from=patients") == [(receipt.number, "40.00")]
        assert found(ago, "&received_from=insurers") == [(check.number, "200.00")]
    part = as_of(0, "&received_from=insurers")
    assert part.check(part.totals) is None  # of a part there is nothing to be checked against


def test_of_part_of_the_receipts_it_claims_nothing_about_the_rest(
    client: Client, receipt: Payment
) -> None:
    of_insurers = look(client, URL, {"received_from": "insurers"}).words
    assert "Nothing of these was unallocated Choose another day" in of_insurers
    assert "to the cent" not in of_insurers
    assert "to the cent" in look(client, URL, {"as_of": day(51).isoformat()}).words


def test_the_panel_has_every_age_and_the_total_of_the_rows(receipt: Payment, ana: Any) -> None:
    line = LineFactory(amount="100", by=ana, ago=30)
    over = {"on": {line: "100"}, "over_allocation_reason": "The rest comes by check"}
    InsurancePaymentFactory(amount="80", by=ana, ago=8, **over)
    report = as_of(0)
    [panel] = report.panels()
    assert panel.rows == [
        ("0-30 days", (money(-20),)),
        ("31-60 days", (money(40),)),
        ("61-90 days", (money(0),)),
        ("Over 90", (money(0),)),
    ]
    assert panel.total == ("Total", (report.totals["unallocated"],))
    assert [line.share for line in panel.lines] == [50, 100, 0, 0]
    assert as_of(51).panels() == []


def test_a_past_day_can_be_asked_for_its_causes_alone(receipt: Payment) -> None:
    """The column is empty, and there: on the screen, in the file, on paper."""
    report = as_of(1, "&columns=cause")
    assert [column.name for column in report.on_screen] == ["cause"]
    assert as_pdf(report).startswith(b"%PDF")
    assert signed_in().get(f"{URL}?as_of={day(1)}&columns=cause").status_code == 200


# --- On the screen -------------------------------------------------------------------------------


def test_sums_by_age_or_by_provider_and_payer(client: Client, receipt: Payment, ana: Any) -> None:
    check = InsurancePaymentFactory(
        payer=PayerFactory(name="BlueRiver Health"), amount="200", by=ana, ago=3
    )
    by_age = look(client, URL).words
    assert "0-30 days &middot; 1 payment" in by_age
    assert "31-60 days &middot; 1 payment" in by_age
    by_holder = look(client, URL, {"group": "holder"}).words
    assert "BlueRiver Health &middot; 1 payment" in by_holder
    assert "Dr 1 &middot; 1 payment" in by_holder
    assert by_holder.index(str(check.number)) < by_holder.index(str(receipt.number))


def test_a_past_day_in_words_and_its_link(client: Client, receipt: Payment) -> None:
    page = look(client, URL, {"as_of": day(30).isoformat(), "by": "entry"})
    assert f"As of {day(30):%d %b %Y}, by entry date" in page.words
    page = look(client, URL, {"as_of": day(30).isoformat()})
    assert f'<a href="/payments/{receipt.number}/">' in page.html
    assert "Unallocated credit = ledger" in page.words
    assert as_of(30, "&by=entry").file_stem == f"unallocated-payments-{day(30)}-by-entry"


def test_names_are_texts(client: Client, dr1: Provider) -> None:
    PaymentFactory(patient=PatientFactory(family_name=SCRIPT), provider=dr1)
    assert SCRIPT not in look(client, URL).html


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"as_of": "2099-01-01"}, "The date is in the future."),
        ({"as_of": "0001-01-01"}, "The date is too long ago. Check the year."),
        ({"as_of": ""}, "Enter a day."),
        ({"by": "mood"}, "Choose one of the list."),
        ({"group": "mood"}, "Choose one of the list."),
        ({"received_from": "mood"}, "Choose one of the patients and insurers in the list."),
        ({"payer": "999999"}, "Choose one of the payers in the list."),
    ],
)
def test_what_cannot_be_meant_gets_a_sentence(
    client: Client, receipt: Payment, query: dict[str, str], sentence: str
) -> None:
    page = look(client, URL, query)
    assert sentence in page.words
    assert receipt.number not in page.words


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_the_address_it_answers(client: Client, odd: str) -> None:
    for name in ("as_of", "by", "group", "received_from", "provider", "payer"):
        assert look(client, URL, {name: odd}).response.status_code == 200


@pytest.mark.parametrize("ago", [0, 1])
def test_it_costs_as_many_queries_with_many_rows(
    client: Client, smith: Patient, dr1: Provider, ago: int
) -> None:
    costs_the_same(
        client,
        f"{URL}?as_of={day(ago)}",
        lambda n: PaymentFactory(patient=smith, provider=dr1, ago=2 + n),
    )
