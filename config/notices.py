"""Messages that wait for the next page, such as "Registered Smith, John"."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage

from config.vault import vault


class SealedCookie(CookieStorage):
    """Django's, which writes nothing to the database, but nobody reads names in it."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"

    def _encode_parts(self, messages: Any, encode_empty: bool = False) -> Any:  # noqa: FBT001, FBT002
        plain = super()._encode_parts(messages, encode_empty)  # type: ignore[misc]
        return vault("messages").encrypt(plain.encode()).decode() if plain else plain

    def _decode(self, data: Any) -> Any:
        if not data:
            return None
        try:
            plain = vault("messages").decrypt(data.encode()).decode()
        except InvalidToken:  # made up, or sealed with a key that is gone
            return None
        return super()._decode(plain)  # type: ignore[misc]


class SealedMessages(FallbackStorage):
    """In the cookie; what is too long for one, in the session."""

    storage_classes = (SealedCookie, SessionStorage)
