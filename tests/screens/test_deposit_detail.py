"""A deposit slip: what lies on it, its sums by method, and that it is locked."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from billing import balances, ledger
from billing.models import Deposit, Payment
from tests.factories import InsurancePaymentFactory, PatientFactory, PayerFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.screens.desk import Desk, seed2, text
from tests.screens.lists import SCRIPT, look

pytestmark = pytest.mark.django_db

URL = "/deposits/D-0001/"


@pytest.fixture
def desk() -> Desk:
    return seed2()


def deposit(desk: Desk, *payments: Payment) -> Deposit:
    slip = ledger.deposit(by=desk.ana, payments=payments, date=day(0)).deposit
    assert slip
    return slip


def mixed(desk: Desk) -> Deposit:
    """Cash of 20.00, checks of 30.00 and 200.00, and the reversal of an earlier check of 12.00."""
    who: dict[str, Any] = {"patient": desk.smith, "provider": desk.dr1}
    bounced = PaymentFactory(**who, amount="12", method="check", reference="99")
    deposit(desk, bounced)
    back = ledger.reverse(by=desk.ana, payment=bounced, date=day(0), reason="Payment bounced")
    own = PaymentFactory(**who, amount="30", method="check", reference="1017")
    insurers = InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver Health"))
    return deposit(desk, desk.receipt, own, insurers, back.receipt)


def test_it_shows_what_lies_on_it_and_the_sums_by_method(desk: Desk) -> None:
    slip = mixed(desk)
    page = look(desk.client, slip.get_absolute_url())
    assert "Cash 1 20.00 Check 3 218.00 Deposit 4 238.00" in page.words
    assert "R-0001 Smith, John Cash - 20.00" in page.words
    assert "Reversed payment Smith, John Check - -12.00" in page.words
    assert "Total $238.00" in page.words
    assert "Saved by Ana" in page.words


def test_the_items_of_a_slip_are_its_payments_by_method(desk: Desk) -> None:
    """FIELD 2.10: both are added up by themselves, row by row here and in one sum there."""
    slip = mixed(desk)
    items: dict[str, Decimal] = defaultdict(Decimal)
    for item in slip.items.select_related("payment"):
        items[item.payment.method] += item.payment.amount
    shown = balances.slip(slip)
    assert items == {each.method: each.total for each in shown.methods}
    assert sum(items.values()) == shown.total == money(238)
    assert shown.difference == 0
    assert (
        "Difference between the payments and the methods 0.00"
        in look(desk.client, "/deposits/D-0002/").words
    )


def test_what_is_on_it_is_locked(desk: Desk) -> None:
    deposit(desk, desk.receipt)
    assert "none of it can be deleted any more, only reversed" in text(desk.client.get(URL))
    page = text(desk.client.get(f"/payments/{desk.receipt.number}/void/"))
    assert "(D-0001) and cannot be deleted. Reverse it instead." in page
    payment = look(desk.client, f"/payments/{desk.receipt.number}/")
    assert "Deposited D-0001" in payment.words
    assert 'href="/deposits/D-0001/"' in payment.html


def test_an_insurers_payment_says_its_slip_too(desk: Desk) -> None:
    check = InsurancePaymentFactory(payer=PayerFactory())
    url = f"/insurance-payments/{check.number}/"
    assert "Deposited" not in look(desk.client, url).words
    deposit(desk, check)
    assert "Deposited D-0001" in look(desk.client, url).words


def test_another_slip_is_not_found(desk: Desk) -> None:
    for number in ("D-0001", "D-9999", "x", "%00", "R-0001"):
        assert desk.client.get(f"/deposits/{number}/").status_code in (400, 404)


def test_it_escapes_names(desk: Desk) -> None:
    deposit(desk, PaymentFactory(patient=PatientFactory(family_name=SCRIPT)))
    assert SCRIPT not in desk.client.get(URL).content.decode()


def test_it_costs_the_same_at_any_size(desk: Desk) -> None:
    """The slip grows with each: the latest one is looked at."""
    payments: list[Payment] = [desk.receipt]
    slips = [deposit(desk, desk.receipt)]

    def one_more(_number: int) -> None:
        payments.append(PaymentFactory(patient=PatientFactory(), provider=desk.dr1, by=desk.ana))

    counts = []
    for size in (1, 30):
        payments.clear()
        for number in range(size):
            one_more(number)
        slips.append(deposit(desk, *payments))
        counts.append(len(look(desk.client, slips[-1].get_absolute_url()).queries))
    assert counts[0] == counts[1] <= 12
