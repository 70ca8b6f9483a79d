"""Submissions: which forms were already carried out (rule R10)."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, models
from django.utils import timezone

from billing.chain.acts import note
from billing.models.payments import Payment


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def of_form(self, user: AbstractBaseUser, key: UUID) -> SubmissionQuerySet:
        """What was carried out under this key by this user."""
        return self.filter(user_id=user.pk, key=key)


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

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="r10_form_carried_out_once")
        ]
        # Whether somebody else carried out the same form, or a draft was saved since.
        indexes = [models.Index(fields=["key"], name="submission_key")]

    def __str__(self) -> str:
        return f"{self.verb} {self.key}"

    def taken(self) -> bool:
        """Write it, unless its key was used before: then nothing is written, and this is false.

        On PostgreSQL a copy of the form that is at work just now is waited for.
        """
        key = models.UUIDField().get_db_prep_value(self.key, connection)
        now = connection.ops.adapt_datetimefield_value(self.created_at)
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [self.user_id, key, self.verb, self.fingerprint, now])
            row = cursor.fetchone()
        if row:
            self.pk = row[0]
            note(Submission, [self.pk])
        return row is not None

    def answer(self, payment: Payment) -> None:
        """Name the payment that was written under this key."""
        self.payment = payment
        with connection.cursor() as cursor:
            cursor.execute(ANSWER, [payment.pk, self.pk])


TAKE = (
    "INSERT INTO billing_submission (user_id, key, verb, fingerprint, created_at)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id, key) DO NOTHING RETURNING id"
)
ANSWER = "UPDATE billing_submission SET payment_id = %s WHERE id = %s"
