"""What insurers said: answers, responsibilities, and what they keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models

from billing.models import Adjudication, Offset, Responsibility
from tests.factories.bills import day
from tests.ledger.attacks.attack import NEVER_CHANGED, NEVER_DELETED, Attack, constraint, trigger
from tests.ledger.attacks.rows import (
    answer,
    change,
    delete,
    insert,
    keep,
    new_payment,
    run,
    say,
    unanswer,
    unkeep,
    unsay,
)
from tests.ledger.attacks.scene import Scene

OF_INSURERS: dict[str, Callable[[Scene], Any]] = {
    "a responsibility": lambda s: s.said,
    "an answer": lambda s: s.answer,
    "an offset": lambda s: s.offset,
}
NOT_OF_THE_LINE = "What an insurer said is of an issued line that is not void, not before"
NOT_OF_ITS_RECEIPT = "What an insurer said comes with its receipt"
DOES_NOT_FIT = "R4: the row does not fit what it undoes"

ATTACKS: list[Attack] = [
    # ------------------------------------------------------------------ what insurers said: R1
    *(
        trigger(
            f"insurer {name}'s {what}",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, f=find, w=what: change(f(s), w),
        )
        for name, find in OF_INSURERS.items()
        for what in (
            "date = '2020-01-01'",
            "reason = 'another'",
            "created_at = '2020-01-01 00:00:00+00'",
            *(
                {
                    "a responsibility": ["amount = amount + 1", "kind = 'other'", "carc = '9'"],
                    "an answer": ["outcome = 'denied'", "codes = 'N54'"],
                    "an offset": ["amount = -amount", "code = 'L6'", "reference = 'other'"],
                }[name]
            ),
        )
    ),
    *(
        trigger(
            f"insurer {name} moved to another receipt",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, f=find: change(f(s), f"payment_id = {s.check.pk}"),
        )
        for name, find in OF_INSURERS.items()
    ),
    trigger(
        "insurer a responsibility moved to another line",
        NEVER_CHANGED,
        lambda s: change(s.said, f"line_id = {s.open.pk}"),
    ),
    trigger(
        "insurer an answer that named another payer",
        NEVER_CHANGED.replace("a ", "an? "),
        lambda s: change(s.answer, f"owed_after_id = {s.cascade.pk}"),
    ),
    trigger(
        "insurer somebody else's word by hand",
        NEVER_CHANGED.replace("a ", "an? "),
        lambda s: change(s.by_hand, f"owed_after_id = {s.blueriver.pk}"),
    ),
    *(
        trigger(f"insurer {name} deleted", NEVER_DELETED, lambda s, f=find: delete(f(s)))
        for name, find in {
            "a responsibility": lambda s: s.unsaid,
            "an answer": lambda s: s.unanswered,
            "an offset": lambda s: s.unkept,
        }.items()
    ),
    *(
        trigger(
            f"insurer {model.__name__} rows deleted past the manager",
            NEVER_DELETED,
            lambda s, m=model: models.QuerySet(m)._raw_delete("default"),
        )
        for model in (Responsibility, Adjudication, Offset)
    ),
    *(
        trigger(
            f"insurer {model.__name__} rows changed past the manager",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, m=model: models.QuerySet(m).update(reason="x"),
        )
        for model in (Responsibility, Adjudication, Offset)
    ),
    *(
        trigger(
            f"insurer {name} replaced under its id",
            NEVER_DELETED,
            lambda s, f=find: insert(
                f(s), how="REPLACE INTO", id=f(s).pk, date=day(0), reason="Other"
            ),
            on=("sqlite",),
        )
        for name, find in OF_INSURERS.items()
    ),
    *(
        trigger(
            f"insurer {name} rewritten by an upsert",
            NEVER_CHANGED.replace("a ", "an? "),
            lambda s, f=find: insert(
                f(s), id=f(s).pk, date=day(0), end="ON CONFLICT (id) DO UPDATE SET reason = 'Other'"
            ),
        )
        for name, find in OF_INSURERS.items()
    ),
    *(
        trigger(
            f"insurer {table} emptied",
            "R1: .* is never emptied",
            lambda s, t=table: run(f"TRUNCATE billing_{t} CASCADE"),
            on=("postgresql",),
        )
        for table in ("responsibility", "adjudication", "offset")
    ),
    # ------------------------------------------------------------------ of which line
    *(
        trigger(f"insurer {name} {what}", NOT_OF_THE_LINE, lambda s, w=write, f=found: w(s, **f(s)))
        for name, write in {"a responsibility": say, "an answer": answer}.items()
        for what, found in {
            "of a draft's line": lambda s: {"line_id": s.draft.pk},
            "of a voided line": lambda s: {"line_id": s.billed_twice.pk},
            "before the last row of its line": lambda s: {
                "line_id": s.paid_off.pk,
                "date": day(29),
            },
        }.items()
    ),
    trigger(
        "insurer a word by hand on a voided line",
        NOT_OF_THE_LINE,
        lambda s: insert(s.by_hand, line_id=s.billed_twice.pk, date=day(0)),
    ),
    # ------------------------------------------------------------------ of which receipt
    *(
        trigger(
            f"insurer {name} {what}", NOT_OF_ITS_RECEIPT, lambda s, w=write, f=found: w(s, **f(s))
        )
        for name, write in {"a responsibility": say, "an answer": answer, "an offset": keep}.items()
        for what, found in {
            "with a patient's payment": lambda s: {"payment_id": s.receipt.pk},
            "with the reversal of a check": lambda s: {"payment_id": s.reversal_of_payer.pk},
        }.items()
    ),
    *(
        trigger(
            f"insurer {name} before the last row of its receipt",
            NOT_OF_ITS_RECEIPT,
            lambda s, w=write, f=found: w(s, date=day(10), **f(s)),
        )
        for name, write, found in (
            ("a responsibility", say, lambda s: {"line_id": s.open.pk}),
            ("an answer", answer, lambda s: {"line_id": s.open.pk}),
            ("an offset", keep, lambda s: {}),
        )
    ),
    constraint(
        "insurer a responsibility without a payment",
        "What an insurer said comes with its receipt|payment_id",
        lambda s: say(s, payment_id=None),
    ),
    constraint(
        "insurer an offset without a payment",
        "What an insurer said comes with its receipt|payment_id",
        lambda s: keep(s, payment_id=None),
    ),
    # ------------------------------------------------------------------ amounts
    constraint(
        "insurer a responsibility of nothing", "responsibility_not_zero", lambda s: say(s, amount=0)
    ),
    constraint("insurer an offset of nothing", "offset_not_zero", lambda s: keep(s, amount=0)),
    constraint(
        "insurer more added than the check has left",
        "r3_unallocated_not_negative",
        lambda s: keep(s, amount=-1),
    ),
    trigger(
        "insurer a check that begins with an offset",
        "R3: a payment begins with nothing",
        lambda s: new_payment(s.check, offset_total=-2500),
    ),
    *(
        trigger(
            f"insurer totals of a check: {what}",
            "R3: a payment's totals",
            lambda s, w=what: change(s.remittance, w),
            control="- 100" in what,  # otherwise too much would be allocated
        )
        for what in ("offset_total = 0", "offset_total = offset_total - 100")
    ),
    # ------------------------------------------------------------------ R4: undoing
    trigger(
        "insurer a responsibility taken back in another amount",
        DOES_NOT_FIT,
        lambda s: unsay(s, amount=-1999),
    ),
    trigger(
        "insurer a responsibility taken back on another line",
        DOES_NOT_FIT,
        lambda s: unsay(s, line_id=s.open.pk),
    ),
    trigger(
        "insurer an undone responsibility said again by undoing the undoing",
        DOES_NOT_FIT,
        lambda s: say(
            s,
            undoes_id=s.unsaid.pk,
            line_id=s.unsaid.line_id,
            payment_id=s.unsaid.payment_id,
            amount=2000,
            reason="Again",
        ),
    ),
    trigger(
        "insurer an answer taken back to somebody else",
        DOES_NOT_FIT,
        lambda s: unanswer(s, owed_after_id=s.cascade.pk),
    ),
    trigger(
        "insurer an answer taken back from somebody else",
        DOES_NOT_FIT,
        lambda s: unanswer(s, owed_before_id=s.cascade.pk),
    ),
    trigger(
        "insurer an answer taken back on another line",
        DOES_NOT_FIT,
        lambda s: unanswer(s, line_id=s.open.pk),
    ),
    trigger(
        "insurer an offset taken back in another amount",
        DOES_NOT_FIT,
        lambda s: unkeep(s, amount=2499),
    ),
    trigger(
        "insurer an offset taken back on another check",
        DOES_NOT_FIT,
        lambda s: unkeep(s, payment_id=s.over.pk),
    ),
    *(
        constraint(
            f"insurer {name} taken back twice",
            "undoes_id",
            lambda s, f=find: insert(f(s), date=day(0)),
        )
        for name, find in {
            "a responsibility": lambda s: s.unsaid,
            "an answer": lambda s: s.unanswered,
            "an offset": lambda s: s.unkept,
        }.items()
    ),
    # ------------------------------------------------------------------ R8, R9
    *(
        trigger(
            f"insurer {name} on a closed day",
            "R8: the day is closed",
            lambda s, w=write: w(s, date=day(45)),
        )
        for name, write in {"a responsibility": say, "an answer": answer, "an offset": keep}.items()
    ),
    constraint(
        "insurer a responsibility taken back without a reason",
        "r9_responsibility_says_why",
        lambda s: unsay(s, reason=""),
    ),
    constraint(
        "insurer an answer taken back without a reason",
        "r9_adjudication_says_why",
        lambda s: unanswer(s, reason=""),
    ),
    constraint(
        "insurer a word by hand without a reason",
        "r9_adjudication_says_why",
        lambda s: insert(s.by_hand, date=day(0), reason=""),
    ),
    constraint(
        "insurer an offset taken back without a reason",
        "r9_offset_says_why",
        lambda s: unkeep(s, reason="", payment_id=s.remittance.pk),
    ),
    *(
        constraint(
            f"insurer {name} by nobody",
            "created_by_id",
            lambda s, w=write: w(s, created_by_id=None),
        )
        for name, write in {"a responsibility": say, "an answer": answer, "an offset": keep}.items()
    ),
]
