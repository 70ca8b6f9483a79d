from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import checks


class Command(BaseCommand):
    help = "Recompute every balance from its rows and test every money rule. Exit 1 on a finding."

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for check in checks.ALL:
            findings = list(check())
            found += len(findings)
            says = (check.__doc__ or check.__name__).strip().rstrip(".")
            self.stdout.write(f"{'ok  ' if not findings else 'FAIL'}  {says}")
            for finding in findings:
                self.stdout.write(f"      {finding}")
        if found:
            raise CommandError(f"{found} findings. The books do not hold.")
        self.stdout.write("The books hold.")
