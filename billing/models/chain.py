"""The chain: what seals the rows of the books (`billing.chain`)."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel


class ChainLinkQuerySet(AppendOnlyQuerySet["ChainLink"]):
    """Every link there is."""


class ChainLink(WrittenOnceModel):
    """The seal over all rows that one act wrote, and over the link before it.

    `rows` is JSON, table -> id -> digest of what the row says; kept as a text, because the MAC is
    over its bytes. `mac` is made with a key that is not in the database.
    """

    sealed = False

    number = models.BigIntegerField(primary_key=True)
    previous = models.CharField(max_length=64, blank=True, help_text="The MAC of the link before")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    act = models.CharField(max_length=60, blank=True, help_text="What was done")
    rows = models.TextField()
    mac = models.CharField(max_length=64)

    objects = ChainLinkQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = "link of the chain"
        verbose_name_plural = "links of the chain"

    def __str__(self) -> str:
        return f"link {self.number}"
