"""Rows that are written once: rule R1, as far as Python can keep it.

The database keeps it as well (`billing.guards`), for whoever comes in by another door.
"""

from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from billing.chain.acts import note


class AppendOnlyError(TypeError):
    """Code tried to change or delete a money row."""


def refuse_change(model: type[models.Model]) -> NoReturn:
    """What an append-only model answers to every change and deletion."""
    raise AppendOnlyError(
        f"{model.__name__} rows are never changed or deleted; write the opposite row instead."
    )


Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    def update(self, **kwargs: Any) -> NoReturn:
        refuse_change(self.model)

    def delete(self) -> NoReturn:
        refuse_change(self.model)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse_change(self.model)

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        if args or kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            refuse_change(self.model)
        created = super().bulk_create(objs, **kwargs)
        if getattr(self.model, "sealed", False):
            note(self.model, [row.pk for row in created])
        return created

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse_change(self.model)


class WrittenOnceModel(models.Model):
    """A row that is inserted, and never saved again or deleted.

    It is sealed by the act that wrote it (`billing.chain`), unless its model says otherwise.
    """

    sealed = True

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            refuse_change(type(self))
        super().save(*args, **{**kwargs, "force_insert": True})
        if self.sealed:
            note(type(self), [self.pk])

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse_change(type(self))


def index_of_undone(noun: str) -> models.Index:
    """Over the few rows that undo another one.

    The unique index has all the others, too, under one value: nothing. SQLite, once it has counted
    (ANALYZE), takes every value for as frequent and looks through the table for each row.
    """
    return models.Index(
        fields=["undoes"], name=f"{noun}_undone", condition=models.Q(undoes__isnull=False)
    )


class AppendOnlyModel(WrittenOnceModel):
    """A row of the ledger: accounting date, clock, author and, where it undoes, the reason."""

    date = models.DateField(help_text="Accounting date")
    created_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="When it was entered; one moment a verb"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,  # nobody is ever deleted, and an index costs every allocation
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why, where it undoes")

    class Meta:
        abstract = True
        # The related managers and get_or_create of other models must meet the same refusal.
        base_manager_name = "objects"
