"""Desks at once: real threads with connections of their own, on a real PostgreSQL.

Where the order matters, a gate holds one desk inside its verb until the other one waits for its
lock; so no test depends on luck.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from billing import ledger
from patients.models import Patient

LONG = 20


class Desks:
    """Threads, each with a connection of its own, and what became of them."""

    def __init__(self, number: int) -> None:
        self.pool = ThreadPoolExecutor(number)
        self.futures: list[Future[Any]] = []

    def start(self, act: Callable[[], Any]) -> Future[Any]:
        def with_own_connection() -> Any:
            try:
                return act()
            finally:
                connection.close()

        future = self.pool.submit(with_own_connection)
        self.futures.append(future)
        return future

    def outcomes(self) -> list[Any]:
        """What each gave back, or the error it ended with; a hanging desk fails the test."""
        return [
            error if (error := future.exception(LONG)) else future.result()
            for future in self.futures
        ]


def at_the_same_time(desks: Desks, *acts: Callable[[], Any]) -> list[Any]:
    """All start at one signal. (More than the pool has connections for take turns.)"""
    gate = threading.Barrier(len(acts))

    def after_the_signal(act: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            gate.wait(LONG)
            return act()

        return run

    for act in acts:
        desks.start(after_the_signal(act))
    return desks.outcomes()


def wait_until_somebody_waits() -> None:
    """Until another connection of this database waits for a lock."""
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("nobody came to wait")


@contextmanager
def holding(patient: Patient) -> Iterator[None]:
    """This desk is in the middle of a verb on the patient; others have to wait."""
    with transaction.atomic():
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        yield


def refusals(outcomes: list[Any]) -> list[str]:
    errors = [each for each in outcomes if isinstance(each, BaseException)]
    for error in errors:
        assert isinstance(error, ledger.LedgerError), repr(error)
    return [str(error) for error in errors]
