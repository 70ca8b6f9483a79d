"""The log of exports: who took which figures out, and nothing about anybody in them."""

from typing import Any

import pytest
from django.http import QueryDict

from billing.exports import record_export, said_of
from billing.models import Export
from billing.models.append_only import AppendOnlyError
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def record(by: Any, query: str = "", **given: Any) -> Export:
    given = {"report": "day-sheet", "format": "csv", "rows": 12, **given}
    return record_export(by=by, query=QueryDict(query), **given)


def test_who_took_what_is_kept() -> None:
    ana = UserFactory()
    row = record(ana, "from=2025-11-01&to=2025-11-30&method=cash&method=check&provider=3")
    kept = Export.objects.get()
    assert kept == row
    assert (kept.created_by, str(kept), kept.rows) == (ana, "day-sheet.csv", 12)
    assert kept.filters == "from=2025-11-01&to=2025-11-30&method=cash&method=check&provider=3"


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("", ""),
        ("from=&to=", ""),
        ("patient=P1042", "patient=P1042"),
        ("patient=Smith%2C+John+(P1042)", "patient=..."),
        ("patient=Smith", "patient=..."),
        ("q=Smith", "q=..."),
        ("q=P1042", "q=..."),
        ("name=Smith&x=1", "name=...&x=..."),
        ("method=Smith+John", "method=..."),
        ("from=2025-11-01%00", "from=..."),
        ("as_of=2025-11-30&sort=-amount", "as_of=2025-11-30&sort=-amount"),
        ("columns=date,amount", "columns=date,amount"),
        ("from=%EF%BC%99", "from=..."),
        ("Smith+John=1", ""),
    ],
)
def test_filters_are_kept_as_far_as_they_say_nothing_of_anybody(asked: str, kept: str) -> None:
    assert said_of(QueryDict(asked)) == kept


def test_filters_of_any_length_fit() -> None:
    row = record(UserFactory(), "&".join(f"method={'x' * 59}" for _ in range(50)))
    row.refresh_from_db()
    assert len(row.filters) == 500
    assert record(UserFactory(), f"from={'9' * 5_000}").filters == "from=..."


def test_a_row_of_the_log_stays_as_it_is() -> None:
    row = record(UserFactory())
    row.rows = 0
    for act in (
        row.save,
        row.delete,
        Export.objects.all().delete,
        lambda: Export.objects.update(rows=0),
    ):
        with pytest.raises(AppendOnlyError):
            act()
    assert Export.objects.get().rows == 12
