"""What the triggers refuse and what they add up, in SQL that both databases read.

`<distinct>`; `<own>`, the amount of a row that is not in its table yet; `<closed>`, the closing
date, which PostgreSQL holds while it is looked at; `<added up>` and `<not yet>`, what SQLite has
added up already: these are filled in by each database's own module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models

from billing.models import (
    KEPT,
    Adjudication,
    Adjustment,
    Allocation,
    AuditEvent,
    ChainLink,
    ClosingDate,
    Deposit,
    DepositItem,
    Document,
    Export,
    Invoice,
    InvoiceLine,
    JournalBatch,
    JournalItem,
    LineVoid,
    Logo,
    Offset,
    Payment,
    Responsibility,
    Submission,
    history_of,
)
from billing.models.derived import ON_LINE, ON_PAYMENT
from billing.models.journal import TABLES

PAYMENT = Payment._meta.db_table
ALLOCATION = Allocation._meta.db_table
ADJUSTMENT = Adjustment._meta.db_table
LINE = InvoiceLine._meta.db_table
INVOICE = Invoice._meta.db_table
CLOSING = ClosingDate._meta.db_table
ADJUDICATION = Adjudication._meta.db_table
RESPONSIBILITY = Responsibility._meta.db_table
OFFSET = Offset._meta.db_table
VOIDED = LineVoid._meta.db_table
DEPOSIT = Deposit._meta.db_table
DEPOSITED = DepositItem._meta.db_table
BATCH = JournalBatch._meta.db_table
ITEM = JournalItem._meta.db_table
UNDOING = "('reversal', 'void')"
MOVED = "('transfer_out', 'transfer_in')"


@dataclass(frozen=True)
class Refusal:
    """Before `event` on `table`: when `condition` holds, the database says `message`."""

    table: str
    event: str
    condition: str
    message: str
    when: str = "1=1"  # tested first: the condition may have to add rows up

    @property
    def words(self) -> str:
        """The message as an SQL literal."""
        return "'" + self.message.replace("'", "''") + "'"


@dataclass(frozen=True)
class Total:
    """After an insert into `table`: `target.column` grows by the new rows' `amount`."""

    table: str
    key: str
    target: str
    column: str
    amount: str = "amount"


def _changed(model: type[models.Model], but: Iterable[str] = ()) -> str:
    """SQL for: some column of the row differs, apart from those named and generated ones."""
    columns = [
        field.column
        for field in model._meta.concrete_fields
        if field.name not in but and not field.generated
    ]
    return " OR ".join(f'OLD."{column}" <distinct> NEW."{column}"' for column in columns)


def _never(model: type[models.Model]) -> list[Refusal]:
    table, name = model._meta.db_table, model._meta.verbose_name
    return [
        Refusal(table, "UPDATE", "1=1", f"R1: a {name} row is never changed"),
        Refusal(table, "DELETE", "1=1", f"R1: a {name} row is never deleted"),
    ]


CLOSED_THROUGH = f"SELECT closed_through FROM {CLOSING} ORDER BY id DESC LIMIT 1"


def _closed(column: str) -> str:
    return f"NEW.{column} <= <closed>"


def _latest_of(key: str, *tables: str) -> str:
    """SQL for: or a row of one of these tables is of the new last date."""
    return "".join(
        f" OR EXISTS (SELECT 1 FROM {table} a WHERE a.{key} = NEW.id AND a.date = NEW.last_date)"
        for table in tables
    )


def _with_insurers_payment(table: str, *, optional: bool = False) -> Refusal:
    """A row that came with an insurer's payment names its receipt, and is not before its last."""
    unless = "NEW.payment_id IS NOT NULL AND " if optional else ""
    return Refusal(
        table,
        "INSERT",
        f"{unless}NOT EXISTS (SELECT 1 FROM {PAYMENT} p"
        " WHERE p.id = NEW.payment_id AND p.payer_id IS NOT NULL AND p.kind = 'receipt'"
        " AND NEW.date >= p.last_date)",
        "What an insurer said comes with its receipt",
    )


def _on_standing_line(table: str) -> Refusal:
    return Refusal(
        table,
        "INSERT",
        f"NOT EXISTS (SELECT 1 FROM {LINE} l WHERE l.id = NEW.line_id"
        " AND l.issued_on IS NOT NULL AND NEW.date >= l.last_date)"
        f" OR EXISTS (SELECT 1 FROM {VOIDED} v WHERE v.line_id = NEW.line_id)",
        "What an insurer said is of an issued line that is not void, not before its last row",
    )


def _undoes_its_opposite(table: str, same: str, opposite: str = "") -> Refusal:
    """R4: what undoes names a row of the same `same` that undoes nothing itself."""
    return Refusal(
        table,
        "INSERT",
        "NEW.undoes_id IS NOT NULL AND NOT EXISTS ("
        f"SELECT 1 FROM {table} a WHERE a.id = NEW.undoes_id AND a.{same} = NEW.{same}"
        f"{opposite} AND a.undoes_id IS NULL)",
        "R4: the row does not fit what it undoes",
    )


def _not_of_the_books() -> str:
    """SQL for: no row of this kind has this id, this date (up to its batch's) and an amount."""
    rows = " OR ".join(
        f"(NEW.kind = '{kind}' AND EXISTS (SELECT 1 FROM {model._meta.db_table} r"
        f" WHERE r.id = NEW.row_id AND r.{day} = NEW.date AND r.amount <> 0))"
        for kind, (model, day) in TABLES.items()
    )
    return f"NOT ({rows}) OR NEW.date > (SELECT b.date FROM {BATCH} b WHERE b.id = NEW.batch_id)"


OPPOSITE_AMOUNT = " AND a.amount = -NEW.amount"
# Or nobody else owes the line, where somebody answered since.
OPPOSITE_OWNERS = (
    " AND (NOT (NEW.owed_before_id <distinct> NEW.owed_after_id)"
    " OR NOT (a.owed_before_id <distinct> NEW.owed_after_id)"
    " AND NOT (a.owed_after_id <distinct> NEW.owed_before_id))"
)

SAME_OWNER = (
    "((o.patient_id = NEW.patient_id AND o.provider_id = NEW.provider_id)"
    " OR o.payer_id = NEW.payer_id)"
)

REFUSALS: list[Refusal] = [
    # ------------------------------------------------------------------ payments
    Refusal(PAYMENT, "INSERT", _closed("date"), "R8: the day is closed"),
    Refusal(
        PAYMENT,
        "INSERT",
        "NEW.allocated <> 0 OR NEW.returned <> 0 OR NEW.offset_total <> 0 OR NEW.reversed"
        " OR NEW.last_date <distinct> NEW.date",
        "R3: a payment begins with nothing allocated or returned",
    ),
    Refusal(
        PAYMENT,
        "INSERT",
        "NEW.kind <> 'receipt' AND NOT EXISTS ("
        f"SELECT 1 FROM {PAYMENT} o WHERE o.id = NEW.original_id AND ("
        # A reversal or void is the exact opposite of one row that is not itself an undoing.
        f"(NEW.kind IN {UNDOING} AND o.kind NOT IN {UNDOING} AND NEW.amount = -o.amount"
        f" AND NEW.source_id = COALESCE(o.source_id, o.id) AND {SAME_OWNER})"
        # A refund or a transfer out takes money from a receipt of the same account; what is left
        # of an insurer's check can be paid back, but never becomes a patient's credit.
        " OR (NEW.kind IN ('refund', 'transfer_out') AND NEW.source_id = o.id"
        f" AND o.kind IN ('receipt', 'transfer_in') AND o.source_id IS NULL AND {SAME_OWNER}"
        " AND (NEW.kind = 'refund' OR NEW.payer_id IS NULL)"
        " AND o.unallocated + NEW.amount >= 0)"
        # A transfer in is the other side of a transfer out.
        " OR (NEW.kind = 'transfer_in' AND o.kind = 'transfer_out' AND NEW.amount = -o.amount)"
        "))",
        "R4: the row does not fit what it undoes",
    ),
    Refusal(
        PAYMENT,
        "INSERT",
        "NEW.source_id IS NOT NULL AND NOT EXISTS ("
        f"SELECT 1 FROM {PAYMENT} o WHERE o.id = NEW.source_id AND {SAME_OWNER}"
        " AND NEW.date >= o.last_date)",
        "A row cannot be dated before the receipt it draws on",
    ),
    Refusal(
        PAYMENT,
        "INSERT",
        f"EXISTS (SELECT 1 FROM {DEPOSITED} d WHERE d.payment_id = NEW.original_id)",
        "A deposited payment is reversed, not deleted",
        when="NEW.kind = 'void'",
    ),
    Refusal(
        PAYMENT,
        "UPDATE",
        _changed(Payment, but={*ON_PAYMENT, "over_allocation_reason"}),
        "R1: a payment row is never changed",
    ),
    Refusal(
        PAYMENT,
        "UPDATE",
        f"NEW.allocated <> <added up> + (SELECT COALESCE(SUM(a.amount), 0) FROM {ALLOCATION} a"
        " WHERE a.payment_id = NEW.id<not yet>)",
        "R3: a payment's totals are the sums of its rows",
        when="NEW.allocated <> OLD.allocated",
    ),
    Refusal(
        PAYMENT,
        "UPDATE",
        f"NEW.returned <> (SELECT COALESCE(-SUM(p.amount), 0) FROM {PAYMENT} p"
        " WHERE p.source_id = NEW.id)",
        "R3: a payment's totals are the sums of its rows",
        when="NEW.returned <> OLD.returned",
    ),
    Refusal(
        PAYMENT,
        "UPDATE",
        f"NEW.offset_total <> (SELECT COALESCE(-SUM(o.amount), 0) FROM {OFFSET} o"
        " WHERE o.payment_id = NEW.id)",
        "R3: a payment's totals are the sums of its rows",
        when="NEW.offset_total <> OLD.offset_total",
    ),
    Refusal(
        PAYMENT,
        "UPDATE",
        f"NEW.reversed <> EXISTS (SELECT 1 FROM {PAYMENT} p"
        f" WHERE p.original_id = NEW.id AND p.kind IN {UNDOING})",
        "R3: a payment's totals are the sums of its rows",
        when="NEW.reversed <> OLD.reversed",
    ),
    Refusal(
        PAYMENT,
        "UPDATE",
        "NEW.last_date < OLD.last_date OR NOT ("
        f"EXISTS (SELECT 1 FROM {ALLOCATION} a"
        " WHERE a.payment_id = NEW.id AND a.date = NEW.last_date)"
        f" OR EXISTS (SELECT 1 FROM {PAYMENT} p"
        " WHERE p.source_id = NEW.id AND p.date = NEW.last_date)"
        f"{_latest_of('payment_id', ADJUSTMENT, ADJUDICATION, RESPONSIBILITY, OFFSET)})",
        "R3: a payment's totals are the sums of its rows",
        when="NEW.last_date <> OLD.last_date",
    ),
    Refusal(PAYMENT, "DELETE", "1=1", "R1: a payment row is never deleted"),
    # ------------------------------------------------------------------ allocations
    Refusal(ALLOCATION, "INSERT", _closed("date"), "R8: the day is closed"),
    Refusal(
        ALLOCATION,
        "INSERT",
        f"NOT EXISTS (SELECT 1 FROM {PAYMENT} p, {LINE} l"
        " WHERE p.id = NEW.payment_id AND l.id = NEW.line_id AND l.issued_on IS NOT NULL"
        " AND (p.payer_id IS NOT NULL"
        " OR (p.patient_id = l.patient_id AND p.provider_id = l.provider_id))"
        # A reversed receipt pays nothing more; only an insurer's takebacks are given back.
        " AND (NEW.amount < 0 OR NOT p.reversed OR p.allocated < 0)"
        " AND NEW.date >= p.last_date AND NEW.date >= l.last_date)",
        "R5: a standing receipt pays issued lines of its own account, not before their last row",
    ),
    Refusal(
        ALLOCATION,
        "INSERT",
        "<own> + (SELECT COALESCE(SUM(a.amount), 0)"
        f" FROM {ALLOCATION} a, {PAYMENT} p, {PAYMENT} mine"
        " WHERE a.line_id = NEW.line_id AND p.id = a.payment_id AND mine.id = NEW.payment_id"
        " AND (p.id = mine.id OR p.payer_id = mine.payer_id)) < 0",
        "R2: no receipt takes back more than it paid on a line",
        when="NEW.amount < 0",
    ),
    *_never(Allocation),
    # ------------------------------------------------------------------ adjustments
    Refusal(ADJUSTMENT, "INSERT", _closed("date"), "R8: the day is closed"),
    Refusal(
        ADJUSTMENT,
        "INSERT",
        f"NOT EXISTS (SELECT 1 FROM {LINE} l WHERE l.id = NEW.line_id"
        " AND l.issued_on IS NOT NULL AND NEW.date >= l.last_date)",
        "An adjustment is on an issued line, not before its last row",
    ),
    _undoes_its_opposite(ADJUSTMENT, "line_id", OPPOSITE_AMOUNT),
    Refusal(
        ADJUSTMENT,
        "INSERT",
        f"NEW.payment_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {PAYMENT} p"
        " WHERE p.id = NEW.payment_id AND p.payer_id IS NOT NULL AND p.kind = 'receipt'"
        " AND NEW.date >= p.last_date)",
        "An adjustment comes with an insurer's receipt or with none",
    ),
    Refusal(
        ADJUSTMENT,
        "INSERT",
        f"EXISTS (SELECT 1 FROM {VOIDED} v WHERE v.line_id = NEW.line_id)",
        "R2: nothing is put on a voided line",
    ),
    *_never(Adjustment),
    # ------------------------------------------------------------------ what insurers said
    *(
        refusal
        for table, model in ((RESPONSIBILITY, Responsibility), (ADJUDICATION, Adjudication))
        for refusal in (
            Refusal(table, "INSERT", _closed("date"), "R8: the day is closed"),
            _on_standing_line(table),
            *_never(model),
        )
    ),
    _with_insurers_payment(RESPONSIBILITY),
    _undoes_its_opposite(RESPONSIBILITY, "line_id", OPPOSITE_AMOUNT),
    _with_insurers_payment(ADJUDICATION, optional=True),
    _undoes_its_opposite(ADJUDICATION, "line_id", OPPOSITE_OWNERS),
    Refusal(OFFSET, "INSERT", _closed("date"), "R8: the day is closed"),
    _with_insurers_payment(OFFSET),
    _undoes_its_opposite(OFFSET, "payment_id", OPPOSITE_AMOUNT),
    *_never(Offset),
    # ------------------------------------------------------------------ voided lines
    Refusal(VOIDED, "INSERT", _closed("date"), "R8: the day is closed"),
    Refusal(
        VOIDED,
        "INSERT",
        f"NOT EXISTS (SELECT 1 FROM {LINE} l WHERE l.id = NEW.line_id AND l.issued_on IS NOT NULL"
        " AND l.paid = 0 AND l.balance = 0 AND NEW.date >= l.last_date)",
        "R2: an issued line is voided once nothing is paid or owed on it",
    ),
    Refusal(
        VOIDED,
        "INSERT",
        # Undoing that payment later would put its write-off back on a line nobody can pay.
        f"EXISTS (SELECT 1 FROM {ADJUSTMENT} a, {PAYMENT} p"
        " WHERE a.line_id = NEW.line_id AND p.id = a.payment_id"
        " GROUP BY p.payer_id HAVING SUM(a.amount) <> 0)",
        "R2: a line is voided once no insurer's write-off stands on it",
    ),
    *_never(LineVoid),
    # ------------------------------------------------------------------ deposits
    Refusal(DEPOSIT, "INSERT", _closed("date"), "R8: the day is closed"),
    *_never(Deposit),
    Refusal(
        DEPOSITED,
        "INSERT",
        f"EXISTS (SELECT 1 FROM {DEPOSIT} d WHERE d.id = NEW.deposit_id AND d.date <= <closed>)",
        "R8: the day is closed",
    ),
    Refusal(
        DEPOSITED,
        "INSERT",
        f"NOT EXISTS (SELECT 1 FROM {PAYMENT} p, {DEPOSIT} d"
        " WHERE p.id = NEW.payment_id AND d.id = NEW.deposit_id AND d.date >= p.date"
        " AND p.kind IN ('receipt', 'reversal', 'refund') AND NOT EXISTS ("
        f"SELECT 1 FROM {PAYMENT} v WHERE v.original_id = p.id AND v.kind = 'void')"
        # Undoing a transfer brings no more money than the transfer did.
        f" AND NOT EXISTS (SELECT 1 FROM {PAYMENT} o"
        f" WHERE o.id = p.original_id AND p.kind = 'reversal' AND o.kind IN {MOVED}))",
        "A slip holds receipts, reversals and refunds of its day or before, none deleted",
    ),
    *_never(DepositItem),
    # ------------------------------------------------------------------ the journal's batches
    *_never(JournalBatch),
    Refusal(
        ITEM, "INSERT", _not_of_the_books(), "A journal batch holds rows of money up to its date"
    ),
    *_never(JournalItem),
    # ------------------------------------------------------------------ lines and invoices
    Refusal(
        LINE,
        "INSERT",
        "NEW.paid <> 0 OR NEW.adjusted <> 0 OR NEW.last_date <distinct> NEW.issued_on",
        "R2: a line begins with nothing paid or adjusted",
    ),
    Refusal(LINE, "INSERT", _closed("issued_on"), "R8: the day is closed"),
    Refusal(
        LINE,
        "UPDATE",
        f"OLD.issued_on IS NOT NULL AND ({_changed(InvoiceLine, but={*ON_LINE, 'payer'})})",
        "R1: an issued line is never changed",
    ),
    Refusal(
        LINE,
        "UPDATE",
        f"NEW.last_date <distinct> NEW.issued_on OR {_closed('issued_on')}",
        "R8: the day is closed",
        when="OLD.issued_on IS NULL AND NEW.issued_on IS NOT NULL",
    ),
    Refusal(
        LINE,
        "UPDATE",
        f"NEW.paid <> (SELECT COALESCE(SUM(a.amount), 0) FROM {ALLOCATION} a"
        " WHERE a.line_id = NEW.id)",
        "R2: a line's totals are the sums of its rows",
        when="NEW.paid <> OLD.paid",
    ),
    Refusal(
        LINE,
        "UPDATE",
        f"NEW.adjusted <> (SELECT COALESCE(SUM(a.amount), 0) FROM {ADJUSTMENT} a"
        " WHERE a.line_id = NEW.id)",
        "R2: a line's totals are the sums of its rows",
        when="NEW.adjusted <> OLD.adjusted",
    ),
    Refusal(
        LINE,
        "UPDATE",
        "NEW.last_date < OLD.last_date OR NOT ("
        f"EXISTS (SELECT 1 FROM {ALLOCATION} a"
        " WHERE a.line_id = NEW.id AND a.date = NEW.last_date)"
        f"{_latest_of('line_id', ADJUSTMENT, ADJUDICATION, RESPONSIBILITY)})",
        "R2: a line's totals are the sums of its rows",
        when="OLD.last_date IS NOT NULL AND NEW.last_date <> OLD.last_date",
    ),
    Refusal(
        LINE,
        "INSERT",
        f"EXISTS (SELECT 1 FROM {INVOICE} i"
        " WHERE i.id = NEW.invoice_id AND i.issued_on IS NOT NULL)",
        "R1: an issued invoice gets no further line",
    ),
    Refusal(
        LINE,
        "UPDATE",
        f"EXISTS (SELECT 1 FROM {INVOICE} i"
        " WHERE i.id = NEW.invoice_id AND i.issued_on IS NOT NULL)",
        "R1: an issued invoice gets no further line",
        when="NEW.invoice_id <> OLD.invoice_id",
    ),
    Refusal(LINE, "DELETE", "OLD.issued_on IS NOT NULL", "R1: an issued line is never deleted"),
    Refusal(
        INVOICE,
        "UPDATE",
        f"OLD.issued_on IS NOT NULL AND ({_changed(Invoice)})",
        "R1: an issued invoice is never changed",
    ),
    Refusal(
        INVOICE, "DELETE", "OLD.issued_on IS NOT NULL", "R1: an issued invoice is never deleted"
    ),
    # ------------------------------------------------------------------ records of what was done
    Refusal(
        CLOSING,
        "INSERT",
        "NEW.closed_through < <closed>",
        "R8: reopening a period needs a reason",
        when="NEW.reason = ''",
    ),
    *_never(ClosingDate),
    *_never(Export),
    *_never(ChainLink),
    *_never(AuditEvent),
    *(refusal for model in KEPT for refusal in _never(history_of(model))),
    *_never(Document),
    *_never(Logo),
    Refusal(
        Submission._meta.db_table,
        "UPDATE",
        f"OLD.payment_id IS NOT NULL OR {_changed(Submission, but=('payment',))}",
        "R10: what was carried out is not rewritten",
    ),
    Refusal(Submission._meta.db_table, "DELETE", "1=1", "R10: what was carried out stays known"),
]

TOTALS: list[Total] = [
    Total(ALLOCATION, "line_id", LINE, "paid"),
    Total(ALLOCATION, "payment_id", PAYMENT, "allocated"),
    Total(ADJUSTMENT, "line_id", LINE, "adjusted"),
    Total(OFFSET, "payment_id", PAYMENT, "offset_total", amount="-amount"),
    # These move last_date only.
    Total(ADJUSTMENT, "payment_id", PAYMENT, "allocated", amount="0"),
    Total(RESPONSIBILITY, "line_id", LINE, "paid", amount="0"),
    Total(RESPONSIBILITY, "payment_id", PAYMENT, "allocated", amount="0"),
    Total(ADJUDICATION, "line_id", LINE, "paid", amount="0"),
    Total(ADJUDICATION, "payment_id", PAYMENT, "allocated", amount="0"),
    Total(PAYMENT, "source_id", PAYMENT, "returned", amount="-amount"),
]

# `reversed` is set before `returned` grows, so that the CHECK on unallocated sees both at once.
MARK_REVERSED = f"UPDATE {PAYMENT} SET reversed = <true> WHERE id IN (<originals>)"


# ---------------------------------------------------------------------------- by table


def tables() -> list[str]:
    """The tables that refuse something."""
    return sorted({refusal.table for refusal in REFUSALS})


def refusals_of(table: str) -> dict[str, list[Refusal]]:
    """INSERT, UPDATE, DELETE: what the table refuses then."""
    found: dict[str, list[Refusal]] = {}
    for refusal in REFUSALS:
        if refusal.table == table:
            found.setdefault(refusal.event, []).append(refusal)
    return found


def totals_by_table() -> dict[str, list[Total]]:
    """The tables whose rows are added up somewhere, and where."""
    found: dict[str, list[Total]] = {}
    for total in sorted(TOTALS, key=lambda total: total.table):
        found.setdefault(total.table, []).append(total)
    return found


def name_of(table: str, event: str) -> str:
    return f"remit_{table}_{event.lower()}"
