"""Master data as it was before and after each change: django-simple-history's tables, as rows that are
written once and sealed like the books.

All of them are billing's, also those of patients, since `patients` knows of no chain.
"""

from __future__ import annotations

from typing import Any

import simple_history
from django.conf import settings
from django.db import models
from django.db.models.signals import pre_save
from django.utils import timezone
from simple_history.models import HistoricalRecords

from billing.models.append_only import AppendOnlyQuerySet, WrittenOnceModel
from billing.models.clinic import Clinic
from billing.models.fees import Fee, Service
from billing.models.journal import LedgerAccount
from billing.models.remittances import CodeAction, PayerKey
from patients.models import Coverage, Patient, Payer, Provider

KEPT: tuple[type[models.Model], ...] = (
    Patient,
    Coverage,
    Provider,
    Payer,
    Service,
    Fee,
    Clinic,
    CodeAction,
    PayerKey,
    LedgerAccount,
)


class Was(WrittenOnceModel):
    """What a row of master data said from a moment on."""

    objects: models.Manager[Any] = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"


class Records(HistoricalRecords):
    """Django-simple-history's, but its rows outlast whoever made the change: they are never touched."""

    def get_extra_fields(self, model: Any, fields: Any) -> dict[str, Any]:
        extra: dict[str, Any] = super().get_extra_fields(model, fields)
        extra["history_user"] = models.ForeignKey(
            settings.AUTH_USER_MODEL,
            models.DO_NOTHING,
            null=True,
            related_name="+",
            db_constraint=False,
        )
        return extra


for _model in KEPT:
    simple_history.register(
        _model,
        records_class=Records,
        app="billing",
        bases=[Was],
        table_name=f"billing_was_{_model._meta.model_name}",
    )


def history_of(model: type[models.Model]) -> type[models.Model]:
    """The model that keeps what rows of another said."""
    found: type[models.Model] = model.history.model  # type: ignore[attr-defined]
    return found


def keep_what_was(
    sender: type[models.Model],
    instance: models.Model,
    *,
    raw: bool = False,
    **kwargs: Any,
) -> None:
    """Before the first change of a row that was imported, or is older than this: as it was.

    After a change only what it became can be read, so without this nobody could say what it changed.
    """
    if raw or instance._state.adding or instance.pk is None:
        return
    history = history_of(sender)
    if history._default_manager.filter(**{sender._meta.pk.name: instance.pk}).exists():
        return
    before = sender._base_manager.filter(pk=instance.pk).first()
    if before is not None:
        said = {field.attname: getattr(before, field.attname) for field in history.tracked_fields}  # type: ignore[attr-defined]
        history(
            history_date=timezone.now(), history_type="+", history_change_reason=AS_IT_WAS, **said
        ).save()


AS_IT_WAS = "As it was"

for _model in KEPT:
    pre_save.connect(keep_what_was, sender=_model, dispatch_uid=f"was-{_model.__name__}")
