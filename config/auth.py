"""Who is signed in, and what they set for themselves, in one query."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User


class DeskBackend(ModelBackend):
    """Django's own, but a request's user comes with their settings: every page asks for them."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("desk_settings").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
