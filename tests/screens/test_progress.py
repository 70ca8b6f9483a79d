"""The page of long work: it comes while the work goes on, and never ends without words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import RequestFactory

from billing.models import Clinic
from billing.views.progress import EVERY, NOTHING_DONE, Finished, Step, Stopped, with_progress

pytestmark = pytest.mark.django_db


def answer(work: Any, **more: Any) -> Any:
    request = RequestFactory().post("/")
    request.user = AnonymousUser()  # type: ignore[assignment]
    return with_progress(request, work, title="Import", back="/back/", **more)


def sent(work: Any, **more: Any) -> list[str]:
    return [part.decode() for part in answer(work, **more)]


def test_the_page_comes_in_parts_that_make_a_whole() -> None:
    def work() -> Iterator[Step | Finished]:
        yield Step(1, 1200, "patients")
        yield Step(1200, 1200, "patients")
        yield Finished("1,200 patients imported.", "All of them.", [("/patients/", "Open")])

    parts = sent(work())
    assert "<h1>Import</h1>" in parts[0]
    assert "</main>" not in parts[0]
    assert 'max="1200" value="1"' in parts[1]
    assert '<b class="strong">1,200</b> of 1,200 patients' in parts[2]
    assert "1,200 patients imported." in parts[3]
    assert '<a class="btn btn-primary" href="/patients/">Open</a>' in parts[3]
    assert parts[-1].rstrip().endswith("</html>")
    whole = "".join(parts)
    for tag in ("main", "div", "html", "body"):
        assert len(re.findall(rf"<{tag}\b", whole)) == whole.count(f"</{tag}>")


def test_the_head_is_sent_before_the_work_begins() -> None:
    begun = []

    def work() -> Iterator[Step | Finished]:
        begun.append(True)
        yield Finished("Done.")

    parts = iter(answer(work()))
    next(parts)
    assert not begun
    next(parts)
    assert begun


def test_steps_too_quick_to_see_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([at * EVERY / 2 for at in range(1000)])
    monkeypatch.setattr("billing.views.progress.time.monotonic", lambda: next(clock))

    def work() -> Iterator[Step | Finished]:
        for done in range(1, 101):
            yield Step(done, 100, "rows")
        yield Finished("Done.")

    steps = [part for part in sent(work()) if "workstep" in part]
    assert 10 < len(steps) < 80
    assert 'value="100"' in steps[-1]


def test_a_total_that_is_not_known_yet_shows_a_bar_without_end() -> None:
    def work() -> Iterator[Step | Finished]:
        yield Step(7, 0, "rows")

    assert "<progress aria-label" in "".join(sent(work()))


def test_work_that_stops_says_why() -> None:
    def work() -> Iterator[Step | Finished]:
        yield Step(1, 2, "rows")
        raise Stopped("Line 7 <b>: no such patient.")

    whole = "".join(sent(work()))
    assert "Line 7 &lt;b&gt;: no such patient." in whole
    assert 'href="/back/"' in whole
    assert whole.rstrip().endswith("</html>")


@pytest.mark.parametrize("told", [{}, {"broken": "Some were saved."}])
def test_an_error_is_logged_and_said_in_plain_words(told: dict[str, str], caplog: Any) -> None:
    def work() -> Iterator[Step | Finished]:
        yield Step(1, 2, "rows")
        raise ZeroDivisionError("secret")

    whole = "".join(sent(work(), **told))
    assert told.get("broken", NOTHING_DONE) in whole
    assert "secret" not in whole
    assert whole.rstrip().endswith("</html>")
    assert "broke off" in caplog.text


def test_an_error_rolls_back_what_the_work_had_begun() -> None:
    def work() -> Iterator[Step | Finished]:
        with transaction.atomic():
            Clinic.objects.create(name="Half")
            yield Step(1, 2, "rows")
            raise ZeroDivisionError

    "".join(sent(work()))
    assert not Clinic.objects.exists()


def test_a_browser_that_goes_away_rolls_it_back_too() -> None:
    def work() -> Iterator[Step | Finished]:
        with transaction.atomic():
            Clinic.objects.create(name="Half")
            yield Step(1, 2, "rows")
            pytest.fail("went on")

    response = answer(work())
    parts = iter(response)
    next(parts)
    assert "workstep" in next(parts).decode()
    assert Clinic.objects.exists()
    for close in response._resource_closers:  # what the server does; without ending the test's own
        close()  # database connection, as response.close() would
    assert not Clinic.objects.exists()
