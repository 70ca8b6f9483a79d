"""Events wait while SQLite is busy; none is lost, and each is sealed."""

from __future__ import annotations

import datetime
import io
import json
import sqlite3
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from billing.audit import recording
from billing.chain.replay import Replay
from billing.models import AuditEvent, ChainLink, EventKind
from tests.screens.audit.trail import events

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_look_while_somebody_posts_waits_for_nobody_and_is_not_lost(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets everybody write")
    before = AuditEvent.objects.latest("pk").pk  # the roles were made
    spool = recording._spool()
    assert spool
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        recording.record(EventKind.LOOKED, what="/patients/P1042/")
        recording.record(EventKind.LOOKED, what="/patients/P1043/")
        assert spool.exists()
        assert AuditEvent.objects.latest("pk").pk == before
    finally:
        other.execute("ROLLBACK")
        other.close()
    with spool.open("a") as file:
        file.write('["half a li')  # the power failed
    recording.record(EventKind.LOOKED, what="/patients/P1044/")
    assert not spool.exists()
    found = list(
        AuditEvent.objects.filter(pk__gt=before).order_by("at").values_list("what", flat=True)
    )
    assert found == ["/patients/P1042/", "/patients/P1043/", "/patients/P1044/"]
    assert all(recording.is_genuine(event) for event in AuditEvent.objects.all())


def test_events_are_sealed_when_somebody_signs_in(
    monkeypatch: Any, ana: Any, nothing_waits: None
) -> None:
    before = set(AuditEvent.objects.values_list("pk", flat=True))
    monkeypatch.setattr(recording, "SETTLED", datetime.timedelta(0))
    recording.record(EventKind.LOOKED, what="/patients/P1042/")
    client = Client()
    client.force_login(ana)
    link = ChainLink.objects.latest("number")
    assert link.act == recording.LOOKS
    new = AuditEvent.objects.exclude(pk__in=before).values_list("pk", flat=True)
    ids = {str(pk) for pk in new}
    assert json.loads(link.rows)["billing_auditevent"].keys() == ids
    recording.seal_events()
    assert ChainLink.objects.latest("number") == link  # nothing is sealed twice


def kept(pk: int, *, minutes: int, what: str = "") -> AuditEvent:
    """An event as another process wrote it: with this number, so many minutes ago."""
    at = timezone.now() - datetime.timedelta(minutes=minutes)
    event = AuditEvent(pk=pk, at=at, kind=EventKind.LOOKED, what=what)
    event.mac = recording.mac_of(event, settings.AUDIT_KEY)
    event.save(force_insert=True)
    return event


@pytest.fixture
def nothing_waits() -> None:
    """The first roles were made a moment ago, which left events; they are sealed now."""
    with mock.patch.object(recording, "SETTLED", datetime.timedelta(0)):
        recording.seal_events()


def sealed() -> list[int]:
    rows = ChainLink.objects.filter(act__startswith=recording.LOOKS).order_by("number")
    tables = (
        json.loads(row).get("billing_auditevent", {}) for row in rows.values_list("rows", flat=True)
    )
    return [int(pk) for each in tables for pk in each]


def test_what_lay_in_the_file_overtakes_no_event_that_is_younger(nothing_waits: None) -> None:
    """From the file comes an event that is older, with a higher number."""
    kept(900_001, minutes=5)
    kept(900_002, minutes=0)
    kept(900_003, minutes=5, what="lay in the file")
    recording.seal_events()
    assert 900_001 in sealed()
    assert not {900_002, 900_003} & set(sealed())
    with mock.patch.object(timezone, "now", return_value=timezone.now() + recording.SETTLED * 2):
        recording.seal_events()
    assert sealed()[-3:] == [900_001, 900_002, 900_003]


def test_what_was_saved_after_its_neighbours_were_sealed_is_taken_in_by_the_check(
    nothing_waits: None,
) -> None:
    kept(900_003, minutes=5)
    recording.seal_events()
    kept(900_002, minutes=4, what="its transaction took long")
    recording.seal_events()
    assert 900_002 not in sealed()
    call_command("check_ledger", stdout=io.StringIO())
    assert sealed().count(900_002) == 1
    call_command("check_ledger", stdout=io.StringIO())
    assert sealed().count(900_002) == sealed().count(900_003) == 1


def test_an_event_of_next_year_holds_up_nothing(nothing_waits: None) -> None:
    kept(900_001, minutes=-525_600)
    kept(900_002, minutes=5)
    recording.seal_events()
    assert {900_001, 900_002} <= set(sealed())


def test_an_event_that_somebody_else_put_in_is_never_sealed(nothing_waits: None) -> None:
    event = AuditEvent(pk=900_001, at=timezone.now() - datetime.timedelta(minutes=5), mac="forged")
    event.save(force_insert=True)
    kept(900_002, minutes=5)
    recording.seal_events()
    recording.seal_late_events()
    assert 900_001 not in sealed()
    assert any("audit event 900001" in each for each in Replay().findings())


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_does_not_empty_the_file() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets everybody write")
    spool = recording._spool()
    assert spool
    event = AuditEvent(kind=EventKind.LOOKED, what="/patients/P1042/")
    event.mac = recording.mac_of(event, settings.AUDIT_KEY)
    spool.write_text('["half a li')  # the disk was full, and is no more
    recording._put_aside(recording._row(event))
    with transaction.atomic():
        recording.record(EventKind.LOOKED, what="/patients/P1043/")
        transaction.set_rollback(True)
    assert spool.exists()
    recording.record(EventKind.LOOKED, what="/patients/P1044/")
    assert not spool.exists()
    assert {what for _kind, _chart, what in events(kind="looked")} == {
        "/patients/P1042/",
        "/patients/P1044/",
    }
