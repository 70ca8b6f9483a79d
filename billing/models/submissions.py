"""Submissions: which forms were already carried out (rule R10)."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from billing.models.payments import Payment


class Submission(models.Model):
    """One form carried out, written in the transaction of the rows it caused.

    The key was made with the form, so a second click, a reload or a retry after a lost answer
    finds it; the fingerprint tells the same form from another one under the same key. `payment`
    is filled in once, when the verb has written it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    key = models.UUIDField()
    verb = models.CharField(max_length=20)
    fingerprint = models.CharField(max_length=64)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="r10_form_carried_out_once")
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.key}"
