"""Unallocated money by cause and age: why each receipt waits, and the one button that deals with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from billing import balances, ledger
from billing.models import InvoiceLine, Payment
from billing.sharing import OffsetEntry
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in
from tests.screens.small_clinic import small_clinic

pytestmark = pytest.mark.django_db
URL = "/payments/unallocated/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def causes() -> dict[str | None, str]:
    """Number -> cause of everything on the worklist."""
    found = balances.unallocated_money(day=day(0))
    return {each.number: each.cause for each in found}  # type: ignore[attr-defined]


def only_cause() -> str:
    [cause] = causes().values()
    return cause


def credit_beside(line: InvoiceLine, amount: str = "30", **more: Any) -> Payment:
    return PaymentFactory(patient=line.patient, provider=line.provider, amount=amount, **more)


def received(payer: Any, amount: str, offset: str, **more: Any) -> Payment:
    payment = ledger.record_payment(
        by=UserFactory(),
        payer=payer,
        amount=money(amount),
        method="eft",
        reference="E-1",
        date=day(1),
        entries=[],
        offsets=[OffsetEntry("WO", money(offset), "ICN1")],
        **more,
    ).payment
    assert payment
    return payment


# --- An insurer's money --------------------------------------------------------------------------


def test_nothing_of_an_insurers_payment_is_on_a_line(client: Client) -> None:
    InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver Health"), reference="104477", ago=12)
    assert only_cause() == "untyped"
    page = look(client, URL)
    said = "Insurer&#x27;s payment not shared out None of it is on a line."
    assert f"12 days BlueRiver Health Insurer, check IP-0001 104477 {said}" in page.words
    assert re.search(r'href="/insurance-payments/IP-0001/">Allocate', page.html)


def test_the_rest_of_an_insurers_payment() -> None:
    InsurancePaymentFactory(amount="80", on={LineFactory(): "50"})
    assert only_cause() == "rest"


def test_over_allocated_says_the_reason_that_was_typed(client: Client) -> None:
    InsurancePaymentFactory(
        amount="10", on={LineFactory(): "40"}, over_allocation_reason="As on the EOB"
    )
    assert only_cause() == "over"
    page = look(client, URL)
    assert "Over-allocated As on the EOB" in page.words
    assert re.search(r'href="/insurance-payments/IP-0001/">Fix', page.html)


def test_money_an_insurer_took_back_by_an_offset_and_no_line_gave_back(client: Client) -> None:
    received(PayerFactory(), "0", "-25", over_allocation_reason="Lines follow")
    assert only_cause() == "takeback"
    assert "the lines it is for still hold it" in look(client, URL).words


def test_what_an_insurer_kept_without_a_line_for_it(client: Client) -> None:
    received(PayerFactory(), "50", "40")
    assert only_cause() == "offset"
    assert "40.00 was kept for something no line says." in look(client, URL).words


def test_what_a_takeback_set_free() -> None:
    first = InsurancePaymentFactory(amount="100", on={(line := LineFactory()): "100"})
    InsurancePaymentFactory(payer=first.payer, amount="0", on={line: "-60"})
    assert causes() == {"IP-0002": "taken-back"}


def test_a_claim_without_a_session_leads_to_finding_it(client: Client) -> None:
    clinic = small_clinic()
    payment, row = clinic.posted.payment, clinic.posted.rows.exclude(allocation=0).first()
    assert payment
    assert row
    assert causes()[payment.number] == "unmatched"
    page = look(clinic.client, URL, {"cause": "unmatched"})
    assert f'href="/insurance-payments/unmatched/{row.pk}/">Find session' in page.html


# --- A patient's money ---------------------------------------------------------------------------


def test_credit_while_the_patient_owes_that_provider(client: Client) -> None:
    receipt = credit_beside(LineFactory())
    assert only_cause() == "payable"
    assert receipt.patient
    url = f"/patients/{receipt.patient.chart_number}/credit/?provider={receipt.provider_id}"
    assert f'href="{url}">Allocate' in look(client, URL).html


def test_credit_while_the_patient_owes_somebody_else(client: Client) -> None:
    line = LineFactory()
    PaymentFactory(patient=line.patient, provider=ProviderFactory())
    assert only_cause() == "elsewhere"
    assert 'href="/payments/R-0001/transfer/">Transfer' in look(client, URL).html


def test_credit_before_the_insurer_answered(client: Client) -> None:
    receipt = credit_beside(LineFactory(owed_by=PayerFactory()))
    assert only_cause() == "ahead"
    assert receipt.patient
    account = f"/patients/{receipt.patient.chart_number}/account/"
    assert f'href="{account}">Review' in look(client, URL).html


def test_credit_while_nothing_is_owed(client: Client) -> None:
    PaymentFactory()
    assert only_cause() == "prepaid"
    assert 'href="/payments/R-0001/refund/">Refund' in look(client, URL).html


def test_credit_an_insurers_payment_released(client: Client) -> None:
    line = LineFactory(amount="100")
    credit_beside(line, "20", on={line: "20"})
    InsurancePaymentFactory(amount="85", on={line: ("85", "15")})
    assert causes() == {"R-0001": "released"}
    assert "Released, the insurer paid Nothing is owed." in look(client, URL).words


def test_credit_a_voided_line_set_free() -> None:
    line = LineFactory(amount="50")
    credit_beside(line, "20", on={line: "20"})
    line.refresh_from_db()
    ledger.void_line(by=UserFactory(), line=line, date=day(0), reason="Entered twice")
    assert only_cause() == "voided"


def test_credit_that_was_unpaid_and_what_it_could_pay(client: Client) -> None:
    line = LineFactory(amount="50")
    receipt = credit_beside(line, "20", on={line: "20"})
    ledger.unpay(by=UserFactory(), payment=receipt, date=day(0), reason="Wrong line")
    assert only_cause() == "unpaid"
    assert "Un-paid later The patient owes this provider." in look(client, URL).words


def test_money_put_on_a_line_after_it_came_off_one_was_not_just_unpaid() -> None:
    line = LineFactory(amount="50")
    receipt = credit_beside(line, "20", on={line: "20"})
    ledger.unpay(by=UserFactory(), payment=receipt, date=day(0), reason="Wrong line")
    AllocationFactory(payment=receipt, line=line, amount="5", ago=0)
    assert only_cause() == "payable"


def test_what_a_reversed_receipt_still_pays_is_negative_credit_not_this() -> None:
    line = LineFactory(amount="50")
    receipt = credit_beside(line, "20", on={line: "20"})
    ledger.reverse(
        by=UserFactory(), payment=receipt, date=day(0), reason="Bounced", unpay_lines=False
    )
    assert causes() == {}


# --- Sums, filters, order ------------------------------------------------------------------------


def test_the_sums_by_cause_and_age_add_up() -> None:
    for ago, amount in ((0, "1"), (30, "2"), (31, "4"), (60, "8"), (61, "16"), (90, "32")):
        PaymentFactory(ago=ago, amount=amount)
    PaymentFactory(ago=91, amount="64")
    InsurancePaymentFactory(ago=91, amount="128")
    sums = balances.by_cause(balances.unallocated_money(day=day(0)), balances.Cause)
    assert [
        (row.cause, row.total.count, [int(each.total) for _band, each in row.ages])
        for row in sums.rows
    ] == [("untyped", 1, [0, 0, 0, 128]), ("prepaid", 7, [3, 12, 48, 64])]
    assert (sums.total.total.count, sums.total.total.total) == (8, 255)
    assert sums.narrowed("prepaid", "31-60") == balances.Counted(2, money(12))


def numbers(client: Client, **query: Any) -> list[str]:
    html = look(client, URL, query).html
    return re.findall(r'<a href="[^"]*">((?:R|IP|T)-\d+)<', html)


def test_filters_narrow_and_the_sums_keep_every_cause(client: Client) -> None:
    old = PaymentFactory(ago=100)
    new = PaymentFactory(ago=3)
    check = InsurancePaymentFactory(ago=5)
    assert numbers(client) == [old.number, check.number, new.number]
    assert numbers(client, cause="prepaid") == [old.number, new.number]
    assert numbers(client, age="over-90") == [old.number]
    assert numbers(client, payer=check.payer_id) == [check.number]
    assert numbers(client, provider=new.provider_id) == [new.number]
    page = look(client, URL, {"cause": "prepaid", "age": "0-30"})
    assert "1 payment, unallocated $20.00 ." in page.words
    assert "Together 3" in page.words
    assert 'href="?cause=untyped"' in page.html
    assert "No payments match" in look(client, URL, {"cause": "voided"}).words


def test_every_column_sorts(client: Client) -> None:
    first, second = PaymentFactory(ago=9, amount="9"), PaymentFactory(ago=3, amount="30")
    for column in ("date", "received_from", "number", "why", "amount", "unallocated"):
        for sort in (column, f"-{column}"):
            assert set(numbers(client, sort=sort)) == {first.number, second.number}
    assert numbers(client, sort="-amount") == [second.number, first.number]


def test_nothing_waits(client: Client) -> None:
    assert "Every payment is allocated" in look(client, URL).words


def test_the_part_lies_unchanged_in_the_page(client: Client) -> None:
    PaymentFactory()
    alone = part(client, URL)
    assert alone.html.startswith('<div id="unallocated" data-list>')
    assert alone.html in look(client, URL).html


# --- House rules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ODD)
@pytest.mark.parametrize("key", ["cause", "age", "payer", "provider", "sort", "page"])
def test_it_takes_garbage_calmly(client: Client, key: str, typed: str) -> None:
    PaymentFactory()
    assert look(client, URL, {key: typed}).response.status_code == 200


def test_a_filter_that_cannot_be_used_says_so(client: Client) -> None:
    PaymentFactory()
    page = look(client, URL, {"cause": "bitcoin"})
    assert page.words.count("Choose one of the causes in the list.") == 2
    assert page.table == ""


def test_what_people_typed_is_text(client: Client) -> None:
    PaymentFactory(patient=PatientFactory(family_name=SCRIPT))
    InsurancePaymentFactory(
        reference="<b>x</b>", amount="1", on={LineFactory(): "4"}, over_allocation_reason=SCRIPT
    )
    page = look(client, URL)
    assert SCRIPT not in page.html
    assert "<b>x</b>" not in page.html


def _one_of_each(number: int) -> None:
    InsurancePaymentFactory()
    credit_beside(LineFactory())


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, _one_of_each)
    assert len(look(client, URL).queries) <= 12


def test_it_is_not_posted_to(client: Client) -> None:
    assert client.post(URL).status_code == 405
