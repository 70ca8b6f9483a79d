"""Two desks issue invoices, bill sessions or print at once: each gets one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from billing import charging, documents, ledger
from billing.models import Clinic, Document, Invoice, InvoiceLine
from patients.models import Session
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day
from tests.ledger.test_drafting import visit
from tests.postgres.racing import (
    Desks,
    at_the_same_time,
    holding,
    refusals,
    wait_until_somebody_waits,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]


def test_numbers_given_at_once_have_no_gap_and_no_double(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    drafts = [
        InvoiceFactory(patient=PatientFactory(), provider=provider, issued=False) for _ in range(8)
    ]

    def issue(draft: Any) -> Callable[[], Any]:
        return lambda: ledger.issue_invoice(by=by, invoice=draft, date=day(0))

    assert refusals(at_the_same_time(desks, *map(issue, drafts))) == []
    numbers = sorted(str(draft.number) for draft in drafts)
    assert numbers == [f"INV-{n:04d}" for n in range(1, 9)]


def test_one_invoice_issued_by_two_desks_has_one_number(desks: Desks) -> None:
    by = OwnerFactory()
    draft = InvoiceFactory(patient=PatientFactory(), provider=ProviderFactory(), issued=False)

    def issue() -> ledger.Posted:
        return ledger.issue_invoice(
            by=by, invoice=type(draft).objects.get(pk=draft.pk), date=day(0)
        )

    (told,) = refusals(at_the_same_time(desks, issue, issue))
    assert told.startswith("INV-0001 was already issued on ")


def test_two_desks_bill_overlapping_days_and_no_number_is_lost(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    drafts = [
        InvoiceFactory(patient=PatientFactory(), provider=provider, issued=False) for _ in range(6)
    ]

    def issue(some: list[Any]) -> Callable[[], Any]:
        fresh = [type(each).objects.get(pk=each.pk) for each in some]
        return lambda: ledger.issue_invoices(by=by, invoices=fresh, date=day(0))

    (told,) = refusals(at_the_same_time(desks, issue(drafts[:4]), issue(drafts[:1:-1])))
    assert " was already issued on " in told


def test_two_desks_bill_the_same_day_and_each_session_is_billed_once(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    visits = [visit(by, PatientFactory(), provider) for _ in range(5)]

    def bill(sessions: list[Session]) -> Callable[[], Any]:
        return lambda: ledger.bill_sessions(by=by, sessions=sessions, date=day(0))

    outcomes = at_the_same_time(desks, bill(visits), bill(visits[::-1]))
    (told,) = refusals(outcomes)
    assert "was billed meanwhile" in told
    assert InvoiceLine.objects.issued().count() == 5
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        f"INV-000{number}" for number in range(1, 6)
    ]


def test_whoever_changes_a_draft_waits_for_whoever_bills_it(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    session = visit(by, patient, provider)
    draft = Invoice.objects.get()
    seen = charging.seen(draft.lines.all())
    with holding(patient):
        desks.start(lambda: ledger.discard_draft(by=by, invoice=draft, seen_lines=seen))
        wait_until_somebody_waits()
        ledger.bill_sessions(by=by, sessions=[session], date=day(0))
    assert refusals(desks.outcomes()) == [
        "Someone else issued this draft meanwhile: it is INV-0001."
    ]
    assert draft.lines.get().issued_on == day(0)


# --- Documents -----------------------------------------------------------------------------------


def test_desks_that_print_the_same_at_once_get_one_document(desks: Desks) -> None:
    line, by = LineFactory(), OwnerFactory()

    def print_it() -> tuple[str, bytes]:
        with transaction.atomic():
            documents.hold([line.patient_id])
            draft = documents.invoice(Clinic.current(), line.invoice)
            issued = documents.issue(draft, by=by)
        return issued.number, documents.pdf_of(issued)

    outcomes = at_the_same_time(desks, *[print_it] * 6)
    assert len(set(outcomes)) == 1, outcomes
    assert Document.objects.count() == 1


def test_a_batch_and_a_desk_that_takes_money_wait_for_each_other_at_most(desks: Desks) -> None:
    lines, by = [LineFactory() for _ in range(5)], OwnerFactory()
    batch = documents.Batch(
        by=by, patients=[line.patient_id for line in lines], first=None, last=day(0)
    )

    def pay(line: InvoiceLine) -> Any:
        return PaymentFactory(
            patient=line.patient, provider=line.provider, amount="20", on={line: "20"}
        )

    def make() -> Any:
        return list(batch.make())

    check = lines[0], lines[4]
    at_the_same_time(
        desks,
        make,
        *[lambda line=line: pay(line) for line in lines],
        lambda: InsurancePaymentFactory(amount="20", on=dict.fromkeys(check, "10")),
    )
    for document in Document.objects.all():
        [part] = document.data["parts"]
        assert part["closing"] in {"100.00", "90.00", "80.00", "70.00"}
    assert batch.saved.documents.count() == 5
