"""Remit starts on either database, answers, and dies without a mark on its books."""

from __future__ import annotations

import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.served import App, served
from tests.support.temporary_postgres import AS_IN_A_CLINIC, temporary_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[App]:
    if request.param == "sqlite":
        with served(tmp_path, {"SQLITE_PATH": str(tmp_path / "books.sqlite3")}) as app:
            yield app
    else:
        folder = Path(tempfile.mkdtemp(prefix="remit-drill-", dir="/tmp"))
        with (
            temporary_postgres(AS_IN_A_CLINIC, folder) as server,
            served(tmp_path, {"DATABASE_URL": server.url}) as app,
        ):
            yield app


def test_it_answers_is_killed_and_answers_again(app: App) -> None:
    app.kill()
    app.start()
    assert urllib.request.urlopen(f"{app.url}/accounts/login/").status == 200
    app.manage("check_ledger")
