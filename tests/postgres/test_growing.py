"""What PostgreSQL believes of tables that grow within one transaction."""

from __future__ import annotations

import pytest
from django.db import connection

from billing.growing import FIRST, GrowingTables
from patients.models import Provider
from tests.factories import ProviderFactory

pytestmark = pytest.mark.django_db


def believed() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples FROM pg_class WHERE relname = %s", [Provider._meta.db_table]
        )
        return int(cursor.fetchone()[0])


def test_they_are_looked_at_when_as_much_again_has_come() -> None:
    growing = GrowingTables()
    growing.step()
    ProviderFactory.create_batch(3)
    there = Provider.objects.count()
    growing.step(FIRST - 2)
    assert believed() != there
    growing.step()
    assert believed() == there
    ProviderFactory.create_batch(2)
    growing.step(FIRST - 1)
    assert believed() == there
    growing.step()
    assert believed() == there + 2
