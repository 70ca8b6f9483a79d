"""Delete payment: a mistake of a day that is still open."""

from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from tests.screens.desk import Desk, key, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def url(desk: Desk) -> str:
    return f"/payments/{desk.receipt.number}/void/"


def answers(**given: Any) -> dict[str, Any]:
    return {"key": key(), "after": "unpay", "reason": "Entered twice", **given}


def test_it_asks_as_a_reversal_does_in_words_of_deleting(desk: Desk) -> None:
    page = text(desk.client.get(url(desk)))
    assert "Delete this $20.00 payment?" in page
    assert "Un-pay the line it paid" in page
    assert "Delete $20.00" in page
    assert "Payment bounced" not in page
    assert 'name="date"' not in page


def test_it_deletes_and_un_pays(desk: Desk) -> None:
    answer = desk.client.post(url(desk), answers())
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("50.00", "0.00", "50.00")
    page = text(desk.client.get(desk.account_url))
    assert f"{desk.receipt.number} deleted and 20.00 un-paid on" in page


def test_it_can_leave_the_invoice_paid(desk: Desk) -> None:
    desk.client.post(url(desk), answers(after="leave"))
    assert desk.figures == ("30.00", "-20.00", "50.00")
    assert "was deleted on" in text(desk.client.get(desk.account_url))


def test_a_closed_day_is_refused_with_its_sentence(desk: Desk) -> None:
    desk.close(desk.receipt.date)
    before = rows()
    sentence = f"{desk.receipt.number} is of a closed day"
    page = text(desk.client.get(url(desk)))
    assert sentence in page
    assert "Reverse it instead." in page
    assert "data-main" not in page.partition("</main>")[0]
    answer = desk.client.post(url(desk), answers())
    assert answer.status_code == 200
    assert sentence in text(answer)
    assert rows() == before


def test_a_deposited_payment_is_refused_with_its_sentence(desk: Desk) -> None:
    ledger.deposit(by=desk.ana, payments=[desk.receipt], date=timezone.localdate())
    before = rows()
    today = f"{timezone.localdate():%d %b %Y}"
    sentence = f"{desk.receipt.number} was deposited on {today}"
    page = text(desk.client.get(url(desk)))
    assert sentence in page
    assert "and cannot be deleted. Reverse it instead." in page
    assert "data-main" not in page.partition("</main>")[0]
    answer = desk.client.post(url(desk), answers())
    assert answer.status_code == 200
    assert sentence in text(answer)
    assert rows() == before


@pytest.mark.parametrize("given", [{"reason": ""}, {"reason": "Payment bounced"}, {"key": "x"}])
def test_a_reason_and_a_key_are_needed(desk: Desk, given: dict[str, str]) -> None:
    before = rows()
    answer = desk.client.post(url(desk), answers(**given))
    assert answer.status_code == 200
    assert "This deletion is not saved yet. 1 thing to fix:" in text(answer)
    assert rows() == before


def test_the_same_form_twice_deletes_once(desk: Desk) -> None:
    data = answers()
    for _ in range(2):
        assert desk.client.post(url(desk), data).status_code == 302
    assert desk.figures == ("50.00", "0.00", "50.00")


def test_what_was_undone_before_says_so(desk: Desk) -> None:
    desk.reverse()
    assert "This payment was already reversed on" in text(desk.client.get(url(desk)))
    assert desk.client.post(url(desk), answers()).status_code == 200


def test_looking_writes_nothing_and_an_unknown_number_is_not_found(desk: Desk) -> None:
    before = rows()
    assert desk.client.get(url(desk)).status_code == 200
    assert desk.client.get("/payments/R-9999/void/").status_code == 404
    assert rows() == before
    assert timezone.localdate() >= desk.receipt.date
