"""The guards as SQLite's triggers, row by row."""

from __future__ import annotations

from billing.guards.rules import (
    ALLOCATION,
    CLOSED_THROUGH,
    MARK_REVERSED,
    PAYMENT,
    UNDOING,
    name_of,
    refusals_of,
    tables,
    totals_by_table,
)

# SQLite fires its triggers row by row. Were a payment's allocations added up anew for each of them,
# a payment on 25,000 lines would take minutes. So a table of one row says up to which allocation
# they were added up: whatever comes after it, and nothing else, a payment's total may grow by.
MARK = "remit_added_up"
MAKE_MARK = (
    f"CREATE TABLE {MARK} (through INTEGER NOT NULL)",
    f"INSERT INTO {MARK} SELECT COALESCE(MAX(id), 0) FROM {ALLOCATION}",
)
MOVE_MARK = f"UPDATE {MARK} SET through = NEW.id"
ON_MARK = {
    "INSERT": "1=1",
    "UPDATE": f"NEW.through <> (SELECT MAX(id) FROM {ALLOCATION})",
    "DELETE": "1=1",
}


def triggers() -> dict[str, tuple[str, str]]:
    """Trigger name → (table, SQL). SQLite knows only triggers for each row."""
    found: dict[str, tuple[str, str]] = {}
    for table in tables():
        for event, refusals in refusals_of(table).items():
            body = " ".join(
                f"SELECT RAISE(ABORT, {refusal.words})"
                f" WHERE {refusal.when} AND ({refusal.condition});"
                for refusal in refusals
            )
            body = body.replace("<distinct>", "IS NOT").replace("<own>", "NEW.amount")
            body = body.replace("<closed>", f"({CLOSED_THROUGH})")
            body = body.replace("<added up>", "OLD.allocated")
            body = body.replace("<not yet>", f" AND a.id > (SELECT through FROM {MARK})")
            name = name_of(table, event)
            found[name] = (
                table,
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN {body} END",
            )
    for table, totals in totals_by_table().items():
        steps = []
        if table == PAYMENT:
            originals = f"SELECT NEW.original_id WHERE NEW.kind IN {UNDOING}"
            steps.append(MARK_REVERSED.replace("<true>", "1").replace("<originals>", originals))
        for total in totals:
            moved = f"last_date = MAX(last_date, NEW.date) WHERE id = NEW.{total.key}"
            if total.amount == "0":
                moved += " AND last_date < NEW.date"
            else:
                amount = total.amount.replace("amount", "NEW.amount")
                moved = f"{total.column} = {total.column} + ({amount}), {moved}"
            steps.append(f"UPDATE {total.target} SET {moved}")
        if table == ALLOCATION:
            steps.append(MOVE_MARK)
        name = name_of(table, "totals")
        found[name] = (
            table,
            f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {'; '.join(steps)}; END",
        )
    for event, condition in ON_MARK.items():
        name = f"{MARK}_{event.lower()}"
        found[name] = (
            MARK,
            f"CREATE TRIGGER {name} BEFORE {event} ON {MARK} BEGIN SELECT"
            f" RAISE(ABORT, 'R3: a payment''s totals are the sums of its rows') WHERE {condition}; END",
        )
    return found
