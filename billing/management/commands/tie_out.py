from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing.balances.as_of import AsOf, Basis
from billing.management.days import day
from billing.money import show
from billing.tie_out import Figure, tie_out


class Command(BaseCommand):
    help = (
        "Work out what is owed, what is unallocated and what was received by every way there is"
        " to it, and compare them. Exit 1 if two ways differ by a cent."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--as-of", type=day, metavar="DAY", help="2025-11-30: the end of that day; else today"
        )
        parser.add_argument(
            "--by",
            choices=Basis.values,
            default=Basis.ACCOUNTING.value,
            help="the rows dated up to that day, or those entered up to that day",
        )

    def handle(self, *args: Any, as_of: date | None, by: str, **options: Any) -> None:
        last = as_of or timezone.localdate()
        if last > timezone.localdate():
            raise CommandError("--as-of is in the future.")
        found = tie_out(AsOf(last, by))
        self.stdout.write(f"As of {last}, by {Basis(by).label.lower()}")
        for figure in found.figures:
            self._tell(figure)
        if not found.holds:
            apart = [figure.name for figure in found.figures if not figure.holds]
            raise CommandError(f"These do not tie out: {', '.join(apart)}.")
        self.stdout.write("\nEverything ties out.")

    def _tell(self, figure: Figure) -> None:
        self.stdout.write(f"\n{figure.name:<28}{'Amount':>18}{'Difference':>16}")
        for way in figure.ways:
            amount, apart = show(way.amount), show(way.difference)
            line = f"{'FAIL' if way.difference else 'ok':<6}{way.name:<22}{amount:>18}{apart:>16}"
            self.stdout.write(line)
