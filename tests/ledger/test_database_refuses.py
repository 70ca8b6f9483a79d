"""What the database itself refuses, whoever asks: raw SQL against R1–R5, R8, R9 and R10.

Each attack is one statement. It has to be refused by the trigger or constraint that is meant to,
and to leave every table as it was. With the triggers off, the ones they refuse go through: so it
is not something else that stops them (the negative control).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, models, transaction

from billing import checks, guards, ledger
from billing.models import (
    Adjudication,
    Allocation,
    Deposit,
    DepositItem,
    JournalBatch,
    JournalItem,
    LineVoid,
    Offset,
    Payment,
    Responsibility,
)
from billing.models.append_only import AppendOnlyError
from tests.factories import (
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.ledger.attacks import ATTACKS, Attack
from tests.ledger.attacks.rows import (
    adjust,
    answer,
    bank,
    draw,
    hand_over,
    insert,
    issue,
    keep,
    new_payment,
    pay,
    say,
    unanswer,
    undo,
    unkeep,
    unsay,
    void,
)
from tests.ledger.attacks.scene import Scene
from tests.ledger.books import digest, free, owing

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    return Scene()


HERE = [attack for attack in ATTACKS if connection.vendor in attack.on]
RULES = (
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R8",
    "R9",
    "R10",
    "totals",
    "void",
    "deposit",
    "insurer",
    "journal",
)
EACH_RULE = pytest.mark.parametrize("rule", RULES)


def against(rule: str) -> list[Attack]:
    return [attack for attack in HERE if attack.name.startswith(f"{rule} ")]


def test_there_are_enough_attacks_of_each_rule() -> None:
    assert len({attack.name for attack in HERE}) == len(HERE)
    assert sum(len(against(rule)) for rule in RULES) == len(HERE) >= 30
    assert all(len(against(rule)) >= 4 for rule in RULES)


@EACH_RULE
def test_the_database_refuses(rule: str, scene: Scene, subtests: pytest.Subtests) -> None:
    before = digest()
    for attack in against(rule):
        with subtests.test(attack.name), rolled_back():
            with pytest.raises(DatabaseError, match=attack.by), transaction.atomic():
                attack.attempt(scene)
            assert digest() == before, "it was refused, but left something behind"


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever is done meanwhile is undone."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


@EACH_RULE
def test_without_the_triggers_it_goes_through(
    rule: str, scene: Scene, subtests: pytest.Subtests
) -> None:
    before = digest()
    with rolled_back():
        guards.drop(connection)
        for attack in against(rule):
            if attack.control:
                with subtests.test(attack.name), rolled_back():
                    attack.attempt(scene)
                    assert digest() != before, "it changed nothing even without the triggers"
    assert digest() == before


def test_r1_the_checks_see_that_the_triggers_are_off() -> None:
    with rolled_back():
        guards.drop(connection)
        absent = [each for each in checks.run_all() if each.startswith("R1: trigger")]
        assert len(absent) == len(guards._triggers(connection))


def slip_of_today(s: Scene) -> Deposit:
    insert(s.slip, number="D-0009", date=day(0))
    return Deposit.objects.get(number="D-0009")


def batch_of_today(s: Scene) -> JournalBatch:
    insert(s.batch, number="J-0009", date=day(0), frozen="{}")
    return JournalBatch.objects.get(number="J-0009")


def test_honest_inserts_of_the_same_shape_are_accepted(scene: Scene) -> None:
    """The helpers above fail for what an attack changes, not for a column they forgot."""
    with rolled_back():
        new_payment(scene.free)
        pay(scene, scene.receipt, scene.open, 100)
        pay(scene, scene.receipt, scene.shared, -100)
        pay(scene, scene.check, scene.open, 4000)
        adjust(scene, scene.open, 100)
        adjust(scene, scene.insured, -1000, undoes_id=scene.write_off.pk)
        draw(scene.receipt, "refund", -100)
        undo(scene.receipt)
        issue(scene)
        void(scene, scene.free_of_charge)
        bank(scene, scene.receipt)
        bank(scene, scene.refund)
        bank(scene, scene.reversal, deposit_id=slip_of_today(scene).pk)
        hand_over(
            scene, row_id=scene.late.pk, date=scene.late.date, batch_id=batch_of_today(scene).pk
        )
        assert free(scene.check) == 0
        assert owing(scene.open) == (41, 58)
        say(scene)
        answer(scene)
        insert(scene.by_hand, date=day(0))
        unsay(scene)
        unanswer(scene)
        keep(scene)
        assert free(scene.remittance) == 25
        unkeep(scene)
        assert free(scene.remittance) == 0


# --- By way of the models ------------------------------------------------------------------------

BY_THE_MODELS: dict[str, Callable[[Payment, Allocation], Any]] = {
    "save": lambda payment, row: payment.save(),
    "save a field": lambda payment, row: payment.save(update_fields=["note"]),
    "delete": lambda payment, row: row.delete(),
    "update": lambda payment, row: Payment.objects.update(note="x"),
    "update filtered": lambda payment, row: Payment.objects.filter(pk=payment.pk).update(note="x"),
    "queryset delete": lambda payment, row: Allocation.objects.all().delete(),
    "bulk_update": lambda payment, row: Payment.objects.bulk_update([payment], ["note"]),
    "update_or_create": lambda payment, row: Payment.objects.update_or_create(pk=payment.pk),
    "related manager": lambda payment, row: payment.allocations.all().delete(),
    "related update": lambda payment, row: payment.allocations.update(amount=money(1)),
    "save a void": lambda payment, row: LineVoid.objects.get().save(),
    "delete a void": lambda payment, row: LineVoid.objects.get().delete(),
    "save a slip": lambda payment, row: Deposit.objects.get().save(),
    "delete a slip": lambda payment, row: Deposit.objects.get().delete(),
    "update slips": lambda payment, row: Deposit.objects.update(number="D-9"),
    "update items": lambda payment, row: DepositItem.objects.update(payment=payment),
    "queryset delete of items": lambda payment, row: DepositItem.objects.all().delete(),
    "related items": lambda payment, row: Deposit.objects.get().items.all().delete(),
    "save an item": lambda payment, row: DepositItem.objects.get().save(),
    "delete an item": lambda payment, row: DepositItem.objects.get().delete(),
    "delete through the receipt": lambda payment, row: payment.deposit_item.delete(),
    "save a batch": lambda payment, row: JournalBatch.objects.get().save(),
    "update batches": lambda payment, row: JournalBatch.objects.update(frozen={}),
    "delete batches": lambda payment, row: JournalBatch.objects.all().delete(),
    "update booked items": lambda payment, row: JournalItem.objects.update(row_id=0),
    "delete booked items": lambda payment, row: JournalItem.objects.all().delete(),
    "save an answer": lambda payment, row: Adjudication.objects.get().save(),
    "update answers": lambda payment, row: Adjudication.objects.update(codes="N54"),
    "update responsibilities": lambda payment, row: Responsibility.objects.update(carc="1"),
    "delete responsibilities": lambda payment, row: Responsibility.objects.all().delete(),
    "update offsets": lambda payment, row: Offset.objects.update(code="L6"),
    "delete offsets": lambda payment, row: Offset.objects.all().delete(),
    "bulk_update answers": lambda payment, row: Adjudication.objects.bulk_update(
        [Adjudication.objects.get()], ["codes"]
    ),
    "base manager": lambda payment, row: Allocation._base_manager.all().delete(),
    "ignore conflicts": lambda payment, row: Allocation.objects.bulk_create(
        [row], ignore_conflicts=True
    ),
}


@pytest.mark.parametrize("attempt", BY_THE_MODELS.values(), ids=BY_THE_MODELS)
def test_r1_the_models_refuse_before_the_database_has_to(
    attempt: Callable[[Payment, Allocation], Any],
) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    payment = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    twice = LineFactory(patient=line.patient, provider=line.provider)
    ledger.void_line(by=by, line=twice, date=day(0), reason="Billed twice")
    ledger.deposit(by=by, payments=[payment], date=day(0))
    waiting = LineFactory(
        patient=line.patient, provider=line.provider, owed_by=PayerFactory(name="BlueRiver")
    )
    ledger.set_responsibility(by=by, lines=[waiting], payer=None, date=day(0), reason="Not covered")
    ledger.make_journal_batch(by=by, through=day(0))
    before = digest()
    with pytest.raises(AppendOnlyError, match="never changed or deleted"):
        attempt(payment, payment.allocations.get())
    assert digest() == before


def test_r1_deleting_a_person_never_takes_money_along() -> None:
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    payment = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})
    for row in (line.patient, line.provider, line.invoice, payment.created_by):
        with pytest.raises(models.ProtectedError):
            row.delete()
