"""Un-pay a payment: the button of the note on a negative credit."""

import pytest

from billing.models import Allocation
from tests.factories import InsurancePaymentFactory, LineFactory
from tests.screens.desk import Desk, key, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def url(desk: Desk) -> str:
    return f"/payments/{desk.receipt.number}/unpay/"


def test_it_un_pays_every_line_of_a_reversed_payment(desk: Desk) -> None:
    desk.reverse()
    answer = desk.client.post(url(desk), {"key": key()})
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("50.00", "0.00", "50.00")
    assert Allocation.objects.latest("pk").reason == "Un-paid after reversal"
    page = text(desk.client.get(desk.account_url))
    assert f"20.00 un-paid on {desk.line.invoice.number}." in page
    assert "It now owes 50.00 and Dr 1&#x27;s credit is 0.00." in page
    # A reversed payment pays nothing any more, so there is no going back to before.
    assert ">Undo<" not in page


def test_un_paying_a_standing_payment_can_be_undone(desk: Desk) -> None:
    desk.client.post(url(desk), {"key": key()})
    assert desk.figures == ("50.00", "20.00", "30.00")
    page = text(desk.client.get(desk.account_url))
    token = page.split('name="undo" value="')[1].split('"')[0]
    desk.client.post(desk.account_url, {"action": "undo", "undo": token})
    assert desk.figures == ("30.00", "0.00", "30.00")


def test_looking_is_not_possible(desk: Desk) -> None:
    before = rows()
    assert desk.client.get(url(desk)).status_code == 405
    assert rows() == before


def test_an_unknown_number_is_not_found(desk: Desk) -> None:
    assert desk.client.post("/payments/R-9999/unpay/", {"key": key()}).status_code == 404


@pytest.mark.parametrize("bad", ["", "x"])
def test_without_a_key_nothing_happens(desk: Desk, bad: str) -> None:
    before = rows()
    desk.client.post(url(desk), {"key": bad})
    assert rows() == before
    assert "too old to un-pay from" in text(desk.client.get(desk.account_url))


def test_the_same_form_twice_un_pays_once(desk: Desk) -> None:
    desk.reverse()
    data = {"key": key()}
    for _ in range(2):
        assert desk.client.post(url(desk), data).status_code == 302
    assert desk.figures == ("50.00", "0.00", "50.00")


def test_what_pays_no_line_and_closed_days_are_refused(desk: Desk) -> None:
    desk.reverse(unpay=True)
    desk.client.post(url(desk), {"key": key()})
    assert "This payment pays no line." in text(desk.client.get(desk.account_url))
    other = seed_closed(desk)
    before = rows()
    desk.client.post(f"/payments/{other}/unpay/", {"key": key()})
    assert rows() == before
    assert "The date is in a closed period" in text(desk.client.get(desk.account_url))


def seed_closed(desk: Desk) -> str:
    from tests.factories import PaymentFactory

    line = LineFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana)
    paid = PaymentFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana, on={line: 20})
    desk.close()
    assert paid.number
    return paid.number


def test_insurers_money_is_un_paid_from_its_own_payment(desk: Desk) -> None:
    check = InsurancePaymentFactory(amount="10", by=desk.ana, on={desk.line: 10})
    before = rows()
    answer = desk.client.post(f"/payments/{check.number}/unpay/", {"key": key()})
    assert answer.status_code == 302
    assert rows() == before
