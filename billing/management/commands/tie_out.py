"""manage.py tie_out: do ledger, ageing, roll-forward, journal and accounts agree?"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.balances import AsOf, Basis
from billing.management.arguments import a_day
from billing.money import show
from billing.reports.tie_out import ties


class Command(BaseCommand):
    help = (
        "Works out receivable, unallocated credit and net receivable by every way there is, as of"
        " a day, and says by how much each differs. Ends with 1 if any does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=a_day, metavar="DAY", help="2025-11-30; else today")
        parser.add_argument(
            "--by",
            choices=Basis.values,
            default=Basis.ACCOUNTING.value,
            help="which date of a row counts (default: accounting)",
        )

    def handle(self, *args: Any, as_of: date | None, by: str, **options: Any) -> None:
        if as_of and as_of > timezone.localdate():
            raise CommandError("--as-of is in the future.")
        self.report(AsOf(as_of or timezone.localdate(), by))

    def report(self, as_of: AsOf) -> None:
        """Print each figure by each way; refuse to end well where one differs."""
        found = ties(as_of)
        self.stdout.write(f"As of {as_of.day:%d %b %Y}, by {as_of.by} date")
        for tie in found:
            line = (
                f"{tie.figure:<15} {tie.way:<13} {show(tie.amount):>16} {show(tie.difference):>14}"
            )
            self.stdout.write(self.style.ERROR(line) if tie.difference else line)
        if any(tie.difference for tie in found):
            raise CommandError("The figures do not agree. Run: manage.py check_ledger")
        self.stdout.write(self.style.SUCCESS("Every way leads to the same figures."))
