"""Each verb carried out once in a small clinic: for the rules that hold for all of them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing import ledger
from billing.models import (
    Adjustment,
    Allocation,
    Deposit,
    Invoice,
    InvoiceLine,
    LineVoid,
    Payment,
)
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, entries, money


@dataclass
class Clinic:
    """Somebody to do it, and one of everything a verb can be done to."""

    by: Any
    patient: Patient
    provider: Provider
    other: Provider
    payer: Payer
    line: InvoiceLine
    part_paid: InvoiceLine
    receipt: Payment
    paying: Payment
    check: Payment
    draft: Invoice
    second_draft: Invoice
    write_off: Adjustment
    childs: InvoiceLine


def clinic() -> Clinic:
    by = OwnerFactory()
    patient = PatientFactory(family_name="Smith", given_name="John")
    provider, other = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    line, part_paid = (
        LineFactory(patient=patient, provider=provider, amount="100", ago=30) for _ in range(2)
    )
    paying = PaymentFactory(
        patient=patient, provider=provider, amount="40", ago=28, on={part_paid: "40"}
    )
    adjusted = LineFactory(patient=patient, provider=other, amount="100", ago=30)
    written_off = ledger.adjust(
        by=by, line=adjusted, amount=money(7), kind="courtesy", date=day(29), reason="Hardship"
    )
    child = PatientFactory(family_name="Smith", given_name="Kim", guarantor=patient)
    return Clinic(
        by=by,
        patient=patient,
        provider=provider,
        other=other,
        payer=payer,
        line=line,
        part_paid=part_paid,
        receipt=PaymentFactory(patient=patient, provider=provider, amount="60", ago=26),
        paying=paying,
        check=InsurancePaymentFactory(payer=payer, amount="80", ago=24, reference="104482"),
        draft=InvoiceFactory(patient=patient, provider=provider, issued=False),
        second_draft=InvoiceFactory(patient=child, provider=provider, issued=False),
        write_off=written_off.adjustments[0],
        childs=LineFactory(patient=child, provider=provider, amount="100", ago=25),
    )


Verb = Callable[..., ledger.Posted]


def _record(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.record_payment(
        by=c.by,
        patient=c.patient,
        provider=c.provider,
        amount=money("12.50"),
        method="cash",
        entries=entries({c.line: "10"}),
        **more,
    )


def _record_insurer(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.record_payment(
        by=c.by,
        payer=c.payer,
        amount=money("55"),
        method="check",
        reference="104483",
        entries=entries({c.line: ("50", "5")}),
        **more,
    )


def _record_for_the_family(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.record_payment(
        by=c.by,
        patient=c.patient,
        provider=c.provider,
        amount=money("12.50"),
        method="cash",
        entries=entries({c.line: "2", c.childs: "10"}),
        **more,
    )


def _allocate(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.allocate(by=c.by, payment=c.receipt, entries=entries({c.line: "25"}), **more)


def _allocate_insurer(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.allocate(by=c.by, payment=c.check, entries=entries({c.line: "25"}), **more)


def _allocate_credit(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.allocate_credit(
        by=c.by,
        patient=c.patient,
        provider=c.provider,
        entries=entries({c.line: "15", c.part_paid: "-5"}),
        **more,
    )


def _unpay_payment(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.unpay(by=c.by, payment=c.paying, reason="Wrong line", **more)


def _unpay_line(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.unpay(by=c.by, line=c.part_paid, amount=money(15), reason="Wrong line", **more)


def _adjust(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.adjust(
        by=c.by, line=c.line, amount=money(5), kind="courtesy", reason="Hardship", **more
    )


def _write_off(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.write_off(
        by=c.by,
        entries=entries({c.line: ("0", "5"), c.part_paid: ("0", "60"), c.childs: ("0", "1")}),
        kind="bad_debt",
        reason="Hardship",
        **more,
    )


def _undo_write_off(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.undo_write_off(by=c.by, adjustment=c.write_off, reason="Paid", **more)


def _reverse(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.reverse(by=c.by, payment=c.paying, reason="Bounced", **more)


def _reverse_insurer(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.reverse(by=c.by, payment=c.check, reason="Bounced", **more)


def _void(c: Clinic, **more: Any) -> ledger.Posted:
    more.pop("date", None)
    return ledger.void(by=c.by, payment=c.paying, reason="Typing error", **more)


def _refund(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.refund(
        by=c.by, payment=c.receipt, amount=money(10), method="cash", reason="Asked", **more
    )


def _refund_unpaying(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.refund(
        by=c.by,
        payment=c.paying,
        amount=money(10),
        method="cash",
        reason="Asked",
        unpay=entries({c.part_paid: "15"}),
        **more,
    )


def _transfer(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.transfer(
        by=c.by,
        payment=c.receipt,
        amount=money(10),
        patient=c.patient,
        provider=c.other,
        reason="Seen by Dr 2",
        **more,
    )


def _issue(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.issue_invoice(by=c.by, invoice=c.draft, **more)


def _opening(c: Clinic, **more: Any) -> ledger.Posted:
    date = more.pop("date")
    balances = [
        ledger.OpeningBalance(patient=c.patient, provider=c.other, amount=money(amount), date=date)
        for amount in ("35", "-12.50")
    ]
    return ledger.record_opening(by=c.by, balances=balances, **more)


def _issue_many(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.issue_invoices(by=c.by, invoices=[c.draft, c.second_draft], **more)


def _void_line(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.void_line(by=c.by, line=c.part_paid, reason="Billed twice", **more)


def _void_lines(c: Clinic, **more: Any) -> ledger.Posted:
    lines = [c.childs, c.line, c.part_paid]
    return ledger.void_lines(by=c.by, lines=lines, reason="Billed twice", **more)


def _deposit(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.deposit(by=c.by, payments=[c.receipt, c.paying, c.check], **more)


def _journal(c: Clinic, **more: Any) -> ledger.Posted:
    return ledger.make_journal_batch(by=c.by, through=more.pop("date", day(0)), **more)


EVERY_VERB: dict[str, Verb] = {
    "record_payment of a patient": _record,
    "record_payment of a payer": _record_insurer,
    "record_payment for the family": _record_for_the_family,
    "allocate of a patient": _allocate,
    "allocate of a payer": _allocate_insurer,
    "allocate_credit": _allocate_credit,
    "unpay a payment": _unpay_payment,
    "unpay a line": _unpay_line,
    "adjust": _adjust,
    "write_off": _write_off,
    "undo_write_off": _undo_write_off,
    "reverse of a patient": _reverse,
    "reverse of a payer": _reverse_insurer,
    "void": _void,
    "refund": _refund,
    "refund that un-pays first": _refund_unpaying,
    "transfer": _transfer,
    "issue_invoice": _issue,
    "record_opening": _opening,
    "issue_invoices": _issue_many,
    "void_line": _void_line,
    "void_lines": _void_lines,
    "deposit": _deposit,
    "make_journal_batch": _journal,
}

DATED_VERBS = {
    name: verb for name, verb in EVERY_VERB.items() if name not in ("void", "make_journal_batch")
}
MOVING_VERBS = {name: verb for name, verb in DATED_VERBS.items() if name != "deposit"}
"""Those whose typed date moves to the latest row they touch; a slip is refused instead."""


def dates_written(act: Callable[[], object]) -> set[datetime.date]:
    """The accounting dates of all the rows that `act` writes, covering and transfers included."""
    tables = (Payment, Allocation, Adjustment, LineVoid, Deposit)
    last = [table.objects.order_by("-pk").values_list("pk", flat=True).first() for table in tables]
    drafts = list(InvoiceLine.objects.filter(issued_on=None).values_list("pk", flat=True))
    act()
    dates = {
        row.date
        for table, before in zip(tables, last, strict=True)
        for row in table.objects.filter(pk__gt=before or 0)
    }
    issued = InvoiceLine.objects.filter(pk__in=drafts, issued_on__isnull=False)
    return dates | set(issued.values_list("issued_on", flat=True))
