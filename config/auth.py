"""Who is signed in, what they set for themselves, and what they may do, in one query."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, User
from django.db.models import F, Func, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Concat

from config.roles import held_by, rights_of


class Listed(Func):
    """All values of a subquery in one, with commas between."""

    function = "GROUP_CONCAT"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = "STRING_AGG(%(expressions)s, ',')"
        return self.as_sql(compiler, connection, template=template, **more)


class DeskBackend(ModelBackend):
    """Django's own, but a request's user comes with what every page asks for."""

    def get_user(self, user_id: Any) -> User | None:
        """With their settings, the name of their role, and their rights."""
        role = Group.objects.filter(user=OuterRef("pk")).order_by("name").values("name")[:1]
        right = Concat(F("content_type__app_label"), Value("."), F("codename"))
        rights = held_by(OuterRef(OuterRef("pk"))).annotate(listed=Listed(right)).values("listed")
        found = User.objects.select_related("desk_settings").annotate(
            role=Subquery(role), rights=Subquery(rights)
        )
        user = found.filter(pk=user_id).first()
        if user is None or not self.user_can_authenticate(user):
            return None
        user._rights = frozenset(  # type: ignore[attr-defined]
            (user.rights or "").split(",")
        ) - {""}
        return user

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Those of their roles and their own."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        return set(rights_of(user_obj))
