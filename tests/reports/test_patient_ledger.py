"""Patient ledger: every entry between an opening and a closing balance, of owed and of credit."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.balances import AsOf, standing_as_of
from billing.models import InvoiceLine, Payment
from patients.models import Patient, Provider
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    LineFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, told
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "patient-ledger"
URL = f"/reports/{SLUG}/"
BALANCES = ("owed", "credit", "net_balance")


@pytest.fixture
def client() -> Client:
    return signed_in()


def ask_for(first: int | None, last: int, more: str = "") -> Any:
    since = day(first) if first is not None else ""
    return ask(SLUG, f"patient=P1042&from={since}&to={day(last)}{more}")


def rows(report: Any, *names: str) -> list[tuple[str, ...]]:
    return [tuple(map(str, row)) for row in told(report, *names)]


@pytest.fixture
def year(smith: Patient, dr1: Provider, ana: Any) -> tuple[InvoiceLine, Payment]:
    """FIELD 2.9: an invoice of 50.00 in the first month and a payment of 20.00, allocated in the
    second and un-paid in the third; 90, 80, 60 and 30 days ago."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=90)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", by=ana, ago=80)
    AllocationFactory(payment=receipt, line=line, amount="20", by=ana, ago=60)
    ledger.unpay(by=ana, payment=receipt, date=day(30), reason="Wrong line")
    return line, receipt


# --- Its figures ---------------------------------------------------------------------------------


def test_every_entry_with_the_balances_after_it(year: tuple[InvoiceLine, Payment]) -> None:
    line, receipt = year
    names = ("what", "invoice", "receipt", "details")
    number = line.invoice.number
    assert told(ask_for(None, 0), *names) == [
        ("Charge", number, "", "90834, Psychotherapy, 45 minutes"),
        ("Payment", "", receipt.number, "Cash"),
        ("Allocated", number, receipt.number, ""),
        ("Un-paid", number, receipt.number, "Wrong line"),
    ]
    assert rows(ask_for(None, 0), "charge", "payment", "allocated", *BALANCES) == [
        ("50.00", "0.00", "0.00", "50.00", "0.00", "50.00"),
        ("0.00", "20.00", "0.00", "50.00", "20.00", "30.00"),
        ("0.00", "0.00", "20.00", "30.00", "0.00", "30.00"),
        ("0.00", "0.00", "-20.00", "50.00", "20.00", "30.00"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "opening", "closing"),
    [
        (None, 70, ("0.00", "0.00"), ("50.00", "20.00")),
        (69, 50, ("50.00", "20.00"), ("30.00", "0.00")),
        (49, 0, ("30.00", "0.00"), ("50.00", "20.00")),
    ],
)
def test_field_2_9_each_period_opens_where_the_one_before_closed(
    year: Any, first: int | None, last: int, opening: Any, closing: Any
) -> None:
    [panel] = ask_for(first, last).panels()
    _label, amounts = panel.rows[0]
    assert tuple(map(str, amounts[:2])) == opening
    assert panel.total
    assert tuple(map(str, panel.total[1][:2])) == closing
    assert panel.check
    assert panel.check.holds


def test_a_later_correction_changes_no_earlier_period(
    year: tuple[InvoiceLine, Payment], ana: Any
) -> None:
    before = rows(ask_for(None, 50), "date", "what", *BALANCES)
    ledger.reverse(by=ana, payment=year[1], date=day(0), reason="Payment bounced")
    assert rows(ask_for(None, 50), "date", "what", *BALANCES) == before
    assert rows(ask_for(29, 0), "what", "details", "payment", *BALANCES) == [
        ("Reversed payment", "Payment bounced", "-20.00", "50.00", "0.00", "50.00")
    ]


def test_what_an_insurer_pays_and_writes_off_is_on_its_line_at_once(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="150", by=ana, ago=40)
    payer = PayerFactory(name="BlueRiver Health")
    check = InsurancePaymentFactory(payer=payer, amount="200", by=ana, on={line: ("80", "50")})
    found = rows(
        ask_for(9_999, 0), "what", "receipt", "details", "adjustment", "payment", *BALANCES
    )
    assert sorted(found[1:]) == sorted(
        [
            ("Insurance payment", check.number, "BlueRiver Health", "0.00", "80.00", *found[1][5:]),
            (
                "Contractual write-off",
                check.number,
                "BlueRiver Health",
                "50.00",
                "0.00",
                *found[2][5:],
            ),
        ]
    )
    assert found[-1][5:] == ("20.00", "0.00", "20.00")  # the copay


def test_money_moved_to_another_provider_leaves_the_one_account_for_the_other(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="60", by=ana, ago=9)
    TransferFactory(payment=receipt, amount="25", provider=dr2, ago=5, by=ana)
    assert rows(ask_for(20, 0), *BALANCES)[-1] == ("0.00", "60.00", "-60.00")
    for provider, credit in ((dr1, "35"), (dr2, "25")):
        report = ask_for(20, 0, f"&provider={provider.pk}")
        assert told(report, "credit")[-1] == money(credit)
        assert set(told(report, "provider")) == {provider.name}
        assert report.panels()[0].check.holds


def test_what_was_undone_is_there_twice(smith: Patient, dr1: Provider, ana: Any) -> None:
    """A deleted payment and a refund that was undone: the ledger leaves nothing out."""
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", by=ana, ago=3)
    paid_back = RefundFactory(payment=receipt, amount="5", ago=2, by=ana)
    ledger.reverse(by=ana, payment=paid_back, date=day(1), reason="Wrong amount")
    wrong = PaymentFactory(patient=smith, provider=dr1, amount="7", by=ana, ago=0)
    ledger.void(by=ana, payment=wrong, reason="Entered twice")
    found = rows(ask_for(20, 0), "what", "receipt", "payment")
    assert found == [
        ("Payment", receipt.number, "20.00"),
        ("Refund", receipt.number, "-5.00"),
        ("Reversed refund", receipt.number, "5.00"),
        ("Payment", wrong.number, "7.00"),
        ("Deleted payment", wrong.number, "-7.00"),
    ]


def test_a_row_of_nobody_else_is_in_it(year: Any, smith: Patient) -> None:
    other = LineFactory(amount="70", ago=50)
    found = ask_for(None, 0)
    assert other.invoice.number not in told(found, "invoice")
    assert found.totals["charge"] == money(50)
    assert standing_as_of(AsOf.today(), smith).receivable == money(50)
    assert standing_as_of(AsOf.today()).receivable == money(120)


# --- On the screen -------------------------------------------------------------------------------


def test_without_a_patient_it_asks_for_one(client: Client, year: Any) -> None:
    words = look(client, URL).words
    assert "Whose ledger? Enter a chart number, or find the patient by name (Ctrl+K)" in words
    assert "Opening" not in words


def test_the_screen_shows_opening_closing_and_rows(
    client: Client, year: tuple[InvoiceLine, Payment]
) -> None:
    found = look(client, f"{URL}?patient=p1042&from={day(49)}&to={day(0)}")
    assert f"Smith, John (P1042): {day(49):%d %b %Y} to {day(0):%d %b %Y}" in found.words
    assert "1 entry" in found.words
    assert "Opening 30.00 0.00 30.00 Charges 0.00 0.00 0.00" in found.words
    assert "Allocated 20.00 20.00 0.00 Closing 50.00 20.00 30.00" in found.words
    assert "Closing = balances of the account" in found.words
    assert f'<a href="/payments/{year[1].number}/">' in found.html
    assert f'<a href="/invoices/{year[0].invoice.number}/">' in found.html
    assert 'class="chk bad"' not in found.html


def test_the_account_leads_to_it(client: Client, year: Any) -> None:
    html = look(client, "/patients/P1042/account/").html
    assert f'href="{URL}?patient=P1042"' in html


def test_its_file_is_called_after_the_chart(year: Any) -> None:
    assert ask_for(None, 0).file_stem == f"patient-ledger-P1042-{day(0)}"


@pytest.mark.parametrize("typed", ["P9999", "Smith, John", "P1042 OR 1=1"])
def test_whoever_is_not_there_gets_a_sentence(client: Client, year: Any, typed: str) -> None:
    found = look(client, URL, {"patient": typed})
    assert "No patient has this chart number." in found.words
    assert typed in found.html
    assert "Opening" not in found.words


@pytest.mark.parametrize("odd", [*ODD, "P" * 5_000])
def test_whatever_is_typed_it_answers(client: Client, odd: str) -> None:
    for name in ("patient", "provider"):
        assert look(client, URL, {"patient": "P1", name: odd}).response.status_code == 200


def test_names_and_reasons_are_texts(client: Client, smith: Patient, dr1: Provider) -> None:
    Patient.objects.filter(pk=smith.pk).update(family_name=SCRIPT)
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    ledger.unpay(by=UserFactory(), payment=receipt, date=day(0), reason=SCRIPT)
    html = look(client, f"{URL}?patient=P1042").html
    assert SCRIPT not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


def test_it_costs_as_many_queries_with_many_entries(
    client: Client, smith: Patient, dr1: Provider
) -> None:
    def add(number: int) -> None:
        line = LineFactory(patient=smith, provider=dr1, amount="20", ago=40)
        PaymentFactory(patient=smith, provider=dr1, ago=number % 20, on={line: "10"})

    url = f"{URL}?patient=P1042"
    costs_the_same(client, url, add)
    # Four for the entries, two for the balances they are checked against.
    assert len(look(client, url).queries) <= 18
