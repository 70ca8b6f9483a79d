"""The forms of the patients' screens, as a browser sends them, and how a refusal looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

from django.test import Client

from patients.models import Coverage, Patient, PatientWord

SCRIPT = "<script>alert(1)</script>"
NULL = "Null characters are not allowed."

PERSON = {
    "family_name": "Okafor",
    "given_name": "Ada",
    "birth_date": "2015-06-01",
    "note": "",
    "phone": "",
    "email": "",
    "address_line1": "",
    "address_line2": "",
    "city": "",
    "state": "",
    "postal_code": "",
    "guarantor": "",
}
POLICY = {"payer": "", "member_id": "", "group_number": "", "start": "", "end": ""}

BAD_BIRTH_DATES = {
    "": "Enter the date of birth.",
    "9999-12-31": "The date of birth is in the future.",
    "1899-12-31": "The date of birth is before 1900. Check the year.",
    "0001-01-01": "The date of birth is before 1900. Check the year.",
    "0000-01-01": "Enter a date like 2025-11-18.",
    "2025-02-30": "Enter a date like 2025-11-18.",
    "10000-01-01": "Enter a date like 2025-11-18.",
    "05/17/1980": "Enter a date like 2025-11-18.",
    "１９８０-05-17": "Enter a date like 2025-11-18.",
    "1980-05-17\0": "Enter a date like 2025-11-18.",
    "yesterday": "Enter a date like 2025-11-18.",
}


def text(response: Any) -> str:
    """The page as read: its white space made single, its entities characters."""
    return unescape(" ".join(response.content.decode().split()))


def seen(client: Client, url: str) -> str:
    """What the form says the record was, when it was drawn."""
    found = re.search(r'name="seen" value="([^"]*)"', client.get(url).content.decode())
    assert found
    return found.group(1)


def _everything() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Patient, Coverage)] + [
        PatientWord.objects.count()
    ]


@contextmanager
def nothing_is_saved() -> Iterator[None]:
    before = _everything()
    yield
    assert _everything() == before


def refused(client: Client, url: str, form: dict[str, Any], *sentences: str) -> str:
    """Posting the form says exactly these things to fix, and saves nothing; returns the page."""
    with nothing_is_saved():
        answer = client.post(url, form)
    assert answer.status_code == 200
    page = text(answer)
    assert "<title>Error: " in page
    assert SCRIPT not in answer.content.decode()
    things = "1 thing" if len(sentences) == 1 else f"{len(sentences)} things"
    assert f"is not saved yet. {things} to fix:" in page, page
    summary = page[page.index('class="errsum"') :]
    summary = summary[: summary.index("</div>")]
    for sentence in sentences:
        assert sentence in summary, summary
    return page
