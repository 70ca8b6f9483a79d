"""A date that was typed and cannot be kept: whatever is saved says on which day it stands instead.

Everything in these accounts is of today or, where it says so, of some days ago.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from billing.models import Kind, Payment
from tests.factories import InsurancePaymentFactory, LineFactory, PayerFactory, PaymentFactory
from tests.factories.bills import day
from tests.screens.desk import Desk, key, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """The line is of thirty days ago; a payment of today is on it."""
    desk = seed2(on=None)
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="5", on={desk.line: "5"}, ago=0, by=desk.ana
    )
    desk.line.refresh_from_db()
    return desk


def saved(desk: Desk, url: str, form: dict[str, Any]) -> str:
    answer = desk.client.post(url, {"key": key(), **form}, follow=True)
    assert answer.redirect_chain, text(answer)
    return text(answer)


def moved_to_today() -> str:
    return f"It is dated {timezone.localdate():%d %b %Y}: it changes entries of that day"


def payment_on(desk: Desk, ago: int) -> str:
    form = {
        "provider": str(desk.dr1.pk),
        "method": "cash",
        "date": day(ago).isoformat(),
        "amount": "10",
        "action": "save",
        "lines": [str(desk.line.pk)],
        f"line-{desk.line.pk}-paid": "10",
        f"line-{desk.line.pk}-seen": desk.line.seen,
    }
    return saved(desk, "/patients/P1042/payments/new/", form)


def test_a_payment_of_days_ago_on_a_line_that_was_paid_on_today(desk: Desk) -> None:
    assert moved_to_today() in payment_on(desk, 3)
    assert Payment.objects.receipts().latest("pk").date == timezone.localdate()


def test_nothing_is_said_where_the_date_stays(desk: Desk) -> None:
    assert "It is dated" not in payment_on(desk, 0)


def test_an_insurers_payment(desk: Desk) -> None:
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="80", ago=20, owed_by=payer)
    InsurancePaymentFactory(payer=payer, amount="10", on={line: "10"}, ago=0)
    line.refresh_from_db()
    form = {
        "payer": "60054",
        "method": "check",
        "reference": "104482",
        "date": day(3).isoformat(),
        "amount": "30",
        "action": "save",
        "lines": [str(line.pk)],
        f"line-{line.pk}-paid": "30",
        f"line-{line.pk}-seen": line.seen,
    }
    assert moved_to_today() in saved(desk, "/insurance-payments/new/", form)


def test_a_refund_its_undoing_and_a_reversal(desk: Desk) -> None:
    of_today = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="20", ago=0, by=desk.ana
    )
    three_days_ago = {"date": day(3).isoformat()}
    refund = {**three_days_ago, "amount": "5", "method": "cash", "reason": "Overpaid"}
    page = saved(desk, f"/payments/{of_today.number}/refund/", {**refund, "action": "save"})
    assert moved_to_today() in page
    refunded = Payment.objects.get(kind=Kind.REFUND)
    undo = f"/payments/{of_today.number}/refunds/{refunded.pk}/undo/"
    assert moved_to_today() in saved(
        desk, undo, {**three_days_ago, "reason": "Other", "note": "It never left"}
    )
    reverse = {**three_days_ago, "after": "unpay", "reason": "Wrong amount"}
    assert moved_to_today() in saved(desk, f"/payments/{of_today.number}/reverse/", reverse)


def test_a_voided_invoice(desk: Desk) -> None:
    form = {"date": day(3).isoformat(), "reason": "Wrong patient", "line": [str(desk.line.pk)]}
    assert moved_to_today() in saved(desk, f"/invoices/{desk.line.invoice.number}/void/", form)


def test_small_balances(desk: Desk) -> None:
    line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="4.50", ago=40)
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="1", on={line: "1"}, ago=0, by=desk.ana
    )
    line.refresh_from_db()
    form = {
        "reason": "Year end",
        "counted": "1 line, $3.50",
        "date": day(3).isoformat(),
        "action": "save",
        "lines": [str(line.pk)],
        f"line-{line.pk}-seen": line.seen,
    }
    assert moved_to_today() in saved(desk, "/write-offs/small-balances/", form)


def test_a_write_off_and_undoing_it(desk: Desk) -> None:
    form = {
        "kind": "courtesy",
        "reason": "Agreed",
        "date": day(3).isoformat(),
        "action": "save",
        "lines": [str(desk.line.pk)],
        f"line-{desk.line.pk}-write_off": "10",
        f"line-{desk.line.pk}-seen": desk.line.seen,
    }
    assert moved_to_today() in saved(desk, "/patients/P1042/write-off/", form)
    written_off = desk.line.adjustments.get()
    undo = f"/write-offs/{written_off.pk}/undo/"
    assert moved_to_today() in saved(
        desk, undo, {"reason": "A mistake", "date": day(3).isoformat()}
    )
