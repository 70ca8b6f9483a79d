"""The audit trail: who looked at what, who signed in, who was refused."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel
from patients.models import Patient


class EventKind(models.TextChoices):
    """What happened. Exports, changes and money have rows of their own."""

    LOOKED = "looked", "Looked at"
    PRINTED = "printed", "Printed"
    SIGNED_IN = "signed_in", "Signed in"
    SIGNED_OUT = "signed_out", "Signed out"
    FAILED = "failed", "Sign-in failed"
    LOCKED_OUT = "locked_out", "Locked out"
    FACTOR_ADDED = "factor_added", "Second factor added"
    FACTOR_REMOVED = "factor_removed", "Second factor removed"
    PASSWORD = "password", "Password changed"
    LINK = "password_link", "Password link made"
    ENDED = "ended", "Sign-ins ended"
    UNLOCKED = "unlocked", "Lock-out lifted"
    REFUSED = "refused", "Refused"
    CHECKED = "checked", "Books checked"
    RIGHTS = "rights", "Roles changed"


class AuditEventQuerySet(AppendOnlyQuerySet["AuditEvent"]):
    """Everything that was noted."""


class AuditEvent(WrittenOnceModel):
    """One thing that somebody did and that wrote no row of the books.

    `what` is an address or a few words, never anybody's name. Whoever is deleted stays here, by id and,
    where it is one of us, by log-in name: no constraint ties the row to theirs. `mac` is this row's
    own seal (billing/audit/recording.py); the chain takes it in a little later, since nobody who looks
    at a patient should wait for somebody who posts.
    """

    sealed = False  # not by the act that writes it

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    kind = models.CharField(max_length=14, choices=EventKind.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
    )
    username = models.CharField(max_length=150, blank=True)
    patient = models.ForeignKey(
        Patient, models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    what = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=45, blank=True, help_text="Where it came from")
    mac = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.what}".strip()
