"""What every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing.models import clinic_name
from config.sessions import seconds_left


def clinic(request: HttpRequest) -> dict[str, Any]:
    """`clinic_name`, looked up where a page shows it."""
    return {"clinic_name": SimpleLazyObject(clinic_name)}


def sign_in_left(request: HttpRequest) -> dict[str, Any]:
    """`sign_in_left`, the seconds until a sign-in ends if nobody does anything."""
    return {"sign_in_left": SimpleLazyObject(lambda: seconds_left(request.session)[0])}
