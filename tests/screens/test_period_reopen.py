"""Reopening a period: an earlier closing date, and a reason that is kept."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from billing import ledger
from billing.models import ClosingDate
from billing.models.periods import closed_through
from config.roles import ACCOUNTANT
from tests.factories import give
from tests.factories.bills import day
from tests.screens.desk import Desk, key, seed2, text
from tests.screens.lists import SCRIPT, look, part

pytestmark = pytest.mark.django_db

URL = "/periods/reopen/"


@pytest.fixture
def desk() -> Desk:
    """Closed through ten days ago; Ana may open it again."""
    found = seed2()
    give(found.ana, ACCOUNTANT)
    ledger.close_period(by=found.ana, through=day(10), seen=None)
    return found


def form(ago: int, seen: datetime.date | None = None, **given: Any) -> dict[str, Any]:
    return {
        "key": key(),
        "through": day(ago).isoformat(),
        "reason": "Two checks were found",
        "seen": (seen or day(10)).isoformat(),
        **given,
    }


def refused(desk: Desk, fields: dict[str, Any], *sentences: str) -> None:
    answer = desk.client.post(URL, fields)
    assert answer.status_code == 200
    page = text(answer)
    assert "Nothing is opened yet." in page
    for sentence in sentences:
        assert sentence in page
    assert closed_through() == day(10)


def test_the_month_before_stays_closed_unless_another_day_is_typed(desk: Desk) -> None:
    page = look(desk.client, URL)
    stays = day(10).replace(day=1) - datetime.timedelta(days=1)
    assert f'value="{stays:%Y-%m-%d}"' in page.html
    assert f"Closed through {day(10):%d %b %Y}" in page.words
    assert part(desk.client, URL).html.startswith('<div id="reopen">')
    assert 'href="/periods/reopen/"' in look(desk.client, "/periods/").html


def test_a_period_is_opened_for_a_reason_that_is_kept(desk: Desk) -> None:
    assert desk.client.post(URL, form(40))["Location"] == "/periods/"
    row = ClosingDate.objects.latest()
    assert (row.closed_through, row.reason, row.created_by) == (
        day(40),
        "Two checks were found",
        desk.ana,
    )
    said = look(desk.client, "/periods/").words
    assert f"The books are closed through {day(40):%d %b %Y}." in said
    assert "Close the period again when you are done." in said


def test_a_dialog_leads_on_by_htmx(desk: Desk) -> None:
    answer = desk.client.post(URL, form(40), headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/periods/"


def test_a_second_click_opens_once(desk: Desk) -> None:
    fields = form(40)
    for _ in range(2):
        assert desk.client.post(URL, fields).status_code == 302
    assert ClosingDate.objects.count() == 2


def test_each_answer_that_is_missing_or_wrong_is_named(desk: Desk) -> None:
    for reason in ("", "   "):
        refused(desk, form(40, reason=reason), "Say why the period is opened again.")
    refused(desk, form(40, reason="a\0b"))
    refused(desk, form(40, reason="x" * 5_000), "at most 200 characters")
    refused(desk, form(40, through=""), "Enter the last day that stays closed.")
    refused(desk, form(40, through="9999-12-31"), "The date is in the future.")
    refused(desk, form(40, through="0001-01-01"), "The date is too long ago. Check the year.")
    refused(desk, form(10), "That opens nothing: the books are closed through")
    refused(desk, form(40, key=""), "too old to be saved")
    refused(desk, form(40, seen=day(20)), "Ana moved the closing date meanwhile")


def test_what_was_typed_is_kept_and_escaped(desk: Desk) -> None:
    page = desk.client.post(URL, form(5, reason=SCRIPT)).content.decode()
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_where_nothing_is_closed_there_is_nothing_to_open() -> None:
    desk = seed2()
    give(desk.ana, ACCOUNTANT)
    assert "No period is closed." in text(desk.client.get(URL))
    assert "No period is closed." in text(desk.client.post(URL, form(40)))
    assert ClosingDate.objects.count() == 0


def test_others_find_a_sentence_and_what_they_send_is_refused() -> None:
    desk = seed2()
    desk.close(day(10))
    for answer in (desk.client.get(URL), desk.client.post(URL, form(40))):
        assert answer.status_code == 403
        assert "You may not close or reopen periods. Ask an accountant" in text(answer)
    assert closed_through() == day(10)


def test_it_costs_little(desk: Desk) -> None:
    assert len(look(desk.client, URL).queries) <= 12
