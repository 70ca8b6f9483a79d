"""Searching without names in addresses.

What is typed into the search box of a list is posted, and comes back sealed in the address of the
list: `?q=~gAAAAB…`. So it can be kept, sorted and paged like every list, and neither the browser's
history nor the log of a proxy tells whom somebody looked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.fernet import InvalidToken
from django import forms
from django.http import QueryDict

from config.vault import vault

SEARCH = "q"
LIST = "list"  # the box that says where the search leads
SEALED = "~"  # nobody's name, number or date begins with it
LONGEST = 200  # more than any box takes, so that the box still says that it was too much


def seal(typed: str) -> str:
    """What was typed, as only this clinic's server can read it."""
    return SEALED + vault("searches").encrypt(typed[:LONGEST].encode()).decode()


def unseal(text: str) -> str:
    """What was typed. A text that was never sealed is taken as it is; a broken seal as nothing."""
    if not text.startswith(SEALED):
        return text
    try:
        return vault("searches").decrypt(text.removeprefix(SEALED).encode()).decode()
    except InvalidToken:
        return ""


def address_of(path: str, typed: QueryDict) -> str:
    """Where a search leads: the list, with what was typed sealed and its other boxes as they are."""
    asked = typed.copy()
    for name in ("csrfmiddlewaretoken", LIST):
        asked.pop(name, None)
    words = asked.pop(SEARCH, [""])[-1].strip()
    for name, values in asked.lists():
        asked.setlist(name, [value[:LONGEST] for value in values])
    if words:
        asked[SEARCH] = seal(words)
    return f"{path}?{asked.urlencode()}" if asked else path


class SearchInput(forms.TextInput):
    """A search box: reads what is sealed in the address, and shows it as it was typed."""

    input_type = "search"

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        value = super().value_from_datadict(data, files, name)
        return unseal(value) if isinstance(value, str) else value
