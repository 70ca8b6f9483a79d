"""The columns of a report: their names in files, what they hold, and what the screen makes of them."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from billing.money import from_cents

Row = Mapping[str, Any]


class Holds(enum.Enum):
    """What a column holds. Money and numbers stand to the right."""

    TEXT = "text"
    CODE = "code"  # a document's number, a chart number, a code: figures of one width
    DAY = "day"
    MOMENT = "moment"
    MONEY = "money"
    NUMBER = "number"


@dataclass(frozen=True)
class Column:
    """One column. `name` is what files and addresses call it, and never changes.

    `total` columns are added up. `extra` ones are in files, and on the screen when asked for;
    `hidden` ones are nowhere, they serve links and a fixed order. `fold` leaves the column away
    on a tablet. `flag` says of which rows an amount below zero asks somebody to act; of a `wrong`
    column every amount that is not 0.00 does.
    """

    name: str
    label: str
    holds: Holds = Holds.TEXT
    total: bool = False
    extra: bool = False
    hidden: bool = False
    fold: bool = False
    flag: Callable[[Row], bool] | None = None
    wrong: bool = False
    link: Callable[[Row], str | None] | None = None

    @property
    def right(self) -> bool:
        return self.holds in (Holds.MONEY, Holds.NUMBER)

    def read(self, value: Any) -> Any:
        """A value as the database hands it out of a wrapped query: money from its cents, and
        days and moments from what SQLite keeps as text."""
        if value is None:
            return None if self.holds in (Holds.DAY, Holds.MOMENT, Holds.MONEY) else ""
        if self.holds is Holds.MONEY:
            return from_cents(value)
        if self.holds is Holds.NUMBER:
            return int(value)
        if self.holds is Holds.DAY:
            return datetime.date.fromisoformat(value) if isinstance(value, str) else value
        if self.holds is Holds.MOMENT:
            return _local(value)
        return str(value)


def _local(value: Any) -> datetime.datetime:
    """A moment as the clinic's clock showed it."""
    moment = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    if timezone.is_naive(moment):
        moment = moment.replace(tzinfo=datetime.UTC)
    return timezone.localtime(moment)


def money(name: str, label: str, **more: Any) -> Column:
    """A column of amounts that are added up."""
    return Column(name, label, Holds.MONEY, **{"total": True, **more})


def count(name: str, label: str, **more: Any) -> Column:
    """A column of whole numbers that are added up."""
    return Column(name, label, Holds.NUMBER, **{"total": True, **more})


def day(name: str, label: str, **more: Any) -> Column:
    return Column(name, label, Holds.DAY, **more)


def moment(name: str, label: str, **more: Any) -> Column:
    return Column(name, label, Holds.MOMENT, **more)


def code(name: str, label: str, **more: Any) -> Column:
    return Column(name, label, Holds.CODE, **more)


def text(name: str, label: str, **more: Any) -> Column:
    return Column(name, label, **more)


def hidden(name: str, holds: Holds = Holds.NUMBER) -> Column:
    return Column(name, name, holds, hidden=True)
