"""An insurer: its payments to deal with, its denials, and the account of its offsets."""

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.sharing import OffsetEntry
from patients.models import Payer
from tests.factories import InsurancePaymentFactory, LineFactory, PayerFactory, UserFactory
from tests.factories.bills import day
from tests.screens.insurers import answers, denies
from tests.screens.lists import SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def blueriver() -> Payer:
    return PayerFactory(name="BlueRiver Health", payer_id="60001")


def url(payer: Payer) -> str:
    return f"/payers/{payer.pk}/"


def forwards(payer: Payer, amount: int, reference: str = "CL-7", ago: int = 5) -> Any:
    """The insurer carries a debt forward: interest makes up for it, and the payment is nothing."""
    offsets = [OffsetEntry("FB", -amount, reference), OffsetEntry("L6", amount)]
    return answers(payer, "0", offsets=offsets, ago=ago)


def test_it_shows_what_is_to_be_dealt_with(client: Client, blueriver: Payer) -> None:
    waiting = InsurancePaymentFactory(payer=blueriver, amount="200", reference="104482")
    over = InsurancePaymentFactory(
        payer=blueriver,
        amount="100",
        reference="104483",
        on={LineFactory(amount="130"): "130"},
        over_allocation_reason="Their letter of May says so",
    )
    line = LineFactory(owed_by=blueriver, amount="150")
    denies(blueriver, line, codes="CO 50")
    InsurancePaymentFactory(reference="900001")  # another insurer's
    page = look(client, url(blueriver))
    assert "Payer ID 60001" in page.words
    assert "Sessions waiting 1, $150.00" in page.words
    assert "104483 100.00 -30.00 Fix 104483" in page.words
    assert "104482 200.00 200.00 Allocate 104482" in page.words
    assert "900001" not in page.words
    assert f"{line.invoice.number} {line.description}" in page.words
    assert "CO 50" in page.words
    for payment in (waiting, over):
        assert f'href="/insurance-payments/{payment.number}/"' in page.html


def test_its_offsets_have_a_running_balance(client: Client, blueriver: Payer) -> None:
    carried = forwards(blueriver, 60, ago=9)
    recovered = answers(
        blueriver, "0", offsets=[OffsetEntry("WO", 45, "CL-7"), OffsetEntry("L6", -45)], ago=3
    )
    page = look(client, url(blueriver))
    assert "Owed to it $15.00" in page.words
    assert "Owed to the insurer 15.00" in page.words
    first, second = f"{day(9):%d %b %Y} {carried.number}", f"{day(3):%d %b %Y} {recovered.number}"
    assert f"{first} Forwarding balance FB CL-7 60.00 60.00" in page.table
    assert f"{second} Overpayment recovery WO CL-7 45.00 15.00" in page.table
    assert "Open: CL-7 15.00." in page.words


def test_an_undone_payment_takes_its_offsets_back(client: Client, blueriver: Payer) -> None:
    payment = forwards(blueriver, 60)
    ledger.reverse(by=UserFactory(), payment=payment, date=day(0), reason="Entered twice")
    page = look(client, url(blueriver))
    assert "undone: Entered twice" in page.table
    assert "Owed to the insurer 0.00" in page.words
    assert "Open:" not in page.words


def test_where_nothing_goes_on_it_says_so(client: Client, blueriver: Payer) -> None:
    page = look(client, url(blueriver))
    assert "No offsets" in page.words
    assert "Payments to deal with" not in page.words
    assert "Denied" not in page.words


def test_a_new_payment_begins_with_this_payer(client: Client, blueriver: Payer) -> None:
    page = look(client, url(blueriver))
    assert 'href="/insurance-payments/new/?payer=BlueRiver%20Health%20%2860001%29"' in page.html
    new = look(client, "/insurance-payments/new/", {"payer": str(blueriver)})
    assert 'value="BlueRiver Health (60001)"' in new.html


def test_names_references_and_reasons_are_text(client: Client) -> None:
    payer = PayerFactory(name=SCRIPT)
    payment = forwards(payer, 60, reference=SCRIPT)
    ledger.reverse(by=UserFactory(), payment=payment, date=day(0), reason=SCRIPT)
    page = look(client, url(payer))
    assert SCRIPT not in page.html
    assert page.table.count("undone: &lt;script&gt;") == 2


def test_it_costs_the_same_however_much_goes_on(client: Client, blueriver: Payer) -> None:
    def add(number: int) -> Any:
        InsurancePaymentFactory(payer=blueriver)
        denies(blueriver, LineFactory(owed_by=blueriver))
        forwards(blueriver, 5, reference=f"CL-{number}")

    costs_the_same(client, url(blueriver), add)


def test_there_is_no_such_insurer(client: Client) -> None:
    for number in ("0", "999999", "9" * 30):
        assert client.get(f"/payers/{number}/").status_code == 404


def test_it_is_only_looked_at(client: Client, blueriver: Payer) -> None:
    assert client.post(url(blueriver)).status_code == 405
