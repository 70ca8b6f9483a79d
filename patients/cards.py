"""Card numbers do not belong here: not into a note, a reference, a name, nowhere.

A clinic that keeps no card number is out of most of the payment card industry's rules, and nobody
can steal from it what it does not have. The card's last four digits are enough to find a payment.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError

from patients.luhn import luhn_digit

NO_CARD = (
    "This looks like a card number, which must not be kept here."
    " Use the last four digits, or the number on the slip."
)
# Groups of digits as they are embossed, with single signs between them.
DIGITS = re.compile(r"(?<![0-9])[0-9]{3,19}(?:[ .\-][0-9]{3,19})*(?![0-9])")
# The numbers that networks issue, by how they begin and how long they are. Not every number that
# passes Luhn's check: one in ten traces of a bank's transfer does.
ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2[2-7]\d{14}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3[0689]\d{12}"  # Diners Club
    r"|35\d{14}"  # JCB
    r"|(?:5[06-9]|6\d)\d{11,17}"  # Discover, UnionPay, Maestro, RuPay
)


def holds_card_number(text: str) -> bool:
    """Whether a card number stands somewhere in it, in one piece or in groups."""
    plain = unicodedata.normalize("NFKC", text)  # full-width digits, odd blanks
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", plain)
    return any(_is_card(re.sub(r"[ .\-]", "", found)) for found in DIGITS.findall(plain))


def _is_card(digits: str) -> bool:
    return bool(ISSUED.fullmatch(digits)) and luhn_digit(digits[:-1]) == digits[-1]


def no_card_number(text: str) -> None:
    """A field's validator."""
    if holds_card_number(text):
        raise ValidationError(NO_CARD, code="card")


# Numbers that others give out and that may look like anything.
NUMBERS_OF_OTHERS = frozenset({"member_id", "group_number", "phone", "payer_id", "npi", "tax_id"})


class NoCardNumbers:
    """Mixed into a form: refuses a card number in whatever text it would keep."""

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        form: Any = self
        for name, value in list(form.cleaned_data.items()):
            if (
                isinstance(value, str)
                and name not in NUMBERS_OF_OTHERS
                and holds_card_number(value)
            ):
                form.add_error(name, NO_CARD)
