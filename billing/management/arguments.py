"""What commands are told, read as the screens read it."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date

from django.core.exceptions import ValidationError

from billing.forms.base import not_long_ago


def a_day(typed: str) -> date:
    """A day like 2025-11-18; a type for argparse."""
    try:
        day = date.fromisoformat(typed)
        not_long_ago(day)
    except ValidationError as error:
        raise ArgumentTypeError(error.messages[0]) from None
    except ValueError:
        raise ArgumentTypeError("a date like 2025-11-18") from None
    return day
