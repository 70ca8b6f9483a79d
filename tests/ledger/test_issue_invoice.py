"""issue_invoice: a draft gets its number and counts from that day on."""

from typing import Any

import pytest

from billing import balances, ledger
from billing.models import Invoice, InvoiceLine
from patients.models import Patient, Provider
from tests.factories import InvoiceFactory, PatientFactory
from tests.factories.bills import day, money
from tests.ledger.books import figures, refused


@pytest.fixture
def draft(smith: Patient, dr1: Provider) -> Invoice:
    return InvoiceFactory(patient=smith, provider=dr1, amounts=["50", "25.50"], issued=False)


def test_a_draft_owes_nothing(smith: Patient, dr1: Provider, draft: Invoice) -> None:
    assert draft.number is None
    assert figures(smith, dr1) == (0, 0, 0)
    assert balances.history(smith) == []


def test_an_issued_invoice_is_owed_from_its_day_on(
    ana: Any, smith: Patient, dr1: Provider, draft: Invoice
) -> None:
    ledger.issue_invoice(by=ana, invoice=draft, date=day(3))
    draft.refresh_from_db()
    assert (draft.number, draft.issued_on) == ("INV-0001", day(3))
    assert {line.issued_on for line in draft.lines.all()} == {day(3)}
    assert figures(smith, dr1) == (money("75.50"), 0, money("75.50"))


def test_numbers_run_on_without_a_gap(ana: Any, smith: Patient, dr1: Provider) -> None:
    empty = Invoice.objects.create(patient=smith, created_by=ana)
    assert InvoiceFactory(patient=smith, provider=dr1).number == "INV-0001"
    with pytest.raises(ledger.LedgerError):
        ledger.issue_invoice(by=ana, invoice=empty, date=day(0))
    assert InvoiceFactory(patient=smith, provider=dr1).number == "INV-0002"


def test_a_second_time_is_refused(ana: Any, draft: Invoice) -> None:
    stale = Invoice.objects.get(pk=draft.pk)
    ledger.issue_invoice(by=ana, invoice=draft, date=day(3))
    for each in (draft, stale):
        with refused(f"INV-0001 was already issued on {day(3):%d %b %Y}."):
            ledger.issue_invoice(by=ana, invoice=each, date=day(0))


def test_an_invoice_without_lines_is_refused(ana: Any, smith: Patient) -> None:
    empty = Invoice.objects.create(patient=smith, created_by=ana)
    with refused("An invoice needs at least one line."):
        ledger.issue_invoice(by=ana, invoice=empty, date=day(0))
    empty.refresh_from_db()
    assert empty.number is None


def test_a_line_of_another_patient_is_refused(ana: Any, dr1: Provider, draft: Invoice) -> None:
    InvoiceLine.objects.create(
        invoice=draft,
        patient=PatientFactory(),
        provider=dr1,
        service_date=day(3),
        description="Consultation",
        amount=money(10),
    )
    with refused("Every line has to be the invoice's own patient's."):
        ledger.issue_invoice(by=ana, invoice=draft, date=day(0))


def test_lines_of_several_providers_go_to_several_accounts(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, draft: Invoice
) -> None:
    InvoiceLine.objects.create(
        invoice=draft,
        patient=smith,
        provider=dr2,
        service_date=day(3),
        description="Consultation",
        amount=money(10),
    )
    ledger.issue_invoice(by=ana, invoice=draft, date=day(0))
    assert figures(smith, dr1)[0] == money("75.50")
    assert figures(smith, dr2)[0] == 10


def test_r1_issued_lines_and_invoices_are_not_deleted_by_the_models(
    ana: Any, draft: Invoice
) -> None:
    ledger.issue_invoice(by=ana, invoice=draft, date=day(3))
    with pytest.raises(TypeError, match="never deleted"):
        draft.lines.all()[0].delete()
