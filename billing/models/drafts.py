"""Drafts: insurance payments that somebody began to type and did not save yet."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models import Case, Exists, OuterRef, When
from django.utils import timezone

from billing.models.submissions import Submission
from billing.money import MoneyField
from patients.models import Payer


class PaymentDraftQuerySet(models.QuerySet["PaymentDraft"]):
    def unfinished(self) -> PaymentDraftQuerySet:
        """Those whose payment was not saved: one that arrives late with its form is no draft."""
        return self.exclude(Exists(Submission.objects.filter(key=OuterRef("key"))))

    def with_names(self) -> PaymentDraftQuerySet:
        return self.select_related("owner", "payer")

    def newest_first(self) -> PaymentDraftQuerySet:
        return self.order_by("-updated_at", "-pk")

    def own_first(self, user: AbstractBaseUser) -> PaymentDraftQuerySet:
        """What `user` began, then what colleagues did, each the latest first."""
        others = Case(When(owner_id=user.pk, then=0), default=1)
        return self.order_by(others, "-updated_at", "-pk")


class PaymentDraft(models.Model):
    """The fields of an insurance payment's form as they were last typed. No money row knows it.

    `key` is the form's own, so that saving the payment finds its draft; whoever typed last owns
    it. `data` is field name → text, or the list of them for `lines` and `offsets`. `amount` and
    `unallocated` are for the lists, and empty while something typed is no amount.
    """

    key = models.UUIDField(unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    payer = models.ForeignKey(Payer, models.CASCADE, null=True, blank=True, related_name="+")
    data = models.JSONField()
    amount = MoneyField(null=True, blank=True)
    unallocated = MoneyField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = PaymentDraftQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-updated_at"], name="draft_newest")]

    def __str__(self) -> str:
        return f"Draft of {self.updated_at:%d %b %Y %H:%M}"

    @property
    def version(self) -> str:
        """Which state of the draft this is: another one each time it is kept."""
        return f"{self.updated_at.timestamp():.6f}"

    @property
    def reference(self) -> str:
        """The check or EFT number as typed so far, which tells two drafts of one payer apart."""
        return str(self.data.get("reference", ""))[:40]
