"""Closed periods: up to which day the books are shut."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import OperationalError, connection, models
from django.utils import timezone

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel

# Of PostgreSQL's advisory locks the one that keeps the closing date where it is; a number like any.
CLOSING_LOCK = 10_420_008
PATIENCE = 5  # seconds
LOCK_NOT_AVAILABLE = "55P03"


class ClosingDateQuerySet(AppendOnlyQuerySet["ClosingDate"]):
    """Every move of the closing date there was."""

    def with_before(self) -> ClosingDateQuerySet:
        """Each with `before`, the closing date it moved, and who moved it."""
        earlier = ClosingDate.objects.filter(pk__lt=models.OuterRef("pk")).order_by("-pk")
        before = models.Subquery(earlier.values("closed_through")[:1])
        return self.annotate(before=before).select_related("created_by")


class ClosingDate(WrittenOnceModel):
    """A move of the closing date; the latest row counts. Reopening is a move back, with reason."""

    closed_through = models.DateField(help_text="Nothing can be dated on or before this day.")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    objects = ClosingDateQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        ordering = ["-id"]
        get_latest_by = "id"
        permissions = [("close_period", "Can close and reopen periods")]

    def __str__(self) -> str:
        return f"Closed through {self.closed_through:%d %b %Y}"


def closed_through() -> datetime.date | None:
    """The last closed day, or None while nothing was ever closed."""
    return ClosingDate.objects.order_by("-id").values_list("closed_through", flat=True).first()


def in_closed_period(closed: datetime.date) -> str:
    """What is said of a day on or before the closing date, wherever it was typed (R8)."""
    return f"The date is in a closed period (up to {closed:%d %b %Y}). Ask an administrator to open it."


def why_not_closed(through: datetime.date, closed: datetime.date | None) -> str:
    """Why the books cannot be closed through a day, as a sentence; empty where they can."""
    if through >= timezone.localdate():
        return "Only days that are over can be closed."
    if closed and through <= closed:
        return f"The books are closed through {closed:%d %b %Y} already. Choose a later day."
    return ""


class LongWorkError(Exception):
    """Somebody has been writing for so long that the closing date cannot be moved now."""


def hold_closing_date() -> None:
    """Keep the closing date where it is until this transaction ends.

    All who write dated rows hold it together, so that they never wait for one another. Whoever
    moves it waits until they are done, and they for the move: no row lands in a day that was closed
    a moment before. The triggers hold it as well (`billing.guards`). SQLite has one writer at a time.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [CLOSING_LOCK])


def hold_closing_date_alone() -> None:
    """Wait until nobody else holds the closing date, and keep them waiting until it is moved.

    Not for ever: every desk waits behind this one, and an import may go on for minutes.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
        try:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLOSING_LOCK])
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") == LOCK_NOT_AVAILABLE:
                raise LongWorkError from error
            raise
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
