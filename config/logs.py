"""Log lines without patients in them."""

import logging
import traceback
from types import TracebackType
from typing import Any

from django.core.exceptions import PermissionDenied


class WhoAsked(logging.Filter):
    """Adds `who` to a line about a request: the number of the person, and from where.

    Only what is known already: a line about an error must not ask the database.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        record.who = ""
        if request is not None:
            user = getattr(request, "_cached_user", None)
            person = f"user {user.pk}" if user is not None and user.pk else "nobody"
            record.who = f" ({person} from {_address(request)})"
        return True


def _address(request: Any) -> str:
    from config.accounts import client_ip  # settings are read before allauth can be

    try:
        return client_ip(request) or "here"
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


def _chain(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
