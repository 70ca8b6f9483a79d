"""A file on its way in: checked row by row, and written once nothing is wrong.

Both are generators of `Step`s, so that a terminal draws them as a bar and a browser as a page that
grows; neither knows of the other.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError

from billing import ledger
from billing.chain.acts import sealing
from billing.growing import GrowingTables
from billing.imports.columns import RefusedValue
from billing.imports.job import Job, Problem, Row
from billing.imports.kinds import KINDS
from billing.imports.source import WINDOWS, AskEncoding, Table, UnreadableError, encoding_of
from billing.models import ImportFile

AT_ONCE = 500
SHOWN = 200


@dataclass(frozen=True)
class Step:
    """So far: 500 of about 2,000 "lines checked"; `whole` is 0 where it is not known."""

    done: int
    whole: int
    things: str


Steps = Generator[Step, None, None]


@dataclass
class Report:
    """What is wrong in a file. The first of everything is kept, the rest counted."""

    rows: int = 0
    counts: list[tuple[str, str]] = field(default_factory=list)
    problems: int = 0
    warnings: int = 0
    first_problems: list[Problem] = field(default_factory=list)
    first_warnings: list[Problem] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # headings no column has

    def take(self, found: Problem) -> None:
        if found.warning:
            self.warnings += 1
            kept = self.first_warnings
        else:
            self.problems += 1
            kept = self.first_problems
        if len(kept) < SHOWN:
            kept.append(found)


class Run:
    """One file of one kind. `confirmed` is the encoding a person said is right."""

    def __init__(self, kind: type[Job], data: bytes, *, confirmed: str = "") -> None:
        self.kind = kind
        self.data = data
        self.encoding = encoding_of(data)
        if self.encoding == WINDOWS != confirmed:
            raise AskEncoding
        self.job = kind()
        self.report = Report()

    # ------------------------------------------------------------------ checking

    def check(self, also: Callable[[Problem], object] = lambda found: None) -> Steps:
        """Look at all of it; afterwards `report` says what is wrong and `job` what it would make.

        Nothing is written. `also` hears of every problem, not only of those that are kept.
        """
        for found in self._checked():
            if isinstance(found, Problem):
                self.report.take(found)
                also(found)
            else:
                yield found
        self.report.counts = self.job.counts()
        self.report.first_problems.sort(key=lambda problem: problem.line)
        self.report.first_warnings.sort(key=lambda problem: problem.line)

    def _checked(self) -> Iterator[Problem | Step]:
        try:
            table = self._table()
            yield from self._check_headings(table.headings)
            if self.report.problems:
                return
            yield from self._check_rows(table)
        except UnreadableError as error:
            yield Problem(error.line, "", str(error))
            return
        if not table.rows:
            yield Problem(1, "", "There are only column names in this file, and no line below.")
        yield from self.job.check_end()

    def _table(self) -> Table:
        return Table(self.data, self.encoding, self.kind.known)

    def _check_headings(self, headings: Sequence[str]) -> Iterator[Problem]:
        known = [self.kind.known(each) for each in headings]
        for name in sorted({name for name in known if name and known.count(name) > 1}):
            yield Problem(1, name, "There are two columns of this name. Take one away.")
        missing = [each.name for each in self.kind.columns if each.required]
        missing = [name for name in missing if name not in known]
        if missing:
            yield Problem(
                1,
                "",
                f"The first line has no column {', '.join(missing)}. It has to hold the names of"
                " the columns, as the template does.",
            )
        self.report.unread = [
            _shown(each) or "(no name)"
            for each, name in zip(headings, known, strict=True)
            if name is None
        ][:50]

    def _check_rows(self, table: Table) -> Iterator[Problem | Step]:
        about = self.data.count(b"\n")
        readable: list[Row] = []
        for line, values in table:
            row = self._read(table.headings, line, values)
            if isinstance(row, Row):
                readable.append(row)
            else:
                yield from row
            if table.rows % AT_ONCE == 0:
                yield from self.job.check(readable)
                readable = []
                yield Step(table.rows, about and max(about, table.rows), "lines checked")
        yield from self.job.check(readable)
        self.report.rows = table.rows
        yield Step(table.rows, table.rows, "lines checked")

    def _read(self, headings: Sequence[str], line: int, values: list[str]) -> Row | list[Problem]:
        """The values of a line, or everything that is wrong with them."""
        if len(values) != len(headings):
            return [
                Problem(
                    line,
                    "",
                    f"This line has {_values(len(values))}, the first line {len(headings)}."
                    " A value with a separator in it needs quotation marks around it.",
                )
            ]
        typed = {self.kind.known(each): value for each, value in zip(headings, values, strict=True)}
        read, problems = {}, []
        for column in self.kind.columns:
            try:
                read[column.name] = column.read(typed.get(column.name, ""))
            except RefusedValue as refused:
                problems.append(Problem(line, column.name, str(refused)))
        if problems:
            self.job.pass_over(line, read)
            return problems
        return Row(line, read)

    # ------------------------------------------------------------------ writing

    def write(self, by: AbstractBaseUser) -> Steps:
        """Write a file in which nothing was wrong. In a transaction of whoever calls."""
        table = self._table()
        rows = (self._read(table.headings, *each) for each in table)
        growing = GrowingTables()
        while some := [row for row in islice(rows, AT_ONCE) if isinstance(row, Row)]:
            self.job.write(some, by)
            growing.step(len(some))
            yield Step(table.rows, self.report.rows, "lines imported")
        self.job.write_end()


def _shown(heading: str) -> str:
    return "".join(each for each in heading if each.isprintable())[:60]


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


# ---------------------------------------------------------------------------- a kept file


def run_of(file: ImportFile) -> Run:
    """Refused as in Run."""
    return Run(KINDS[file.kind], file.data, confirmed=file.encoding)


def check_file(file: ImportFile, run: Run) -> Steps:
    """Check a kept file, and keep with it what was found. The clinic's own records stay as are."""
    found = io.StringIO()
    lines = csv.writer(found)
    lines.writerow(["line", "column", "kind", "reason"])
    yield from run.check(
        lambda each: lines.writerow(
            [each.line, each.column, "warning" if each.warning else "problem", safe(each.text)]
        )
    )
    file.checked(report=asdict(run.report), found=found.getvalue())


def safe(text: str) -> str:
    """No spreadsheet takes it for a formula: a reason may quote what the file says."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class NotImported(Exception):
    """Nothing was imported. The text says why."""


def import_file(file: ImportFile, run: Run, by: AbstractBaseUser) -> Steps:
    """Check a kept file once more and write it: all of it in one transaction, or nothing.

    Refused (NotImported): a file with problems, one that was imported before, and one that
    somebody else's work came between. Left half-way, nothing is written.
    """
    try:
        with sealing(f"import {file.kind}", by=by):
            file.lock()
            yield from run.check()
            if run.report.problems:
                raise NotImported("Nothing was imported: there are lines to mend first.")
            yield from run.write(by)
            file.finish(made=run.job.made())
    except ImportFile.NotToImportError as error:
        raise NotImported(str(error)) from error
    except ledger.LedgerError as error:
        raise NotImported(f"Nothing was imported. {error}") from error
    except IntegrityError as error:
        raise NotImported(
            "Nothing was imported: somebody saved something in between that does not go together"
            " with this file. Check it again."
        ) from error
