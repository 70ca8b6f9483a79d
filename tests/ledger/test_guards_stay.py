"""The triggers outlive migrations, and nobody works without them (billing.E001)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import IntegrityError, connection, models, transaction

from billing import guards
from billing.apps import begin_the_chain
from billing.models import (
    Adjustment,
    Allocation,
    ChainLink,
    ClosingDate,
    Deposit,
    DepositItem,
    Invoice,
    LineVoid,
    Payment,
)
from billing.money import MoneyField
from tests.ledger.attacks.rows import run
from tests.ledger.attacks.scene import Scene
from tests.ledger.books import MONEY_TABLES, digest
from tests.ledger.test_database_refuses import against, rolled_back

pytestmark = pytest.mark.django_db


class _Rebuild:
    """A later migration on each ledger table: SQLite writes the table anew for it."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model
        self.added = MoneyField(null=True)
        self.added.set_attributes_from_name("added_later")
        self.added.model = model

        self.before = model._meta.get_field("created_at")
        self.after = self.before.clone()
        self.after.set_attributes_from_name("created_at")
        self.after.model = model
        self.after.db_index = not self.before.db_index

    def forwards(self) -> None:
        with connection.schema_editor() as editor:
            editor.alter_field(self.model, self.before, self.after, strict=True)
            editor.add_field(self.model, self.added)

    def backwards(self) -> None:
        with connection.schema_editor() as editor:
            editor.remove_field(self.model, self.added)
            editor.alter_field(self.model, self.after, self.before, strict=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "model",
    [Payment, Allocation, Adjustment, Invoice, ClosingDate],
    ids=lambda model: model.__name__,
)
def test_the_guards_stand_after_a_migration_that_rebuilds_a_table(
    model: type[models.Model],
) -> None:
    scene = Scene()
    before = digest()
    rebuild = _Rebuild(model)
    steps: list[Callable[[], None]] = [rebuild.forwards, rebuild.backwards]
    for step in steps:
        guards.before_migrate()
        try:
            step()
        finally:
            guards.after_migrate()
        assert guards.missing(connection) == []
    assert digest() == before
    for rule in ("R1", "R2", "R3", "R4", "R5", "R8", "R9"):
        attack = against(rule)[0]
        with pytest.raises(IntegrityError, match=attack.by), transaction.atomic():
            attack.attempt(scene)
    assert digest() == before


@pytest.mark.django_db(transaction=True)
def test_migrate_itself_puts_every_guard_back() -> None:
    guards.drop(connection)
    assert guards.missing(connection) != []
    call_command("migrate", verbosity=0, skip_checks=True)
    assert guards.missing(connection) == []


@pytest.mark.django_db(transaction=True)
def test_books_of_an_older_version_migrate_with_their_money() -> None:
    """The older version had its triggers and lacked some tables; a migration rebuilds a table."""
    Scene()
    newer = (DepositItem, Deposit, LineVoid, ChainLink)
    older = [model for model in MONEY_TABLES if model not in newer]
    before = digest(older)
    with connection.schema_editor() as editor:
        for model in newer:
            editor.delete_model(model)
    rebuild = _Rebuild(Invoice)
    try:
        guards.before_migrate()
        assert guards._standing(connection) == set()
        rebuild.forwards()
        rebuild.backwards()
    finally:
        with connection.schema_editor() as editor:
            for model in newer[::-1]:
                editor.create_model(model)
        guards.after_migrate()
        begin_the_chain(verbosity=0)
    assert guards.missing(connection) == []
    assert digest(older) == before


def test_the_system_check_is_silent_while_all_guards_stand() -> None:
    assert guards.check_installed(None, databases=["default"]) == []
    call_command("check", databases=["default"])


def test_the_system_check_billing_e001_fires_when_any_one_is_missing(
    subtests: pytest.Subtests,
) -> None:
    for name, (table, _sql) in guards._triggers(connection).items():
        on = f" ON {table}" if connection.vendor == "postgresql" else ""
        with subtests.test(name), rolled_back():
            run(f"DROP TRIGGER {name}{on}")
            (error,) = guards.check_installed(None, databases=["default"])
            assert (error.id, error.msg) == (
                "billing.E001",
                "1 of the triggers that guard the ledger are missing in 'default'"
                f" (the first: {name}).",
            )


def test_no_command_that_checks_starts_without_the_guards() -> None:
    with rolled_back():
        guards.drop(connection)
        with pytest.raises(SystemCheckError, match=r"billing\.E001"):
            call_command("check", databases=["default"])


def a_migration_to_come() -> Any:
    """As if this version of Remit brought a migration the database has not seen."""
    return mock.patch.object(
        guards.MigrationExecutor,
        "migration_plan",
        return_value=[(mock.Mock(app_label="billing", name="migration"), False)],
    )


def test_the_web_server_starts_where_nothing_is_missing() -> None:
    with mock.patch.object(connection, "close"):  # the test's own transaction is in it
        guards.require_installed()


def test_the_web_server_does_not_start_before_every_migration_is_applied() -> None:
    with (
        a_migration_to_come(),
        mock.patch.object(connection, "close"),
        pytest.raises(ImproperlyConfigured, match=r"Run: manage\.py migrate"),
    ):
        guards.require_installed()


def test_a_migration_to_come_is_a_warning_so_that_migrate_may_run() -> None:
    with a_migration_to_come():
        (found,) = guards.check_installed(None, databases=["default"])
    assert (found.id, found.is_serious()) == ("billing.W001", False)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only there it can be switched off")
def test_a_guard_that_is_switched_off_counts_as_missing() -> None:
    with rolled_back():
        run("ALTER TABLE billing_payment DISABLE TRIGGER remit_billing_payment_update")
        assert guards.missing(connection) == ["remit_billing_payment_update"]


# ---------------------------------------------------------------------------- added up so far

on_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL adds up once a statement"
)


@on_sqlite
@pytest.mark.parametrize(
    "sql",
    [
        # What was added up already does not count twice.
        "UPDATE billing_payment SET allocated = allocated + (SELECT amount FROM billing_allocation"
        " ORDER BY id DESC LIMIT 1) WHERE id = (SELECT payment_id FROM billing_allocation"
        " ORDER BY id DESC LIMIT 1)",
        "UPDATE billing_payment SET allocated = 0 WHERE allocated > 0",
        # Nor can it be forgotten that it was.
        "UPDATE remit_added_up SET through = 0",
        "UPDATE remit_added_up SET through = through - 1",
        "UPDATE remit_added_up SET through = through + 1",
        "INSERT INTO remit_added_up VALUES (0)",
        "DELETE FROM remit_added_up",
    ],
)
def test_an_allocation_counts_once_in_its_payments_total(sql: str) -> None:
    Scene()
    before = digest()
    with pytest.raises(IntegrityError, match="R3"), transaction.atomic():
        run(sql)
    assert digest() == before


@on_sqlite
def test_an_allocation_slipped_in_before_others_is_refused() -> None:
    Scene()
    with pytest.raises(IntegrityError, match="R3"), transaction.atomic():
        run(
            "INSERT INTO billing_allocation (id, date, created_at, created_by_id, reason,"
            " payment_id, line_id, amount) SELECT -1, a.date, a.created_at, a.created_by_id,"
            " 'Slipped in', a.payment_id, a.line_id, -1 FROM billing_allocation a"
            " JOIN billing_payment p ON p.id = a.payment_id AND p.last_date = a.date"
            " JOIN billing_invoiceline l ON l.id = a.line_id AND l.last_date = a.date"
            " WHERE a.amount > 0 LIMIT 1"
        )


def test_every_constraint_and_index_of_the_models_is_in_the_database(db: None) -> None:
    """A migration may take one away by the way: on PostgreSQL, AlterField to db_index=False does."""
    missing = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if not model._meta.managed or model._meta.app_label not in (
                "billing",
                "patients",
                "config",
            ):
                continue
            table = model._meta.db_table
            there = connection.introspection.get_constraints(cursor, table)
            named = [each.name for each in (*model._meta.constraints, *model._meta.indexes)]
            missing += [(table, name) for name in named if name not in there]
            missing += [
                (table, field.column)
                for field in model._meta.local_fields
                if (field.db_index or field.unique)
                and not any(each["columns"][:1] == [field.column] for each in there.values())
            ]
    assert missing == []
