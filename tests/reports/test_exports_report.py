"""The report of exports: which figures left the program, who took them, and who may look at that."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from billing.exports import record_export
from billing.models import Export
from billing.reports import REPORTS
from billing.reports.files import FORMATS
from tests.factories import UserFactory
from tests.factories.bills import day
from tests.reports.asking import ask, days, told
from tests.screens.lists import costs_the_same, look

pytestmark = pytest.mark.django_db

SLUG = "exports"
URL = f"/reports/{SLUG}/"


@pytest.fixture
def grace() -> Any:
    user = UserFactory(username="grace", first_name="Grace", last_name="Lindow")
    user.user_permissions.add(Permission.objects.get(codename="export_reports"))
    return user


@pytest.fixture
def client(grace: Any) -> Client:
    client = Client()
    client.force_login(grace)
    return client


def at(ago: int, hour: int, minute: int = 0) -> datetime.datetime:
    """A moment of a day by the clinic's clock."""
    return timezone.make_aware(datetime.datetime.combine(day(ago), datetime.time(hour, minute)))


def take(
    by: Any,
    moment: datetime.datetime,
    monkeypatch: pytest.MonkeyPatch,
    report: str = "day-sheet",
    format: str = "csv",
    query: str = "",
    rows: int = 3,
) -> Export:
    """A file that was taken at a moment."""
    with monkeypatch.context() as then:
        field = Export._meta.get_field("created_at")
        then.setattr(field, "_get_default", lambda: moment)
        return record_export(by=by, report=report, format=format, query=QueryDict(query), rows=rows)


# --- Its rows ------------------------------------------------------------------------------------


def test_an_export_is_told_with_everything_about_it(
    grace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"from={day(9)}&to={day(1)}&patient=Smith"
    take(grace, at(1, 9, 30), monkeypatch, "payments-received", "xlsx", query, 12)
    names = [column.name for column in REPORTS[SLUG].columns if not column.hidden]
    kept = f"from={day(9)}&to={day(1)}&patient=..."
    assert told(ask(SLUG, days(9, 0)), *names) == [
        (at(1, 9, 30), "Grace Lindow", "payments-received", "xlsx", kept, 12)
    ]


def test_a_day_is_one_of_the_clinics_clock(grace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first and the last minute of a day belong to it, those around it do not."""
    moments = [at(4, 23, 59), at(3, 0), at(3, 23, 59), at(2, 0)]
    for moment in moments:
        take(grace, moment, monkeypatch)
    assert told(ask(SLUG, days(3, 3)), "moment") == [moments[2], moments[1]]
    assert told(ask(SLUG, f"from=&to={day(3)}"), "moment") == [moments[2], moments[1], moments[0]]


def test_the_rows_of_different_files_are_not_added_up(
    grace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        take(grace, at(1, 9), monkeypatch)
    totals = ask(SLUG, days(9, 0)).rows.totals()
    assert (totals.count, dict(totals.sums)) == (2, {})


def test_it_is_narrowed_by_report_and_user(grace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bo = UserFactory(username="bo")
    charges = take(grace, at(5, 9), monkeypatch, "charges")
    journal = take(bo, at(4, 9), monkeypatch, "journal")
    slip = take(bo, at(3, 9), monkeypatch, "deposits/D-0001", "pdf")
    for query, found in (
        ("", [slip, journal, charges]),
        ("&report=charges", [charges]),
        ("&report=journal", [journal]),
        ("&report=deposits", [slip]),
        ("&report=refunds", []),
        ("&user=bo", [slip, journal]),
        ("&user=grace&report=charges", [charges]),
        ("&user=grace&report=journal", []),
    ):
        moments = told(ask(SLUG, days(9, 0) + query), "moment")
        assert moments == [each.created_at for each in found], query


def test_every_report_can_be_asked_for() -> None:
    form = REPORTS[SLUG].form(QueryDict(), columns=[])  # type: ignore[call-arg]
    offered = [value for value, _label in form.fields["report"].choices]  # type: ignore[attr-defined]
    assert set(offered) == {"", "journal", "deposits", *REPORTS}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("report=everything", "Choose one of the reports in the list."),
        ("user=nobody", "Choose one of the users in the list."),
        ("from=2025-11-30&to=2025-11-01", "To is before From."),
    ],
)
def test_what_cannot_be_asked_is_told_beside_its_field(
    client: Client, query: str, said: str
) -> None:
    page = look(client, f"{URL}?{query}")
    assert page.response.status_code == 200
    assert said in page.words


# --- Who may see it ------------------------------------------------------------------------------


def test_who_may_not_export_is_refused_the_screen_and_each_file(
    client: Client, grace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(grace, at(0, 0), monkeypatch)
    assert "Grace Lindow" in look(client, URL).words
    client.force_login(UserFactory())
    for address in (URL, *(f"/reports/{SLUG}.{format}" for format in FORMATS)):
        answer = client.get(address)
        assert answer.status_code == 403
        assert b"Lindow" not in answer.content
    assert Export.objects.count() == 1


def test_taking_the_log_is_in_the_log(client: Client) -> None:
    answer = client.get(f"/reports/{SLUG}.csv")
    assert answer.status_code == 200
    assert b'"exports"' in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert told(ask(SLUG), "report", "rows") == [("exports", 0)]


# --- Its screen ----------------------------------------------------------------------------------


def test_it_shows_the_moment_and_escapes_what_was_asked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = UserFactory(username="x", first_name="<b>Bo</b>")
    take(by, at(1, 16, 6), monkeypatch)
    page = look(client, f"{URL}?{days(9, 0)}")
    assert f"{at(1, 16, 6):%d %b %Y %H:%M}" in page.words
    assert "<b>Bo</b>" not in page.html
    assert "&lt;b&gt;Bo&lt;/b&gt;" in page.html


def test_it_costs_the_same_with_any_number_of_exports(
    client: Client, grace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{URL}?{days(90, 0)}"
    costs_the_same(client, url, lambda number: take(grace, at(number + 1, 9), monkeypatch))
    assert len(look(client, url).queries) <= 13
