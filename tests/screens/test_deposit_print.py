"""A deposit slip on paper: checks with their numbers, sums by method, room for signatures."""

from __future__ import annotations

import pytest

from billing import balances, documents, ledger
from billing.documents.render import render_with_warnings
from billing.models import Clinic, Deposit, Export
from tests.documents.reading import pages, words
from tests.factories import InsurancePaymentFactory, PatientFactory, PayerFactory, PaymentFactory
from tests.factories.bills import day
from tests.screens.desk import Desk, seed2

pytestmark = pytest.mark.django_db

URL = "/deposits/D-0001/slip.pdf"


@pytest.fixture
def desk() -> Desk:
    return seed2()


def test_checks_are_listed_with_number_from_and_amount(desk: Desk) -> None:
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="30", method="check")
    InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver Health"), reference="104482")
    banked = balances.to_deposit(last=day(0), methods=balances.PAPER)
    ledger.deposit(by=desk.ana, payments=list(banked), date=day(0))
    answer = desk.client.get(URL)
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="D-0001-deposit-slip.pdf"'
    said = words(answer.content)
    assert "104482 IP-0001" in said
    assert "BlueRiver Health" in said
    assert "Checks 230.00" in said
    assert "Cash and other methods 20.00" in said
    assert "Cash Check Deposit 20.00 230.00 250.00" in said
    for label in ("Prepared by", "Received by the bank", "D-0001", "$250.00", "3 payments"):
        assert label in said
    assert desk.client.get(URL).content == answer.content


def test_what_came_back_says_so_and_counts_against_it(desk: Desk) -> None:
    ledger.deposit(by=desk.ana, payments=[desk.receipt], date=day(1))
    back = desk.reverse()
    ledger.deposit(by=desk.ana, payments=[back], date=day(0))
    said = words(desk.client.get("/deposits/D-0002/slip.pdf").content)
    assert "Reversed: Wrong amount" in said
    assert "-20.00" in said


def test_names_are_set_as_they_stand_and_nothing_is_complained_about(desk: Desk) -> None:
    names = ("#strong[x]", "W" * 40, "\u202eevil", "<script>")
    for name in names:
        PaymentFactory(patient=PatientFactory(family_name=name), method="check", reference=name)
    banked = balances.to_deposit(last=day(0), methods=balances.PAPER)
    ledger.deposit(by=desk.ana, payments=list(banked), date=day(0))
    data = documents.deposit_slip(Clinic.current(), Deposit.objects.get())
    pdf, warnings = render_with_warnings("deposit_slip", [data])
    assert warnings == []
    assert "#strong[x]" in words(pdf)
    assert "<script>" in words(pdf)


def test_a_long_slip_signs_on_the_page_of_its_sum(desk: Desk) -> None:
    payments = [PaymentFactory(patient=desk.smith, provider=desk.dr1) for _ in range(60)]
    ledger.deposit(by=desk.ana, payments=payments, date=day(0))
    found = pages(desk.client.get(URL).content)
    assert len(found) > 1
    (signed,) = [page for page in found if "Prepared by" in page]
    assert "Totals by method" in signed


def test_it_is_noted_who_took_which_slip(desk: Desk) -> None:
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="30", method="check")
    banked = balances.to_deposit(last=day(0), methods=balances.PAPER)
    ledger.deposit(by=desk.ana, payments=list(banked), date=day(0))
    desk.client.head(URL)
    assert not Export.objects.exists()
    assert desk.client.get(URL).status_code == 200  # whoever is at the desk takes it to the bank
    names = ("created_by", "report", "format", "filters", "rows")
    assert list(Export.objects.values_list(*names)) == [
        (desk.ana.pk, "deposits/D-0001", "pdf", "", 2)
    ]


def test_another_slip_is_not_found(desk: Desk) -> None:
    assert desk.client.get(URL).status_code == 404
    assert desk.client.post(URL).status_code == 405
