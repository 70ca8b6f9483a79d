"""Where sessions lie (`SESSION_ENGINE`): in the database, each with whose it is."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import OperationalError


class SessionStore(DatabaseStore):
    """Django's own, writing `SignIn.user` with what it saves anyway."""

    @classmethod
    def get_model_class(cls) -> Any:
        from config.models import SignIn  # models are loaded only later

        return SignIn

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  (Django's own)
        """A database that is away is just that. Django would say that the session was deleted, and
        answer 400 "nothing was saved" to a payment that may well be."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError):
                raise error.__context__ from None
            raise

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        instance: Any = super().create_model_instance(data)
        person = data.get(SESSION_KEY)
        instance.user_id = int(person) if person is not None else None
        return instance
