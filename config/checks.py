"""What `manage.py check --deploy` looks at besides Django's own: nothing of the demo is left."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError


@register(Tags.security, deploy=True)
def no_public_passwords(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Nobody may sign in to a server with the demo clinic's password, which stands in the README."""
    from billing.demo.cast import LOGINS, PASSWORD

    names = [str(login["username"]) for login in LOGINS]
    try:
        people = list(User.objects.filter(username__in=names, is_active=True))
    except DatabaseError:
        return []  # no tables yet, so nobody to sign in
    return [
        Error(
            f"The log-in “{person.username}” has the demo clinic's password, which is public.",
            hint=f"manage.py changepassword {person.username}",
            id="remit.E001",
        )
        for person in people
        if check_password(PASSWORD, person.password)
    ]
