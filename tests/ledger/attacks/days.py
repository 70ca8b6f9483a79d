"""R8, R9 and R10: closed days, who and why, the same form twice."""

from __future__ import annotations

from tests.factories.bills import day
from tests.ledger.attacks.attack import NEVER_CHANGED, NEVER_DELETED, Attack, constraint, trigger
from tests.ledger.attacks.rows import (
    adjust,
    change,
    delete,
    draw,
    insert,
    issue,
    new_payment,
    pay,
    undo,
)

ATTACKS: list[Attack] = [
    # ------------------------------------------------------------------ R8: closed days
    trigger(
        "R8 a payment on a closed day",
        "R8: the day is closed",
        lambda s: new_payment(s.free, date=day(40)),
    ),
    trigger(
        "R8 a reversal on a closed day",
        "R8: the day is closed",
        lambda s: undo(s.old_receipt, date=day(45)),
    ),
    trigger(
        "R8 an allocation on a closed day",
        "R8: the day is closed",
        lambda s: pay(s, s.old_receipt, s.old_line, 100, date=day(45)),
    ),
    trigger(
        "R8 an adjustment on a closed day",
        "R8: the day is closed",
        lambda s: adjust(s, s.old_line, 100, date=day(45)),
    ),
    trigger(
        "R8 a line issued on a closed day",
        "R8: the day is closed",
        lambda s: issue(s, issued_on=day(45), last_date=day(45)),
    ),
    trigger(
        "R8 a draft issued on a closed day",
        "R8: the day is closed",
        lambda s: change(s.draft, f"issued_on = '{day(45)}', last_date = '{day(45)}'"),
    ),
    trigger(
        "R8 an allocation before its receipt",
        "R5: a standing receipt .* not before their last row",
        lambda s: pay(s, s.receipt, s.old_line, 100, date=day(21)),
    ),
    trigger(
        "R8 an allocation before its line",
        "R5: a standing receipt .* not before their last row",
        lambda s: pay(s, s.old_receipt, s.open, 100, date=day(31)),
    ),
    trigger(
        "R8 an adjustment before the last row of its line",
        "An adjustment is on an issued line, not before",
        lambda s: adjust(s, s.shared, 100, date=day(21)),
    ),
    trigger(
        "R8 a reversal before the last row of its receipt",
        "cannot be dated before the receipt",
        lambda s: undo(s.receipt, date=day(21)),
    ),
    trigger(
        "R8 the closing date rewritten",
        NEVER_CHANGED,
        lambda s: change(s.closing, "closed_through = '2000-01-01'"),
    ),
    trigger("R8 the closing date taken away", NEVER_DELETED, lambda s: delete(s.closing)),
    trigger(
        "R1 an export that was of something else",
        NEVER_CHANGED,
        lambda s: change(s.export, "report = 'journal'"),
    ),
    trigger("R1 an export that never was", NEVER_DELETED, lambda s: delete(s.export)),
    trigger(
        "R8 the books reopened without a reason",
        "R8: reopening a period needs a reason",
        lambda s: insert(s.closing, closed_through=day(100)),
    ),
    trigger(
        "R8 a receipt frozen by a last date ahead",
        "R3: a payment's totals are the sums of its rows",
        lambda s: change(s.receipt, f"last_date = '{day(0)}'"),
    ),
    trigger(
        "R8 a line frozen by a last date ahead",
        "R2: a line's totals are the sums of its rows",
        lambda s: change(s.shared, f"last_date = '{day(0)}'"),
    ),
    # ------------------------------------------------------------------ R9: who and why
    constraint(
        "R9 a refund without a reason",
        "r9_undoing_says_why",
        lambda s: draw(s.receipt, "refund", -100, reason=""),
    ),
    constraint(
        "R9 a reversal without a reason",
        "r9_undoing_says_why",
        lambda s: undo(s.receipt, reason=""),
    ),
    constraint(
        "R9 a void without a reason",
        "r9_undoing_says_why",
        lambda s: undo(s.receipt, kind="void", reason=""),
    ),
    constraint(
        "R9 an un-pay without a reason",
        "r9_unpay_says_why",
        lambda s: pay(s, s.receipt, s.shared, -100, reason=""),
    ),
    constraint(
        "R9 a write-off put back without a reason",
        "r9_adjustment_says_why",
        lambda s: adjust(s, s.insured, -100, reason=""),
    ),
    constraint(
        "R9 an un-pay by nobody",
        "created_by_id",
        lambda s: pay(s, s.receipt, s.shared, -100, created_by_id=None),
    ),
    trigger(
        "R1 a line added to an issued invoice",
        "R1: an issued invoice gets no further line",
        lambda s: insert(s.draft, invoice_id=s.open.invoice_id, issued_on=None, last_date=None),
    ),
    trigger(
        "R1 a draft's line moved to an issued invoice",
        "R1: an issued invoice gets no further line",
        lambda s: change(s.draft, f"invoice_id = {s.open.invoice_id}"),
    ),
    # ------------------------------------------------------------------ R10: once
    constraint(
        "R10 a payer's reference twice",
        "r10_payer_reference_once|reference",
        lambda s: new_payment(s.check, reference="104482"),
    ),
    constraint(
        "R10 a form's key twice", "r10_form_carried_out_once|key", lambda s: insert(s.submission)
    ),
    trigger(
        "R10 what a form did, rewritten",
        "R10: what was carried out is not rewritten",
        lambda s: change(s.submission, f"payment_id = {s.free.pk}"),
    ),
    trigger(
        "R10 a form forgotten",
        "R10: what was carried out stays known",
        lambda s: delete(s.submission),
    ),
]
