"""Sign-ins: Django's sessions, but each knows whose it is."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone


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

    @classmethod
    def get_session_store_class(cls) -> Any:
        from config.session_store import SessionStore

        return SessionStore
