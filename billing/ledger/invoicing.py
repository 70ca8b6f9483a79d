"""An invoice begins to count."""

from __future__ import annotations

import datetime
from uuid import UUID

from billing.ledger.once import Posted, User, verb
from billing.ledger.posting import Posting
from billing.ledger.refusals import LedgerError
from billing.models import Invoice, InvoiceLine
from billing.models.numbering import INVOICE, take_number


@verb
def issue_invoice(
    *, by: User, invoice: Invoice, date: datetime.date, key: UUID | None = None
) -> Posted:
    """Make a draft count: it gets its number, and its lines are owed from this day on.

    Refused: a second time, an invoice without lines, a closed or future date.
    """
    posting = Posting(by, date)
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if locked.issued_on:
        raise LedgerError(f"{locked.number} was already issued on {locked.issued_on:%d %b %Y}.")
    lines = InvoiceLine.objects.filter(invoice=locked)
    if lines.exclude(patient=locked.patient_id).exists():
        raise LedgerError("Every line has to be the invoice's own patient's.")
    locked.number, locked.issued_on = take_number(INVOICE), posting.date
    locked.save(update_fields=["number", "issued_on"])
    issued = lines.update(issued_on=posting.date, last_date=posting.date)
    if not issued:
        raise LedgerError("An invoice needs at least one line.")
    invoice.number, invoice.issued_on = locked.number, locked.issued_on
    return Posted()
