import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from billing.backups import archive, engine
from billing.backups.errors import BackupError
from billing.backups.figures import in_words


class Command(BaseCommand):
    help = (
        "Copy the whole database into one file, while people work. It holds patients' data in the"
        " clear: encrypt what leaves this machine. Neither SECRET_KEY nor AUDIT_KEY is in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "target",
            help="a file that is not there yet, a folder (the file is named by the moment), or - for"
            " the standard output",
        )

    def handle(self, *args: Any, target: str, **options: Any) -> None:
        try:
            if target == "-":
                said = self._write(sys.stdout.buffer, None)
                self.stderr.write(said)
                return
            file = Path(target)
            if file.is_dir():
                file /= f"remit-{timezone.now():%Y%m%dT%H%M%SZ}.tar"
            with archive.complete_or_not_at_all(file) as out:
                said = self._write(out, file.parent)
            self.stdout.write(f"{file}: {said}")
        except BackupError as error:
            raise CommandError(str(error)) from error

    def _write(self, out: IO[bytes], beside: Path | None) -> str:
        with archive.workshop(beside) as folder:
            copy, found = engine(connection).copy_into(folder, connection)
            moment = timezone.now().isoformat(timespec="seconds")
            archive.write(out, copy, {"database": connection.vendor, "made": moment, **found})
        if found["unguarded"]:
            self.stderr.write(
                f"{len(found['unguarded'])} triggers that guard the ledger are missing in the"
                " database, and so in its backup. Run: manage.py migrate --skip-checks"
            )
        return in_words(found)
