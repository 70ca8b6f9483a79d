"""A real server, watched: figures of all workers together, ready and not ready, lines as JSON."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import App, served
from tests.support.temporary_postgres import Server, temporary_postgres

TOKEN = "a-token-of-more-than-32-characters-000"
LOGINS = 'remit_request_seconds_count{method="GET",status="2xx",view="account_login"}'


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="remit-drill-", dir="/tmp"))
    with temporary_postgres(folder=folder) as server:
        yield server


@pytest.fixture
def app(server: Server, tmp_path: Path) -> Iterator[App]:
    environment = {"DATABASE_URL": server.url, "METRICS_TOKEN": TOKEN, "LOG_FORMAT": "json"}
    with served(tmp_path, environment) as app:
        yield app


def get(app: App, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{app.url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def figures(app: App) -> dict[str, float]:
    status, text = get(app, "/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _space, value in (line.rpartition(" ") for line in lines)}


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_what_a_worker_counted_outlives_it(app: App) -> None:
    for _ in range(40):
        get(app, "/accounts/login/")
    assert figures(app)[LOGINS] == 40
    gone = app.workers()[0]
    os.kill(gone, signal.SIGKILL)
    until(lambda: gone not in app.workers() and len(app.workers()) == 2)
    for _ in range(10):
        get(app, "/accounts/login/")
    found = figures(app)
    assert found[LOGINS] == 50
    assert found["remit_pool_connections"] >= 1
    assert found["remit_database_away"] == 0


def test_ready_only_while_the_database_is_there(app: App, server: Server) -> None:
    assert get(app, "/readyz")[0] == 200
    server.kill()
    until(lambda: get(app, "/readyz")[0] == 503)
    said = json.loads(get(app, "/readyz")[1])
    assert said["ready"] is False
    assert said["database"] in ("away", "no answer within 2 s")
    assert get(app, "/healthz")[0] == 200, "the process itself is well"
    server.start()
    until(lambda: get(app, "/readyz")[0] == 200)


def test_every_line_of_a_worker_is_json(app: App) -> None:
    get(app, "/accounts/login/")
    get(app, "/nowhere/?q=Zqname")
    app.stop()
    lines = app.log.read_text().splitlines()
    begins = [n for n, line in enumerate(lines) if line.startswith("{")]
    told = [json.loads(lines[n]) for n in begins]
    assert {"remit.requests", "django.request"} <= {line["logger"] for line in told}
    assert "Zqname" not in app.log.read_text()
