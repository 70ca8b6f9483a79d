"""Payments: the list of everybody's receipts."""

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import Payment
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/payments/"


@pytest.fixture
def client() -> Client:
    return signed_in()


def smith(amount: str = "20", **more: Any) -> Payment:
    john = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    return PaymentFactory(
        patient=john, provider=ProviderFactory(name="Dr 1"), amount=amount, **more
    )


def reverse(payment: Payment, *, unpay_lines: bool = True) -> None:
    ledger.reverse(
        by=UserFactory(),
        payment=payment,
        date=day(0),
        reason="Payment bounced",
        unpay_lines=unpay_lines,
    )


def numbers(client: Client, **query: Any) -> list[str]:
    """The receipts the list shows."""
    words = look(client, URL, query).table.split()
    return [word for word in words if word.startswith(("R-", "IP-", "T-"))]


# --- What it shows -------------------------------------------------------------------------------


def test_it_shows_patients_and_insurers_together(client: Client) -> None:
    smith(reference="slip 7", ago=2)
    kestrel = PayerFactory(name="Kestrel Mutual")
    line = LineFactory(amount="90")
    InsurancePaymentFactory(
        payer=kestrel, amount="200", method="eft", reference="E-1", ago=1, on={line: "90"}
    )
    page = look(client, URL)
    when = day(1).strftime("%d %b %Y")
    assert f"{when} IP-0001 Kestrel Mutual Insurer, EFT, E-1 - EFT E-1 200.00 110.00" in page.table
    assert "Part allocated" in page.table
    assert "Smith, John Dr 1, Cash, slip 7 Dr 1 Cash slip 7 20.00 20.00 Not allocated" in page.table
    assert 'href="/payments/R-0001/"' in page.html
    assert 'href="/insurance-payments/IP-0001/"' in page.html
    assert "2 payments. Received $220.00 . Unallocated $130.00 ." in page.words


def test_the_summary_leaves_out_what_was_undone_and_what_only_moved(client: Client) -> None:
    bounced, kept = smith("20"), PaymentFactory(amount="50")
    reverse(bounced)
    TransferFactory(payment=kept, amount="10")
    words = look(client, URL).words
    assert (
        "3 payments. Received $70.00 , reversed or deleted -$20.00 , net received $50.00 ."
        " Unallocated $50.00 ." in words
    )


def test_nothing_found(client: Client) -> None:
    PaymentFactory()
    page = look(client, URL, {"q": "nobody"})
    assert "No payments match these filters" in page.words
    assert "No payments yet" not in page.words


def test_nothing_there_at_all(client: Client) -> None:
    page = look(client, URL)
    assert "No payments yet" in page.words
    assert "match these filters" not in page.words
    assert "No payments yet" in look(client, URL, {"q": "nobody"}).words


# --- Filters -------------------------------------------------------------------------------------


def test_the_last_90_days_unless_asked(client: Client) -> None:
    smith(ago=89)
    PaymentFactory(ago=91, amount="30")
    assert numbers(client) == ["R-0001"]
    assert f'value="{day(90).isoformat()}"' in look(client, URL).html
    assert numbers(client, **{"from": "", "to": ""}) == ["R-0001", "R-0002"]
    assert numbers(client, to=day(90).isoformat()) == ["R-0002"]
    assert numbers(client, state="unallocated") == ["R-0001", "R-0002"]
    assert numbers(client, q="R-0002") == ["R-0002"]


def test_filters_narrow(client: Client) -> None:
    john = smith(method="card", reference="AB 77")
    maya = PaymentFactory(
        patient=PatientFactory(family_name="Okafor", given_name="Maya"), method="cash"
    )
    check = InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver Health"), reference="104482")
    assert set(numbers(client)) == {john.number, maya.number, check.number}
    assert numbers(client, q="smith, j") == [john.number]
    assert numbers(client, q="77") == [john.number]
    assert numbers(client, q="p1042") == [john.number]
    assert numbers(client, q="blueriver") == [check.number]
    assert numbers(client, q="104482") == [check.number]
    assert numbers(client, q=maya.number) == [maya.number]
    assert numbers(client, method="cash") == [maya.number]
    assert numbers(client, provider=john.provider_id) == [john.number]
    assert numbers(client, q="smith", method="cash") == []


def test_states(client: Client) -> None:
    line = LineFactory(amount="20")
    whose: dict[str, Any] = {"patient": line.patient, "provider": line.provider}
    paid = PaymentFactory(amount="20", on={line: "20"}, **whose)
    bounced, mistake, credit = PaymentFactory(), PaymentFactory(), PaymentFactory()
    reverse(bounced)
    ledger.void(by=UserFactory(), payment=mistake, reason="Entered twice")
    assert set(numbers(client)) == {paid.number, bounced.number, credit.number}
    assert set(numbers(client, state="standing")) == {paid.number, credit.number}
    assert numbers(client, state="reversed") == [bounced.number]
    assert numbers(client, state="deleted") == [mistake.number]
    assert numbers(client, state="unallocated") == [credit.number]
    assert look(client, URL, {"state": "deleted"}).table.endswith("Deleted")
    assert look(client, URL, {"state": "reversed"}).table.endswith("Reversed")


def test_a_deleted_payment_that_still_pays_a_line_is_shown(client: Client) -> None:
    line = LineFactory(amount="20")
    paid = PaymentFactory(
        amount="20", patient=line.patient, provider=line.provider, on={line: "20"}
    )
    ledger.void(by=UserFactory(), payment=paid, reason="Entered twice", unpay_lines=False)
    assert numbers(client) == [paid.number]
    assert "-20.00 Deleted" in look(client, URL).table


# --- Sorting, pages ------------------------------------------------------------------------------


def test_newest_first_and_every_column_sorts(client: Client) -> None:
    old = smith("90", ago=5)
    new = InsurancePaymentFactory(payer=PayerFactory(name="Aetherwell"), amount="30", ago=1)
    assert numbers(client) == [new.number, old.number]
    for column in ("date", "number", "provider", "method", "reference", "amount", "unallocated"):
        for sort in (column, f"-{column}"):
            assert set(numbers(client, sort=sort)) == {old.number, new.number}
    assert numbers(client, sort="amount") == [new.number, old.number]
    assert numbers(client, sort="received_from") == [new.number, old.number]
    assert numbers(client, sort="-received_from") == [old.number, new.number]


def test_pages_keep_the_filters(client: Client) -> None:
    john = smith()
    for _ in range(27):
        PaymentFactory(patient=john.patient, provider=john.provider)
    page = look(client, URL, {"q": "smith", "sort": "amount"})
    assert "1 to 25 of 28" in page.words
    assert "q=smith&amp;sort=amount&amp;page=2" in page.html
    assert len(numbers(client, q="smith", page=2)) == 3


def test_the_part_lies_unchanged_in_the_page(client: Client) -> None:
    smith()
    alone = part(client, URL)
    assert alone.html.startswith('<div id="payment-list" data-list>')
    assert alone.html in look(client, URL).html


# --- Garbage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "18/11/2025"}, "Enter a date like 2025-11-18."),
        ({"to": "2025-02-30"}, "Enter a date like 2025-11-18."),
        ({"from": "２０２５-11-18x"}, "Enter a date like 2025-11-18."),
        ({"from": "0001-01-01"}, "The date is too long ago. Check the year."),
        ({"from": "2025-11-18", "to": "2025-11-17"}, "To is before From."),
        ({"method": "bitcoin"}, "Choose one of the methods in the list."),
        ({"provider": "999999999999999999999999"}, "Choose one of the providers in the list."),
        ({"provider": "x"}, "Choose one of the providers in the list."),
        ({"state": "lost"}, "Choose one of the states in the list."),
        ({"q": "x" * 101}, "Search with 100 characters at most."),
    ],
)
def test_a_filter_that_cannot_be_used_says_so(client: Client, query: Any, said: str) -> None:
    """And shows no rows: the sum of others would look like an answer."""
    smith()
    page = look(client, URL, query)
    assert page.response.status_code == 200
    assert page.words.count(said) == 2  # beside the field and in the summary
    assert "These filters cannot be used. 1 thing to fix:" in page.words
    assert "<title>Error: Payments" in page.html
    assert page.table == ""
    assert said in part(client, URL, query).words


@pytest.mark.parametrize("typed", ODD)
@pytest.mark.parametrize("key", ["q", "method", "provider", "from", "to", "state", "sort", "page"])
def test_it_takes_garbage_calmly(client: Client, key: str, typed: str) -> None:
    smith()
    assert look(client, URL, {key: typed}).response.status_code == 200


def test_unknown_sort_keys_are_passed_over(client: Client) -> None:
    smith()
    for sort in (
        "password",
        "patient__email",
        "-",
        "--date",
        "date,id",
        "state",
        "__class__",
        ".5",
    ):
        assert numbers(client, sort=sort) == ["R-0001"]


def test_what_people_typed_is_text(client: Client) -> None:
    smith(reference="<b>x</b>")
    PaymentFactory(patient=PatientFactory(family_name=SCRIPT))
    page = look(client, URL, {"q": "", "from": ""})
    assert SCRIPT not in page.html
    assert "<b>x</b>" not in page.html
    assert "&lt;script&gt;" in page.html
    assert SCRIPT not in look(client, URL, {"q": SCRIPT, "from": SCRIPT}).html


def test_it_is_not_posted_to(client: Client) -> None:
    assert client.post(URL).status_code == 405


def test_it_costs_the_same(client: Client) -> None:
    costs_the_same(client, URL, lambda n: PaymentFactory(amount=str(n + 1)))


def test_it_costs_the_same_with_insurers(client: Client) -> None:
    costs_the_same(client, URL, lambda n: InsurancePaymentFactory(amount=str(n + 1)))
