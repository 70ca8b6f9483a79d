"""An invoice, printed as it stands."""

from __future__ import annotations

import pytest

from billing.models import Document
from tests.factories import (
    InvoiceFactory,
)
from tests.screens.desk import Desk, seed2
from tests.screens.lists import look
from tests.screens.paper import pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def test_an_invoice_is_printed_as_it_stands_once(desk: Desk) -> None:
    url = f"/invoices/{desk.line.invoice}/print/"
    assert "Print invoice" in look(desk.client, f"/invoices/{desk.line.invoice}/").words
    words = pdf_words(desk.client, desk.client.post(url))
    assert "Amount due $30.00" in words
    assert desk.client.post(url)["Location"] == "/documents/DOC-0001/"
    assert Document.objects.count() == 1


def test_looking_prints_nothing_and_drafts_cannot_be_printed(desk: Desk) -> None:
    assert desk.client.get(f"/invoices/{desk.line.invoice}/print/").status_code == 405
    InvoiceFactory(issued=False)
    for number in ("None", "INV-9999"):
        assert desk.client.post(f"/invoices/{number}/print/").status_code == 404
    assert not Document.objects.exists()
