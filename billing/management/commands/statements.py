from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from billing import balances, documents
from billing.management.days import day
from billing.money import ZERO, AmountError, parse, show_dollars
from patients.models import Provider


class Command(BaseCommand):
    help = (
        "Issue a statement to everybody who owes something, and write all of them into one PDF."
        " Run again, it finds what it issued before instead of issuing it twice."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pdf", type=Path, help="where the PDF goes; must not be there yet")
        parser.add_argument("--by", metavar="USERNAME", required=True, help="who issues them")
        parser.add_argument(
            "--from", dest="first", type=day, metavar="DAY", help="2025-11-01; else everything"
        )
        parser.add_argument(
            "--to", dest="last", type=day, metavar="DAY", help="2025-11-30; else today"
        )
        parser.add_argument(
            "--more-than", type=_amount, default=ZERO, metavar="AMOUNT", help="who owes more only"
        )
        parser.add_argument("--provider", metavar="NAME", help="what is owed to this provider only")

    def handle(
        self,
        *args: Any,
        pdf: Path,
        by: str,
        first: date | None,
        last: date | None,
        more_than: Decimal,
        provider: str | None,
        verbosity: int,
        **options: Any,
    ) -> None:
        last = last or timezone.localdate()
        if last > timezone.localdate():
            raise CommandError("--to is in the future.")
        if first and first > last:
            raise CommandError("--to is before --from.")
        if pdf.exists():
            raise CommandError(f"{pdf} is there already; it is not written over.")
        owing = balances.debtors(more_than=more_than, provider=_provider(provider))
        if not owing.patients:
            self.stdout.write("Nobody owes that much.")
            return
        batch = documents.Batch(by=_user(by), patients=owing.by_name(), first=first, last=last)
        disable = None if verbosity else True
        with tqdm(total=len(owing.patients), unit="statement", disable=disable) as bar:
            for done in batch.make():
                bar.update(done - bar.n)
        pdf.write_bytes(batch.saved.pdf)
        count = len(owing.patients)
        self.stdout.write(
            f"{batch.saved.number}: {count:,} statement{'' if count == 1 else 's'},"
            f" {show_dollars(owing.due)} owed together, in {pdf}."
        )


def _amount(typed: str) -> Decimal:
    try:
        return parse(typed)
    except AmountError as error:
        raise ArgumentTypeError(str(error)) from None


def _user(name: str) -> User:
    try:
        return User.objects.get(username=name)
    except User.DoesNotExist:
        raise CommandError(f"There is no user {name}.") from None


def _provider(name: str | None) -> Provider | None:
    if name is None:
        return None
    try:
        return Provider.objects.get(name=name)
    except Provider.DoesNotExist:
        raise CommandError(f"There is no provider {name}.") from None
