"""The verbs in any order against a plain model of the rules (`machine/model`), step by step.

A parent, their child and somebody else with two providers, two payers, and amounts that are just what is left, a cent less
or a cent more. After every step the database says of each account, line and receipt what the
model says, and every rule of `billing.checks` holds. The same examples every time, unless
REMIT_HYPOTHESIS_EXAMPLES asks for so many of other ones (each of REMIT_HYPOTHESIS_STEPS).
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledger.machine.desk import Desk
from tests.ledger.machine.parts import BESIDE, CHECKS, MORE, OUTCOMES, RESTS, SAID, STEPS


@pytest.mark.django_db
def test_the_verbs_in_any_order_keep_to_the_rules() -> None:
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=int(MORE or 60),
            stateful_step_count=STEPS,
            derandomize=MORE is None,
            # Shrinking so many steps takes minutes: only for whoever asked for more.
            phases=[Phase.generate, *([Phase.shrink] if MORE else [])],
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert not connection.needs_rollback


# --- Whole days ----------------------------------------------------------------------------------

# Hypothesis leaves out acts by chance and likes short stories. These days are long, and every act
# comes up in them.
LIKELY = {
    "issue": 2,
    "issue_many": 1,
    "a_patient_pays": 4,
    "a_patient_pays_a_line": 6,
    "a_patient_pays_off_negative_credit": 3,
    "a_payer_pays": 5,
    "a_payer_answers": 3,
    "a_payer_takes_back": 4,
    "a_payer_takes_a_write_off_back": 1,
    "undo_around_a_write_off_taken_back": 1,
    "a_payer_collects": 1,
    "say_who_owes": 2,
    "undo_an_insurers_payment": 2,
    "allocate": 3,
    "credit_allocation": 4,
    "unpay_a_payment": 2,
    "unpay_a_line": 3,
    "adjust": 1,
    "write_off": 2,
    "undo_write_off": 1,
    "void_lines": 1,
    "deposit": 2,
    "refund": 3,
    "refund_and_un_pay": 2,
    "transfer": 3,
    "transfer_to_where_it_is": 1,
    "reverse": 3,
    "a_check_bounces": 4,
    "a_check_bounces_beside_two_credits": 2,
    "void": 1,
    "delete_what_went_to_the_bank": 1,
    "undo_a_refund": 1,
}
WITH_INSURERS = {
    "issue": 3,
    "a_patient_pays_a_line": 3,
    "a_payer_pays": 8,
    "a_payer_answers": 4,
    "a_payer_takes_back": 8,
    "a_payer_takes_a_write_off_back": 8,
    "undo_around_a_write_off_taken_back": 6,
    "a_payer_collects": 2,
    "say_who_owes": 4,
    "undo_an_insurers_payment": 3,
    "allocate": 3,
    "write_off": 1,
    "void_lines": 1,
}
NEEDS: dict[str, Callable[[Desk], object]] = {
    "issue": lambda desk: len(desk.lines) < 12,
    "issue_many": lambda desk: len(desk.lines) < 11,
    "undo_write_off": lambda desk: desk.write_offs,
    "deposit": lambda desk: desk.receipts,
    "refund_and_un_pay": lambda desk: desk.any(desk.may_give_back),
    "a_patient_pays_off_negative_credit": Desk.negative,
    "a_payer_takes_back": Desk.paid_by_payers,
    "undo_around_a_write_off_taken_back": Desk.write_offs_taken_back,
    "a_payer_collects": lambda desk: any(desk.books.debts(each) for each in desk.payers),
    "undo_an_insurers_payment": lambda desk: desk.any(desk.of_an_insurer),
    "allocate": lambda desk: desk.any(desk.has_credit),
    "unpay_a_payment": lambda desk: desk.any(desk.pays_lines),
    "unpay_a_line": lambda desk: desk.any(desk.pays_lines),
    "refund": lambda desk: desk.any(desk.has_credit),
    "transfer": lambda desk: desk.any(desk.has_credit),
    "transfer_to_where_it_is": lambda desk: desk.any(desk.has_credit),
    "a_check_bounces_beside_two_credits": lambda desk: any(map(desk.open_on_patient, desk.lines)),
    "delete_what_went_to_the_bank": lambda desk: any(
        each.banked for each in desk.books.receipts.values()
    ),
    "reverse": lambda desk: desk.any(desk.stands),
    "a_check_bounces": lambda desk: desk.any(desk.can_bounce),
    "void": lambda desk: desk.any(desk.stands),
    "undo_a_refund": lambda desk: desk.refunds,
}
PARTS = ["all", "all", "a cent less", "a cent more", "half", "a cent", "three"]
AMOUNTS = [Decimal(each) for each in ("0.01", "20.00", "33.33", "50.00", "100.00", "150.00")]
Chance = Callable[[random.Random], Any]
CHANCES: dict[str, Chance] = {
    **dict.fromkeys(
        ("patient", "first", "second"), lambda chance: chance.choice(["Smith", "Okafor", "Kim"])
    ),
    "provider": lambda chance: chance.choice(["Dr 1", "Dr 2"]),
    "payer": lambda chance: chance.choice(["BlueRiver", "Cascade"]),
    "owes": lambda chance: chance.choice(SAID),
    "outcome": lambda chance: chance.choice(OUTCOMES),
    "rest": lambda chance: chance.choice(RESTS),
    "offsets": lambda chance: chance.choice(BESIDE),
    "whose": lambda chance: chance.choice([None, "BlueRiver", "Cascade"]),
    **dict.fromkeys(("above", "paid_first", "twice"), lambda chance: chance.random() < 0.3),
    "again": lambda chance: chance.choice([None, *PARTS]),
    "settled": lambda chance: chance.choice(
        ["check", "carried forward", "withheld", "later receipt"]
    ),
    "check": lambda chance: chance.choice(CHECKS),
    "amount": lambda chance: chance.choice(AMOUNTS),
    "ago": lambda chance: chance.choice([0, 0, 1, 2, 3]),
    "number": lambda chance: chance.randrange(100),
    **dict.fromkeys(("which", "of_the_line"), lambda chance: chance.choice(PARTS)),
    "named": lambda chance: chance.choice([None, chance.randrange(100)]),
    "of": lambda chance: chance.choice(["balance", "beside the patient", "takeback"]),
    "write_off": lambda chance: Decimal(chance.choice(["0.00", "0.00", "0.01", "10.00", "-10.00"])),
    "reason": lambda chance: chance.choice(["", "", "Offset"]),
    **dict.fromkeys(
        (
            "unpay_lines",
            "other_side",
            "minus",
            "more",
            "delete",
            "write_offs_too",
            "last_first",
            "paid_since",
        ),
        lambda chance: chance.random() < 0.5,
    ),
}


def _typed(act: str) -> Chance:
    """Up to three lines with parts; on Credit allocation with a sign as well."""

    def choose(chance: random.Random) -> list[tuple[Any, ...]]:
        numbers = chance.sample(range(100), chance.randint(0, 3))
        sign = [chance.random() < 0.5] if act == "credit_allocation" else []
        return [(number, chance.choice(PARTS), *sign) for number in numbers]

    return choose


INVARIANTS = [
    Desk.every_account_is_as_in_the_model,
    Desk.every_line_is_as_in_the_model,
    Desk.every_receipt_is_as_in_the_model,
    Desk.every_line_knows_which_receipts_pay_it,
    Desk.every_answer_is_as_in_the_model,
    Desk.what_patients_owe_is_as_in_the_model,
    Desk.every_payer_is_as_in_the_model,
    Desk.what_is_void_and_what_went_to_the_bank_is_as_in_the_model,
    Desk.no_credit_is_stuck_on_a_reversed_receipt,
    Desk.the_history_adds_up_to_net,
    Desk.the_books_hold,
]


def whole_day(seed: int, steps: int, likely: dict[str, int] = LIKELY) -> None:
    chance = random.Random(seed)
    desk = Desk()
    try:
        desk.open_the_clinic()
        for _ in range(steps):
            name = chance.choices(list(likely), list(likely.values()))[0]
            if name in NEEDS and not NEEDS[name](desk):
                continue
            act = getattr(desk, name)
            chances = {**CHANCES, "typed": _typed(name)}
            names = inspect.signature(act).parameters
            act(**{each: chances[each](chance) for each in names})
            for check in INVARIANTS:
                check(desk)
    finally:
        desk.teardown()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(int(MORE or 60) // 10))
def test_a_whole_day_at_the_desk_keeps_to_the_rules(seed: int) -> None:
    whole_day(seed, steps=60)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(int(MORE or 60) // 10))
def test_a_whole_day_with_insurers_keeps_to_the_rules(seed: int) -> None:
    whole_day(seed, steps=60, likely=WITH_INSURERS)
