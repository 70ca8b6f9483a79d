"""The words a patient is found by.

Nothing here asks the database: `PatientWord` (patients/models.py) keeps these words in a table of
their own, so that a search reads an index and no list of people.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol

LONGEST_WORD = 80
PHONE_TAILS = (10, 7, 4)  # without the country, without the area, the digits people remember

# Letters with a stroke or a tie have no accent that Unicode could take off.
STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i"})

DATES = (
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d %Y",
    "%B %d %Y",
)
PHONE = re.compile(r"[\d\s()+./-]+", re.ASCII)
SHORTEST_PHONE = 7  # fewer digits may be a chart number, or the start of anything


class Searched(Protocol):
    """What of a patient is searched; the models of a migration have these fields, too."""

    family_name: str
    given_name: str
    chart_number: str
    phone: str


# ---------------------------------------------------------------------------- of a patient


def words_of(patient: Searched) -> set[str]:
    """All words that find this patient."""
    chart = folded(patient.chart_number)
    return {
        word[:LONGEST_WORD]
        for word in (
            *_words_of_name(patient.family_name),
            *_words_of_name(patient.given_name),
            chart,
            chart.removeprefix("p"),
            *_words_of_phone(patient.phone),
        )
        if word
    }


def _words_of_name(name: str) -> set[str]:
    """Each part of a name, and parts joined as many people write them.

    O'Brien is found by "brien" and "obrien", Garcia-Lopez by either half and in one word,
    de la Cruz by "cruz" and "delacruz".
    """
    words = {folded(name)}
    for piece in name.split():
        words |= {folded(piece), *_parts(piece)}
    return words


def _words_of_phone(phone: str) -> set[str]:
    digits = phone_digits(phone)
    return {digits, *(digits[-tail:] for tail in PHONE_TAILS)}


def phone_digits(phone: str) -> str:
    """The digits of a phone number, without an extension ("x 12")."""
    number = re.match(r"[^A-Za-z]*", unicodedata.normalize("NFKC", phone))
    return re.sub(r"[^0-9]", "", number.group() if number else "")


# ---------------------------------------------------------------------------- of what is typed


@dataclass(frozen=True)
class Typed:
    """What somebody typed into a search box: words, all of which count, and dates of birth."""

    words: tuple[str, ...]
    dates: tuple[datetime.date, ...]


def read_search(typed: str) -> Typed:
    """Take a search apart: "Smith, J", "P1042", "(555) 010-1234", "17 May 1980", or several."""
    typed = typed.strip()
    if day := as_date(typed):
        return Typed((), (day,))
    digits = phone_digits(typed)
    if PHONE.fullmatch(typed) and len(digits) >= SHORTEST_PHONE:
        if len(digits) == 11 and digits.startswith("1"):
            digits = digits[1:]  # the country; a stored number may be without it
        return Typed((digits[:LONGEST_WORD],), ())
    words, dates = [], []
    for piece in re.split(r"[\s,;]+", typed):
        if day := as_date(piece):
            dates.append(day)
        elif word := folded(piece):
            words.append(word[:LONGEST_WORD])
    return Typed(tuple(dict.fromkeys(words)), tuple(dates))


def as_date(typed: str) -> datetime.date | None:
    """A day as people write it in the United States, in ISO or as our screens show it."""
    typed = " ".join(typed.replace(",", " ").split())
    for pattern in DATES if len(typed) <= 20 else ():
        try:
            return datetime.datetime.strptime(typed, pattern).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


# ---------------------------------------------------------------------------- folding


def folded(text: str) -> str:
    """The letters and digits of a text alone: no accents, no capitals, nothing between them."""
    return "".join(_parts(text))


def _parts(text: str) -> list[str]:
    """The runs of letters and digits in a text, folded.

    Vowel signs of Indian scripts are no letters to Unicode, but part of the word (category M).
    """
    plain = unicodedata.normalize("NFKD", text).casefold().translate(STROKES)
    plain = unicodedata.normalize("NFKD", plain)
    kept = (
        each if unicodedata.category(each)[0] in "LNM" else " "
        for each in plain
        if unicodedata.category(each) != "Mn"
    )
    return "".join(kept).split()
