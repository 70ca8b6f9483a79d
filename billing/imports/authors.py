"""Whose entries an import from the command line makes."""

from __future__ import annotations

from django.contrib.auth.models import Group, User


class NoSuchUser(Exception):
    """The person named is not there. The text says so."""


def author(username: str | None, *, own: str, called: str, role: str) -> User:
    """The user named, or else `own`: one of the import's own that nobody can log in as.

    That one has the role the import's work takes; the ledger asks everybody alike.
    """
    if username is not None:
        try:
            return User.objects.get(username=username)
        except User.DoesNotExist:
            raise NoSuchUser(f"There is no user {username}.") from None
    user, new = User.objects.get_or_create(
        username=own, defaults={"last_name": called, "is_active": False}
    )
    if new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    user.groups.set(Group.objects.filter(name=role))
    return user
