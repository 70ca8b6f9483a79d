"""What an insurer says besides money: what the patient owes, whose the rest is, offsets.

The numbers are those of docs/money.md, "What insurers say".
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import balances, ledger
from billing.models import (
    Adjudication,
    Adjustment,
    InvoiceLine,
    Offset,
    Outcome,
    Payment,
    Responsibility,
)
from billing.sharing import NEXT, PATIENT, STAYS, Entry, OffsetEntry, Owes
from patients.models import Patient, Payer, Provider
from tests.factories import CoverageFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.ledger.books import figures, free, owing, paying, refused


@pytest.fixture
def insured(okafor: Patient, blueriver: Payer, cascade: Payer) -> Patient:
    """BlueRiver pays first, Cascade second."""
    CoverageFactory(patient=okafor, payer=blueriver, rank=1)
    CoverageFactory(patient=okafor, payer=cascade, rank=2)
    return okafor


def a_line(patient: Patient, provider: Provider, payer: Payer, amount: str = "150") -> InvoiceLine:
    return LineFactory(patient=patient, provider=provider, owed_by=payer, amount=amount)


def typed(line: InvoiceLine, paid: str = "0", write_off: str = "0", **more: Any) -> Entry:
    return Entry(line.pk, money(paid), money(write_off), **more)


def pays(
    by: Any,
    payer: Payer,
    amount: str,
    *entries: Entry,
    offsets: list[OffsetEntry] | None = None,
    date: datetime.date | None = None,
    **more: Any,
) -> Payment:
    return ledger.record_payment(
        by=by,
        payer=payer,
        amount=money(amount),
        method="eft",
        date=date or day(5),
        entries=list(entries),
        offsets=offsets or [],
        **more,
    ).receipt


def waits_for(line: InvoiceLine) -> Payer | None:
    line.refresh_from_db()
    return line.payer


def said(line: InvoiceLine) -> list[tuple[str, Decimal, str]]:
    return list(line.responsibilities.order_by("pk").values_list("kind", "amount", "carc"))


# --- What the patient owes -----------------------------------------------------------------------


def test_a_copay_is_no_credit_it_moves_who_owes(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """150 = paid 80 + contractual 50 + copay 20: the line owes 20, and the patient owes it."""
    CoverageFactory(patient=smith, payer=blueriver)
    line = a_line(smith, dr1, blueriver)
    copay = Owes("copay", money("20"), "3")
    check = pays(ana, blueriver, "80", typed(line, "80", "50", carc="45", owes=(copay,)))
    assert owing(line) == (80, 20)
    assert free(check) == 0
    assert said(line) == [("copay", 20, "3")]
    assert waits_for(line) is None
    assert Adjustment.objects.get().carc == "45"
    assert Adjudication.objects.get().outcome == Outcome.PAID


def test_the_rest_waits_for_the_next_insurer(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    pays(ana, blueriver, "80", typed(line, "80", "50"))
    assert waits_for(line) == cascade
    pays(ana, cascade, "15", typed(line, "15"))
    assert waits_for(line) is None
    assert owing(line) == (95, 5)


def test_the_secondarys_word_on_the_primary_is_not_posted(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    """OA-23 130.00 says what the primary did; only 15 paid and 5 owed are posted."""
    line = a_line(insured, dr1, blueriver)
    pays(ana, blueriver, "80", typed(line, "80", "50", owes=(Owes("copay", money("20")),)))
    pays(ana, cascade, "15", typed(line, "15", owes=(Owes("coinsurance", money("5")),)))
    assert owing(line) == (95, 5)
    assert line.adjusted == 50


def test_a_coverage_that_ended_before_the_visit_is_not_next(
    ana: Any, okafor: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    CoverageFactory(patient=okafor, payer=blueriver, rank=1)
    CoverageFactory(patient=okafor, payer=cascade, rank=2, end=day(31))
    line = a_line(okafor, dr1, blueriver)
    pays(ana, blueriver, "80", typed(line, "80", "50"))
    assert waits_for(line) is None


@pytest.mark.parametrize(
    ("more", "outcome", "stays"),
    [
        ({"outcome": Outcome.DENIED, "codes": "CO-197 N54"}, Outcome.DENIED, True),
        ({"outcome": Outcome.ZERO}, Outcome.ZERO, False),
        ({"owes": (Owes("deductible", Decimal("150.00"), "1"),)}, Outcome.PATIENT, False),
        ({"outcome": Outcome.FORWARDED}, Outcome.FORWARDED, True),
    ],
)
def test_denied_deductible_and_zero_paid_are_different(
    ana: Any,
    smith: Patient,
    dr1: Provider,
    blueriver: Payer,
    more: dict[str, Any],
    outcome: str,
    stays: bool,
) -> None:
    CoverageFactory(patient=smith, payer=blueriver)
    line = a_line(smith, dr1, blueriver)
    pays(ana, blueriver, "0", typed(line, **more))
    answer = Adjudication.objects.get()
    assert (answer.outcome, answer.codes) == (outcome, more.get("codes", ""))
    assert waits_for(line) == (blueriver if stays else None)
    assert owing(line) == (0, 150)


@pytest.mark.parametrize(
    ("rest", "whose"), [(STAYS, "blueriver"), (PATIENT, None), (NEXT, "cascade")]
)
def test_the_biller_may_say_whose_the_rest_is(
    ana: Any,
    insured: Patient,
    dr1: Provider,
    blueriver: Payer,
    cascade: Payer,
    rest: str,
    whose: str | None,
) -> None:
    line = a_line(insured, dr1, blueriver)
    pays(ana, blueriver, "80", typed(line, "80", rest=rest))
    expected = {"blueriver": blueriver, "cascade": cascade, None: None}[whose]
    assert waits_for(line) == expected


def test_a_line_paid_in_full_has_no_answer_to_keep(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(smith, dr1, blueriver)
    pays(ana, blueriver, "100", typed(line, "100", "50"))
    assert not Adjudication.objects.exists()
    assert waits_for(line) == blueriver


# --- Undoing -------------------------------------------------------------------------------------


def test_reversing_the_payment_takes_back_all_it_said(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    kept = [OffsetEntry("WO", money("25"), "ICN9")]
    check = pays(
        ana,
        blueriver,
        "55",
        typed(line, "80", "50", owes=(Owes("copay", money("20")),)),
        offsets=kept,
    )
    ledger.reverse(by=ana, payment=check, date=day(0), reason="Entered twice")
    assert waits_for(line) == blueriver
    assert owing(line) == (0, 150)
    assert sum(amount for _kind, amount, _carc in said(line)) == 0
    assert sum(Offset.objects.values_list("amount", flat=True)) == 0
    assert free(check) == 0
    assert not Responsibility.objects.standing().exists()
    assert not Adjudication.objects.standing().exists()


def test_a_line_the_secondary_answered_since_stays_where_that_left_it(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    first = pays(ana, blueriver, "80", typed(line, "80", "30"))
    pays(ana, cascade, "15", typed(line, "15"), date=day(3))
    assert waits_for(line) is None
    ledger.reverse(by=ana, payment=first, date=day(0), reason="Wrong patient")
    assert waits_for(line) is None


def test_a_line_goes_back_to_where_somebody_moved_it_between_two_answers(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    check = pays(ana, blueriver, "60", typed(line, "50"), date=day(9))
    ledger.set_responsibility(by=ana, lines=[line], payer=None, date=day(8), reason="Asked")
    ledger.allocate(by=ana, payment=check, entries=[typed(line, "10", rest=STAYS)], date=day(7))
    assert waits_for(line) == blueriver
    ledger.reverse(by=ana, payment=check, date=day(0), reason="Wrong patient")
    assert waits_for(line) is None


def test_giving_a_write_off_back_releases_what_the_patient_paid_since(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """No money of the insurer's is on the line, only a write-off and its takeback."""
    line = a_line(smith, dr1, blueriver, "100")
    pays(ana, blueriver, "0", typed(line, "0", "10"), date=day(9))
    back = pays(ana, blueriver, "0", typed(line, "0", "-10"), date=day(8))
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="100", on={line: "100"}, ago=7)
    undone = ledger.reverse(by=ana, payment=back, date=day(0), reason="Wrong line")
    assert owing(line) == (90, 0)
    assert free(receipt) == 10
    assert undone.receipt.source == back


def test_giving_a_write_off_back_is_refused_where_the_line_was_written_off_since(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(smith, dr1, blueriver, "100")
    pays(ana, blueriver, "0", typed(line, "0", "10"), date=day(9))
    back = pays(ana, blueriver, "0", typed(line, "0", "-10"), date=day(8))
    ledger.adjust(
        by=ana, line=line, amount=money("100"), kind="courtesy", date=day(7), reason="Hardship"
    )
    with refused(
        f"{line.invoice} was paid since by another payment, or written off. Undo that first.",
        line=line,
    ):
        ledger.reverse(by=ana, payment=back, date=day(0), reason="Wrong line")


# --- Takebacks and corrections in one payment ----------------------------------------------------


def test_a_reversal_and_its_correction_are_two_postings(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """A was paid 100. One payment: A -100, A corrected +60, B +150: 110 = check 110."""
    a, b = (a_line(insured, dr1, blueriver) for _ in range(2))
    pays(ana, blueriver, "100", typed(a, "100", "50"), date=day(9))
    check = pays(
        ana, blueriver, "110", typed(a, "-100", "-50"), typed(a, "60", "50"), typed(b, "150")
    )
    assert free(check) == 0
    assert owing(a) == (60, 40)
    assert paying(a) == {"IP-0001": 100, "IP-0002": -40}
    assert [row.amount for row in check.allocations.filter(line=a).order_by("pk")] == [-100, 60]


def test_what_was_taken_back_waits_for_the_insurer_again(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    pays(ana, blueriver, "100", typed(line, "100", "30"), date=day(9))
    assert waits_for(line) != blueriver
    copay = Owes("copay", money("-20"))
    pays(ana, blueriver, "-100", typed(line, "-100", "-30", owes=(copay,)))
    assert waits_for(line) == blueriver
    assert owing(line) == (0, 150)


def test_more_than_this_payer_paid_is_not_taken_back_even_in_two_steps(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    pays(ana, blueriver, "100", typed(line, "100"), date=day(9))
    with refused("This payer paid only 40.00 on this line.", line=line):
        pays(ana, blueriver, "-120", typed(line, "-60"), typed(line, "-60"))


def test_what_this_payment_pays_itself_is_not_taken_back_in_it(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """Takebacks come first, whatever the order of the rows: nothing was paid before."""
    line = a_line(smith, dr1, blueriver)
    both = typed(line, "60"), typed(line, "-60")
    with refused("This payer paid only 0.00 on this line.", line=line):
        pays(ana, blueriver, "0", *both)
    check = pays(ana, blueriver, "100")
    with refused("This payer paid only 0.00 on this line.", line=line):
        ledger.allocate(by=ana, payment=check, entries=both, date=day(0))


def test_a_patients_money_is_released_once_for_a_line_that_stands_twice(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    PaymentFactory(patient=insured, provider=dr1, amount="30", on={line: "30"})
    with refused("30.00 more than this session owes.", line=line):
        pays(ana, blueriver, "180", typed(line, "130"), typed(line, "50"))
    pays(ana, blueriver, "150", typed(line, "130"), typed(line, "20"))
    assert owing(line) == (150, 0)


def test_above_the_fee_needs_the_insurers_code(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(smith, dr1, blueriver, "100")
    with refused("Only 0.00 was written off.", line=line):
        pays(ana, blueriver, "110", typed(line, "110", "-10"))
    check = pays(ana, blueriver, "110", typed(line, "110", "-10", carc="94"))
    assert owing(line) == (110, 0)
    ledger.reverse(by=ana, payment=check, date=day(0), reason="Bounced")
    assert owing(line) == (0, 100)


def test_taking_back_what_was_paid_above_the_fee_can_be_undone(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(smith, dr1, blueriver, "100")
    above = pays(ana, blueriver, "110", typed(line, "110", "-10", carc="94"), date=day(9))
    back = pays(ana, blueriver, "-110", typed(line, "-110", "10", carc="94"), date=day(8))
    assert owing(line) == (0, 100)
    with refused(f"{back} took 110.00 back on {line.invoice}. Reverse {back} first.", line=line):
        ledger.reverse(by=ana, payment=above, date=day(0), reason="Bounced")
    ledger.reverse(by=ana, payment=back, date=day(0), reason="Wrong line")
    assert owing(line) == (110, 0)
    ledger.reverse(by=ana, payment=above, date=day(0), reason="Bounced")
    assert owing(line) == (0, 100)


# --- Offsets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("check", "claims", "plb"),
    [
        ("150", ["-100", "60", "150"], ("WO", "-40")),  # reversal, not yet recovered
        ("50", ["90"], ("WO", "40")),  # recovery
        ("0", ["-100"], ("FB", "-100")),  # nothing to pay: carried forward
        ("50", ["150"], ("FB", "100")),  # ... and collected
    ],
)
def test_offsets_count_in_unallocated(
    ana: Any,
    insured: Patient,
    dr1: Provider,
    blueriver: Payer,
    check: str,
    claims: list[str],
    plb: tuple[str, str],
) -> None:
    """Unallocated = check - claims + PLB, which is nothing in each cycle."""
    a, b, c = (a_line(insured, dr1, blueriver) for _ in range(3))
    pays(ana, blueriver, "100", typed(a, "100"), date=day(9))
    lines = [a if claim.startswith("-") or claim == "60" else b for claim in claims]
    code, amount = plb
    payment = pays(
        ana,
        blueriver,
        check,
        *(typed(line, claim) for line, claim in zip(lines, claims, strict=True)),
        offsets=[OffsetEntry(code, money(amount), "REF")],
    )
    assert free(payment) == 0
    assert c.paid == 0


def plb(code: str, amount: str, reference: str) -> list[OffsetEntry]:
    return [OffsetEntry(code, money(amount), reference)]


def owed_to(payer: Payer) -> list[Decimal]:
    """The running figure of the payer's offset account: what is owed to it after each row."""
    return [row.owed for row in balances.offset_account(payer)]


@pytest.mark.parametrize(
    ("code", "claims_back", "first_check"),
    [("WO", ["-100", "60", "150"], "150"), ("FB", ["-100"], "0")],
)
def test_what_is_withheld_or_carried_forward_runs_down_to_nothing(
    ana: Any,
    insured: Patient,
    dr1: Provider,
    blueriver: Payer,
    code: str,
    claims_back: list[str],
    first_check: str,
) -> None:
    """FIELD §2.7, cycles 1 and 2 of each kind: owed to the payer 40 (or 100), then nothing."""
    a, b, c = (a_line(insured, dr1, blueriver) for _ in range(3))
    pays(ana, blueriver, "100", typed(a, "100"), date=day(9))
    deferred = {"WO": "-40", "FB": "-100"}[code]
    claims = [typed(line, claim) for line, claim in zip((a, a, b), claims_back, strict=False)]
    pays(ana, blueriver, first_check, *claims, offsets=plb(code, deferred, "ICN9"), date=day(8))
    owed = -money(deferred)
    assert owed_to(blueriver) == [owed]
    assert balances.open_forwards(blueriver) == {"ICN9": owed}
    second = {"WO": "90", "FB": "150"}[code]
    recovered = {"WO": "40", "FB": "100"}[code]
    collected = pays(
        ana, blueriver, "50", typed(c, second), offsets=plb(code, recovered, "ICN9"), date=day(7)
    )
    assert free(collected) == 0
    assert owed_to(blueriver) == [owed, 0]
    assert balances.open_forwards(blueriver) == {}
    assert balances.payer_standing(blueriver).owed == 0
    ledger.reverse(by=ana, payment=collected, date=day(0), reason="Entered twice")
    assert owed_to(blueriver) == [owed, 0, owed]
    assert balances.payer_standing(blueriver).owed == owed


def test_recovered_before_any_line_says_what_for(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """FIELD §2.7, letter first: -100 until somebody posts -100 on claim A."""
    a, b = (a_line(insured, dr1, blueriver) for _ in range(2))
    pays(ana, blueriver, "100", typed(a, "100"), date=day(9))
    check = pays(
        ana, blueriver, "50", typed(b, "150"), offsets=plb("WO", "100", "LETTER"), date=day(8)
    )
    assert free(check) == 0
    assert owed_to(blueriver) == [-100]
    assert balances.payer_standing(blueriver).owed == -100
    named = pays(ana, blueriver, "0", typed(a, "-100"), offsets=plb("WO", "-100", "LETTER"))
    assert (free(named), owing(a)) == (0, (0, 150))
    assert owed_to(blueriver) == [-100, 0]


def test_interest_is_an_offset_but_no_debt(ana: Any, blueriver: Payer) -> None:
    """ERA §10.8, c4: L6 -1.25 came on top of the check's lines."""
    offsets = [*plb("FB", "45", "EFT-5003"), *plb("L6", "-1.25", ""), *plb("72", "-60", "X")]
    check = pays(ana, blueriver, "86.25", offsets=[*offsets, *plb("WO", "60", "X")])
    assert free(check) == money("130")
    assert balances.open_forwards(blueriver) == {"EFT-5003": money("-45")}
    assert owed_to(blueriver)[-1] == money("-45")


def test_jane_s_case_with_what_the_patient_owes(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """FIELD §2.7: 54.00 paid + 41.00 written off + 30.00 the patient's = 125.00; 10.00 still due."""
    CoverageFactory(patient=smith, payer=blueriver)
    one, two = (a_line(smith, dr1, blueriver, amount) for amount in ("75", "50"))
    copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={one: "20"})
    check = pays(
        ana,
        blueriver,
        "54",
        typed(one, "38.75", "16.25", owes=(Owes("copay", money("20"), "3"),)),
        typed(two, "15.25", "24.75", owes=(Owes("coinsurance", money("10"), "2"),)),
    )
    assert (free(check), free(copay)) == (0, 0)
    assert (owing(one), owing(two)) == ((money("58.75"), 0), (money("15.25"), 10))
    assert sum(amount for line in (one, two) for _kind, amount, _carc in said(line)) == 30
    assert (waits_for(one), waits_for(two)) == (blueriver, None)
    assert figures(smith, dr1) == (10, 0, 10)


def test_a_recovery_not_matched_by_lines_leaves_too_much_allocated(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    with refused(
        "$10.00 too much is allocated. Lower some lines or correct Amount.", field="amount"
    ):
        pays(ana, blueriver, "50", typed(line, "100"), offsets=[OffsetEntry("WO", money("40"))])


def test_an_offset_of_nothing_is_refused(ana: Any, blueriver: Payer) -> None:
    with refused("Enter the amount of the offset.", field="offsets"):
        pays(ana, blueriver, "50", offsets=[OffsetEntry("WO", money("0"))])


def test_patients_payments_have_no_offsets(ana: Any, smith: Patient, dr1: Provider) -> None:
    with refused("Only an insurer's payment has offsets."):
        ledger.record_payment(
            by=ana,
            patient=smith,
            provider=dr1,
            amount=money(50),
            method="cash",
            date=day(0),
            offsets=[OffsetEntry("WO", money("40"))],
        )


# --- By hand -------------------------------------------------------------------------------------


def test_somebody_says_who_owes_the_rest(
    ana: Any, insured: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    ledger.set_responsibility(
        by=ana, lines=[line], payer=cascade, date=day(0), reason="Primary lapsed"
    )
    assert waits_for(line) == cascade
    ledger.set_responsibility(by=ana, lines=[line], payer=None, date=day(0), reason="Not covered")
    assert waits_for(line) is None
    assert owing(line) == (0, 150)


def test_who_owes_is_not_said_without_reason_or_cause(
    ana: Any, insured: Patient, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = a_line(insured, dr1, blueriver)
    uninsured = LineFactory(patient=smith, provider=dr1)
    settled = LineFactory(patient=smith, provider=dr1, amount="20")
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={settled: "20"})
    say: dict[str, Any] = {"by": ana, "date": day(0), "reason": "Asked"}
    with refused("Choose a reason.", field="reason"):
        ledger.set_responsibility(**{**say, "reason": " "}, lines=[line], payer=None)
    with refused("Psychotherapy, 45 minutes waits for them already.", line=line):
        ledger.set_responsibility(**say, lines=[line], payer=blueriver)
    on = f"{uninsured.service_date:%d %b %Y}"
    with refused(
        f"BlueRiver Health does not cover Smith, John on {on}. Enter the coverage first.",
        line=uninsured,
    ):
        ledger.set_responsibility(**say, lines=[uninsured], payer=blueriver)
    with refused("Psychotherapy, 45 minutes owes nothing.", line=settled):
        ledger.set_responsibility(**say, lines=[settled], payer=blueriver)
    with refused("Choose the lines."):
        ledger.set_responsibility(**say, lines=[], payer=None)
