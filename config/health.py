"""What machines ask: may this server have requests (`/readyz`), and how is it doing (`/metrics`).

(`/healthz`, which says only that the process answers, is in `config/views.py`.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import connection, connections
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from billing import guards

OK = "ok"
PATIENCE = 2.0  # seconds; a probe that waits longer has given up itself
KEPT_FOR = 1.0  # seconds: anybody may ask, so nobody makes the database work by asking


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this server may have requests, else 503: each check with "ok" or what is wrong.

    The database answers, soon; it has every migration of this version; every trigger that guards
    the ledger stands. No session, no sign-in, nothing noted, nothing said that a stranger may not know.
    """
    checks = _readiness.ask()
    ready = all(said == OK for said in checks.values())
    response = JsonResponse({"ready": ready, **checks}, status=200 if ready else 503)
    if not ready:
        response.headers["Retry-After"] = "5"
    return response


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, to whoever has the token. Without METRICS_TOKEN there is no such page.

    Coming from this machine is no ticket: behind a proxy on the same machine everybody does.
    """
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
        answer = HttpResponse("A token, please.\n", status=401, content_type=TEXT)
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    from config import metrics as figures  # opens files, so only where somebody wants them

    return HttpResponse(figures.exposed(), content_type=f"{TEXT}; version=0.0.4")


TEXT = "text/plain; charset=utf-8"


class Readiness:
    """Asks in a thread of its own, with patience of its own: a database that hangs, or a pool that
    everybody waits for, must not hold the probe. While one question hangs no second is asked."""

    def __init__(self, look: Callable[[], dict[str, str]]) -> None:
        self.look = look
        self.lock = threading.Lock()
        self.pending: Future[dict[str, str]] | None = None
        self.kept: tuple[float, dict[str, str]] | None = None

    def ask(self) -> dict[str, str]:
        with self.lock:
            if self.kept and time.monotonic() - self.kept[0] < KEPT_FOR:
                return self.kept[1]
            if self.pending is None:
                self.pending = _asked_aside(self.look)
            try:
                found = self.pending.result(PATIENCE)
            except TookTooLong:  # kept, too: or each who waits behind this one would wait as long
                found = {"database": f"no answer within {PATIENCE:g} s"}
            finally:
                if self.pending.done():  # also with an error of ours: the next one asks anew
                    self.pending = None
            self.kept = time.monotonic(), found
            return found


def _asked_aside(look: Callable[[], dict[str, str]]) -> Future[dict[str, str]]:
    aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")
    try:
        return aside.submit(look)
    finally:
        aside.shutdown(wait=False)


def look() -> dict[str, str]:
    """The checks, in order; after one that failed the others have nothing to say."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        found = {"database": OK, "migrations": _migrations()}
        if found["migrations"] == OK:
            found["guards"] = _guards()
    except DatabaseError:
        return {"database": "away"}
    finally:
        connections.close_all()
    return found


_all_applied = threading.Event()  # once they are, they stay


def _migrations() -> str:
    if not _all_applied.is_set():
        if to_come := guards.unapplied(connection):
            return f"{len(to_come)} to apply"
        _all_applied.set()
    return OK


def _guards() -> str:
    absent = guards.missing(connection)
    return f"{len(absent)} missing" if absent else OK


_readiness = Readiness(look)
