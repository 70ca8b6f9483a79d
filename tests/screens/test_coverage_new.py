"""Add coverage."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from patients.models import Coverage
from tests.factories import CoverageFactory, PatientFactory, PayerFactory
from tests.screens.lists import SCRIPT, look, signed_in
from tests.screens.people import NULL, POLICY, refused, text

pytestmark = pytest.mark.django_db
URL = "/patients/P1042/coverages/new/"
NEW = {**POLICY, "payer": "BlueRiver Health", "rank": "1", "seen": ""}


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def smith() -> Any:
    PayerFactory(name="BlueRiver Health", payer_id="60054")
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


def test_it_asks_who_you_are(smith: Any) -> None:
    assert Client().get(URL).status_code == 302


def test_it_offers_the_rank_that_is_free(client: Client, smith: Any) -> None:
    assert '<option value="1" selected>Primary</option>' in look(client, URL).html
    CoverageFactory(patient=smith)
    page = look(client, URL)
    assert '<option value="2" selected>Secondary</option>' in page.html
    assert len(page.queries) <= 12


def test_it_saves(client: Client, smith: Any) -> None:
    form = {**NEW, "member_id": "M1", "group_number": "G2", "start": "2025-01-01"}
    answer = client.post(URL, form, follow=True)
    assert answer.redirect_chain == [("/patients/P1042/", 302)]
    assert "Saved. BlueRiver Health is primary." in text(answer)
    coverage = smith.coverages.get()
    assert (coverage.payer.name, coverage.rank, coverage.member_id) == ("BlueRiver Health", 1, "M1")
    assert (coverage.start, coverage.end) == (datetime.date(2025, 1, 1), None)


def test_another_rank_may_overlap(client: Client, smith: Any) -> None:
    CoverageFactory(patient=smith, rank=1)
    assert client.post(URL, {**NEW, "rank": "2"}).status_code == 302


def test_an_overlap_names_the_other_and_can_end_it(client: Client, smith: Any) -> None:
    old = CoverageFactory(
        patient=smith, payer=PayerFactory(name="Kestrel", payer_id="1"), member_id="M9"
    )
    form = {**NEW, "start": "2025-03-01"}
    page = refused(
        client,
        URL,
        form,
        "Kestrel (1) M9 is primary without an end, and one coverage at a time can be that."
        " Should it end on 28 Feb 2025? Say so below.",
    )
    assert "<span>End Kestrel on 28 Feb 2025</span>" in page
    answer = client.post(URL, {**form, "end_other": "on"}, follow=True)
    assert "BlueRiver Health is primary. Kestrel ends on 28 Feb 2025." in text(answer)
    old.refresh_from_db()
    assert old.end == datetime.date(2025, 2, 28)
    assert smith.coverages.count() == 2


@pytest.mark.parametrize(
    ("start", "dates"), [("", {}), ("2024-06-01", {"start": "2024-06-01"}), ("2023-01-01", {})]
)
def test_what_cannot_end_the_day_before_is_only_refused(
    client: Client, smith: Any, start: str, dates: dict[str, str]
) -> None:
    CoverageFactory(
        patient=smith,
        payer=PayerFactory(name="Kestrel", payer_id="1"),
        member_id="M9",
        **{"start": "2024-06-01", "end": "2024-12-31"} | dates,
    )
    form = {**NEW, "start": start, "end_other": "on"}
    refused(
        client,
        URL,
        form,
        "Kestrel (1) M9 is primary from 01 Jun 2024 to 31 Dec 2024, and one coverage at a time"
        " can be that. Change its dates, or these.",
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"payer": ""}, "Choose the payer."),
        ({"payer": "nobody"}, "No payer is called nobody. Choose one from the list."),
        ({"rank": "0"}, "Choose primary, secondary or third."),
        ({"rank": "１"}, "Choose primary, secondary or third."),
        ({"rank": "x" * 5_000}, "Choose primary, secondary or third."),
        ({"start": "2025-02-30"}, "Enter a date like 2025-11-18."),
        ({"start": "２０２５-01-01"}, "Enter a date like 2025-11-18."),
        ({"start": "0001-01-01"}, "The date is too long ago. Check the year."),
        ({"end": "9999-12-31"}, "The date is too far ahead."),
        ({"start": "2025-02-01", "end": "2025-01-01"}, "The coverage ends before it begins."),
        ({"member_id": "x" * 5_000}, "Use 40 characters at most."),
        ({"group_number": "a\0b"}, NULL),
    ],
)
def test_bad_input(client: Client, smith: Any, typed: dict[str, str], sentence: str) -> None:
    refused(client, URL, {**NEW, **typed}, sentence)


def test_whose_coverage_it_is_comes_from_the_address(client: Client, smith: Any) -> None:
    other = PatientFactory()
    client.post(URL, {**NEW, "patient": other.pk, "patient_id": other.pk, "id": "99"})
    assert Coverage.objects.get().patient == smith


def test_unknown_charts_are_404(client: Client) -> None:
    assert client.get("/patients/P9/coverages/new/").status_code == 404
    assert client.post("/patients/P9/coverages/new/", NEW).status_code == 404


@pytest.mark.parametrize("name", [*POLICY, "rank"])
def test_whatever_is_typed_stays_text(client: Client, smith: Any, name: str) -> None:
    page = client.post(URL, {**NEW, "end": "x", name: SCRIPT}).content.decode()
    assert SCRIPT not in page


def test_an_overlap_with_a_payer_that_is_markup(client: Client, smith: Any) -> None:
    CoverageFactory(patient=smith, payer=PayerFactory(name=SCRIPT), member_id=SCRIPT)
    page = client.post(URL, {**NEW, "start": str(timezone.localdate())}).content.decode()
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page
