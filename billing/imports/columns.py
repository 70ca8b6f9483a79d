"""The columns of a file: each is described once.

From a `Column` come the template to download, the table on the screen and in docs/import.md, how a
value is read, and what is said about one that cannot be.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from billing.money import AmountError, parse
from patients.cards import NO_CARD, holds_card_number


class RefusedValue(Exception):
    """A value cannot be read. The text is a sentence for whoever has the file in front of them."""


@dataclass(frozen=True)
class Written:
    """A way of writing values: what it is called in the table of columns, and how it is read."""

    says: str
    read: Callable[[str], Any]


@dataclass(frozen=True)
class Column:
    name: str
    written: Written
    meaning: str
    example: str = ""
    required: bool = False
    of_others: bool = False  # a number somebody else gave out may look like anything, a card's too

    def read(self, value: str) -> Any:
        """The value, or None where there is none. Refused: RefusedValue."""
        value = value.strip()
        if value:
            read = self.written.read(value)
            if isinstance(read, str) and not self.of_others and holds_card_number(read):
                raise RefusedValue(NO_CARD)
            return read
        if self.required:
            raise RefusedValue("This must not be empty.")
        return None


def heading(text: str) -> str:
    """ "Family name", "family-name" and "FAMILY_NAME" all mean family_name."""
    return re.sub(r"[\s_-]+", "_", text.strip().casefold())


# ---------------------------------------------------------------------------- text

INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")
LOST = "\N{REPLACEMENT CHARACTER}"


def _plain(value: str, longest: int) -> str:
    value = unicodedata.normalize("NFC", value)
    if "\0" in value:
        raise RefusedValue("There is a NUL character in it. Take it out.")
    if INVISIBLE.search(value):
        raise RefusedValue("There is a character in it that cannot be seen. Type it anew.")
    if LOST in value:
        raise RefusedValue(
            f"There is a {LOST} in it: a letter was lost when this file was saved. Export it anew."
        )
    if len(value) > longest:
        raise RefusedValue(f"This is longer than {longest} characters.")
    return value


def _no_formula(value: str) -> str:
    if value[0] in "=+-@":
        raise RefusedValue(
            f"This begins with {value[0]}, as a spreadsheet's formula does. Take the sign away."
        )
    return value


def text(longest: int) -> Written:
    """Text that is no formula. A line break in it becomes a blank."""
    return Written(
        f"text, up to {longest} characters",
        lambda value: _no_formula(_plain(LINE_BREAK.sub(" ", value), longest)),
    )


def name(longest: int) -> Written:
    """A person's name: one line, at least one letter, no formula."""

    def read(value: str) -> str:
        if LINE_BREAK.search(value):
            raise RefusedValue("There is a line break in this name.")
        value = _no_formula(_plain(value, longest))
        if not any(each.isalpha() for each in value):
            raise RefusedValue("There is no letter in this name.")
        return " ".join(value.split())

    return Written(f"name, up to {longest} characters", read)


def free_text(longest: int) -> Written:
    """Text that may begin with any sign: a note, a phone number."""
    return Written(
        f"text, up to {longest} characters",
        lambda value: _plain(LINE_BREAK.sub(" ", value), longest),
    )


def email(longest: int) -> Written:
    def read(value: str) -> str:
        try:
            validate_email(_plain(value, longest))
        except ValidationError:
            raise RefusedValue("This is not an e-mail address.") from None
        return value

    return Written("e-mail address", read)


# ---------------------------------------------------------------------------- numbers

CHART = re.compile(r"P?(\d{3,10})", re.ASCII | re.IGNORECASE)


def _chart_number(value: str) -> str:
    match = CHART.fullmatch(value)
    if not match:
        raise RefusedValue(
            "A chart number is P and three to ten digits, like P1042; the P may be left out."
        )
    return f"P{match[1]}"


CHART_NUMBER = Written("P and digits; digits alone get the P", _chart_number)


def _amount(value: str) -> Decimal:
    try:
        return parse(value)
    except AmountError as error:
        raise RefusedValue(str(error)) from None


AMOUNT = Written("amount, like 120.50 or -20", _amount)

YES, NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}


def _yes_or_no(value: str) -> bool:
    if value.casefold() not in YES | NO:
        raise RefusedValue("Write yes or no.")
    return value.casefold() in YES


YES_OR_NO = Written("yes or no", _yes_or_no)


# ---------------------------------------------------------------------------- dates

ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)


def _day(value: str) -> datetime.date:
    if match := ISO.fullmatch(value):
        year, month, day = map(int, match.groups())
    elif match := AMERICAN.fullmatch(value):
        month, day, year = map(int, match.groups())
        if month > 12 >= day:
            raise RefusedValue(
                "The day seems to come first here. Then every date of this file may be wrong:"
                " write dates like 2025-11-18."
            )
    else:
        raise RefusedValue("Write the date like 2025-11-18 or, month first, 11/18/2025.")
    try:
        found = datetime.date(year, month, day)
    except ValueError:
        raise RefusedValue("There is no such day.") from None
    if not FIRST <= found <= LAST:
        raise RefusedValue(f"The year has to be between {FIRST.year} and {LAST.year}.")
    return found


DAY = Written("date, 2025-11-18 or 11/18/2025 (month first)", _day)
