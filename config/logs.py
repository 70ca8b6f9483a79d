"""Log lines without patients in them."""

import logging
import traceback
from types import TracebackType

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
