"""What a remittance means beside what we know already."""

import datetime

import pytest

from billing.era import refusals
from billing.era.known import (
    KnownPayment,
    OpenBalance,
    collect,
    imported_before,
    key_of,
    made_out_to_us,
    numbers_in,
    payer_keys,
    prior_payer,
)
from billing.era.remittance import Party, Payment, ProviderAdjustment
from tests.era.files import constructed, one_transaction
from tests.era.sessions import money

JANUARY = datetime.date(2026, 1, 12)


def test_a_payer_is_known_by_who_sent_the_money_then_its_id_then_its_name() -> None:
    payment = one_transaction(constructed(1)).payment
    assert payer_keys(payment) == (
        ("originator", "1911234567"),
        ("id", "60054"),
        ("name", "EVERGREEN HEALTH PLAN"),
    )


def test_an_id_may_stand_beside_the_name() -> None:
    assert payer_keys(Payment(payer=Party("Acme", "XV", "87726"))) == (
        ("id", "87726"),
        ("name", "ACME"),
    )
    assert payer_keys(Payment()) == ()


@pytest.mark.parametrize("ours", [{"1999999984"}, {"931234567"}, set()])
def test_a_payment_made_out_to_us(ours: set[str]) -> None:
    assert made_out_to_us(one_transaction(constructed(1)).payment.payee, ours) is None


def test_a_payment_made_out_to_somebody_else() -> None:
    finding = made_out_to_us(one_transaction(constructed(1)).payment.payee, {"1111111111"})
    assert finding is not None
    assert finding.code == "W7"
    assert "made out to RIVERSIDE COUNSELING GROUP" in finding.text


def test_a_number_that_was_imported_before_is_refused() -> None:
    found = one_transaction(constructed(2))
    known = KnownPayment("IP-0057", JANUARY, "Ana", frozenset())
    assert imported_before(found, "EVERGREEN", []) is None
    finding = imported_before(found, "EVERGREEN", [known])
    assert finding == refusals.Finding(
        "E20", "Check EFT-5002 of EVERGREEN was imported on 01/12/2026 by Ana (payment IP-0057)."
    )


def test_a_notice_may_use_a_number_again_but_not_its_claims() -> None:
    found = one_transaction(constructed(3))
    others = KnownPayment("IP-0057", JANUARY, "Ana", frozenset())
    same = KnownPayment("IP-0058", JANUARY, "Ana", frozenset(map(key_of, found.claims)))
    assert imported_before(found, "EVERGREEN", [others]).code == "W10"  # type: ignore[union-attr]
    assert imported_before(found, "EVERGREEN", [others, same]).code == "E20"  # type: ignore[union-attr]


def test_the_secondary_counts_what_we_have_posted() -> None:
    (row,) = one_transaction(constructed(6)).rows
    assert prior_payer(row, money("149")) is None
    assert prior_payer(row, money("104")) == refusals.Finding(
        "W8", "The secondary counted $149.00 from the primary; we have $104.00 posted."
    )
    (primary,) = one_transaction(constructed(5)).rows
    assert prior_payer(primary, money("104")) is None  # it counts nothing


def forwarded(reference: str, amount: str) -> ProviderAdjustment:
    return ProviderAdjustment("FB", reference, money(amount), "", 1)


OPEN = [OpenBalance(1, "EFT-1", money("10")), OpenBalance(2, "EFT-2", money("20"))]


def test_a_forwarded_balance_is_closed_by_its_reference_then_by_age() -> None:
    assert collect(forwarded("eft-2", "25"), OPEN) == (((2, money("20")), (1, money("5"))), None)
    assert collect(forwarded("", "12"), OPEN) == (((1, money("10")), (2, money("2"))), None)


def test_more_collected_than_is_open() -> None:
    closed, finding = collect(forwarded("EFT-1", "45"), OPEN)
    assert closed == ((1, money("10")), (2, money("20")))
    assert finding is not None
    assert (finding.code, "$45.00" in finding.text, "$30.00 is open" in finding.text) == (
        "W9",
        True,
        True,
    )


def test_the_claims_a_recovery_may_name() -> None:
    recovery = one_transaction(constructed(4)).provider_adjustments[3]
    assert numbers_in(recovery.reference) == ("EV26-70100", "RC-0990")
    assert numbers_in(" 0 ") == ()


def test_the_same_file_again() -> None:
    finding = refusals.file_known(JANUARY, "era-0112.835")
    assert finding.code == "E21"
    assert finding.text == "This file was imported on 01/12/2026 as era-0112.835."
