"""What reports' queries are made of: names, words and sums, worked out by the database."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import (
    Case,
    CharField,
    DateField,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, NullIf, Trim

from billing.balances import begin_of
from billing.models.payments import IS_MOVE
from billing.money import ZERO, MoneyField
from billing.reports.columns import Column

# Payments that moved money: all but transfers, and what undoes one.
MONEY_MOVED = ~IS_MOVE

NO_TEXT = Value("", output_field=CharField())
NOTHING = Value(ZERO, output_field=MoneyField())


def in_order(
    columns: Sequence[Column], rows: QuerySet[Any], values: Mapping[str, Any]
) -> QuerySet[Any, Any]:
    """The rows with an expression for each column, in the order of the columns.

    A column that is not told is empty, or an amount of nothing: the rows of a union differ in what
    they have to say.
    """
    unknown = values.keys() - {column.name for column in columns}
    if unknown:
        raise KeyError(f"No such columns: {', '.join(sorted(unknown))}")
    told = [values.get(column.name, NOTHING if column.total else NO_TEXT) for column in columns]
    found: QuerySet[Any, Any] = rows.order_by().values_list(*told)
    return found


def summed(rows: QuerySet[Any], by: str, amount: str = "amount") -> Coalesce:
    """What the rows of a subquery add up to; `by` is the field that names the outer row."""
    sums = rows.order_by().values(by).annotate(added_up=Sum(amount)).values("added_up")
    return Coalesce(Subquery(sums), NOTHING, output_field=MoneyField())


def in_words(field: str, choices: Sequence[tuple[str, Any]]) -> Case:
    """A choice by its label; nothing where nothing was chosen."""
    labels = [
        When(**{field: value, "then": Value(str(label), output_field=CharField())})
        for value, label in choices
    ]
    return Case(*labels, default=NO_TEXT, output_field=CharField())


def patient_name(patient: str = "patient") -> Concat:
    """Smith, John: as the lists have it."""
    return Concat(F(f"{patient}__family_name"), Value(", "), F(f"{patient}__given_name"))


def payer_or_patient(payer: str = "payer", patient: str = "patient") -> Case:
    """Who paid: the insurer, or else the patient."""
    return Case(
        When(**{f"{payer}__isnull": True}, then=patient_name(patient)),
        default=F(f"{payer}__name"),
        output_field=CharField(),
    )


def user_name(user: str = "created_by") -> Coalesce:
    """The full name somebody goes by at the desk, or the name they sign in with."""
    full = Trim(Concat(F(f"{user}__first_name"), Value(" "), F(f"{user}__last_name")))
    return Coalesce(NullIf(full, NO_TEXT), F(f"{user}__username"), output_field=CharField())


def text_of(field: str) -> Coalesce:
    """A text, or an empty one where there is none."""
    return Coalesce(F(field), NO_TEXT, output_field=CharField())


class DaysSince(Func):
    """How many days before a day a date column was."""

    output_field = IntegerField()

    def __init__(self, field: str, day: datetime.date) -> None:
        super().__init__(Cast(Value(day), DateField()), F(field))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context |= {
            "template": "CAST(julianday(%(expressions)s) AS INTEGER)",
            "arg_joiner": ") - julianday(",
        }
        return self.as_sql(compiler, connection, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        context |= {"template": "(%(expressions)s)", "arg_joiner": " - "}
        return self.as_sql(compiler, connection, **context)


def during(moment: str, first: datetime.date | None, last: datetime.date) -> Q:
    """From the beginning of the first day, if there is one, to the end of the last, by the clinic's
    clock; `moment` is the field that says when."""
    found = Q(**{f"{moment}__lt": begin_of(last, later=1)})
    return found & Q(**{f"{moment}__gte": begin_of(first)}) if first else found
