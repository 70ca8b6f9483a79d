"""How long a sign-in lasts: some minutes without a hand at the desk, one working day at most.

Both limits are kept in the session on the server, so no browser can talk itself past them. What
the person at the desk sees of it (a warning, and a page that keeps what was typed) is
`static/js/session.js`; without JavaScript the next click leads to sign-in and from there back.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from config.accounts import client_ip

SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
FROM = "signed_in_from"
WITH = "signed_in_with"
# A write for every click would make each page wait for the database's writer.
NOTED_EVERY = 60
# A header of scripts that ask on their own.
PASSIVE = "X-Passive"


def note_sign_in(request: HttpRequest, **kwargs: Any) -> None:
    """Both clocks start. (Receives Django's `user_logged_in`, so that no way in is forgotten.)"""
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = _now()
    request.session[FROM] = client_ip(request) or ""
    request.session[WITH] = request.headers.get("User-Agent", "")[:300]


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


@dataclass(frozen=True)
class SignIn:
    """One sign-in that is still open: since when, from where and with what."""

    key: str
    user_id: str
    since: datetime.datetime
    seen: datetime.datetime
    address: str
    browser: str


def sign_ins_of(user: AbstractBaseUser | AnonymousUser) -> list[SignIn]:
    """Where this person is signed in, the latest first.

    All open sessions are read: a clinic has some dozens.
    """
    found = (each for each in open_sign_ins() if each.user_id == str(user.pk))
    return sorted(found, key=lambda each: each.seen, reverse=True)


def open_sign_ins() -> Iterator[SignIn]:
    for row in Session.objects.filter(expire_date__gt=timezone.now()):
        if found := sign_in_of(row):
            yield found


def sign_in_of(row: Session) -> SignIn | None:
    """What a row of Django's says; None where nobody is signed in with it."""
    data = row.get_decoded()
    if SESSION_KEY not in data:
        return None
    return SignIn(
        key=row.session_key,
        user_id=str(data[SESSION_KEY]),
        since=_moment(data.get(SIGNED_IN_AT, 0)),
        seen=_moment(data.get(SEEN_AT, 0)),
        address=data.get(FROM, ""),
        browser=data.get(WITH, ""),
    )


def end_others(request: HttpRequest) -> int:
    """Sign this person out everywhere else; the next click there leads to sign-in. How many."""
    others = [
        each.key for each in sign_ins_of(request.user) if each.key != request.session.session_key
    ]
    Session.objects.filter(pk__in=others).delete()
    return len(others)


def end_all(people: Iterable[AbstractBaseUser]) -> int:
    """Sign these people out wherever they are signed in. How many sign-ins that were."""
    wanted = {str(person.pk) for person in people}
    keys = [each.key for each in open_sign_ins() if each.user_id in wanted]
    Session.objects.filter(pk__in=keys).delete()
    return len(keys)


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)


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
