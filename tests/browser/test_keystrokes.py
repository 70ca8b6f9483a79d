"""How many actions the daily tasks take on our screens, counted, beside what the design promised.

An action is one click or one control key (a chord counts once); what has to be typed anywhere,
letters of a name and figures, is counted apart. Run with -s to read the counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing import ledger
from billing.models import Allocation, InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, LineFactory, PatientFactory, PaymentFactory
from tests.factories.bills import day, many_sessions
from tests.support.hands import Hands

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Counted(Hands):
    """Hands that were promised how few actions it takes."""

    def tallied(self, task: str, actions: int, characters: int) -> None:
        """Print the count beside the target; it may not be worse."""
        print(  # noqa: T201
            f"\n{task}: {self.actions} actions, {self.characters} characters"
            f" (target {actions}, {characters})"
        )
        assert self.actions <= actions
        assert self.characters <= characters


@pytest.fixture
def hands(live_server: Any, desk: Page) -> Counted:
    return Counted(desk)


@pytest.fixture
def habit(blueriver: Payer, dr1: Provider, ana: Any) -> None:
    """BlueRiver's payments bring write-offs, as most insurers' do."""
    line = LineFactory(patient=PatientFactory(), provider=dr1, owed_by=blueriver, by=ana)
    InsurancePaymentFactory(payer=blueriver, amount="80", on={line: ("80", "20")}, by=ana)


@pytest.fixture
def forty(blueriver: Payer, dr1: Provider, ana: Any) -> list[InvoiceLine]:
    """Forty sessions of ten patients: twenty of 100.00, twenty of 120.00."""
    return many_sessions(
        patients=10, each=4, payer=blueriver, provider=dr1, by=ana, amounts=(100, 120)
    )


def head(hands: Counted, site: str, *, amount: str, patient: str, option: str, rows: int) -> None:
    """From Today to the first amount box: payer, method, number, date, amount, patient."""
    page = hands.page
    page.goto(site + "/")
    hands.click(page.get_by_role("link", name="New insurance payment"))
    expect(page.get_by_label("Payer", exact=True)).to_be_focused()
    hands.picks("bl", "BlueRiver Health")
    hands.press("Enter")  # Method stays
    hands.types("104482")
    hands.press("Enter")
    hands.press("Enter")  # Date received is today
    hands.types(amount)
    hands.press("Enter")
    hands.picks(patient, option)
    expect(page.locator("tr[data-row]")).to_have_count(rows)
    expect(page.locator("input.amt:focus")).to_be_visible()


def saved(page: Page, words: str) -> Payment:
    expect(page.get_by_text(words)).to_be_visible()
    return Payment.objects.filter(reference="104482").get()


def test_two_hundred_over_two_sessions(hands: Counted, live_server: Any, maya: Patient) -> None:
    head(hands, live_server.url, amount="200", patient="oka", option="Okafor", rows=3)
    hands.types("100")
    hands.press("Enter")
    hands.types("100")
    hands.press("Control+Enter")
    assert saved(hands.page, "all allocated.").allocated == 200
    hands.tallied("$200 over two sessions, typed", 10, 21)


def test_the_same_paid_in_full(hands: Counted, live_server: Any, maya: Patient) -> None:
    head(hands, live_server.url, amount="200", patient="oka", option="Okafor", rows=3)
    hands.press("o")
    expect(hands.page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    hands.press("Control+Enter")
    assert saved(hands.page, "all allocated.").allocations.count() == 2
    hands.tallied("$200 over two sessions, O", 9, 15)


def test_forty_sessions_at_two_rates(
    hands: Counted, live_server: Any, habit: None, forty: list[InvoiceLine]
) -> None:
    page = hands.page
    head(hands, live_server.url, amount="3400", patient="ev", option="Everyone", rows=40)
    for write_off, paid in (("20", "80"), ("30", "90")):
        hands.types(write_off)
        hands.press("Tab")
        hands.types(paid)
        name = page.evaluate("document.activeElement.name")
        hands.press("Shift+D")
        if write_off == "20":
            expect(page.locator("input.amt:focus")).not_to_have_attribute("name", name)
    expect(page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    hands.press("Control+Enter")
    payment = saved(page, "all allocated.")
    assert payment.allocations.count() == 40
    assert not InvoiceLine.objects.filter(
        pk__in=[line.pk for line in forty], balance__gt=0
    ).exists()
    hands.tallied("40 sessions, two rates, Shift+D", 12, 23)


def test_forty_sessions_every_one_different(
    hands: Counted, live_server: Any, habit: None, forty: list[InvoiceLine]
) -> None:
    paid = [str(50 + number) for number in range(40)]
    whole = str(sum(map(int, paid)))
    head(hands, live_server.url, amount=whole, patient="ev", option="Everyone", rows=40)
    for at, amount in enumerate(paid):
        if at:
            hands.press("Tab")
        hands.types(str(10 - at % 2))
        hands.press("Tab")
        hands.types(amount)
    hands.press("Control+Enter")
    payment = saved(hands.page, "all allocated.")
    amounts = Allocation.objects.filter(payment=payment).values_list("amount", flat=True)
    assert sorted(amounts) == sorted(map(Decimal, paid))
    hands.tallied("40 sessions, every line different", 88, 196)


def test_forty_sessions_paid_in_full(
    hands: Counted, live_server: Any, forty: list[InvoiceLine]
) -> None:
    head(hands, live_server.url, amount="4400", patient="ev", option="Everyone", rows=40)
    hands.press("o")
    expect(hands.page.get_by_label("Unallocated", exact=True)).to_have_text("$0.00")
    hands.press("Control+Enter")
    assert saved(hands.page, "all allocated.").allocations.count() == 40
    hands.tallied("40 sessions, O", 9, 14)


@pytest.fixture
def paid_line(john: Patient, dr1: Provider, ana: Any) -> Payment:
    line = john.lines.get()
    return PaymentFactory(patient=john, provider=dr1, amount="20", on={line: "20"}, ago=2, by=ana)


def test_a_wrong_payment_reversed_and_unpaid(
    hands: Counted, live_server: Any, paid_line: Payment
) -> None:
    page = hands.page
    page.goto(live_server.url + "/patients/P1042/account/")
    hands.click(page.get_by_role("link", name=re.compile("^Reverse")).first)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").select_option("Wrong amount")
    hands.actions += 2  # open the list, choose
    hands.click(dialog.get_by_role("button", name="Reverse $20.00"))
    expect(page.get_by_text(f"{paid_line.number} reversed")).to_be_visible()
    assert str(paid_line.allocations.first().line.balance) == "50.00"  # type: ignore[union-attr]
    hands.tallied("a wrong $20 payment reversed and un-paid", 4, 0)


def test_reversed_before_and_left_on_its_invoice(
    hands: Counted, live_server: Any, paid_line: Payment, ana: Any
) -> None:
    ledger.reverse(by=ana, payment=paid_line, date=day(0), reason="Wrong amount", unpay_lines=False)
    page = hands.page
    page.goto(live_server.url + "/patients/P1042/account/")
    hands.click(page.get_by_role("button", name=re.compile("^Un-pay 20.00 on INV-")))
    expect(page.get_by_text("20.00 un-paid on INV-0001.")).to_be_visible()
    hands.tallied("already reversed, invoice left paid", 1, 0)
