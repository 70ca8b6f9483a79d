"""Voided lines, batches of the journal, deposit slips."""

from __future__ import annotations

from django.db import models

from billing.models import LineVoid
from tests.factories.bills import day
from tests.ledger.attacks.attack import (
    NEVER_CHANGED,
    NEVER_DELETED,
    NOT_BOOKED,
    Attack,
    constraint,
    trigger,
)
from tests.ledger.attacks.rows import (
    adjust,
    bank,
    change,
    delete,
    hand_over,
    insert,
    pay,
    run,
    undo,
    void,
)

ATTACKS: list[Attack] = [
    # ------------------------------------------------------------------ voided lines
    *(
        trigger(f"void {what}", NEVER_CHANGED, lambda s, c=change_: change(s.void, c))
        for what, change_ in {
            "moved to another day": "date = '2020-01-01'",
            "given another reason": "reason = 'another'",
        }.items()
    ),
    trigger(
        "void moved to another line",
        NEVER_CHANGED,
        lambda s: change(s.void, f"line_id = {s.free_of_charge.pk}"),
    ),
    trigger("void taken back", NEVER_DELETED, lambda s: delete(s.void)),
    trigger(
        "void taken back past the manager",
        NEVER_DELETED,
        lambda s: models.QuerySet(LineVoid)._raw_delete("default"),
    ),
    trigger(
        "void replaced under its id",
        NEVER_DELETED,
        lambda s: insert(s.void, how="REPLACE INTO", id=s.void.pk, date=day(0)),
        on=("sqlite",),
    ),
    trigger(
        "void of a line that owes",
        "R2: an issued line is voided once nothing is paid or owed",
        lambda s: void(s, s.open),
    ),
    trigger(
        "void of a line that is paid",
        "R2: an issued line is voided once nothing is paid or owed",
        lambda s: void(s, s.paid_off),
    ),
    trigger(
        "void of a draft's line",
        "R2: an issued line is voided once nothing is paid or owed",
        lambda s: void(s, s.draft),
    ),
    trigger(
        "void of a line an insurer's write-off stands on",
        "R2: a line is voided once no insurer's write-off stands on it",
        lambda s: void(s, s.of_cascade),
    ),
    trigger(
        "void before the last row of its line",
        "R2: an issued line is voided",
        lambda s: void(s, s.free_of_charge, date=day(31)),
    ),
    trigger(
        "void on a closed day", "R8: the day is closed", lambda s: void(s, s.of_old, date=day(45))
    ),
    constraint("void of a line a second time", "line_id", lambda s: void(s, s.billed_twice)),
    constraint(
        "void without a reason", "r9_void_says_why", lambda s: void(s, s.free_of_charge, reason="")
    ),
    constraint(
        "void by nobody", "created_by_id", lambda s: void(s, s.free_of_charge, created_by_id=None)
    ),
    trigger(
        "void line that owes again",
        "R2: nothing is put on a voided line",
        lambda s: adjust(s, s.billed_twice, -100),
    ),
    constraint(
        "void line that is paid",
        "r2_line_balance_not_negative",
        lambda s: pay(s, s.receipt, s.billed_twice, 100),
    ),
    constraint(
        "void line with more written off",
        "R2: nothing is put on a voided line|r2_line_balance_not_negative",
        lambda s: adjust(s, s.billed_twice, 100),
    ),
    # ------------------------------------------------------------------ the journal's batches
    trigger(
        "journal batch moved to another day",
        NEVER_CHANGED,
        lambda s: change(s.batch, "date = '2020-01-01'"),
    ),
    trigger(
        "journal batch given another chart",
        NEVER_CHANGED,
        lambda s: change(s.batch, "frozen = '{}'"),
    ),
    trigger("journal batch taken back", NEVER_DELETED, lambda s: delete(s.batch), control=False),
    trigger("journal item taken off", NEVER_DELETED, lambda s: delete(s.booked)),
    trigger(
        "journal item made another row", NEVER_CHANGED, lambda s: change(s.booked, "row_id = 0")
    ),
    trigger("journal item of no row", NOT_BOOKED, lambda s: hand_over(s, row_id=0)),
    trigger("journal item of no kind", NOT_BOOKED, lambda s: hand_over(s, kind="deposit")),
    trigger(
        "journal item with another date",
        NOT_BOOKED,
        lambda s: hand_over(s, row_id=s.late.pk, date=day(21)),
    ),
    trigger(
        "journal item after its batch",
        NOT_BOOKED,
        lambda s: hand_over(s, row_id=s.late.pk, date=s.late.date),
    ),
    constraint(
        "journal item handed over twice",
        "journal_item_in_one_batch|kind, billing_journalitem.row_id",
        lambda s: insert(s.booked),
    ),
    # ------------------------------------------------------------------ deposits
    trigger(
        "deposit moved to another day",
        NEVER_CHANGED,
        lambda s: change(s.slip, "date = '2020-01-01'"),
    ),
    trigger(
        "deposit given another number", NEVER_CHANGED, lambda s: change(s.slip, "number = 'D-9999'")
    ),
    trigger("deposit taken back", NEVER_DELETED, lambda s: delete(s.slip), control=False),
    trigger("deposit item taken off", NEVER_DELETED, lambda s: delete(s.item)),
    trigger(
        "deposit item made another payment",
        NEVER_CHANGED,
        lambda s: change(s.item, f"payment_id = {s.receipt.pk}"),
    ),
    trigger(
        "deposit item moved to another slip",
        NEVER_CHANGED,
        lambda s: change(s.item, f"deposit_id = {s.old_slip.pk}"),
    ),
    trigger(
        "deposit item replaced under its id",
        NEVER_DELETED,
        lambda s: bank(s, s.receipt, id=s.item.pk, how="REPLACE INTO"),
        on=("sqlite",),
    ),
    constraint("deposit of one payment on two slips", "payment_id", lambda s: bank(s, s.banked)),
    *(
        trigger(f"deposit of {what}", "A slip holds receipts", lambda s, p=of: bank(s, p(s)))
        for what, of in {
            "what went to another account": lambda s: s.out,
            "what came from another account": lambda s: s.into,
            "the reversal of a transfer": lambda s: s.of_transfer,
            "a deletion": lambda s: s.deletion,
            "a deleted receipt": lambda s: s.gone,
            "a receipt later than the slip": lambda s: s.late,
        }.items()
    ),
    trigger(
        "deposit on a closed day",
        "R8: the day is closed",
        lambda s: insert(s.slip, number="D-0009", date=day(45)),
    ),
    trigger(
        "deposit of a closed day that gets one item more",
        "R8: the day is closed",
        lambda s: bank(s, s.old_receipt, deposit_id=s.old_slip.pk),
    ),
    constraint(
        "deposit by nobody",
        "created_by_id",
        lambda s: insert(s.slip, number="D-0009", date=day(0), created_by_id=None),
    ),
    constraint(
        "deposit under a number that is given", "number", lambda s: insert(s.slip, date=day(0))
    ),
    trigger(
        "deposit whose receipt is deleted",
        "A deposited payment is reversed, not deleted",
        lambda s: undo(s.banked, kind="void"),
    ),
    *(
        trigger(
            f"{name} emptied",
            "R1: .* is never emptied",
            lambda s, t=table: run(f"TRUNCATE billing_{t} CASCADE"),
            on=("postgresql",),
        )
        for name, table in {
            "void lines": "linevoid",
            "deposit slips": "deposit",
            "deposit items": "deposititem",
        }.items()
    ),
]
