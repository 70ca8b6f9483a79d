"""The list of reports: which stand together, and those that have screens of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from billing.reports.base import Report
from config.access import may_look


@dataclass(frozen=True)
class Entry:
    """A report in the list: its name, what it says in a sentence, where it is."""

    title: str
    about: str
    url: str


# Screens of their own, by their names in the address.
OTHERS: dict[str, tuple[str, str, str]] = {
    "deposit-slip": (
        "Deposit slip",
        "Checks and cash that wait for the bank, and the slips that were made.",
        "billing:deposit_slip",
    ),
    "journal": (
        "Journal",
        "Balanced double entry of a period or a batch, for the accountant's own program.",
        "billing:journal_entries",
    ),
    "periods": (
        "Closing",
        "Up to which day the books are closed, by whom, and why they were opened again.",
        "billing:period_list",
    ),
}

SHELVES = (
    ("Money in", ("day-sheet", "payments-received", "takings", "deposit-slip", "refunds")),
    ("What was done", ("charges", "adjustments", "production")),
    (
        "What stands open",
        ("aged-balances", "unallocated-payments", "negative-credit", "patient-ledger"),
    ),
    ("Books", ("journal", "tie-out", "periods", "exports", "audit-trail")),
)


def shelves_of(reports: Mapping[str, type[Report]], user: Any) -> list[tuple[str, list[Entry]]]:
    """Every report once that somebody may see, in the order of the shelves."""
    seen = {slug for slug, report in reports.items() if report.open_to(user)}
    seen |= {slug for slug, (_title, _about, screen) in OTHERS.items() if may_look(user, screen)}
    return [
        (heading, [_entry(slug, reports) for slug in slugs if slug in seen])
        for heading, slugs in SHELVES
    ]


def _entry(slug: str, reports: Mapping[str, type[Report]]) -> Entry:
    if slug in OTHERS:
        title, about, screen = OTHERS[slug]
        return Entry(title, about, str(reverse(screen)))
    report = reports[slug]
    return Entry(report.title, report.about, str(reverse("billing:report_detail", args=[slug])))
