"""What every template may use."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from billing.models import clinic_name


def clinic(request: HttpRequest) -> dict[str, Any]:
    """`clinic_name`, looked up where a page shows it."""
    return {"clinic_name": SimpleLazyObject(clinic_name)}
