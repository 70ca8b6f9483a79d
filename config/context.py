"""What every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing.models import shown
from billing.money import currency
from config.sessions import seconds_left


def clinic(request: HttpRequest) -> dict[str, Any]:
    """`clinic_name`, `clinic_logo` and the `currency` of its amounts, looked up where a page
    shows them."""
    return {
        "clinic_name": SimpleLazyObject(lambda: shown().name),
        "clinic_logo": SimpleLazyObject(lambda: shown().logo),
        "currency": SimpleLazyObject(currency),
    }


def sign_in_left(request: HttpRequest) -> dict[str, Any]:
    """`sign_in_left`, the seconds until a sign-in ends if nobody does anything."""
    return {"sign_in_left": SimpleLazyObject(lambda: seconds_left(request.session)[0])}
