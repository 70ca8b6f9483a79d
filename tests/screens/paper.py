"""What the tests of screens with documents share."""

from __future__ import annotations

from typing import Any

from django.test import Client

from billing.models import Document, NumberSeries
from tests.documents.reading import words

# What people and made-up addresses put into a period, and the sentence that answers it.
BAD_PERIODS: list[tuple[dict[str, str], str]] = [
    ({"from": "2025-02-30", "to": ""}, "Enter a date like 2025-11-18."),
    ({"from": "", "to": ""}, "Enter the last day."),
    ({"from": "", "to": "2999-01-01"}, "The date is in the future."),
    ({"from": "9999-12-31", "to": "2025-01-01"}, "The date is in the future."),
    ({"from": "0001-01-01", "to": "2025-01-01"}, "The date is too long ago. Check the year."),
    ({"from": "2025-03-01", "to": "2025-02-01"}, "To is before From."),
    ({"from": "２０２５-01-01", "to": "2025-02-01"}, "Enter a date like 2025-11-18."),
    ({"from": "2025-01-01\0", "to": "x" * 5000}, "Enter a date like 2025-11-18."),
]


def pdf_words(client: Client, answer: Any) -> str:
    """The words of the PDF a form led to."""
    assert answer.status_code == 302, answer.content.decode()[:2000]
    pdf = client.get(answer["Location"])
    assert pdf["Content-Type"] == "application/pdf"
    return words(pdf.content)


def nothing_issued() -> bool:
    return not Document.objects.exists() and not NumberSeries.objects.filter(prefix="DOC").exists()
