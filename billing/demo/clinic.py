"""Load the demo clinic, or empty the local database of a clinic."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import singledispatchmethod

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management.color import no_style
from django.db import connection, models
from django.utils import timezone

from billing import balances, guards, ledger
from billing.chain.acts import sealing
from billing.charging import Charge as LineCharge
from billing.demo import factories
from billing.demo.acts import (
    Act,
    Bill,
    Charge,
    Check,
    Receipt,
    Refund,
    Transfer,
    Undo,
    Void,
    WriteOff,
)
from billing.demo.cast import LOGINS, PASSWORD, Cast, assemble
from billing.demo.plan import Plan, think_up
from billing.growing import GrowingTables
from billing.models import Clinic, Invoice, InvoiceLine, LedgerAccount, NumberSeries, Payment
from billing.models.numbering import INSURANCE, INVOICE, RECEIPT
from billing.sharing import Entry
from patients.models import Patient, PlaceOfService, Session

# What the first payment entered by hand will be called, as in the documentation's examples.
NEXT_RECEIPT, NEXT_INSURANCE = 2207, 318

# What its documents say at the top. Invented: 555-01 numbers belong to nobody.
LETTERHEAD = {
    "name": "Harbour Street Clinic",
    "address_line1": "14 Harbour Street",
    "address_line2": "Suite 200",
    "city": "Port Alder",
    "state": "WA",
    "postal_code": "98000",
    "phone": "(206) 555-0142",
    "email": "billing@harbourstreet.example",
    "tax_id": "00-0000000",
    "npi": "9000000007",
    "payment_terms": 30,
    "refund_limit": Decimal("200.00"),
    "write_off_limit": Decimal("100.00"),
    "statement_message": (
        "Pay by card at the desk or by phone, or send a check with the number of this document."
        " Questions about it? Call us, we are glad to help."
    ),
}


def is_empty() -> bool:
    return not Patient.objects.exists()


def is_there() -> bool:
    """Whether the clinic in this database is the demo: its stories and its public log-in."""
    john = Patient.objects.filter(
        chart_number="P1042", family_name="Smith", given_name="John"
    ).exists()
    users = get_user_model().objects.filter(username__in=[login["username"] for login in LOGINS])
    return john and any(user.check_password(PASSWORD) for user in users)


def empty() -> None:
    """Take everything of patients and billing out of the database; people keep their log-ins.

    The guards step aside for it, which nothing but this and migrations may ask of them. Called
    inside the transaction that loads the clinic anew, so that a failure leaves the old one.
    """
    emptied: list[type[models.Model]] = [
        *apps.get_app_config("billing").get_models(include_auto_created=True),
        *apps.get_app_config("patients").get_models(include_auto_created=True),
        LogEntry,  # the admin's own history, of things that are gone
    ]
    tables = [model._meta.db_table for model in emptied if model._meta.managed]
    connection.check_constraints()  # PostgreSQL empties no table with a check still to come
    guards.drop(connection)
    with connection.cursor() as cursor:
        for statement in connection.ops.sql_flush(no_style(), tables, reset_sequences=True):
            cursor.execute(statement)
    guards.install(connection)
    LedgerAccount.objects.complete()


@dataclass
class Loading:
    """The demo clinic being written down. `progress` is told the steps to come, then each one."""

    patients: int = 300
    today: datetime.date = field(default_factory=timezone.localdate)

    def __post_init__(self) -> None:
        self.lines: dict[Charge, InvoiceLine] = {}
        self.invoices: dict[Bill, Invoice] = {}
        self.payments: dict[Receipt, Payment] = {}

    def load(
        self, *, afresh: bool = False, progress: Callable[[Plan], Callable[[], object]]
    ) -> Plan:
        """All of it, or nothing."""
        with sealing("demo"):
            return self._loaded(afresh=afresh, progress=progress)

    def _loaded(self, *, afresh: bool, progress: Callable[[Plan], Callable[[], object]]) -> Plan:
        if afresh:
            empty()
        self.cast: Cast = assemble(patients=self.patients, today=self.today)
        plan = think_up(self.cast, self.today)
        Clinic.objects.update_or_create(pk=Clinic.ONLY, defaults=LETTERHEAD)
        self._start_numbers(plan)
        self._draft(plan)
        step = progress(plan)
        growing = GrowingTables()
        for act in plan.acts:
            self._do(act)
            growing.step()
            step()
        self._say_who_owes(plan)
        self._go_to_the_bank()
        self._leave_drafts(plan)
        return plan

    def _go_to_the_bank(self) -> None:
        """Every Friday with what came in since the last; that of this week still waits."""
        waiting = balances.to_deposit(last=self.today, methods=balances.PAPER)
        first = waiting.values_list("date", flat=True).first() or self.today
        friday = first + datetime.timedelta(days=(4 - first.weekday()) % 7)
        while friday < self.today:
            ready = list(balances.to_deposit(last=friday, methods=balances.PAPER))
            if ready:
                ledger.deposit(by=self.cast.users["frontdesk"], payments=ready, date=friday)
            friday += datetime.timedelta(days=7)

    def _leave_drafts(self, plan: Plan) -> None:
        """Visits that were entered at the desk and are not billed yet."""
        for visit in plan.unbilled:
            first = visit[0]
            ledger.enter_session(
                by=self.cast.users["frontdesk"],
                patient=first.patient,
                provider=first.provider,
                date=first.date,
                place_of_service=PlaceOfService.OFFICE,
                diagnoses=first.diagnoses,
                charges=[
                    LineCharge(
                        provider=charge.provider,
                        date=charge.date,
                        code=charge.code,
                        description=self.cast.services[charge.code].description,
                        units=1,
                        amount=charge.amount,
                        payer=charge.payer,
                        service=self.cast.services[charge.code],
                    )
                    for charge in visit
                ],
            )

    def _say_who_owes(self, plan: Plan) -> None:
        """Where the plan knows more than an answer on the line says. It moves no money."""
        for payer in {*plan.owed_by.values()}:
            lines = [
                self.lines[charge].pk for charge in plan.owed_by if plan.owed_by[charge] == payer
            ]
            unanswered = InvoiceLine.objects.filter(pk__in=lines, adjudications__isnull=True)
            unanswered.update(payer=payer)

    def _start_numbers(self, plan: Plan) -> None:
        receipts, checks = plan.count(Receipt), plan.count(Check)
        for prefix, first in (
            (INVOICE, plan.first_invoice),
            (RECEIPT, max(1, NEXT_RECEIPT - receipts)),
            (INSURANCE, max(1, NEXT_INSURANCE - checks)),
        ):
            NumberSeries.objects.update_or_create(prefix=prefix, defaults={"next_number": first})

    def _draft(self, plan: Plan) -> None:
        """Sessions, and invoices as drafts; they count when their day comes."""
        biller = self.cast.users["biller"]
        sessions: dict[tuple[int, int, datetime.date], Session] = {}
        for bill in plan.bills:
            patient = bill.charges[0].patient
            self.invoices[bill] = factories.InvoiceFactory.build(patient=patient, created_by=biller)
            for charge in bill.charges:
                visit = charge.patient.pk, charge.provider.pk, charge.date
                if visit not in sessions:
                    sessions[visit] = factories.SessionFactory.build(
                        patient=charge.patient,
                        provider=charge.provider,
                        date=charge.date,
                        diagnoses=charge.diagnoses,
                    )
        Invoice.objects.bulk_create(self.invoices.values())
        Session.objects.bulk_create(sessions.values(), batch_size=500)
        for bill in plan.bills:
            for charge in bill.charges:
                self.lines[charge] = factories.InvoiceLineFactory.build(
                    invoice=self.invoices[bill],
                    session=sessions[charge.patient.pk, charge.provider.pk, charge.date],
                    service=self.cast.services[charge.code],
                    payer=charge.payer,
                    amount=charge.amount,
                )
        InvoiceLine.objects.bulk_create(self.lines.values(), batch_size=500)

    # ------------------------------------------------------------------ one act, one verb

    @singledispatchmethod
    def _do(self, act: Act) -> None:
        raise NotImplementedError(act)

    @_do.register
    def _(self, act: Bill) -> None:
        ledger.issue_invoice(
            by=self.cast.users["biller"], invoice=self.invoices[act], date=act.date
        )

    @_do.register
    def _(self, act: Receipt) -> None:
        payment = ledger.record_payment(
            by=self.cast.users["frontdesk"],
            amount=act.amount,
            method=act.method,
            date=act.date,
            patient=act.patient,
            provider=act.provider,
            reference=act.reference,
            entries=[Entry(self.lines[charge].pk, paid) for charge, paid in act.shares],
        ).payment
        assert payment  # noqa: S101  (record_payment always returns it)
        self.payments[act] = payment

    @_do.register
    def _(self, act: Check) -> None:
        ledger.record_payment(
            by=self.cast.users["biller"],
            amount=act.amount,
            method=act.method,
            date=act.date,
            payer=act.payer,
            reference=act.reference,
            entries=[Entry(self.lines[charge].pk, paid, off) for charge, paid, off in act.shares],
            over_allocation_reason=act.over_allocation_reason,
        )

    @_do.register
    def _(self, act: Undo) -> None:
        by, payment = self.cast.users["frontdesk"], self.payments[act.receipt]
        if act.void:
            ledger.void(by=by, payment=payment, reason=act.reason, unpay_lines=act.unpay)
        else:
            ledger.reverse(
                by=by, payment=payment, date=act.date, reason=act.reason, unpay_lines=act.unpay
            )

    @_do.register
    def _(self, act: Refund) -> None:
        payment = self.payments[act.receipt]
        ledger.refund(
            by=self.cast.users["biller"],
            payment=payment,
            amount=act.amount,
            method=payment.method,
            date=act.date,
            reason=act.reason,
        )

    @_do.register
    def _(self, act: Transfer) -> None:
        ledger.transfer(
            by=self.cast.users["biller"],
            payment=self.payments[act.receipt],
            amount=act.amount,
            patient=act.receipt.patient,
            provider=act.provider,
            date=act.date,
            reason=act.reason,
        )

    @_do.register
    def _(self, act: Void) -> None:
        ledger.void_line(
            by=self.cast.users["biller"],
            line=self.lines[act.charge],
            date=act.date,
            reason=act.reason,
        )

    @_do.register
    def _(self, act: WriteOff) -> None:
        ledger.adjust(
            by=self.cast.users["biller"],
            line=self.lines[act.charge],
            amount=act.amount,
            kind=act.kind,
            date=act.date,
            reason=act.reason,
        )
