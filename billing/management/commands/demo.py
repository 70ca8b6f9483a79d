from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from billing.demo import clinic
from billing.demo.acts import Bill, Check, Receipt
from billing.demo.cast import LOGINS, PASSWORD
from billing.demo.plan import Plan


class Command(BaseCommand):
    help = (
        "Load the demo clinic: invented people, fourteen months of bills and payments, and the"
        " start of both stories (Okafor, Maya P1001; Smith, John P1042). Only with REMIT_LOCAL=1."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--once", action="store_true", help="do nothing where there are patients already"
        )
        how.add_argument(
            "--fresh", action="store_true", help="take the clinic that is there out first"
        )
        parser.add_argument(
            "--patients", type=int, default=300, metavar="N", help="how many patients (300)"
        )

    def handle(
        self, *args: Any, once: bool, fresh: bool, patients: int, verbosity: int, **options: Any
    ) -> None:
        if not settings.LOCAL:
            raise CommandError(
                "The demo clinic has public passwords and belongs on your own machine only:"
                " it is loaded with REMIT_LOCAL=1, never into a production database."
            )
        if not 2 <= patients <= 2000:
            raise CommandError("--patients: from 2 to 2000.")
        if not clinic.is_empty():
            if once:
                self.stdout.write("There are patients in this database already; nothing to do.")
                return
            self._refuse_to_overwrite(fresh=fresh)
        with tqdm(unit="act", disable=None if verbosity else True) as bar:
            plan = clinic.Loading(patients=patients).load(afresh=fresh, progress=_on(bar))
        self._summary(plan, patients)

    def _refuse_to_overwrite(self, *, fresh: bool) -> None:
        if not fresh:
            raise CommandError(
                "There are patients in this database already. --fresh takes them out first."
            )
        if connection.vendor != "sqlite" and not clinic.is_there():
            raise CommandError(
                "The clinic in this database server is not the demo clinic, so it is not emptied."
            )

    def _summary(self, plan: Plan, patients: int) -> None:
        lines = sum(len(bill.charges) for bill in plan.bills)
        self.stdout.write(
            f"Demo clinic: {patients:,} patients, {plan.count(Bill):,} invoices with {lines:,}"
            f" lines, {plan.count(Receipt):,} patients' and {plan.count(Check):,} insurers'"
            f" payments.\n"
            f"Log in as {', '.join(str(login['username']) for login in LOGINS)};"
            f" password {PASSWORD}."
        )


def _on(bar: Any) -> Callable[[Plan], Callable[[], object]]:
    def begin(plan: Plan) -> Callable[[], object]:
        bar.reset(total=len(plan.acts))
        return bar.update

    return begin
