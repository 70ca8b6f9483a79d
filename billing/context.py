"""What every template may use of billing: the navigation's counts, the keys of who is signed in."""

from typing import Any

from django.contrib.messages import get_messages
from django.core.cache import caches
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing import balances
from billing.models import uses_letter_keys

KEPT = "billing.nav_counts"
KEPT_FOR = 10  # seconds; by several workers each


def nav_counts(request: HttpRequest) -> dict[str, Any]:
    """`nav_counts.insurance` and `nav_counts.credit`: how much waits on the two worklists.

    Worked out only where a page draws the navigation, and at most every ten seconds for everybody;
    a page that tells what its reader has just done counts anew.
    """
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"nav_counts": SimpleLazyObject(lambda: _counts(anew=bool(len(get_messages(request)))))}


def letter_keys(request: HttpRequest) -> dict[str, bool]:
    """`letter_keys`: whether letters in amount boxes are commands for the person signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"letter_keys": True}
    return {"letter_keys": uses_letter_keys(user)}


def _counts(*, anew: bool) -> dict[str, int]:
    found = None if anew else caches["worker"].get(KEPT)
    if found is None:
        found = balances.waiting_counts()
        caches["worker"].set(KEPT, found, KEPT_FOR)
    return found
