import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from billing import guards
from billing.backups import archive, engine
from billing.backups.errors import BackupError
from billing.backups.figures import differences, figures, in_words


class Command(BaseCommand):
    help = (
        "Put a backup into the database, and prove that it is what was backed up: figures,"
        " triggers, migrations, and check_ledger. What was there before is kept under another name."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="a file that manage.py backup made, or - for the input")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="also where the database is not empty; nobody may work on it meanwhile",
        )
        parser.add_argument(
            "--no-input",
            dest="ask",
            action="store_false",
            help="do not ask whether the database may be replaced",
        )

    def handle(
        self, *args: Any, source: str, replace: bool, ask: bool, verbosity: int, **options: Any
    ) -> None:
        if source == "-" and replace and ask:
            raise CommandError(
                "The backup comes where you would answer: --replace with --no-input."
            )
        kind = engine(connection)
        beside = kind.place(connection)
        try:
            with archive.workshop(beside and beside.parent) as folder:
                manifest, copy = self._read(source, folder)
                self._refuse_another_kind(manifest)
                if not kind.is_empty(connection):
                    self._may_replace(kind.name_of(connection), replace=replace, ask=ask)
                aside = kind.put_back(copy, connection)
        except BackupError as error:
            raise CommandError(str(error)) from error
        if aside:
            self.stdout.write(f"What was there before is kept as {aside}.")
        self._prove(manifest, verbosity)

    def _read(self, source: str, folder: Path) -> tuple[archive.Manifest, Path]:
        if source == "-":
            return archive.read(sys.stdin.buffer, folder)
        try:
            with Path(source).open("rb") as file:
                return archive.read(file, folder)
        except OSError as error:
            raise BackupError(f"{source} cannot be read: {error.strerror}.") from None

    def _refuse_another_kind(self, manifest: archive.Manifest) -> None:
        if manifest["database"] != connection.vendor:
            raise BackupError(
                f"This is a backup of {manifest['database']}, and DATABASE_URL leads to"
                f" {connection.vendor}."
            )
        known = MigrationLoader(None).disk_migrations
        ours = {app for app, _name in known}
        unknown = [
            each
            for each in manifest["migrations"]
            if (key := tuple(each.split(".", 1))) not in known and key[0] in ours
        ]
        if unknown:
            raise BackupError(
                f"This backup is of a newer version: it has the migration {unknown[0]}."
                " Restore it with that version of Remit."
            )

    def _may_replace(self, name: str, *, replace: bool, ask: bool) -> None:
        if not replace:
            raise BackupError(
                f"{name} is not empty. Restore into an empty database, or with --replace."
            )
        if ask:
            self.stdout.write(f"The backup takes the place of all that is in {name}.")
            if input("Type its name to go on: ").strip() != name:
                raise BackupError("Nothing was changed.")

    def _prove(self, manifest: archive.Manifest, verbosity: int) -> None:
        """Restored is what was backed up, it is guarded, and the books hold."""
        with connection.cursor() as cursor:
            found = figures(cursor, manifest["tables"])
        self.stdout.write(f"Backed up {manifest['made']}: {in_words(manifest)}")
        self.stdout.write(f"Restored: {in_words(found)}")
        if different := differences(manifest, found):
            raise CommandError("This is not what was backed up:\n  " + "\n  ".join(different))
        if to_come := guards.unapplied(connection):
            self.stdout.write(
                f"This backup is of an older version (the first migration it lacks: {to_come[0]})."
                " Run: manage.py migrate, then manage.py check_ledger"
            )
            return
        if absent := guards.missing(connection):
            raise CommandError(
                f"{len(absent)} triggers that guard the ledger are missing (the first: {absent[0]})."
                " Whoever switched them off may have changed rows."
                " Run: manage.py check_ledger, and manage.py migrate --skip-checks"
            )
        call_command("check_ledger", verbosity=verbosity, stdout=self.stdout)
