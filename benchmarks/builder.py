"""Writing three years of a clinic down, in bulk (see benchmarks/million.py)."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from benchmarks.search import someone_new
from benchmarks.years import (
    BOUNCED,
    Account,
    Insurer,
    Line,
    Numbers,
    Receipt,
    Service,
    Years,
    think_up,
)
from billing import guards
from billing import models as money
from billing.audit.recording import mac_of, seal_events
from billing.chain.acts import note, sealing
from billing.chain.replay import Seen
from billing.chain.tables import SEALED
from billing.demo.cast import PAYERS, SERVICES
from billing.models import AuditEvent, ChainLink, EventKind, NumberSeries
from billing.models.numbering import DEPOSIT, INSURANCE, INVOICE, RECEIPT
from patients.models import Coverage, Patient, Payer, Provider, Session

LINES_A_PATIENT = 20
SMALL = 10_000  # lines below which the demo in the middle is small, too
AT_ONCE = 50_000  # rows an act
LOOKS_AT_ONCE = 5_000
A_YEAR = 365 * 24 * 60  # minutes
ENTERED_TWICE = "Entered twice"

Say = Callable[[str], object]
Table = tuple[str, type[Model], str, Iterable[tuple[Any, ...]]]


def build(lines: int, say: Say = print) -> None:
    """Fill the database of this process, which is new and empty."""
    with _told(say, "the demo clinic"):
        call_command("migrate", verbosity=0, skip_checks=True)
        patients = 300 if lines >= SMALL else 2
        call_command("demo", patients=patients, verbosity=0, stdout=io.StringIO())
    Builder(lines, say).build()


@contextlib.contextmanager
def _told(say: Say, what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    say(f"{time.monotonic() - start:7.1f} s  {what}")


def _free(*models: type[Model]) -> int:
    """The first id that is free in all of these tables."""
    newest = (m._default_manager.order_by("-pk").values_list("pk", flat=True) for m in models)
    return 1 + max(ids.first() or 0 for ids in newest)


@cache
def _day(ordinal: int) -> str:
    return datetime.date.fromordinal(ordinal).isoformat()


@cache
def _moment(ordinal: int) -> str:
    """During the working hours of that day here, said in UTC."""
    local = datetime.datetime.combine(
        datetime.date.fromordinal(ordinal),
        datetime.time(9 + ordinal % 8),
        tzinfo=timezone.get_current_timezone(),
    )
    return local.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(" ")


class Builder:
    """Three years beside the demo clinic that is there, until there are so many lines."""

    def __init__(self, lines: int, say: Say) -> None:
        self.say = say
        self.sqlite = connection.vendor == "sqlite"
        self.today = timezone.localdate()
        self.chance = random.Random(7)
        self.to_write = max(0, lines - money.InvoiceLine.objects.count())
        self.patients_wanted = max(10, self.to_write // LINES_A_PATIENT)
        users = {each.username: each.pk for each in get_user_model().objects.all()}
        self.desk, self.biller = users["frontdesk"], users["biller"]

    def build(self) -> None:
        """Written quickly, and looked at by the database for its plans."""
        if self.sqlite:
            self._sql("PRAGMA synchronous = OFF", "PRAGMA cache_size = -500000")
        self.write()
        with _told(self.say, "looked at by the database, for its plans"):
            self._sql("ANALYZE" if self.sqlite else "VACUUM ANALYZE")
        if self.sqlite:
            self._sql("PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA synchronous = FULL")

    def write(self) -> None:
        with _told(self.say, f"{self.patients_wanted:,} patients"):
            accounts = self._accounts()
        with _told(self.say, f"{self.to_write:,} lines thought up"):
            years = self._years(accounts)
        with transaction.atomic():
            guards.drop(connection)
            for what, model, columns, rows in self._tables(years):
                with _told(self.say, what):
                    self._write(model, columns, rows)
            self._number_on(years.numbers)
            with _told(self.say, "what is checked at the end of a transaction"):
                connection.check_constraints()
            guards.install(connection)
        del years
        with _told(self.say, "sealed"):
            self._seal()
        with _told(self.say, "looks of the audit trail"):
            self._look(self.to_write // 5)

    def _sql(self, *statements: str) -> None:
        with connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    # ------------------------------------------------------------------ who

    def _accounts(self) -> list[Account]:
        """People with 80,000 possible family names; three in four are insured."""
        chance = self.chance
        providers = list(Provider.objects.order_by("pk").values_list("pk", flat=True))
        insurers = self._insurers()
        patients = Patient.objects.bulk_create(
            (someone_new(chance, number) for number in range(self.patients_wanted)),
            batch_size=2_000,
        )
        accounts, policies = [], []
        payers = Payer.objects.in_bulk()
        start = self.today - datetime.timedelta(days=4 * 365)
        for patient in patients:
            insurer = chance.choice(insurers) if chance.random() < 0.75 else None
            if insurer:
                policies.append(Coverage(patient=patient, payer=payers[insurer.pk], start=start))
            at = chance.randrange(len(providers))
            accounts.append(Account(patient.pk, providers[at], insurer))
            if chance.random() < 0.15:
                accounts.append(Account(patient.pk, providers[at - 1], insurer))
        Coverage.objects.bulk_create(policies, batch_size=2_000)
        return accounts

    def _insurers(self) -> list[Insurer]:
        ids = dict(Payer.objects.values_list("name", "pk"))
        return [Insurer(ids[name], method, allows) for name, _id, allows, method in PAYERS]

    def _services(self) -> list[Service]:
        ids = dict(money.Service.objects.values_list("code", "pk"))
        return [Service(ids[code], code, words, fee * 100) for code, words, fee in SERVICES]

    # ------------------------------------------------------------------ what happened

    def _years(self, accounts: Sequence[Account]) -> Years:
        series = dict(NumberSeries.objects.values_list("prefix", "next_number"))
        numbers = Numbers(
            visit=_free(Session, money.Invoice),  # a session and its invoice get one id
            line=_free(money.InvoiceLine),
            payment=_free(money.Payment),
            slip=_free(money.Deposit),
            invoice=series.get(INVOICE, 1),
            receipt=series.get(RECEIPT, 1),
            check=series.get(INSURANCE, 1),
            deposit=series.get(DEPOSIT, 1),
        )
        return think_up(
            lines=self.to_write,
            accounts=accounts,
            services=self._services(),
            insurers=self._insurers(),
            numbers=numbers,
            today=self.today,
        )

    def _number_on(self, numbers: Numbers) -> None:
        """The clinic's own numbers go on behind those that were given."""
        for prefix, following in (
            (INVOICE, numbers.invoice),
            (RECEIPT, numbers.receipt),
            (INSURANCE, numbers.check),
            (DEPOSIT, numbers.deposit),
        ):
            NumberSeries.objects.update_or_create(
                prefix=prefix, defaults={"next_number": following}
            )

    # ------------------------------------------------------------------ the tables

    def _tables(self, years: Years) -> Iterator[Table]:
        """Each table in an order its foreign keys allow."""
        day, moment, by = _day, _moment, self.biller
        yield (
            f"{len(years.visits):,} sessions",
            Session,
            "id date created_at patient_id provider_id diagnoses place_of_service",
            (
                (v.pk, day(v.day), moment(v.day), v.account.patient, v.account.provider, "", "11")
                for v in years.visits
            ),
        )
        yield (
            f"{len(years.visits):,} invoices",
            money.Invoice,
            "id number issued_on issued_at created_at created_by_id patient_id",
            (
                (
                    v.pk,
                    f"INV-{v.number:04d}" if v.number else None,
                    day(v.day) if v.number else None,
                    moment(v.day) if v.number else None,
                    moment(v.day),
                    by,
                    v.account.patient,
                )
                for v in years.visits
            ),
        )
        yield (
            f"{len(years.lines):,} lines",
            money.InvoiceLine,
            "id invoice_id session_id patient_id provider_id service_id payer_id service_date code"
            " modifiers description units amount issued_on claim_number control_number paid"
            " adjusted last_date",
            map(self._line, years.lines),
        )
        yield (
            f"{len(years.receipts):,} payments and reversals",
            money.Payment,
            "id date created_at created_by_id reason number kind patient_id provider_id payer_id"
            " method reference note amount original_id source_id over_allocation_reason allocated"
            " returned offset_total reversed last_date",
            map(self._payment, years.receipts),
        )
        yield (
            f"{len(years.allocations):,} allocations",
            money.Allocation,
            "date created_at created_by_id reason payment_id line_id amount",
            (
                (day(on), moment(on), by, why, payment, line, amount)
                for on, payment, line, amount, why in years.allocations
            ),
        )
        yield (
            f"{len(years.adjustments):,} adjustments",
            money.Adjustment,
            "date created_at created_by_id reason kind amount line_id payment_id carc",
            (
                (day(on), moment(on), by, why, kind, amount, line, payment, carc)
                for on, kind, amount, line, payment, carc, why in years.adjustments
            ),
        )
        yield (
            f"{len(years.parts):,} patients' parts",
            money.Responsibility,
            "date created_at created_by_id reason line_id payment_id kind amount carc",
            (
                (day(on), moment(on), by, "", line, payment, kind, amount, carc)
                for on, line, payment, kind, amount, carc in years.parts
            ),
        )
        yield (
            f"{len(years.answers):,} answers",
            money.Adjudication,
            "date created_at created_by_id reason line_id payment_id outcome codes owed_before_id"
            " owed_after_id",
            (
                (day(on), moment(on), by, "", line, payment, outcome, codes, before, after)
                for on, line, payment, outcome, codes, before, after in years.answers
            ),
        )
        yield (
            f"{len(years.voids):,} voided lines",
            money.LineVoid,
            "date created_at created_by_id reason line_id",
            ((day(on), moment(on), by, ENTERED_TWICE, line) for on, line in years.voids),
        )
        yield (
            f"{len(years.slips):,} deposits",
            money.Deposit,
            "id date created_at created_by_id reason number",
            (
                (slip, day(on), moment(on), self.desk, "", f"D-{number:04d}")
                for slip, number, on, _payments in years.slips
            ),
        )
        yield (
            "what lies on their slips",
            money.DepositItem,
            "deposit_id payment_id",
            ((slip, each) for slip, _number, _on, payments in years.slips for each in payments),
        )

    def _line(self, line: Line) -> tuple[Any, ...]:
        visit, account, service = line.invoice, line.account, line.service
        issued = _day(visit.day) if visit.number else None
        return (
            line.pk,
            visit.pk,
            visit.pk,
            account.patient,
            account.provider,
            service.pk,
            line.payer,
            _day(visit.day),
            service.code,
            "",
            service.words,
            1,
            service.fee,
            issued,
            f"INV-{visit.number:04d}" if visit.number else "",
            "",
            line.paid,
            line.adjusted,
            _day(line.last) if visit.number else None,
        )

    def _payment(self, row: Receipt) -> tuple[Any, ...]:
        account, insurer, original = row.account, row.insurer, row.original
        prefix = "IP" if insurer else "R"
        reference = f"{row.number:08d}" if insurer or row.method == "check" else ""
        return (
            row.pk,
            _day(row.day),
            _moment(row.day),
            self.biller if insurer else self.desk,
            BOUNCED if original else "",
            None if original else f"{prefix}-{row.number:04d}",
            "reversal" if original else "receipt",
            account.patient if account else None,
            account.provider if account else None,
            insurer.pk if insurer else None,
            row.method,
            "" if original else reference,
            "",
            row.amount,
            original.pk if original else None,
            original.pk if original else None,
            row.excuse,
            row.allocated,
            row.returned,
            0,
            row.reversed,
            _day(row.last),
        )

    def _write(self, model: type[Model], columns: str, rows: Iterable[Any]) -> None:
        table, names = model._meta.db_table, columns.split()
        listed = ", ".join(names)
        with connection.cursor() as cursor:
            raw: Any = cursor.cursor
            if self.sqlite:
                marks = ", ".join("?" for _ in names)
                raw.connection.executemany(f"INSERT INTO {table} ({listed}) VALUES ({marks})", rows)
                return
            with raw.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            if "id" in names:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"
                )

    # ------------------------------------------------------------------ sealed

    def _seal(self) -> None:
        """What has no link of the chain yet gets one, by the code that seals every act."""
        seen = {table.name: Seen() for table in SEALED}
        for rows in ChainLink.objects.values_list("rows", flat=True).iterator(chunk_size=50):
            for name, digests in json.loads(rows).items():
                for pk in digests:
                    seen[name].add(int(pk))
        by = get_user_model().objects.get(pk=self.biller)
        for table in SEALED:
            if table.later:
                continue
            for ids in table.ids(AT_ONCE):
                new = [pk for pk in ids if pk not in seen[table.name]]
                if new:
                    with sealing("three years", by=by):
                        note(table.model, new)

    def _look(self, count: int) -> None:
        """Who looked at whom: so many events, sealed as they are in a clinic."""
        charts = list(Patient.objects.order_by("pk").values_list("pk", "chart_number")[:50_000])
        now = timezone.now()
        for start in range(0, count, LOOKS_AT_ONCE):
            events = []
            for number in range(start, min(count, start + LOOKS_AT_ONCE)):
                pk, chart = self.chance.choice(charts)
                ago = datetime.timedelta(minutes=60 + 3 * A_YEAR * (count - number) / count)
                event = AuditEvent(
                    at=now - ago,
                    kind=EventKind.LOOKED,
                    user_id=self.desk,
                    username="frontdesk",
                    patient_id=pk,
                    what=f"/patients/{chart}/account/",
                    address="192.0.2.17",
                )
                event.mac = mac_of(event, settings.AUDIT_KEY)
                events.append(event)
            AuditEvent.objects.bulk_create(events)
            seal_events()
