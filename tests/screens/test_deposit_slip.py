"""Deposit slip: what waits for the bank is ticked, counted and saved as one slip."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Deposit, DepositItem, Payment
from tests.factories import (
    InsurancePaymentFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day
from tests.screens.desk import Desk, key, seed2, text
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look

pytestmark = pytest.mark.django_db

URL = "/reports/deposit-slip/"


@pytest.fixture
def desk() -> Desk:
    """Mr Smith's receipt of 20.00 in cash waits for the bank."""
    return seed2()


def check(desk: Desk, amount: str = "30", **given: Any) -> Payment:
    given = {"patient": desk.smith, "provider": desk.dr1, "by": desk.ana, **given}
    return PaymentFactory(amount=amount, method="check", reference="1017", **given)


def form(*ticked: Payment, **given: Any) -> dict[str, Any]:
    return {
        "key": key(),
        "action": "save",
        "date": timezone.localdate().isoformat(),
        "payment": [str(each.pk) for each in ticked],
        **given,
    }


def refused(desk: Desk, fields: dict[str, Any], *sentences: str, url: str = URL) -> str:
    before = Deposit.objects.count()
    answer = desk.client.post(url, fields)
    assert answer.status_code == 200
    page = text(answer)
    assert "This deposit slip is not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    assert Deposit.objects.count() == before
    return page


def listed(desk: Desk, **query: str) -> str:
    return look(desk.client, URL, query).table


# --- What waits ----------------------------------------------------------------------------------


def test_cash_and_checks_wait_and_all_of_them_are_ticked(desk: Desk) -> None:
    check(desk)
    InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver Health"), amount="200")
    page = look(desk.client, URL)
    assert "3 payments, $250.00 : Cash $20.00 (1), Check $230.00 (2)" in page.words
    assert page.html.count(" checked>") == 3
    assert 'aria-label="Deposit R-0001 Smith, John 20.00"' in page.html
    assert "BlueRiver Health" in page.table
    assert "1017" in page.table


def test_cards_and_eft_reach_the_bank_by_themselves_and_can_be_chosen(desk: Desk) -> None:
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="11", method="card")
    InsurancePaymentFactory(payer=PayerFactory(), amount="12", method="eft")
    assert "11.00" not in listed(desk)
    assert "12.00" not in listed(desk)
    assert "11.00" in listed(desk, method="card")
    assert "12.00" not in listed(desk, method="card")
    assert all(each in listed(desk, method="all") for each in ("20.00", "11.00", "12.00"))


def test_only_the_days_asked_for_are_listed(desk: Desk) -> None:
    old, new = check(desk, "31", ago=40), check(desk, "32", ago=2)
    assert str(new.number) not in listed(desk, to=day(10).isoformat())
    assert str(old.number) in listed(desk, to=day(10).isoformat())
    assert str(old.number) not in listed(desk, **{"from": day(10).isoformat()})


def test_what_is_on_a_slip_waits_no_more_and_its_reversal_does(desk: Desk) -> None:
    ledger.deposit(by=desk.ana, payments=[desk.receipt], date=day(1))
    assert "Nothing waits for the bank" in text(desk.client.get(URL))
    desk.reverse(unpay=True)
    assert "R-0001 Reversed payment Smith, John Cash - -20.00" in listed(desk)
    assert "1 payment, -$20.00" in look(desk.client, URL).words


def test_a_refund_goes_on_the_next_slip_as_a_negative(desk: Desk) -> None:
    full = check(desk, "50")
    ledger.deposit(by=desk.ana, payments=[desk.receipt, full], date=day(1))
    RefundFactory(payment=full, amount="10")
    assert f"{full.number} Refund Smith, John Cash - -10.00" in listed(desk)


def test_a_refund_that_did_not_happen_goes_with_its_undoing_or_after_it(desk: Desk) -> None:
    full = check(desk, "50")
    back = RefundFactory(payment=full, amount="10", ago=3)
    ledger.reverse(by=desk.ana, payment=back, date=day(2), reason="Never fetched")
    assert "10.00" not in listed(desk)
    assert "Refund" in listed(desk, to=day(3).isoformat())  # on that day it still stood


def test_what_was_undone_before_it_reached_the_bank_never_goes_there(desk: Desk) -> None:
    deleted, bounced = check(desk, "41"), check(desk, "42", ago=5)
    ledger.void(by=desk.ana, payment=deleted, reason="Typing error")
    ledger.reverse(by=desk.ana, payment=bounced, date=day(2), reason="Wrong amount")
    assert listed(desk).count("R-") == 1
    # As of the third day back nobody knew yet.
    assert "42.00" in listed(desk, to=day(3).isoformat())
    assert "41.00" not in listed(desk, to=day(3).isoformat())


def test_transfers_and_answers_without_money_are_no_money_for_the_bank(desk: Desk) -> None:
    full = check(desk, "50")
    InsurancePaymentFactory(payer=PayerFactory(), amount="0")
    TransferFactory(payment=full, amount="10", provider=PaymentFactory().provider)
    found = listed(desk, method="all")
    assert "Transfer" not in found
    assert "0.00 " not in found.replace("20.00 ", "").replace("50.00 ", "")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"to": "9999-12-31"}, "The date is in the future."),
        ({"to": "0001-01-01"}, "The date is too long ago. Check the year."),
        ({"to": "２０２５-01-01"}, "Enter a date like 2025-11-18."),
        ({"from": "2025-02-30"}, "Enter a date like 2025-11-18."),
        ({"from": "2025-03-01", "to": "2025-02-01"}, "To is before From."),
        ({"method": "gold"}, "Choose one of the methods in the list."),
    ],
)
def test_filters_that_mean_nothing_are_refused(
    desk: Desk, asked: dict[str, str], sentence: str
) -> None:
    page = text(desk.client.get(URL, asked))
    assert "These filters cannot be used." in page
    assert sentence in page
    assert 'id="slip"' not in page


def test_odd_filters_never_break(desk: Desk) -> None:
    for odd in ODD:
        for name in ("from", "to", "method"):
            assert desk.client.get(URL, {name: odd}).status_code == 200
            assert desk.client.post(URL, {"payment": odd, "key": odd, "action": "save"})


def test_it_costs_the_same_at_any_size(desk: Desk) -> None:
    costs_the_same(desk.client, URL, lambda _n: check(desk, patient=PatientFactory()))
    assert len(look(desk.client, URL).queries) <= 12


def test_names_are_escaped(desk: Desk) -> None:
    check(desk, patient=PatientFactory(family_name=SCRIPT))
    assert SCRIPT not in desk.client.get(URL).content.decode()


# --- Ticking -------------------------------------------------------------------------------------


def test_what_is_ticked_is_counted_by_the_server(desk: Desk) -> None:
    other = check(desk)
    headers = {"HX-Request": "true", "HX-Target": "ticked"}
    part = text(desk.client.post(URL, form(other, action=""), headers=headers))
    assert part.startswith('<div class="marked num" id="ticked">')
    assert "1 payment, $30.00" in part
    assert "Cash" not in part
    page = text(desk.client.post(URL, form(action="recalculate")))  # without JavaScript
    assert "0 payments, $0.00" in page
    assert " checked>" not in page
    assert text(desk.client.post(URL, form(action="", fill="all"))).count(" checked>") == 2
    assert " checked>" not in text(desk.client.post(URL, form(other, action="", fill="none")))
    assert Deposit.objects.count() == 0


# --- Saving --------------------------------------------------------------------------------------


def test_the_ticked_ones_are_saved_as_a_slip(desk: Desk) -> None:
    other = check(desk)
    answer = desk.client.post(URL, form(desk.receipt, counted="1 payment, $20.00"))
    assert answer["Location"] == "/deposits/D-0001/"
    slip = Deposit.objects.get()
    assert (slip.created_by, slip.date) == (desk.ana, timezone.localdate())
    assert [item.payment for item in slip.items.all()] == [desk.receipt]
    assert (
        "Deposit slip D-0001 saved. 1 payment, $20.00."
        in look(desk.client, "/deposits/D-0001/").words
    )
    assert str(other.number) in listed(desk)


def test_a_second_click_leads_to_the_slip_of_the_first(desk: Desk) -> None:
    fields = form(desk.receipt, counted="1 payment, $20.00")
    for _ in range(2):
        assert desk.client.post(URL, fields)["Location"] == "/deposits/D-0001/"
    assert DepositItem.objects.count() == 1


def test_nothing_is_saved_that_was_not_counted_on_the_screen(desk: Desk) -> None:
    page = refused(
        desk,
        form(desk.receipt, counted="2 payments, $50.00"),
        "1 payment, $20.00 in all goes to the bank. If that is right, save again.",
    )
    assert 'name="counted" value="1 payment, $20.00"' in page
    assert " checked>" in page


def test_each_answer_that_is_missing_is_named(desk: Desk) -> None:
    good = {"counted": "1 payment, $20.00"}
    refused(desk, form(**good), "Tick what goes to the bank.")
    refused(desk, form(desk.receipt, key="x", **good), "too old to be saved")
    refused(desk, form(desk.receipt, date="", **good), "This field is required.")
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    refused(desk, form(desk.receipt, date=tomorrow, **good), "The date is in the future.")
    refused(
        desk,
        form(desk.receipt, date=day(21).isoformat(), **good),
        f"R-0001 is of {desk.receipt.date:%d %b %Y}, after the date of the slip.",
    )
    desk.close(day(2))
    refused(
        desk,
        form(desk.receipt, date=day(2).isoformat(), **good),
        f"The date is in a closed period (up to {day(2):%d %b %Y}).",
    )


def test_what_went_to_the_bank_meanwhile_is_refused(desk: Desk) -> None:
    other = check(desk)
    ledger.deposit(by=desk.ana, payments=[other], date=day(0))
    refused(
        desk,
        form(desk.receipt, other, counted="2 payments, $50.00"),
        "Some of the ticked payments do not wait for the bank any more. Check the rest.",
    )


def test_a_payment_that_is_not_listed_is_not_slipped_in(desk: Desk) -> None:
    card = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="11", method="card")
    refused(
        desk,
        form(desk.receipt, card, counted="2 payments, $31.00"),
        "Some of the ticked payments do not wait for the bank any more.",
    )
