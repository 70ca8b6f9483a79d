"""Drafts: what was done, and at what fee, before it is billed.

A draft has no number and owes nothing, so all of it may still be changed. It is written here
nonetheless: whoever bills a draft and whoever changes it meet at the same locks (the patient, then
the drafts in id order), and every act is one transaction and is carried out once.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from billing.charging import Charge, charge_of, seen
from billing.ledger.allowed import require
from billing.ledger.invoicing import issue
from billing.ledger.once import Posted, User, verb
from billing.ledger.refusals import LedgerError, StaleDraftError
from billing.models import Invoice, InvoiceLine
from patients.models import Patient, Provider, Session

NOTHING = "Enter at least one service."
CHANGED = "Someone else changed this draft. It now shows what is there; make your change again."
GONE = "This draft is not there any more: somebody discarded it or billed what was on it."


# ---------------------------------------------------------------------------- sessions


@verb
def enter_session(
    *,
    by: User,
    patient: Patient,
    provider: Provider,
    date: datetime.date,
    place_of_service: str,
    diagnoses: str,
    charges: Sequence[Charge],
    issue_on: datetime.date | None = None,
    key: UUID | None = None,
) -> Posted:
    """Write down a visit and what was done in it, as lines of a draft of its own.

    With `issue_on` the draft is issued at once, as that day's invoice. Refused: nothing done, an
    invoice dated before the visit, and what issue_invoice refuses.
    """
    require(by, "billing.enter_charge")
    if not charges:
        raise LedgerError(NOTHING)
    lock_patients([patient.pk])
    session = Session.objects.create(
        patient=patient,
        provider=provider,
        date=date,
        place_of_service=place_of_service,
        diagnoses=diagnoses,
    )
    draft = Invoice.objects.create(patient=patient, created_by_id=by.pk)
    _write(draft, charges, session)
    return _issued_or_not(by, draft, issue_on)


@verb
def change_session(
    *,
    by: User,
    session: Session,
    seen_lines: str,
    provider: Provider,
    date: datetime.date,
    place_of_service: str,
    diagnoses: str,
    charges: Sequence[Charge],
    issue_on: datetime.date | None = None,
    key: UUID | None = None,
) -> Posted:
    """Change a visit and what was done in it, while none of it is billed.

    Refused: nothing done, something billed, lines that are not those the screen showed.
    """
    require(by, "billing.enter_charge")
    if not charges:
        raise LedgerError(NOTHING)
    lock_patients([session.patient_id])
    lines = _unbilled_lines(session)
    if seen(lines) != seen_lines:
        raise StaleDraftError(CHANGED)
    draft = lines[0].invoice if lines else None
    if draft is None:
        draft = Invoice.objects.create(patient=session.patient, created_by_id=by.pk)
    Session.objects.filter(pk=session.pk).update(
        provider=provider, date=date, place_of_service=place_of_service, diagnoses=diagnoses
    )
    InvoiceLine.objects.filter(pk__in=[line.pk for line in lines]).delete()
    _write(draft, charges, session)
    return _issued_or_not(by, draft, issue_on)


@verb
def delete_session(
    *, by: User, session: Session, seen_lines: str, key: UUID | None = None
) -> Posted:
    """A visit that was entered by mistake goes, with its lines. Refused once any was billed."""
    require(by, "billing.enter_charge")
    lock_patients([session.patient_id])
    billed = session.lines.issued().select_related("invoice").order_by("pk").last()
    if billed:
        raise LedgerError(f"This session is on {billed.invoice}, so it is kept.")
    lines = _unbilled_lines(session)
    if seen(lines) != seen_lines:
        raise StaleDraftError(CHANGED)
    InvoiceLine.objects.filter(pk__in=[line.pk for line in lines]).delete()
    _tidy_up(line.invoice_id for line in lines)
    Session.objects.filter(pk=session.pk).delete()
    return Posted()


@verb
def bill_session_again(*, by: User, session: Session, key: UUID | None = None) -> Posted:
    """What was voided of a visit is to be billed anew: its lines are copied to a draft.

    Refused: while something of it is on a draft or stands on an invoice, or nothing was voided.
    """
    require(by, "billing.enter_charge")
    lock_patients([session.patient_id])
    related = ("invoice", "void", "provider", "payer", "service")
    lines = list(session.lines.select_related(*related).order_by("pk"))
    for line in lines:
        if not hasattr(line, "void"):
            where = line.invoice if line.issued_on else "a draft"
            raise LedgerError(f"This session is on {where} already.")
    if not lines:
        raise LedgerError("Nothing of this session was ever billed.")
    latest = max(lines, key=lambda line: line.void.pk).invoice_id
    draft = Invoice.objects.create(patient=session.patient, created_by_id=by.pk)
    _write(draft, [charge_of(line) for line in lines if line.invoice_id == latest], session)
    return Posted(invoices=[draft])


def _unbilled_lines(session: Session) -> list[InvoiceLine]:
    """The session's lines on drafts, which are locked; refused where an issued line stands."""
    if not Session.objects.filter(pk=session.pk).exists():
        raise StaleDraftError("Someone else deleted this session meanwhile.")
    drafts = Invoice.objects.filter(lines__session=session).values("pk")
    _lock_drafts(drafts)
    lines = list(session.lines.standing().select_related("invoice").order_by("pk"))
    for line in lines:
        if line.issued_on:
            raise LedgerError(f"This session is on {line.invoice} and cannot be changed any more.")
    return lines


# ---------------------------------------------------------------------------- drafts


@verb
def draft_invoice(
    *,
    by: User,
    patient: Patient,
    sessions: Sequence[Session],
    charges: Sequence[Charge],
    issue_on: datetime.date | None = None,
    key: UUID | None = None,
) -> Posted:
    """Put sessions that are not billed yet, and lines of no session, on a new draft.

    Refused: nothing at all, a session of another patient, one that was billed meanwhile.
    """
    require(by, "billing.enter_charge")
    if not sessions and not charges:
        raise LedgerError("Choose a session or enter a line.")
    lock_patients([patient.pk])
    if any(session.patient_id != patient.pk for session in sessions):
        raise LedgerError("Every session has to be the invoice's own patient's.")
    lines = drafted_lines(sessions)
    draft = Invoice.objects.create(patient=patient, created_by_id=by.pk)
    InvoiceLine.objects.filter(pk__in=[line.pk for line in lines]).update(invoice=draft)
    _tidy_up(line.invoice_id for line in lines)
    _write(draft, charges)
    return _issued_or_not(by, draft, issue_on)


@verb
def change_draft(
    *,
    by: User,
    invoice: Invoice,
    seen_lines: str,
    charges: Sequence[Charge],
    issue_on: datetime.date | None = None,
    key: UUID | None = None,
) -> Posted:
    """The draft now holds these lines: those named are changed, new ones added, the others go.

    A line of a session keeps its session, provider and day. Refused: a draft that was issued,
    discarded or changed since the screen was drawn; a draft left without lines.
    """
    require(by, "billing.enter_charge")
    if not charges:
        raise LedgerError("A draft needs at least one line. Discard it instead.")
    draft, lines = _draft(invoice, seen_lines)
    kept = {charge.line: charge for charge in charges if charge.line}
    if not set(kept) <= {line.pk for line in lines}:
        raise LedgerError("That line is not on this draft.")
    InvoiceLine.objects.filter(pk__in=[line.pk for line in lines if line.pk not in kept]).delete()
    changed = [line for line in lines if line.pk in kept]
    for line in changed:
        charge = kept[line.pk]
        line.service, line.payer = charge.service, charge.payer
        for name in WORDS:
            setattr(line, name, getattr(charge, name))
        if not line.session_id:
            line.provider, line.service_date = charge.provider, charge.date
    InvoiceLine.objects.bulk_update(
        changed, [*WORDS, "service", "payer", "provider", "service_date"]
    )
    _write(draft, [charge for charge in charges if not charge.line])
    return _issued_or_not(by, draft, issue_on)


@verb
def discard_draft(
    *, by: User, invoice: Invoice, seen_lines: str, key: UUID | None = None
) -> Posted:
    """Lines of no session go; each session on the draft waits to be billed on one of its own."""
    require(by, "billing.enter_charge")
    draft, lines = _draft(invoice, seen_lines)
    InvoiceLine.objects.filter(pk__in=[line.pk for line in lines if not line.session_id]).delete()
    for session in dict.fromkeys(line.session_id for line in lines if line.session_id):
        own = Invoice.objects.create(patient_id=draft.patient_id, created_by_id=by.pk)
        draft.lines.filter(session=session).update(invoice=own)
    draft.delete()
    return Posted()


WORDS = ("code", "description", "modifiers", "units", "amount")


def _draft(invoice: Invoice, seen_lines: str) -> tuple[Invoice, list[InvoiceLine]]:
    """The locked draft and its lines, if it is still what the screen showed."""
    lock_patients([invoice.patient_id])
    draft = Invoice.objects.select_for_update().filter(pk=invoice.pk).first()
    if draft is None:
        raise StaleDraftError(GONE)
    if draft.issued_on:
        raise StaleDraftError(f"Someone else issued this draft meanwhile: it is {draft.number}.")
    lines = list(draft.lines.order_by("pk"))
    if seen(lines) != seen_lines:
        raise StaleDraftError(CHANGED)
    return draft, lines


# ---------------------------------------------------------------------------- billing many


@verb
def bill_sessions(
    *, by: User, sessions: Sequence[Session], date: datetime.date, key: UUID | None = None
) -> Posted:
    """Bill visits that are on drafts: one invoice a patient, all of them or none.

    What a patient's drafts hold of these sessions comes together on one of them, with the lines of
    no session beside it; a draft that other sessions are on, too, keeps all the rest. Numbered in the order the
    patients come in. Refused: a session with nothing on a draft (billed meanwhile, or nothing was
    entered), and what issue_invoice refuses.
    """
    require(by, "billing.enter_charge")
    if not sessions:
        raise LedgerError("Choose the sessions to bill.")
    lock_patients({session.patient_id for session in sessions})
    lines = drafted_lines(sessions)
    wanted = {session.pk for session in sessions}
    on_drafts = InvoiceLine.objects.filter(invoice__in={line.invoice_id for line in lines})
    shared = {
        line.invoice_id
        for line in on_drafts
        if line.session_id is not None and line.session_id not in wanted
    }
    mine: dict[int, list[InvoiceLine]] = {session.patient_id: [] for session in sessions}
    for line in on_drafts.order_by("pk"):
        if line.session_id in wanted or (not line.session_id and line.invoice_id not in shared):
            mine[line.patient_id].append(line)
    drafts = _gather(by, mine, shared)
    _issue(by, drafts, date)
    return Posted(invoices=drafts)


def _gather(by: User, lines: dict[int, list[InvoiceLine]], kept_apart: set[int]) -> list[Invoice]:
    """One draft a patient with all these lines: the oldest they are on, unless others stay there."""
    drafts = Invoice.objects.in_bulk(
        {line.invoice_id for own in lines.values() for line in own} - kept_apart
    )
    chosen: dict[int, Invoice] = {}
    for patient, own in lines.items():
        usable = sorted({line.invoice_id for line in own} & set(drafts))
        chosen[patient] = (
            drafts[usable[0]] if usable else Invoice(patient_id=patient, created_by_id=by.pk)
        )
    Invoice.objects.bulk_create([draft for draft in chosen.values() if draft.pk is None])
    moved = []
    left = set()
    for patient, own in lines.items():
        for line in own:
            if line.invoice_id != chosen[patient].pk:
                left.add(line.invoice_id)
                line.invoice = chosen[patient]
                moved.append(line)
    InvoiceLine.objects.bulk_update(moved, ["invoice"])
    _tidy_up(left)
    return list(chosen.values())


# ---------------------------------------------------------------------------- shared


def lock_patients(patients: Iterable[int]) -> None:
    """In id order, as every verb does: whoever bills and whoever changes wait for each other."""
    found = Patient.objects.select_for_update(no_key=True).filter(pk__in=set(patients))
    list(found.order_by("pk").values_list("pk"))


def _lock_drafts(drafts: QuerySet[Any, Any]) -> None:
    list(Invoice.objects.select_for_update().filter(pk__in=drafts).order_by("pk"))


def drafted_lines(sessions: Sequence[Session]) -> list[InvoiceLine]:
    """The lines these sessions have on drafts, which are locked; each has to have some."""
    lines = InvoiceLine.objects.filter(session__in=sessions, issued_on__isnull=True)
    _lock_drafts(lines.values("invoice"))
    found = list(lines.order_by("pk"))
    having = {line.session_id for line in found}
    for session in sessions:
        if session.pk not in having:
            raise StaleDraftError(_why_nothing(session))
    return found


def _why_nothing(session: Session) -> str:
    whose = f"{session.patient.name}'s session of {session.date:%d %b %Y}"
    billed = session.lines.issued().standing().select_related("invoice").first()
    if billed:
        return f"{whose} was billed meanwhile: it is on {billed.invoice}."
    return f"{whose} has no service to bill."


def _write(draft: Invoice, charges: Iterable[Charge], session: Session | None = None) -> None:
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=draft,
            session=session or charge.session,
            patient_id=draft.patient_id,
            provider=charge.provider,
            service=charge.service,
            payer=charge.payer,
            service_date=charge.date,
            code=charge.code,
            modifiers=charge.modifiers,
            description=charge.description,
            units=charge.units,
            amount=charge.amount,
        )
        for charge in charges
    )


def _tidy_up(drafts: Iterable[int]) -> None:
    """Drafts nothing is left on go."""
    empty = Invoice.objects.filter(pk__in=set(drafts), number__isnull=True, lines__isnull=True)
    Invoice.objects.filter(pk__in=list(empty.values_list("pk", flat=True))).delete()


def _issued_or_not(by: User, draft: Invoice, issue_on: datetime.date | None) -> Posted:
    if issue_on:
        _issue(by, [draft], issue_on)
    return Posted(invoices=[draft])


def _issue(by: User, drafts: Sequence[Invoice], date: datetime.date) -> None:
    """As issue; and nothing is billed before it was done."""
    later = InvoiceLine.objects.filter(invoice__in=drafts, service_date__gt=date)
    latest = later.order_by("-service_date").first()
    if latest:
        raise LedgerError(
            f"The invoice would be dated before its service of {latest.service_date:%d %b %Y}.",
            field="date",
        )
    issue(by=by, invoices=drafts, date=date)
