"""The guards as PostgreSQL's triggers: by the row, or by the statement where a verb writes hundreds."""

from __future__ import annotations

from collections.abc import Iterable

from billing.guards.rules import (
    ADJUDICATION,
    ADJUSTMENT,
    ALLOCATION,
    CLOSED_THROUGH,
    CLOSING,
    ITEM,
    MARK_REVERSED,
    PAYMENT,
    RESPONSIBILITY,
    UNDOING,
    Refusal,
    name_of,
    refusals_of,
    tables,
    totals_by_table,
)
from billing.models.periods import CLOSING_LOCK

# The closing date, read after whoever moves it is done, and where it stays until the transaction ends
# (`billing.models.periods.hold_closing_date`). A function of its own, because each statement in one
# sees what was committed by then, and the trigger's own statement only what was before it.
HELD_CLOSED_THROUGH = "remit_closed_through"
HOLDING_IT = (
    f"CREATE FUNCTION {HELD_CLOSED_THROUGH}() RETURNS date LANGUAGE plpgsql AS $$ BEGIN"
    f" PERFORM pg_advisory_xact_lock_shared({CLOSING_LOCK}); RETURN ({CLOSED_THROUGH}); END $$"
)

# What one verb writes by the hundred is tested once a statement, after all its rows are in. The
# name sorts before that of the totals, and PostgreSQL fires triggers in the order of their names.
BY_STATEMENT = {
    (table, "INSERT") for table in (ALLOCATION, ADJUSTMENT, RESPONSIBILITY, ADJUDICATION, ITEM)
}


def _refuse_row(name: str, table: str, event: str, refusals: Iterable[Refusal]) -> str:
    body = " ".join(
        f"IF {refusal.when} THEN IF {refusal.condition} THEN {_raise(refusal)} END IF; END IF;"
        for refusal in refusals
    )
    body = body.replace("<distinct>", "IS DISTINCT FROM").replace("<own>", "NEW.amount")
    body = body.replace("<closed>", f"(SELECT {HELD_CLOSED_THROUGH}())")
    body = body.replace("<added up>", "0").replace("<not yet>", "")
    if (table, event) == (CLOSING, "INSERT"):
        body = f"PERFORM pg_advisory_xact_lock({CLOSING_LOCK}); {body}"
    row = "OLD" if event == "DELETE" else "NEW"
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body} RETURN {row}; END $$;"
        f"CREATE TRIGGER {name} BEFORE {event} ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def _refuse_statement(name: str, table: str, event: str, refusals: Iterable[Refusal]) -> str:
    body = " ".join(
        f"IF EXISTS (SELECT 1 FROM added WHERE {refusal.when} AND ({refusal.condition}))"
        f" THEN {_raise(refusal)} END IF;"
        for refusal in refusals
    )
    body = body.replace("<distinct>", "IS DISTINCT FROM").replace("<own>", "0")
    body = body.replace("<closed>", f"(SELECT {HELD_CLOSED_THROUGH}())")
    body = body.replace("NEW.", "added.")
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body} RETURN NULL; END $$;"
        f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING NEW TABLE AS added"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _raise(refusal: Refusal) -> str:
    return f"RAISE EXCEPTION {refusal.words} USING ERRCODE = 'check_violation';"


def triggers() -> dict[str, tuple[str, str]]:
    """Trigger name → (table, SQL). Totals are added up once a statement, over all its rows."""
    found: dict[str, tuple[str, str]] = {}
    for table in tables():
        for event, refusals in refusals_of(table).items():
            name = name_of(table, event)
            by_statement = (table, event) in BY_STATEMENT
            render = _refuse_statement if by_statement else _refuse_row
            found[name] = (table, render(name, table, event, refusals))
        name = name_of(table, "truncate")
        found[name] = (
            table,
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'R1: {table} is never emptied'"
            " USING ERRCODE = 'check_violation'; END $$;"
            f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        )
    for table, totals in totals_by_table().items():
        steps = []
        if table == PAYMENT:
            originals = f"SELECT original_id FROM added WHERE kind IN {UNDOING}"
            steps.append(MARK_REVERSED.replace("<true>", "true").replace("<originals>", originals))
        for total in totals:
            moved = (
                "last_date = GREATEST(t.last_date, s.date)"
                f" FROM (SELECT {total.key} AS id, SUM({total.amount}) AS amount,"
                f" MAX(date) AS date FROM added WHERE {total.key} IS NOT NULL"
                f" GROUP BY {total.key}) s WHERE t.id = s.id"
            )
            if total.amount == "0":
                moved += " AND t.last_date < s.date"
            else:
                moved = f"{total.column} = t.{total.column} + s.amount, {moved}"
            steps.append(f"UPDATE {total.target} t SET {moved}")
        name = name_of(table, "totals")
        found[name] = (
            table,
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {'; '.join(steps)}; RETURN NULL; END $$;"
            f"CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
        )
    return found
