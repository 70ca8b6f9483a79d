"""Correct payment: it is taken out of the books, and its copy opens, filled in."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Kind, Payment
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries, money
from tests.screens.desk import Desk, key, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2(amount="30", on="20")


def url(payment: Payment) -> str:
    return f"/payments/{payment.number}/correct/"


def answers(**given: Any) -> dict[str, Any]:
    return {"key": key(), "reason": "Wrong amount", "note": "", **given}


def correct(desk: Desk, payment: Payment | None = None) -> str:
    """Posts it and returns the page of the copy."""
    payment = payment or desk.receipt
    answer = desk.client.post(url(payment), answers())
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"new/?copy={payment.number}")
    before = rows()
    page = text(desk.client.get(answer["Location"]))
    assert rows() == before
    return page


def test_it_says_what_will_happen(desk: Desk) -> None:
    page = text(desk.client.get(url(desk.receipt)))
    assert "Correct this $30.00 payment?" in page
    assert f"{desk.receipt.number} is deleted: it leaves the history" in page
    assert "The 1 line it paid owes again." in page
    assert "Delete and open the copy" in page
    part = text(desk.client.get(url(desk.receipt), headers={"HX-Request": "true"}))
    assert part.startswith('<div id="correct">')


def test_the_copy_is_filled_in_and_not_saved(desk: Desk) -> None:
    page = correct(desk)
    assert Payment.objects.filter(kind=Kind.VOID).count() == 1
    assert desk.figures == ("50.00", "0.00", "50.00")
    assert "This is a copy of" in page
    assert 'name="amount" value="30.00"' in page
    assert f'value="{desk.receipt.date.isoformat()}"' in page
    assert f'<option value="{desk.dr1.pk}" selected>' in page
    assert '<option value="cash" selected>' in page
    assert f'id="line-{desk.line.pk}-paid"' in page
    assert 'value="20.00" data-money data-col="paid"' in page


@pytest.mark.parametrize("of_insurer", [False, True])
def test_whoever_was_called_away_finds_the_copy_again(desk: Desk, of_insurer: bool) -> None:
    """The payment is out of the books by then, and nothing but its page still knows it."""
    payment = InsurancePaymentFactory(amount="30") if of_insurer else desk.receipt
    assert "Enter a copy" not in text(desk.client.get(payment.get_absolute_url()))
    correct(desk, payment)
    page = text(desk.client.get(payment.get_absolute_url()))
    assert f'new/?copy={payment.number}">' in page
    assert "Enter a copy" in page


def test_a_line_that_owes_less_by_now_gets_less(desk: Desk) -> None:
    desk.client.post(url(desk.receipt), answers())
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="45", by=desk.ana, on={desk.line: "45"}
    )
    page = text(desk.client.get(f"/patients/P1042/payments/new/?copy={desk.receipt.number}"))
    assert 'value="5.00" data-money data-col="paid"' in page


def test_lines_of_other_providers_and_the_family_come_along(desk: Desk) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    kim = PatientFactory(guarantor=desk.smith)
    theirs = LineFactory(patient=desk.smith, provider=dr2, amount="40", by=desk.ana)
    kims = LineFactory(patient=kim, provider=desk.dr1, amount="70", by=desk.ana)
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="95", by=desk.ana, on={theirs: 40, kims: 55}
    )
    page = correct(desk, receipt)
    for line, amount in ((theirs, "40.00"), (kims, "55.00")):
        assert f'id="line-{line.pk}-paid"' in page
        assert f'value="{amount}" data-money' in page


def test_what_was_un_paid_before_is_not_paid_again(desk: Desk) -> None:
    ledger.unpay(by=desk.ana, payment=desk.receipt, date=day(0), reason="Un-paid")
    assert 'value="20.00" data-money data-col="paid"' not in correct(desk)


def test_a_payment_of_a_closed_day_is_reversed_and_its_copy_is_of_today(desk: Desk) -> None:
    desk.close(day(1))
    page = text(desk.client.get(url(desk.receipt)))
    assert f"{desk.receipt.number} is reversed, dated today" in page
    assert "is of a closed day" in page
    assert "Reverse and open the copy" in page
    page = correct(desk)
    assert Payment.objects.get(original=desk.receipt).kind == Kind.REVERSAL
    assert f'value="{timezone.localdate().isoformat()}"' in page


def test_a_deposited_payment_is_reversed(desk: Desk) -> None:
    ledger.deposit(by=desk.ana, payments=[desk.receipt], date=day(0))
    assert "was deposited on" in text(desk.client.get(url(desk.receipt)))
    correct(desk)
    assert Payment.objects.get(original=desk.receipt).kind == Kind.REVERSAL


def test_a_second_click_takes_it_out_once(desk: Desk) -> None:
    form = answers()
    for _ in range(2):
        assert desk.client.post(url(desk.receipt), form).status_code == 302
    assert Payment.objects.filter(kind=Kind.VOID).count() == 1


def test_it_asks_what_is_wrong(desk: Desk) -> None:
    before = rows()
    for form in (answers(reason=""), answers(reason="x"), answers(reason="Other")):
        answer = desk.client.post(url(desk.receipt), form)
        assert answer.status_code == 200
        assert "This payment is as it was." in text(answer)
    assert rows() == before


def test_a_transfer_or_an_undone_payment_is_not_corrected(desk: Desk) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    moved = TransferFactory(payment=desk.receipt, amount="10", provider=dr2)
    assert "Only a payment that came in can be corrected." in text(desk.client.get(url(moved)))
    before = rows()
    assert desk.client.post(url(moved), answers()).status_code == 200
    assert rows() == before
    desk.reverse()
    page = text(desk.client.get(url(desk.receipt)))
    assert "This payment was already reversed" in page
    assert "data-main" not in page.partition("</main>")[0]


def test_only_ones_own_undone_payment_is_copied(desk: Desk) -> None:
    other = PaymentFactory(amount="77", by=desk.ana)
    ledger.void(by=desk.ana, payment=other, reason="Entered twice")
    for number in (other.number, desk.receipt.number, "R-9999", "x" * 5_000, "%00"):
        page = text(desk.client.get("/patients/P1042/payments/new/", {"copy": number}))
        assert "This is a copy of" not in page
        assert "77.00" not in page


def test_an_insurers_payment_opens_its_copy(desk: Desk) -> None:
    line = LineFactory(provider=desk.dr1, amount="100", by=desk.ana)
    check = InsurancePaymentFactory(amount="60", by=desk.ana, on={line: ("60", "30")})
    page = correct(desk, check)
    assert f'name="reference" value="{check.reference}"' in page
    assert str(check.payer) in page
    assert f'name="line-{line.pk}-write_off"' in page
    assert 'value="30.00" data-money data-col="write_off"' in page
    assert 'value="60.00" data-money data-col="paid"' in page
    line.refresh_from_db()
    assert str(line.balance) == "100.00"
    ledger.record_payment(  # its check number is free again
        by=desk.ana,
        payer=check.payer,
        amount=money("70"),
        method="check",
        reference=check.reference,
        date=day(0),
        entries=entries({line: "70"}),
    )


def test_the_copy_is_dated_as_the_payment_where_that_day_is_open(desk: Desk) -> None:
    desk.close(desk.receipt.date - timedelta(days=1))
    assert f'value="{desk.receipt.date.isoformat()}"' in correct(desk)
