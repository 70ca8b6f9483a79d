"""Finding one of a clinic's patients, beside the same question in bare SQL.

What a picker asks while somebody types: the first eight by name. And what the list of patients
asks: how many there are, and the first 25. The floor reads the same index with the same condition;
what the app adds is Django's query and rows as Python objects.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from patients.models import Patient

PICKED = 8
PAGE = 25
FIRST = "BCDFGHJKLMNPRSTVWZ"
VOWELS = "aeiou"
ENDS = ("n", "r", "l", "s", "tt", "nd", "rg", "ski", "son", "man")

Way = tuple[str, Callable[[int], object], Callable[[int], int]]


def count() -> int:
    return Patient.objects.count()


def someone_new(chance: random.Random, number: int) -> Patient:
    """A person with one of 80,000 possible family names and 8,100 given ones."""
    start = datetime.date(1930, 1, 1)
    return Patient(
        chart_number=f"P{2_000_000 + number}",
        family_name=_name(chance) + chance.choice(ENDS),
        given_name=_name(chance),
        birth_date=start + datetime.timedelta(days=chance.randrange(34_000)),
        phone=f"({chance.randrange(200, 999)}) 555-{chance.randrange(10_000):04}",
    )


def _name(chance: random.Random) -> str:
    return "".join(map(chance.choice, (FIRST, VOWELS, FIRST.lower(), VOWELS)))


def ways() -> Iterator[Way]:
    """What is asked, by the app and in bare SQL; call i of both asks the same."""
    chance = random.Random(7)
    people = list(Patient.objects.filter(chart_number__startswith="P2").order_by("pk")[:20_000:17])
    chance.shuffle(people)
    floor = Floor()

    def someone(number: int) -> Patient:
        return people[number % len(people)]

    def name(number: int) -> str:
        return f"{someone(number).family_name.lower()} {someone(number).given_name[0].lower()}"

    asked: dict[str, Callable[[int], str]] = {
        "find by two letters": lambda number: someone(number).family_name[:2].lower(),
        "find by name": name,
        "find by chart": lambda number: someone(number).chart_number.lower(),
        "find by phone": lambda number: "".join(filter(str.isdigit, someone(number).phone)),
    }
    for work, typed in asked.items():

        def pick(number: int, typed: Callable[[int], str] = typed) -> object:
            return list(Patient.objects.search(typed(number)).by_name()[:PICKED])

        def pick_floor(number: int, typed: Callable[[int], str] = typed) -> int:
            return floor.words(typed(number).split(), PICKED)

        yield work, pick, pick_floor

    yield (
        "find by birth date",
        lambda number: list(
            Patient.objects.search(someone(number).birth_date.isoformat()).by_name()[:PICKED]
        ),
        lambda number: floor.born(someone(number).birth_date),
    )
    yield (
        "first page, counted",
        lambda number: (Patient.objects.count(), list(Patient.objects.by_name()[:PAGE])),
        lambda number: floor.first_page(),
    )


class Floor:
    """The same questions through the raw cursor. Each returns how many statements it took."""

    def __init__(self) -> None:
        connection.ensure_connection()
        self.sqlite = connection.vendor == "sqlite"
        self.raw: Any = connection.connection.cursor()
        columns = ", ".join(f"p.{field.column}" for field in Patient._meta.concrete_fields)
        self.select = f"SELECT {columns} FROM patients_patient p"
        self.order = "ORDER BY LOWER(p.family_name), LOWER(p.given_name), p.id LIMIT"

    def words(self, words: list[str], limit: int) -> int:
        begins = "word >= %s AND word < %s" if self.sqlite else "word LIKE %s"
        found = f"p.id IN (SELECT patient_id FROM patients_patientword WHERE {begins})"
        values = [
            value
            for word in words
            for value in ((word, f"{word}\U0010ffff") if self.sqlite else (f"{word}%",))
        ]
        where = " AND ".join([found] * len(words))
        return self._read(f"{self.select} WHERE {where} {self.order} {limit}", values)

    def born(self, day: datetime.date) -> int:
        value: Any = day.isoformat() if self.sqlite else day
        return self._read(f"{self.select} WHERE p.birth_date = %s {self.order} {PICKED}", [value])

    def first_page(self) -> int:
        counted = self._read("SELECT COUNT(*) FROM patients_patient", [])
        return counted + self._read(f"{self.select} {self.order} {PAGE}", [])

    def _read(self, sql: str, values: list[Any]) -> int:
        self.raw.execute(sql.replace("%s", "?") if self.sqlite else sql, values)
        assert self.raw.fetchall()
        return 1
