"""How long a sign-in lasts: some minutes without a hand at the desk, one working day at most.

Both limits are kept in the session on the server, so no browser can talk itself past them. What
the person at the desk sees of it (a warning, and a page that keeps what was typed) is
`static/js/session.js`; without JavaScript the next click leads to sign-in and from there back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from config.accounts import client_ip
from config.models import SEEN_AT, SIGNED_IN_AT, SIGNED_IN_FROM, SIGNED_IN_WITH

# A write for every click would make each page wait for the database's writer.
NOTED_EVERY = 60
# A header of scripts that ask on their own.
PASSIVE = "X-Passive"


def note_sign_in(request: HttpRequest, **kwargs: Any) -> None:
    """Both clocks start. (Receives Django's `user_logged_in`, so that no way in is forgotten.)"""
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = _now()
    request.session[SIGNED_IN_FROM] = client_ip(request)  # somebody tells them apart by these two
    request.session[SIGNED_IN_WITH] = request.headers.get("User-Agent", "")[:300]


def seconds_left(session: SessionBase) -> tuple[int, int]:
    """Until this sign-in ends: if nobody does anything, and in any case. Neither may be above 0."""
    now = _now()
    # A session of before these limits has no clocks: it is over.
    idle = session.get(SEEN_AT, 0) + settings.SESSION_IDLE_SECONDS - now
    whole = session.get(SIGNED_IN_AT, 0) + settings.SESSION_COOKIE_AGE - now
    return min(idle, whole), whole


class SessionLimits:
    """End a sign-in whose time is over, and note (once a minute) that somebody is there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session:
            left, whole = seconds_left(request.session)
            if left <= 0:
                return _sign_in_again(request, whole_day=whole <= 0)
            since = _now() - request.session[SEEN_AT]
            if since >= NOTED_EVERY and not _by_itself(request):
                request.session[SEEN_AT] = _now()
        return self.get_response(request)


def _by_itself(request: HttpRequest) -> bool:
    """Whether a browser or a script asks for this without anybody having done anything."""
    return PASSIVE in request.headers or request.path_info == "/favicon.ico"


def _sign_in_again(request: HttpRequest, *, whole_day: bool) -> HttpResponse:
    way_back = _way_back(request)
    logout(request)
    why = "at the end of the day" if whole_day else "because nobody was at the desk"
    messages.info(request, f"You were signed out {why}. Sign in to go on where you were.")
    return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': way_back})}")


def _way_back(request: HttpRequest) -> str:
    """The page to show after sign-in: this one, or the one a form or a part of a page was sent
    from (an address that is only posted to has nothing to show)."""
    part = request.headers.get("HX-Request") == "true"
    if request.method in ("GET", "HEAD") and not part:
        return request.get_full_path()
    page = request.headers.get("HX-Current-URL" if part else "Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return "/"
    address = urlsplit(page)
    return f"{address.path}?{address.query}" if address.query else address.path or "/"


def _now() -> int:
    return int(time.time())
