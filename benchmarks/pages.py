"""Every page somebody may open, on a clinic that was built (benchmarks/million.py): the server's time.

Asked through Django's test client, with the whole middleware, as somebody who may see everything.
Network and browser are not counted. Each page is asked once before it is measured.
"""

from __future__ import annotations

import datetime
import gc
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks.measure import Statements, clock
from billing.models import Deposit, Invoice, InvoiceLine, Payment
from billing.reports import REPORTS
from patients.models import Patient, Payer, Provider

LAST = 99_999_999  # a page beyond the last is the last


@dataclass(frozen=True)
class Page:
    """One page: how it is called in the table, and its address."""

    name: str
    url: str


@dataclass(frozen=True)
class Opened:
    """What it took to open a page, in milliseconds, and how many statements went to the database."""

    name: str
    url: str
    engine: str
    median: float
    slowest: float
    statements: int
    kilobytes: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def page(name: str, screen: str, /, *args: Any, **query: Any) -> Page:
    """`screen` is the name of the address; where a query says "from", Python cannot: `from_`."""
    asked = {key.rstrip("_"): value for key, value in query.items()}
    return Page(name, reverse(screen, args=args) + (f"?{urlencode(asked)}" if asked else ""))


def every_page() -> Iterator[Page]:
    """The lists, their last pages, the worklists, the reports, the administration."""
    yield from _of_patients()
    yield from _lists()
    yield from _reports()
    yield from _administration()


def usual_patient() -> Patient:
    """Somebody with as many lines as most."""
    counted = (
        InvoiceLine.objects.order_by()
        .values_list("patient")
        .annotate(lines=Count("pk"))
        .filter(lines=20)
        .order_by("-patient")
    )
    found = counted.first() or InvoiceLine.objects.order_by("-pk").values_list("patient", "pk")[0]
    return Patient.objects.get(pk=found[0])


def _of_patients() -> Iterator[Page]:
    patient = usual_patient()
    chart = patient.chart_number
    name = f"{patient.family_name.lower()} {patient.given_name[0].lower()}"
    yield page("Today", "billing:today")
    yield page("Patients", "patients:patient_list")
    yield page("Patients, last page", "patients:patient_list", page=LAST)
    yield page("Patients, searched", "patients:patient_list", q=name)
    yield page("a patient", "patients:patient_detail", chart)
    yield page("account", "billing:patient_account", chart)
    yield page("Credit allocation", "billing:patient_credit", chart)
    yield page("Credit allocation, all", "billing:patient_credit", chart, view="all")
    yield page("Credit allocation, whose", "billing:credit_allocation")
    yield page("Take payment", "billing:payment_new", chart)
    yield page("Write off", "billing:write_off_new", chart)
    yield page("Family", "billing:patient_family", chart)
    yield page("Documents", "billing:patient_documents", chart)
    yield page("Statement", "billing:statement_new", chart)
    yield page("Superbill", "billing:superbill_new", chart)
    yield page("New session", "billing:session_new", chart)
    yield page("Audit of a patient", "billing:report_detail", "audit-trail", patient=chart)


def _lists() -> Iterator[Page]:
    today = timezone.localdate()
    payer, provider = Payer.objects.order_by("pk")[0], Provider.objects.order_by("pk")[0]
    receipt = Payment.objects.receipts().of_patients().order_by("-pk").first()
    check = (
        Payment.objects.receipts()
        .of_payers()
        .annotate(lines=Count("allocations"))
        .order_by("-lines")
        .first()
    )
    invoice = Invoice.objects.filter(number__isnull=False).order_by("-pk").first()
    deposit = Deposit.objects.order_by("-pk").first()
    assert receipt, check
    assert check, invoice
    assert invoice, deposit
    yield page("Sessions of a day", "billing:session_list")
    yield page(
        "Sessions of a past day",
        "billing:session_list",
        date=today - datetime.timedelta(days=100),
    )
    yield page("Fee schedule", "billing:fee_list")
    payments = "billing:payment_list"
    yield page("Payments", payments)
    yield page("Payments, last page", payments, page=LAST)
    yield page("Payments, all years", payments, from_="", to="")
    yield page("Payments, all years, last page", payments, from_="", to="", page=LAST)
    yield page("Payments, by amount", payments, sort="-amount")
    yield page("Payments, unallocated", payments, state="unallocated")
    yield page("Payments, searched", payments, q=receipt.patient.family_name)
    yield page("Payments, by number", payments, q=receipt.number)
    yield page("Payments of a provider", payments, provider=provider.pk)
    yield page("Unallocated money", "billing:unallocated_payments")
    yield page("Unallocated money, last page", "billing:unallocated_payments", page=LAST)
    yield page("Unallocated, payable", "billing:unallocated_payments", cause="payable")
    yield page("Negative credit", "billing:negative_credit")
    yield page("a payment", "billing:payment_detail", receipt.number)
    yield page("Reverse a payment", "billing:payment_reverse", receipt.number)
    insurance = "billing:insurance_payment_list"
    yield page("Insurance payments", insurance)
    yield page("Insurance payments, last page", insurance, page=LAST)
    yield page("Insurance payments, all, last", insurance, from_="", to="", page=LAST)
    yield page("an insurance payment", "billing:insurance_payment_detail", check.number)
    yield page("New insurance payment", "billing:insurance_payment_new")
    yield page("Unmatched claims", "billing:unmatched_claims")
    yield page("Drafts of payments", "billing:insurance_payment_drafts")
    yield page("ERA files", "billing:era_import")
    yield page("Insurers", "billing:payer_list")
    yield page("an insurer", "billing:payer_account", payer.pk)
    yield page("Denials", "billing:denial_list")
    yield page("Denials, last page", "billing:denial_list", page=LAST)
    invoices = "billing:invoice_list"
    yield page("Invoices", invoices)
    yield page("Invoices, last page", invoices, page=LAST)
    yield page("Invoices, all years", invoices, from_="", to="")
    yield page("Invoices, all years, last page", invoices, from_="", to="", page=LAST)
    yield page("Invoices, open", invoices, state="open")
    yield page("Invoices, drafts", invoices, state="draft")
    yield page("Invoices, searched", invoices, q=invoice.patient.family_name)
    yield page("Invoices, by number", invoices, q=invoice.number)
    yield page("an invoice", "billing:invoice_detail", invoice.number)
    yield page("Statements for many", "billing:statement_batch_new")
    yield page("Small balances", "billing:small_balances")
    yield page("Deposits", "billing:deposit_list")
    yield page("a deposit", "billing:deposit_detail", deposit.number)
    yield page("Deposit slip", "billing:deposit_slip")
    yield page("Closing", "billing:period_list")
    yield page("Journal", "billing:journal_entries")
    yield page("Import", "billing:import_start")


def _reports() -> Iterator[Page]:
    """As they open, and a page further on where a report has a period: last month, everything."""
    today = timezone.localdate()
    month = today.replace(day=1) - datetime.timedelta(days=1)
    yield page("Reports", "billing:report_list")
    detail = "billing:report_detail"
    for slug, kind in REPORTS.items():
        title = kind.title
        yield page(f"report: {title}", detail, slug)
        if "as_of" in kind.form.base_fields or "as_of" in _fields(kind):
            yield page(f"report: {title}, last month end", detail, slug, as_of=month)
        else:
            first, last = month.replace(day=1), month
            yield page(f"report: {title}, last month", detail, slug, from_=first, to=last)
            yield page(f"report: {title}, three years", detail, slug, from_="", to=today)


def _fields(kind: Any) -> list[str]:
    form = kind.form({}, columns=[])
    return list(form.fields)


def _administration() -> Iterator[Page]:
    yield page("admin", "admin:index")
    for model in admin.site._registry:
        name = str(model._meta.verbose_name_plural)
        view = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        yield page(f"admin: {name}", view)
        if model in (Patient, Invoice, InvoiceLine, Payment):
            yield page(f"admin: {name}, searched", view, q="Bake")
            pages = -(-model._default_manager.count() // admin.site._registry[model].list_per_page)
            far = min(1_000, pages)
            yield page(f"admin: {name}, page {far:,}", view, p=far)


def opened(pages: Iterator[Page], repeats: int = 5) -> Iterator[Opened]:
    """Open each page so many times, as the administrator."""

    browser = Client(SERVER_NAME="localhost")
    browser.force_login(get_user_model().objects.get(username="admin"))
    for each in pages:
        counted = Statements()
        with connection.execute_wrapper(counted):
            answer = browser.get(each.url, follow=True)
        assert answer.status_code == 200, (each, answer.status_code)
        size = len(b"".join(answer)) / 1024
        times = []
        for _ in range(repeats):
            gc.collect()
            start = clock()
            answer = browser.get(each.url, follow=True)
            b"".join(answer)
            times.append((clock() - start) * 1000)
            if times[0] > 5_000:
                break
        yield Opened(
            name=each.name,
            url=each.url,
            engine=connection.vendor,
            median=statistics.median(times),
            slowest=max(times),
            statements=counted.count,
            kilobytes=size,
        )
