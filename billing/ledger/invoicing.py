"""Invoices begin to count, and lines that never should have been billed stop counting."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Sum

from billing.chain.acts import note
from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting
from billing.ledger.refusals import LedgerError, require_reason
from billing.models import Adjustment, AdjustmentKind, Allocation, Invoice, InvoiceLine
from billing.models.numbering import INVOICE, take_numbers
from billing.money import show


def issue_invoice(
    *, by: User, invoice: Invoice, date: datetime.date, key: UUID | None = None
) -> Posted:
    """Make a draft count: it gets its number, and its lines are owed from this day on.

    Refused: a second time, an invoice without lines, a line of another patient, a closed or
    future date.
    """
    return issue_invoices(by=by, invoices=[invoice], date=date, key=key)


@verb
def issue_invoices(
    *, by: User, invoices: Sequence[Invoice], date: datetime.date, key: UUID | None = None
) -> Posted:
    """Make drafts count, all of them or none. Numbered in the order given.

    Refused as in issue_invoice, and none at all or one that is gone.
    """
    require(by, "billing.enter_charge")
    issue(by=by, invoices=invoices, date=date)
    return Posted(invoices=list(invoices))


def issue(*, by: User, invoices: Sequence[Invoice], date: datetime.date) -> None:
    """What issuing does, inside a verb: drafts that were just written are issued with it."""
    posting = Posting(by, date)
    wanted = list(dict.fromkeys(invoice.pk for invoice in invoices))
    if not wanted:
        raise LedgerError("Choose the invoices to issue.")
    locked = Invoice.objects.select_for_update().order_by("pk").in_bulk(wanted)
    if len(locked) < len(wanted):
        raise LedgerError("That invoice does not exist.")
    lines = InvoiceLine.objects.filter(invoice__in=wanted)
    _refuse_unready([locked[pk] for pk in wanted], lines)
    for pk, number in zip(wanted, take_numbers(INVOICE, len(wanted)), strict=True):
        locked[pk].number, locked[pk].issued_on = number, posting.date
        locked[pk].issued_at = posting.now
    for invoice in invoices:
        issued = locked[invoice.pk]
        invoice.number, invoice.issued_on = issued.number, issued.issued_on
        invoice.issued_at = issued.issued_at
    Invoice.objects.bulk_update(locked.values(), ["number", "issued_on", "issued_at"])
    _give_control_numbers(lines, {pk: str(draft.number) for pk, draft in locked.items()})
    lines.update(issued_on=posting.date, last_date=posting.date)
    note(Invoice, wanted)
    note(InvoiceLine, lines.values_list("pk", flat=True))


def _refuse_unready(invoices: Sequence[Invoice], lines: Iterable[InvoiceLine]) -> None:
    patients = {invoice.pk: invoice.patient_id for invoice in invoices}
    with_lines = set()
    for line in lines:
        with_lines.add(line.invoice_id)
        if line.patient_id != patients.get(line.invoice_id):
            raise LedgerError("Every line has to be the invoice's own patient's.")
    for invoice in invoices:
        if invoice.issued_on:
            raise LedgerError(
                f"{invoice.number} was already issued on {invoice.issued_on:%d %b %Y}."
            )
        if invoice.pk not in with_lines:
            raise LedgerError("An invoice needs at least one line.")


def _give_control_numbers(lines: Iterable[InvoiceLine], numbers: dict[int, str]) -> None:
    """What an insurer answers with: the claim is the invoice, the line its place on it."""
    counted: dict[int, int] = defaultdict(int)
    given = []
    for line in sorted(lines, key=lambda line: (line.service_date, line.pk)):
        counted[line.invoice_id] += 1
        if not line.control_number:
            line.claim_number = line.claim_number or numbers[line.invoice_id]
            line.control_number = f"{numbers[line.invoice_id]}-{counted[line.invoice_id]}"
            given.append(line)
    InvoiceLine.objects.bulk_update(given, ["claim_number", "control_number"])


# ---------------------------------------------------------------------------- voiding


def void_line(
    *, by: User, line: InvoiceLine, date: datetime.date, reason: str, key: UUID | None = None
) -> Posted:
    """A charge that never should have been made: it is un-paid, and the rest taken off.

    What patients paid on it becomes their credit again; what is left is written off as a
    correction; the line itself stays on its invoice, marked void. Refused: a second time, without
    a reason, while an insurer's money or write-off stands on it (the message names the payment).
    """
    return void_lines(by=by, lines=[line], date=date, reason=reason, key=key)


@verb
def void_lines(
    *,
    by: User,
    lines: Sequence[InvoiceLine],
    date: datetime.date,
    reason: str,
    key: UUID | None = None,
) -> Posted:
    """Void several lines at once: a whole invoice, say. Refused as in void_line."""
    require(by, "billing.void_charge")
    require_reason(reason)
    posting = Posting(by, date)
    ids = list(dict.fromkeys(line.pk for line in lines))
    posting.lock(lines=ids)
    locked = [posting.line_of(pk) for pk in ids]
    if not locked:
        raise LedgerError("Choose the lines to void.")
    for line_id, refusal in why_not_voided(locked).items():
        raise LedgerError(refusal, line=line_id)
    held = posting.held(line__in=ids, payment__patient__isnull=False)
    posting.read_receipts(payment for payment, _line in held)
    for line in locked:
        posting.unpay_held(line, line.paid, f"Voided: {reason}", held)
        if line.balance:
            posting.write_off(line, line.balance, kind=AdjustmentKind.CORRECTION, reason=reason)
        posting.void(line, reason)
    return posting.posted()


def why_not_voided(lines: Sequence[InvoiceLine]) -> dict[int, str]:
    """Line → why it cannot be voided, for those an insurer paid or wrote off.

    An insurer's money is un-paid from its own payment, and its write-offs come off with it. Read
    before the screen offers the lines, and by the verb itself.
    """
    by_id = {line.pk: line for line in lines}
    found: dict[int, str] = {}
    for rows, did in ((Allocation, "paid"), (Adjustment, "wrote off")):
        insurers = rows.objects.filter(line__in=by_id, payment__payer__isnull=False)
        standing = (
            insurers.values_list("line", "payment__payer")
            .annotate(total=Sum("amount"))
            .exclude(total=0)
            .order_by("line", "payment__payer")
        )
        latest = {
            (line_id, payer): number
            for line_id, payer, number, _total in insurers.order_by("payment")
            .values_list("line", "payment__payer", "payment__number")
            .annotate(total=Sum("amount"))
            .exclude(total=0)
        }
        for line_id, payer, amount in standing:
            found.setdefault(
                line_id,
                f"{latest[line_id, payer]} {did} {show(amount)} on {by_id[line_id].invoice}. Undo"
                " that payment first, or take it back with the insurer's next one.",
            )
    return found
