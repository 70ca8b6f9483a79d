"""record_payment: money was received, and goes on lines as far as it was shared out."""

from typing import Any

import pytest
from django.db.models import Sum

from billing import balances, checks, ledger
from billing.models import Adjustment, Allocation, Kind, Payment
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider
from tests.factories import InsurancePaymentFactory, InvoiceFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying, refused, transfers


def from_patient(by: Any, patient: Patient, provider: Provider, **more: Any) -> ledger.Posted:
    what = {"amount": money(20), "method": "cash", "date": day(0), **more}
    return ledger.record_payment(by=by, patient=patient, provider=provider, **what)


def from_payer(by: Any, payer: Payer, **more: Any) -> ledger.Posted:
    what = {"amount": money(200), "method": "check", "date": day(0), **more}
    return ledger.record_payment(by=by, payer=payer, **what)


# --- A patient pays ------------------------------------------------------------------------------


def test_a_patients_payment_is_credit_until_it_is_allocated(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    posted = from_patient(ana, smith, dr1, amount=money("20.35"), reference="Till 3", note="Cash")
    payment = posted.payment
    assert payment
    assert (payment.kind, payment.number) == (Kind.RECEIPT, "R-0001")
    assert (payment.amount, payment.unallocated, payment.allocated) == (money("20.35"),) * 2 + (0,)
    assert (payment.method, payment.reference, payment.note) == ("cash", "Till 3", "Cash")
    assert (payment.created_by, payment.date) == (ana, day(0))
    assert figures(smith, dr1) == (0, money("20.35"), -money("20.35"))


def test_a_patients_payment_goes_on_the_lines_named(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    one, two = (LineFactory(patient=smith, provider=dr1, amount="50") for _ in range(2))
    posted = from_patient(
        ana, smith, dr1, amount=money(80), entries=entries({one: "50", two: "20.01"})
    )
    assert owing(one) == (50, 0)
    assert owing(two) == (money("20.01"), money("29.99"))
    assert posted.payment
    assert posted.payment.unallocated == money("9.99")
    assert paying(one) == {"R-0001": 50}


def test_empty_boxes_of_the_grid_write_no_rows(ana: Any, smith: Patient, dr1: Provider) -> None:
    one, two = (LineFactory(patient=smith, provider=dr1) for _ in range(2))
    from_patient(ana, smith, dr1, entries=entries({one: "0", two: "20"}))
    assert Allocation.objects.count() == 1


def test_numbers_run_on_without_a_gap_after_a_refusal(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    assert PaymentFactory(patient=smith, provider=dr1).number == "R-0001"
    line = LineFactory(patient=smith, provider=dr1, amount="5")
    with pytest.raises(ledger.LedgerError):
        from_patient(ana, smith, dr1, entries=entries({line: "6"}))
    assert PaymentFactory(patient=smith, provider=dr1).number == "R-0002"


def test_r3_a_patients_payment_of_nothing_or_less_is_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    for amount in ("0", "-0.01", "-20"):
        with refused("Enter the amount of the payment.", field="amount"):
            from_patient(ana, smith, dr1, amount=money(amount))


def test_a_payment_of_nobody_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    nobody: list[dict[str, Any]] = [{}, {"patient": smith}, {"provider": dr1}]
    for whose in nobody:
        with refused("Choose the patient and the provider.", field="provider"):
            ledger.record_payment(by=ana, amount=money(20), method="cash", date=day(0), **whose)


@pytest.mark.parametrize(
    ("typed", "over"), [("20.01", "$0.01"), ("50", "$30.00"), ("100", "$80.00")]
)
def test_r3_more_than_a_patient_paid_is_refused(
    ana: Any, smith: Patient, dr1: Provider, typed: str, over: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    sentence = f"{over} too much is allocated. Lower some lines or correct Amount."
    with refused(sentence, field="amount"):
        from_patient(ana, smith, dr1, entries=entries({line: typed}))


def test_r3_a_patients_payment_cannot_be_over_allocated_with_a_reason(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    with refused(
        "$1.00 too much is allocated. Lower some lines or correct Amount.", field="amount"
    ):
        from_patient(
            ana, smith, dr1, entries=entries({line: "21"}), over_allocation_reason="Please"
        )


@pytest.mark.parametrize("typed", ["10.01", "20"])
def test_r2_more_than_a_line_owes_is_refused_to_a_patient(
    ana: Any, smith: Patient, dr1: Provider, typed: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="10")
    with refused("This line only owes 10.00.", line=line):
        from_patient(ana, smith, dr1, entries=entries({line: typed}))


def test_r2_a_paid_line_takes_nothing_more(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="10")
    from_patient(ana, smith, dr1, entries=entries({line: "10"}))
    with refused("This line only owes 0.00.", line=line):
        from_patient(ana, smith, dr1, entries=entries({line: "0.01"}))


def test_r5_another_patients_line_is_refused(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider
) -> None:
    hers = LineFactory(patient=okafor, provider=dr1)
    sentence = f"{hers.invoice} belongs to another patient; this payment cannot pay it."
    with refused(sentence, line=hers):
        from_patient(ana, smith, dr1, entries=entries({hers: "20"}))


def test_a_minus_or_a_write_off_on_a_patients_payment_is_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    from_patient(ana, smith, dr1, entries=entries({line: "20"}))
    for typed in ("-5", ("0", "5"), ("5", "5")):
        with refused("To un-pay a line, use Credit allocation.", line=line):
            from_patient(ana, smith, dr1, entries=entries({line: typed}))  # type: ignore[dict-item]


def test_a_draft_or_missing_line_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    draft = InvoiceFactory(patient=smith, provider=dr1, issued=False).lines.get()
    for pk in (draft.pk, draft.pk + 999):
        with refused("That invoice line does not exist."):
            from_patient(ana, smith, dr1, entries=[Entry(pk, money(20))])


def test_a_line_that_changed_since_the_screen_was_drawn_is_refused(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    seen = line.seen
    from_patient(ana, smith, dr1, entries=entries({line: "20"}))
    with pytest.raises(ledger.StaleLineError, match=r"^Someone else changed this session at \d\d:"):
        from_patient(ana, smith, dr1, entries=[Entry(line.pk, money(20), seen=seen)])
    line.refresh_from_db()
    from_patient(ana, smith, dr1, entries=[Entry(line.pk, money(20), seen=line.seen)])
    assert owing(line) == (40, 60)


# --- R5: another provider's line -----------------------------------------------------------------


def test_r5_another_providers_line_is_paid_through_a_transfer_pair(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider
) -> None:
    own = LineFactory(patient=smith, provider=dr1, amount="30")
    theirs = [LineFactory(patient=smith, provider=dr2, amount="35") for _ in range(2)]
    payment = from_patient(
        ana,
        smith,
        dr1,
        amount=money(100),
        entries=entries({own: "30", theirs[0]: "35", theirs[1]: "25"}),
    ).payment
    assert payment
    assert transfers(smith) == [
        ("transfer_out", "Dr 1", -60, False),
        ("transfer_in", "Dr 2", 60, False),
    ]
    assert figures(smith, dr1) == (0, 10, -10)
    assert figures(smith, dr2) == (10, 0, 10)
    moved = Payment.objects.get(kind=Kind.TRANSFER_IN)
    assert paying(theirs[1]) == {moved.number: 25}
    assert (moved.original and moved.original.original) == payment


def test_r5_each_other_provider_has_a_pair_of_its_own(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, dr3: Provider
) -> None:
    on = {LineFactory(patient=smith, provider=each): "10" for each in (dr1, dr2, dr3)}
    from_patient(ana, smith, dr1, amount=money(30), entries=entries(on))
    assert len(transfers(smith)) == 4
    assert [figures(smith, each) for each in (dr1, dr2, dr3)] == [(90, 0, 90)] * 3


@pytest.mark.parametrize(("amount", "over"), [("59.99", "$0.01"), ("30", "$30.00")])
def test_r3_a_transfer_pair_cannot_take_more_than_was_paid(
    ana: Any, smith: Patient, dr1: Provider, dr2: Provider, amount: str, over: str
) -> None:
    own = LineFactory(patient=smith, provider=dr1)
    theirs = LineFactory(patient=smith, provider=dr2)
    with refused(
        f"{over} too much is allocated. Lower some lines or correct Amount.", field="amount"
    ):
        from_patient(
            ana, smith, dr1, amount=money(amount), entries=entries({own: "30", theirs: "30"})
        )


# --- An insurer pays -----------------------------------------------------------------------------


def test_r5_an_insurers_payment_pays_lines_of_any_patient(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider, blueriver: Payer
) -> None:
    his = LineFactory(patient=smith, provider=dr1)
    hers = LineFactory(patient=okafor, provider=dr2)
    payment = from_payer(ana, blueriver, entries=entries({his: "100", hers: "60"})).payment
    assert payment
    assert (payment.number, payment.unallocated) == ("IP-0001", 40)
    assert figures(smith, dr1) == (0, 0, 0)
    assert figures(okafor, dr2) == (40, 0, 40), "what is left is the payer's, not her credit"
    assert transfers(smith) == []


def test_jane_s_case_paid_and_written_off_with_the_copay_taken_before(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """FIELD §2.7: 75.00 = 38.75 + PR 20 + 16.25; 50.00 = 15.25 + PR 10 + 24.75; 10 still due."""
    one = LineFactory(patient=smith, provider=dr1, amount="75")
    two = LineFactory(patient=smith, provider=dr1, amount="50")
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={one: "20"})
    posted = from_payer(
        ana,
        blueriver,
        amount=money(54),
        entries=entries({one: ("38.75", "16.25"), two: ("15.25", "24.75")}),
    )
    assert posted.payment
    assert posted.payment.unallocated == 0
    assert posted.released == []
    assert owing(one) == (money("58.75"), 0)
    assert owing(two) == (money("15.25"), 10)
    assert figures(smith, dr1) == (10, 0, 10)
    assert balances.adjustments_with(posted.payment) == 41


def test_a_write_off_with_a_payment_is_contractual_and_names_the_payment(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    payment = from_payer(ana, blueriver, entries=entries({line: ("60", "25")})).payment
    row = Adjustment.objects.get()
    assert (row.kind, row.amount, row.payment, row.line) == ("contractual", 25, payment, line)
    assert owing(line) == (60, 15)


def test_a_payment_of_zero_with_write_offs_only(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    payment = from_payer(
        ana, blueriver, amount=money(0), entries=entries({line: ("0", "30")})
    ).payment
    assert payment
    assert (payment.amount, payment.unallocated) == (0, 0)
    assert owing(line) == (0, 70)


@pytest.mark.parametrize(
    ("paid", "write_off", "over"),
    [("100.01", "0", "0.01"), ("0", "100.01", "0.01"), ("60", "60", "20.00")],
)
def test_r2_more_than_a_session_owes_is_refused_to_an_insurer(
    ana: Any,
    smith: Patient,
    dr1: Provider,
    blueriver: Payer,
    paid: str,
    write_off: str,
    over: str,
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    with refused(f"{over} more than this session owes.", line=line):
        from_payer(ana, blueriver, entries=entries({line: (paid, write_off)}))


def test_r3_more_than_an_insurer_paid_is_refused_without_a_reason(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    lines = [LineFactory(patient=smith, provider=dr1) for _ in range(3)]
    with refused(
        "$100.00 too much is allocated. Lower some lines or correct Amount.", field="amount"
    ):
        from_payer(ana, blueriver, entries=entries(dict.fromkeys(lines, "100")))


def test_r3_an_insurers_payment_may_be_over_allocated_with_a_typed_reason(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    lines = [LineFactory(patient=smith, provider=dr1) for _ in range(3)]
    payment = from_payer(
        ana,
        blueriver,
        entries=entries(dict.fromkeys(lines, "100")),
        over_allocation_reason="Offset for a patient who left",
    ).payment
    assert payment
    assert payment.unallocated == -100
    assert figures(smith, dr1) == (0, 0, 0), "an insurer's overdraft is nobody's credit"


# --- Several payers, and the copay released ------------------------------------------------------


def test_several_payers_pay_one_line(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    """FIELD §2.7, secondary: 150 = 80 + 50 written off + 15 + 5 by the patient."""
    line = LineFactory(patient=smith, provider=dr1, amount="150")
    first = from_payer(ana, blueriver, amount=money(80), entries=entries({line: ("80", "50")}))
    second = from_payer(ana, cascade, amount=money(15), entries=entries({line: "15"}))
    third = from_patient(ana, smith, dr1, amount=money(5), entries=entries({line: "5"}))
    assert owing(line) == (100, 0)
    assert all(each.payment for each in (first, second, third))
    assert paying(line) == {"IP-0001": 80, "IP-0002": 15, "R-0001": 5}


def test_a_copay_paid_up_front_is_released_by_the_insurers_payment(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    posted = from_payer(ana, blueriver, amount=money(70), entries=entries({line: ("70", "25")}))
    assert [(row.payment, row.line, row.amount) for row in posted.released] == [(copay, line, -15)]
    assert free(copay) == 15
    assert owing(line) == (75, 0)
    assert figures(smith, dr1) == (0, 15, -15)
    assert posted.payment
    assert posted.payment.unallocated == 0


def test_a_write_off_alone_releases_the_copay_too(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    from_payer(ana, blueriver, amount=money(0), entries=entries({line: ("0", "100")}))
    assert free(copay) == 20
    assert owing(line) == (0, 0)


def test_what_is_released_comes_off_the_newest_receipt_first(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    old = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=20, on={line: "20"})
    new = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=19, on={line: "20"})
    from_payer(ana, blueriver, amount=money(90), entries=entries({line: "90"}))
    assert (free(old), free(new)) == (10, 20)


def test_what_is_released_comes_off_a_reversed_receipt_before_all_others(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=20, on={line: "20"})
    new = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=19, on={line: "20"})
    ledger.reverse(by=ana, payment=bounced, date=day(5), reason="Bounced", unpay_lines=False)
    assert figures(smith, dr1) == (60, -20, 80)
    from_payer(ana, blueriver, amount=money(90), entries=entries({line: "90"}))
    assert (free(bounced), free(new)) == (0, 10)
    assert figures(smith, dr1) == (0, 10, -10)


def test_another_insurers_money_is_never_released(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    InsurancePaymentFactory(payer=blueriver, amount="80", on={line: "80"})
    PaymentFactory(patient=smith, provider=dr1, amount="10", ago=5, on={line: "10"})
    with refused("5.00 more than this session owes.", line=line):
        from_payer(ana, cascade, amount=money(25), entries=entries({line: "25"}))
    from_payer(ana, cascade, amount=money(25), entries=entries({line: "20"}))
    assert owing(line) == (100, 0)
    assert figures(smith, dr1) == (0, 10, -10)


def test_credit_released_by_an_insurer_covers_a_reversed_receipt(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """R7: covering runs last in this verb as well."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    other = LineFactory(patient=smith, provider=dr1, amount="15")
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="15", on={other: "15"})
    copay = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    ledger.reverse(by=ana, payment=bounced, date=day(5), reason="Bounced", unpay_lines=False)
    from_payer(ana, blueriver, amount=money(100), entries=entries({line: "100"}))
    assert paying(other) == {copay.number: 15}
    assert figures(smith, dr1) == (0, 5, -5)


# --- Takebacks -----------------------------------------------------------------------------------


def test_a_takeback_and_its_correction_in_one_payment(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """FIELD §2.7: A was paid 100; A −100, A +60, B +150 → check 110 → unallocated 0."""
    a = LineFactory(patient=smith, provider=dr1, amount="100")
    b = LineFactory(patient=okafor, provider=dr1, amount="150")
    from_payer(ana, blueriver, amount=money(100), entries=entries({a: "100"}))
    payment = from_payer(
        ana, blueriver, amount=money(110), entries=entries({a: "-40", b: "150"})
    ).payment
    assert payment
    assert payment.unallocated == 0
    assert owing(a) == (60, 40)
    assert owing(b) == (150, 0)


@pytest.mark.parametrize("typed", ["-100.01", "-150"])
def test_r2_a_takeback_never_takes_more_than_this_payer_paid(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, cascade: Payer, typed: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="200")
    from_payer(ana, blueriver, amount=money(100), entries=entries({line: "100"}))
    from_payer(ana, cascade, amount=money(50), entries=entries({line: "50"}))
    with refused("This payer paid only 100.00 on this line.", line=line):
        from_payer(ana, blueriver, entries=entries({line: typed}))
    with refused("This payer paid only 50.00 on this line.", line=line):
        from_payer(ana, cascade, entries=entries({line: typed}))
    from_payer(ana, blueriver, amount=money(0), entries=entries({line: "-100"}))
    assert owing(line) == (50, 150)


def test_r2_takebacks_of_several_payments_add_up(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    from_payer(ana, blueriver, amount=money(100), entries=entries({line: "100"}))
    from_payer(ana, blueriver, amount=money(0), entries=entries({line: "-60"}))
    with refused("This payer paid only 40.00 on this line.", line=line):
        from_payer(ana, blueriver, amount=money(0), entries=entries({line: "-40.01"}))
    from_payer(ana, blueriver, amount=money(0), entries=entries({line: "-40"}))
    assert owing(line) == (0, 100)
    held = Allocation.objects.filter(line=line).aggregate(total=Sum("amount"))["total"]
    assert held == 0


def test_a_takeback_leaves_the_patients_money_on_the_line(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    from_payer(ana, blueriver, amount=money(80), entries=entries({line: "80"}))
    own = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=0, on={line: "20"})
    from_payer(ana, blueriver, amount=money(0), entries=entries({line: "-80"}))
    assert owing(line) == (20, 80)
    assert paying(line)[own.number] == 20


def test_a_payment_that_only_takes_back_is_negative(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """FIELD §2.7, voluntary refund: payment −100, allocation −100 → unallocated 0."""
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    from_payer(ana, blueriver, amount=money(100), entries=entries({line: "100"}))
    payment = from_payer(
        ana, blueriver, amount=money(-100), entries=entries({line: "-100"})
    ).payment
    assert payment
    assert (payment.amount, payment.unallocated) == (-100, 0)
    assert owing(line) == (0, 100)


def test_r3_a_negative_payment_that_names_no_line_is_refused(ana: Any, blueriver: Payer) -> None:
    with refused(
        "$100.00 too much is allocated. Lower some lines or correct Amount.", field="amount"
    ):
        from_payer(ana, blueriver, amount=money(-100))


def test_a_write_off_is_taken_back_as_far_as_it_went(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100")
    from_payer(ana, blueriver, amount=money(60), entries=entries({line: ("60", "40")}))
    with refused("Only 40.00 was written off.", line=line):
        from_payer(ana, blueriver, amount=money(0), entries=entries({line: ("0", "-40.01")}))
    from_payer(ana, blueriver, amount=money(0), entries=entries({line: ("-60", "-40")}))
    assert owing(line) == (0, 100)


# --- R10: a check is entered once ----------------------------------------------------------------


def test_r10_a_check_already_entered_is_refused_by_its_number(ana: Any, blueriver: Payer) -> None:
    InsurancePaymentFactory(payer=blueriver, amount="1240", reference="104482", ago=10)
    entered = f"{day(10):%d %b %Y} (IP-0001, $1,240.00)."
    for typed in ("104482", "104482"):
        with refused(
            f"Check 104482 from BlueRiver Health was already entered on {entered}",
            field="reference",
        ):
            from_payer(ana, blueriver, reference=typed)


def test_r10_letter_case_makes_no_other_reference(ana: Any, blueriver: Payer) -> None:
    InsurancePaymentFactory(payer=blueriver, method="eft", reference="eft-77a", ago=10)
    with refused(
        f"EFT eft-77a from BlueRiver Health was already entered on {day(10):%d %b %Y}"
        " (IP-0001, $200.00).",
        field="reference",
    ):
        from_payer(ana, blueriver, method="eft", reference="EFT-77A")


@pytest.mark.parametrize("how", ["reverse", "void"])
def test_r10_undoing_frees_the_reference(ana: Any, blueriver: Payer, how: str) -> None:
    wrong = InsurancePaymentFactory(payer=blueriver, reference="104482")
    if how == "void":
        ledger.void(by=ana, payment=wrong, reason="Wrong amount")
    else:
        ledger.reverse(by=ana, payment=wrong, date=day(0), reason="Wrong amount")
    assert from_payer(ana, blueriver, reference="104482").payment
    with pytest.raises(ledger.LedgerError, match="already entered"):
        from_payer(ana, blueriver, reference="104482")


def test_r10_the_same_number_of_another_payer_or_none_at_all_is_no_duplicate(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer, cascade: Payer
) -> None:
    for payer in (blueriver, cascade):
        from_payer(ana, payer, reference="104482")
        from_payer(ana, payer, reference="")
        from_payer(ana, payer, reference="")
    for _ in range(2):
        from_patient(ana, smith, dr1, method="check", reference="104482")
    assert Payment.objects.count() == 8


def test_the_books_hold_after_a_day_of_it(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider, blueriver: Payer
) -> None:
    lines = [
        LineFactory(patient=patient, provider=provider)
        for patient in (smith, okafor)
        for provider in (dr1, dr2)
    ]
    for line in lines:
        from_patient(ana, line.patient, dr1, entries=entries({line: "20"}))
    from_payer(
        ana, blueriver, amount=money(360), entries=entries(dict.fromkeys(lines, ("90", "5")))
    )
    assert [owing(line) for line in lines] == [(95, 0)] * 4
    assert [figures(line.patient, line.provider)[1] for line in lines] == [15] * 4
    assert checks.run_all() == []
