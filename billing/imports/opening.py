"""Opening balances from a file: what patients owed, or had as credit, in the system before."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from billing import ledger
from billing.imports.columns import AMOUNT, CHART_NUMBER, DAY, Column, free_text, text
from billing.imports.job import Job, Payers, Problem, Row, counted
from billing.models import InvoiceLine, Payment
from billing.models.periods import closed_through, in_closed_period
from billing.money import ZERO, show_dollars
from patients.models import Patient, Provider

EARLIEST = datetime.date(1990, 1, 1)
DESCRIPTION = "Opening balance"
Same = tuple[str, int, Decimal, datetime.date, str]


class OpeningJob(Job):
    """Every row is one invoice of one line, or one receipt that is credit and pays nothing yet."""

    slug = "balances"
    title = "Opening balances"
    about = "What each patient owed each provider, or had as credit, when you changed over."
    columns = (
        Column("chart_number", CHART_NUMBER, "a patient of the clinic", "P1042", True),
        Column("provider", text(80), "the provider's name, as in Remit", "Dr 1", True),
        Column("amount", AMOUNT, "what is owed; below zero: the patient's credit", "150.00", True),
        Column("date", DAY, "since when; ageing counts from it", "2025-10-31", True),
        Column("description", text(110), f"empty: {DESCRIPTION}", "Sessions of October"),
        Column("payer", text(120), "the payer that owes it; empty: the patient owes it"),
        Column("reference", free_text(40), "the old system's number", "A-20931"),
    )

    def __init__(self) -> None:
        self.payers = Payers()
        self.providers = {each.name.casefold(): each for each in Provider.objects.all()}
        self.closed = closed_through()
        self.today = timezone.localdate()
        self.same: dict[Same, int] = {}
        self.invoices = self.receipts = 0
        self.owed = self.credit = ZERO

    def counts(self) -> list[tuple[str, str]]:
        return [
            ("Invoices", f"{self.invoices:,}"),
            ("Owed on them", show_dollars(self.owed)),
            ("Receipts", f"{self.receipts:,}"),
            ("Credit from them", show_dollars(self.credit)),
            ("Net balance", show_dollars(self.owed - self.credit)),
        ]

    def made(self) -> str:
        return (
            f"{counted(self.invoices, 'invoice')} of {show_dollars(self.owed)} and"
            f" {counted(self.receipts, 'receipt')} of {show_dollars(self.credit)}"
        )

    # ------------------------------------------------------------------ checking

    def check(self, rows: Sequence[Row]) -> Iterator[Problem]:
        patients = self._patients(rows)
        ids = [patient.pk for patient in patients.values()]
        overdrawn = set(
            Payment.objects.overdrawn()
            .filter(patient__in=ids)
            .values_list("patient", "provider")
            .order_by()
        )
        started = {
            pair
            for model in (InvoiceLine, Payment)
            for pair in model.objects.filter(patient__in=ids)
            .values_list("patient", "provider")
            .order_by()
            .distinct()
        }
        for row in rows:
            self._count(row["amount"])
            yield from self._check_alone(row)
            patient = patients.get(row["chart_number"])
            provider = self._provider(row)
            if patient is None:
                yield row.problem("chart_number", f"There is no patient {row['chart_number']}.")
            if provider is None:
                yield row.problem(
                    "provider",
                    f"There is no provider “{row['provider']}”. Add them first (Admin,"
                    " Providers), or mend the name.",
                )
            if patient is None or provider is None:
                continue
            account = patient.pk, provider.pk
            if row["amount"] < 0 and account in overdrawn:
                yield row.problem(
                    "amount",
                    f"{patient}'s credit with {provider} is negative. Settle that first, or take"
                    " this as a payment at the desk.",
                )
            elif account in started:
                yield row.warning(
                    "chart_number", f"{patient} has entries with {provider} already; this adds one."
                )
            yield from self._check_twins(row, provider)

    def _count(self, amount: Decimal) -> None:
        if amount > 0:
            self.invoices += 1
            self.owed += amount
        else:
            self.receipts += 1
            self.credit -= amount

    def _check_alone(self, row: Row) -> Iterator[Problem]:
        amount, day = row["amount"], row["date"]
        if amount == 0:
            yield row.problem("amount", "Nothing is owed here. Leave this line out.")
        if day > self.today:
            yield row.problem("date", "The date is in the future.")
        elif self.closed and day <= self.closed:
            yield row.problem("date", in_closed_period(self.closed))
        elif day < EARLIEST:
            yield row.problem("date", "The date is too long ago. Check the year.")
        if row["payer"] and amount < 0:
            yield row.problem("payer", "Credit is the patient's: leave the payer empty here.")
        elif problem := self.payers.problem(row["payer"]):
            yield row.problem("payer", problem)

    def _check_twins(self, row: Row, provider: Provider) -> Iterator[Problem]:
        same = (
            row["chart_number"],
            provider.pk,
            row["amount"],
            row["date"],
            row["reference"] or "",
        )
        if same in self.same:
            yield row.warning("chart_number", f"Line {self.same[same]} says the very same.")
        self.same.setdefault(same, row.line)

    # ------------------------------------------------------------------ writing

    def write(self, rows: Sequence[Row], by: AbstractBaseUser) -> None:
        patients = self._patients(rows)
        ledger.record_opening(by=by, balances=[self._balance(row, patients) for row in rows])

    def _balance(self, row: Row, patients: dict[str, Patient]) -> ledger.OpeningBalance:
        provider = self._provider(row)
        assert provider  # noqa: S101  (the check found one)
        return ledger.OpeningBalance(
            patient=patients[row["chart_number"]],
            provider=provider,
            amount=row["amount"],
            date=row["date"],
            description=row["description"] or DESCRIPTION,
            payer=self.payers.get(row["payer"]),
            reference=row["reference"] or "",
        )

    def _patients(self, rows: Sequence[Row]) -> dict[str, Patient]:
        charts = {row["chart_number"] for row in rows}
        return {
            patient.chart_number: patient
            for patient in Patient.objects.filter(chart_number__in=charts)
        }

    def _provider(self, row: Row) -> Provider | None:
        return self.providers.get(row["provider"].casefold())
