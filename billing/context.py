"""What every template may use of billing: the navigation's counts, the keys of who is signed in."""

from typing import Any

from django.core.cache import caches
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing import balances
from billing.models import uses_letter_keys

KEPT_FOR = 60  # seconds


def nav_counts(request: HttpRequest) -> dict[str, Any]:
    """`nav_counts.insurance` and `nav_counts.credit`: how much waits on the two worklists.

    Worked out only where a page draws the navigation, and at most once a minute for everybody.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"nav_counts": SimpleLazyObject(_counts)}


def letter_keys(request: HttpRequest) -> dict[str, bool]:
    """`letter_keys`: whether letters in amount boxes are commands for the person signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"letter_keys": True}
    return {"letter_keys": uses_letter_keys(user)}


def _counts() -> dict[str, int]:
    found = caches["worker"].get_or_set(
        "billing.nav_counts", balances.waiting_counts, timeout=KEPT_FOR
    )
    return found or {}
