"""One row of a draft: all the insurer says about it, its session, its amounts."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import RemittanceRow, RowState
from tests.factories import LineFactory, PatientFactory
from tests.screens.bad_input import BAD_AMOUNTS, nothing_happens, text
from tests.screens.era_desk import EraDesk, desk
from tests.screens.lists import ODD, SCRIPT, look

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


def url(row: RemittanceRow) -> str:
    return f"/insurance-payments/remittances/{row.remittance_id}/rows/{row.pk}/"


def amounts(**typed: str) -> dict[str, str]:
    names = ("allocation", "write_off", "deductible", "coinsurance", "copay", "other")
    return {name: typed.get(name, "0") for name in names} | {
        "amounts": "1",
        "decision": typed.get("decision", ""),
    }


def unknown(desk: EraDesk) -> RemittanceRow:
    """NOBODY, KNOWN: 150.00 for a session that is not found."""
    return desk.rows(desk.draft(8))[1]


def test_all_the_insurer_says(desk: EraDesk) -> None:
    denied = desk.rows(desk.draft(1))[3]
    page = look(desk.client, url(denied)).words
    assert "LIND, SARA id EV100003" in page
    assert "CO-197 140.00 to review Needs a look" in page
    assert "Remarks N54" in page
    assert "owes 140.00" in page


def test_the_segments_it_came_from(desk: EraDesk) -> None:
    row = unknown(desk)
    assert "CLP*XX-9" not in look(desk.client, url(row)).words
    assert "CLP*XX-9*1*200*150*0*12*EV26-82001*11*1" in look(desk.client, url(row) + "?raw=1").words


def test_a_session_is_found_and_chosen(desk: EraDesk) -> None:
    row = unknown(desk)
    for typed in ("Okafor", desk.clinic.daniel.chart_number, "RC-1002", "rc-1002-1"):
        page = look(desk.client, url(row), {"q": typed}).words
        assert "Okafor, Daniel" in page, typed
    line = desk.clinic.lines["RC-1002-1"]
    with nothing_happens():
        answer = desk.client.post(url(row), {"action": f"place:{line.pk}"})
    assert answer["Location"].endswith(f"#row-{row.pk}")
    row.refresh_from_db()
    assert (row.line, row.state) == (line, RowState.MATCHED)


@pytest.mark.parametrize("typed", [*ODD, SCRIPT])
def test_odd_searches(desk: EraDesk, typed: str) -> None:
    answer = look(desk.client, url(unknown(desk)), {"q": typed})
    assert answer.response.status_code == 200
    assert "<script>alert" not in answer.html


def test_a_session_of_another_payers_patient(desk: EraDesk) -> None:
    row = unknown(desk)
    stranger = LineFactory(patient=PatientFactory(family_name="Stranger"))
    assert "No session of this payer" in look(desk.client, url(row), {"q": "Stranger"}).words
    for about in (stranger.pk, 999999, "x", "９", "9" * 5000):
        answer = desk.client.post(url(row), {"action": f"place:{about}"})
        assert "is not one of this payer's patients" in desk.said(answer)
    row.refresh_from_db()
    assert row.line is None


def test_not_this_session_and_unapplied(desk: EraDesk) -> None:
    row = desk.rows(desk.draft(8))[0]
    desk.client.post(url(row), {"action": "take-off"})
    row.refresh_from_db()
    assert (row.line, row.state) == (None, RowState.NOT_FOUND)
    desk.client.post(url(row), {"action": "unapplied"})
    row.refresh_from_db()
    assert row.state == RowState.UNAPPLIED
    desk.client.post(url(row), {"action": "look-again"})
    row.refresh_from_db()
    assert row.state == RowState.NOT_FOUND


def test_other_amounts_keep_what_the_era_says_beside_them(desk: EraDesk) -> None:
    draft = desk.draft(1)
    row = desk.rows(draft)[0]
    with nothing_happens():
        desk.client.post(url(row), amounts(allocation="100", write_off="50", copay="25"))
    assert "ERA: 105.00" in look(desk.client, draft.get_absolute_url()).words
    assert "ERA: 105.00" in look(desk.client, url(row)).words
    assert "$5.00 still to place" in look(desk.client, draft.get_absolute_url()).words
    desk.client.post(url(row), amounts(allocation="105", write_off="45", copay="25"))
    assert "ERA:" not in look(desk.client, draft.get_absolute_url()).words


def test_what_the_insurer_paid_stands_beside_other_amounts(desk: EraDesk) -> None:
    row = desk.rows(desk.draft(1))[0]
    paid = f"Paid {row.allocation:,.2f}"
    assert paid in look(desk.client, url(row)).words
    desk.client.post(url(row), amounts(allocation="1.00"))
    row.refresh_from_db()
    assert f"{row.allocation:.2f}" == "1.00"
    assert paid in look(desk.client, url(row)).words


@pytest.mark.parametrize(("typed", "says"), BAD_AMOUNTS.items())
def test_bad_amounts(desk: EraDesk, typed: str, says: str) -> None:
    row = desk.rows(desk.draft(1))[0]
    answer = desk.client.post(url(row), amounts(allocation=typed))
    assert answer.status_code == 200
    page = text(answer)
    assert f"Insurance paid: {says}" in page
    assert "These amounts are not kept yet." in page
    row.refresh_from_db()
    assert row.allocation == 105


def test_what_becomes_of_the_amount_to_review(desk: EraDesk) -> None:
    draft = desk.draft(1)
    denied = desk.rows(draft)[3]
    desk.client.post(url(denied), amounts(decision="write_off"))
    desk.save(draft)
    assert desk.clinic.figures("RC-1003-1") == ("0", "140", "0", "Evergreen")


def test_a_decision_that_is_none(desk: EraDesk) -> None:
    denied = desk.rows(desk.draft(1))[3]
    answer: Any = desk.client.post(url(denied), amounts(decision="burn"))
    assert answer.status_code == 200
    denied.refresh_from_db()
    assert denied.decision == ""


def test_a_saved_row_is_only_looked_at(desk: EraDesk) -> None:
    row = desk.rows(desk.clinic.post(1))[0]
    page = look(desk.client, url(row)).words
    assert "Our session" in page
    assert "Keep these amounts" not in page
    with nothing_happens():
        answer = desk.client.post(url(row), amounts(allocation="1"))
    assert "This draft was posted meanwhile." in desk.said(answer)


def test_a_row_of_another_draft(desk: EraDesk) -> None:
    row, other = unknown(desk), desk.draft(1)
    answer = desk.client.get(f"/insurance-payments/remittances/{other.pk}/rows/{row.pk}/")
    assert answer.status_code == 404
