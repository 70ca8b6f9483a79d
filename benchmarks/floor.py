"""The floor: posting, un-paying and reversing in bare SQL, written by hand.

It does what the rules ask for, on the app's own tables with their triggers, CHECKs and indexes. One
transaction claims the form's key; looks whether the payer's check number stands already; locks the
patients with their lines, and the receipts that covering might move; checks in Python what every
line owes; asks who is billed next; takes a number; writes the payment, the allocations, the insurer's
answers and who owes the rest now, and names the payment on the form. Totals are moved by the
triggers, for both. What it leaves out is what makes an app of it: the plan of a verb with covering,
releasing and takebacks, rows as objects, a sentence for everything refused, the fingerprint of the
form, stale lines, and the payment read back.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from billing.models import Adjudication, Allocation, InvoiceLine, Payment
from billing.models.periods import CLOSING_LOCK

Pairs = Sequence[tuple[int, int]]  # (line, cents)
MONEY_IN = "(kind = 'receipt' OR (kind = 'transfer_in' AND source_id IS NULL))"


def books(lines: Iterable[InvoiceLine]) -> list[Any]:
    """What stands on lines and on their payments, to compare what app and floor left behind."""
    ids = [line.pk for line in lines]
    rows = Allocation.objects.filter(line__in=ids)
    return [
        InvoiceLine.objects.filter(pk__in=ids).aggregate(
            Sum("paid"), Sum("balance"), Count("payer")
        ),
        rows.aggregate(Sum("amount"), Count("pk"), Count("payment", distinct=True)),
        Adjudication.objects.filter(line__in=ids).aggregate(Count("pk"), Count("undoes")),
        Payment.objects.filter(pk__in=rows.values("payment")).aggregate(
            Sum("amount"), Sum("allocated"), Sum("returned"), Sum("unallocated")
        ),
    ]


class Floor:
    """One transaction of bare SQL at a time. Every act returns how many statements it took."""

    def __init__(self, *, user: int, payer: int, today: datetime.date) -> None:
        connection.ensure_connection()
        self.sqlite = connection.vendor == "sqlite"
        self.raw: Any = connection.connection.cursor()
        self.user = user
        self.payer = payer
        self.today: Any = today.isoformat() if self.sqlite else today
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
            if not self.sqlite:
                self("SELECT pg_advisory_xact_lock_shared(%s)", CLOSING_LOCK)
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

    def _among(self, ids: Iterable[int]) -> tuple[str, Any]:
        if self.sqlite:
            return "IN (SELECT value FROM json_each(%s))", json.dumps(list(ids))
        return "= ANY(%s)", list(ids)

    def _for_update(self, tables: str = "") -> str:
        # BEGIN IMMEDIATE has locked everything on SQLite.
        of = f" OF {tables}" if tables else ""
        return "" if self.sqlite else f" FOR NO KEY UPDATE{of}"

    def _table(self, *columns: Sequence[int]) -> tuple[str, tuple[Any, ...]]:
        """Columns of whole numbers as a table `v (c0, c1 …)` in SQL."""
        names = [f"c{number}" for number in range(len(columns))]
        if self.sqlite:
            picked = ", ".join(f"value ->> {place} AS {each}" for place, each in enumerate(names))
            rows = json.dumps(list(zip(*columns, strict=True)))
            return f"(SELECT {picked} FROM json_each(%s)) AS v", (rows,)
        arrays = ", ".join("%s::bigint[]" for _ in names)
        return f"unnest({arrays}) AS v ({', '.join(names)})", tuple(map(list, columns))

    # ------------------------------------------------------------------ steps

    def _claim(self, verb: str) -> int:
        row = self(
            "INSERT INTO billing_submission (user_id, key, verb, fingerprint, created_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id, key) DO NOTHING RETURNING id",
            self.user,
            uuid.uuid4().hex if self.sqlite else uuid.uuid4(),
            verb,
            "0" * 64,
            self._now(),
        ).fetchone()
        return int(row[0])

    def _answer(self, claim: int, payment: int) -> None:
        self("UPDATE billing_submission SET payment_id = %s WHERE id = %s", payment, claim)

    def _lock_lines(self, lines: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Lock lines with their patients, and their receipts with credit: line → balance, paid."""
        among, ids = self._among(lines)
        rows = self(
            "SELECT l.id, l.balance, l.paid, l.patient_id, l.payer_id FROM billing_invoiceline l"
            f" JOIN patients_patient p ON p.id = l.patient_id WHERE l.id {among}"
            " AND l.issued_on IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM billing_linevoid v WHERE v.line_id = l.id)"
            f" ORDER BY p.id, l.id{self._for_update('l, p')}",
            ids,
        ).fetchall()
        self.patients = {patient for _line, _balance, _paid, patient, _payer in rows}
        self._lock_receipts()
        return {line: (balance, paid) for line, balance, paid, _patient, _payer in rows}

    def _lock_receipts(self) -> None:
        among, ids = self._among(self.patients)
        self(
            f"SELECT id, patient_id, provider_id, unallocated, reversed FROM billing_payment"
            f" WHERE {MONEY_IN} AND ((patient_id {among} AND unallocated > 0)"
            f" OR (patient_id {among} AND unallocated < 0)) ORDER BY id{self._for_update()}",
            ids,
            ids,
        ).fetchall()

    def _put(self, payment: int, pairs: Pairs, reason: str) -> None:
        source, values = self._table(*zip(*pairs, strict=True))
        date = "%s" if self.sqlite else "%s::date"
        now = "%s" if self.sqlite else "%s::timestamptz"
        self(
            "INSERT INTO billing_allocation"
            " (payment_id, line_id, amount, date, created_at, created_by_id, reason)"
            f" SELECT %s, v.c0, v.c1, {date}, {now}, %s, %s FROM {source}",
            payment,
            self.today,
            self._now(),
            self.user,
            reason,
            *values,
        )

    def _say(self, payment: int, answers: Sequence[tuple[int, Any, Any, Any]], reason: str) -> None:
        """Answers (line, owed before, owed after, undoes), and who owes these lines now."""
        source, values = self._table(*zip(*answers, strict=True))
        date = "%s" if self.sqlite else "%s::date"
        now = "%s" if self.sqlite else "%s::timestamptz"
        self(
            "INSERT INTO billing_adjudication (payment_id, outcome, codes, line_id, owed_before_id,"
            " owed_after_id, undoes_id, date, created_at, created_by_id, reason)"
            f" SELECT %s, 'paid', '', v.c0, v.c1, v.c2, v.c3, {date}, {now}, %s, %s FROM {source}",
            payment,
            self.today,
            self._now(),
            self.user,
            reason,
            *values,
        )
        source, values = self._table([row[0] for row in answers], [row[2] for row in answers])
        self(
            f"UPDATE billing_invoiceline SET payer_id = v.c1 FROM {source}"
            " WHERE billing_invoiceline.id = v.c0",
            *values,
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
        sql = f"INSERT INTO billing_payment ({names}) VALUES ({marks}) RETURNING id"
        return int(self(sql, *row.values()).fetchone()[0])

    def _held(self, payment: int) -> Pairs:
        """What a payment has on its lines, opposite and locked."""
        rows = self(
            "SELECT line_id, SUM(amount) FROM billing_allocation WHERE payment_id = %s"
            " GROUP BY line_id HAVING SUM(amount) <> 0",
            payment,
        ).fetchall()
        pairs = [(int(line), -int(amount)) for line, amount in rows]
        locked = self._lock_lines(line for line, _ in pairs)
        assert all(locked[line][1] + amount >= 0 for line, amount in pairs)
        return pairs

    # ------------------------------------------------------------------ acts

    def post(self, pairs: Pairs, reference: str) -> int:
        """record_payment: an insurer's check on these (line, cents)."""

        def work() -> None:
            claim = self._claim("record_payment")
            self(
                f"SELECT id FROM patients_payer WHERE id = %s{self._for_update()}", self.payer
            ).fetchall()
            same = self(
                "SELECT id FROM billing_payment WHERE kind = 'receipt' AND payer_id = %s"
                " AND NOT reversed AND UPPER(reference) = UPPER(%s)",
                self.payer,
                reference,
            ).fetchall()
            assert not same
            locked = self._lock_lines(line for line, _ in pairs)
            assert all(amount <= locked[line][0] for line, amount in pairs)
            among, ids = self._among(self.patients)
            policies = self(
                'SELECT patient_id, rank, payer_id, start, "end" FROM patients_coverage'
                f" WHERE patient_id {among} ORDER BY rank, id",
                ids,
            ).fetchall()
            assert not policies  # so the patient owes the rest
            number = self(
                "INSERT INTO billing_numberseries (prefix, next_number) VALUES ('IP', 2)"
                " ON CONFLICT (prefix) DO UPDATE"
                " SET next_number = billing_numberseries.next_number + 1"
                " RETURNING next_number - 1"
            ).fetchone()[0]
            payment = self._insert_payment(
                kind="receipt",
                number=f"IP-{number:04d}",
                amount=sum(amount for _line, amount in pairs),
                reference=reference,
            )
            self._put(payment, pairs, "")
            self._say(payment, [(line, self.payer, None, None) for line, _ in pairs], "")
            self._answer(claim, payment)

        return self._transaction(work)

    def unpay(self, payment: int) -> int:
        """unpay: take a patient's receipt off every line it pays."""

        def work() -> None:
            claim = self._claim("unpay")
            self(
                f"SELECT id, reversed FROM billing_payment WHERE id = %s{self._for_update()}",
                payment,
            ).fetchall()
            self._put(payment, self._held(payment), "Benchmark")
            self._answer(claim, payment)

        return self._transaction(work)

    def reverse(self, payment: int) -> int:
        """reverse: take an insurer's receipt and what it said off its lines; the opposite row."""

        def work() -> None:
            claim = self._claim("reverse")
            ((amount, was_reversed),) = self(
                f"SELECT amount, reversed FROM billing_payment WHERE id = %s{self._for_update()}",
                payment,
            ).fetchall()
            assert not was_reversed
            pairs = self._held(payment)
            answers = self(
                "SELECT line_id, owed_after_id, owed_before_id, id FROM billing_adjudication"
                " WHERE payment_id = %s AND undoes_id IS NULL ORDER BY id DESC",
                payment,
            ).fetchall()
            self._put(payment, pairs, "Benchmark")
            row = self._insert_payment(
                kind="reversal",
                amount=-amount,
                original_id=payment,
                source_id=payment,
                reason="Benchmark",
                method="",
            )
            self._say(payment, answers, "Benchmark")
            self._answer(claim, row)

        return self._transaction(work)
