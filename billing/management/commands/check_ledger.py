from argparse import ArgumentParser
from json import dumps
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import checks
from billing.audit.recording import record, seal_events, seal_late_events
from billing.chain.links import head as chain_head
from billing.chain.replay import compare_head
from billing.models import EventKind


class Command(BaseCommand):
    help = (
        "Recompute every balance from its rows, test every money rule, and compare every row with"
        " its seal. Exit 1 on a finding."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            metavar="NUMBER:MAC",
            help="the end of the chain as this command said it some other day, written down where"
            " nobody who owns the database can reach it: shows that nothing was cut off since",
        )

        parser.add_argument(
            "--json", action="store_true", help="say it as one JSON object, for programs"
        )

    def handle(self, *args: Any, head: str | None, json: bool, **options: Any) -> None:
        self.checked: list[dict[str, Any]] = []
        self.for_programs = json
        seal_events()
        seal_late_events()
        found = 0
        for check in checks.ALL:
            says = (check.__doc__ or check.__name__).strip().rstrip(".")
            found += self._say(says, list(check()))
        if head:
            says = f"The chain still holds the end that was written down, {head}"
            found += self._say(says, [problem] if (problem := compare_head(head)) else [])
        end = chain_head()
        came_out = f"{found} findings" if found else "The books hold"
        record(EventKind.CHECKED, what=f"{came_out}; the chain ends with {end}")
        if self.for_programs:
            said = {"holds": not found, "chain_end": str(end), "checks": self.checked}
            self.stdout.write(dumps(said, ensure_ascii=False))
        else:
            self.stdout.write(
                f"The chain ends with {end}. Write it down, and compare: --head {end}"
            )
        if found:
            raise CommandError(f"{found} findings. The books do not hold.")
        if not self.for_programs:
            self.stdout.write("The books hold.")

    def _say(self, says: str, findings: list[str]) -> int:
        self.checked.append({"rule": says, "findings": findings})
        if self.for_programs:
            return len(findings)
        self.stdout.write(f"{'ok  ' if not findings else 'FAIL'}  {says}")
        for finding in findings:
            self.stdout.write(f"      {finding}")
        return len(findings)
