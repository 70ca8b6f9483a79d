"""What probes and Prometheus are told, and what they are not."""

from __future__ import annotations

import json
import threading
import time
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from billing import guards
from billing.models import AuditEvent
from config import health
from config.health import Readiness
from tests.factories import LineFactory, PatientFactory, PaymentFactory, UserFactory

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-more-than-32-characters-000"


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this test alone, and in its own thread, which sees what it did to the database."""
    monkeypatch.setattr(health, "_readiness", Readiness(health.look))
    monkeypatch.setattr(health, "_asked_aside", _at_once)
    monkeypatch.setattr(health, "_all_applied", threading.Event())
    monkeypatch.setattr(health.connections, "close_all", lambda: None)


def _at_once(look: Any) -> Any:
    done = mock.Mock()
    done.result.return_value = look()
    return done


# ---------------------------------------------------------------------------- /readyz


def test_ready(client: Client) -> None:
    before = AuditEvent.objects.count()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "migrations": "ok", "guards": "ok"}
    assert not answer.cookies
    assert AuditEvent.objects.count() == before


def test_not_ready_without_its_migrations(client: Client) -> None:
    with mock.patch.object(guards, "unapplied", return_value=["billing.0099_secret"]):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json() == {"ready": False, "database": "ok", "migrations": "1 to apply"}


def test_not_ready_without_its_guards(client: Client) -> None:
    guards.drop(connection)
    try:
        answer = client.get("/readyz")
    finally:
        guards.install(connection)
    assert answer.status_code == 503
    assert answer.json()["guards"].endswith(" missing")


def test_not_ready_without_a_database(client: Client) -> None:
    with mock.patch.object(
        connection, "cursor", side_effect=OperationalError("host db.clinic.example refused")
    ):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "away"}
    assert "clinic.example" not in answer.content.decode()


def test_that_the_migrations_are_there_is_asked_once(client: Client) -> None:
    with mock.patch.object(guards, "unapplied", return_value=[]) as asked:
        health.look()
        health.look()
    assert asked.call_count == 1


def test_an_answer_serves_whoever_asks_meanwhile() -> None:
    look = mock.Mock(return_value={"database": "ok"})
    readiness = Readiness(look)
    assert readiness.ask() == readiness.ask()
    assert look.call_count == 1


def test_a_database_that_hangs_does_not_hold_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(health, "PATIENCE", 0.01)
    comes_back = threading.Event()
    asked = []

    def hangs() -> dict[str, str]:
        asked.append(time.monotonic())
        comes_back.wait(60)
        return {"database": "ok"}

    readiness = Readiness(hangs)
    assert readiness.ask() == {"database": "no answer within 0.01 s"}
    assert readiness.ask() == {"database": "no answer within 0.01 s"}
    monkeypatch.setattr(health, "KEPT_FOR", 0)
    assert readiness.ask() == {"database": "no answer within 0.01 s"}
    assert len(asked) == 1, "no second question while the first one hangs"
    comes_back.set()
    assert readiness.pending
    readiness.pending.result(60)
    assert readiness.ask() == {"database": "ok"}


def test_whoever_asks_while_another_waits_does_not_wait_after_them() -> None:
    pending = mock.Mock()
    pending.result.side_effect = TimeoutError
    pending.done.return_value = False
    readiness = Readiness(health.look)
    readiness.pending = pending
    assert readiness.ask() == readiness.ask() == {"database": "no answer within 2 s"}
    assert pending.result.call_count == 1


def test_an_error_of_ours_does_not_stay_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    look = mock.Mock(side_effect=[RuntimeError, {"database": "ok"}])
    readiness = Readiness(look)
    with pytest.raises(RuntimeError):
        readiness.ask()
    assert readiness.ask() == {"database": "ok"}


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_connection_that_broke_is_a_database_that_is_away(error: type[Exception]) -> None:
    with mock.patch.object(connection, "cursor", side_effect=error):
        assert health.look() == {"database": "away"}


# ---------------------------------------------------------------------------- /metrics


def test_no_metrics_unless_somebody_wants_them(client: Client) -> None:
    assert client.get("/metrics").status_code == 404


@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer x", TOKEN, f"Basic {TOKEN}", "Bearer é"])
def test_metrics_take_the_token_and_nothing_else(client: Client, settings: Any, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics", headers={"authorization": given})
    assert answer.status_code == 401
    assert "remit_" not in answer.content.decode()


def figures(client: Client) -> dict[str, float]:
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _space, value in (line.rpartition(" ") for line in lines)}


def test_metrics_count_requests_and_say_how_the_books_are(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    patient = PatientFactory(family_name="Zqname")
    line = LineFactory(patient=patient)
    PaymentFactory(patient=patient, provider=line.provider, amount="60", on={line: "20"})
    call_command("check_ledger", stdout=StringIO())
    client.force_login(UserFactory())
    url = f"/patients/{patient.chart_number}/"
    labels = '{method="GET",status="2xx",view="patients:patient_detail"}'
    before = figures(client).get(f"remit_request_seconds_count{labels}", 0)
    client.get(url)
    found = figures(client)
    assert found[f"remit_request_seconds_count{labels}"] == before + 1
    assert found['remit_queries_total{view="patients:patient_detail"}'] > 0
    assert found['remit_unallocated_payments{of="patient"}'] == 1
    assert found['remit_unallocated_amount{of="patient"}'] == 40
    assert found['remit_unallocated_payments{of="insurer"}'] == 0
    assert found["remit_negative_credit_accounts"] == 0
    assert found["remit_books_hold"] == 1
    assert found["remit_chain_links"] > 0
    assert found["remit_database_away"] == 0
    said = json.dumps(list(found))
    assert "Zqname" not in said
    assert patient.chart_number not in said


def test_metrics_answer_while_the_database_does_not(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    with mock.patch("config.metrics._money", side_effect=OperationalError("gone")):
        found = figures(client)
    assert found["remit_database_away"] == 1
    assert "remit_books_hold" not in found


def test_metrics_answer_while_the_database_is_away(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    with mock.patch("config.metrics._money", side_effect=OperationalError("gone")):
        assert figures(client)["remit_database_away"] == 1


# ---------------------------------------------------------------------------- check_ledger --json


def test_check_ledger_says_it_to_programs_too() -> None:
    PaymentFactory()
    out = StringIO()
    call_command("check_ledger", "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["holds"] is True
    assert said["chain_end"]
    assert all(check["findings"] == [] for check in said["checks"])
    assert len(said["checks"]) >= 12
