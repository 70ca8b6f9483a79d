"""An invoice: its lines, who paid them, who owes the rest."""

from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import Invoice
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.lists import SCRIPT, look, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def invoice() -> Invoice:
    """Two lines of Mr Smith with Dr 1, 100.00 and 35.00."""
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    return InvoiceFactory(
        patient=smith, provider=ProviderFactory(name="Dr 1"), amounts=["100", "35"]
    )


def url(invoice: Any) -> str:
    return f"/invoices/{invoice.number}/"


def test_lines_with_who_paid_and_who_owes(client: Client, invoice: Invoice) -> None:
    blue = PayerFactory(name="BlueRiver Health")
    first, _second = invoice.lines.order_by("id")
    PaymentFactory(patient=first.patient, provider=first.provider, amount="20", on={first: "20"})
    InsurancePaymentFactory(payer=blue, amount="60", on={first: ("50", "10")})
    page = look(client, url(invoice))
    assert f"{invoice.number} $55.00 owing" in page.words
    for said in ("100.00 less 10.00 written off 10.00 70.00 20.00", "Total $135.00 $10.00 $70.00"):
        assert said in page.words
    assert '<a href="/payments/R-0001/">R-0001</a>' in page.html
    assert '<a href="/insurance-payments/IP-0001/">IP-0001</a>' in page.html
    paid, received = day(20).strftime("%d %b %Y"), day(10).strftime("%d %b %Y")
    assert f"R-0001 cash {paid} 20.00 IP-0001 BlueRiver Health {received} 50.00" in page.words
    assert "Nobody yet Smith, John Patient" in page.words
    assert 'href="/patients/P1042/account/"' in page.html


def test_the_payer_may_owe_the_rest_and_nothing_may_be_left(client: Client) -> None:
    blue = PayerFactory(name="BlueRiver Health")
    claimed = InvoiceFactory(amounts=["100"], owed_by=blue)
    assert "Nobody yet BlueRiver Health Insurer" in look(client, url(claimed)).words
    InsurancePaymentFactory(payer=blue, amount="100", on={claimed.lines.get(): "100"})
    words = look(client, url(claimed)).words
    assert "$0.00 owing" in words
    assert "Take payment" not in words


def test_a_reversed_payment_that_still_pays_says_so(client: Client, invoice: Invoice) -> None:
    line = invoice.lines.order_by("id")[0]
    payment = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    ledger.reverse(
        by=UserFactory(), payment=payment, date=day(0), reason="Bounced", unpay_lines=False
    )
    assert "20.00 reversed" in look(client, url(invoice)).words


def test_its_state_and_what_can_be_done(client: Client, invoice: Invoice) -> None:
    page = look(client, url(invoice))
    assert "$135.00 owing Open" in page.words
    for said in ("Take payment", "Void invoice"):
        assert said in page.words
    first, second = invoice.lines.order_by("id")
    assert f'href="/invoices/{invoice.number}/void/?line={first.pk}"' in page.html
    PaymentFactory(
        patient=first.patient, provider=first.provider, amount="135", on={first: 100, second: 35}
    )
    page = look(client, url(invoice))
    assert "$0.00 owing Paid" in page.words
    assert "Take payment" not in page.words


def test_void_lines_are_struck_through_with_why(client: Client, invoice: Invoice) -> None:
    first, second = invoice.lines.order_by("id")
    by = UserFactory()
    ledger.void_line(by=by, line=first, date=day(0), reason="Wrong service: see file")
    page = look(client, url(invoice))
    assert "<s>Psychotherapy, 45 minutes</s>" in page.html
    assert f"Voided {day(0):%d %b %Y} by Ana: Wrong service: see file" in page.words
    assert "Total without what was voided $35.00 $0.00 $0.00 $35.00" in page.words
    assert f"void/?line={first.pk}" not in page.html
    ledger.void_line(by=by, line=second, date=day(0), reason="Wrong service")
    page = look(client, url(invoice))
    assert "$0.00 owing Void" in page.words
    for said in ("Take payment", "Void invoice", "Write off"):
        assert said not in page.words


def test_unknown_numbers_and_drafts_are_404(client: Client, invoice: Invoice) -> None:
    InvoiceFactory(issued=False)
    for number in ("INV-9999", "None", "", "0", "x" * 3000, "%27", "-"):
        assert look(client, f"/invoices/{number}/").response.status_code == 404


def test_names_are_text(client: Client) -> None:
    invoice = InvoiceFactory(
        patient=PatientFactory(family_name=SCRIPT), owed_by=PayerFactory(name=SCRIPT)
    )
    assert SCRIPT not in look(client, url(invoice)).html


def test_it_costs_the_same(client: Client) -> None:
    counts = []
    for lines in (1, 10, 60):
        invoice = InvoiceFactory(amounts=["100"] * lines)
        for line in invoice.lines.all():
            PaymentFactory(patient=line.patient, provider=line.provider, on={line: "5"})
        InsurancePaymentFactory(amount=5 * lines, on=dict.fromkeys(invoice.lines.all(), "5"))
        counts.append(len(look(client, url(invoice)).queries))
    assert len(set(counts)) == 1, counts
