"""One transaction a verb, one posting a form (rule R10), and what a verb hands back."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import models

from billing.chain.acts import sealing
from billing.ledger.refusals import LedgerError
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    ClosingDate,
    Deposit,
    Invoice,
    JournalBatch,
    LineVoid,
    Offset,
    Payment,
    Responsibility,
    Submission,
)
from billing.models.periods import LongWorkError, hold_closing_date, hold_closing_date_alone
from billing.money import ZERO
from billing.sharing import Entry, OffsetEntry, Owes

User = AbstractBaseUser
LONG_WORK = (
    "Something long is being saved just now, such as an import. Close the period when it is done."
)


@dataclass
class Posted:
    """The rows a verb wrote.

    `released` is patients' money an insurer's payment gave back; `covered` is what standing
    credit took over from reversed receipts along the way. `moved_to` is the day all rows got
    where that is a later one than was asked for.
    """

    payment: Payment | None = None
    allocations: list[Allocation] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    released: list[Allocation] = field(default_factory=list)
    covered: Decimal = ZERO
    moved_to: datetime.date | None = None
    voids: list[LineVoid] = field(default_factory=list)
    responsibilities: list[Responsibility] = field(default_factory=list)
    adjudications: list[Adjudication] = field(default_factory=list)
    offsets: list[Offset] = field(default_factory=list)
    deposit: Deposit | None = None
    closing: ClosingDate | None = None
    batch: JournalBatch | None = None
    invoices: list[Invoice] = field(default_factory=list)
    replayed: bool = False

    @property
    def receipt(self) -> Payment:
        """The payment, for those who know that their verb writes one."""
        if self.payment is None:
            raise LookupError("this verb wrote no payment")
        return self.payment


P = ParamSpec("P")


def verb(act: Callable[P, Posted]) -> Callable[P, Posted]:
    """One transaction; and with a `key`, carried out once however often it is sent (R10).

    The closing date stays where it is meanwhile. That is held before anything else, so that nobody
    who has locked a patient waits for somebody who moves it.
    """
    return _carried_out_once(act, hold_closing_date)


def closing_verb(act: Callable[P, Posted]) -> Callable[P, Posted]:
    """As verb, for one that moves the closing date: it waits for all verbs at work (R8)."""
    return _carried_out_once(act, _alone)


def _alone() -> None:
    try:
        hold_closing_date_alone()
    except LongWorkError as error:
        raise LedgerError(LONG_WORK) from error


def _carried_out_once(act: Callable[P, Posted], hold: Callable[[], None]) -> Callable[P, Posted]:
    @wraps(act)
    def carried_out_once(*args: P.args, **kwargs: P.kwargs) -> Posted:
        key: Any = kwargs.pop("key", None)
        by: Any = kwargs["by"]
        with sealing(act.__name__, by=by):
            hold()
            if key is None:
                return act(*args, **kwargs)
            claim, earlier = _claim(by, key, act.__name__, _fingerprint(act.__name__, kwargs))
            if earlier:
                return earlier
            posted = act(*args, **kwargs)
            if posted.payment:
                claim.answer(posted.payment)
            return posted

    return carried_out_once


def _claim(by: User, key: UUID, verb: str, fingerprint: str) -> tuple[Submission, Posted | None]:
    """Take the form's key before anything else, or find what was done under it.

    A second copy of the form that arrives while the first is at work waits here for it to end.
    """
    claim = Submission(user_id=by.pk, key=key, verb=verb, fingerprint=fingerprint)
    if claim.taken():
        return claim, None
    earlier = Submission.objects.select_related("payment").get(user_id=by.pk, key=key)
    if earlier.fingerprint != fingerprint:
        raise LedgerError(
            "This form was already saved with other figures. Open it afresh to enter another one."
        )
    return earlier, Posted(payment=earlier.payment, replayed=True)


# What was seen says nothing of what was meant.
MEANT: dict[type, list[str]] = {
    each: [name.name for name in fields(each) if name.name != "seen"]
    for each in (Entry, OffsetEntry, Owes)
}


def _fingerprint(verb: str, arguments: Mapping[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, models.Model):
            return [value._meta.label, value.pk]
        if names := MEANT.get(type(value)):
            return {name: getattr(value, name) for name in names}
        return str(value)

    text = json.dumps([verb, arguments], default=plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
