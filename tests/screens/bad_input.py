"""What people, pasted tables and made-up forms put into a payment, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.money import NOT_AN_AMOUNT, TOO_LARGE, TOO_MANY_DECIMALS
from tests.ledger.books import digest

# What is typed, and the sentence that answers it.
BAD_AMOUNTS = {
    "NaN": NOT_AN_AMOUNT,
    "1e9": NOT_AN_AMOUNT,
    "Infinity": NOT_AN_AMOUNT,
    "２００": NOT_AN_AMOUNT,
    "٢٠٠": NOT_AN_AMOUNT,
    "²": NOT_AN_AMOUNT,
    "1_000": NOT_AN_AMOUNT,
    "1,00": NOT_AN_AMOUNT,
    "1 000": NOT_AN_AMOUNT,
    "0x10": NOT_AN_AMOUNT,
    "--5": NOT_AN_AMOUNT,
    "-0": NOT_AN_AMOUNT,
    "twenty": NOT_AN_AMOUNT,
    "20\0": NOT_AN_AMOUNT,
    "20\n": NOT_AN_AMOUNT,
    "<script>": NOT_AN_AMOUNT,
    "1.005": TOO_MANY_DECIMALS,
    "9" * 30: TOO_LARGE,
    "9" * 300: TOO_LARGE,
    "100000000": TOO_LARGE,
}

BAD_DATES = {
    "": "Enter the date it was received.",
    "2025-02-30": "Enter a date like 2025-11-18.",
    "0001-01-01": "The date is too long ago. Check the year.",
    "0000-01-01": "Enter a date like 2025-11-18.",
    "9999-12-31": "The date is in the future.",
    "10000-01-01": "Enter a date like 2025-11-18.",
    "11/18/2025": "Enter a date like 2025-11-18.",
    "２０２５-11-18": "Enter a date like 2025-11-18.",
    "2025-11-18\0": "Enter a date like 2025-11-18.",
    "yesterday": "Enter a date like 2025-11-18.",
}

# Fields of the rows that a form never sets.
FORGED = {
    "created_by": "999",
    "created_at": "2001-01-01",
    "number": "IP-9999",
    "kind": "void",
    "reversed": "on",
    "allocated": "0",
    "returned": "500",
    "unallocated": "9999",
    "patient_id": "1",
    "source": "1",
    "original": "1",
    "over_allocation_reason": "because",
    "note": "forged",
}

TOO_OLD = "This form is too old to be saved. Your typing is kept: save again."


def text(response: Any) -> str:
    """The page as read: its white space made single, its entities characters."""
    return unescape(" ".join(response.content.decode().split()))


@contextmanager
def nothing_happens() -> Iterator[None]:
    """Not one row of any money table is written, changed or removed."""
    before = digest()
    yield
    assert digest() == before, "something was written"


def refused(client: Client, url: str, form: dict[str, Any], *sentences: str) -> str:
    """Posting the form says exactly these things to fix, and changes nothing; returns the page."""
    with nothing_happens():
        answer = client.post(url, form)
    assert answer.status_code == 200
    page = text(answer)
    assert "<title>Error: " in page
    things = "1 thing" if len(sentences) == 1 else f"{len(sentences)} things"
    assert f" is not saved yet. {things} to fix:" in page
    summary = page[page.index('class="errsum"') :]
    summary = summary[: summary.index("</div>")]
    for sentence in sentences:
        assert sentence in summary
    return page


def queries(client: Client, method: str, url: str, *args: Any, **kwargs: Any) -> list[str]:
    """The SQL of one request."""
    with CaptureQueriesContext(
        connection,
    ) as caught:
        answer = getattr(client, method)(url, *args, **kwargs)
    assert answer.status_code in (200, 302)
    return [query["sql"] for query in caught]


def writes(statements: list[str]) -> list[str]:
    """Those that write, but for what keeps who looked at whom (docs/decisions/0018)."""
    verbs = ("INSERT", "UPDATE", "DELETE", "REPLACE")
    return [
        each
        for each in statements
        if each.lstrip().upper().startswith(verbs) and "INTO billing_auditevent" not in each
    ]
