"""A report asked for as the address does, and its rows told by the names of their columns."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from billing.reports import REPORTS, Report
from tests.factories.bills import day


def days(first: int, last: int) -> str:
    """A period in the address, told in days ago."""
    return f"from={day(first)}&to={day(last)}"


def ask(slug: str, query: str = "") -> Report:
    """The report of an address such as "from=2025-11-01&to=2025-11-30"."""
    kind = REPORTS[slug]
    columns = [(column.name, column.label) for column in kind.columns if not column.hidden]
    form = kind.form(QueryDict(query), columns=columns)  # type: ignore[call-arg]
    assert form.is_valid(), form.errors
    return kind(form.cleaned_data)


def told(report: Report, *names: str) -> list[Any]:
    """Every row, in the report's order: the values of these columns, or the one of a single column."""
    place = {column.name: at for at, column in enumerate(report.columns)}
    rows = list(report.rows.stream(report.sorted_by))
    if len(names) == 1:
        return [row[place[names[0]]] for row in rows]
    return [tuple(row[place[name]] for name in names) for row in rows]
