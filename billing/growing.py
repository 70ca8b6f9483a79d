"""Large imports on PostgreSQL, which plans each query by how full it believes a table to be.

It looks when somebody has committed. A whole clinic written in one transaction grows from nothing
to tens of thousands of rows meanwhile, and plans made for empty tables read all of them for each
row: minutes become hours. So whoever writes that much has it look again now and then.
"""

from __future__ import annotations

from django.apps import apps
from django.db import connection

FIRST = 250


class GrowingTables:
    """Counts steps. After 250, 500, 1,000, 2,000 … of them PostgreSQL looks at the tables again.

    Each time the work since is about as much as all before, so that looking costs next to nothing.
    SQLite plans without looking, and nothing happens there.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.look_at = FIRST

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps >= self.look_at:
            self.look_at = 2 * self.steps
            look_again()


def look_again() -> None:
    """Only a sample is read; tables of another owner are passed over with a warning in the log."""
    if connection.vendor != "postgresql":
        return
    tables = [
        connection.ops.quote_name(model._meta.db_table)
        for app in ("patients", "billing")
        for model in apps.get_app_config(app).get_models()
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")
