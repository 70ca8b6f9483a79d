"""The clinic's logo, for the navigation and for pages on paper."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from billing.models import Logo
from patients.http import DeskRequest


@require_safe
def clinic_logo(request: DeskRequest, digest: str) -> HttpResponse:
    """A logo by its digest: another one has another address, so browsers may keep it for ever.

    Only what `billing/pictures.py` let in is sent, as what it was found to be.
    """
    logo = get_object_or_404(Logo, digest=digest)
    return HttpResponse(
        bytes(logo.content),
        content_type=logo.content_type,
        headers={
            "Cache-Control": "private, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": "inline",
        },
    )
