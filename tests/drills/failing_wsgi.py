"""Remit with a fault in it, for drills alone. DRILL_FAULTS names them, with commas between:

    kill_before_commit=0.2   so many of the postings end in SIGKILL, just before COMMIT …
    kill_after_commit=0.2    … or just after it, before anybody hears of it
    clock=FILE               the clock is off by the seconds that stand in this file
    no_keys                  \\
    no_locks                  } a protection is off, and the drill that proves it must find out
    no_guards                 |
    deferred                 /

The product itself knows nothing of this: what is changed here is changed from outside.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

FAULTS = {
    name: value
    for name, _, value in (each.partition("=") for each in os.environ["DRILL_FAULTS"].split(","))
}

if "clock" in FAULTS:
    # Before anything of Django keeps a hold on the right time.
    from django.utils import timezone

    real_time, real_now = time.time, timezone.now

    def seconds_off() -> float:
        return float(Path(FAULTS["clock"]).read_text() or "0")

    def shifted_now() -> datetime:
        return real_now() + timedelta(seconds=seconds_off())

    time.time = lambda: real_time() + seconds_off()
    timezone.now = shifted_now

if "no_guards" in FAULTS:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.db import connection as unguarded

    from billing import guards

    with unguarded.cursor() as cursor:  # it goes on adding up; it only refuses nothing any more
        for refusal, (table, sql) in guards._triggers(unguarded).items():
            if "RAISE EXCEPTION" in sql:
                cursor.execute(f"DROP TRIGGER IF EXISTS {refusal} ON {table}")
        cursor.execute(
            "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c'"
            " AND conrelid IN ('billing_payment'::regclass, 'billing_invoiceline'::regclass)"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    guards.require_installed = lambda: None

from tests.drills.forking_wsgi import application  # noqa: E402

__all__ = ["application"]

from django.conf import settings  # noqa: E402
from django.db.backends.base.base import BaseDatabaseWrapper  # noqa: E402
from django.db.models import QuerySet  # noqa: E402

from billing.forms.base import LedgerForm  # noqa: E402
from billing.forms.payments import PaymentStrip  # noqa: E402
from billing.models import InvoiceLine, Payment, Submission  # noqa: E402
from patients.models import Patient  # noqa: E402

at_work = threading.local()
taken = Submission.taken
commit = BaseDatabaseWrapper._commit
chance = random.SystemRandom()


def take_the_key(claim: Submission) -> bool:
    at_work.posting = True
    return taken(claim)


def commit_or_die(self: Any) -> None:
    posting, at_work.posting = getattr(at_work, "posting", False), False
    if posting and chance.random() < float(FAULTS.get("kill_before_commit", 0)):
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self)
    if posting and chance.random() < float(FAULTS.get("kill_after_commit", 0)):
        os.kill(os.getpid(), signal.SIGKILL)


Submission.taken = take_the_key  # type: ignore[method-assign]
BaseDatabaseWrapper._commit = commit_or_die  # type: ignore[method-assign]

if "no_keys" in FAULTS:

    def always_new(claim: Submission) -> bool:
        claim.key = uuid4()
        return take_the_key(claim)

    Submission.taken = always_new  # type: ignore[method-assign]
    LedgerForm.sent_before = lambda self, by: False  # type: ignore[method-assign]
    PaymentStrip.doubt = lambda self, *args, **kwargs: None  # type: ignore[attr-defined]

if "no_locks" in FAULTS:
    for_update: Any = QuerySet.select_for_update

    def without_lock(self: QuerySet[Any], **how: Any) -> Any:
        locked = self.model in (Patient, Payment, InvoiceLine)
        return self if locked else for_update(self, **how)

    QuerySet.select_for_update = without_lock  # type: ignore[method-assign]

if "deferred" in FAULTS:
    settings.DATABASES["default"]["OPTIONS"]["transaction_mode"] = "DEFERRED"
