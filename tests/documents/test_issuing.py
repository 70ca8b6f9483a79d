"""Issued documents say the same for ever, and know what replaced them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing import documents, ledger
from billing.models import Clinic, Document
from billing.models.append_only import AppendOnlyError
from tests.documents.reading import draft_of, words
from tests.factories import (
    AllocationFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day, money

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> Any:
    return LineFactory(
        patient=PatientFactory(family_name="Smith"),
        provider=ProviderFactory(name="Dr 1"),
        amount=50,
    )


def receipt(line: Any) -> Any:
    return PaymentFactory(patient=line.patient, provider=line.provider, amount="20")


def invoice(line: Any) -> Document:
    return documents.issue(documents.invoice(Clinic.current(), line.invoice), by=UserFactory())


def test_printing_again_gives_the_same_bytes_whatever_happened_since(line: Any) -> None:
    issued = documents.issue(draft_of(line.patient), by=UserFactory())
    before = documents.pdf_of(issued)
    paid = receipt(line)
    AllocationFactory(payment=paid, line=line, amount="20")
    ledger.reverse(by=UserFactory(), payment=paid, date=day(1), reason="Bounced")
    line.patient.family_name = "Changed"
    line.patient.save()
    Clinic.objects.create(name="Renamed")
    again = documents.pdf_of(Document.objects.get(pk=issued.pk))
    assert again == before
    assert "Smith" in words(again)


def test_the_same_again_is_the_same_document(line: Any) -> None:
    first = documents.issue(draft_of(line.patient), by=UserFactory())
    second = documents.issue(draft_of(line.patient), by=UserFactory(username="ben"))
    assert first == second
    assert documents.unchanged(draft_of(line.patient)) == first
    assert Document.objects.count() == 1


def test_what_says_something_else_replaces_it(line: Any) -> None:
    first = invoice(line)
    AllocationFactory(payment=receipt(line), line=line, amount="20")
    assert documents.unchanged(documents.invoice(Clinic.current(), line.invoice)) is None
    second = invoice(line)
    assert (first.replaces, second.replaces) == (None, first)
    assert (first.number, second.number) == ("DOC-0001", "DOC-0002")
    assert list(Document.objects.latest_of([first.subject])) == [second]
    ledger.unpay(by=UserFactory(), line=line, amount=money("20"), date=day(1), reason="Wrong line")
    third = invoice(line)  # says what the first said, but the second came between
    assert third.replaces == second


def test_other_things_are_other_documents(line: Any) -> None:
    issued = documents.issue_all(
        [
            draft_of(line.patient),
            draft_of(line.patient, day(10)),
            documents.invoice(Clinic.current(), line.invoice),
            documents.receipt(Clinic.current(), receipt(line)),
        ],
        by=UserFactory(),
    )
    assert [each.number for each in issued] == [f"DOC-{n:04d}" for n in range(1, 5)]
    assert {each.replaces for each in issued} == {None}
    assert issued[0].file_name == "DOC-0001-statement.pdf"


def test_a_statement_is_due_so_many_days_after_it_is_issued(line: Any) -> None:
    Clinic.objects.create(name="Pine Clinic", payment_terms=14)
    issued = documents.issue(draft_of(line.patient), by=UserFactory())
    assert issued.data["due_on"] == f"{day(-14):%d %b %Y}"
    assert f"Due by {day(-14):%d %b %Y}" in words(documents.pdf_of(issued))


def test_many_cost_the_same_number_of_queries() -> None:
    counts = []
    for size in (1, 5, 30):
        drafts = [draft_of(LineFactory().patient) for _ in range(size)]
        with CaptureQueriesContext(connection) as captured:
            documents.issue_all(drafts, by=UserFactory())
        counts.append(len(captured))
    assert len(set(counts)) == 1, counts


# ---------------------------------------------------------------------------- never changed


def test_the_model_refuses_a_change(line: Any) -> None:
    issued = invoice(line)
    issued.kind = "receipt"
    attempts: list[Any] = [
        issued.save,
        issued.delete,
        lambda: Document.objects.update(layout=2),
        Document.objects.all().delete,
        lambda: line.patient.documents.update(layout=2),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnlyError, match="never changed or deleted"):
            attempt()


@pytest.mark.parametrize(
    "sql", ["UPDATE billing_document SET layout = 2", "DELETE FROM billing_document"]
)
def test_the_database_refuses_it_too(line: Any, sql: str) -> None:
    invoice(line)
    with pytest.raises(IntegrityError, match="R1: a document row is never"), transaction.atomic():
        connection.cursor().execute(sql)


def test_the_database_keeps_one_chain_a_subject(line: Any) -> None:
    first = invoice(line)
    fields = {
        "kind": "invoice",
        "patient": line.patient,
        "invoice": line.invoice,
        "data": {},
        "layout": 1,
        "created_by": UserFactory(),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(number="DOC-8", subject=first.subject, **fields)
    invoice_two = Document.objects.create(
        number="DOC-9", subject=first.subject, replaces=first, **fields
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(number="DOC-10", subject=first.subject, replaces=first, **fields)
    assert Document.objects.get(pk=first.pk).replaced_by == invoice_two


def test_there_is_one_clinic() -> None:
    Clinic.objects.create(name="Pine Clinic")
    with pytest.raises(IntegrityError), transaction.atomic():
        Clinic.objects.create(id=2, name="Another")
    assert Clinic.current().name == "Pine Clinic"
