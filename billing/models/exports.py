"""Exports: which figures left the program, who took them and when."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel


class ExportQuerySet(AppendOnlyQuerySet["Export"]):
    """Everything that was ever taken out."""

    def with_names(self) -> ExportQuerySet:
        return self.select_related("created_by")


class Export(WrittenOnceModel):
    """One download of a report or a document. Written by `billing.exports.record_export`.

    `filters` is the query string it was asked for with, as far as it says nothing of anybody.
    """

    report = models.CharField(max_length=40, help_text="Its name in the address: day-sheet")
    format = models.CharField(max_length=12, help_text="csv, xlsx, pdf, hledger, beancount")
    filters = models.CharField(max_length=500, blank=True)
    rows = models.PositiveIntegerField(help_text="How many rows it held, headings not counted.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    objects = ExportQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        ordering = ["-id"]
        permissions = [
            ("see_reports", "Can look at reports"),
            ("export_reports", "Can take reports out as files"),
        ]

    def __str__(self) -> str:
        return f"{self.report}.{self.format}"
