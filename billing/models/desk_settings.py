"""What each person set for themselves."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class DeskSettings(models.Model):
    """How one person likes to work. Whoever changed nothing has no row.

    It comes with the person signed in, in the same query (config/auth.py).
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="desk_settings"
    )
    letter_keys = models.BooleanField(
        default=True, help_text="Whether letters are commands in amount boxes (P, O, W, D, R, U)."
    )

    class Meta:
        verbose_name_plural = "desk settings"

    def __str__(self) -> str:
        return f"Settings of {self.user}"


def uses_letter_keys(user: Any) -> bool:
    """Whether letters in amount boxes are commands for this person: yes, until they say no."""
    own = getattr(user, "desk_settings", None)
    return own is None or own.letter_keys
