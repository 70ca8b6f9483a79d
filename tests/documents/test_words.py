"""What stands on each document, read back out of its PDF."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import balances, documents, ledger
from billing.models import Adjustment, Clinic, Invoice, InvoiceLine, Payment
from billing.sharing import STAYS, Entry
from patients.models import Patient, Session
from tests.documents.reading import draft_of, printed, statement_of
from tests.factories import (
    AllocationFactory,
    CoverageFactory,
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
    UserFactory,
)
from tests.factories.bills import day

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return Clinic.objects.create(
        name="Pine Clinic",
        address_line1="1 Pine Road",
        city="Alder",
        state="WA",
        postal_code="98000",
        phone="(206) 555-0100",
        tax_id="00-1234567",
        npi="1234567893",
        statement_message="Call us with questions.",
    )


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(
        family_name="Smith",
        given_name="John",
        chart_number="P1042",
        address_line1="5 Elm Road",
        city="Alder",
        state="WA",
        postal_code="98001",
    )


@pytest.fixture
def dr1() -> Any:
    return ProviderFactory(name="Dr 1", npi="9876543213")


def shown(date: Any) -> str:
    return f"{date:%d %b %Y}"


# ---------------------------------------------------------------------------- statements


def test_a_statement_shows_everything_that_happened(
    clinic: Clinic, smith: Patient, dr1: Any
) -> None:
    by, account = UserFactory(), {"patient": smith, "provider": dr1}
    LineFactory(**account, amount="75", ago=60)
    claimed = LineFactory(**account, amount="100", ago=30, owed_by=PayerFactory(name="BlueRiver"))
    ledger.record_payment(  # a part only: BlueRiver has still to answer on the rest
        by=by,
        payer=claimed.payer,
        amount=Decimal("50.00"),
        method="check",
        reference="4711",
        date=day(20),
        entries=[Entry(claimed.pk, Decimal("50.00"), Decimal("10.00"), rest=STAYS)],
    )
    line = LineFactory(**account, amount="40", ago=19)
    ledger.write_off(
        by=by,
        entries=[ledger.Entry(line.pk, write_off=Decimal("5.00"))],
        kind="courtesy",
        date=day(18),
        reason="Hardship",
    )
    receipt = PaymentFactory(**account, amount="90", ago=15, method="card", reference="88")
    RefundFactory(payment=receipt, amount="15", method="card", ago=14, reason="Asked")
    bounced = PaymentFactory(**account, amount="20", ago=13, method="check")
    ledger.reverse(by=by, payment=bounced, date=day(12), reason="Payment bounced")
    other = PatientFactory(family_name="Secret")
    TransferFactory(payment=receipt, amount="10", patient=other, provider=dr1, ago=11)
    text = printed(draft_of(smith, day(40)))
    for said in (
        "Pine Clinic 1 Pine Road Alder, WA 98000 (206) 555-0100",
        "John Smith 5 Elm Road Alder, WA 98001",
        f"Period {shown(day(40))} to {shown(day(0))}",
        f"Opening balance on {shown(day(40))} 75.00",
        f"{shown(day(30))} Psychotherapy, 45 minutes {claimed.invoice}, 90834 Dr 1 100.00 175.00",
        f"Insurance payment BlueRiver, {claimed.invoice}, service of {shown(day(30))} Dr 1 -50.00",
        f"Insurance write-off BlueRiver, {claimed.invoice}, service of {shown(day(30))} Dr 1 -10.00",
        f"Courtesy write-off {line.invoice}, service of {shown(day(19))}, Hardship Dr 1 -5.00",
        f"Payment {receipt.number} card, reference 88 Dr 1 -90.00 60.00",
        f"Refund of {receipt.number} card, Asked Dr 1 15.00 75.00",
        f"Payment {bounced.number} check Dr 1 -20.00 55.00",
        f"Payment {bounced.number} reversed Payment bounced Dr 1 20.00 75.00",
        "Credit moved to another account Dr 1 10.00 85.00",
        f"Closing balance on {shown(day(0))} 140.00 -130.00 85.00",
        "Amount due $45.00",
        "$40.00 more is waiting for insurance.",
        "Please do not pay what is waiting for insurance until it has answered.",
        "Current 1-30 days 31-60 days 61-90 days Over 90 Credit used Amount due",
        "0.00 35.00 75.00 0.00 0.00 -65.00 45.00",
        "Your part Waiting for insurance Credit Closing balance 110.00 40.00 -65.00 85.00",
        "Call us with questions.",
        "Page 1 of 1",
    ):
        assert said in text, f"{said}\n\nnot in\n\n{text}"
    assert "Secret" not in text


def test_a_voided_charge_and_a_write_off_taken_back_are_called_so(smith: Patient, dr1: Any) -> None:
    by = UserFactory()
    line = LineFactory(patient=smith, provider=dr1, amount="50", ago=10)
    off = ledger.adjust(
        by=by, line=line, amount=Decimal("5.00"), kind="courtesy", date=day(9), reason="Hardship"
    )
    assert off.adjustments
    ledger.undo_write_off(
        by=by, adjustment=Adjustment.objects.get(), date=day(8), reason="Wrong line"
    )
    ledger.void_line(by=by, line=line, date=day(7), reason="Never came")
    text = printed(draft_of(smith))
    on = f"{line.invoice}, service of {shown(day(10))}"
    assert f"Courtesy write-off taken back {on}, Wrong line Dr 1 5.00 50.00" in text
    assert f"Charge voided {on}, Never came Dr 1 -50.00 0.00" in text
    assert "Everything is paid. Thank you." in text


def test_a_long_statement_repeats_its_head_and_counts_its_pages(smith: Patient, dr1: Any) -> None:
    InvoiceFactory(patient=smith, provider=dr1, amounts=["1"] * 70)
    text = printed(draft_of(smith))
    for page in (1, 2, 3, 4):
        assert f"Page {page} of 4" in text
    assert text.count("Date Details Provider Charges Payments Balance") == 4


def test_a_quiet_period_says_so(smith: Patient) -> None:
    assert "Nothing was charged or paid in this period." in printed(draft_of(smith, day(9)))


def test_a_family_gets_one_statement_with_a_part_for_each(clinic: Clinic, smith: Patient) -> None:
    child = PatientFactory(family_name="Smith", given_name="Ann", guarantor=smith)
    LineFactory(patient=smith, amount="10")
    LineFactory(patient=child, amount="30")
    parts = [statement_of(member) for member in smith.family().select_related("guarantor")]
    draft = documents.statement(clinic, parts, family=True)
    text = printed(draft)
    assert draft.patient == smith
    assert "Amount due $40.00" in text
    assert "Smith, John, chart P1042" in text
    assert f"Smith, Ann, chart {child.chart_number}" in text
    alone = printed(documents.statement(clinic, [statement_of(child)]))
    assert "John Smith 5 Elm Road" in alone  # it goes to whoever pays
    assert "Amount due $30.00" in alone


# ---------------------------------------------------------------------------- invoices


def test_an_invoice_says_who_owes_the_rest(clinic: Clinic, smith: Patient, dr1: Any) -> None:
    invoice = InvoiceFactory(patient=smith, provider=dr1, amounts=["100", "35"], ago=30)
    first, second = invoice.lines.order_by("pk")
    blue = PayerFactory(name="BlueRiver")
    InvoiceLine.objects.filter(pk=second.pk).update(payer=blue)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={first: "20"})
    text = printed(documents.invoice(clinic, invoice))
    for said in (
        f"Invoice {invoice.number} Issued {shown(day(30))}",
        "Amount due $80.00",
        f"Due by {shown(day(0))}",
        "$35.00 more is waiting for insurance.",
        "90834, waiting for BlueRiver",
        "Total 135.00 0.00 -20.00 115.00",
        f"{shown(day(20))} Payment {receipt.number}, cash 20.00",
        "BlueRiver You Balance 35.00 80.00 115.00",
    ):
        assert said in text, f"{said}\n\nnot in\n\n{text}"


def test_a_void_invoice_owes_nothing_and_says_why(clinic: Clinic, smith: Patient) -> None:
    invoice = InvoiceFactory(patient=smith)
    ledger.void_lines(by=UserFactory(), lines=invoice.lines.all(), date=day(2), reason="Never came")
    text = printed(documents.invoice(clinic, invoice))
    assert "This invoice is void." in text
    assert f"void since {shown(day(2))}: Never came" in text
    assert "Amount due $0.00" in text


# ---------------------------------------------------------------------------- receipts


def test_a_receipt_says_what_it_paid_and_what_stays_as_credit(
    clinic: Clinic, smith: Patient, dr1: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="80", on={line: "50"}, ago=5)
    RefundFactory(payment=receipt, amount="10", ago=2, reason="Asked")
    text = printed(documents.receipt(clinic, Payment.objects.with_names().get(pk=receipt.pk)))
    for said in (
        "Received $80.00",
        f"Cash, {shown(day(5))}",
        f"{shown(day(30))} Psychotherapy, 45 minutes {line.invoice}, 90834 Dr 1 50.00",
        f"{shown(day(2))} Refund of {receipt.number} cash, Asked -10.00",
        "Received Paid on charges Given back or moved Stays as credit 80.00 50.00 10.00 20.00",
    ):
        assert said in text, f"{said}\n\nnot in\n\n{text}"


def test_a_receipt_says_what_its_money_paid_for_the_family(
    clinic: Clinic, smith: Patient, dr1: Any
) -> None:
    kim = PatientFactory(family_name="Smith", given_name="Kim", guarantor=smith)
    hers = LineFactory(patient=kim, provider=dr1, amount="70", ago=10)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", ago=5)
    moved = TransferFactory(
        payment=receipt, amount="80", patient=kim, provider=dr1, ago=4, reason="Family"
    )
    AllocationFactory(payment=moved, line=hers, amount="70")
    text = printed(documents.receipt(clinic, Payment.objects.with_names().get(pk=receipt.pk)))
    assert f"{hers.invoice}, 90834, for Smith, Kim Dr 1 70.00 Paid on charges 70.00" in text
    # 10.00 of what was moved pays nothing yet.
    assert "Given back or moved Stays as credit 100.00 70.00 10.00 20.00" in text


def test_an_insurers_receipt_names_the_patients(clinic: Clinic, smith: Patient) -> None:
    line = LineFactory(patient=smith, amount="50")
    check = InsurancePaymentFactory(payer=PayerFactory(name="BlueRiver"), amount=60, on={line: 40})
    draft = documents.receipt(clinic, check)
    text = printed(draft)
    assert draft.patient is None
    assert "Smith, John 40.00" in text
    assert "Not on a charge yet 60.00 40.00 0.00 20.00" in text


# ---------------------------------------------------------------------------- superbills


def test_a_superbill_holds_what_an_insurer_asks_for(
    clinic: Clinic, smith: Patient, dr1: Any
) -> None:
    CoverageFactory(
        patient=smith, payer=PayerFactory(name="BlueRiver"), member_id="M77", group_number="G5"
    )
    visit = Session.objects.create(
        patient=smith, provider=dr1, date=day(9), diagnoses="F41.1, M54.50", place_of_service="10"
    )
    invoice = Invoice.objects.create(patient=smith, created_by=UserFactory())
    InvoiceLine.objects.create(
        invoice=invoice,
        session=visit,
        patient=smith,
        provider=dr1,
        service_date=day(9),
        code="90834",
        description="Psychotherapy",
        modifiers="95,GT",
        units=2,
        amount=Decimal("80.00"),
    )
    ledger.issue_invoice(by=UserFactory(), invoice=invoice, date=day(9))
    line = invoice.lines.get()
    PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "30"}, ago=1)
    lines = list(InvoiceLine.objects.select_related("session", "provider").filter(pk=line.pk))
    draft = documents.superbill(clinic, smith, dr1, lines, first=day(20), last=day(0))
    text = printed(draft)
    for said in (
        "Insurer BlueRiver Member ID M77, group G5",
        "Provider NPI 9876543213 Clinic NPI 1234567893 Tax ID 00-1234567",
        f"{shown(day(9))} 90834 Psychotherapy 95, GT F41.1, M54.50 10 2 80.00 30.00",
        "Total 80.00 30.00",
        "Signature of Dr 1",
    ):
        assert said in text, f"{said}\n\nnot in\n\n{text}"
    assert balances.line_totals(lines).paid == 30
