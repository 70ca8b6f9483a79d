from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from billing.chain.acts import sealing
from billing.imports import synthea, synthea_posting
from billing.imports.authors import NoSuchUser, author
from billing.imports.csv_files import ImportRefused
from billing.imports.synthea_posting import Imported
from billing.money import ZERO, show
from config.roles import BILLER

IMPORTER = "synthea-import"


class Command(BaseCommand):
    help = (
        "Import a folder of CSV files as Synthea exports them (patients, providers, payers,"
        " payer_transitions, claims, claims_transactions). All of it goes in, or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--by", metavar="USERNAME", help=f"whose entries these are (else {IMPORTER})"
        )

    def handle(self, *args: Any, folder: Path, by: str | None, **options: Any) -> None:
        try:
            export = synthea.read(folder)
            with (
                sealing("import_synthea"),
                tqdm(total=synthea_posting.steps(export), unit="act", disable=None) as bar,
            ):
                user = author(by, own=IMPORTER, called="Synthea import", role=BILLER)
                imported = synthea_posting.post(export, by=user, progress=bar.update)
        except (ImportRefused, NoSuchUser) as refused:
            raise CommandError(str(refused)) from refused
        self._summary(imported)

    def _summary(self, imported: Imported) -> None:
        for what, number in imported.counts.items():
            self.stdout.write(f"{number:>8,}  {what}")
        for method, amount in sorted(imported.by_method.items()):
            self.stdout.write(f"{show(amount):>14}  {method}")
        total = sum(imported.by_method.values(), ZERO)
        self.stdout.write(f"{show(total):>14}  payments")
        self.stdout.write(f"{show(imported.charges):>14}  charges")
        self.stdout.write(f"{show(imported.unallocated):>14}  unallocated credit")
