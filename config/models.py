"""Sign-ins: Django's sessions, but each knows whose it is."""

from __future__ import annotations

import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

# What is kept in one, by these names.
SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "seen_at"
SIGNED_IN_FROM = "signed_in_from"
SIGNED_IN_WITH = "signed_in_with"


class SignInQuerySet(models.QuerySet["SignIn"]):
    def standing(self) -> SignInQuerySet:
        """Those whose time is not over yet."""
        return self.filter(expire_date__gt=timezone.now())

    def of(self, people: Any) -> SignInQuerySet:
        """Those of these people, wherever they signed in."""
        return self.filter(user__in=people)


class SignInManager(BaseSessionManager.from_queryset(SignInQuerySet)):  # type: ignore[misc]
    """Django's, which writes sessions, with words of ours."""


class SignIn(AbstractBaseSession):
    """A session on the server. With the person beside it, all of a lost laptop can be ended."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sign_ins"
    )

    objects: ClassVar[Any] = SignInManager()

    class Meta(AbstractBaseSession.Meta):
        verbose_name = "sign-in"
        verbose_name_plural = "sign-ins"

    def __str__(self) -> str:
        return "sign-in"  # never its key, with which anybody could go on in it

    @cached_property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = self.get_decoded()
        return kept

    @property
    def since(self) -> datetime.datetime:
        return _moment(self._kept.get(SIGNED_IN_AT, 0))

    @property
    def seen(self) -> datetime.datetime:
        """When somebody was at that desk last, to the minute."""
        return _moment(self._kept.get(SEEN_AT, 0))

    @property
    def address(self) -> str:
        return self._kept.get(SIGNED_IN_FROM) or ""

    @property
    def browser(self) -> str:
        return self._kept.get(SIGNED_IN_WITH) or ""

    @classmethod
    def get_session_store_class(cls) -> Any:
        from config.session_store import SessionStore

        return SessionStore


def _moment(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
