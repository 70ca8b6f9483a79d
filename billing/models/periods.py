"""Closed periods: up to which day the books are shut."""

from __future__ import annotations

import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from billing.models.append_only import AppendOnlyQuerySet


class ClosingDateQuerySet(AppendOnlyQuerySet["ClosingDate"]):
    """Every move of the closing date there was."""


class ClosingDate(models.Model):
    """A move of the closing date; the latest row counts. Reopening is a move back, with reason."""

    closed_through = models.DateField(help_text="Nothing can be dated on or before this day.")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    objects = ClosingDateQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        get_latest_by = "id"

    def __str__(self) -> str:
        return f"Closed through {self.closed_through:%d %b %Y}"


def closed_through() -> datetime.date | None:
    """The last closed day, or None while nothing was ever closed."""
    return ClosingDate.objects.order_by("-id").values_list("closed_through", flat=True).first()
