"""What New insurance payment answers while it is typed: figures, what to fill in, sessions added."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.factories import LineFactory, PatientFactory, PayerFactory
from tests.screens.bad_input import BAD_AMOUNTS, text
from tests.screens.insurance_desk import NASTY, URL, Desk, desk

__all__ = ["desk"]

pytestmark = pytest.mark.django_db

# ---------------------------------------------------------------------------- live


def test_a_live_answer_holds_figures_and_no_box(desk: Desk) -> None:
    first = desk.lines[0]
    for paid, figure, words in [
        (("",), "$200.00", "still to allocate"),
        (("100",), "$100.00", "still to allocate"),
        (("100", "100"), "$0.00", "all allocated"),
        (("100", "100", "100"), "-$100.00", "over-allocated"),
    ]:
        answer = desk.live(desk.form(*paid), touched=str(first.pk))
        page = text(answer)
        assert f">{figure}</output>" in page
        assert words in page
        for box in ("<input", "<select", "<textarea", "<html"):
            assert box not in page
        assert f'id="after-{first.pk}"' in page
        events = json.loads(answer["HX-Trigger"])
        assert events["figures"]["over"] == (words == "over-allocated")


def test_a_live_answer_says_what_is_wrong_beside_the_box(desk: Desk) -> None:
    first = desk.lines[0]
    page = text(desk.live(desk.form("1.005"), touched=str(first.pk)))
    note = page[page.index(f'id="note-{first.pk}"') :]
    assert BAD_AMOUNTS["1.005"] in note
    assert "check the amounts" in page
    assert "$200.00</output>" not in page
    page = text(desk.live(desk.form("120"), touched=str(first.pk)))
    assert "20.00 more than this session owes" in page[page.index(f'id="note-{first.pk}"') :]


@pytest.mark.parametrize("typed", [*BAD_AMOUNTS, ""])
def test_any_typing_gets_a_live_answer(desk: Desk, typed: str) -> None:
    form = desk.form(typed, typed, amount=typed)
    answer = desk.live(form, touched=",".join(str(line.pk) for line in desk.lines))
    assert answer.status_code == 200
    assert "HX-Trigger" in answer


def test_fills_answer_what_to_put_where(desk: Desk) -> None:
    def values(form: dict[str, Any], fill: str) -> dict[str, str]:
        return json.loads(desk.live(form, fill=fill)["HX-Trigger"])["fill-boxes"]["values"]

    first, second, third = desk.lines
    assert values(desk.form(amount="150"), "oldest") == {
        desk.box(0): "100.00",
        desk.box(1): "50.00",
    }
    assert values(desk.form("30", amount="200"), "oldest") == {
        desk.box(1): "100.00",
        desk.box(2): "70.00",
    }
    assert values(desk.form("90", amount="100"), f"pay:{second.pk}") == {desk.box(1): "10.00"}
    assert values(desk.form("60"), f"writeoff:{first.pk}") == {desk.box(0, "write_off"): "40.00"}
    assert values(desk.form("100", "100", "100"), "trim") == {desk.box(2): ""}
    assert values(desk.form("100", "100", "100"), "amount") == {"amount": "300.00"}
    assert values(desk.form("1", "2"), "clear") == {desk.box(0): "", desk.box(1): ""}
    for odd in (f"pay:{third.pk}x", "pay:", "nonsense", "oldest:1:2", "\0"):
        assert desk.live(desk.form(), fill=odd).status_code == 200


def test_what_is_left_is_tidied(desk: Desk) -> None:
    form = desk.form("80+15.50", "7")
    answer = desk.live(form, tidy=f"{desk.box(0)},{desk.box(1)},amount,nonsense")
    assert json.loads(answer["HX-Trigger"])["fill-boxes"]["values"] == {
        "amount": "200.00",
        desk.box(0): "95.50",
        desk.box(1): "7.00",
    }


# ---------------------------------------------------------------------------- adding sessions


def added(desk: Desk, add: str, **changed: Any) -> tuple[str, dict[str, Any]]:
    answer = desk.live(desk.form(**{"lines": [], **changed}), add=add)
    assert answer.status_code == 200
    return text(answer), json.loads(answer["HX-Trigger-After-Settle"])["rows-added"]


def test_a_patients_unpaid_sessions_are_added(desk: Desk) -> None:
    page, event = added(desk, "P1001")
    assert [f'data-row="{line.pk}"' in page for line in desk.lines] == [True] * 3
    assert event == {"focus": desk.box(0), "said": "3 sessions added."}
    assert "1 patient, 3 sessions" in page
    # Only the new rows come: what is typed in the others stays untouched on the page.
    page, event = added(desk, "P1001", lines=[str(desk.lines[0].pk)], **{desk.box(0): "55"})
    assert f'data-row="{desk.lines[0].pk}"' not in page
    assert event["said"] == "2 sessions added."
    assert "$145.00" in page


def test_the_text_typed_is_understood_without_the_picker(desk: Desk) -> None:
    for typed in ("P1001", "p1001", "Okafor", "okafor, maya", "Okafor, Maya (P1001)"):
        page = text(desk.client.post(URL, {**desk.form(lines=[]), "add": "", "patient": typed}))
        assert f'id="{desk.box(2)}"' in page, typed


def test_only_sessions_with_this_payer_unless_asked(desk: Desk) -> None:
    other = PayerFactory(name="Cascade Supplement")
    theirs = LineFactory(patient=desk.maya, provider=desk.dr1, owed_by=other, by=desk.ana)
    page, _event = added(desk, "P1001")
    assert f'data-row="{theirs.pk}"' not in page
    page, _event = added(desk, "P1001:unpaid")
    assert f'data-row="{theirs.pk}"' in page
    desk.save(desk.form("100"))
    page, _event = added(desk, "P1001")
    assert f'data-row="{desk.lines[0].pk}"' not in page
    page, _event = added(desk, "P1001:all")
    assert f'data-row="{desk.lines[0].pk}"' in page


def test_what_cannot_be_added_is_said(desk: Desk) -> None:
    PatientFactory(family_name="Okafor", given_name="Ben", chart_number="P1002")
    for add, patient, sentence in [
        ("", "", "Type a patient's name or chart number."),
        ("", "nobody", "No patient is called nobody."),
        ("", "a\0b", "No patient is called"),
        ("\0", "", "Type a patient's name or chart number."),
        ("", NASTY, f"No patient is called {NASTY}."),
        ("", "okafor", "Several patients match: Okafor, Ben (P1002); Okafor, Maya (P1001)."),
        ("P1002", "", "Ben Okafor has no unpaid sessions with BlueRiver Health."),
        ("P9999", "", "No patient is called P9999."),
    ]:
        answer = desk.live(desk.form(lines=[]), add=add, patient=patient)
        assert answer.status_code == 200
        assert sentence in text(answer)
        assert NASTY not in answer.content.decode()
    page, event = added(desk, "P1001", lines=[str(line.pk) for line in desk.lines])
    assert "Those sessions are already on this payment." in page
    assert event["focus"] == ""


def test_everyone_comes_in_portions_none_left_out(desk: Desk, monkeypatch: Any) -> None:
    """A payer with more unpaid sessions than are added at once: the next press adds the next."""
    monkeypatch.setattr("billing.views.insurance_payments.AT_ONCE", 2)
    page, event = added(desk, "everyone")
    assert event["said"] == "2 sessions added. There are more: choose the same again for the next."
    shown = [str(line.pk) for line in desk.lines[:2]]
    page, event = added(desk, "everyone", lines=shown)
    assert f'data-row="{desk.lines[2].pk}"' in page
    assert event["said"] == "1 session added."


def test_a_page_is_full_before_the_server_stops_reading(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr("billing.views.insurance_payments.MOST_LINES", 2)
    page, event = added(desk, "P1001", lines=[str(line.pk) for line in desk.lines[:2]])
    assert "This page holds 2 sessions at most." in page
    assert event["focus"] == ""
