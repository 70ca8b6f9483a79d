"""The fee schedule from a file: services, and their fees from a day on."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser

from billing.imports.columns import AMOUNT, DAY, YES_OR_NO, Column, text
from billing.imports.job import Job, Payers, Problem, Row, counted
from billing.models import Fee, Service
from billing.money import show
from patients.models import Payer

Key = tuple[str, int | None, datetime.date]


class FeesJob(Job):
    """What the clinic does and asks for it. An import only adds; it changes no fee that is there."""

    slug = "fees"
    title = "Fee schedule"
    about = "Services by code, what they cost from which day on, and fees agreed with a payer."
    columns = (
        Column("code", text(20), "CPT code or the clinic's own", "90834", True),
        Column("description", text(120), "what it is", "Psychotherapy, 45 minutes", True),
        Column("amount", AMOUNT, "the fee of one unit", "120.00", True),
        Column("valid_from", DAY, "the first day of this fee", "2026-01-01", True),
        Column("payer", text(120), "only for a fee agreed with one payer: its name or payer ID"),
        Column("active", YES_OR_NO, "offered at the desk; empty: yes", "yes"),
    )

    def __init__(self) -> None:
        self.payers = Payers()
        self.services = {
            service.code.casefold(): service for service in Service.objects.order_by("pk")
        }
        self.there: dict[Key, Decimal] = {
            (code.casefold(), payer, day): amount
            for code, payer, day, amount in Fee.objects.values_list(
                "service__code", "payer_id", "valid_from", "amount"
            )
        }
        self.new: dict[str, tuple[int, str, bool]] = {}  # code → line, description, active
        self.lines: dict[Key, int] = {}
        self.fees = self.unchanged = 0

    def counts(self) -> list[tuple[str, str]]:
        return [
            ("New services", f"{len(self.new):,}"),
            ("New fees", f"{self.fees:,}"),
            ("Fees already there", f"{self.unchanged:,}"),
        ]

    def made(self) -> str:
        return f"{counted(len(self.new), 'service')} and {counted(self.fees, 'fee')}"

    # ------------------------------------------------------------------ checking

    def check(self, rows: Sequence[Row]) -> Iterator[Problem]:
        for row in rows:
            yield from self._check_service(row)
            yield from self._check_fee(row)

    def _check_service(self, row: Row) -> Iterator[Problem]:
        code, description, active = row["code"].casefold(), row["description"], row["active"]
        if service := self.services.get(code):
            if service.description != description:
                yield row.warning(
                    "description", f"{service.code} keeps its description: {service.description}."
                )
            if active is not None and active != service.active:
                stays = "active" if service.active else "inactive"
                yield row.warning("active", f"{service.code} stays {stays}. Change it in Admin.")
        elif known := self.new.get(code):
            line, before, offered = known
            if before != description:
                yield row.problem("description", f"Line {line} describes {row['code']} otherwise.")
            if active is not None and active != offered:
                yield row.problem("active", f"Line {line} says otherwise about {row['code']}.")
        else:
            self.new[code] = row.line, description, active is not False

    def _check_fee(self, row: Row) -> Iterator[Problem]:
        amount, payer = row["amount"], self.payers.get(row["payer"])
        if amount < 0:
            yield row.problem("amount", "A fee is not negative.")
        if problem := self.payers.problem(row["payer"]):
            yield row.problem("payer", problem)
            return
        key = _key(row, payer)
        if key in self.lines:
            yield row.problem(
                "valid_from",
                f"Line {self.lines[key]} has a fee of {row['code']} from this day already.",
            )
            return
        self.lines[key] = row.line
        if key not in self.there:
            self.fees += 1
        elif self.there[key] == amount:
            self.unchanged += 1
        else:
            yield row.problem(
                "amount",
                f"The fee of {row['code']} from this day is {show(self.there[key])} already."
                " An import changes no fee: give the new one a later day.",
            )

    # ------------------------------------------------------------------ writing

    def write(self, rows: Sequence[Row], by: AbstractBaseUser) -> None:
        codes = {row["code"].casefold(): row["code"] for row in reversed(rows)}
        missing = [code for code in self.new if code in codes and code not in self.services]
        for service in Service.objects.bulk_create(
            Service(code=codes[code], description=self.new[code][1], active=self.new[code][2])
            for code in missing
        ):
            self.services[service.code.casefold()] = service
        keyed = [(row, self.payers.get(row["payer"])) for row in rows]
        Fee.objects.bulk_create(
            Fee(
                service=self.services[row["code"].casefold()],
                payer=payer,
                amount=row["amount"],
                valid_from=row["valid_from"],
            )
            for row, payer in keyed
            if _key(row, payer) not in self.there
        )


def _key(row: Row, payer: Payer | None) -> Key:
    return row["code"].casefold(), payer.pk if payer else None, row["valid_from"]
