"""Log lines without patients in them."""

from __future__ import annotations

import datetime
import json
import logging
import re
import traceback
from types import TracebackType
from typing import Any

from django.core.exceptions import PermissionDenied


class WhoAsked(logging.Filter):
    """Adds to a line which request it belongs to, and whose that is: the number of the person,
    and from where. As fields for `Json`, and as `who` for a line that people read.

    Only what is known already: a line about an error must not ask the database.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        from config import tracing  # settings are read before it can be

        record.who = ""
        request = getattr(record, "request", None)
        # Django writes of a refusal when the request has left every middleware.
        trace = getattr(request, "trace", None) or tracing.current()
        request = trace.request if trace else request
        if request is None or not hasattr(request, "META"):  # runserver's is a socket
            return True
        user = getattr(request, "_cached_user", None)
        number = user.pk if user is not None else None
        address = _address(request)
        record.user, record.address = number, address
        person = f"user {number}" if number else "nobody"
        record.who = f" ({person} from {address or 'here'})"
        if trace:
            record.request_id, record.view = trace.id, trace.view
            record.method = request.method if request.method in tracing.KNOWN else ""
            record.who = f" ({person} from {address or 'here'}, {trace.id})"
        return True


class WithoutSearches(logging.Filter):
    """For gunicorn, whose lines quote whole addresses and texts of errors where it is surprised."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, BaseException):
            record.msg = type(record.msg).__name__
        record.msg, record.args = re.sub(r"\?\S*", "?…", record.getMessage()), ()
        return True


def _address(request: Any) -> str:
    from config.accounts import client_ip  # settings are read before allauth can be

    try:
        return client_ip(request) or ""
    except PermissionDenied:  # a header that no proxy of ours has written
        return "an unknown address"


ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class WithoutPersonalData(logging.Formatter):
    """Where an error happened and what kind it was, but not its text.

    The text of an exception quotes values: PostgreSQL's "Failing row contains (…)" is a whole
    patient. Source lines and class names are enough to find the place.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Without the traceback that another formatter may have left on the record, and without
        leaving ours to others."""
        record.exc_text = None
        try:
            return super().format(record)
        finally:
            record.exc_text = None

    def formatException(self, ei: ExcInfo) -> str:
        lines = ["Traceback (most recent call last), texts left out:"]
        for error in reversed(list(_chain(ei[1]))):
            lines += [line.rstrip() for line in traceback.format_tb(error.__traceback__)]
            lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        return "\n".join(lines)


class Json(WithoutPersonalData):
    """One JSON object a line: what programs that collect logs read.

    Named fields only. Whatever else somebody hangs on a record (a request, an object) stays out.
    """

    FIELDS = (
        "request_id", "method", "view", "status", "milliseconds", "queries", "query_milliseconds",
        "user", "address", "sql",
    )  # fmt: skip

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in self.FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _chain(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
