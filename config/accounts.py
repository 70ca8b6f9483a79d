"""Who may have an account: people an administrator has added, nobody else."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from billing.audit.address import client_address


class ClosedSignup(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "The username or the password is not right."
        " Capital letters count in both.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_notification_mail(self, *args: object, **kwargs: object) -> None:
        """Remit sends no mail: not every clinic has a server for it, and none has to."""


def typed_name(request: HttpRequest, credentials: dict[str, str] | None) -> str:
    """The name somebody tried to sign in with, for django-axes. Whatever is typed must fit into
    its column; no name of ours is longer."""
    return (credentials or {}).get("username", "")[:150]


def client_ip(request: HttpRequest) -> str | None:
    """The address a log-in came from, for django-axes: as allauth sees it, which knows how many
    proxies may be believed (TRUSTED_PROXY_COUNT). None when a program signs somebody in."""
    return client_address(request) or None
