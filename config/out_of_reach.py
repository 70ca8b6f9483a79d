"""The database is away, busy, full or read-only: 503, and a page from which the form is sent again.

Nothing here asks the database, nor anything that might: no session, no user, no context.
"""

from __future__ import annotations

import errno
import logging

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader

from config.tracing import reference

logger = logging.getLogger(__name__)

RETRY_AFTER = 5  # seconds
AWAY = "Remit cannot reach its records just now."
BUSY = "Something else keeps these records busy just now."
FULL = "There is no room left to save anything. Tell your administrator."
READ_ONLY = "Remit can read its records but not write to them just now. Tell your administrator."
# PostgreSQL's codes, and words of SQLite, which has none.
WHY = {
    "53100": FULL,
    "database or disk is full": FULL,
    "25006": READ_ONLY,
    "readonly": READ_ONLY,
    "55P03": BUSY,  # a lock was not to be had
    "57014": BUSY,  # a statement took too long
    "40P01": BUSY,  # a deadlock
    "locked": BUSY,
}
# What SQLite says of a statement that is wrong, or longer than it takes.
OURS = ("syntax error", "has no column", "too many SQL variables")
FILES = {errno.ENOSPC: FULL, errno.EDQUOT: FULL, errno.EROFS: READ_ONLY}


def why_out_of_reach(error: BaseException | None) -> str:
    """What keeps the database from answering, as a sentence; empty where the error is our own.

    SQLite uses the same class for mistakes in SQL.
    """
    if isinstance(error, OSError):  # of a file beside it, such as the audit trail's (recording.py)
        return FILES.get(error.errno or 0, "")
    if not isinstance(error, DatabaseError | InterfaceError):
        return ""
    text, code = str(error), getattr(error.__cause__, "sqlstate", None) or ""
    known = WHY.get(code) or next((says for words, says in WHY.items() if words in text), "")
    if isinstance(error, OperationalError):
        ours = text.startswith("no such") or any(words in text for words in OURS)
        return "" if ours else known or AWAY
    if isinstance(error, InternalError):
        return known if code == "25006" else ""
    return AWAY if isinstance(error, InterfaceError) and "connection" in text else ""


def out_of_reach(request: HttpRequest, why: str) -> HttpResponse:
    """503 with Retry-After. A form that carries a key comes back whole, to be sent again as it is.

    Going back instead would fetch the page anew: with a new key, and without what was typed.
    """
    logger.exception("Database out of reach")
    headers = {"Retry-After": str(RETRY_AFTER)}
    if request.headers.get("HX-Request"):  # app.js says it beside the form, which is still there
        return HttpResponse(
            why, status=503, content_type="text/plain; charset=utf-8", headers=headers
        )
    context = {
        "why": why,
        "request": request,
        "fields": _to_send_again(request),
        "reference": reference(),
    }
    return HttpResponse(loader.render_to_string("503.html", context), status=503, headers=headers)


def _to_send_again(request: HttpRequest) -> list[tuple[str, str]]:
    """What a form sent that is posted once however often it comes; of others, nothing."""
    if request.method != "POST" or request.FILES or "key" not in request.POST:
        return []
    if any("password" in name for name in request.POST):
        return []
    return [(name, value) for name, values in request.POST.lists() for value in values]
