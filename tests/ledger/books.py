"""What the ledger's tests read: figures of an account, a digest of the tables, and refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection, models

from billing import balances, ledger
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    ClosingDate,
    Deposit,
    DepositItem,
    Export,
    Invoice,
    InvoiceLine,
    JournalBatch,
    JournalItem,
    Kind,
    LineVoid,
    NumberSeries,
    Offset,
    Payment,
    Responsibility,
    Submission,
)
from patients.models import Patient, Provider

MONEY_TABLES: tuple[type[models.Model], ...] = (
    Payment,
    Allocation,
    Adjustment,
    Adjudication,
    Responsibility,
    Offset,
    InvoiceLine,
    Invoice,
    NumberSeries,
    Submission,
    ClosingDate,
    LineVoid,
    Deposit,
    DepositItem,
    Export,
    JournalBatch,
    JournalItem,
)


def figures(patient: Patient, provider: Provider) -> tuple[Decimal, Decimal, Decimal]:
    """Invoices, unallocated credit and net balance of an account, as the screens show them."""
    found = balances.account(patient, provider)
    return found.invoices, found.credit, found.net


def owing(line: InvoiceLine) -> tuple[Decimal, Decimal]:
    """Paid and balance of a line, afresh."""
    line.refresh_from_db()
    return line.paid, line.balance


def free(payment: Payment) -> Decimal:
    """Unallocated of a receipt, afresh."""
    payment.refresh_from_db()
    return payment.unallocated


def paying(line: InvoiceLine) -> dict[str, Decimal]:
    """Which receipts pay a line, by number: the Paid by chips."""
    return {
        str(link.payment.number): link.amount
        for link in balances.paid_by([line.pk]).get(line.pk, [])
    }


def transfers(patient: Patient) -> list[tuple[str, str, Decimal, bool]]:
    """(kind, provider, amount, reversed) of the transfer rows of a patient, in order."""
    rows = Payment.objects.filter(
        patient=patient, kind__in=[Kind.TRANSFER_OUT, Kind.TRANSFER_IN]
    ).order_by("pk")
    return [(row.kind, str(row.provider), row.amount, row.reversed) for row in rows]


def digest(tables: Iterable[type[models.Model]] = MONEY_TABLES) -> str:
    """One fingerprint of every row of every money table, columns and all."""
    found = hashlib.sha256()
    with connection.cursor() as cursor:
        for model in tables:
            table = model._meta.db_table
            columns = ", ".join(sorted(field.column for field in model._meta.concrete_fields))
            cursor.execute(f"SELECT {columns} FROM {table}")
            rows = sorted(map(str, cursor.fetchall()))
            found.update(f"{table} {columns} {rows}".encode())
    return found.hexdigest()


@contextmanager
def refused(
    sentence: str | None,
    *,
    field: str = "",
    line: InvoiceLine | None = None,
    error: type[ledger.LedgerError] = ledger.LedgerError,
) -> Iterator[None]:
    """The verb says exactly this, where it belongs, and not one row was written or changed.

    (None: it is any LedgerError, never an error of the database.)
    """
    before = digest()
    with pytest.raises(error) as raised:
        yield
    if sentence is not None:
        assert str(raised.value) == sentence
        assert raised.value.field == field
    if line is not None:
        assert raised.value.line == line.pk
    assert digest() == before, "a refused verb left something behind"
