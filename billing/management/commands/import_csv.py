from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from billing.chain.acts import sealing
from billing.imports.authors import NoSuchUser, author
from billing.imports.kinds import KINDS
from billing.imports.running import NotImported, Run, Steps, import_file
from billing.imports.source import (
    LARGEST,
    MEGABYTE,
    WINDOWS,
    AskEncoding,
    UnreadableError,
    names_in_doubt,
)
from billing.models import ImportFile
from config.roles import ADMINISTRATOR

IMPORTER = "csv-import"


class Command(BaseCommand):
    help = (
        "Import patients, the fee schedule or opening balances from a CSV file (docs/import.md)."
        " The file is checked first; then all of it goes in, or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=KINDS)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="check only, write nothing")
        parser.add_argument(
            "--encoding", choices=[WINDOWS], default="", help="for a file that is not Unicode"
        )
        parser.add_argument(
            "--by", metavar="USERNAME", help=f"whose entries these are (else {IMPORTER})"
        )

    def handle(
        self,
        *args: Any,
        kind: str,
        file: Path,
        dry_run: bool,
        encoding: str,
        by: str | None,
        **options: Any,
    ) -> None:
        data = _read(file)
        run = self._run(kind, data, encoding)
        self._bar(run.check(lambda found: self.stdout.write(str(found))))
        for heading in run.report.unread:
            self.stdout.write(f"line 1: no column is called {heading}; it is not read.")
        if run.report.problems:
            raise CommandError(f"Nothing was imported. Things to mend: {run.report.problems:,}.")
        for name, figure in run.report.counts:
            self.stdout.write(f"{figure:>14}  {name}")
        if dry_run:
            self.stdout.write("Every line can be imported. Nothing was imported yet.")
            return
        try:
            with sealing("import_csv"):
                user = author(by, own=IMPORTER, called="CSV import", role=ADMINISTRATOR)
                kept = ImportFile.objects.keep(by=user, kind=kind, name=file.name, data=data)
                self._bar(import_file(kept, self._run(kind, data, encoding), user))
        except (NoSuchUser, NotImported) as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"Imported: {kept.made}.")

    def _run(self, kind: str, data: bytes, encoding: str) -> Run:
        try:
            return Run(KINDS[kind], data, confirmed=encoding)
        except UnreadableError as error:
            raise CommandError(str(error)) from error
        except AskEncoding:
            for line in names_in_doubt(data):
                self.stdout.write(line)
            raise CommandError(
                "This file is not UTF-8. Above it is read as Windows-1252: if the names are right,"
                f" add --encoding {WINDOWS}; if not, save the file as CSV UTF-8."
            ) from None

    def _bar(self, steps: Steps) -> None:
        """One bar for each thing that is counted, where there is a terminal to draw it on."""
        counting = ""
        with tqdm(unit="line", disable=None) as bar:
            for step in steps:
                if step.things != counting:
                    counting = step.things
                    bar.set_description(counting, refresh=False)
                    bar.reset(total=step.whole or None)
                bar.update(step.done - bar.n)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise CommandError(f"{file.name} is larger than {LARGEST // MEGABYTE} MB. Split it.")
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
