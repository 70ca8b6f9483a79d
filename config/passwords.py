"""Passwords that everybody who knows this clinic would try first."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError

from billing.models import clinic_name

# Beside the words of the clinic's own name.
HOUSE_WORDS = (
    "remit", "clinic", "billing", "patient", "payment", "insurance", "invoice", "doctor",
    "provider", "frontdesk", "reception", "password", "passwort", "welcome", "admin", "login",
)  # fmt: skip
FEW = 8  # letters that have to be left


class NoHouseWords:
    """Refuses what is little more than words of this house: BillingClinic2025."""

    def validate(self, password: str, user: Any = None) -> None:
        left = re.sub(r"[^a-z]", "", password.casefold())
        # Longest first, or "remit" would leave half of a longer word.
        for word in sorted(self.words(), key=len, reverse=True):
            left = left.replace(word, "")
        if len(left) < FEW and left != re.sub(r"[^a-z]", "", password.casefold()):
            raise ValidationError(
                "The password is little more than words that everybody here would try. Use others.",
                code="house_words",
            )

    def words(self) -> set[str]:
        own = re.findall(r"[a-z]{4,}", clinic_name().casefold())
        return {*HOUSE_WORDS, *own}

    def get_help_text(self) -> str:
        return "Not the name of the clinic, nor of what is done here."
