"""A draft of an insurance payment: which fields of the form it keeps, and the form it gives back."""

from __future__ import annotations

import re
from typing import Any

from django.http import QueryDict

from billing.models import PaymentDraft

STRIP = ("payer", "method", "reference", "date", "amount")
LISTS = ("lines", "offsets")
OF_A_ROW = re.compile(r"(line-[0-9_]{1,21}|offset-\d{1,2})-[a-z_-]{1,20}", re.ASCII)
LONGEST = 5_000  # of one field: a `says` field; what is typed is far shorter
MOST = 500_000  # characters of one draft: a thousand sessions, filled


def kept(data: QueryDict) -> dict[str, Any] | None:
    """The typed fields of a posted form, or None where they are too much to keep.

    Without NUL, which PostgreSQL's JSON refuses.
    """
    fields: dict[str, Any] = {
        name: _plain(text)
        for name, text in data.items()
        if text and (name in STRIP or OF_A_ROW.fullmatch(name))
    }
    for name in LISTS:
        fields[name] = [_plain(text) for text in data.getlist(name)]
    size = sum(len(name) + len(text) for name, text in fields.items() if isinstance(text, str))
    size += sum(len(text) + 3 for name in LISTS for text in fields[name])
    return fields if size <= MOST else None


def _plain(text: Any) -> str:
    return str(text).replace("\0", "")[:LONGEST]


def nothing_in(fields: dict[str, Any]) -> bool:
    """Whether nobody typed anything yet that would be missed."""
    return not (
        fields["lines"]
        or fields["offsets"]
        or any(map(fields.get, ("payer", "reference", "amount")))
    )


def form_data(draft: PaymentDraft) -> QueryDict:
    """The draft as the form would post it."""
    data = QueryDict(mutable=True)
    for name, kept_ in draft.data.items():
        data.setlist(name, kept_ if isinstance(kept_, list) else [kept_])
    return data
