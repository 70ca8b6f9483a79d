"""The journal is handed over: which rows went with which batch."""

from __future__ import annotations

import datetime
from uuid import UUID

from django.utils import timezone

from billing.journal.chart import Chart
from billing.ledger.allowed import require
from billing.ledger.once import Posted, User, verb
from billing.ledger.refusals import LedgerError
from billing.models import JournalBatch, JournalItem
from billing.models.numbering import JOURNAL, take_number


@verb
def make_journal_batch(*, by: User, through: datetime.date, key: UUID | None = None) -> Posted:
    """Make the next batch of the journal: every row dated up to a day that no batch had yet.

    A row that lands late, with a date an earlier batch went up to, comes in the next one; so each
    row is handed over exactly once. A closed period may be handed over. Refused: a future day, or
    where nothing is new. The number is taken first: its lock lets one batch be made at a time.
    """
    require(by, "billing.add_journalbatch")
    now = timezone.now()
    if through > timezone.localdate(now):
        raise LedgerError("The date is in the future.", field="through")
    batch = JournalBatch.objects.create(
        number=take_number(JOURNAL),
        date=through,
        frozen=Chart.current().frozen(),
        created_at=now,
        created_by_id=by.pk,
    )
    if not JournalItem.objects.take(batch):
        raise LedgerError(f"Nothing up to {through:%d %b %Y} is left for a batch.", field="through")
    return Posted(batch=batch)
