"""The form of the sign-in page."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm


class SignInForm(LoginForm):
    """allauth's, with the cursor where typing begins: a desk signs in many times a day."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begins_in = "password" if self.is_bound and self.data.get("login") else "login"
        self.fields[begins_in].widget.attrs["autofocus"] = True
