"""Two people with insurers' answers at the same moment, on a real PostgreSQL.

Never wrong, never deadlocked, and whoever is second reads why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from billing import ledger
from billing.models import Adjudication, InvoiceLine, Offset, Payment, Responsibility, Submission
from billing.sharing import STAYS, Entry, OffsetEntry, Owes
from patients.models import Payer
from tests.factories import (
    CoverageFactory,
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.ledger.books import figures, free, owing
from tests.postgres.racing import (
    Desks,
    at_the_same_time,
    holding,
    refusals,
    wait_until_somebody_waits,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("the_books_hold_afterwards"),
]

Act = Callable[[], Any]


def a_line(amount: str = "100", payer: Payer | None = None) -> InvoiceLine:
    payer = payer or PayerFactory(name="BlueRiver")
    line: InvoiceLine = LineFactory(
        patient=PatientFactory(), provider=ProviderFactory(), owed_by=payer, amount=amount
    )
    CoverageFactory(patient=line.patient, payer=payer)
    return line


def says(line: InvoiceLine, paid: str, write_off: str = "0", **more: Any) -> Entry:
    return Entry(line.pk, money(paid), money(write_off), **more)


def pays(payer: Payer | None, amount: str, *entries: Entry, **more: Any) -> Act:
    by = OwnerFactory()
    return lambda: ledger.record_payment(
        by=by,
        payer=payer,
        amount=money(amount),
        method="eft",
        date=day(0),
        entries=list(entries),
        **more,
    )


def undoes(payment: Payment) -> Act:
    by = OwnerFactory()
    return lambda: ledger.reverse(
        by=by, payment=Payment.objects.get(pk=payment.pk), date=day(0), reason="Entered twice"
    )


def moves(line: InvoiceLine, payer: Payer | None, **more: Any) -> Act:
    by = OwnerFactory()
    return lambda: ledger.set_responsibility(
        by=by, lines=[line], payer=payer, date=day(0), reason="Not covered", **more
    )


def one_then_the_other(desks: Desks, line: InvoiceLine, first: Act, second: Act) -> list[str]:
    """The second comes while the first is at work on the line's patient, and waits for it."""
    with holding(line.patient):
        desks.start(second)
        wait_until_somebody_waits()
        first()
    return refusals(desks.outcomes())


def who_owed(line: InvoiceLine) -> list[tuple[int | None, int | None]]:
    return list(line.adjudications.order_by("pk").values_list("owed_before", "owed_after"))


# --- Two answers on one line ---------------------------------------------------------------------


def test_two_people_post_on_the_same_line_and_the_second_is_told(desks: Desks) -> None:
    line = a_line()
    acts = [pays(line.payer, "80", says(line, "80"), reference=n) for n in ("1", "2")]
    told = refusals(at_the_same_time(desks, *acts))
    assert told == ["60.00 more than this session owes."]
    assert owing(line) == (80, 20)
    assert Payment.objects.count() == 1


def test_whoever_saw_the_line_before_the_others_answer_is_told(desks: Desks) -> None:
    line = a_line()
    stale = says(line, "10", seen=line.seen)
    told = one_then_the_other(
        desks, line, pays(line.payer, "80", says(line, "80")), pays(line.payer, "10", stale)
    )
    assert told[0].startswith("Someone else changed this session at ")
    assert owing(line) == (80, 20)


def test_two_people_use_the_last_50_of_a_check_for_a_line_and_for_an_offset(desks: Desks) -> None:
    by, line = OwnerFactory(), a_line()
    check = InsurancePaymentFactory(payer=line.payer, amount="50")
    outcomes = at_the_same_time(
        desks,
        lambda: ledger.allocate(by=by, payment=check, entries=[says(line, "50")], date=day(0)),
        lambda: ledger.allocate(
            by=by,
            payment=check,
            entries=[],
            offsets=[OffsetEntry("L6", money("-50"))],
            date=day(0),
        ),
    )
    assert refusals(outcomes) == [
        "$50.00 too much is allocated. Lower some lines or correct Amount."
    ]
    assert free(check) == 0


@pytest.mark.parametrize("first", ["insurer", "bounce"])
def test_a_copay_makes_room_while_it_bounces(desks: Desks, first: str) -> None:
    line = a_line()
    copay = PaymentFactory(
        patient=line.patient, provider=line.provider, amount="20", on={line: "20"}
    )
    acts = {"insurer": pays(line.payer, "100", says(line, "100")), "bounce": undoes(copay)}
    before = acts.pop(first)
    assert one_then_the_other(desks, line, before, acts.popitem()[1]) == []
    assert owing(line) == (100, 0)
    assert figures(line.patient, line.provider) == (0, 0, 0)


# --- Takebacks -----------------------------------------------------------------------------------


def test_two_takebacks_of_one_claim_and_the_second_is_told(desks: Desks) -> None:
    line = a_line()
    pays(line.payer, "60", says(line, "60"))()
    back = pays(line.payer, "-60", says(line, "-60"))
    told = refusals(at_the_same_time(desks, back, back))
    assert told == ["This payer paid only 0.00 on this line."]
    assert owing(line) == (0, 100)


@pytest.mark.parametrize("first", ["takeback", "reversal"])
def test_a_takeback_crosses_the_reversal_of_what_it_takes_back(desks: Desks, first: str) -> None:
    line = a_line()
    check = pays(line.payer, "60", says(line, "60"))().receipt
    acts = {"takeback": pays(line.payer, "-60", says(line, "-60")), "reversal": undoes(check)}
    before = acts.pop(first)
    told = one_then_the_other(desks, line, before, acts.popitem()[1])
    assert told == [
        "IP-0002 took 60.00 back on INV-0001. Reverse IP-0002 first."
        if first == "takeback"
        else "This payer paid only 0.00 on this line."
    ]
    assert owing(line) == (0, 100)


def test_two_people_reverse_one_check_and_everything_comes_back_once(desks: Desks) -> None:
    line = a_line()
    copay = Owes("copay", money(20))
    kept = [OffsetEntry("WO", money(25), "A")]
    check = pays(line.payer, "55", says(line, "80", owes=(copay,)), offsets=kept)().receipt
    (told,) = refusals(at_the_same_time(desks, undoes(check), undoes(check)))
    assert told.startswith("This payment was already reversed at ")
    assert (owing(line), free(check)) == ((0, 100), 0)
    for rows in (Offset, Responsibility):
        assert sum(rows.objects.values_list("amount", flat=True)) == 0
        assert rows.objects.count() == 2
    line.refresh_from_db()
    assert line.payer == check.payer


# --- Who owes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["answer", "by hand"])
def test_who_owes_is_said_while_an_answer_is_posted(desks: Desks, first: str) -> None:
    line = a_line()
    blueriver = line.payer
    assert blueriver
    acts = {
        "answer": pays(blueriver, "80", says(line, "80", rest=STAYS, codes="CO-45")),
        "by hand": moves(line, None),
    }
    before = acts.pop(first)
    assert one_then_the_other(desks, line, before, acts.popitem()[1]) == []
    line.refresh_from_db()
    (_one, last) = rows = who_owed(line)
    assert rows[0][1] == last[0], "the second found the line as the first had left it"
    assert line.payer_id == last[1] == (None if first == "answer" else blueriver.pk)


def test_who_owes_is_not_said_of_a_line_that_was_just_settled(desks: Desks) -> None:
    line = a_line()
    settles = pays(line.payer, "100", says(line, "100"))
    told = one_then_the_other(desks, line, settles, moves(line, None))
    assert told == ["Psychotherapy, 45 minutes owes nothing."]


def test_two_people_move_one_line_and_the_second_is_told(desks: Desks) -> None:
    line = a_line()
    told = refusals(at_the_same_time(desks, moves(line, None), moves(line, None)))
    assert told == ["Psychotherapy, 45 minutes waits for them already."]
    assert len(who_owed(line)) == 1


def test_a_line_is_moved_by_hand_while_its_answer_is_taken_back(desks: Desks) -> None:
    """Moved meanwhile, it stays where it was moved to."""
    line = a_line()
    blueriver = line.payer
    check = pays(blueriver, "80", says(line, "80"))().receipt
    told = one_then_the_other(desks, line, moves(line, blueriver), undoes(check))
    assert told == []
    line.refresh_from_db()
    assert line.payer == blueriver
    assert owing(line) == (0, 100)


# --- Once, and no deadlock -----------------------------------------------------------------------


def test_r10_one_answer_sent_ten_times_at_once_is_posted_once(desks: Desks) -> None:
    line, key = a_line(), uuid4()
    send = pays(
        line.payer,
        "55",
        says(line, "80", owes=(Owes("copay", money(20)),)),
        offsets=[OffsetEntry("WO", money(25), "A")],
        key=key,
    )
    outcomes = at_the_same_time(desks, *[send] * 10)
    assert refusals(outcomes) == []
    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 9
    for rows in (Payment, Adjudication, Responsibility, Offset, Submission):
        assert rows.objects.count() == 1


def test_r10_who_owes_sent_ten_times_at_once_is_said_once(desks: Desks) -> None:
    line = a_line()
    outcomes = at_the_same_time(desks, *[moves(line, None, key=uuid4())] * 10)
    assert refusals(outcomes) == []
    assert len(who_owed(line)) == 1


def test_insurers_verbs_at_once_on_the_same_lines_end_without_a_deadlock(desks: Desks) -> None:
    """Each payment names all the lines, half of them the other way round."""
    by, payers = OwnerFactory(), [PayerFactory(), PayerFactory()]
    lines = [a_line("1000", payers[0]) for _ in range(5)]

    def a_busy_minute(number: int) -> Act:
        mine, payer = (lines if number % 2 else lines[::-1]), payers[number // 2]

        def work() -> None:
            for turn in range(3):
                copay = Owes("copay", money(1))
                first = pays(
                    payer,
                    "25",
                    *(says(line, "10", rest=STAYS, owes=(copay,)) for line in mine),
                    offsets=[OffsetEntry("WO", money(25), f"{number}-{turn}")],
                )().receipt
                pays(payer, "-15", *(says(line, "-3") for line in mine[::-1]))()
                correction = [*(says(line, "-2") for line in mine), says(mine[0], "10")]
                again = ledger.record_payment(
                    by=by,
                    payer=payer,
                    amount=money(0),
                    method="eft",
                    date=day(0),
                    entries=correction,
                ).receipt
                undoes(again)()
                assert first.payer == payer

        return work

    assert refusals(at_the_same_time(desks, *(a_busy_minute(n) for n in range(4)))) == []
    assert [owing(line) for line in lines] == [(4 * 3 * 7, 1000 - 4 * 3 * 7)] * 5
