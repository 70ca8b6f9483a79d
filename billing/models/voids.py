"""Voided lines: charges that never should have been made."""

from __future__ import annotations

from django.db import models

from billing.models.append_only import AppendOnlyModel, AppendOnlyQuerySet
from billing.models.invoices import InvoiceLine


class LineVoidQuerySet(AppendOnlyQuerySet["LineVoid"]):
    """Every voiding there was."""


class LineVoid(AppendOnlyModel):
    """Says that an issued line was voided, when, by whom and why.

    `ledger.void_line` un-pays the line and writes the rest off as a correction first, so a voided
    line owes nothing; nothing is put on it afterwards. An invoice is void when all its lines are.
    """

    line = models.OneToOneField(InvoiceLine, models.PROTECT, related_name="void")

    objects = LineVoidQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="r9_void_says_why")
        ]

    def __str__(self) -> str:
        return f"{self.line} voided"
