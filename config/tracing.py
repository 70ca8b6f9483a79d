"""What each request was, did and cost: its id, one line in the log, its slow queries, its figures.

Outermost of the middlewares, so that every answer carries its id, also of a refusal or an error.
Nothing kept here is personal: an url's name and not the address, counts and milliseconds, the SQL
as it is worded and not what is put into it (docs/decisions/0024).
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections
from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
# What a proxy may call a request: nothing that breaks a line, a header or a page.
GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
# Said over the telephone: no vowels, so no words, and nothing that looks or sounds like another.
LETTERS = "23456789bcdfghjkmpqrtvwxz"
# Asked every few seconds by machines; a line only where something is wrong.
BY_MACHINES = {"healthz", "readyz", "metrics", "favicon"}

of_requests = logging.getLogger("remit.requests")
of_queries = logging.getLogger("remit.queries")


class Trace:
    """One request, as the log knows it."""

    def __init__(self, request: HttpRequest, name: str) -> None:
        self.id = name
        self.request = request
        self.began = time.perf_counter()
        self.queries = 0
        self.query_seconds = 0.0
        self.errors: list[str] = []

    @property
    def view(self) -> str:
        """The url's name, as "billing:payment_new"; nothing where the address is none of ours."""
        match = self.request.resolver_match
        return match.view_name if match else ""

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any
    ) -> Any:
        """Around each statement (`execute_wrapper`)."""
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            self.errors.append(type(error).__name__)
            raise
        finally:
            took = time.perf_counter() - began
            self.queries += 1
            self.query_seconds += took
            if took * 1000 >= settings.SLOW_QUERY_MS:
                slow = {"milliseconds": _milliseconds(took), "sql": worded(sql)}
                of_queries.warning("Slow query of %s: %d ms", self.view, took * 1000, extra=slow)


_now: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    """The request that is being answered here."""
    return _now.get()


def reference() -> str:
    """Its id, to be told to whoever looks into the log; "" outside a request."""
    trace = _now.get()
    return trace.id if trace else ""


class Traced:
    """Give each request an id, and write what became of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        trace = Trace(request, name_of(request))
        request.trace = trace  # type: ignore[attr-defined]
        with _watching(trace):
            response = self.get_response(request)
            response.headers[HEADER] = trace.id
            if not response.streaming or _is_static(request):
                _finish(trace, response)
                return response
        # A file is made while it is sent: the queries and the time of that belong to it.
        streaming: Any = response
        streaming.streaming_content = _sent(trace, response, iter(streaming.streaming_content))
        return response


def name_of(request: HttpRequest) -> str:
    """The proxy's name for the request, where there is a proxy of ours, or a new one."""
    given = request.headers.get(HEADER, "") if settings.BEHIND_TLS_PROXY else ""
    if GIVEN.fullmatch(given):
        return given
    drawn = "".join(secrets.choice(LETTERS) for _ in range(12))
    return f"{drawn[:4]}-{drawn[4:8]}-{drawn[8:]}"


def worded(sql: str) -> str:
    """A statement as Django words it: %s where a value goes. Should somebody have written a
    literal into it all the same, that is left out."""
    return re.sub(r"'(?:[^']|'')*'", "'…'", " ".join(str(sql).split()))[:4_000]


@contextlib.contextmanager
def _watching(trace: Trace) -> Iterator[None]:
    before = _now.get()
    _now.set(trace)
    try:
        with contextlib.ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(trace))
            yield
    finally:
        _now.set(before)


def _sent(trace: Trace, response: HttpResponseBase, parts: Iterator[bytes]) -> Iterator[bytes]:
    try:
        while True:
            with _watching(trace):  # not while it is in the hands of whoever sends it on
                part = next(parts, None)
            if part is None:
                return
            yield part
    finally:
        with _watching(trace):
            _finish(trace, response)


def _finish(trace: Trace, response: HttpResponseBase) -> None:
    took = time.perf_counter() - trace.began
    status, view, method = response.status_code, trace.view, trace.request.method or ""
    if settings.METRICS_TOKEN:
        from config import metrics  # opens files, so only where somebody wants them

        metrics.count(trace, view=view, method=method, status=status, took=took)
    slow = took * 1000 >= settings.SLOW_REQUEST_MS
    wrong = status >= 500 or slow
    if not wrong and (view in BY_MACHINES or _is_static(trace.request)):
        return
    of_requests.log(
        logging.WARNING if wrong else logging.INFO,
        "%s %s %s in %d ms, %d queries in %d ms%s",
        # Anybody may ask by any method: one that no client has is not quoted.
        method if method in KNOWN else "another method",
        view or "no page",
        status,
        took * 1000,
        trace.queries,
        trace.query_seconds * 1000,
        ", slow" if slow else "",
        extra={
            "status": status,
            "milliseconds": _milliseconds(took),
            "queries": trace.queries,
            "query_milliseconds": _milliseconds(trace.query_seconds),
        },
    )


KNOWN = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _is_static(request: HttpRequest) -> bool:
    return request.path_info.startswith(settings.STATIC_URL)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
