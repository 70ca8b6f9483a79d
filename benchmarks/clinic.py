"""The clinic that is measured: its bills and payments come from the ledger's own verbs.

Every call of every measured verb gets lines of its own, and so does every call of its floor, so that
all find the same state: unpaid lines of $100.00, two of a patient at a time, as on an insurer's check.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from billing import ledger
from billing.models import Invoice, InvoiceLine, Payment
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider

POSTED_SIZES = (1, 10, 100, 500)
UNDONE_SIZE = 10
LIVE_SIZE = 500
A_PATIENT_HAS = 2  # lines on one check
FEE, PAID = Decimal("100.00"), Decimal("60.00")

Sets = list[list[InvoiceLine]]


@dataclass
class Clinic:
    """What is measured on. Of every list the first half is the app's, the rest the floor's."""

    by: Any
    provider: Provider
    payer: Payer
    today: datetime.date
    to_post: dict[int, Sets] = field(default_factory=dict)
    to_unpay: list[Payment] = field(default_factory=list)
    to_reverse: list[Payment] = field(default_factory=list)
    on_receipts: Sets = field(default_factory=list)  # the lines of those
    on_checks: Sets = field(default_factory=list)
    live: list[InvoiceLine] = field(default_factory=list)


def entries(lines: Sequence[InvoiceLine]) -> list[Entry]:
    """As the screen sends them, each with the state it showed."""
    return [Entry(line.pk, PAID, seen=line.seen) for line in lines]


def build(calls: int) -> Clinic:
    """Enough for so many calls of each measured verb, and as many of its floor."""
    calls *= 2
    run = 1 + Payer.objects.filter(name__startswith="Bench Health").count()  # of a kept clinic
    clinic = Clinic(
        by=get_user_model().objects.create(username=f"bench{run}", is_superuser=True),
        provider=Provider.objects.create(name=f"Dr Bench {run}"),
        payer=Payer.objects.create(name=f"Bench Health {run}", payer_id=f"6{run:04}"),
        today=timezone.localdate(),
    )
    patients = _patients(LIVE_SIZE // A_PATIENT_HAS + calls, first=9_000_001 + 10_000 * run)
    alone, everybody = patients[:calls], patients[calls:]
    wanted = _Wanted(clinic, issued=clinic.today - datetime.timedelta(days=30))
    for size in POSTED_SIZES:
        clinic.to_post[size] = [wanted.check(everybody, size) for _ in range(calls)]
    clinic.on_checks = [wanted.check(everybody, UNDONE_SIZE) for _ in range(calls)]
    clinic.on_receipts = [wanted.lines(patient, UNDONE_SIZE) for patient in alone]
    clinic.live = wanted.check(everybody, LIVE_SIZE)
    wanted.issue()

    for number, lines in enumerate(clinic.on_checks):
        clinic.to_reverse.append(
            _received(clinic, lines, payer=clinic.payer, reference=f"R{number}")
        )
    for lines in clinic.on_receipts:
        clinic.to_unpay.append(
            _received(clinic, lines, patient=lines[0].patient, provider=clinic.provider)
        )
    # Standing credit here and there, and another insurer's money on a third of the live lines.
    for patient in everybody[::10]:
        _received(clinic, [], patient=patient, provider=clinic.provider)
    other = Payer.objects.create(name=f"Other Health {run}", payer_id=f"7{run:04}")
    _received(clinic, clinic.live[::3], payer=other, each=Decimal("20.00"))
    return clinic


def _patients(count: int, first: int) -> list[Patient]:
    return Patient.objects.bulk_create(
        Patient(
            chart_number=f"P{first + number}",
            family_name=f"Sample{number}",
            given_name="Robin",
            birth_date=datetime.date(1980, 5, 17),
        )
        for number in range(count)
    )


class _Wanted:
    """Lines asked for, written all at once, then issued: one invoice a patient."""

    def __init__(self, clinic: Clinic, issued: datetime.date) -> None:
        self.clinic = clinic
        self.issued = issued
        self.of: dict[Patient, list[InvoiceLine]] = defaultdict(list)

    def lines(self, patient: Patient, count: int) -> list[InvoiceLine]:
        new = [
            InvoiceLine(
                patient=patient,
                provider=self.clinic.provider,
                payer=self.clinic.payer,
                service_date=self.issued,
                code="90834",
                description="Psychotherapy, 45 minutes",
                amount=FEE,
            )
            for _ in range(count)
        ]
        self.of[patient] += new
        return new

    def check(self, patients: Sequence[Patient], size: int) -> list[InvoiceLine]:
        """The lines of one check, two of a patient."""
        found: list[InvoiceLine] = []
        for patient in patients:
            if len(found) < size:
                found += self.lines(patient, min(A_PATIENT_HAS, size - len(found)))
        assert len(found) == size
        return found

    def issue(self) -> None:
        by = self.clinic.by
        invoices = Invoice.objects.bulk_create(
            Invoice(patient=patient, created_by=by) for patient in self.of
        )
        for invoice, lines in zip(invoices, self.of.values(), strict=True):
            for line in lines:
                line.invoice = invoice
        everything = [line for lines in self.of.values() for line in lines]
        InvoiceLine.objects.bulk_create(everything, batch_size=1000)
        for invoice in invoices:
            ledger.issue_invoice(by=by, invoice=invoice, date=self.issued)


def _received(
    clinic: Clinic, lines: Sequence[InvoiceLine], *, each: Decimal = PAID, **whose: Any
) -> Payment:
    payment = ledger.record_payment(
        by=clinic.by,
        amount=each * max(len(lines), 1),
        method="check",
        date=clinic.today - datetime.timedelta(days=10),
        entries=[Entry(line.pk, each) for line in lines],
        **whose,
    ).payment
    assert payment
    return payment
