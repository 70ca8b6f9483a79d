"""Rows put past the ledger, in raw SQL: a copy of an honest row with something changed in it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.db import connection, models

from billing.models import InvoiceLine, Payment
from tests.factories.bills import day
from tests.ledger.attacks.scene import Scene


def run(sql: str, values: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def columns(row: models.Model) -> dict[str, Any]:
    """The stored columns of a row, as the database has them, without its id."""
    fields = [each for each in row._meta.concrete_fields if not each.generated]
    names = [each.column for each in fields if not each.primary_key]
    with connection.cursor() as cursor:
        listed = ", ".join(names)
        sql = f"SELECT {listed} FROM {row._meta.db_table} WHERE id = %s"
        cursor.execute(sql, [row.pk])
        return dict(zip(names, cursor.fetchone(), strict=True))


def insert(like: models.Model, how: str = "INSERT INTO", end: str = "", **changes: Any) -> None:
    """Insert a copy of a row with these columns changed; amounts are in cents."""
    row = columns(like)
    if "control_number" in row:
        row["control_number"] = ""  # the original's own
    row |= changes
    places = ", ".join(["%s"] * len(row))
    table = like._meta.db_table
    run(f"{how} {table} ({', '.join(row)}) VALUES ({places}) {end}", list(row.values()))


def new_payment(like: Payment, **changes: Any) -> None:
    """A copy as an honest insert would begin it: nothing allocated, returned or reversed."""
    date = changes.pop("date", day(0))
    insert(
        like,
        **{
            "number": None if like.number is None else f"X-{uuid4().hex[:6]}",
            "reference": "",
            "allocated": 0,
            "returned": 0,
            "reversed": False,
            "date": date,
            "last_date": date,
            **changes,
        },
    )


def undo(of: Payment, **changes: Any) -> None:
    """A reversal row of a payment, as an honest insert would write it."""
    amount = -int(of.amount * 100)
    source = of.source_id or of.pk
    new_payment(
        of,
        **{
            "kind": "reversal",
            "number": None,
            "amount": amount,
            "original_id": of.pk,
            "source_id": source,
            "reason": "Bounced",
            "over_allocation_reason": "",
            **changes,
        },
    )


def draw(of: Payment, kind: str, amount: int, **changes: Any) -> None:
    """A refund or transfer out of a receipt."""
    undo(of, **{"kind": kind, "amount": amount, "source_id": of.pk, **changes})


def pay(s: Scene, payment: Payment, line: InvoiceLine, amount: int, **changes: Any) -> None:
    """An allocation row, as an honest insert would write it."""
    reason = "" if amount > 0 else "Un-paid"
    insert(
        s.allocation,
        **{
            "payment_id": payment.pk,
            "line_id": line.pk,
            "amount": amount,
            "date": day(0),
            "reason": reason,
            **changes,
        },
    )


def adjust(s: Scene, line: InvoiceLine, amount: int, **changes: Any) -> None:
    insert(
        s.write_off,
        **{
            "line_id": line.pk,
            "amount": amount,
            "payment_id": None,
            "date": day(0),
            "reason": "Courtesy",
            **changes,
        },
    )


def void(s: Scene, line: InvoiceLine, **changes: Any) -> None:
    """A row that says a line is void, as an honest insert would write it."""
    insert(s.void, **{"line_id": line.pk, "date": day(0), **changes})


def bank(s: Scene, payment: Payment, **changes: Any) -> None:
    """One payment more on the slip of four days ago."""
    insert(s.item, **{"payment_id": payment.pk, **changes})


def hand_over(s: Scene, **changes: Any) -> None:
    """One item more in the journal batch of twenty days ago."""
    insert(s.booked, **changes)


def issue(s: Scene, **changes: Any) -> None:
    day_of_issue = {"issued_on": day(30), "last_date": day(30)}
    fresh = {"invoice_id": s.draft.invoice_id, "paid": 0, "adjusted": 0}
    insert(s.open, **{**fresh, **day_of_issue, **changes})


def say(s: Scene, **changes: Any) -> None:
    """What an insurer says the patient owes, as an honest insert would write it."""
    insert(s.said, **{"date": day(0), **changes})


def answer(s: Scene, **changes: Any) -> None:
    """An insurer's answer on a line."""
    insert(s.answer, **{"date": day(0), **changes})


def keep(s: Scene, **changes: Any) -> None:
    """An offset of an insurer's payment."""
    insert(s.offset, **{"date": day(0), **changes})


def unsay(s: Scene, **changes: Any) -> None:
    of = {"undoes_id": s.said.pk, "amount": -2000, "reason": "Bounced"}
    say(s, **{**of, **changes})


def unanswer(s: Scene, **changes: Any) -> None:
    turned = {"owed_before_id": s.answer.owed_after_id, "owed_after_id": s.answer.owed_before_id}
    answer(s, **{"undoes_id": s.answer.pk, "reason": "Bounced", **turned, **changes})


def unkeep(s: Scene, **changes: Any) -> None:
    of = {"undoes_id": s.offset.pk, "amount": -2500, "reason": "Bounced"}
    keep(s, **{**of, **changes})


def change(row: models.Model, what: str) -> None:
    run(f"UPDATE {row._meta.db_table} SET {what} WHERE id = {row.pk}")


def delete(row: models.Model) -> None:
    run(f"DELETE FROM {row._meta.db_table} WHERE id = {row.pk}")
