"""Printing: a document again as it was issued, a patient's list, an invoice, a receipt."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing import documents, ledger
from billing.models import Clinic, Document
from tests.documents.reading import draft_of, words
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
)
from tests.factories.bills import day
from tests.screens.desk import Desk, seed2, text
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part
from tests.screens.paper import pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


# ---------------------------------------------------------------------------- document_detail


def test_a_document_is_an_inline_pdf_that_no_cache_keeps(desk: Desk) -> None:
    issued = documents.issue(draft_of(desk.smith), by=desk.ana)
    answer = desk.client.get(f"/documents/{issued.number}/")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="DOC-0001-statement.pdf"'
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Frame-Options"] == "DENY"
    # The browser's own viewer would not be let in.
    assert "Content-Security-Policy" not in answer
    assert "John Smith" in words(answer.content)


def test_it_is_for_people_who_are_signed_in(desk: Desk) -> None:
    issued = documents.issue(draft_of(desk.smith), by=desk.ana)
    answer = Client().get(f"/documents/{issued.number}/")
    assert answer["Location"].startswith("/accounts/login/")


def test_what_was_never_issued_is_404(desk: Desk) -> None:
    for number in ("DOC-0001", "x" * 3000, "%27"):
        assert desk.client.get(f"/documents/{number}/").status_code == 404
    assert desk.client.post("/documents/DOC-0001/").status_code == 405


# ---------------------------------------------------------------------------- patient_documents

LIST = "/patients/P1042/documents/"


def test_the_list_says_of_what_when_by_whom_and_what_replaced_it(desk: Desk) -> None:
    desk.client.post(f"/invoices/{desk.line.invoice}/print/")
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="30", on={desk.line: "30"}, ago=1)
    desk.client.post(f"/invoices/{desk.line.invoice}/print/")
    documents.issue(draft_of(desk.smith, day(9)), by=desk.ana)
    LineFactory()  # another patient's
    page = look(desk.client, LIST)
    for said in (
        f"DOC-0001 Invoice {desk.line.invoice}",
        "Ana Replaced by DOC-0002 Print again",
        "DOC-0003 Statement",
        f"{day(9):%d %b %Y} to {day(0):%d %b %Y}",
    ):
        assert said in page.table, page.table
    assert page.table.index("DOC-0003") < page.table.index("DOC-0001")
    assert page.table.count("Latest") == 2


def test_an_empty_list_says_what_will_stand_there(desk: Desk) -> None:
    assert "Nothing was issued yet" in look(desk.client, LIST).words
    assert desk.client.get("/patients/P9999/documents/").status_code == 404


def test_sorting_and_paging_by_odd_addresses(desk: Desk) -> None:
    documents.issue(draft_of(desk.smith), by=desk.ana)
    for odd in [*ODD, "number", "-kind", "issued"]:
        assert look(desk.client, LIST, {"sort": odd, "page": odd}).response.status_code == 200
    assert part(desk.client, LIST).html.startswith('<div id="document-list"')


def test_the_list_costs_the_same(desk: Desk) -> None:
    costs_the_same(
        desk.client,
        LIST,
        lambda n: documents.issue(draft_of(desk.smith, day(n + 1)), by=desk.ana),
    )
    assert len(look(desk.client, LIST).queries) <= 12


# ---------------------------------------------------------------------------- invoice_print


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


# ---------------------------------------------------------------------------- payment_receipt


def receipt_url(payment: Any) -> str:
    return f"/payments/{payment.number}/receipt/"


def test_a_receipt_shows_what_it_will_say_and_is_printed(desk: Desk) -> None:
    assert "Print receipt" in look(desk.client, f"/payments/{desk.receipt.number}/").words
    page = look(desk.client, receipt_url(desk.receipt))
    assert "Received $20.00" in page.words
    assert f"{desk.line.invoice}, 90834 Dr 1 20.00" in page.words
    assert "Issued before" not in page.words
    words = pdf_words(desk.client, desk.client.post(receipt_url(desk.receipt)))
    assert "Received $20.00" in words


def test_earlier_receipts_are_listed_with_what_became_of_them(desk: Desk) -> None:
    paid = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="10", ago=5)
    url = receipt_url(paid)
    desk.client.post(url)
    page = look(desk.client, url)
    assert "Issued as DOC-0001 already Print again" in page.words
    assert "Ana Says the same" in page.words
    AllocationFactory(payment=paid, line=desk.line, amount="10", ago=2)
    page = look(desk.client, url)
    assert "Print receipt" in page.words
    assert "Has changed since" in page.words
    desk.client.post(url)
    assert "Replaced by DOC-0001" not in look(desk.client, url).words
    assert "Replaced by DOC-0002" in look(desk.client, url).words


def test_an_insurers_receipt_has_no_patient(desk: Desk) -> None:
    check = InsurancePaymentFactory(
        payer=PayerFactory(name="BlueRiver"), amount="30", on={desk.line: "30"}
    )
    assert "Print receipt" in look(desk.client, f"/insurance-payments/{check.number}/").words
    words = pdf_words(desk.client, desk.client.post(receipt_url(check)))
    assert "BlueRiver" in words
    assert "Smith, John 30.00" in words
    assert Document.objects.get().patient is None


def test_moved_credit_is_no_receipt(desk: Desk) -> None:
    payment = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="10", ago=5)
    other = PatientFactory()
    moved = ledger.transfer(
        by=desk.ana,
        payment=payment,
        amount=payment.amount,
        patient=other,
        provider=desk.dr1,
        date=day(1),
        reason="Asked",
    ).receipt
    for number in (moved.number, "R-9999", "%27"):
        assert desk.client.get(f"/payments/{number}/receipt/").status_code == 404


def test_looking_at_a_receipt_issues_nothing_and_names_are_text(desk: Desk) -> None:
    paid = PaymentFactory(patient=PatientFactory(family_name=SCRIPT), reference=SCRIPT[:40])
    page = look(desk.client, receipt_url(paid))
    assert SCRIPT not in page.html
    assert not Document.objects.exists()


def test_a_receipt_costs_the_same(desk: Desk) -> None:
    counts = []
    for lines in (1, 10, 60):
        on = dict.fromkeys(InvoiceFactory(amounts=["5"] * lines).lines.all(), "5")
        check = InsurancePaymentFactory(amount=5 * lines, on=on)
        desk.client.post(receipt_url(check))
        counts.append(len(look(desk.client, receipt_url(check)).queries))
    assert len(set(counts)) == 1, counts


# ---------------------------------------------------------------------------- the clinic's name


def test_pages_and_documents_bear_the_clinics_name(desk: Desk) -> None:
    assert "Harbour Street Clinic</title>" in text(desk.client.get("/"))
    Clinic.objects.create(name="Pine & Co")
    assert "Pine &amp; Co</title>" in text(desk.client.get("/"))
    clinic = Clinic.current()
    clinic.name = "Oak"
    clinic.save()
    assert "Oak</title>" in text(desk.client.get("/"))
    assert "Oak" in pdf_words(desk.client, desk.client.post(receipt_url(desk.receipt)))
