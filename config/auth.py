"""Who is signed in, what they set for themselves, and what they may do, in one query."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, User
from django.db import connection
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


SOMEBODY = -1  # stands for their key


@cache
def _worded(vendor: str) -> tuple[str, tuple[Any, ...]]:
    """The query for somebody, in SQL. Every request asks it, and Django takes longer to word it than
    the database to answer."""
    role = Group.objects.filter(user=OuterRef("pk")).order_by("name").values("name")[:1]
    right = Concat(F("content_type__app_label"), Value("."), F("codename"))
    rights = held_by(OuterRef(OuterRef("pk"))).annotate(listed=Listed(right)).values("listed")
    found = User.objects.annotate(
        role=Subquery(role), rights=Subquery(rights), letter_keys=F("desk_settings__letter_keys")
    )
    return found.filter(pk=SOMEBODY).query.sql_with_params()


class DeskBackend(ModelBackend):
    """Django's own, but a request's user comes with what every page asks for."""

    def get_user(self, user_id: Any) -> User | None:
        """With their settings, the name of their role, and their rights."""
        sql, values = _worded(connection.vendor)
        found = User.objects.raw(sql, [user_id if each == SOMEBODY else each for each in values])
        user: Any = next(iter(found), None)
        if user is None or not self.user_can_authenticate(user):
            return None
        user._rights = frozenset((user.rights or "").split(",")) - {""}
        own = None
        if user.letter_keys is not None:
            settings = apps.get_model("billing", "DeskSettings")
            own = settings(user=user, letter_keys=bool(user.letter_keys))
        user._state.fields_cache["desk_settings"] = own
        return user

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Those of their roles and their own."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        return set(rights_of(user_obj))
