"""Clinics for drills. Each test gets a copy of a demo clinic, on a database of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.drills.clinics import Clinic, Templates, figures
from tests.support.temporary_postgres import AS_IN_A_CLINIC, temporary_postgres

Open = Callable[..., Clinic]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if figures:
        terminalreporter.section("what the drills counted")
    for each in figures:
        terminalreporter.write_line(each)


@pytest.fixture(scope="session")
def drill_folder() -> Iterator[Path]:
    """On a disk, and short: the path of a socket has room for a hundred letters."""
    folder = Path(tempfile.mkdtemp(prefix="remit-drill-", dir="/tmp"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def templates(drill_folder: Path) -> Iterator[Templates]:
    (base := drill_folder / "pg").mkdir()
    with temporary_postgres(AS_IN_A_CLINIC, base) as server:
        yield Templates(drill_folder, server)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_clinic(templates: Templates, engine: str, tmp_path: Path) -> Iterator[Open]:
    """open_clinic("kill_after_commit=0.2", workers=4): a copy of the demo clinic, served."""
    with ExitStack() as stack:

        def open_it(*faults: str, **how: Any) -> Clinic:
            made: AbstractContextManager[Clinic] = templates.clinic(
                engine, tmp_path, *faults, **how
            )
            return stack.enter_context(made)

        yield open_it
