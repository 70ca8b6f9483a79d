"""Files of comma-separated values that somebody else wrote, and what can be wrong with them.

Every complaint names the file, the line and the reason, so that whoever has the file in front of
them can look.
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from billing.money import AmountError, parse


class ImportRefused(Exception):
    """The data cannot be imported. The text says where and why."""


@dataclass(frozen=True)
class Row:
    """One row, with its place in the file."""

    file: str
    line: int
    values: Mapping[str, str]

    def refuse(self, reason: str) -> NoReturn:
        raise ImportRefused(f"{self.file}, line {self.line}: {reason}")

    def text(self, column: str, *, longest: int = 200) -> str:
        """What the column says; it may be empty, but not too long to be kept."""
        value = self.values[column].strip()
        if len(value) > longest:
            self.refuse(f"{column} is longer than {longest} characters")
        return value

    def needed(self, column: str, *, longest: int = 200) -> str:
        return self.text(column, longest=longest) or self.refuse(f"{column} is empty")

    def day(self, column: str) -> datetime.date:
        """The day of a date or of a moment such as 2023-01-27T16:17:47Z."""
        value = self.needed(column)
        try:
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            self.refuse(f"{column} is not a date: {value!r}")
        return moment.date()

    def amount(self, column: str) -> Decimal:
        """An amount of money, not below nothing."""
        value = self.needed(column)
        try:
            amount = parse(value)
        except AmountError as error:
            self.refuse(f"{column} is {value!r}. {error}")
        if amount < 0:
            self.refuse(f"{column} is negative: {value!r}")
        return amount

    def count(self, column: str) -> int:
        value = self.needed(column)
        if not (value.isascii() and value.isdigit() and 1 <= int(value[:6]) <= 32_000):
            self.refuse(f"{column} is not a number of units: {value!r}")
        return int(value)


def rows_of(folder: Path, name: str, columns: Iterable[str]) -> Iterator[Row]:
    """The rows of a file that has at least these columns."""
    try:
        with (folder / name).open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened, strict=True)
            missing = [each for each in columns if each not in (reader.fieldnames or ())]
            if missing:
                raise ImportRefused(f"{name}: there is no column {', '.join(missing)}.")
            for values in reader:
                row = Row(name, reader.line_num, values)
                if None in values:
                    row.refuse("there are more values than columns")
                if None in values.values():
                    row.refuse("there are fewer values than columns")
                yield row
    except FileNotFoundError:
        raise ImportRefused(f"{name} is missing in {folder}.") from None
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{name} is not UTF-8 text: {error.reason}.") from error
    except csv.Error as error:
        raise ImportRefused(f"{name}, line {reader.line_num}: {error}.") from error
    except OSError as error:
        raise ImportRefused(f"{name} cannot be read: {error.strerror}.") from error
