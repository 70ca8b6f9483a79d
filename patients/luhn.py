"""The check digit that cards and NPIs share (ISO/IEC 7812-1, annex B)."""

from __future__ import annotations

DOUBLED = "0246813579"  # the sum of the digits of twice a digit


def luhn_digit(digits: str) -> str:
    """The digit to come after these, which proves them."""
    backwards = digits[::-1]
    total = sum(int(DOUBLED[int(each)]) for each in backwards[::2]) + sum(map(int, backwards[1::2]))
    return str(-total % 10)
