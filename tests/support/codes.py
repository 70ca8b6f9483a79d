"""What an authenticator app does: a code from a secret and the time."""

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value


def code_of_app(secret: str, *, steps_later: int = 0) -> str:
    """The app's code now, or half minutes later: each is good for one sign-in only."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps_later))
