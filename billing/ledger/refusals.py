"""The words of a refusal: a LedgerError's text may be shown at the desk as it is."""

from __future__ import annotations

from django.utils import timezone

from billing.models import InvoiceLine, Kind, Payment
from billing.models.payments import UNDOING


class LedgerError(Exception):
    """A verb refused. The text is for the desk; `field` and `line` say where it belongs."""

    def __init__(self, text: str, *, field: str = "", line: int | None = None) -> None:
        super().__init__(text)
        self.field = field
        self.line = line


class StaleLineError(LedgerError):
    """Somebody else changed a line after the screen was drawn."""


class StaleDraftError(LedgerError):
    """Somebody else changed, billed or discarded a draft after the screen was drawn."""


class AlreadyUndoneError(LedgerError):
    """The payment was reversed or deleted before."""


def require_reason(reason: str) -> None:
    if not reason.strip():
        raise LedgerError("Choose a reason.", field="reason")


def already_undone(row: Payment) -> AlreadyUndoneError:
    undoing = row.answers.filter(kind__in=UNDOING).select_related("created_by").get()
    done = "deleted" if undoing.kind == Kind.VOID else "reversed"
    who = undoing.created_by
    when = timezone.localtime(undoing.created_at)
    at = f"{when:%H:%M}" if when.date() == timezone.localdate() else f"{when:%d %b %Y %H:%M}"
    return AlreadyUndoneError(
        f"This payment was already {done} at {at} by {who.get_short_name() or who}."
    )


def already_void(line: InvoiceLine) -> LedgerError:
    """A voided line owes nothing, and nothing is put on it any more."""
    return LedgerError(
        f"{line.description} on {line.invoice} was voided on {line.void.date:%d %b %Y}.",
        line=line.pk,
    )


def who_changed(line: InvoiceLine) -> str:
    latest = max(
        (
            row
            for row in (
                line.allocations.order_by("-created_at").first(),
                line.adjustments.order_by("-created_at").first(),
            )
            if row
        ),
        key=lambda row: row.created_at,
        default=None,
    )
    when = f" at {timezone.localtime(latest.created_at):%H:%M}" if latest else ""
    return (
        f"Someone else changed this session{when}."
        " The line now shows the new figures; check it and save again."
    )
