"""Where a request came from, as far as proxies may be believed."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.http import HttpRequest


def client_address(request: HttpRequest | None) -> str:
    """The address of whoever asked; nothing where a program did."""
    if request is None or "REMOTE_ADDR" not in request.META:
        return ""
    return str(get_adapter(request).get_client_ip(request) or "")
