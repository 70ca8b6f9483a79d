"""The draft of an insurer's payment: what it shows, every small change, saving."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import ClosingDate, PayerKey, Payment, Remittance, RemittanceRow
from billing.models.remittances import RemittanceState, RowState
from billing.remittances import posting
from billing.views import remittance_screen, remittances
from config.roles import BILLER, FRONT_DESK
from tests.era.clinic import date
from tests.factories import InsurancePaymentFactory, PayerFactory, PaymentFactory, UserFactory
from tests.screens.bad_input import FORGED, nothing_happens, text
from tests.screens.era_desk import EraDesk, desk
from tests.screens.lists import ODD, SCRIPT, look

__all__ = ["desk"]
pytestmark = pytest.mark.django_db
TEST_WORD = "The payer marked this file as a TEST. Say that it is real."


def states(draft: Remittance) -> list[str]:
    rows = draft.rows.order_by("claim__index", "number", "part")
    return [RowState(state).label for state in rows.values_list("state", flat=True)]


# ---------------------------------------------------------------------------- it shows


def test_what_the_insurer_says_beside_what_we_have(desk: EraDesk) -> None:
    page = look(desk.client, desk.draft(1).get_absolute_url()).words
    assert "Matched 4 Check 0 Choose 0 Not found 0 Other 0" in page
    assert "Every cent has its place. Ready to save." in page
    assert "RIVERA, MAYA" in page
    assert "Rivera, Maya · owes 175.00" in page
    assert "Denied" in page
    assert "CO-197, N54" in page


def test_what_asks_for_somebody_comes_first(desk: EraDesk) -> None:
    page = look(desk.client, desk.draft(8).get_absolute_url())
    assert "Matched 0 Check 1 Choose 0 Not found 1 Other 0" in page.words
    assert "$280.00 still to place" in page.words
    assert page.table.index("RIVERA, MAIA") < page.table.index("NOBODY, KNOWN")
    assert "Payer says: RIVERA, MAYA, id EV100001" in page.table
    assert "Found by the person" in page.table
    assert "no session found" in page.table


def test_a_reversal_and_its_correction_are_one_pair(desk: EraDesk) -> None:
    desk.clinic.post(1)
    page = look(desk.client, desk.draft(2).get_absolute_url())
    assert "was 105.00, now 25.00: -80.00" in page.words
    assert page.html.count('class=" taken') == 2


def test_offsets_and_what_is_odd_about_them(desk: EraDesk) -> None:
    page = look(desk.client, desk.draft(4).get_absolute_url()).words
    assert "Other 4" in page
    assert "The payer collects $45.00 of forwarded balance EFT-5003; $0.00 is open." in page
    assert "Interest, of no session" in page
    assert "Recovered now; not on a session" in page


def test_who_it_is_made_out_to(desk: EraDesk) -> None:
    desk.clinic.daniel.lines.first().provider.__class__.objects.update(npi="1111111112")
    page = look(desk.client, desk.draft(1).get_absolute_url()).words
    assert "made out to RIVERSIDE COUNSELING GROUP, which is not us" in page


def test_rows_by_state_and_page(desk: EraDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remittance_screen, "ROWS", 2)
    draft = desk.draft(1)
    url = draft.get_absolute_url()
    assert "1 to 2 of 4" in look(desk.client, url).words
    assert "3 to 4 of 4" in look(desk.client, url, {"page": "2"}).words
    assert "No rows here." in look(desk.client, url, {"show": "check"}).words
    part = look(desk.client, url, {"page": "2"}, headers={"HX-Request": "true"})
    assert part.html.strip().startswith('<section id="rows"')
    for odd in ODD:
        assert look(desk.client, url, {"show": odd, "page": odd}).response.status_code == 200


def test_ten_thousand_rows_cost_what_four_do(desk: EraDesk) -> None:
    draft = desk.draft(1)
    few = len(look(desk.client, draft.get_absolute_url()).queries)
    assert few <= 13  # the clinic's name among them, which is kept for a minute
    first = RemittanceRow.objects.filter(remittance=draft).first()
    assert first
    RemittanceRow.objects.bulk_create(
        RemittanceRow(
            remittance=draft,
            claim_id=first.claim_id,
            group=0,
            number=10,
            part=part,
            kind="line",
            level="A1",
            state=RowState.MATCHED,
            line_id=first.line_id,
            first_segment=1,
            last_segment=2,
        )
        for part in range(500)
    )
    assert len(look(desk.client, draft.get_absolute_url()).queries) == few


# ---------------------------------------------------------------------------- small changes


def test_accept_and_think_again(desk: EraDesk) -> None:
    draft = desk.draft(8)
    first, _second = desk.rows(draft)
    with nothing_happens():
        answer = desk.act(draft, f"accept:{first.pk}", query="?show=check")
    assert answer["Location"] == f"{draft.get_absolute_url()}?show=check#row-{first.pk}"
    assert states(draft) == ["Matched", "Not found"]
    desk.act(draft, f"not-sure:{first.pk}")
    assert states(draft) == ["Check", "Not found"]


def test_with_htmx_only_the_row_and_the_figures_come(desk: EraDesk) -> None:
    draft = desk.draft(8)
    first, second = desk.rows(draft)
    answer = desk.client.post(
        draft.get_absolute_url(),
        {"action": f"accept:{first.pk}"},
        headers={"HX-Request": "true"},
    )
    part = text(answer)
    assert part.strip().startswith(f'<tr id="row-{first.pk}"')
    assert ">$150.00</output>" in part
    assert 'id="tabs"' in part
    assert "<html" not in part
    desk.act(draft, f"unapplied:{second.pk}")
    assert "$150.00 stays unapplied with the payer. Ready to save." in desk.said(
        desk.act(draft, f"accept:{first.pk}")
    )


def test_accept_all_of_a_kind(desk: EraDesk) -> None:
    draft = desk.draft(1)
    of_claim = draft.rows.filter(claim__control="RC-1001")
    of_claim.update(level="B1", state=RowState.CHECK)
    page = look(desk.client, draft.get_absolute_url()).words
    assert "Accept 2 of a claim of ours, with another charge" in page
    assert "2 rows accepted." in desk.said(desk.act(draft, "accept-all:B1"))
    assert draft.rows.filter(state=RowState.CHECK).count() == 0


@pytest.mark.parametrize(
    "action",
    ["", "nonsense", "accept", "accept:", "accept:x", "accept:999999", "accept:９", "accept:\0",
     "accept-all:A9", "take-back:1", "beside:0", "attach", "accept:" + "9" * 5000, SCRIPT],
)  # fmt: skip
def test_forged_changes(desk: EraDesk, action: str) -> None:
    draft = desk.draft(8)
    before = states(draft)
    with nothing_happens():
        answer = desk.act(draft, action, **FORGED)
    assert answer.status_code == 302
    assert states(draft) == before
    assert "<script>alert" not in desk.said(answer)


def test_another_drafts_row(desk: EraDesk) -> None:
    draft, other = desk.draft(8), desk.draft(7)
    row = desk.rows(other)[-1]
    page = desk.said(desk.act(draft, f"accept:{row.pk}"))
    assert "That row is not on this draft any more." in page
    row.refresh_from_db()
    assert row.state == RowState.CHECK


def test_a_draft_that_was_saved_meanwhile(desk: EraDesk) -> None:
    draft = desk.clinic.post(1)
    row = desk.rows(draft)[0]
    with nothing_happens():
        page = desk.said(desk.act(draft, f"unapplied:{row.pk}"))
    assert "This draft was posted meanwhile." in page


def test_discard(desk: EraDesk) -> None:
    draft = desk.draft(1)
    with nothing_happens():
        page = desk.said(desk.act(draft, "discard"))
    assert "Draft EFT-5001 discarded. Nothing was posted." in page
    draft.refresh_from_db()
    assert draft.state == RemittanceState.DISCARDED
    desk.draft(1)  # and it may come again


def test_a_recovery_is_taken_back_from_its_session(desk: EraDesk) -> None:
    desk.clinic.post(1, 2, 3)
    draft = desk.draft(4)
    offset = draft.offsets.get(code="WO")
    page = desk.said(desk.act(draft, f"take-back:{offset.pk}"))
    assert "This recovery names no session this payer paid that much on." in page
    offset.reference = "EV26-79001"
    offset.save()
    assert "Take back from its sessions" in text(desk.client.get(draft.get_absolute_url()))
    desk.act(draft, f"take-back:{offset.pk}")
    assert desk.save(draft).status_code == 302
    assert desk.clinic.figures("RC-1005-1")[0] == "0"
    assert not Payment.objects.get(reference="EFT-5004").unallocated


# ---------------------------------------------------------------------------- the payer


def test_the_payer_is_chosen_once(desk: EraDesk) -> None:
    PayerKey.objects.all().delete()
    draft = desk.draft(1)
    page = text(desk.client.get(draft.get_absolute_url()))
    assert "Whose payment is this?" in page
    assert 'value="Evergreen Health Plan (60054)"' in page  # suggested by its number
    assert "Choose the payer." in text(desk.save(draft))
    page = desk.said(desk.act(draft, "payer", payer="Evergreen Health Plan (60054)"))
    assert "Evergreen Health Plan is remembered for the next file." in page
    assert "Matched 4" in look(desk.client, draft.get_absolute_url()).words
    assert desk.draft(5).payer == desk.clinic.evergreen


def test_a_payer_chosen_by_mistake_is_changed(desk: EraDesk) -> None:
    """Also for the next file; the claims are matched anew, with the sessions of the right one."""
    draft = desk.draft(1)
    right = desk.clinic.evergreen
    wrong = PayerFactory(name="Wrong Health", payer_id="60999")
    url = draft.get_absolute_url()
    assert 'name="payer"' not in text(desk.client.get(url))
    asked = text(desk.client.get(url, {"change": "payer"}))
    assert 'value="Evergreen Health Plan (60054)"' in asked
    assert "Keep Evergreen Health Plan" in asked
    desk.act(draft, "payer", payer="60999")
    draft.refresh_from_db()
    assert draft.payer == wrong
    assert "Matched" not in states(draft)
    desk.act(draft, "payer", payer=str(right))
    draft.refresh_from_db()
    assert draft.payer == right
    assert states(draft) == ["Matched"] * 4
    assert desk.draft(5).payer == right


@pytest.mark.parametrize("typed", ["", "Nobody", "9" * 5000, SCRIPT])
def test_a_payer_nobody_knows(desk: EraDesk, typed: str) -> None:
    PayerKey.objects.all().delete()
    draft = desk.draft(1)
    answer = desk.act(draft, "payer", payer=typed)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()
    draft.refresh_from_db()
    assert draft.payer is None


@pytest.mark.parametrize("many", [500, 1])
def test_a_payer_who_has_this_payment_already_is_not_chosen(
    desk: EraDesk, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(remittances, "MANY", many)
    draft = desk.draft(1)
    wrong = PayerFactory(name="Wrong Health", payer_id="60999")
    other = desk.draft(2)
    other.payer, other.key, other.reference = wrong, "another", draft.reference
    other.save()
    answer = desk.act(draft, "payer", payer="60999")
    page = desk.said(answer)
    assert f"{draft.reference} of Wrong Health was imported before. Choose another payer." in page
    draft.refresh_from_db()
    assert draft.payer == desk.clinic.evergreen


def test_what_was_taken_back_for_one_payer_is_not_for_another(desk: EraDesk) -> None:
    draft = desk.draft(1)
    offset = draft.offsets.create(
        code="WO", reference="X", amount=10, taken_back=[[1, "10.00"]], position=99
    )
    PayerFactory(name="Wrong Health", payer_id="60999")
    desk.act(draft, "payer", payer="60999")
    offset.refresh_from_db()
    assert offset.taken_back == []


def test_choosing_for_many_claims_shows_progress(
    desk: EraDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    PayerKey.objects.all().delete()
    monkeypatch.setattr(remittances, "MANY", 1)
    draft = desk.draft(1)
    answer: Any = desk.act(draft, "payer", payer="Evergreen Health Plan")
    page = b"".join(answer.streaming_content).decode()
    assert "The claims are matched with Evergreen Health Plan." in page
    assert states(draft) == ["Matched"] * 4


# ---------------------------------------------------------------------------- saving


def test_saving_posts_once(desk: EraDesk) -> None:
    draft = desk.draft(1)
    key = str(uuid.uuid4())
    answer = desk.save(draft, key=key, date="2026-01-20")
    payment = Payment.objects.get()
    assert answer["Location"] == payment.get_absolute_url()
    assert "Saved. $210.00 from Evergreen Health Plan." in desk.said(answer)
    assert desk.clinic.figures("RC-1001-1") == ("105", "45", "25", "patient")
    with nothing_happens():
        again = desk.save(draft, key=key, date="2026-01-20")
    assert "This draft was posted meanwhile." in desk.said(again)


def test_saving_costs_the_same_for_four_rows_and_for_eight(desk: EraDesk) -> None:
    def saved(draft: Remittance) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert desk.save(draft).status_code == 302
        return len(captured)

    few = saved(desk.draft(6))
    many = saved(desk.draft(1))
    # Four claims instead of one; what a denial and a patient's part add is two inserts and the
    # reading of coverages.
    assert many <= few + 4


def test_money_may_stay_with_the_payer(desk: EraDesk) -> None:
    draft = desk.draft(8)
    first, second = desk.rows(draft)
    desk.act(draft, f"accept:{first.pk}")
    desk.act(draft, f"unapplied:{second.pk}")
    page = desk.said(desk.save(draft))
    assert "$150.00 stays unapplied with the payer." in page
    assert Payment.objects.get().unallocated == 150


def test_a_long_draft_is_saved_with_progress(
    desk: EraDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remittances, "MANY", 1)
    draft = desk.draft(1)
    refused(desk, draft, TEST_WORD, sure="")
    answer: Any = desk.save(draft, date="2026-01-20")
    page = b"".join(answer.streaming_content).decode()
    assert "Saved. $210.00 from Evergreen Health Plan." in page
    assert f"Open {Payment.objects.get()}" in page


def test_a_long_draft_the_ledger_refuses(desk: EraDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remittances, "MANY", 1)
    draft = desk.draft(2)
    draft.rows.filter(state=RowState.CHECK).update(ticked=True, state=RowState.MATCHED)
    with nothing_happens():
        answer: Any = desk.save(draft)
        page = b"".join(answer.streaming_content).decode()
    assert "This payer paid only 0.00 on this line." in page


def refused(desk: EraDesk, draft: Remittance, *sentences: str, **form: Any) -> str:
    with nothing_happens():
        answer = desk.save(draft, **form)
    assert answer.status_code == 200
    page = text(answer)
    assert "This payment is not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    draft.refresh_from_db()
    assert draft.state == RemittanceState.DRAFT
    return page


def test_a_row_that_is_not_sure(desk: EraDesk) -> None:
    draft = desk.draft(7)
    page = refused(desk, draft, "1 row is filled in but not sure. Look and accept.")
    assert 'href="?show=check#rows"' in page


def test_money_without_a_session(desk: EraDesk) -> None:
    draft = desk.draft(8)
    desk.act(draft, f"accept:{desk.rows(draft)[0].pk}")
    page = refused(
        desk,
        draft,
        "$150.00 has no session yet. Choose the sessions, or leave the money unapplied with the"
        " payer.",
    )
    assert 'href="?show=open#rows"' in page


def test_a_file_marked_as_a_test(desk: EraDesk) -> None:
    refused(desk, desk.draft(1), TEST_WORD, sure="")


def test_no_date_in_the_era(desk: EraDesk) -> None:
    draft = desk.draft(1)
    Remittance.objects.update(date=None)
    refused(desk, draft, "Enter the payment date; the ERA has none.", date="")
    assert desk.save(draft, date="2026-01-20").status_code == 302


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-02-30", "Enter a date like 2025-11-18."),
        ("0001-01-01", "The date is too long ago. Check the year."),
        ("9999-12-31", "The date is in the future."),
        ("２０２６-01-20", "Enter a date like 2025-11-18."),
    ],
)
def test_dates(desk: EraDesk, day: str, says: str) -> None:
    refused(desk, desk.draft(1), says, date=day)


@pytest.mark.parametrize("many", [500, 1])
def test_a_date_that_cannot_be_kept_is_said(
    desk: EraDesk, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """A line it pays was issued later than that."""
    monkeypatch.setattr(remittances, "MANY", many)
    draft = desk.draft(1)
    line = draft.rows.exclude(line=None).select_related("line").first()
    assert line
    assert line.line
    patient, provider = line.line.patient, line.line.provider
    PaymentFactory(
        patient=patient,
        provider=provider,
        amount="1",
        on={line.line: "1"},
        ago=0,
        by=desk.clinic.ana,
    )
    answer = desk.save(draft, date=(timezone.localdate() - timedelta(days=4)).isoformat())
    page = desk.said(answer)
    assert f"It is dated {timezone.localdate():%d %b %Y}" in page


def test_an_era_of_a_month_that_is_closed_is_offered_today(desk: EraDesk) -> None:
    draft = desk.draft(1)
    assert f'value="{draft.date}"' in text(desk.client.get(draft.get_absolute_url()))
    ClosingDate.objects.create(closed_through=draft.date, created_by=desk.clinic.ana)
    page = text(desk.client.get(draft.get_absolute_url()))
    assert f'value="{timezone.localdate()}"' in page
    assert f"The ERA says {draft.date:%d %b %Y}, which is closed." in page
    assert desk.save(draft, date=timezone.localdate().isoformat()).status_code == 302
    draft.refresh_from_db()
    assert draft.payment
    assert draft.payment.date == timezone.localdate()


def test_a_closed_day(desk: EraDesk) -> None:
    ClosingDate.objects.create(closed_through=date("03/31"), created_by=desk.clinic.ana)
    refused(desk, desk.draft(1), "The date is in a closed period (up to 31 Mar 2026).")


def test_a_form_without_its_key(desk: EraDesk) -> None:
    refused(desk, desk.draft(1), "This form is too old to be saved.", key="nonsense")


def test_what_the_ledger_refuses_names_the_row(desk: EraDesk) -> None:
    draft = desk.draft(2)  # nothing of it was paid before
    for row in desk.rows(draft):
        if row.state == RowState.CHECK:
            desk.act(draft, f"accept:{row.pk}")
    page = refused(desk, draft, "This payer paid only 0.00 on this line.")
    assert "RIVERA, MAYA, 90837 of 05 Jan 2026" in page


def test_a_payment_typed_by_hand(desk: EraDesk) -> None:
    typed = InsurancePaymentFactory(
        payer=desk.clinic.evergreen, amount="210", reference="EFT-5001", by=desk.clinic.ana
    )
    draft = desk.draft(1)
    page = text(desk.client.get(draft.get_absolute_url()))
    assert f"Attach to {typed.number}" in page
    refused(desk, draft, f"EFT-5001 was typed by hand as {typed.number}.")
    with nothing_happens():
        answer = desk.act(draft, "attach")
    assert answer["Location"] == typed.get_absolute_url()
    draft.refresh_from_db()
    assert draft.attached


def test_a_payment_typed_by_hand_with_another_amount(desk: EraDesk) -> None:
    typed = InsurancePaymentFactory(
        payer=desk.clinic.evergreen, amount="200", reference="EFT-5001", by=desk.clinic.ana
    )
    draft = desk.draft(1)
    page = desk.said(desk.act(draft, "attach"))
    assert f"{typed.number} is $200.00, the ERA $210.00." in page


def test_a_notice_whose_number_was_used_before(desk: EraDesk) -> None:
    desk.clinic.post(1, 2, 3)
    draft = desk.draft(4)
    Remittance.objects.filter(pk=draft.pk).update(
        reference="EFT-5003", notice=True, key="originator 1911234567"
    )
    draft.refresh_from_db()
    assert desk.save(draft).status_code == 302
    payment = Payment.objects.latest("pk")
    assert payment.reference == ""
    assert payment.note == "Notice EFT-5003, a number that was used before"


# ---------------------------------------------------------------------------- afterwards


def test_once_saved_it_is_read_only(desk: EraDesk) -> None:
    draft = desk.clinic.post(1)
    page = text(desk.client.get(draft.get_absolute_url()))
    assert f"Open {draft.payment}" in page
    assert "Save payment" not in page
    assert "Accept" not in page


def test_names_with_html_in_them(desk: EraDesk) -> None:
    draft = desk.draft(8)
    draft.claims.update(patient=SCRIPT, control=SCRIPT, corrected=SCRIPT)
    desk.clinic.maya.given_name = SCRIPT
    desk.clinic.maya.save()
    Remittance.objects.update(payer_name=SCRIPT, warnings=[["W7", SCRIPT]])
    page = desk.client.get(draft.get_absolute_url()).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_what_is_not_there(desk: EraDesk) -> None:
    assert desk.client.get("/insurance-payments/remittances/999999/").status_code == 404


def test_signed_out(desk: EraDesk) -> None:
    draft = desk.draft(1)
    assert Client().post(draft.get_absolute_url(), {"action": "save"}).status_code == 302
    assert not Payment.objects.exists()


def test_looking_writes_nothing_even_undone(desk: EraDesk) -> None:
    draft = desk.clinic.post(1)
    posting.undo(
        [draft], by=desk.clinic.ana, date=date("04/01"), reason="Wrong file", as_drafts=True
    )
    assert "ERA draft" in look(desk.client, draft.get_absolute_url()).words


# ---------------------------------------------------------------------------- over-allocated


def over_allocated(desk: EraDesk) -> Remittance:
    """A draft whose rows come to 50.00 more than was received."""
    draft = desk.draft(1)
    draft.amount -= 50
    draft.save()
    return draft


def may_over_allocate(desk: EraDesk) -> None:
    assert desk.clinic.ana.has_perm("billing.overallocate_payment")  # as every biller


def test_over_allocated_is_stopped_once(desk: EraDesk) -> None:
    may_over_allocate(desk)
    draft = over_allocated(desk)
    page = refused(desk, draft, "The rows add up to $50.00 more than the payment.")
    assert "Save as over-allocated" in page
    assert 'name="over_reason"' in page
    assert "Save as over-allocated" not in text(desk.client.get(draft.get_absolute_url()))


def test_over_allocated_with_a_reason(desk: EraDesk) -> None:
    may_over_allocate(desk)
    draft = over_allocated(desk)
    answer = desk.save(draft, action="over", over_reason=" The payer sends 50.00 by check ")
    assert "Saved as over-allocated: $50.00 more is on its sessions" in desk.said(answer)
    payment = Payment.objects.get()
    assert payment.unallocated == -50
    assert payment.over_allocation_reason == "The payer sends 50.00 by check"
    assert "The payer sends 50.00 by check" in text(desk.client.get(payment.get_absolute_url()))


def test_a_long_draft_over_allocated(desk: EraDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remittances, "MANY", 1)
    may_over_allocate(desk)
    draft = over_allocated(desk)
    assert "more than the payment" in text(desk.save(draft))
    answer = desk.save(draft, action="over", over_reason="The rest comes by check")
    b"".join(answer.streaming_content)
    assert Payment.objects.get().unallocated == -50


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("", "Say in a few words why it is over-allocated."),
        ("why", "Say in a few words why it is over-allocated."),
        ("\0" * 9, "Null characters are not allowed."),
        ("x" * 5_000, "Ensure this value has at most 200 characters (it has 5000)."),
    ],
)
def test_a_reason_that_is_none(desk: EraDesk, reason: str, says: str) -> None:
    may_over_allocate(desk)
    draft = over_allocated(desk)
    with nothing_happens():
        page = text(desk.save(draft, action="over", over_reason=reason))
    assert page.count(says) == 2, "in the summary and beside the field"
    assert "Save as over-allocated" in page


def test_over_allocating_is_for_those_who_may(desk: EraDesk) -> None:
    may = Permission.objects.get(codename="overallocate_payment")
    Group.objects.get(name=BILLER).permissions.remove(may)
    draft = over_allocated(desk)
    assert "Ask an administrator." in refused(desk, draft, "$50.00 more than the payment.")
    with nothing_happens():
        page = text(desk.save(draft, action="over", over_reason="The rest comes by check"))
    assert "Save as over-allocated" not in page
    assert "Can over-allocate an insurer" in page


def test_a_reason_excuses_nothing_else(desk: EraDesk) -> None:
    may_over_allocate(desk)
    draft = desk.draft(8)
    desk.act(draft, f"accept:{desk.rows(draft)[0].pk}")
    with nothing_happens():
        page = text(desk.save(draft, action="over", over_reason="The rest comes by check"))
    assert "$150.00 has no session yet." in page


# ---------------------------------------------------------------------------- what was typed stays


def test_the_day_and_the_tick_survive_other_rows(
    desk: EraDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remittance_screen, "ROWS", 2)
    draft = desk.draft(1)
    draft.file.test = True
    draft.file.save()
    with nothing_happens():
        answer = desk.act(draft, "keep", date="2026-03-20", sure="on")
    assert answer.status_code == 204
    page = look(desk.client, draft.get_absolute_url(), {"page": "2"}).html
    assert 'value="2026-03-20"' in page
    assert " checked" in page.partition('name="sure"')[2].partition(">")[0]
    desk.act(draft, "keep", date="2026-03-20")
    page = look(desk.client, draft.get_absolute_url()).html
    assert " checked" not in page.partition('name="sure"')[2].partition(">")[0]
    assert desk.save(draft, date="2026-03-20").status_code == 302
    assert f"remittance-{draft.pk}" not in desk.client.session


@pytest.mark.parametrize("day", ["", "\0", SCRIPT, "x" * 5_000, "0001-01-01", "９"])
def test_an_odd_day_is_kept_as_it_is(desk: EraDesk, day: str) -> None:
    draft = desk.draft(1)
    assert desk.act(draft, "keep", date=day).status_code == 204
    page = look(desk.client, draft.get_absolute_url())
    assert page.response.status_code == 200
    assert SCRIPT not in page.html


def test_the_payment_says_which_file_it_came_from(desk: EraDesk) -> None:
    draft = desk.draft(1)
    desk.save(draft)
    page = text(desk.client.get(Payment.objects.get().get_absolute_url()))
    assert f'href="{draft.get_absolute_url()}"' in page
    assert f'href="/insurance-payments/era/{draft.file_id}/"' in page


# ---------------------------------------------------------------------------- on Today


def test_today_offers_a_draft_to_whoever_may_go_on_with_it(desk: EraDesk) -> None:
    draft = desk.draft(1)
    here = f'href="{draft.get_absolute_url()}"'
    assert here in text(desk.client.get("/"))
    front = Client()
    front.force_login(UserFactory(username="ben", roles=[FRONT_DESK]))
    page = text(front.get("/"))
    assert here not in page
    assert draft.reference not in page
