import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from billing import journal
from billing.management.days import day
from billing.models import JournalBatch


class Command(BaseCommand):
    help = (
        "Write the journal of a period, or a batch that was made before, as balanced double entry:"
        " CSV, or a plain-text journal for hledger or beancount (docs/exports.md)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from", dest="first", type=day, metavar="DAY", help="2025-11-01; else everything"
        )
        parser.add_argument(
            "--to", dest="last", type=day, metavar="DAY", help="2025-11-30; else today"
        )
        parser.add_argument("--batch", metavar="NUMBER", help="J-0001, instead of a period")
        parser.add_argument("--format", choices=journal.FORMATS, default="csv")
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="must not be there yet; else the terminal"
        )

    def handle(
        self,
        *args: Any,
        first: date | None,
        last: date | None,
        batch: str | None,
        format: str,
        output: Path | None,
        verbosity: int,
        **options: Any,
    ) -> None:
        scope = _scope(first, last, batch)
        chart = journal.Chart.of(scope.batch) if scope.batch else journal.Chart.current()
        count = journal.trial(scope, chart).count
        # To a terminal the journal itself is written; a bar in between would be in the way.
        quiet = not verbosity or (output is None and sys.stdout.isatty())
        with tqdm(total=count, unit="entry", disable=True if quiet else None) as bar:
            entries = _counted(journal.entries(scope, chart), bar)
            pieces = journal.in_format(format, entries, scope, chart)
            if output is None:
                for piece in pieces:
                    self.stdout.write(piece.decode(), ending="")
                return
            _write(output, pieces)
        self.stdout.write(f"{count:,} entr{'y' if count == 1 else 'ies'} in {output}.")


def _scope(first: date | None, last: date | None, number: str | None) -> journal.Scope:
    if number is not None:
        if first or last:
            raise CommandError("--batch is a period of its own: leave --from and --to out.")
        try:
            return journal.Scope(batch=JournalBatch.objects.get(number=number))
        except JournalBatch.DoesNotExist:
            raise CommandError(f"There is no batch {number}.") from None
    last = last or timezone.localdate()
    if last > timezone.localdate():
        raise CommandError("--to is in the future.")
    if first and first > last:
        raise CommandError("--to is before --from.")
    return journal.Scope(first, last)


def _counted(entries: Iterable[journal.Entry], bar: Any) -> Iterator[journal.Entry]:
    for entry in entries:
        bar.update()
        yield entry


def _write(file: Path, pieces: Iterable[bytes]) -> None:
    """All of it or no file: half a journal would balance, too."""
    try:
        written = file.open("xb")
    except FileExistsError:
        raise CommandError(f"{file} is there already; it is not written over.") from None
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    try:
        with written:
            written.writelines(pieces)
    except OSError as error:
        file.unlink()
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    except BaseException:
        file.unlink()
        raise
