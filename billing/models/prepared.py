"""Queries of a verb that are put into SQL once and then only asked.

Django takes longer to word such a query than the database to answer it, and a verb asks several
before it writes its first row. What does not change from one time to the next is the wording: ids
go over as one value, however many.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import connection, models

AnyModel = TypeVar("AnyModel", bound=models.Model)


class Ids:
    """Stands for ids in a prepared query, as in `filter(pk__among=Ids("lines"))`."""

    def __init__(self, name: str) -> None:
        self.name = name


@models.BigAutoField.register_lookup
@models.ForeignKey.register_lookup
class Among(models.Lookup):
    """As `in`, with all the ids as one value that is given when the query is asked."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, values = self.process_lhs(compiler, connection)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*values, self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, values = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*values, self.rhs)


class Worded(NamedTuple):
    sql: str
    values: tuple[Any, ...]
    compiler: Any
    converters: Any


class Prepared:
    """A query with places for ids. It is worded the first time it is asked."""

    def __init__(self, build: Callable[[], models.QuerySet[Any, Any]]) -> None:
        self.worded = cache(lambda: _worded(build()))

    def rows(self, **ids: Iterable[int]) -> list[tuple[Any, ...]]:
        """What a query of values finds."""
        worded = self.worded()
        with connection.cursor() as cursor:
            cursor.execute(worded.sql, _filled(worded.values, ids))
            rows = cursor.fetchall()
        if worded.converters:
            rows = list(map(tuple, worded.compiler.apply_converters(rows, worded.converters)))
        return rows

    def models(self, model: type[AnyModel], **ids: Iterable[int]) -> list[AnyModel]:
        """The rows that a query of this model finds."""
        worded = self.worded()
        return list(model._default_manager.raw(worded.sql, _filled(worded.values, ids)))


def _worded(query: models.QuerySet[Any, Any]) -> Worded:
    compiler = query.query.get_compiler(connection=connection)
    sql, values = compiler.as_sql()
    converters = compiler.get_converters(each for each, _sql, _name in compiler.select)
    return Worded(sql, values, compiler, converters)


def _filled(values: Iterable[Any], ids: dict[str, Iterable[int]]) -> list[Any]:
    adapt: Callable[[Any], Any] = json.dumps if connection.vendor == "sqlite" else list
    return [adapt(list(ids[each.name])) if isinstance(each, Ids) else each for each in values]
