"""The chain finds one changed byte, whoever made it: in every column of every sealed table.

The attacker owns the database: no trigger, no CHECK, no append-only model is in the way here.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.test import TestCase

from billing import checks, guards
from billing.audit import recording
from billing.chain import links
from billing.chain.replay import Replay, Seen, compare_head
from billing.chain.tables import SEALED, Sealed
from billing.models import AuditEvent, ChainLink, ClosingDate, EventKind, Payment
from billing.models.append_only import WrittenOnceModel
from tests.factories import PatientFactory, PaymentFactory, UserFactory
from tests.screens.small_clinic import models as all_models
from tests.screens.small_clinic import small_clinic

pytestmark = pytest.mark.django_db


def findings() -> list[str]:
    return list(Replay().findings())


def run(sql: str, *given: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall() if cursor.description else None


class _Back(Exception):
    pass


@contextmanager
def undone() -> Iterator[None]:
    """As if nothing of it had been done."""
    try:
        with transaction.atomic():
            yield
            raise _Back
    except _Back:
        pass


def disarm() -> None:
    """What whoever owns the database can do first."""
    connection.check_constraints()  # PostgreSQL alters no table with a check still to come
    guards.drop(connection)
    if connection.vendor == "sqlite":
        run("PRAGMA ignore_check_constraints = ON")
        return
    for table in [each.name for each in SEALED]:
        for (name,) in run(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
            table,
        ):
            run(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"')


def stored(table: Sealed, column: str, pk: int) -> Any:
    plus = "+" if connection.vendor == "sqlite" else ""
    [(value,)] = run(f'SELECT {plus}"{column}" FROM "{table.name}" WHERE "{table.key}" = %s', pk)
    return value


def another(field: models.Field[Any, Any], value: Any) -> Any:
    """What the column may hold as well, as little as can be changed."""
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.JSONField):
        return json.dumps({"changed": 1})
    if isinstance(field, models.BinaryField):
        return bytes(value)[:-1] + bytes([bytes(value)[-1] ^ 1])
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=value.int ^ 1)
    if isinstance(value, datetime.datetime):
        return value + datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return value + datetime.timedelta(days=1)
    if isinstance(field, models.DateTimeField):
        return "2020-01-01 00:00:00" if value is None else _last_letter(value)
    if isinstance(field, models.DateField):
        return "2020-01-01" if value is None else _last_letter(value)
    if isinstance(field, (models.CharField, models.TextField)):
        return f"{value[:-1]}~" if value else "~"
    return _last_letter(value) if isinstance(value, str) else (value or 0) + 1000


def _last_letter(text: str) -> str:
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def one_of(table: Sealed) -> int:
    return [pk for ids in table.ids(1000) for pk in ids][-1]


def named(found: list[str], table: Sealed, pk: int) -> bool:
    return len(found) == 1 and found[0].startswith(f"{table.noun} {pk} (table {table.name}) ")


class WholeClinic(TestCase):
    """One clinic in which every sealed table has rows, made once."""

    @classmethod
    def setUpTestData(cls) -> None:
        small_clinic()

    def setUp(self) -> None:
        assert checks.run_all() == []
        disarm()

    def tearDown(self) -> None:
        if connection.vendor == "sqlite":
            run("PRAGMA ignore_check_constraints = OFF")
        guards.install(connection)

    def tried(self, do: Callable[[Sealed, int], None]) -> list[tuple[str, list[str]]]:
        """Where doing it to one row was not found, or not as just that row."""
        missed = []
        for table in SEALED:
            pk = one_of(table)
            with undone():
                do(table, pk)
                found = findings()
            if not named(found, table, pk):
                missed.append((table.name, found))
        return missed

    def test_one_changed_byte_in_any_column_is_found_and_its_row_named(self) -> None:
        missed, columns = [], 0
        for table in SEALED:
            pk = one_of(table)
            for field in table.columns:
                columns += 1
                with undone():
                    new = another(field, stored(table, str(field.column), pk))
                    run(
                        f'UPDATE "{table.name}" SET "{field.column}" = %s WHERE "{table.key}" = %s',
                        new,
                        pk,
                    )
                    found = findings()
                    if not found and str(field.column) in table.worked_out:
                        found = [
                            finding.replace("line ", f"{table.noun} ", 1).replace(
                                ":", f" (table {table.name}) ", 1
                            )
                            for finding in checks.who_owes_follows_from_the_answers()
                        ]
                if not named(found, table, pk):
                    missed.append((table.name, field.column, new, found))
        assert missed == []
        assert columns > 200

    def test_a_column_that_is_no_part_of_the_seal_is_worked_out_anew_instead(self) -> None:
        missed = []
        for table in SEALED:
            pk = one_of(table)
            for name in table.but:
                field = table.model._meta.get_field(name)
                if name == "last_date":
                    continue  # a help for the triggers: the latest date of the rows themselves
                with undone():
                    new = another(field, stored(table, str(field.column), pk))
                    run(
                        f'UPDATE "{table.name}" SET "{field.column}" = %s WHERE "{table.key}" = %s',
                        new,
                        pk,
                    )
                    if not checks.run_all():
                        missed.append((table.name, name))
        assert missed == []

    def test_a_row_that_was_taken_away_is_found(self) -> None:
        def take_away(table: Sealed, pk: int) -> None:
            run(f'DELETE FROM "{table.name}" WHERE "{table.key}" = %s', pk)

        # Of the events the last ones are in no link yet: they are found missing once they are.
        missed = self.tried(take_away)
        assert [name for name, _found in missed if name != AuditEvent._meta.db_table] == []

    def test_a_row_that_was_put_in_is_found(self) -> None:
        missed = []
        for table in SEALED:
            pk, new_pk = one_of(table), 900_000
            fields = [
                field
                for field in table.model._meta.concrete_fields
                if not field.primary_key and not field.generated
            ]
            values = [another(f, stored(table, str(f.column), pk)) for f in fields]
            names = ", ".join(f'"{each.column}"' for each in fields)
            marks = ", ".join("%s" for _ in fields)
            with undone():
                run(
                    f'INSERT INTO "{table.name}" ("{table.key}", {names}) VALUES (%s, {marks})',
                    new_pk,
                    *values,
                )
                found = findings()
            if not named(found, table, new_pk) or "was not written by Remit" not in found[0]:
                missed.append((table.name, found))
        assert missed == []

    def test_bytes_that_are_no_text_any_more_are_found_too(self) -> None:
        if connection.vendor != "sqlite":
            return  # PostgreSQL keeps none
        pk = Payment.objects.latest("pk").pk
        run("UPDATE billing_payment SET note = CAST(x'ff41' AS TEXT) WHERE id = %s", pk)
        [found] = findings()
        assert found.startswith(f"payment {pk} ")

    def test_a_forged_link_a_missing_one_and_a_swapped_pair_are_found(self) -> None:
        last = links.head().number
        middle = last // 2
        with undone():
            run("UPDATE billing_chainlink SET act = 'other' WHERE number = %s", middle)
            assert f"link {middle} of the chain was changed" in findings()[0]
        with undone():
            run("DELETE FROM billing_chainlink WHERE number = %s", middle)
            assert f"link {middle} of the chain is missing" in findings()
        with undone():
            run("DELETE FROM billing_chainlink WHERE number <= %s", middle)
            assert f"links 1 to {middle} of the chain are missing" in findings()
        with undone():
            run("UPDATE billing_chainlink SET number = -1 WHERE number = %s", middle)
            run("UPDATE billing_chainlink SET number = %s WHERE number = %s", middle, middle + 1)
            run("UPDATE billing_chainlink SET number = %s WHERE number = -1", middle + 1)
            said = " ".join(findings())
            assert f"link {middle} of the chain was changed" in said
            assert f"link {middle + 1} of the chain was changed" in said

    def test_rows_under_a_forged_link_are_not_believed(self) -> None:
        payment = Payment.objects.latest("pk")
        run("UPDATE billing_payment SET note = 'mine' WHERE id = %s", payment.pk)
        table = next(each for each in SEALED if each.model is Payment)
        last = ChainLink.objects.latest("number")
        rows = json.dumps({table.name: table.digests([payment.pk])})
        forged = ChainLink(
            number=last.number + 1, previous=last.mac, at=last.at, act="pay", rows=rows
        )
        forged.mac = links.mac_of(forged, "a key that I made up")
        forged.save()
        said = findings()
        assert any(f"link {forged.number} of the chain was changed" in each for each in said)
        assert any(f"payment {payment.pk} " in each for each in said)

    def test_a_chain_cut_off_is_found_by_the_end_that_was_written_down(self) -> None:
        written = str(links.head())
        assert compare_head(written) == ""
        last = links.head().number
        run("DELETE FROM billing_chainlink WHERE number = %s", last)
        assert compare_head(written).startswith("the chain was cut off")
        assert compare_head(f"{last - 1}:000000000000") == (
            f"link {last - 1} is not the one that was written down"
        )
        for nonsense in ("", "17", "x:y", "１:abc", "9" * 40 + ":abc"):
            assert compare_head(nonsense) != ""

    def test_an_event_that_is_older_than_a_minute_is_missed_once_it_is_sealed(self) -> None:
        recording.SETTLED, before = datetime.timedelta(0), recording.SETTLED
        try:
            recording.seal_events()
        finally:
            recording.SETTLED = before
        event = AuditEvent.objects.latest("pk")
        run("DELETE FROM billing_auditevent WHERE id = %s", event.pk)
        [found] = findings()
        assert found.startswith(f"audit event {event.pk} (table billing_auditevent) is gone")


def test_every_table_that_is_written_once_is_sealed() -> None:
    own = {ChainLink}
    append_only = {model for model in all_models() if issubclass(model, WrittenOnceModel)}
    refused = {
        model
        for model in all_models()
        if any(
            each.table == model._meta.db_table and each.event == "DELETE"
            for each in guards.REFUSALS
        )
    }
    assert (append_only | refused) - own == {table.model for table in SEALED}


def test_what_is_rolled_back_is_not_sealed(client: Any) -> None:
    before = links.head()
    with undone():
        PaymentFactory()
    assert links.head() == before
    assert findings() == []


def test_an_act_of_several_verbs_is_one_link() -> None:
    from billing.chain.acts import sealing

    patient, by = PatientFactory(), UserFactory()
    before = links.head().number
    with sealing("import", by=by):
        PaymentFactory(patient=patient)
        PaymentFactory(patient=patient)
    link = ChainLink.objects.latest("number")
    assert (link.act, link.by, link.number) == ("import", by, before + 1)
    assert len(json.loads(link.rows)["billing_payment"]) == 2


def test_what_is_written_past_every_verb_is_sealed_at_once() -> None:
    ClosingDate.objects.create(
        closed_through=datetime.date(2020, 1, 1), created_by=UserFactory(), reason="Month end"
    )
    assert findings() == []


def test_a_large_act_is_several_links(monkeypatch: pytest.MonkeyPatch) -> None:
    from billing.chain.acts import sealing

    monkeypatch.setattr(links, "MOST", 3)
    before = links.head().number
    with sealing("import"):
        for _ in range(8):
            PaymentFactory()
    assert links.head().number > before + 2
    assert findings() == []


def test_another_key_is_no_key_and_the_one_before_still_is(settings: Any) -> None:
    PaymentFactory()
    old, settings.AUDIT_KEY = settings.AUDIT_KEY, "new" * 20
    assert findings() != []
    settings.AUDIT_KEY_FALLBACKS = [old]
    with undone():
        PaymentFactory()
        assert findings() == []


def test_books_older_than_the_chain_are_sealed_as_they_are() -> None:
    PaymentFactory()
    guards.drop(connection)
    ChainLink.objects.all()._raw_delete("default")
    guards.install(connection)
    assert any("was not written by Remit" in each for each in findings())
    assert links.seal_what_was_there() > 0
    assert findings() == []
    assert ChainLink.objects.get(number=1).act == links.BEFORE
    assert links.seal_what_was_there() == 0


def test_the_command_says_the_end_compares_it_and_fails() -> None:
    PaymentFactory()
    out = StringIO()
    call_command("check_ledger", stdout=out)
    assert f"The chain ends with {links.head()}" in out.getvalue()
    call_command("check_ledger", head=str(links.head()), stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("check_ledger", head="99:abcdef123456", stdout=StringIO())
    assert AuditEvent.objects.filter(kind=EventKind.CHECKED).count() == 3


def test_ids_are_remembered_one_bit_each() -> None:
    seen = Seen()
    assert [seen.add(pk) for pk in (1, 2, 1, 2**62)] == [True, True, False, True]
    assert [pk in seen for pk in (1, 2, 3, 2**62, 2**62 + 1)] == [True, True, False, True, False]
