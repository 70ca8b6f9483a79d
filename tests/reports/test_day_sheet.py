"""Day sheet: every entry of a day, and the proof that opening and entries lead to closing."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from billing.models import Payment
from billing.sharing import Entry, OffsetEntry
from patients.models import Patient, Provider
from tests.factories import (
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

pytestmark = pytest.mark.django_db

SLUG = "day-sheet"
FIGURES = ("charge", "payment", "adjustment", "offset", "allocated")


def on(ago: int, more: str = "") -> str:
    return f"from={day(ago)}&to={day(ago)}{more}"


def said(query: str, *names: str) -> list[Any]:
    """In the order they were entered."""
    return told(ask(SLUG, query), *names)[::-1]


def seed_2(smith: Patient, dr1: Provider, ana: Any, ago: int) -> Payment:
    """All in one day: an invoice of 50.00, 20.00 paid on it, and reversed with un-paying."""
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=ago, code="90834")
    receipt: Payment = PaymentFactory(
        patient=smith, provider=dr1, amount="20", by=ana, ago=ago, on={line: "20"}
    )
    ledger.reverse(
        by=ana, payment=receipt, date=day(ago), reason="Payment bounced", unpay_lines=True
    )
    return receipt


def proof(query: str) -> list[tuple[str, str]]:
    [panel] = ask(SLUG, query).panels()
    assert panel.check
    assert panel.check.holds
    assert panel.total
    rows = [*panel.rows, panel.total]
    return [(label, str(amounts[0])) for label, amounts in rows]


# --- Its rows ------------------------------------------------------------------------------------


def test_seed_2_as_it_was_entered(smith: Patient, dr1: Provider, ana: Any) -> None:
    receipt = seed_2(smith, dr1, ana, 3)
    rows = said(on(3), "what", "document", "charge", "payment", "allocated")
    assert [(what, document, *map(str, amounts)) for what, document, *amounts in rows] == [
        ("Charge 90834", "INV-0001", "50.00", "0.00", "0.00"),
        ("Allocation INV-0001", receipt.number, "0.00", "0.00", "20.00"),
        ("Payment", receipt.number, "0.00", "20.00", "0.00"),
        ("Un-payment INV-0001", receipt.number, "0.00", "0.00", "-20.00"),
        ("Reversed payment", receipt.number, "0.00", "-20.00", "0.00"),
    ]
    assert set(said(on(3), "name", "provider", "chart", "entered_by")) == {
        ("Smith, John", "Dr 1", "P1042", "Ana Rell")
    }


def test_write_offs_transfers_refunds_and_offsets_are_told(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="90", by=ana, ago=9)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="60", by=ana, ago=9)
    ledger.adjust(
        by=ana, line=line, amount=money(7), kind="courtesy", date=day(2), reason="Hardship"
    )
    RefundFactory(payment=receipt, amount="5", ago=2, by=ana)
    TransferFactory(
        payment=receipt, amount="4", provider=ProviderFactory(name="Dr 2"), ago=2, by=ana
    )
    ledger.record_payment(
        by=ana,
        payer=PayerFactory(name="BlueRiver Health"),
        amount=money(15),
        method="eft",
        reference="EFT-1",
        date=day(2),
        entries=[Entry(line.pk, money(10))],
        offsets=[OffsetEntry("WO", money(-5), "ICN9")],
    )
    found = {
        (what, name): tuple(map(str, amounts))
        for what, name, *amounts in said(on(2), "what", "name", *FIGURES)
    }
    assert found == {
        ("Courtesy", "Smith, John"): ("0.00", "0.00", "7.00", "0.00", "0.00"),
        ("Refund", "Smith, John"): ("0.00", "-5.00", "0.00", "0.00", "0.00"),
        ("Transfer out", "Smith, John"): ("0.00", "-4.00", "0.00", "0.00", "0.00"),
        ("Transfer in", "Smith, John"): ("0.00", "4.00", "0.00", "0.00", "0.00"),
        ("Payment", "BlueRiver Health"): ("0.00", "15.00", "0.00", "0.00", "0.00"),
        ("Offset WO", "BlueRiver Health"): ("0.00", "0.00", "0.00", "-5.00", "0.00"),
        (f"Allocation {line.invoice.number}", "Smith, John"): (
            *("0.00", "0.00", "0.00", "0.00", "10.00"),
        ),
    }


def test_it_is_narrowed_to_a_kind_of_entry_a_provider_and_a_user(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    seed_2(smith, dr1, ana, 3)
    bo = UserFactory(username="bo")
    PaymentFactory(patient=smith, provider=ProviderFactory(name="Dr 2"), amount="9", by=bo, ago=3)
    for more, found in (
        ("&what=charges", ["Charge 90834"]),
        ("&what=allocations", ["Allocation INV-0001", "Un-payment INV-0001"]),
        ("&what=payments&provider=" + str(dr1.pk), ["Payment", "Reversed payment"]),
        ("&user=bo", ["Payment"]),
        ("&user=bo&what=charges", []),
        ("&what=adjustments", []),
        (f"&what=offsets&provider={dr1.pk}", []),
    ):
        assert said(on(3, more), "what") == found


def test_a_document_leads_to_its_page(smith: Patient, dr1: Provider, ana: Any) -> None:
    report = ask(SLUG)
    [column] = [each for each in report.columns if each.name == "document"]
    assert column.link
    assert column.link({"document": "INV-0001"}) == "/invoices/INV-0001/"
    assert column.link({"document": "R-0001"}) == "/payments/R-0001/"
    assert column.link({"document": "IP-0001"}) == "/insurance-payments/IP-0001/"
    assert column.link({"document": ""}) is None


# --- Its proof -----------------------------------------------------------------------------------


def test_field_2_10_seed_2_in_one_day(smith: Patient, dr1: Provider, ana: Any) -> None:
    """0 + 50 - 20 + 20 = 50: allocating and un-paying change nothing."""
    seed_2(smith, dr1, ana, 3)
    assert proof(on(3)) == [
        (f"Before {day(3):%d %b %Y}", "0.00"),
        ("Charges", "50.00"),
        ("Payments received", "-20.00"),
        ("Reversed or deleted payments", "20.00"),
        ("Comes to", "50.00"),
        (f"At the end of {day(3):%d %b %Y}", "50.00"),
        ("Difference", "0.00"),
    ]


def test_the_next_day_begins_where_this_one_ended(smith: Patient, dr1: Provider, ana: Any) -> None:
    seed_2(smith, dr1, ana, 3)
    PaymentFactory(patient=smith, provider=dr1, amount="12", by=ana, ago=1)
    assert proof(on(2)) == [
        (f"Before {day(2):%d %b %Y}", "50.00"),
        ("Comes to", "50.00"),
        (f"At the end of {day(2):%d %b %Y}", "50.00"),
        ("Difference", "0.00"),
    ]
    assert proof(f"from={day(2)}&to={day(0)}") == [
        (f"Before {day(2):%d %b %Y}", "50.00"),
        ("Payments received", "-12.00"),
        ("Comes to", "38.00"),
        (f"At the end of {day(0):%d %b %Y}", "38.00"),
        ("Difference", "0.00"),
    ]


def test_a_later_entry_changes_no_proof_of_an_earlier_day(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50", by=ana, ago=9)
    receipt = PaymentFactory(
        patient=smith, provider=dr1, amount="20", by=ana, ago=8, on={line: "20"}
    )
    before = proof(on(8))
    rows = said(on(8), "what", *FIGURES)
    ledger.reverse(by=ana, payment=receipt, date=day(1), reason="Payment bounced", unpay_lines=True)
    ledger.void_line(by=ana, line=line, date=day(1), reason="Entered twice")
    assert proof(on(8)) == before
    assert said(on(8), "what", *FIGURES) == rows


def test_a_narrowed_sheet_has_no_proof_of_the_whole_clinic(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    seed_2(smith, dr1, ana, 3)
    for more in ("&what=charges", f"&provider={dr1.pk}", "&user=ana"):
        assert ask(SLUG, on(3, more)).panels() == []


def test_it_shows_today_unless_asked(smith: Patient, dr1: Provider, ana: Any) -> None:
    PaymentFactory(patient=smith, provider=dr1, by=ana, ago=1)
    PaymentFactory(patient=smith, provider=dr1, by=ana, ago=0)
    report = ask(SLUG)
    assert (report.first, report.last, report.totals.count) == (day(0), day(0), 1)
    assert report.when == f"{day(0):%d %b %Y}"
