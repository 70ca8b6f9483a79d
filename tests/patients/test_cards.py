"""Card numbers are known in whatever way they are written, and other numbers are let pass."""

from __future__ import annotations

import pytest

from patients.cards import holds_card_number

# The numbers that networks and processors publish for tests.
CARDS = [
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "4242 4242 4242 4242",
    "4000-0566-5566-5556",
    "4917610000000000003",
    "5555555555554444",
    "5105 1051 0510 5100",
    "5200828282828210",
    "2223003122003222",
    "2720-9900-0000-0007",
    "378282246310005",
    "3714 496353 98431",
    "378734493671000",
    "30569309025904",
    "3852 000002 3237",
    "36227206271667",
    "3530111333300000",
    "3566002020360505",
    "6011111111111117",
    "6011.0009.9013.9424",
    "6200000000000005",
    "6759649826438453",
    "４１１１ １１１１ １１１１ １１１１",
    "4111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111",
    "4111\N{EN DASH}1111\N{EN DASH}1111\N{EN DASH}1111",
]
# What stands in a billing office's texts all day.
OTHERS = [
    "",
    "Because",
    "4111111111111112",  # its check digit is wrong
    "1042",
    "R-2207",
    "+1 (555) 010-4477",
    "555-010-4477 555-010-4478",
    "2025-11-18 2025-11-19",
    "091000019234569",  # a bank's trace
    "021000021000018",
    "1234567812345670",  # passes Luhn's check, but nobody issues it
    "00000000000000000",
    "4111111111111111" * 3,  # longer than any card
    "CHK100234",
    "F41.1 M54.50",
    "NPI 1234567893",
]


@pytest.mark.parametrize("card", CARDS)
def test_a_card_number_is_known(card: str) -> None:
    assert holds_card_number(card)
    assert holds_card_number(f"Paid with {card}, exp. 12/27")


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_pass(text: str) -> None:
    assert not holds_card_number(text)


def test_there_are_twenty_at_least() -> None:
    assert len(CARDS) >= 20
