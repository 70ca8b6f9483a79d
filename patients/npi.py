"""The National Provider Identifier: ten digits, of which the last proves the others."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

from patients.luhn import luhn_digit

# A card number of an American health provider would begin so; the check digit counts it in.
CARD_PREFIX = "80840"


def check_digit(nine: str) -> str:
    """The tenth digit of an NPI, by Luhn's formula over the prefix and the nine before it."""
    return luhn_digit(CARD_PREFIX + nine)


def check_npi(value: str) -> None:
    """Refuse what cannot be an NPI, so that a typing mistake does not go out on superbills."""
    if not re.fullmatch(r"\d{10}", value, re.ASCII):
        raise ValidationError("An NPI has ten digits.")
    if check_digit(value[:9]) != value[9]:
        raise ValidationError(
            "This is no NPI: its last digit does not fit the others. Type it anew."
        )
