"""What happened in the demo clinic in the past fourteen months, thought up day by day.

Nothing is written here. The plan is a list of acts in the order of their days; `clinic` hands each
to the ledger's verb. Thinking it up first lets the document numbers be chosen so that John Smith's
bill is INV-1042.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from billing.demo.acts import Act, Bill, Charge
from billing.demo.cast import (
    BLUERIVER,
    CONSULTATION,
    LONG_SESSION,
    SEED,
    Cast,
    Course,
)
from billing.demo.life import DAYS, Life, weekday
from patients.models import Payer

JOHNS_NUMBER = 1042  # INV-1042


@dataclass
class Plan:
    bills: list[Bill]
    acts: list[Act]
    first_invoice: int
    owed_by: dict[Charge, Payer | None]  # where the insurer has answered: who owes the rest
    unbilled: list[list[Charge]] = field(default_factory=list)  # visits still on drafts

    def count(self, kind: type) -> int:
        return sum(isinstance(act, kind) for act in self.acts)


def think_up(cast: Cast, today: datetime.date) -> Plan:
    """The clinic's life until today. The same cast and day give the same plan."""
    bills = _bills(cast, today)
    others = list(bills)
    _add_maya(cast, bills, today)
    first_invoice = _add_john(cast, bills, today)
    life = Life(cast, others, today)
    life.live()
    life.what_the_desk_has_to_deal_with()
    acts: list[Act] = [*bills, *life.acts]
    acts.sort(key=lambda act: act.date)  # stable: a day's bills first, then as things happened
    return Plan(bills, acts, first_invoice, life.owed_by, _not_billed_yet(cast, today))


# ---------------------------------------------------------------------------- visits and bills


def _bills(cast: Cast, today: datetime.date) -> list[Bill]:
    rng = Random(SEED + 1)  # noqa: S311
    bills = []
    for course in cast.courses:
        together = rng.choice((2, 4, 4, 5, 6))
        group: list[list[Charge]] = []
        for number, day in enumerate(_visits(course, rng, today)):
            begun = group[0][0].date if group else day
            if len(group) == together or (day - begun).days > 35:
                bills.append(_bill(group))
                group = []
            group.append(_charges(cast, course, number, day, rng))
        if group:
            bills.append(_bill(group))
    return sorted(bills, key=lambda bill: bill.date)


def _bill(group: Iterable[list[Charge]]) -> Bill:
    charges = [charge for visit in group for charge in visit]
    return Bill(charges[-1].date, charges)


def _visits(course: Course, rng: Random, today: datetime.date) -> list[datetime.date]:
    """A few visits, or a long series of them; on weekdays, until yesterday."""
    visits = rng.choices(
        (rng.randint(1, 5), rng.randint(6, 14), rng.randint(15, 34)), weights=(50, 32, 18)
    )[0]
    visits = min(visits, course.track.longest)
    every = rng.choice((7, 7, 14)) if visits > 5 else rng.choice((7, 7, 14, 14, 90))
    span = visits * every
    begun = today - datetime.timedelta(days=rng.randint(min(span, DAYS) // 2, DAYS))
    found: list[datetime.date] = []
    for number in range(visits):
        day = begun + datetime.timedelta(days=number * every + rng.choice((0, 0, 0, 1)))
        day = weekday(day)
        if day < today and (not found or day > found[-1]):
            found.append(day)
    return found


def _charges(
    cast: Cast, course: Course, number: int, day: datetime.date, rng: Random
) -> list[Charge]:
    if rng.random() < 0.015:
        return [_charge(cast, course, "NOSHOW", day, payer=None)]
    code = course.track.first if number == 0 else rng.choice(course.track.usual)
    codes = [code]
    if rng.random() < 0.22:
        codes.append(rng.choice(course.track.extra))
    return [_charge(cast, course, each, day, payer=course.payer) for each in codes]


def _charge(
    cast: Cast, course: Course, code: str, day: datetime.date, payer: Payer | None
) -> Charge:
    fee = cast.fee(code, day, payer)
    return Charge(
        course.patient,
        course.provider,
        code,
        day,
        fee,
        payer,
        fee,
        payer is not None,
        diagnoses=course.diagnoses,
    )


def _not_billed_yet(cast: Cast, today: datetime.date) -> list[list[Charge]]:
    """Visits of today so far, and what is left of yesterday's: they wait on drafts."""
    rng = Random(SEED + 3)  # noqa: S311
    visits = []
    courses = cast.courses[5::9]
    for number, course in enumerate(courses[:12]):
        day = today if number % 3 else today - datetime.timedelta(days=1)
        codes = [rng.choice(course.track.usual)]
        if rng.random() < 0.35:
            codes.append(rng.choice(course.track.extra))
        visits.append([_charge(cast, course, code, day, payer=course.payer) for code in codes])
    return visits


# ---------------------------------------------------------------------------- the two stories


def _add_maya(cast: Cast, bills: list[Bill], today: datetime.date) -> None:
    """Three unpaid sessions with BlueRiver, a bill each. Nothing else ever touches them."""
    for weeks in (5, 4, 3):
        day = weekday(today - datetime.timedelta(weeks=weeks))
        fee = cast.fee(LONG_SESSION, day)
        payer = cast.payers[BLUERIVER]
        line = Charge(cast.maya, cast.providers["Dr Lee"], LONG_SESSION, day, fee, payer, fee)
        _insert(bills, Bill(day, [line]))


def _add_john(cast: Cast, bills: list[Bill], today: datetime.date) -> int:
    """One unpaid consultation with Dr 1. Returns the first bill's number, so that his is 1042.

    It is of two weeks ago, or earlier where there are too many bills before it.
    """
    day = weekday(today - datetime.timedelta(days=15))
    before = sum(bill.date <= day for bill in bills)
    if before >= JOHNS_NUMBER:
        before = JOHNS_NUMBER - 1
        day = bills[before].date
    fee = cast.fee(CONSULTATION, day)
    line = Charge(cast.john, cast.providers["Dr 1"], CONSULTATION, day, fee, None, fee)
    bills.insert(before, Bill(day, [line]))
    return JOHNS_NUMBER - before


def _insert(bills: list[Bill], bill: Bill) -> None:
    bills.insert(sum(other.date <= bill.date for other in bills), bill)
