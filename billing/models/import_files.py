"""Files that somebody uploads to import: kept between checking and importing, and no longer."""

from __future__ import annotations

import datetime
import hashlib
import uuid
import zlib
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone


class ImportFileQuerySet(models.QuerySet["ImportFile"]):
    def waiting(self) -> ImportFileQuerySet:
        return self.filter(imported_at__isnull=True)

    def imported(self) -> ImportFileQuerySet:
        return self.filter(imported_at__isnull=False)

    def same(self, kind: str, digest: str) -> ImportFile | None:
        """The file of this kind with these very bytes, whoever uploaded it."""
        return self.filter(kind=kind, digest=digest).select_related("uploaded_by").first()

    def keep(self, *, by: AbstractBaseUser, kind: str, name: str, data: bytes) -> ImportFile:
        """Keep a file until it is imported. It takes the place of this person's last one."""
        self.waiting().filter(uploaded_at__lt=timezone.now() - ImportFile.KEPT_FOR).delete()
        self.waiting().filter(uploaded_by_id=by.pk, kind=kind).delete()
        return self.create(
            uploaded_by_id=by.pk,
            kind=kind,
            name="".join(each for each in name if each.isprintable())[:120],
            digest=hashlib.sha256(data).hexdigest(),
            content=zlib.compress(data),
        )


class ImportFile(models.Model):
    """A file of patients, fees or balances; once imported, only that it was.

    It holds patients' data, so it lies nowhere but in the database, and its content is emptied
    when it is imported and deleted after a day when it is not.
    """

    class NotToImportError(Exception):
        """This file cannot be imported (any more). The text says why."""

    KEPT_FOR = datetime.timedelta(days=1)

    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12)
    name = models.CharField(max_length=120)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    content = models.BinaryField(help_text="The file, compressed; empty once it is imported")
    encoding = models.CharField(
        max_length=20, blank=True, help_text="What a person said it reads right in"
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )
    uploaded_at = models.DateTimeField(default=timezone.now, editable=False)
    report = models.JSONField(null=True, help_text="What checking found; see imports.running")
    found = models.BinaryField(default=b"", help_text="All that checking found, compressed CSV")
    imported_at = models.DateTimeField(null=True, editable=False)
    made = models.CharField(max_length=200, blank=True, help_text="What it became")

    objects = ImportFileQuerySet.as_manager()

    class Meta:
        permissions = [("import_files", "Can import patients, fees and balances")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "digest"],
                condition=Q(imported_at__isnull=False),
                name="r10_file_imported_once",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("billing:import_check", args=[self.kind, self.key])

    @property
    def data(self) -> bytes:
        return zlib.decompress(self.content)

    def lock(self) -> None:
        """Hold this file until the transaction ends; a second click waits here.

        Refused (NotToImportError): when it, or another file with the same bytes, was imported, and
        when another file took its place.
        """
        mine = ImportFile.objects.select_for_update().filter(pk=self.pk)
        there = mine.values_list("pk").first()
        if before := ImportFile.objects.imported().same(self.kind, self.digest):
            raise self.NotToImportError(before.said)
        if there is None:
            raise self.NotToImportError("Another file took the place of this one meanwhile.")

    @property
    def said(self) -> str:
        """That it was imported: when, by whom, and what it became."""
        assert self.imported_at  # noqa: S101
        when = timezone.localtime(self.imported_at)
        who = self.uploaded_by.get_short_name() or self.uploaded_by
        return (
            f"This very file was imported on {when:%d %b %Y} at {when:%H:%M} by {who}:"
            f" {self.made}. Nothing is imported twice."
        )

    def confirm(self, encoding: str) -> None:
        """A person looked at the names and says that this encoding is right."""
        self._keep(encoding=encoding)

    def checked(self, *, report: dict[str, Any], found: str) -> None:
        """Keep what checking found, beside the file."""
        self._keep(report=report, found=zlib.compress(found.encode()))

    def _keep(self, **values: Any) -> None:
        """Save what is left of a file that may have been replaced meanwhile: then nothing."""
        for name, value in values.items():
            setattr(self, name, value)
        ImportFile.objects.filter(pk=self.pk).update(**values)

    @property
    def problems(self) -> str:
        """All that checking found, as the text of a CSV file; nothing before it was checked."""
        return zlib.decompress(self.found).decode() if self.found else ""

    def finish(self, *, made: str) -> None:
        """Remember that it was imported, and forget what was in it."""
        self.imported_at, self.made = timezone.now(), made
        self.content = self.found = b""
        self.report = None
        self.save(update_fields=["imported_at", "made", "content", "found", "report"])
