"""The floor: posting, un-paying and reversing in bare SQL, as little of it as possible.

It works on copies of the tables with the same columns, indexes, CHECKs and foreign keys, but
without our triggers, through the raw cursor of the same connection. Its transactions lock the
lines in id order, check what they owe, claim the form's key, take a number and move the totals
with one statement a table. What it leaves out is what the app adds: patients' locks, covering,
closed days, stale lines, the refusals of the database, and rows as Python objects.
"""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, models

from billing.models import Allocation, InvoiceLine, NumberSeries, Payment, Submission

Copied = Sequence[type[models.Model]]

COPIED: Copied = (
    NumberSeries,
    InvoiceLine,
    Payment,
    Allocation,
    Submission,
)


def copy_of(table: str) -> str:
    return f"floor_{table}"


# ---------------------------------------------------------------------------- the tables


def copy_tables(copied: Copied = COPIED) -> None:
    """Copies of the tables as they are now, rows and all."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            _make_on_sqlite(cursor, copied)
        else:
            _make_on_postgresql(cursor, copied)
        for model in copied:
            table = model._meta.db_table
            columns = ", ".join(
                f'"{f.column}"' for f in model._meta.concrete_fields if not f.generated
            )
            cursor.execute(
                f"INSERT INTO {copy_of(table)} ({columns}) SELECT {columns} FROM {table}"
            )
        if connection.vendor == "postgresql":
            _settle_on_postgresql(cursor, copied)


def _make_on_sqlite(cursor: Any, copied: Copied) -> None:
    """By the schema's own text, under other names."""
    tables = [model._meta.db_table for model in copied]
    marks = ", ".join("%s" for _ in tables)
    cursor.execute(
        f"SELECT sql FROM sqlite_master WHERE tbl_name IN ({marks}) AND type IN ('table', 'index')"
        " AND sql IS NOT NULL ORDER BY type DESC",
        tables,
    )
    for (sql,) in cursor.fetchall():
        sql = re.sub(r'^(CREATE (?:UNIQUE )?INDEX ")', r"\1floor_", sql)
        for table in tables:
            sql = sql.replace(f'"{table}"', f'"{copy_of(table)}"')
        cursor.execute(sql.replace("%", "%%"))


def _make_on_postgresql(cursor: Any, copied: Copied) -> None:
    tables = [model._meta.db_table for model in copied]
    for table in tables:
        cursor.execute(f"CREATE TABLE {copy_of(table)} (LIKE {table} INCLUDING ALL)")
    for table in tables:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = %s::regclass",
            [table],
        )
        for name, definition in cursor.fetchall():
            for other in tables:
                definition = definition.replace(
                    f"REFERENCES {other}(", f"REFERENCES {copy_of(other)}("
                )
            cursor.execute(f'ALTER TABLE {copy_of(table)} ADD CONSTRAINT "{name}" {definition}')


def _settle_on_postgresql(cursor: Any, copied: Copied) -> None:
    for model in copied:
        table = copy_of(model._meta.db_table)
        if model._meta.pk and model._meta.pk.column == "id":
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
                f" COALESCE((SELECT MAX(id) FROM {table}), 1))"
            )
    cursor.execute("VACUUM ANALYZE")


def same_books() -> bool:
    """Whether app and floor ended with the same sums on the same lines and payments."""
    with connection.cursor() as cursor:
        found = []
        for prefix in ("", "floor_"):
            sums = []
            for query in (
                f"SELECT SUM(paid), SUM(balance), COUNT(*) FROM {prefix}billing_invoiceline",
                f"SELECT SUM(amount), COUNT(*) FROM {prefix}billing_allocation",
                "SELECT SUM(amount), SUM(allocated), SUM(returned), SUM(unallocated), COUNT(*)"
                f" FROM {prefix}billing_payment",
                f"SELECT COUNT(*), COUNT(payment_id) FROM {prefix}billing_submission",
            ):
                cursor.execute(query)
                sums.append(cursor.fetchone())
            found.append(sums)
    return bool(found[0] == found[1])


# ---------------------------------------------------------------------------- the work


class Floor:
    """One transaction of bare SQL at a time. Every act returns how many statements it took."""

    def __init__(self, *, user: int, payer: int, today: datetime.date) -> None:
        connection.ensure_connection()
        self.sqlite = connection.vendor == "sqlite"
        self.raw: Any = connection.connection.cursor()
        self.user = user
        self.payer = payer
        self.today = today.isoformat() if self.sqlite else today
        self.statements = 0

    def __call__(self, sql: str, *values: Any) -> Any:
        self.statements += 1
        return self._run(sql, values)

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        self.raw.execute(sql.replace("%s", "?") if self.sqlite else sql, values)
        return self.raw

    def _transaction(self, work: Callable[[], None]) -> int:
        self.statements = 0
        self._run("BEGIN IMMEDIATE" if self.sqlite else "BEGIN")
        try:
            work()
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")
        return self.statements

    # ------------------------------------------------------------------ the two dialects

    def _now(self) -> Any:
        now = datetime.datetime.now(datetime.UTC)
        return now.replace(tzinfo=None).isoformat(" ") if self.sqlite else now

    def _key(self) -> Any:
        return uuid.uuid4().hex if self.sqlite else uuid.uuid4()

    def _lock(self, table: str, columns: str, ids: Sequence[int]) -> list[Any]:
        if self.sqlite:  # BEGIN IMMEDIATE has locked everything
            sql = f"SELECT {columns} FROM {table} WHERE id IN (SELECT value FROM json_each(%s)) ORDER BY id"
            return self(sql, json.dumps(ids)).fetchall()
        sql = f"SELECT {columns} FROM {table} WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
        return self(sql, list(ids)).fetchall()

    def _pairs(self, pairs: Sequence[tuple[int, int]]) -> tuple[str, tuple[Any, ...]]:
        """(line, cents) as a table `v (line, amount)` in SQL."""
        if self.sqlite:
            sql = "(SELECT json_extract(value, '$[0]') AS line, json_extract(value, '$[1]') AS amount FROM json_each(%s)) AS v"
            return sql, (json.dumps(pairs),)
        sql = "unnest(%s::bigint[], %s::bigint[]) AS v (line, amount)"
        return sql, ([line for line, _ in pairs], [amount for _, amount in pairs])

    # ------------------------------------------------------------------ steps

    def _claim(self, verb: str) -> int:
        sql = (
            "INSERT INTO floor_billing_submission (user_id, key, verb, fingerprint, created_at)"
            " VALUES (%s, %s, %s, %s, %s) RETURNING id"
        )
        row = self(sql, self.user, self._key(), verb, "0" * 64, self._now()).fetchone()
        return int(row[0])

    def _answer(self, claim: int, payment: int) -> None:
        self("UPDATE floor_billing_submission SET payment_id = %s WHERE id = %s", payment, claim)

    def _put(self, payment: int, pairs: Sequence[tuple[int, int]], reason: str) -> None:
        """Allocations, the lines' totals and the payment's total: three statements."""
        rows, values = self._pairs(pairs)
        date = "%s" if self.sqlite else "%s::date"
        now = "%s" if self.sqlite else "%s::timestamptz"
        self(
            "INSERT INTO floor_billing_allocation"
            " (payment_id, line_id, amount, date, created_at, created_by_id, reason)"
            f" SELECT %s, v.line, v.amount, {date}, {now}, %s, %s FROM {rows}",
            payment,
            self.today,
            self._now(),
            self.user,
            reason,
            *values,
        )
        self(
            f"UPDATE floor_billing_invoiceline SET paid = paid + v.amount, last_date = {date}"
            f" FROM {rows} WHERE floor_billing_invoiceline.id = v.line",
            self.today,
            *values,
        )
        self(
            f"UPDATE floor_billing_payment SET allocated = allocated + %s, last_date = {date}"
            " WHERE id = %s",
            sum(amount for _line, amount in pairs),
            self.today,
            payment,
        )

    def _insert_payment(self, **columns: Any) -> int:
        row = {
            "date": self.today,
            "last_date": self.today,
            "created_at": self._now(),
            "created_by_id": self.user,
            "payer_id": self.payer,
            "method": "check",
            "reference": "",
            "note": "",
            "reason": "",
            "over_allocation_reason": "",
            "allocated": 0,
            "returned": 0,
            "offset_total": 0,
            "reversed": False,
            **columns,
        }
        names, marks = ", ".join(row), ", ".join("%s" for _ in row)
        sql = f"INSERT INTO floor_billing_payment ({names}) VALUES ({marks}) RETURNING id"
        return int(self(sql, *row.values()).fetchone()[0])

    def _held(self, payment: int) -> list[tuple[int, int]]:
        """What a payment has on its lines, opposite and locked."""
        rows = self(
            "SELECT line_id, SUM(amount) FROM floor_billing_allocation WHERE payment_id = %s"
            " GROUP BY line_id HAVING SUM(amount) <> 0",
            payment,
        ).fetchall()
        pairs = [(int(line), -int(amount)) for line, amount in rows]
        paid = dict(
            self._lock("floor_billing_invoiceline", "id, paid", [line for line, _ in pairs])
        )
        assert all(paid[line] + amount >= 0 for line, amount in pairs)
        return pairs

    # ------------------------------------------------------------------ acts

    def post(self, pairs: Sequence[tuple[int, int]], reference: str) -> int:
        """record_payment: an insurer's check on these (line, cents)."""

        def work() -> None:
            claim = self._claim("record_payment")
            owed = dict(
                self._lock("floor_billing_invoiceline", "id, balance", [line for line, _ in pairs])
            )
            assert all(amount <= owed[line] for line, amount in pairs)
            number = self(
                "INSERT INTO floor_billing_numberseries (prefix, next_number) VALUES ('IP', 2)"
                " ON CONFLICT (prefix) DO UPDATE"
                " SET next_number = floor_billing_numberseries.next_number + 1"
                " RETURNING next_number - 1"
            ).fetchone()[0]
            payment = self._insert_payment(
                kind="receipt",
                number=f"IP-{number:04d}",
                amount=sum(amount for _line, amount in pairs),
                reference=reference,
            )
            self._put(payment, pairs, "")
            self._answer(claim, payment)

        return self._transaction(work)

    def unpay(self, payment: int) -> int:
        """unpay: take a receipt off every line it pays."""

        def work() -> None:
            claim = self._claim("unpay")
            self._lock("floor_billing_payment", "id", [payment])
            self._put(payment, self._held(payment), "Benchmark")
            self._answer(claim, payment)

        return self._transaction(work)

    def reverse(self, payment: int) -> int:
        """reverse: take an insurer's receipt off its lines, and write the opposite row."""

        def work() -> None:
            claim = self._claim("reverse")
            ((_, amount, was_reversed),) = self._lock(
                "floor_billing_payment", "id, amount, reversed", [payment]
            )
            assert not was_reversed
            self._put(payment, self._held(payment), "Benchmark")
            row = self._insert_payment(
                kind="reversal",
                amount=-amount,
                original_id=payment,
                source_id=payment,
                reason="Benchmark",
            )
            self(
                "UPDATE floor_billing_payment SET reversed = %s, returned = returned + %s"
                " WHERE id = %s",
                True,
                amount,
                payment,
            )
            self._answer(claim, row)

        return self._transaction(work)
