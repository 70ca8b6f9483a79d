"""R1 and the totals that follow: a row of money is never changed, deleted or replaced."""

from __future__ import annotations

from django.db import models

from billing.models import Allocation
from tests.factories import OwnerFactory
from tests.factories.bills import day, money
from tests.ledger.attacks.attack import NEVER_CHANGED, NEVER_DELETED, Attack, trigger
from tests.ledger.attacks.rows import change, delete, insert, run

ATTACKS: list[Attack] = [
    # ------------------------------------------------------------------ R1: changes
    *(
        trigger(f"R1 a payment's {what}", NEVER_CHANGED, lambda s, w=what: change(s.free, w))
        for what in (
            "amount = amount + 1000",
            "date = '2020-01-01'",
            "patient_id = 0 + patient_id + 1",
            "method = 'card'",
            "reference = 'another'",
            "number = 'R-9999'",
            "reason = 'another'",
            "created_at = '2020-01-01 00:00:00+00'",
        )
    ),
    trigger(
        "R1 a payment's kind",
        NEVER_CHANGED,
        lambda s: change(s.free, "kind = 'refund'"),
        control=False,
    ),
    trigger(
        "R1 who entered a payment",
        NEVER_CHANGED,
        lambda s: change(s.free, f"created_by_id = {OwnerFactory(username='ben').pk}"),
    ),
    trigger(
        "R1 a reversal's original",
        NEVER_CHANGED,
        lambda s: change(s.reversal, f"original_id = {s.receipt.pk}"),
    ),
    trigger(
        "R1 an allocation's amount",
        NEVER_CHANGED,
        lambda s: change(s.allocation, "amount = amount - 1"),
    ),
    trigger(
        "R1 an allocation's line",
        NEVER_CHANGED,
        lambda s: change(s.allocation, f"line_id = {s.open.pk}"),
    ),
    trigger(
        "R1 an allocation's receipt",
        NEVER_CHANGED,
        lambda s: change(s.allocation, f"payment_id = {s.other.pk}"),
    ),
    trigger(
        "R1 an allocation's day",
        NEVER_CHANGED,
        lambda s: change(s.allocation, "date = '2020-01-01'"),
    ),
    trigger(
        "R1 all allocations at once",
        NEVER_CHANGED,
        lambda s: run("UPDATE billing_allocation SET reason = 'x'"),
    ),
    trigger(
        "R1 an adjustment's amount",
        NEVER_CHANGED,
        lambda s: change(s.write_off, "amount = amount - 1"),
    ),
    trigger(
        "R1 an adjustment's kind", NEVER_CHANGED, lambda s: change(s.write_off, "kind = 'bad_debt'")
    ),
    *(
        trigger(f"R1 an issued line's {what}", NEVER_CHANGED.replace("a ", "an "), attempt)
        for what, attempt in {
            "amount": lambda s: change(s.open, "amount = amount + 1"),
            "patient": lambda s: change(s.open, f"patient_id = {s.okafor.pk}"),
            "provider": lambda s: change(s.open, f"provider_id = {s.dr2.pk}"),
            "service date": lambda s: change(s.open, "service_date = '2020-01-01'"),
            "day of issue": lambda s: change(s.open, "issued_on = '2020-01-01'"),
            "issue, taken back": lambda s: change(s.open, "issued_on = NULL, last_date = NULL"),
            "invoice": lambda s: change(s.open, f"invoice_id = {s.hers.invoice_id}"),
        }.items()
    ),
    trigger(
        "R1 an issued invoice's number",
        "R1: an issued invoice is never changed",
        lambda s: change(s.open.invoice, "number = 'INV-9999'"),
    ),
    trigger(
        "R1 an issued invoice's patient",
        "R1: an issued invoice is never changed",
        lambda s: change(s.open.invoice, f"patient_id = {s.okafor.pk}"),
    ),
    trigger(
        "R1 an issued invoice made a draft again",
        "R1: an issued invoice is never changed",
        lambda s: change(s.open.invoice, "number = NULL, issued_on = NULL, issued_at = NULL"),
    ),
    trigger(
        "R1 past the manager, by a plain QuerySet",
        NEVER_CHANGED,
        lambda s: models.QuerySet(Allocation).update(amount=money(1)),
    ),
    # ------------------------------------------------------------------ R1: deletions
    trigger("R1 a payment deleted", NEVER_DELETED, lambda s: delete(s.reversal)),
    trigger("R1 an allocation deleted", NEVER_DELETED, lambda s: delete(s.allocation)),
    trigger("R1 an adjustment deleted", NEVER_DELETED, lambda s: delete(s.given_back)),
    trigger(
        "R1 all allocations deleted", NEVER_DELETED, lambda s: run("DELETE FROM billing_allocation")
    ),
    trigger(
        "R1 deleted past the manager",
        NEVER_DELETED,
        lambda s: models.QuerySet(Allocation)._raw_delete("default"),
    ),
    trigger(
        "R1 an issued line deleted", "R1: an issued line is never deleted", lambda s: delete(s.open)
    ),
    trigger(
        "R1 an issued invoice deleted",
        "R1: an issued invoice is never deleted",
        lambda s: delete(s.open.invoice),
        control=False,  # its line stands behind it
    ),
    *(
        trigger(
            f"R1 {table} emptied",
            "R1: .* is never emptied",
            lambda s, t=table: run(f"TRUNCATE billing_{t} CASCADE"),
            on=("postgresql",),
        )
        for table in ("payment", "allocation", "adjustment", "invoiceline", "invoice")
    ),
    # ------------------------------------------------------------------ R1: replaced
    trigger(
        "R1 an allocation replaced under its id",
        NEVER_DELETED,
        lambda s: insert(
            s.allocation, how="REPLACE INTO", id=s.allocation.pk, amount=100, date=day(0)
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 an adjustment replaced under its id",
        NEVER_DELETED,
        lambda s: insert(
            s.write_off,
            how="INSERT OR REPLACE INTO",
            id=s.write_off.pk,
            payment_id=None,
            amount=100,
            date=day(0),
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 an issued line replaced under its id",
        "R1: an issued (line is never deleted|invoice gets no further line)",
        lambda s: insert(s.open, how="REPLACE INTO", id=s.open.pk, amount=100),
        on=("sqlite",),
    ),
    trigger(
        "R1 a payment replaced through its unique number",
        NEVER_DELETED,
        lambda s: insert(
            s.old_receipt, how="REPLACE INTO", amount=99900, date=day(0), last_date=day(0)
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 a payment replaced by an UPDATE OR REPLACE",
        NEVER_CHANGED,
        lambda s: run(
            f"UPDATE OR REPLACE billing_payment SET number = '{s.receipt.number}'"
            f" WHERE id = {s.free.pk}"
        ),
        on=("sqlite",),
    ),
    trigger(
        "R1 an allocation rewritten by an upsert",
        NEVER_CHANGED,
        lambda s: insert(
            s.allocation,
            id=s.allocation.pk,
            amount=100,
            date=day(0),
            end="ON CONFLICT (id) DO UPDATE SET amount = 100",
        ),
    ),
    # ------------------------------------------------------------------ derived totals
    *(
        trigger(
            f"totals of a line: {what}",
            "R2: a line's totals",
            lambda s, w=what: change(s.insured, w),
        )
        for what in (
            "paid = paid - 1000",
            "paid = 0",
            "adjusted = 0",
            "adjusted = adjusted + 100",
            "last_date = '2020-01-01'",
        )
    ),
    *(
        trigger(
            f"totals of a payment: {what}",
            "R3: a payment's totals",
            lambda s, w=what: change(s.free, w),
        )
        for what in (
            "allocated = 500",
            "returned = 0",
            "returned = returned + 100",
            "reversed = TRUE",
            "last_date = '2020-01-01'",
        )
    ),
    trigger(
        "totals of a payment: reversed, made standing again",
        "R3: a payment's totals",
        lambda s: change(s.bounced, "reversed = FALSE"),
    ),
]
