"""Statements as PDF: one, one of 400 lines, and a thousand in one file.

Their floor is Typst alone, setting the same texts: what the app adds is reading the books,
putting them into words, and keeping the document.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import connection

from benchmarks.clinic import entries
from benchmarks.measure import WARM_UP, Result, Statements, in_turn
from billing import balances, documents, ledger
from billing.documents.render import LAYOUT, render
from billing.models import Clinic, DocumentKind, Invoice, InvoiceLine
from patients.models import Patient, Provider

MANY = 1000
USUAL, LONG = 12, 400  # rows on a statement
FEE = Decimal("90.00")


class Paper:
    """Patients with a statement of 12 rows each, and a few with 400."""

    def __init__(self, by: Any, today: datetime.date, long: int) -> None:
        self.by, self.today = by, today
        run = Provider.objects.count()  # a kept clinic is measured more than once
        self.provider = Provider.objects.create(name=f"Dr Paper {run}")
        people = Patient.objects.bulk_create(
            Patient(
                chart_number=f"P{8_000_000 + 10_000 * run + number}",
                family_name=f"Paper{number}",
                given_name="Robin",
                birth_date=datetime.date(1980, 5, 17),
            )
            for number in range(MANY + long)
        )
        self.usual, self.long = people[:MANY], people[MANY:]
        for patient in self.usual:
            self._bill(patient, lines=USUAL - 3)
            for _ in range(3):
                self._pay(patient)
        for patient in self.long:
            self._bill(patient, lines=LONG)

    def _bill(self, patient: Patient, lines: int) -> None:
        invoice = Invoice.objects.create(patient=patient, created_by=self.by)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=invoice,
                patient=patient,
                provider=self.provider,
                service_date=self.today - datetime.timedelta(days=40 + number % 60),
                code="90834",
                description="Psychotherapy, 45 minutes",
                amount=FEE,
            )
            for number in range(lines)
        )
        ledger.issue_invoice(
            by=self.by, invoice=invoice, date=self.today - datetime.timedelta(days=30)
        )

    def _pay(self, patient: Patient) -> None:
        lines = InvoiceLine.objects.open().filter(patient=patient).order_by("-balance", "pk")[:1]
        ledger.record_payment(
            by=self.by,
            patient=patient,
            provider=self.provider,
            amount=Decimal("60.00"),
            method="card",
            date=self.today - datetime.timedelta(days=5),
            entries=entries(lines),
        )

    def draft(self, patient: Patient) -> documents.Draft:
        found = balances.statement(patient, first=None, last=self.today)
        return documents.statement(Clinic.current(), [found])

    def printed(self, draft: documents.Draft) -> dict[str, Any]:
        return {**draft.data, "number": "DOC-0001", "issued_on": "27 Nov 2025", "due_on": ""}


def results(by: Any, today: datetime.date, repeats: int) -> Iterator[Result]:
    few = min(repeats, 10)
    paper = Paper(by, today, long=2 * (WARM_UP + few))
    for rows, people, calls in ((USUAL, paper.usual, repeats), (LONG, paper.long, few)):
        # Each call and each floor sets a patient of its own: Typst remembers what it has set.
        half = WARM_UP + calls
        texts = [paper.printed(paper.draft(patient)) for patient in people[half : 2 * half]]

        def app(number: int, people: list[Patient] = people) -> None:
            documents.pdf_of(documents.issue(paper.draft(people[number]), by=by))

        def floor(number: int, texts: list[dict[str, Any]] = texts) -> int:
            render(DocumentKind.STATEMENT, [texts[number]])
            return 0

        yield in_turn("a statement", rows, app=app, floor=floor, repeats=calls)
    yield _thousand(paper, by, today)


def _thousand(paper: Paper, by: Any, today: datetime.date) -> Result:
    """Once: it takes long enough to be measured once."""
    texts = [(LAYOUT, paper.printed(paper.draft(patient))) for patient in paper.usual]
    counted = Statements()
    batch = documents.Batch(
        by=by, patients=[patient.pk for patient in paper.usual], first=None, last=today
    )
    start = time.perf_counter()
    with connection.execute_wrapper(counted):
        for _done in batch.make():
            pass
    app = (time.perf_counter() - start) * 1000
    for each in texts:  # other texts than the app's, for the same reason
        each[1]["footer"] += "."
    start = time.perf_counter()
    bundle = documents.Bundle()
    for _count in bundle.add(DocumentKind.STATEMENT, texts):
        pass
    bundle.pdf()
    floor = (time.perf_counter() - start) * 1000
    return Result(
        work="statements, 1 PDF",
        engine=connection.vendor,
        lines=InvoiceLine.objects.count(),
        n=MANY,
        app=app,
        app_p95=app,
        floor=floor,
        app_statements=counted.count,
        floor_statements=0,
    )
