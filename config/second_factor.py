"""The second factor: who has to have one, and how its secrets are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from billing.models import clinic_name
from config.vault import vault

# Open to somebody who has yet to set up a second factor: what that takes, and the way out.
OPEN = {
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "account_session",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "favicon",
    "healthz",
}


SET_UP_HERE = "second_factor_set_up"


class SecondFactors(DefaultMFAAdapter):
    """allauth's, but its secrets are encrypted, so that a copy of the database signs nobody in.

    The key is made of SECRET_KEY. Whoever changes that keeps the old one in SECRET_KEY_FALLBACKS,
    or all second factors have to be set up again.
    """

    def encrypt(self, text: str) -> str:
        return vault("second factors").encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return vault("second factors").decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        """What a new passkey is called unless its owner says otherwise."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def get_totp_issuer(self) -> str:
        """What the app on the phone shows above the code."""
        return clinic_name()


def is_required_for(user: User | AnonymousUser) -> bool:
    """Whether this person may do nothing at all before a second factor is set up."""
    who = settings.SECOND_FACTOR_FOR
    return user.is_authenticated and (
        who == "everybody" or (who == "administrators" and (user.is_staff or user.is_superuser))
    )


class RequireSecondFactor:
    """Lead those who need a second factor to setting it up; until then nothing else opens.

    Sets `request.second_factor_missing`, for pages that then show no navigation.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        missing = is_required_for(request.user) and not _was_shown(request)
        request.second_factor_missing = missing  # type: ignore[attr-defined]
        if missing and is_mfa_enabled(request.user):
            # Who has one and did not show it came in by some side door: back to the front door.
            logout(request)
            return redirect_to_login(request.get_full_path(), reverse("account_login"))
        if missing and request.resolver_match and request.resolver_match.view_name not in OPEN:
            return HttpResponseRedirect(reverse("mfa_activate_totp"))
        return None


def note_set_up(request: HttpRequest, **kwargs: Any) -> None:
    """Whoever sets one up has it at hand. (Receives allauth's `authenticator_added`.)"""
    request.session[SET_UP_HERE] = True


def _was_shown(request: HttpRequest) -> bool:
    """At this sign-in, or set up in it. From the session: no query for each page."""
    if request.session.get(SET_UP_HERE):
        return True
    records = get_authentication_records(request, request.user)
    return any(record["method"] == "mfa" for record in records)
