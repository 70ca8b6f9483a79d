"""Reports are read from a replica, if there is one (docs/decisions/0023).

Nothing else is. Whatever a desk reads, it reads where it writes. A view that only adds up says so
(`@reads_reports`), and while it runs the `Router` sends the reads of billing and patients to the
database `reports`, named by REPORTS_DATABASE_URL. Writes, transactions, people, rights and sessions stay
with the primary. Where the replica is away, stands still or is no replica, so do the reports: nobody
gets an error because of it.

How far behind it is is asked each time, by the position in the log that both servers number alike. A
quiet primary is not lag.
"""

from __future__ import annotations

import datetime
import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections, models
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

REPORTS = "reports"  # the alias, as in config/databases.py
READ_THERE = {"billing", "patients"}
CATCH_UP = 0.2  # seconds that a report waits for the replica to have everything
TOO_LATE = 30  # seconds behind, after which it is not asked
LEFT_ALONE = 3.0  # seconds after it was found away in which nobody waits for it again

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Where a report is read. `as_of`: a replica that is behind has all that was saved until then."""

    alias: str = DEFAULT_DB_ALIAS
    as_of: datetime.datetime | None = None


PRIMARY = Source()
_source: ContextVar[Source] = ContextVar("source", default=PRIMARY)


class Router:
    """Django's question where to read and write; the answer to the second is always the same."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        # What is read for something that is being written must not be of a moment ago.
        if model._meta.app_label in READ_THERE and not _is_writing():
            return _source.get().alias
        return DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: models.Model, other: models.Model, **hints: Any) -> bool:
        return True  # they are the same rows

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS  # the replica follows by itself


def _is_writing() -> bool:
    return connections[DEFAULT_DB_ALIAS].in_atomic_block


def there_is_one() -> bool:
    """Whether REPORTS_DATABASE_URL is set."""
    return REPORTS in settings.DATABASES


def alias() -> str:
    """The database that what goes on just now reads from."""
    return DEFAULT_DB_ALIAS if _is_writing() else _source.get().alias


def as_of() -> datetime.datetime | None:
    """Until when the figures on this page are whole; nothing where that is now."""
    moment = _source.get().as_of
    return moment and timezone.localtime(moment)


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """Everything in here is read from there."""
    before = _source.set(source)
    try:
        yield
    finally:
        _source.reset(before)


# ---------------------------------------------------------------------------- views

View = Callable[..., HttpResponseBase]


def reads_reports(*, whole: bool = False) -> Callable[[View], View]:
    """A view that reads a lot and writes nothing: it may be read from the replica.

    `whole`: it hands out a file, which says nothing about a replica that is behind, so that one is
    not used. Neither is it for whoever saved something just now, nor for a batch of the
    journal, which is looked at the moment it is made.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not there_is_one() or request.GET.get("batch"):
                return view(request, *args, **kwargs)
            source = choose(whole=whole or wrote_just_now(request))
            if source is PRIMARY:
                return view(request, *args, **kwargs)
            try:
                with reading(source):
                    response = view(request, *args, **kwargs)
            except OperationalError as error:
                # It died meanwhile, or had to drop what we read. A report can be read again.
                _leave_alone(error)
                return view(request, *args, **kwargs)
            if response.streaming and not isinstance(response, FileResponse):
                _read_on(response, source)
            return response

        return wrapped

    return decorate


def _read_on(response: Any, source: Source) -> None:
    """A file is read while it is sent, after its view has ended."""
    content = response.streaming_content

    def parts(found: Iterable[bytes]) -> Iterator[bytes]:
        waiting = iter(found)
        while True:
            with reading(source):  # not around `yield`: between two parts other things are read
                part = next(waiting, None)
            if part is None:
                return
            yield part

    response.streaming_content = parts(content)


# ---------------------------------------------------------------------------- how far behind

_away_until = 0.0


def choose(*, whole: bool) -> Source:
    """Where a report is read now. `whole`: it has to have everything that is saved."""
    if time.monotonic() < _away_until or _is_writing():
        return PRIMARY
    end = _end_of_log()
    try:
        behind = _behind(end)
    except OperationalError as error:
        _leave_alone(error)
        return PRIMARY
    if behind is not None and behind.as_of:
        late = timezone.now() - behind.as_of
        if whole or late > datetime.timedelta(seconds=TOO_LATE):
            logger.warning(
                "The replica is %.0f s behind; read from the primary", late.total_seconds()
            )
            return PRIMARY
    return behind or PRIMARY


def _end_of_log() -> str:
    """What was saved until now stands in the primary's log before this."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn()")
        return str(cursor.fetchone()[0])


def _behind(end: str) -> Source | None:
    """The replica, with the moment up to which it is whole, if it does not come to the end of the
    log now. Nothing where the server is no replica: an old primary that came back knows nothing of
    what was posted since."""
    deadline = time.monotonic() + CATCH_UP
    with connections[REPORTS].cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= %s::pg_lsn,"
                " pg_last_xact_replay_timestamp()",
                [end],
            )
            replica, has_all, last = cursor.fetchone()
            if not replica:
                logger.warning("REPORTS_DATABASE_URL leads to a server that is no replica")
                return None
            if has_all:
                return Source(REPORTS)
            if time.monotonic() > deadline:
                return Source(REPORTS, last) if last else None
            time.sleep(0.005)


def _leave_alone(error: OperationalError) -> None:
    global _away_until
    _away_until = time.monotonic() + LEFT_ALONE
    connections[REPORTS].close()
    logger.warning("The replica is away; read from the primary (%s)", type(error).__name__)


# ---------------------------------------------------------------------------- what one wrote oneself

WROTE = f"{settings.COOKIE_PREFIX}wrote"
SAFE = {"GET", "HEAD", "OPTIONS"}


class WroteJustNow:
    """Whoever saved something sees it in every report.

    A cookie says so, for as long as a replica that is still asked may be behind; with it
    only one that has everything is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not there_is_one():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method not in SAFE and request.user.is_authenticated:
            response.set_cookie(
                WROTE,
                "1",
                max_age=TOO_LATE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def wrote_just_now(request: HttpRequest) -> bool:
    """Whether this browser saved something while a replica may still not know."""
    return WROTE in request.COOKIES
