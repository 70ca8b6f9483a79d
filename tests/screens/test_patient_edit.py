"""Edit patient."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from patients.models import Patient
from tests.factories import PatientFactory
from tests.screens.lists import look, signed_in
from tests.screens.people import (
    BAD_BIRTH_DATES,
    PERSON,
    SCRIPT,
    nothing_is_saved,
    refused,
    seen,
    text,
)

pytestmark = pytest.mark.django_db
URL = "/patients/P1042/edit/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def smith() -> Any:
    return PatientFactory(
        family_name="Smith", given_name="John", chart_number="P1042", phone="555-0199"
    )


@pytest.fixture
def form(client: Client, smith: Any) -> dict[str, str]:
    """The form as it is drawn."""
    drawn = {name: str(getattr(smith, name) or "") for name in PERSON}
    return {**drawn, "seen": seen(client, URL)}


def test_it_asks_who_you_are(smith: Any) -> None:
    assert Client().get(URL).status_code == 302


def test_it_shows_what_is_known(client: Client, smith: Any) -> None:
    smith.guarantor = PatientFactory(family_name="Payer", given_name="Ann", chart_number="P1001")
    smith.save()
    page = look(client, URL)
    for value in ("Smith", "John", "1980-05-17", "555-0199", "Payer, Ann (P1001)"):
        assert f'value="{value}"' in page.html
    assert "<legend>Insurance</legend>" not in page.html
    assert len(page.queries) <= 12


def test_it_saves_and_the_search_follows(client: Client, smith: Any, form: Any) -> None:
    answer = client.post(URL, {**form, "family_name": "Smith-Jones", "note": "Shy"}, follow=True)
    assert answer.redirect_chain == [("/patients/P1042/", 302)]
    assert "Saved. Smith-Jones, John (P1042)." in text(answer)
    smith.refresh_from_db()
    assert (smith.family_name, smith.note) == ("Smith-Jones", "Shy")
    assert list(Patient.objects.search("jones")) == [smith]


def test_the_chart_number_stays(client: Client, smith: Any, form: Any) -> None:
    client.post(URL, {**form, "chart_number": "P9"})
    smith.refresh_from_db()
    assert smith.chart_number == "P1042"


@pytest.mark.parametrize(("typed", "sentence"), BAD_BIRTH_DATES.items())
def test_birth_dates_that_cannot_be(client: Client, form: Any, typed: str, sentence: str) -> None:
    refused(client, URL, {**form, "birth_date": typed}, sentence)


def test_unknown_charts_are_404(client: Client) -> None:
    for chart in ("P9", "x" * 3_000, "%27", "<b>"):
        assert client.get(f"/patients/{chart}/edit/").status_code == 404
        assert client.post(f"/patients/{chart}/edit/", {}).status_code == 404


# --- Who pays ------------------------------------------------------------------------------------


def test_a_guarantor_comes_and_goes(client: Client, smith: Any, form: Any) -> None:
    mother = PatientFactory(chart_number="P1001")
    client.post(URL, {**form, "guarantor": "p1001"})
    smith.refresh_from_db()
    assert smith.guarantor == mother
    client.post(URL, {**form, "guarantor": "", "seen": seen(client, URL)})
    smith.refresh_from_db()
    assert smith.guarantor is None


def test_nobody_is_their_own_guarantor(client: Client, form: Any) -> None:
    refused(client, URL, {**form, "guarantor": "P1042"}, "Patients pay for themselves unless")


def test_who_pays_for_others_gets_no_guarantor(client: Client, smith: Any, form: Any) -> None:
    PatientFactory(family_name="Smith", given_name="Ann", chart_number="P1050", guarantor=smith)
    PatientFactory(chart_number="P1001")
    refused(
        client,
        URL,
        {**form, "guarantor": "P1001"},
        "Smith, John (P1042) pays for Smith, Ann (P1050), so nobody else can pay for Smith, John.",
    )


@pytest.mark.parametrize("typed", ["1", "-1", "99999999999999999999", "P" + "9" * 10, "None"])
def test_forged_guarantors(client: Client, form: Any, typed: str) -> None:
    refused(client, URL, {**form, "guarantor": typed}, "No patient is called ")


# --- Somebody alike ------------------------------------------------------------------------------


def test_alike_is_asked_only_when_who_they_are_changes(client: Client, form: Any) -> None:
    PatientFactory(family_name="Smith", given_name="Jon", chart_number="P1043")
    assert client.post(URL, {**form, "note": "Shy"}).status_code == 302
    changed = {**form, "given_name": "Jonny", "seen": seen(client, URL)}
    page = refused(client, URL, changed, "Somebody much like this is registered already.")
    assert "/patients/P1043/" in page
    assert client.post(URL, {**changed, "another": "on"}).status_code == 302


# --- Overtaken -----------------------------------------------------------------------------------


def test_an_edit_somebody_overtook_is_refused_once(client: Client, smith: Any, form: Any) -> None:
    Patient.objects.filter(pk=smith.pk).update(phone="555-7777", city="Portland")
    page = refused(
        client,
        URL,
        {**form, "note": "Shy"},
        "Somebody else changed this patient while you were typing. It has Note: empty;"
        " Phone: 555-7777; City: Portland. Save again to keep what stands here.",
    )
    assert 'value="555-0199"' in page
    again = {**form, "note": "Shy", "seen": seen(client, URL)}
    assert client.post(URL, again).status_code == 302
    smith.refresh_from_db()
    assert (smith.phone, smith.note) == ("555-0199", "Shy")


def test_a_form_without_its_mark_is_old(client: Client, form: Any) -> None:
    refused(client, URL, {**form, "seen": "", "note": "x"}, "Somebody else changed this patient")


def test_a_second_click_is_no_edit_of_somebody_else(client: Client, smith: Any, form: Any) -> None:
    for _click in range(2):
        assert client.post(URL, {**form, "note": "Shy"}).status_code == 302
    smith.refresh_from_db()
    assert smith.note == "Shy"


def test_the_refused_form_carries_the_new_mark(client: Client, smith: Any, form: Any) -> None:
    Patient.objects.filter(pk=smith.pk).update(phone="555-7777")
    with nothing_is_saved():
        page = client.post(URL, form).content.decode()
    assert f'name="seen" value="{seen(client, URL)}"' in page


# --- It escapes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PERSON)
def test_whatever_is_typed_stays_text(client: Client, form: Any, name: str) -> None:
    page = client.post(URL, {**form, "email": "x", name: SCRIPT}).content.decode()
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_whatever_is_known_stays_text(client: Client, smith: Any, form: Any) -> None:
    texts = dict.fromkeys((name for name in PERSON if name not in ("birth_date", "guarantor")), "x")
    Patient.objects.filter(pk=smith.pk).update(
        **{**texts, "family_name": SCRIPT, "city": SCRIPT, "note": SCRIPT, "phone": "<b>"}
    )
    assert SCRIPT not in client.get(URL).content.decode()
    assert SCRIPT not in client.post(URL, form).content.decode()
