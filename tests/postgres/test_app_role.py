"""A role that owns nothing does all the desk's work, and cannot get past the guards."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from billing import checks, ledger
from billing.management.commands.grants import statements
from tests.factories import (
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, entries, money

pytestmark = pytest.mark.django_db

ROLE = "remit_app_in_a_test"


@pytest.fixture
def as_the_app() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER")
        for statement in statements(ROLE)[1:-1]:
            cursor.execute(statement)
        cursor.execute(f"SET LOCAL ROLE {ROLE}")


def test_it_pays_un_pays_and_reverses(as_the_app: None) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    line = LineFactory(patient=patient, provider=provider, amount="80")
    receipt = PaymentFactory(patient=patient, provider=provider, amount="50")
    ledger.allocate(by=by, payment=receipt, entries=entries({line: "30"}), date=day(0))
    ledger.unpay(by=by, payment=receipt, date=day(0), reason="Wrong line")
    ledger.refund(
        by=by, payment=receipt, amount=money("5"), method="cash", date=day(0), reason="Asked"
    )
    other = PaymentFactory(patient=patient, provider=provider, amount="20", on={line: "20"})
    ledger.reverse(by=by, payment=other, date=day(0), reason="Bounced")
    assert checks.run_all() == []


def test_it_may_read_whatever_a_backup_reads(as_the_app: None) -> None:
    """The timer of docs/operations.md runs as the app does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND (relkind = 'S' AND NOT has_sequence_privilege(oid, 'SELECT')"
            " OR relkind = 'r' AND NOT has_table_privilege(oid, 'SELECT'))"
        )
        assert cursor.fetchall() == []


@pytest.mark.parametrize(
    "attack",
    [
        "ALTER TABLE billing_payment DISABLE TRIGGER USER",
        "DROP TRIGGER remit_billing_payment_update ON billing_payment",
        "DROP TABLE billing_allocation CASCADE",
        "TRUNCATE billing_auditevent",
        "UPDATE billing_allocation SET amount = 1",
        "DELETE FROM billing_payment",
        "DELETE FROM billing_auditevent",
        "UPDATE billing_chainlink SET mac = ''",
        "SET session_replication_role = replica",
        "DELETE FROM django_migrations",
        "ALTER TABLE billing_payment OWNER TO CURRENT_USER",
        "CREATE OR REPLACE FUNCTION remit_closed_through() RETURNS date LANGUAGE sql"
        " AS 'SELECT NULL::date'",
        "CREATE TABLE mine (id int)",
        # A right one does not have is given to nobody, with a warning only.
        "GRANT DELETE ON billing_payment TO CURRENT_USER; DELETE FROM billing_payment",
    ],
)
def test_it_cannot_get_past_the_guards(as_the_app: None, attack: str) -> None:
    with (
        pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attack)


def test_the_command_prints_it_for_another_role_only() -> None:
    said = io.StringIO()
    call_command("grants", "remit_app", stdout=said)
    assert said.getvalue().splitlines() == statements("remit_app")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        [me] = cursor.fetchone()
    with pytest.raises(CommandError, match="owns the tables"):
        call_command("grants", me)
    with pytest.raises(CommandError, match="everybody"):
        call_command("grants", "public")
    with pytest.raises(CommandError, match="small letters"):
        call_command("grants", "x; DROP TABLE")
