"""Placing a claim that was saved without a session."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from billing.models import RemittanceRow
from tests.factories import LineFactory
from tests.screens.bad_input import BAD_AMOUNTS, nothing_happens, text
from tests.screens.era_desk import EraDesk, desk
from tests.screens.lists import look

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


def place(desk: EraDesk, row: RemittanceRow, about: Any, **changed: str) -> Any:
    form = {"key": str(uuid.uuid4()), "action": f"place:{about}", **changed}
    return desk.client.post(f"/insurance-payments/unmatched/{row.pk}/", form)


def test_it_says_what_the_insurer_says(desk: EraDesk) -> None:
    row = desk.unmatched()
    page = look(desk.client, f"/insurance-payments/unmatched/{row.pk}/", {"q": "RC-1002"}).words
    assert "NOBODY, KNOWN" in page
    assert "$150.00 unallocated" in page
    assert "Okafor, Daniel" in page


def test_it_is_put_on_its_session(desk: EraDesk) -> None:
    row = desk.unmatched()
    line = desk.clinic.lines["RC-1002-1"]
    page = desk.said(place(desk, row, line.pk))
    assert f"$150.00 is on {line.invoice}, Okafor, Daniel, 06 Jan 2026." in page
    assert desk.clinic.figures("RC-1002-1") == ("150", "50", "20", "Cascade")
    row.refresh_from_db()
    assert (row.line, row.placed_by) == (line, desk.clinic.ana)
    assert place(desk, row, line.pk).status_code == 404  # somebody was faster


def test_with_other_amounts(desk: EraDesk) -> None:
    row = desk.unmatched()
    line = desk.clinic.lines["RC-1006-1"]
    answer = place(desk, row, line.pk, allocation="150", write_off="25")
    assert answer.status_code == 302
    assert desk.clinic.figures("RC-1006-1")[:3] == ("150", "25", "0")


def test_more_than_the_session_owes(desk: EraDesk) -> None:
    row = desk.unmatched()
    with nothing_happens():
        answer = place(desk, row, desk.clinic.lines["RC-1006-1"].pk)
    page = text(answer)
    assert answer.status_code == 200
    assert "This claim is not placed yet." in page
    assert "25.00 more than this session owes." in page


@pytest.mark.parametrize("about", ["", "x", "999999", "９", "9" * 5000, "\0"])
def test_no_session(desk: EraDesk, about: str) -> None:
    row = desk.unmatched()
    with nothing_happens():
        page = text(place(desk, row, about))
    assert "is not one of this payer's patients" in page


def test_a_strangers_session(desk: EraDesk) -> None:
    row = desk.unmatched()
    stranger = LineFactory()
    with nothing_happens():
        page = text(place(desk, row, stranger.pk))
    assert "is not one of this payer's patients" in page


@pytest.mark.parametrize("typed", ["NaN", "1.005", "9" * 30])
def test_bad_amounts(desk: EraDesk, typed: str) -> None:
    row = desk.unmatched()
    with nothing_happens():
        page = text(place(desk, row, desk.clinic.lines["RC-1002-1"].pk, allocation=typed))
    assert BAD_AMOUNTS[typed] in page


def test_a_form_without_its_key(desk: EraDesk) -> None:
    row = desk.unmatched()
    with nothing_happens():
        page = text(place(desk, row, desk.clinic.lines["RC-1002-1"].pk, key="x"))
    assert "This form is too old to be saved." in page


def test_money_is_not_set_aside(desk: EraDesk) -> None:
    row = desk.unmatched()
    url = f"/insurance-payments/unmatched/{row.pk}/"
    answer = desk.client.post(url, {"action": "aside"})
    assert "Its money has to go somewhere" in desk.said(answer)


def test_an_answer_without_money_may_be_set_aside(desk: EraDesk) -> None:
    row = desk.unmatched()
    RemittanceRow.objects.filter(pk=row.pk).update(allocation=0)
    url = f"/insurance-payments/unmatched/{row.pk}/"
    with nothing_happens():
        page = desk.said(desk.client.post(url, {"action": "aside"}))
    assert "Set aside: it needs no session." in page
    assert desk.client.get(url).status_code == 404
