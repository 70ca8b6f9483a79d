"""Who is signed in, what they set for themselves, and what they may do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, User
from django.db.models import OuterRef, Subquery

from config.roles import rights_of


class DeskBackend(ModelBackend):
    """Django's own, but a request's user comes with what every page asks for."""

    def get_user(self, user_id: Any) -> User | None:
        """With their settings and the name of their role, in one query."""
        role = Group.objects.filter(user=OuterRef("pk")).order_by("name").values("name")[:1]
        found = User.objects.select_related("desk_settings").annotate(role=Subquery(role))
        user = found.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Those of their roles and their own, in one query."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        return set(rights_of(user_obj))
