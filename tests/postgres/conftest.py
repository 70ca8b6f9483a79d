"""Desks at once, and that the books hold when they are done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing import checks
from tests.postgres.racing import Desks


@pytest.fixture
def the_books_hold_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    assert checks.run_all() == []


@pytest.fixture
def desks() -> Iterator[Desks]:
    found = Desks(10)
    yield found
    found.pool.shutdown(wait=True, cancel_futures=True)
