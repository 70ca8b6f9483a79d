"""A payment's own page: what it paid, what is left, and everything that happened to it."""

import pytest

from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
)
from tests.screens.desk import Desk, queries, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2(amount="50", on="20")


def url(desk: Desk) -> str:
    return f"/payments/{desk.receipt.number}/"


def test_it_shows_what_was_paid_and_what_is_left(desk: Desk) -> None:
    page = text(desk.client.get(url(desk)))
    assert f"Payment {desk.receipt.number}, cash" in page
    assert "From <b>Smith, John</b>" in page
    assert "Entered by <b>Ana" in page
    assert f'href="/invoices/{desk.line.invoice.number}/"' in page
    assert "30.00" in page
    assert "Allocated to" in page


def test_it_leads_to_what_can_be_done(desk: Desk) -> None:
    page = text(desk.client.get(url(desk)))
    number = desk.receipt.number
    assert f'href="/payments/{number}/reverse/" data-dialog="#undo"' in page
    assert f'href="/payments/{number}/void/" data-dialog="#undo"' in page
    assert f'href="/patients/P1042/credit/?provider={desk.dr1.pk}"' in page


def test_a_reversed_payment_says_who_when_and_why(desk: Desk) -> None:
    desk.reverse()
    page = text(desk.client.get(url(desk)))
    assert "Reversed on" in page
    assert "Wrong amount" in page
    assert "Reversed payment" in page
    assert f"/payments/{desk.receipt.number}/reverse/" not in page


def test_refunds_and_transfers_are_listed(desk: Desk) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    RefundFactory(payment=desk.receipt, amount="5", ago=1)
    moved = TransferFactory(payment=desk.receipt, amount="10", provider=dr2, ago=1)
    page = text(desk.client.get(url(desk)))
    assert f"Refund of {desk.receipt.number}" in page
    assert "Overpaid" in page
    link = f'<a href="/payments/{moved.number}/">{moved.number}</a>'
    assert f"Transferred to Smith, John (P1042), Dr 2 ({link})" in page
    other = text(desk.client.get(f"/payments/{moved.number}/"))
    assert f'<a href="/payments/{desk.receipt.number}/">{desk.receipt.number}</a>' in other
    assert "Delete payment" not in other


def test_an_insurers_payment_has_its_own_page(desk: Desk) -> None:
    check = InsurancePaymentFactory(by=desk.ana)
    answer = desk.client.get(f"/payments/{check.number}/")
    assert answer["Location"] == f"/insurance-payments/{check.number}/"


def test_an_unknown_number_is_not_found(desk: Desk) -> None:
    for number in ("R-9999", "x", "None"):
        assert desk.client.get(f"/payments/{number}/").status_code == 404


def test_names_are_escaped_and_looking_writes_nothing(desk: Desk) -> None:
    desk.smith.family_name = "<script>alert(1)</script>"
    desk.smith.save()
    before = rows()
    assert "<script>alert" not in desk.client.get(url(desk)).content.decode()
    assert desk.client.post(url(desk)).status_code == 405
    assert rows() == before


def test_the_number_of_queries_does_not_grow_with_what_happened(desk: Desk) -> None:
    lines = [LineFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana) for _ in range(6)]
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="60", by=desk.ana, on=dict.fromkeys(lines, 10)
    )
    many = queries(lambda: desk.client.get(f"/payments/{receipt.number}/"))
    assert many == queries(lambda: desk.client.get(url(desk)))


def test_everything_that_can_be_done_with_it_is_offered(desk: Desk) -> None:
    page = text(desk.client.get(url(desk)))
    for verb in ("correct", "refund", "transfer", "reverse", "void"):
        assert f'href="/payments/{desk.receipt.number}/{verb}/" data-dialog=' in page
    desk.reverse()
    page = text(desk.client.get(url(desk)))
    for verb in ("correct", "refund", "transfer", "reverse", "void"):
        assert f'href="/payments/{desk.receipt.number}/{verb}/"' not in page
