"""Acts: what is written together is sealed together, as the last thing before it is saved.

A verb of the ledger is an act. So is whatever calls several verbs in one transaction, an import for
example: then they are one act, because the chain's end is locked last of all. Whoever took it before
the patients of a next verb would make all other desks wait, and some of them in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction


@dataclass
class Act:
    """What is being done, by whom, and the rows it wrote so far."""

    name: str
    by: AbstractBaseUser | None = None
    rows: dict[type[models.Model], list[int]] = field(default_factory=dict)

    def add(self, model: type[models.Model], ids: Iterable[int]) -> None:
        self.rows.setdefault(model, []).extend(ids)


_going_on: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def sealing(name: str, *, by: AbstractBaseUser | None = None) -> Iterator[None]:
    """One transaction, and one seal over all it wrote.

    Inside another act it is a part of that one. What is rolled back was never written.
    """
    from billing.chain.links import seal

    outer, mine = _going_on.get(), Act(name, by)
    _going_on.set(mine)
    try:
        with transaction.atomic():
            yield
            if outer is None:
                seal(mine)
    finally:
        _going_on.set(outer)
    if outer:
        outer.by = outer.by or mine.by
        for model, ids in mine.rows.items():
            outer.add(model, ids)


def is_going_on() -> bool:
    """Whether an act goes on just now."""
    return _going_on.get() is not None


def note(model: type[models.Model], ids: Iterable[int]) -> None:
    """These rows were written, or a draft among them began to count: the act seals them.

    Outside of an act they are sealed at once.
    """
    written = list(ids)
    if not written:
        return
    going_on = _going_on.get()
    if going_on is None:
        with sealing(""):
            note(model, written)
    else:
        going_on.add(model, written)
