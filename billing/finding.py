"""Find (Ctrl+K): whatever is typed into one box, as links to what it can mean.

Patients by the words they are found by; receipts, insurers' payments, invoices and papers by their
number; a check or EFT number, a claim's number; insurers by name; and the pages one can go to.
Each question reads an index, so it is as quick among a hundred thousand patients as among ten.
Nobody is shown what they could not open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Q
from django.urls import reverse

from billing import balances
from billing.forms.filters import with_state
from billing.models import Deposit, Document, Invoice, InvoiceLine, Payment, StatementBatch
from billing.money import show
from billing.reports import shelves
from billing.waiting import how_paid
from billing.wording import day
from config.access import may_look
from patients.models import Patient, Payer, without_nul
from patients.searching import seal

SHOWN = 6  # of each kind; a longer list is no quicker to read than the list it leads to
LONGEST = 100
GO_TO, MORE = "Go to", "More"


@dataclass(frozen=True)
class Found:
    """One thing to go to: its name, what tells it from others, a figure or a state."""

    name: str
    more: str
    side: str
    address: str


@dataclass(frozen=True)
class Group:
    """Things of one kind, under their heading."""

    heading: str
    found: Sequence[Found]


def find_anything(typed: str, user: Any) -> list[Group]:
    """All that `typed` can mean to this person, what was meant most likely first.

    Nothing typed finds the pages somebody works with; a text nobody could mean finds nothing.
    """
    typed = " ".join(without_nul(typed).split())[:LONGEST]
    kinds = [(GO_TO, _pages(typed, user))]
    if typed:
        patients = _patients(typed, user)
        kinds = [
            ("Payments", _payments(typed, user)),
            ("Invoices", _invoices(typed, user)),
            ("Papers", _papers(typed, user)),
            ("Patients", patients),
            *kinds,
            ("Insurers", _payers(typed, user)),
        ]
        if patients:
            kinds.append((MORE, [_all_patients(typed)]))
    return [Group(heading, found) for heading, found in kinds if found]


def only_one(groups: Sequence[Group]) -> Found | None:
    """The one thing that can be meant, where there is no other; pages are never it."""
    found = [each for group in groups if group.heading != MORE for each in group.found]
    alone = len(found) == 1 and all(group.heading != GO_TO for group in groups)
    return found[0] if alone else None


# ---------------------------------------------------------------------------- patients, insurers


def _patients(typed: str, user: Any) -> list[Found]:
    if not may_look(user, "patients:patient_list"):
        return []
    patients = list(Patient.objects.search(typed).by_name()[:SHOWN])
    sees_money = may_look(user, "billing:patient_account")
    unpaid = balances.unpaid_of(patients) if sees_money else {}
    page = "billing:patient_account" if sees_money else "patients:patient_detail"
    return [
        Found(
            patient.name,
            f"{day(patient.birth_date)} · {patient.chart_number}",
            _unpaid(*unpaid[patient.pk]) if patient.pk in unpaid else "",
            reverse(page, args=[patient.chart_number]),
        )
        for patient in patients
    ]


def _unpaid(count: int, owed: Any) -> str:
    return f"{count} unpaid, {show(owed)}" if count else ""


def _all_patients(typed: str) -> Found:
    """The list of patients, searched; what was typed is sealed in its address."""
    address = f"{reverse('patients:patient_list')}?q={seal(typed)}"
    return Found(f"All patients for “{typed}”", "", "", address)


def _payers(typed: str, user: Any) -> list[Found]:
    if len(typed) < 2 or not may_look(user, "billing:payer_account"):
        return []
    return [
        Found(payer.name, payer.payer_id, "", reverse("billing:payer_account", args=[payer.pk]))
        for payer in Payer.objects.filter(active=True).search(typed)[:SHOWN]
    ]


# ---------------------------------------------------------------------------- by number

NUMBER = re.compile(r"([a-z]{1,3})?[\s#-]*0*(\d{1,9})", re.IGNORECASE | re.ASCII)


def _numbers(typed: str, *series: str) -> list[str]:
    """The numbers of these series that are meant: "r 7" is R-0007, "2207" one of each."""
    match = NUMBER.fullmatch(typed)
    if match is None:
        return []
    prefix = (match[1] or "").upper()
    wanted = series if not prefix else [each for each in series if each == prefix]
    return [f"{each}-{int(match[2]):04d}" for each in wanted]


def _by_any_of(rows: Any, ways: Sequence[Q]) -> list[Any]:
    """The first rows of each way to be meant, each row once. One way after the other: an OR of
    them reads every row on SQLite."""
    found = {row.pk: row for way in ways for row in rows.filter(way)[:SHOWN]}
    return list(found.values())


def _payments(typed: str, user: Any) -> list[Found]:
    if not may_look(user, "billing:payment_detail"):
        return []
    ways = [Q(number__in=_numbers(typed, "R", "IP"))]
    if len(typed) >= 3:  # as it stands on the check, or as people write it
        ways.append(Q(reference__in={typed, typed.upper()}) & ~Q(reference=""))
    receipts = with_state(Payment.objects.filter(number__isnull=False)).order_by("-number")
    receipts = receipts.select_related("patient", "provider", "payer")
    return [_payment(receipt) for receipt in _by_any_of(receipts, ways)]


def _payment(receipt: Any) -> Found:
    told = [receipt.received_from, day(receipt.date), how_paid(receipt), receipt.reference]
    undone = "deleted" if receipt.deleted else "reversed"
    state = undone if receipt.reversed else show(receipt.amount)
    return Found(
        str(receipt.number),
        " · ".join(each for each in told if each),
        state,
        receipt.get_absolute_url(),
    )


def _invoices(typed: str, user: Any) -> list[Found]:
    if not may_look(user, "billing:invoice_detail"):
        return []
    ways: list[Q] = [Q(number__in=_numbers(typed, "INV"))]
    if len(typed) >= 3:
        lines = InvoiceLine.objects.filter(claim_number__in={typed, typed.upper()})
        ways.append(Q(pk__in=lines.exclude(claim_number="").values("invoice")))
    issued = Invoice.objects.filter(number__isnull=False).select_related("patient")
    return [
        Found(
            str(invoice.number),
            f"{invoice.patient.name} · {day(invoice.issued_on)}",
            "",
            reverse("billing:invoice_detail", args=[invoice.number]),
        )
        for invoice in _by_any_of(issued, ways)
    ]


def _papers(typed: str, user: Any) -> list[Found]:
    """Documents, batches of statements and deposit slips: only by their whole number."""
    return [
        Found(str(paper), what, "", paper.get_absolute_url())
        for model, series, what, page in (
            (Document, "DOC", "Document as issued", "billing:document_detail"),
            (StatementBatch, "ST", "Batch of statements", "billing:statement_batch_detail"),
            (Deposit, "D", "Deposit slip", "billing:deposit_detail"),
        )
        if NUMBER.fullmatch(typed) and not typed[0].isdigit() and may_look(user, page)
        for paper in model.objects.filter(number__in=_numbers(typed, series))
    ]


# ---------------------------------------------------------------------------- pages

# What people call it, where it is, and by which other words it is found.
PAGES = (
    ("New insurance payment", "billing:insurance_payment_new", "enter check eft insurer payer"),
    ("Take payment", "billing:payment_start", "copay card cash receipt patient"),
    ("Import ERA files", "billing:era_import", "835 remittance upload insurer electronic"),
    ("New session", "billing:session_start", "visit charge enter"),
    ("Bill sessions", "billing:session_list", "visits charges invoice"),
    ("New invoice", "billing:invoice_new", "bill charge draft"),
    ("Register patient", "patients:patient_new", "new add"),
    ("Credit allocation", "billing:credit_allocation", "un-pay unpay apply"),
    ("Unallocated payments", "billing:unallocated_payments", "money credit worklist waiting"),
    ("Negative credit", "billing:negative_credit", "worklist bounced reversed"),
    ("Drafts of insurance payments", "billing:insurance_payment_drafts", "continue unfinished"),
    ("Unmatched claims", "billing:unmatched_claims", "era session"),
    ("Denials", "billing:denial_list", "denied insurers"),
    ("Statements of everybody who owes", "billing:statement_batch_new", "batch print letters"),
    ("Small balances", "billing:small_balances", "write off"),
    ("Deposit slip", "billing:deposit_slip", "bank checks cash"),
    ("Deposit slips made", "billing:deposit_list", "bank"),
    ("Today", "billing:today", "start home"),
    ("Patients", "patients:patient_list", "list"),
    ("Payments", "billing:payment_list", "list receipts"),
    ("Insurance payments", "billing:insurance_payment_list", "list"),
    ("Invoices", "billing:invoice_list", "list bills"),
    ("Insurers", "billing:payer_list", "payers"),
    ("Fee schedule", "billing:fee_list", "services codes prices"),
    ("Closing", "billing:period_list", "close books periods month"),
    ("Journal", "billing:journal_entries", "export accountant hledger beancount"),
    ("Import patients, fees or balances", "billing:import_start", "csv file upload"),
    ("Reports", "billing:report_list", "figures"),
    ("Audit trail", "billing:audit", "who changed looked"),
    ("Keys", "billing:help_keys", "keyboard shortcuts help"),
    ("What words mean", "billing:help_words", "help glossary unallocated un-pay"),
    ("Your sign-in and second factor", "mfa_index", "password passkey code account"),
    ("Administration", "admin:index", "settings users roles clinic"),
)
OFTEN = 6  # of the pages, where nothing is typed yet


def _pages(typed: str, user: Any) -> list[Found]:
    words = typed.casefold().split()
    if not words:
        return [found for found, _known_as in islice(_known_pages(user), OFTEN)]
    seen: dict[str, Found] = {}
    for found, known_as in (*_known_pages(user), *_known_reports(user)):
        if all(any(each.startswith(word) for each in known_as) for word in words):
            seen.setdefault(found.address, found)
    return list(seen.values())[:SHOWN]


def _known_pages(user: Any) -> Iterator[tuple[Found, list[str]]]:
    for name, page, other_words in PAGES:
        if may_look(user, "admin" if page.startswith("admin:") else page):
            yield (
                Found(name, "", "", reverse(page)),
                _words(f"{name} {other_words}"),
            )


def _known_reports(user: Any) -> Iterator[tuple[Found, list[str]]]:
    if not may_look(user, "billing:report_list"):
        return
    for _heading, entries in shelves(user):
        for entry in entries:
            yield Found(entry.title, "Report", "", entry.url), _words(f"{entry.title} report")


def _words(text: str) -> list[str]:
    return re.findall(r"[\w-]+", text.casefold())
