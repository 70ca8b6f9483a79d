"""What every report has: columns, filters, rows, and what stands above them.

A report is asked with the filters of its form and hands out the same rows to the screen and to each
kind of file. The past does not change: a report of a period counts rows by their accounting dates, and
what it says of a period's end is what was so then (docs/exports.md).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

from django import forms
from django.db.models import Q

from billing.balances import AsOf, Basis
from billing.money import ZERO
from billing.reports.columns import Column
from billing.reports.rows import Order, Rows, Totals
from patients.models import Patient


@dataclass(frozen=True)
class Figure:
    """One figure of the strip above the rows."""

    label: str
    amount: Decimal


@dataclass(frozen=True)
class Check:
    """Two ways to the same figure: in words, and by how much they differ."""

    words: str
    difference: Decimal = ZERO

    @property
    def holds(self) -> bool:
        return not self.difference


@dataclass(frozen=True)
class PanelLine:
    """A row of a panel, with the length of its bar."""

    label: str
    amounts: Sequence[Decimal]
    share: int


@dataclass(frozen=True)
class Panel:
    """A small table above the rows: a proof, or sums that people would rather look at.

    `rows` are a label and amounts, one for each heading after the first. With `drawn` the first amount
    is drawn as bars beside the table.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Decimal]]]
    total: tuple[str, Sequence[Decimal]] | None = None
    check: Check | None = None
    drawn: bool = False

    @property
    def lines(self) -> list[PanelLine]:
        """The rows, each with the length of its bar: per cent of the longest."""
        longest = max((abs(amounts[0]) for _label, amounts in self.rows), default=ZERO)
        return [
            PanelLine(label, amounts, round(abs(amounts[0]) * 100 / longest) if longest else 0)
            for label, amounts in self.rows
        ]


@dataclass(frozen=True)
class Report:
    """A report that was asked for. `asked` is what its form understood."""

    slug: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]  # one sentence for the list of reports
    noun: ClassVar[str] = "row"  # what one row is
    nouns: ClassVar[str] = ""  # and several; nothing: with an s
    permission: ClassVar[str] = ""  # who may see it; nothing: whoever is signed in
    columns: ClassVar[Sequence[Column]]
    form: ClassVar[type[forms.Form]]
    order: ClassVar[
        Sequence[str]
    ]  # names of columns, "-" before one that goes down; unique in the end
    group: ClassVar[str] = ""  # the column whose values have sums of their own
    empty: ClassVar[tuple[str, str]] = ("Nothing to show", "Choose a longer period.")

    asked: Mapping[str, Any] = field(default_factory=dict)

    # ------------------------------------------------------------------ each report's own

    def find(self) -> Rows:
        """The rows, found by the filters."""
        raise NotImplementedError

    def figures(self, totals: Totals) -> list[Figure]:
        """The strip above the rows."""
        return []

    def check(self, totals: Totals) -> Check | None:
        """What proves the figures of the strip."""
        return None

    def panels(self) -> list[Panel]:
        """What stands between the strip and the rows."""
        return []

    # ------------------------------------------------------------------ the same for all

    @property
    def nothing_found(self) -> tuple[str, str]:
        """What stands in place of rows: a heading, and what to do."""
        return self.empty

    @classmethod
    def open_to(cls, user: Any) -> bool:
        """Whether somebody may see this report."""
        return not cls.permission or bool(user.has_perm(cls.permission))

    @cached_property
    def rows(self) -> Rows:
        return self.find()

    @cached_property
    def totals(self) -> Totals:
        """Over all rows; asked of the database once."""
        return self.rows.totals()

    @property
    def first(self) -> datetime.date | None:
        """The first day of the period; nothing where it has no beginning."""
        day: datetime.date | None = self.asked.get("from")
        return day

    @property
    def last(self) -> datetime.date:
        """The last day of the period, or the day as of which."""
        day: datetime.date = self.asked.get("to") or self.asked["as_of"]
        return day

    @property
    def as_of(self) -> AsOf:
        """The books at the end of the last day, by the dates that were asked for."""
        return AsOf(self.last, self.asked.get("by") or Basis.ACCOUNTING)

    def in_period(self, field: str = "date") -> Q:
        """The rows whose day is in the period."""
        since = Q(**{f"{field}__gte": self.first}) if self.first else Q()
        return since & Q(**{f"{field}__lte": self.last})

    @property
    def when(self) -> str:
        """The period or the day, in words."""
        if "as_of" in self.asked:
            entered = ", by entry date" if self.as_of.by == Basis.ENTRY else ""
            return f"As of {self.last:%d %b %Y}{entered}"
        if self.first == self.last:
            return f"{self.last:%d %b %Y}"
        since = f"{self.first:%d %b %Y}" if self.first else "From the beginning"
        return f"{since} to {self.last:%d %b %Y}"

    def counted(self, number: int) -> str:
        """12,345 payments."""
        return f"{number:,} {self.noun if number == 1 else self.nouns or f'{self.noun}s'}"

    @property
    def file_stem(self) -> str:
        """payments-received-2025-11-01-to-2025-11-30, aged-balances-2025-11-30-by-entry."""
        days = [self.first, self.last] if "to" in self.asked else [self.last]
        entered = "-by-entry" if self.as_of.by == Basis.ENTRY else ""
        return f"{self.slug}-{'-to-'.join(day.isoformat() for day in days if day)}{entered}"

    @property
    def natural_order(self) -> Order:
        return [split(name) for name in self.order]

    @property
    def sorted_by(self) -> Order:
        """As asked for, and what is alike in the report's own order."""
        wanted = self.asked.get("sort") or ""
        return [split(wanted), *self.natural_order] if wanted else self.natural_order

    @property
    def grouped_by(self) -> str:
        """The column of the groups, which a report may choose by what it is asked."""
        return self.group

    @property
    def grouped(self) -> bool:
        """Sums by group make sense while the groups stand together."""
        first, _down = self.sorted_by[0]
        return bool(self.grouped_by) and first in (self.grouped_by, self.natural_order[0][0])

    @property
    def on_screen(self) -> list[Column]:
        """The columns asked for; else all but the extra ones. A group's column is its heading."""
        wanted = self.asked.get("columns")
        return [
            column
            for column in self.columns
            if not column.hidden and (column.name in wanted if wanted else not column.extra)
        ]

    @property
    def in_files(self) -> list[Column]:
        """The columns asked for; else all there are."""
        wanted = self.asked.get("columns")
        return [
            column
            for column in self.columns
            if not column.hidden and (not wanted or column.name in wanted)
        ]


def split(name: str) -> tuple[str, bool]:
    """ "-date" is ("date", down)."""
    return name.removeprefix("-"), name.startswith("-")


class PatientReport(Report):
    """A report that a chart number may narrow; its files then say whose it is, by that number."""

    @property
    def patient(self) -> Patient | None:
        found: Patient | None = self.asked.get("patient")
        return found

    @property
    def file_stem(self) -> str:
        chart = f"-{self.patient.chart_number}" if self.patient else ""
        return super().file_stem.replace(self.slug, f"{self.slug}{chart}", 1)
