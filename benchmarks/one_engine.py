"""All measurements on a clinic of so many lines, in the database of the environment; prints JSON.

A process of its own for each clinic, started by `python -m benchmarks`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import django

from benchmarks.measure import WARM_UP, Result, in_turn


def main(repeats: int, parts: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    from benchmarks import pages

    if "pages" in parts:
        call_command("collectstatic", interactive=False, verbosity=0)
        for opened in pages.opened(pages.every_page(), max(3, repeats // 5)):
            print(json.dumps({"page": opened.as_json()}), flush=True)
    if "work" in parts:
        for result in _results(repeats):
            print(json.dumps({"work": result.as_json()}), flush=True)


def _results(repeats: int) -> Iterator[Result]:
    # Only now: models can be imported once Django is set up.
    from benchmarks import clinic as clinics
    from benchmarks import exports, paper, search, standing
    from benchmarks import floor as floors
    from benchmarks.live import Screen
    from billing import ledger
    from billing.money import to_cents

    def assert_same(sets: list[Any]) -> None:
        """App and floor left the same on their lines and payments."""
        half = len(sets) // 2
        mine, bare = (
            [line for each in part for line in each] for part in (sets[:half], sets[half:])
        )
        assert floors.books(mine) == floors.books(bare), "App and floor did not do the same work."

    yield from standing.results(repeats)
    calls = WARM_UP + repeats
    clinic = clinics.build(calls)
    floor = floors.Floor(user=clinic.by.pk, payer=clinic.payer.pk, today=clinic.today)

    for size, sets in clinic.to_post.items():
        cents = to_cents(clinics.PAID)
        pairs = [[(line.pk, cents) for line in lines] for lines in sets[calls:]]
        typed = [clinics.entries(lines) for lines in sets[:calls]]

        def post(number: int, size: int = size, typed: list = typed) -> None:
            ledger.record_payment(
                by=clinic.by,
                amount=clinics.PAID * size,
                method="check",
                date=clinic.today,
                payer=clinic.payer,
                reference=f"{size}-{number}",
                entries=typed[number],
                key=uuid4(),
            )

        def post_floor(number: int, size: int = size, pairs: list = pairs) -> int:
            return floor.post(pairs[number], f"F{size}-{number}")

        yield in_turn("post a payment", size, app=post, floor=post_floor, repeats=repeats)
        assert_same(sets)

    yield in_turn(
        "un-pay a receipt",
        clinics.UNDONE_SIZE,
        app=lambda number: ledger.unpay(
            by=clinic.by,
            payment=clinic.to_unpay[number],
            date=clinic.today,
            reason="Benchmark",
            key=uuid4(),
        ),
        floor=lambda number: floor.unpay(clinic.to_unpay[calls + number].pk),
        repeats=repeats,
    )
    assert_same(clinic.on_receipts)
    yield in_turn(
        "reverse a payment",
        clinics.UNDONE_SIZE,
        app=lambda number: ledger.reverse(
            by=clinic.by,
            payment=clinic.to_reverse[number],
            date=clinic.today,
            reason="Benchmark",
            key=uuid4(),
        ),
        floor=lambda number: floor.reverse(clinic.to_reverse[calls + number].pk),
        repeats=repeats,
    )
    assert_same(clinic.on_checks)

    for size in (10, 200, 500):
        screen = Screen(clinic, clinic.live[:size])
        requests = [screen.request(number) for number in range(WARM_UP + 4 * repeats)]
        yield in_turn(
            "live Unallocated",
            size,
            app=lambda number, screen=screen, requests=requests: screen.ask(requests[number]),
            floor=lambda number, screen=screen: screen.reads(),
            repeats=4 * repeats,
        )
        screen.database.close()

    patients = search.count()
    for work, ask, ask_floor in search.ways():
        yield in_turn(work, patients, app=ask, floor=ask_floor, repeats=4 * repeats)
    yield from paper.results(clinic.by, clinic.today, repeats)
    yield from exports.results()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
