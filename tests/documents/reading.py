"""Reading PDFs back, and making drafts of what a test has booked."""

from __future__ import annotations

import datetime
import io
from typing import Any

from django.utils import timezone
from pypdf import PdfReader

from billing import balances, documents
from billing.documents.render import render_with_warnings
from billing.models import Clinic
from patients.models import Patient


def pages(pdf: bytes) -> list[str]:
    """The words of each page, with single spaces."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def words(pdf: bytes) -> str:
    return " ".join(pages(pdf))


def printed(draft: documents.Draft) -> str:
    """The words of a draft as it would be printed. Nothing Typst complains about passes."""
    stamped = {**draft.data, "number": "DOC-0001", "issued_on": "27 Nov 2025", "due_on": ""}
    pdf, warnings = render_with_warnings(draft.kind, [stamped])
    assert warnings == []
    return words(pdf)


def statement_of(
    patient: Patient, first: datetime.date | None = None, last: Any = None
) -> balances.PatientStatement:
    return balances.statement(patient, first=first, last=last or timezone.localdate())


def draft_of(
    patient: Patient, first: datetime.date | None = None, last: Any = None
) -> documents.Draft:
    return documents.statement(Clinic.current(), [statement_of(patient, first, last)])
