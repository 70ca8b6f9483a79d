"""Many people press at the same moment: client processes that wait for one another."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any, TypeVar

from tests.drills.browser import Answer, Browser, NoAnswer
from tests.screens.page_forms import PageForm

LONG = 120
T = TypeVar("T")

all_there: Barrier


@dataclass(frozen=True)
class Press:
    """A filled form, and the finger above its button."""

    browser: Browser
    page: Answer
    form: PageForm
    button: tuple[str, ...] = ()

    def __call__(self) -> Answer:
        return self.browser.press(self.page, self.form, *self.button)


class Crowd:
    """Processes of which each does one thing, all at the same moment."""

    def __init__(self, number: int) -> None:
        self.number = number
        # Not forked: this process may have threads.
        fresh = multiprocessing.get_context("spawn")
        barrier = fresh.Barrier(number)
        self.pool = ProcessPoolExecutor(number, fresh, _remember, (barrier,))

    def at_once(self, acts: Sequence[Callable[[], T]]) -> list[T]:
        assert len(acts) == self.number
        return [done.result(LONG) for done in [self.pool.submit(_together, act) for act in acts]]

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *gone: object) -> None:
        self.pool.shutdown(cancel_futures=True)


def _remember(barrier: Any) -> None:
    global all_there
    all_there = barrier


def _together(act: Callable[[], T]) -> T:
    all_there.wait(LONG)
    return act()


# ---------------------------------------------------------------------------- one account, for a while


@dataclass
class Outcome:
    """What became of one person's tries."""

    saved: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    busy: int = 0
    errors: list[str] = field(default_factory=list)
    longest: float = 0


@dataclass(frozen=True)
class Rival:
    """Shares out and un-pays the credit of one account, as fast as it goes."""

    browser: Browser
    path: str
    seconds: float
    seed: int

    def __call__(self) -> Outcome:
        outcome, chance = Outcome(), random.Random(self.seed)
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            try:
                self.try_once(outcome, chance)
            except (NoAnswer, LookupError) as error:
                outcome.errors.append(repr(error))
        return outcome

    def try_once(self, outcome: Outcome, chance: random.Random) -> None:
        page = self.browser.get(self.path)
        if page.status == 503:
            outcome.busy += 1
            return
        form = page.form("key")
        lines = form.sent["lines"]
        for line in chance.sample(lines, min(2, len(lines))):
            cents = chance.choice([1, 1, -1]) * chance.randint(1, 2_000)
            form.sent[f"line-{line}-amount"] = [f"{cents / 100:.2f}"]
        answer = self.browser.press(page, form, "action", "save")
        outcome.longest = max(outcome.longest, answer.seconds)
        if answer.status == 302:
            outcome.saved += 1
        elif answer.status == 503:
            outcome.busy += 1
        elif answer.status == 200 and answer.said:
            outcome.refused.update(answer.said)
        else:
            outcome.errors.append(f"{answer.status}: {answer.text[:300]}")
