"""What signing in, second factors and roles report, kept as events.

These parts are other people's packages and Django's own, and signals are how they tell. Nothing of ours
is done by a signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_reset
from axes.signals import user_locked_out
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from simple_history.models import HistoricalRecords

from billing.audit.address import client_address
from billing.audit.recording import record
from billing.models import AuditEvent, EventKind

LONGEST = AuditEvent._meta.get_field("what").max_length or 0
FLAGS = ("is_active", "is_staff", "is_superuser")


def connect() -> None:
    """Listen, from when Django has started."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit")
    user_logged_out.connect(_signed_out, dispatch_uid="audit")
    user_login_failed.connect(_failed, dispatch_uid="audit")
    user_locked_out.connect(_locked_out, dispatch_uid="audit")
    authenticator_added.connect(_factor_added, dispatch_uid="audit")
    authenticator_reset.connect(_factor_added, dispatch_uid="audit")
    # However it goes, by allauth's pages or in the administration: it is told once.
    post_delete.connect(_factor_removed, sender=Authenticator, dispatch_uid="audit")
    pre_save.connect(_user_changed, sender=User, dispatch_uid="audit")
    post_save.connect(_user_added, sender=User, dispatch_uid="audit")
    pre_delete.connect(_role_deleted, sender=Group, dispatch_uid="audit")
    for through in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(_roles_changed, sender=through, dispatch_uid=f"audit-{through}")


def _signed_in(request: Any, user: Any, **kwargs: Any) -> None:
    record(EventKind.SIGNED_IN, user=user, address=client_address(request))


def _signed_out(request: Any, user: Any, **kwargs: Any) -> None:
    if user:
        record(EventKind.SIGNED_OUT, user=user, address=client_address(request))


def _failed(credentials: Any, request: Any = None, **kwargs: Any) -> None:
    """Whose log-in it was, where the name is one of ours: what else is typed into that box may
    be a password."""
    user = _named((credentials or {}).get("username"))
    record(EventKind.FAILED, user=user, address=client_address(request))


def _locked_out(request: Any, username: Any = None, **kwargs: Any) -> None:
    record(EventKind.LOCKED_OUT, user=_named(username), address=client_address(request))


def _named(username: Any) -> User | None:
    typed = str(username or "")[:150].replace("\0", "")
    return User.objects.filter(username=typed).first() if typed else None


def _factor_added(request: Any, user: Any, authenticator: Any, **kwargs: Any) -> None:
    what = str(authenticator.type)
    record(EventKind.FACTOR_ADDED, user=user, what=what, address=client_address(request))


def _factor_removed(instance: Authenticator, **kwargs: Any) -> None:
    by, address = _who()
    record(
        EventKind.FACTOR_REMOVED,
        user=by,
        what=f"{instance.type}{_of_whom(instance.user_id, by)}",
        address=address,
    )


# ---------------------------------------------------------------------------- who may do what


def _who() -> tuple[Any, str]:
    """Who is at work, and from where; nobody for a program."""
    request = getattr(HistoricalRecords.context, "request", None)
    user = getattr(request, "user", None)
    return (user if user and user.is_authenticated else None), client_address(request)


def _of_whom(pk: int, by: Any) -> str:
    return "" if by and by.pk == pk else f" of user {pk}"


def _user_changed(
    instance: User, *, raw: bool = False, update_fields: Any = None, **kwargs: Any
) -> None:
    if raw or not instance.pk:
        return
    before = User.objects.filter(pk=instance.pk).values(*FLAGS, "password").first()
    if not before:
        return
    saved = {*FLAGS, "password"} if update_fields is None else set(update_fields)
    by, address = _who()
    changed = [
        f"{flag}: {getattr(instance, flag)}"
        for flag in FLAGS
        if flag in saved and getattr(instance, flag) != before[flag]
    ]
    if changed:
        what = f"user {instance.pk}: {', '.join(changed)}"
        record(EventKind.RIGHTS, user=by, what=what, address=address)
    if "password" in saved and instance.password != before["password"]:
        # Without a password that was typed: the same one hashed anew, or none any more.
        how = "" if getattr(instance, "_password", None) else " (what is stored of it only)"
        what = f"{_of_whom(instance.pk, by)}{how}".strip()
        record(EventKind.PASSWORD, user=by, what=what, address=address)


DID = {"post_add": "given", "post_remove": "taken away", "pre_clear": "all taken away"}


def _roles_changed(instance: Any, action: str, model: Any, pk_set: Any, **kwargs: Any) -> None:
    if action not in DID or pk_set == set():
        return
    names = _names(model.objects.filter(pk__in=pk_set or ()))
    whose = f"{instance._meta.model_name} {instance.pk}"
    _tell_rights(f"{whose}: {model._meta.model_name} {DID[action]}", names)


def _user_added(instance: User, *, created: bool, raw: bool = False, **kwargs: Any) -> None:
    """Somebody who may do more than others from the first moment on."""
    more = [f"{flag}: True" for flag in ("is_staff", "is_superuser") if getattr(instance, flag)]
    if created and not raw and more:
        _tell_rights(f"user {instance.pk} added", more)


def _role_deleted(instance: Group, **kwargs: Any) -> None:
    """With whom it was taken from, and what it gave them: no other signal tells of these."""
    people = list(User.objects.filter(groups=instance).order_by("pk").values_list("pk", flat=True))
    held = f"{len(people)} {'person' if len(people) == 1 else 'people'}"
    _tell_rights(f"group {instance.pk} deleted, of {held}", [instance.name])
    if people:
        _tell_rights(f"group {instance.pk} was of users", [str(pk) for pk in people])
    if rights := _names(instance.permissions.all()):
        _tell_rights(f"group {instance.pk} gave", rights)


def _names(rows: Any) -> list[str]:
    return sorted(
        each.name.removeprefix("Can ") if isinstance(each, Permission) else str(each)
        for each in rows
    )


def _tell_rights(opening: str, parts: Sequence[str]) -> None:
    """One event, or as many as all of it needs: nothing is cut off where there is much."""
    by, address = _who()
    for some in _that_fit(parts, LONGEST - len(opening) - 2):
        record(EventKind.RIGHTS, user=by, what=f"{opening}{some and ': '}{some}", address=address)


def _that_fit(parts: Sequence[str], room: int) -> Iterator[str]:
    line = ""
    for part in parts:
        if line and len(line) + 2 + len(part) > room:
            yield line
            line = ""
        line = f"{line}, {part}" if line else part
    yield line
