"""A receipt: what it will say, those issued before, and printing it."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Document
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    TransferFactory,
)
from tests.screens.desk import Desk, seed2
from tests.screens.lists import SCRIPT, look
from tests.screens.paper import pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def receipt_url(payment: Any) -> str:
    return f"/payments/{payment.number}/receipt/"


def test_a_receipt_shows_what_it_will_say_and_is_printed(desk: Desk) -> None:
    here = f"/payments/{desk.receipt.number}/"
    assert f'href="{here}receipt/"' in look(desk.client, here).html
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
    page = look(desk.client, f"/insurance-payments/{check.number}/").html
    assert f'href="/payments/{check.number}/receipt/"' in page
    words = pdf_words(desk.client, desk.client.post(receipt_url(check)))
    assert "BlueRiver" in words
    assert "Smith, John 30.00" in words
    assert Document.objects.get().patient is None


def test_moved_credit_is_no_receipt(desk: Desk) -> None:
    payment = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="10", ago=5)
    other = PatientFactory()
    moved = TransferFactory(
        payment=payment, amount=payment.amount, patient=other, provider=desk.dr1, ago=1
    )
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
