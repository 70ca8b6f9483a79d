"""The forms that passkeys come by, for allauth (MFA_FORMS): whatever is sent, they only say no.

allauth's own take what a browser made as it comes, so that a broken one ends as a 500.
"""

from __future__ import annotations

from typing import Any

from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from cryptography.exceptions import InvalidSignature
from django import forms
from django.core.exceptions import ValidationError
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

NOT_READ = "This passkey could not be read. Try again, or use a code."
LONGEST = 20_000


class CredentialField(forms.JSONField):
    """What the browser made, still to be verified; `kind` says whether for adding or for using."""

    widget = forms.HiddenInput

    def __init__(self, kind: Any) -> None:
        super().__init__(error_messages={"required": NOT_READ})
        self.kind = kind

    def to_python(self, value: Any) -> Any:
        try:
            if len(value or "") > LONGEST:
                raise ValueError("too long")
            found = super().to_python(value)
            if found is not None:
                self.kind.from_dict(found)
        except (
            AttributeError, LookupError, RecursionError, TypeError, ValueError, ValidationError,
        ) as error:  # fmt: skip
            raise ValidationError(NOT_READ) from error
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Nothing: each try makes a new one."""
        return initial


class AddPasskey(AddWebAuthnForm):
    name = forms.CharField(required=False, max_length=60, label="Name")
    credential = CredentialField(RegistrationResponse)


class RenamePasskey(EditWebAuthnForm):
    name = forms.CharField(max_length=60, label="Name")


class _Verified:
    """A signature of another key is a wrong one, no error of ours."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except InvalidSignature as error:
            raise ValidationError(NOT_READ) from error


class UsePasskey(_Verified, AuthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)


class ConfirmByPasskey(_Verified, ReauthenticateWebAuthnForm):
    credential = CredentialField(AuthenticationResponse)
