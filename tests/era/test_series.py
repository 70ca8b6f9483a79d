"""The constructed series from upload to the books, step by step, as the specification has it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from billing import balances, checks, ledger
from billing.models import EraFile, Offset, Payment, Remittance, RemittanceRow, RemittanceState
from billing.models.remittances import AMOUNTS
from billing.remittances import posting, review, worklist
from billing.remittances.posting import NotReady
from tests.era.clinic import TODAY, Clinic, series, short
from tests.factories import InsurancePaymentFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic(db: None) -> Iterator[Clinic]:
    with time_machine.travel(TODAY, tick=True):
        yield series()
        assert checks.run_all() == []


def shown(draft: Remittance) -> dict[str, int]:
    now = balances.standing(draft)
    counts = {
        "matched": now.matched,
        "check": now.to_check,
        "choose": now.to_choose,
        "not found": now.not_found,
    }
    return {word: count for word, count in counts.items() if count}


def kept(draft: Remittance, sure: bool = True) -> list[str]:
    typed = review.typed_by_hand(draft)
    found = review.problems(draft, balances.standing(draft), sure=sure, typed=typed)
    return [each.text for each in found]


# ---------------------------------------------------------------------------- step by step


def test_c1_pays_a_deductible_and_a_denial(clinic: Clinic) -> None:
    draft = clinic.draft(1)
    assert shown(draft) == {"matched": 4}
    assert balances.standing(draft).unallocated == 0
    clinic.save(draft)
    assert clinic.figures("RC-1001-1") == ("105", "45", "25", "patient")
    assert clinic.owes("RC-1001-2") == {"copay": "25"}
    assert clinic.figures("RC-1002-1") == ("0", "55", "165", "Cascade")
    assert clinic.state("RC-1002-1") == "Deductible"
    assert clinic.figures("RC-1003-1") == ("0", "0", "140", "Evergreen")
    assert clinic.state("RC-1003-1") == "Denied"
    assert [each.codes for each in balances.denied()] == ["CO-197, N54"]
    payment = draft.payment
    assert payment
    assert (payment.amount, payment.unallocated, payment.method) == (210, 0, "eft")
    assert str(payment.date) == "2026-01-20"


def test_c2_takes_back_and_corrects(clinic: Clinic) -> None:
    clinic.post(1)
    draft = clinic.draft(2)
    assert shown(draft) == {"matched": 5}
    rows = list(draft.rows.select_related("claim").order_by("claim__index", "number"))
    pairs = review.pairs(rows)
    assert [
        (short(pairs[row.pk].allocation), short(row.allocation)) for row in rows if row.pk in pairs
    ] == [("-105", "105"), ("-105", "25")]
    clinic.save(draft)
    assert clinic.figures("RC-1001-1") == ("105", "45", "25", "patient")
    assert clinic.owes("RC-1001-1") == {"copay": "25"}
    assert clinic.figures("RC-1001-2") == ("25", "45", "105", "patient")
    assert clinic.owes("RC-1001-2") == {"deductible": "105"}
    assert clinic.figures("RC-1004-1") == ("105", "45", "25", "patient")
    assert draft.payment
    assert draft.payment.allocations.count() == 5  # never netted


def test_c3_takes_back_more_than_it_pays(clinic: Clinic) -> None:
    draft = clinic.post(1, 2, 3)
    assert draft.payment
    assert (draft.payment.amount, draft.payment.unallocated, draft.payment.method) == (0, 0, "")
    assert clinic.figures("RC-1004-1") == ("0", "0", "175", "Evergreen")
    assert clinic.state("RC-1004-1") == "Denied"
    assert clinic.figures("RC-1005-1") == ("60", "50", "30", "patient")
    assert balances.open_forwards(clinic.evergreen) == {"EFT-5003": 45}


def test_c4_collects_what_was_forwarded(clinic: Clinic) -> None:
    draft = clinic.post(1, 2, 3, 4)
    assert draft.payment
    assert draft.payment.unallocated == 0
    assert clinic.figures("RC-1006-1") == ("130", "45", "0", "Evergreen")
    assert balances.payer_standing(clinic.evergreen).owed == 0
    assert "EFT-5003" not in balances.open_forwards(clinic.evergreen)
    assert [short(-each.amount) for each in Offset.objects.filter(code="L6")] == ["1.25"]


def test_c5_and_c6_the_patients_part_waits_for_the_secondary(clinic: Clinic) -> None:
    clinic.post(5)
    assert clinic.figures("RC-1007-1") == ("104", "45", "26", "Cascade")
    assert clinic.state("RC-1007-1") == "Forwarded"
    assert clinic.owes("RC-1007-1") == {"coinsurance": "26"}
    draft = clinic.post(6)
    assert draft.payer == clinic.cascade
    assert [row.notes for row in draft.rows.all()] == [[]]
    assert clinic.figures("RC-1007-1")[:3] == ("130", "45", "0")


def test_c5_without_the_secondary_stays_with_the_primary(clinic: Clinic) -> None:
    clinic.daniel.coverages.filter(payer=clinic.cascade).delete()
    clinic.post(5)
    assert clinic.figures("RC-1007-1") == ("104", "45", "26", "Evergreen")
    assert clinic.state("RC-1007-1") == "Forwarded"


def test_c6_before_c5_counts_other_money(clinic: Clinic) -> None:
    draft = clinic.draft(6)
    (row,) = draft.rows.all()
    assert row.notes == [
        ["W8", "The secondary counted $149.00 from the primary; we have $0.00 posted."]
    ]
    clinic.save(draft)  # never refused for that
    assert clinic.figures("RC-1007-1")[0] == "26"


def test_c7_is_about_the_whole_claim(clinic: Clinic) -> None:
    draft = clinic.draft(7)
    assert shown(draft) == {"matched": 2, "check": 1}
    assert kept(draft) == ["1 row is filled in but not sure. Look and accept."]
    (row,) = draft.rows.filter(state=1).select_related("claim")
    assert (row.level, short(row.allocation), short(row.deductible)) == ("B3", "-80", "80")
    review.tick(row)
    clinic.save(draft)
    assert clinic.figures("RC-1008-1") == ("50", "45", "80", "patient")
    assert clinic.owes("RC-1008-1") == {"deductible": "80"}
    assert clinic.figures("RC-1008-2") == ("130", "45", "0", "Evergreen")


def test_c8_has_a_row_to_check_and_one_nobody_knows(clinic: Clinic) -> None:
    draft = clinic.draft(8)
    assert shown(draft) == {"check": 1, "not found": 1}
    assert balances.standing(draft).unallocated == 280
    first, second = draft.rows.select_related("claim").order_by("claim__index")
    assert (first.level, first.claim.corrected) == ("B2", "RIVERA, MAYA, id EV100001")
    review.tick(first)
    assert balances.standing(draft).unallocated == 150
    with pytest.raises(NotReady) as refused:
        clinic.save(draft)
    assert [each.text for each in refused.value.problems] == [
        "$150.00 has no session yet. Choose the sessions, or leave the money unapplied with the"
        " payer."
    ]
    review.leave_unapplied(second)
    clinic.save(draft)
    assert clinic.figures("RC-1009-1") == ("130", "45", "0", "Evergreen")
    assert draft.payment
    assert draft.payment.unallocated == 150
    (waiting,) = balances.unmatched_claims()
    assert waiting == second


def test_the_whole_series(clinic: Clinic) -> None:
    clinic.post(1, 2, 3, 4, 5, 6, 7)
    assert Payment.objects.filter(unallocated__gt=0).count() == 0
    assert {each.owed for each in balances.payer_standings()} == {0}


# ---------------------------------------------------------------------------- again, and undone


def test_the_same_file_comes_once(clinic: Clinic) -> None:
    clinic.post(1)
    again = clinic.upload(1, "renamed.835")
    assert [finding.code for _of, finding in again.refused] == ["E21"]
    assert isinstance(again.earlier, EraFile)
    assert EraFile.objects.count() == 1


def test_the_same_check_in_another_file_comes_once(clinic: Clinic) -> None:
    clinic.post(1, 2)
    data = EraFile.objects.get(name="c2.835").content.replace(b"000001002", b"000009002")
    from billing.remittances.uploading import upload

    again = upload("c2-again.835", data, by=clinic.ana)
    ((of, finding),) = again.refused
    assert (of, finding.code) == ("EFT-5002", "E20")
    assert finding.text == (
        "Check EFT-5002 of Evergreen Health Plan was imported on 04/01/2026 by Ana"
        f" (payment {Remittance.objects.get(reference='EFT-5002').payment})."
    )
    assert EraFile.objects.count() == 2


def test_c2_before_c1_takes_back_what_nobody_paid(clinic: Clinic) -> None:
    draft = clinic.draft(2)
    assert shown(draft) == {"check": 2, "matched": 3}
    amber = list(draft.rows.filter(state=1).select_related("claim"))
    assert [row.concerns for row in amber] == [["takes back $105.00, nothing was paid"]] * 2
    for row in amber:
        review.tick(row)
    with pytest.raises(ledger.LedgerError, match=r"This payer paid only 0\.00 on this line\."):
        clinic.save(draft)


def test_paid_and_taken_back_in_one_payment(clinic: Clinic) -> None:
    """The reversal of a claim that the same file pays first: the line gets the sum."""
    draft = clinic.draft(2)
    rows = list(draft.rows.select_related("claim").order_by("claim__index", "number"))
    claims = [rows[0].claim, rows[2].claim]
    for claim, index in zip(claims, (100, 50), strict=True):
        claim.index = index
        claim.save()
    for row in rows:
        if row.amber:
            review.tick(RemittanceRow.objects.select_related("claim").get(pk=row.pk))
    first, second = rows[2], rows[3]
    for row in (first, second):
        row.refresh_from_db()
    review.change_amounts(second, {**_amounts(second), "allocation": rows[1].allocation * -1})
    review.leave_unapplied(rows[4])
    draft.amount = rows[4].allocation
    draft.save()
    clinic.save(draft)
    assert clinic.figures("RC-1001-1")[:2] == ("0", "0")
    assert clinic.figures("RC-1001-2")[:2] == ("0", "0")


def _amounts(row: RemittanceRow) -> dict[str, Decimal]:
    return {name: getattr(row, name) for name in AMOUNTS}


@pytest.mark.parametrize("numbers", [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), (5, 6), (7,)])
def test_undoing_leaves_everything_as_it_was(clinic: Clinic, numbers: tuple[int, ...]) -> None:
    *before, last = numbers
    if before:
        clinic.post(*before)
    was = clinic.everything()
    draft = clinic.post(last)
    assert clinic.everything() != was
    posting.undo(
        [draft], by=clinic.ana, date=timezone.localdate(), reason="Wrong file", as_drafts=True
    )
    assert clinic.everything() == was
    draft.refresh_from_db()
    assert (draft.state, draft.payment) == (RemittanceState.DRAFT, None)
    clinic.save(draft)  # and once more


def test_undone_and_discarded_it_may_come_again(clinic: Clinic) -> None:
    draft = clinic.post(1)
    posting.undo(
        [draft], by=clinic.ana, date=timezone.localdate(), reason="Wrong file", as_drafts=False
    )
    clinic.post(1)
    assert EraFile.objects.filter(discarded=True).count() == 1


def test_reversed_on_its_own_page_it_may_come_again(clinic: Clinic) -> None:
    draft = clinic.post(1)
    assert draft.payment
    ledger.reverse(
        by=clinic.ana, payment=draft.payment, date=timezone.localdate(), reason="Entered twice"
    )
    clinic.post(1)
    assert Remittance.objects.standing().count() == 1


def test_a_later_takeback_is_undone_first(clinic: Clinic) -> None:
    first = clinic.post(1)
    clinic.post(2)
    with pytest.raises(ledger.LedgerError, match="first"):
        posting.undo(
            [first], by=clinic.ana, date=timezone.localdate(), reason="Wrong", as_drafts=True
        )
    first.refresh_from_db()
    assert first.state == RemittanceState.POSTED


# ---------------------------------------------------------------------------- decisions


def test_what_is_to_review_may_be_written_off_or_put_on_the_patient(clinic: Clinic) -> None:
    draft = clinic.draft(1)
    row = draft.rows.select_related("claim").get(review__gt=0)
    review.decide(row, "write_off")
    clinic.save(draft)
    assert clinic.figures("RC-1003-1") == ("0", "140", "0", "Evergreen")
    (write_off,) = clinic.lines["RC-1003-1"].adjustments.all()
    assert write_off.carc == "197"


def test_put_on_the_patient(clinic: Clinic) -> None:
    draft = clinic.draft(1)
    row = draft.rows.select_related("claim").get(review__gt=0)
    review.decide(row, "patient")
    clinic.save(draft)
    assert clinic.figures("RC-1003-1") == ("0", "0", "140", "patient")
    assert clinic.owes("RC-1003-1") == {"other": "140"}


def test_a_payment_typed_by_hand_is_attached(clinic: Clinic) -> None:
    typed = InsurancePaymentFactory(
        payer=clinic.evergreen, amount="210", reference="EFT-5001", method="eft", by=clinic.ana
    )
    draft = clinic.draft(1)
    assert kept(draft) == [
        f"EFT-5001 was typed by hand as {typed.number}. Attach this ERA to it, or discard the"
        " draft."
    ]
    with review.changing(draft.pk) as locked:
        posting.attach(locked, by=clinic.ana)
    draft.refresh_from_db()
    assert (draft.payment, draft.attached) == (typed, True)
    assert Payment.objects.count() == 1
    posting.undo([draft], by=clinic.ana, date=timezone.localdate(), reason="No", as_drafts=False)
    typed.refresh_from_db()
    assert not typed.reversed


def test_a_recovery_may_be_taken_back_from_its_sessions(clinic: Clinic) -> None:
    clinic.post(1, 2, 3)
    draft = clinic.draft(4)
    recovery = draft.offsets.get(code="WO")
    assert review.lines_of_recovery(recovery, clinic.evergreen) == []
    recovery.reference = "EV26-79001"
    recovery.save()
    review.take_back(recovery, clinic.evergreen)
    draft.offsets.filter(code="72").delete()
    assert recovery.taken_back == [[clinic.lines["RC-1005-1"].pk, "60.00"]]


def test_unmatched_is_placed_later(clinic: Clinic) -> None:
    draft = clinic.draft(8)
    first, second = draft.rows.select_related("claim").order_by("claim__index")
    review.tick(first)
    review.leave_unapplied(second)
    clinic.save(draft)
    line = clinic.lines["RC-1002-1"]
    worklist.place_later(second.pk, line, by=clinic.ana)
    assert clinic.figures("RC-1002-1") == ("150", "50", "20", "Cascade")
    assert draft.payment
    draft.payment.refresh_from_db()
    assert draft.payment.unallocated == 0
    assert not balances.unmatched_claims().exists()
    with pytest.raises(review.ReviewError):
        worklist.place_later(second.pk, line, by=clinic.ana)


def test_the_rows_are_as_the_file_says(clinic: Clinic) -> None:
    draft = clinic.draft(2)
    for row in RemittanceRow.objects.filter(remittance=draft):
        assert row.charge == row.allocation + row.write_off + row.patient_owes + row.prior + (
            row.review
        )
