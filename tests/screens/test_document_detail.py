"""A document again, as it was issued."""

from __future__ import annotations

import pytest
from django.test import Client

from billing import documents
from billing.models import Clinic
from tests.documents.reading import draft_of, words
from tests.screens.desk import Desk, seed2, text
from tests.screens.paper import pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def test_a_document_is_an_inline_pdf_that_no_cache_keeps(desk: Desk) -> None:
    issued = documents.issue(draft_of(desk.smith), by=desk.ana)
    answer = desk.client.get(f"/documents/{issued.number}/")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="DOC-0001-statement.pdf"'
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "DENY"
    # No more, or the browser's own viewer would not be let in.
    assert set(answer["Content-Security-Policy"].split("; ")) == {
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    }
    assert "John Smith" in words(answer.content)


def test_it_is_for_people_who_are_signed_in(desk: Desk) -> None:
    issued = documents.issue(draft_of(desk.smith), by=desk.ana)
    answer = Client().get(f"/documents/{issued.number}/")
    assert answer["Location"].startswith("/accounts/login/")


def test_what_was_never_issued_is_404(desk: Desk) -> None:
    for number in ("DOC-0001", "x" * 3000, "%27"):
        assert desk.client.get(f"/documents/{number}/").status_code == 404
    assert desk.client.post("/documents/DOC-0001/").status_code == 405


def test_pages_and_documents_bear_the_clinics_name(desk: Desk) -> None:
    assert "Your clinic</title>" in text(desk.client.get("/"))
    Clinic.objects.create(name="Pine & Co")
    assert "Pine &amp; Co</title>" in text(desk.client.get("/"))
    clinic = Clinic.current()
    clinic.name = "Oak"
    clinic.save()
    assert "Oak</title>" in text(desk.client.get("/"))
    assert "Oak" in pdf_words(
        desk.client, desk.client.post(f"/payments/{desk.receipt.number}/receipt/")
    )
