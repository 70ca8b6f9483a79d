"""Keeping what happened.

One insert, which waits for nobody on PostgreSQL. SQLite has one writer at a time, and somebody may be
posting a remittance of thousands of claims: then an event waits a moment, and is written to a file beside
the database instead. The next event that finds the database free takes the file in. So no look is lost,
and nobody who looks at a patient stands still.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from billing.chain.acts import is_going_on, sealing
from billing.chain.acts import note as seal
from billing.chain.replay import Seen
from billing.models import AuditEvent, ChainLink, EventKind

PATIENCE = 250  # ms that an event waits for another writer
EVERY = 100  # so many events are sealed together, unless somebody signs in or out before
SETTLED = datetime.timedelta(seconds=60)  # by then whoever wrote an event has saved it
SEALING = {EventKind.SIGNED_IN, EventKind.SIGNED_OUT}
LOOKS = "audit trail"  # the act that takes events into the chain
LATE = "audit trail, late"  # and the one for those that it missed

Columns = list[Any]


def record(
    kind: str,
    *,
    user: Any = None,
    patient: int | None = None,
    what: str = "",
    address: str | None = None,
) -> None:
    """Keep that something happened. `patient` is an id; `what` holds nobody's name."""
    event = AuditEvent(
        kind=kind,
        user_id=user.pk if user else None,
        username=user.get_username() if user else "",
        patient_id=patient,
        what="".join(each for each in what if each.isprintable())[:200],
        address=address or "",
    )
    event.mac = mac_of(event, settings.AUDIT_KEY)
    row = _row(event)
    try:
        with _little_patience():
            pk = _insert(row)
    except OperationalError:
        if connection.in_atomic_block or not _spool():
            raise
        _put_aside(row)
        return
    take_in_what_waits()
    if kind in SEALING or (pk and pk % EVERY == 0):
        seal_events()


def mac_of(event: AuditEvent, key: str) -> str:
    """What only somebody who knows the key can write beside an event."""
    said = [
        event.key.hex,
        event.at.timestamp(),
        event.kind,
        event.user_id,
        event.username,
        event.patient_id,
        event.what,
        event.address,
    ]
    return hmac.new(key.encode(), json.dumps(said).encode(), hashlib.sha256).hexdigest()


def is_genuine(event: AuditEvent) -> bool:
    """Whether an event was written with our key, or with one we had before, and is unchanged."""
    keys = [settings.AUDIT_KEY, *settings.AUDIT_KEY_FALLBACKS]
    return any(hmac.compare_digest(mac_of(event, key), event.mac) for key in keys)


def seal_events() -> None:
    """Take the events that no link has yet into the chain: from then on none can go unseen.

    Only what has settled, in the order it came: nothing behind an event that may still have neighbours
    to come. Where the database is busy, or an act goes on that others wait for, the next one does it.
    """
    if is_going_on():
        return
    with contextlib.suppress(OperationalError), _little_patience():
        waiting = AuditEvent.objects.filter(pk__gt=_sealed_through())
        now = timezone.now()
        # By a clock that went wrong an event may be of next year. Nothing waits for that.
        young = waiting.filter(at__gte=now - SETTLED, at__lte=now + SETTLED)
        first = young.order_by("pk").values_list("pk", flat=True).first()
        if first is not None:
            waiting = waiting.filter(pk__lt=first)
        _seal(LOOKS, waiting.order_by("pk")[: 50 * EVERY])


def seal_late_events() -> None:
    """Take in what was saved only after its neighbours were sealed: it has a lower number than they.

    Reads every link that holds events, so it is done when the books are checked.
    """
    if is_going_on():
        return
    with contextlib.suppress(OperationalError):
        table, sealed = AuditEvent._meta.db_table, Seen()
        links = ChainLink.objects.filter(rows__contains=f'"{table}"').values_list("rows", flat=True)
        for rows in links.iterator(chunk_size=50):
            for pk in json.loads(rows).get(table, ()):
                sealed.add(int(pk))
        before = AuditEvent.objects.filter(pk__lte=_sealed_through())
        ids = before.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=50 * EVERY)
        late = [pk for pk in ids if pk not in sealed]
        for start in range(0, len(late), 50 * EVERY):
            some = late[start : start + 50 * EVERY]
            _seal(LATE, AuditEvent.objects.filter(pk__in=some, at__lt=timezone.now() - SETTLED))


def unsealed_events() -> int:
    """How many wait for the chain. More than some hundreds: nothing is sealed any more."""
    return AuditEvent.objects.filter(pk__gt=_sealed_through()).count()


def _sealed_through() -> int:
    """The last event that was sealed in its turn."""
    latest = ChainLink.objects.filter(act=LOOKS).order_by("-number").first()
    return max(map(int, json.loads(latest.rows)[AuditEvent._meta.db_table])) if latest else 0


def _seal(act: str, events: Iterable[AuditEvent]) -> None:
    """What somebody else put into the table gets no seal of ours: the next check names it."""
    if ids := [event.pk for event in events if is_genuine(event)]:
        with sealing(act):
            seal(AuditEvent, ids)


# ---------------------------------------------------------------------------- one insert


FIELDS = [field for field in AuditEvent._meta.concrete_fields if not field.primary_key]
INSERT = "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT (key) DO NOTHING RETURNING id".format(  # noqa: S608
    AuditEvent._meta.db_table,
    ", ".join(str(field.column) for field in FIELDS),
    ", ".join("%s" for _field in FIELDS),
)


def _row(event: AuditEvent) -> Columns:
    return [field.get_db_prep_save(getattr(event, field.attname), connection) for field in FIELDS]


def _insert(row: Sequence[Any]) -> int | None:
    """Its id; none where it is there already."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT, row)
        found = cursor.fetchone()
    return found[0] if found else None


@contextlib.contextmanager
def _little_patience() -> Iterator[None]:
    """Wait for another writer of SQLite's for a moment only."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    driver: Any = connection.connection
    driver.execute(f"PRAGMA busy_timeout = {PATIENCE}")
    try:
        yield
    finally:
        usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
        driver.execute(f"PRAGMA busy_timeout = {usual}")


# ---------------------------------------------------------------------------- the file beside it


def _spool() -> Path | None:
    """Where events wait while SQLite is busy; nowhere for other databases, and in memory."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or ":memory:" in name or "mode=memory" in name:
        return None
    return Path(f"{name}-audit")


def take_in_what_waits() -> None:
    """Write into the database what waits in the file beside it.

    By a transaction of its own: one that goes on already may be rolled back, and the file would be gone.
    """
    if (spool := _spool()) and not connection.in_atomic_block:
        _take_in(spool)


def _put_aside(row: Columns) -> None:
    spool = _spool()
    assert spool  # noqa: S101  (looked at before)
    line = f"\n{json.dumps(row, default=str)}\n"  # by itself, also after half a line
    while True:
        with os.fdopen(os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(spool, file.fileno()):
                continue  # taken in, and deleted, while we waited
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
            return


def _take_in(spool: Path) -> None:
    """Write into the database what waited in the file. Broken off, it is done again: by their keys
    events are written once."""
    if not spool.exists():
        return
    with contextlib.suppress(OperationalError, FileNotFoundError), spool.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not _is_still(spool, file.fileno()):
            return
        with _little_patience(), sealing(""):
            for line in file:
                with contextlib.suppress(ValueError):  # empty, or half a line: the power failed
                    _insert(json.loads(line))
        spool.unlink()


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
