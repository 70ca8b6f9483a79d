"""record_opening: what patients owed and had as credit in the system before, many at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import checks, ledger
from billing.models import Invoice, InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import LineFactory, PatientFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import digest, figures, refused


def opening(patient: Patient, provider: Provider, amount: str, **more: Any) -> Any:
    what = {"date": day(40), **more}
    return ledger.OpeningBalance(patient, provider, money(amount), **what)


def test_what_is_owed_is_an_invoice_of_its_own_day(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    ledger.record_opening(
        by=ana,
        balances=[
            opening(smith, dr1, "150", reference="A-7"),
            opening(smith, dr1, "20.50", payer=blueriver, date=day(90), description="October"),
        ],
    )
    first, second = InvoiceLine.objects.order_by("pk")
    assert (str(first), first.invoice.number) == (
        "INV-0001 Opening balance (A-7)",
        "INV-0001",
    )
    assert (first.service_date, first.issued_on, first.last_date) == (day(40),) * 3
    assert (first.balance, first.payer, first.invoice.created_by) == (money(150), None, ana)
    assert (second.invoice.number, second.service_date) == ("INV-0002", day(90))
    assert (second.payer, second.description) == (blueriver, "October")
    assert figures(smith, dr1) == (money("170.50"), money(0), money("170.50"))


def test_credit_is_a_receipt_that_pays_nothing_yet(ana: Any, smith: Patient, dr1: Provider) -> None:
    ledger.record_opening(
        by=ana, balances=[opening(smith, dr1, "-45", reference="A-8", description="Prepaid")]
    )
    receipt = Payment.objects.get()
    assert (receipt.number, receipt.amount, receipt.unallocated) == ("R-0001", money(45), money(45))
    assert (receipt.method, receipt.reference, receipt.date) == ("other", "A-8", day(40))
    assert receipt.note == "Opening balance: Prepaid"
    assert figures(smith, dr1) == (money(0), money(45), money(-45))


def test_an_account_of_both_keeps_both(ana: Any, smith: Patient, dr1: Provider) -> None:
    """Which line the credit was meant for is for the desk to say; then it is put there."""
    ledger.record_opening(by=ana, balances=[opening(smith, dr1, "100"), opening(smith, dr1, "-30")])
    assert figures(smith, dr1) == (money(100), money(30), money(70))
    ledger.allocate_credit(
        by=ana,
        patient=smith,
        provider=dr1,
        entries=entries({InvoiceLine.objects.get(): "30"}),
        date=day(0),
    )
    assert figures(smith, dr1) == (money(70), money(0), money(70))


def test_nothing_to_take_over_is_nothing_done(ana: Any) -> None:
    before = digest()
    ledger.record_opening(by=ana, balances=[])
    assert digest() == before


@pytest.mark.parametrize(
    ("amount", "more", "sentence", "field"),
    [
        ("0", {}, "Smith, John (P1042) owes Dr 1 nothing.", "amount"),
        ("-5", {"payer": True}, "Credit is the patient's; no payer owes it.", "payer"),
        ("5", {"date": day(-2)}, "The date is in the future.", "date"),
        ("-5", {"date": day(-2)}, "The date is in the future.", "date"),
    ],
)
def test_refused_all_of_them(
    ana: Any,
    smith: Patient,
    dr1: Provider,
    blueriver: Payer,
    amount: str,
    more: dict[str, Any],
    sentence: str,
    field: str,
) -> None:
    if "payer" in more:
        more = {"payer": blueriver}
    with refused(sentence, field=field):
        ledger.record_opening(
            by=ana, balances=[opening(smith, dr1, "10"), opening(smith, dr1, amount, **more)]
        )


@pytest.mark.parametrize("amount", ["5", "-5"])
def test_r8_one_closed_day_refuses_all(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any, amount: str
) -> None:
    close_books(day(30))
    with refused(
        f"The date is in a closed period (up to {day(30):%d %b %Y})."
        " Ask an administrator to open it.",
        field="date",
    ):
        ledger.record_opening(
            by=ana,
            balances=[opening(smith, dr1, "10", date=day(3)), opening(smith, dr1, amount)],
        )


def test_r7_credit_does_not_join_negative_credit(ana: Any, smith: Patient, dr1: Provider) -> None:
    """A payment at the desk covers it first; an opening balance has a day of its own."""
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    ledger.reverse(by=ana, payment=receipt, date=day(0), reason="Bounced", unpay_lines=False)
    with refused(
        "Smith, John (P1042)'s credit with Dr 1 is negative. Settle that first, or take this as a"
        " payment.",
        field="amount",
    ):
        ledger.record_opening(by=ana, balances=[opening(smith, dr1, "-5")])
    ledger.record_opening(by=ana, balances=[opening(smith, dr1, "5")])
    assert figures(smith, dr1) == (money(35), money(-20), money(55))


def test_the_database_guards_what_it_wrote(ana: Any, smith: Patient, dr1: Provider) -> None:
    ledger.record_opening(by=ana, balances=[opening(smith, dr1, "10")])
    line = InvoiceLine.objects.get()
    with pytest.raises(Exception, match="R1"), transaction.atomic():
        InvoiceLine.objects.filter(pk=line.pk).update(amount=money(9))
    with pytest.raises(Exception, match="R1"), transaction.atomic():
        Invoice.objects.filter(pk=line.invoice_id).update(number="INV-9")


def test_as_many_queries_for_fifty_as_for_five(ana: Any, dr1: Provider) -> None:
    counts = []
    for size in (5, 50):
        patients = [PatientFactory() for _ in range(size)]
        balances = [
            opening(patient, dr1, amount) for patient in patients for amount in ("10", "-4")
        ]
        with CaptureQueriesContext(connection) as captured:
            ledger.record_opening(by=ana, balances=balances)
        counts.append(len(captured))
    assert counts[0] == counts[1] < 20
    assert checks.run_all() == []
