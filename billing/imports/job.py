"""What the three kinds of file share: rows, problems, and the two passes over a file.

A file is read twice: once to check every row, once to write. In between nothing of it is kept but
what checking needs to know about other rows, so that 100,000 rows fit into little memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser

from billing.imports.columns import Column, heading
from patients.models import Payer


@dataclass(frozen=True)
class Problem:
    """A sentence about one value of one line. A warning stops nothing."""

    line: int
    column: str
    text: str
    warning: bool = False

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.text}"


@dataclass(frozen=True)
class Row:
    """What a line says, read: a value, or None, for every column of the kind."""

    line: int
    values: dict[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def problem(self, column: str, text: str) -> Problem:
        return Problem(self.line, column, text)

    def warning(self, column: str, text: str) -> Problem:
        return Problem(self.line, column, text, warning=True)


class Job:
    """One file of one kind: checked, counted and, where it is right, written."""

    do_not_call_in_templates = True  # a class is callable, and to Django's templates that counts

    slug: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    columns: ClassVar[Sequence[Column]]

    def check(self, rows: Sequence[Row]) -> Iterator[Problem]:
        """Look at some rows, in order: at each, at the others of the file, at the clinic."""
        raise NotImplementedError

    def pass_over(self, line: int, read: dict[str, Any]) -> None:
        """A line with a value that cannot be read, and what of it can: others may point at it."""

    def check_end(self) -> Iterator[Problem]:
        """What can be said only when every row was seen."""
        yield from ()

    def counts(self) -> list[tuple[str, str]]:
        """What would be made, and what is worth knowing: a name and a figure each."""
        raise NotImplementedError

    def made(self) -> str:
        """What was made, in words: "500 patients and 320 coverages"."""
        raise NotImplementedError

    def write(self, rows: Sequence[Row], by: AbstractBaseUser) -> None:
        """Write some rows, all of which were checked."""
        raise NotImplementedError

    def write_end(self) -> None:
        """Write what could only be written when every row was."""

    # ------------------------------------------------------------------ columns

    @classmethod
    def known(cls, text: str) -> str | None:
        """The column that a heading means."""
        name = heading(text)
        return name if any(column.name == name for column in cls.columns) else None

    @classmethod
    def template(cls) -> str:
        """The first line of such a file. No example rows: somebody would import them."""
        return ",".join(column.name for column in cls.columns) + "\r\n"


def counted(number: int, thing: str) -> str:
    """ "1 patient", "1,200 patients"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


class Payers:
    """Every payer of the clinic, by name and by payer ID."""

    def __init__(self) -> None:
        self._found: dict[str, set[Payer]] = {}
        for payer in Payer.objects.all():
            for key in {payer.name.casefold(), payer.payer_id.casefold()} - {""}:
                self._found.setdefault(key, set()).add(payer)

    def get(self, typed: str | None) -> Payer | None:
        found = self._found.get((typed or "").casefold(), set())
        return next(iter(found)) if len(found) == 1 else None

    def problem(self, typed: str | None) -> str:
        """Why a name or an ID means no payer, or nothing."""
        if not typed or self.get(typed):
            return ""
        if typed.casefold() in self._found:
            return f"“{typed}” means more than one payer. Write the payer's name."
        return f"There is no payer “{typed}”. Add it first (Admin, Payers), or mend the name."
