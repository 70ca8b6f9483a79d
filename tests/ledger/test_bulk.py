"""Many rows in one statement, and queries that are worded once: what they write and find."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from billing.models import (
    EraFile,
    InvoiceLine,
    Remittance,
    RemittanceClaim,
    RemittanceRow,
    RowState,
)
from billing.models.bulk import insert
from billing.models.prepared import Ids, Prepared
from billing.money import ZERO
from patients.models import Coverage
from tests.factories import InvoiceFactory, OwnerFactory, PatientFactory, PayerFactory
from tests.factories.bills import day, money

pytestmark = pytest.mark.django_db


def a_claim() -> RemittanceClaim:
    file = EraFile.objects.create(
        name="a.835", sha256="0" * 64, size=1, packed=b"", uploaded_by=OwnerFactory()
    )
    draft = Remittance.objects.create(
        file=file, position=0, number="0001", reference="1", amount=money("10")
    )
    return RemittanceClaim.objects.create(
        remittance=draft, index=0, group=0, charge=ZERO, paid=ZERO, first_segment=1, last_segment=2
    )


def a_row(claim: RemittanceClaim, number: int, **more: Any) -> RemittanceRow:
    return RemittanceRow(
        remittance=claim.remittance,
        claim=claim,
        group=0,
        number=number,
        kind="line",
        level="A1",
        state=RowState.MATCHED,
        first_segment=1,
        last_segment=2,
        **more,
    )


def different(claim: RemittanceClaim) -> list[RemittanceRow]:
    return [
        a_row(claim, 0, code="90834", allocation=money("12.34"), date=day(0), ticked=True),
        a_row(
            claim, 1, adjustments=[["CO", "45", "1.00"]], said={"paid": "1"}, remarks="“N54”, 5%"
        ),
        a_row(claim, 2, allocation=money("-0.01"), concerns=["older"], decision="patient"),
    ]


def alike(claim: RemittanceClaim) -> list[RemittanceRow]:
    return [a_row(claim, number, date=day(3), allocation=money("5")) for number in range(3)]


def alone(claim: RemittanceClaim) -> list[RemittanceRow]:
    return [a_row(claim, 0, adjustments=[["CO", "45", "1.00"]])]


def as_stored() -> list[dict[str, Any]]:
    found = list(RemittanceRow.objects.order_by("number").values())
    for row in found:
        del row["id"]
    return found


@pytest.mark.parametrize("rows", [different, alike, alone], ids=lambda rows: rows.__name__)
def test_rows_are_stored_as_django_would_store_them(rows: Any) -> None:
    claim = a_claim()
    RemittanceRow.objects.bulk_create(rows(claim))
    djangos = as_stored()
    RemittanceRow.objects.all().delete()
    with CaptureQueriesContext(connection) as queries:
        insert(made := rows(claim))
    assert as_stored() == djangos
    assert len(queries) == 1
    stored = RemittanceRow.objects.in_bulk([row.pk for row in made])
    assert [stored[row.pk].number for row in made] == [row.number for row in made]
    assert not made[0]._state.adding


def test_rows_that_are_the_same_in_every_column_are_all_stored() -> None:
    patient, payer = PatientFactory(), PayerFactory()
    insert(Coverage(patient=patient, payer=payer, member_id="M1") for _ in range(3))
    assert Coverage.objects.filter(patient=patient, member_id="M1").count() == 3


def test_nothing_to_write_asks_nothing() -> None:
    with CaptureQueriesContext(connection) as queries:
        insert([])
    assert len(queries) == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no longest text")
def test_a_text_that_is_too_long_is_refused_and_not_cut_off() -> None:
    claim = a_claim()
    for code in ("9" * 21, "8" * 21):
        with pytest.raises(DataError), transaction.atomic():
            insert([a_row(claim, 0, code=code), a_row(claim, 1, code="1")])
    assert not RemittanceRow.objects.exists()


LINES = Prepared(
    lambda: InvoiceLine.objects.filter(pk__among=Ids("lines")).order_by("pk").only("amount")
)
DAYS = Prepared(
    lambda: (
        InvoiceLine.objects.filter(patient__among=Ids("patients"))
        .order_by("pk")
        .values_list("service_date", "amount", "payer")
    )
)


def test_a_prepared_query_finds_what_it_is_asked_for_each_time() -> None:
    invoices = [InvoiceFactory(amounts=["10", "20"]) for _ in range(2)]
    for invoice in invoices:
        lines = list(invoice.lines.order_by("pk"))
        assert LINES.models(InvoiceLine, lines=[line.pk for line in lines]) == lines
        assert DAYS.rows(patients={invoice.patient_id}) == [
            (line.service_date, line.amount, None) for line in lines
        ]
    assert LINES.models(InvoiceLine, lines=[]) == []
