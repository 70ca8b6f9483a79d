"""Days as they are typed behind a command."""

from argparse import ArgumentTypeError
from datetime import date

from django.core.exceptions import ValidationError

from billing.forms.base import not_long_ago


def day(typed: str) -> date:
    """2025-11-18; not long before any day this clinic can mean."""
    try:
        found = date.fromisoformat(typed)
        not_long_ago(found)
    except ValidationError as error:
        raise ArgumentTypeError(error.messages[0]) from None
    except ValueError:
        raise ArgumentTypeError("a date like 2025-11-18") from None
    return found
