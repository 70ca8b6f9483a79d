"""Register patient."""

from __future__ import annotations

import datetime
import re
from unittest import mock

import pytest
from django.db import connection
from django.test import Client

from patients import models
from patients.models import Coverage, Patient
from tests.factories import PatientFactory, PayerFactory
from tests.screens.lists import look, signed_in
from tests.screens.people import (
    BAD_BIRTH_DATES,
    NULL,
    PERSON,
    POLICY,
    SCRIPT,
    nothing_is_saved,
    refused,
    text,
)

pytestmark = pytest.mark.django_db
URL = "/patients/new/"
NEW = {**PERSON, **POLICY, "seen": "", "action": "save"}


@pytest.fixture
def client() -> Client:
    return signed_in()


# --- It shows ------------------------------------------------------------------------------------


def test_it_asks_who_you_are() -> None:
    assert Client().get(URL).status_code == 302


def test_the_form_has_its_parts_and_labels(client: Client) -> None:
    page = look(client, URL)
    assert "<h1>Register patient</h1>" in page.html
    for part in ("Person", "Contact", "Who pays", "Insurance"):
        assert f"<legend>{part}</legend>" in page.html
    for label in ("Family name", "Date of birth", "ZIP code", "Guarantor", "Payer", "From", "To"):
        assert f">{label}</label>" in page.html
    assert "This is another person" not in page.words
    assert len(page.queries) <= 12


def test_enter_registers_whatever_other_buttons_there_are(client: Client) -> None:
    """Enter presses the first button that sends the form."""
    form = look(client, URL).html.partition('<form id="patient"')[2]
    first = form[form.index("<button") : form.index("</button>")]
    assert 'type="submit" name="action" value="save"' in first


def test_a_family_member_starts_with_what_the_family_shares(client: Client) -> None:
    mother = PatientFactory(
        family_name="Okafor", chart_number="P1001", phone="555-0199", city="Portland"
    )
    PatientFactory(chart_number="P1002", guarantor=mother)
    for chart in ("P1001", "P1002"):
        page = look(client, URL, {"guarantor": chart}).html
        assert 'name="guarantor" value="Okafor, Robin (P1001)"' in page
        for value in ("Okafor", "555-0199", "Portland"):
            assert f'value="{value}"' in page
    for nonsense in ("P9", "x" * 5_000, "%", "９"):
        assert look(client, URL, {"guarantor": nonsense}).response.status_code == 200


# --- It saves ------------------------------------------------------------------------------------


def test_three_fields_are_enough(client: Client) -> None:
    answer = client.post(URL, NEW, follow=True)
    patient = Patient.objects.get()
    assert (patient.name, patient.chart_number) == ("Okafor, Ada", "P1001")
    assert patient.birth_date == datetime.date(2015, 6, 1)
    assert not patient.coverages.exists()
    assert answer.redirect_chain == [("/patients/P1001/account/", 302)]
    assert "Registered Okafor, Ada as P1001." in text(answer)
    assert list(Patient.objects.search("ada oka")) == [patient]


def test_everything_at_once(client: Client) -> None:
    mother = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    form = {
        **NEW,
        "family_name": "  Okafor   Lee ",
        "note": "Shy",
        "phone": "(555) 010-1234",
        "email": "ada@example.org",
        "address_line1": "12 Harbour Street",
        "address_line2": "Apt 3",
        "city": "Portland",
        "state": "ME",
        "postal_code": "04101",
        "guarantor": "Okafor, Maya (P1001)",
        "payer": "BlueRiver Health (60054)",
        "member_id": "M1",
        "group_number": "G2",
        "start": "2025-01-01",
        "end": "2025-12-31",
    }
    assert client.post(URL, form).status_code == 302
    patient = Patient.objects.get(guarantor=mother)
    assert patient.family_name == "Okafor Lee"
    assert patient.address_lines == ["12 Harbour Street", "Apt 3", "Portland, ME 04101"]
    assert (patient.note, patient.email) == ("Shy", "ada@example.org")
    coverage = patient.coverages.get()
    assert (coverage.payer, coverage.rank) == (payer, 1)
    assert (coverage.member_id, coverage.group_number) == ("M1", "G2")
    assert (coverage.start, coverage.end) == (
        datetime.date(2025, 1, 1),
        datetime.date(2025, 12, 31),
    )


def test_numbers_and_times_are_ours_to_give(client: Client) -> None:
    forged = {"chart_number": "P7777", "id": "5", "created_at": "2001-01-01", "rank": "7"}
    PayerFactory(name="BlueRiver Health")
    client.post(URL, {**NEW, **forged, "payer": "BlueRiver Health"})
    patient = Patient.objects.get()
    assert patient.chart_number == "P1001"
    assert patient.created_at.year > 2001
    assert patient.coverages.get().rank == 1


def test_a_number_another_desk_took_meanwhile_is_passed_over(client: Client) -> None:
    PatientFactory(chart_number="P1042")
    with mock.patch.object(models, "next_chart_number", side_effect=["P1042", "P1043"]):
        assert client.post(URL, NEW)["Location"] == "/patients/P1043/account/"


def test_a_second_click_registers_nobody_twice(client: Client) -> None:
    client.post(URL, NEW)
    page = refused(client, URL, NEW, "Somebody much like this is registered already.")
    assert "P1001" in page


# --- It warns of somebody who may be the same ----------------------------------------------------


def test_somebody_alike_is_shown_once_and_may_be_another(client: Client) -> None:
    PatientFactory(
        family_name="Okafor",
        given_name="Ida",
        birth_date="2015-06-01",
        chart_number="P1042",
        phone="555-0199",
    )
    page = refused(
        client,
        URL,
        NEW,
        "Somebody much like this is registered already. Open their chart, or say that this is"
        " another person and save.",
    )
    assert '<a href="/patients/P1042/">Okafor, Ida</a>' in page
    assert "01 Jun 2015" in page
    assert "555-0199" in page
    assert 'value="Ada"' in page
    assert client.post(URL, {**NEW, "another": "on"}).status_code == 302
    assert Patient.objects.count() == 2


def test_another_person_is_registered_once_however_often_the_form_is_sent(client: Client) -> None:
    """The box is about those who stood beside it; whoever came since is asked about again."""
    PatientFactory(family_name="Okafor", given_name="Ida", birth_date="2015-06-01")
    page = client.post(URL, NEW).content.decode()
    box = re.search(r'<input type="checkbox" name="another" value="(\d+)"', page)
    assert box
    form = {**NEW, "another": box.group(1)}
    assert client.post(URL, form).status_code == 302
    page = refused(client, URL, form, "Somebody much like this is registered already.")
    assert "Okafor, Ada" in page
    assert Patient.objects.count() == 2


def test_what_is_wrong_is_said_before_who_is_alike(client: Client) -> None:
    PatientFactory(family_name="Okafor", given_name="Ada", birth_date="2015-06-01")
    page = refused(client, URL, {**NEW, "email": "x"}, "That is not an e-mail address.")
    assert "This is another person" not in page


# --- It refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "sentence"), BAD_BIRTH_DATES.items())
def test_birth_dates_that_cannot_be(client: Client, typed: str, sentence: str) -> None:
    page = refused(client, URL, {**NEW, "birth_date": typed}, sentence)
    assert 'value="Ada"' in page


@pytest.mark.parametrize("name", [name for name in PERSON if name != "birth_date"])
def test_texts_that_cannot_be(client: Client, name: str) -> None:
    most = {"guarantor": 200, "email": 254}.get(name, 0)
    field = Patient._meta.get_field(name)
    most = most or getattr(field, "max_length", 0)
    long = "x" * 5_000 if name != "email" else "x" * 5_000 + "@example.org"
    with nothing_is_saved():
        page = text(client.post(URL, {**NEW, name: long}))
    assert f"Use {most} characters at most." in page
    with nothing_is_saved():
        page = text(client.post(URL, {**NEW, name: "a\0b"}))
    assert NULL in page


def test_all_that_is_missing_is_said_at_once(client: Client) -> None:
    page = refused(
        client,
        URL,
        {},
        "Enter the family name.",
        "Enter the given name.",
        "Enter the date of birth.",
    )
    assert '<a href="#id_family_name">' in page
    assert 'id="id_family_name_error"' in page


def test_an_unknown_guarantor(client: Client) -> None:
    for typed in ("P9999", "nobody", "1' OR '1'='1", "%", "Ｐ９９９９"):
        page = refused(client, URL, {**NEW, "guarantor": typed}, "No patient is called ")
        assert f'value="{typed}"' in page


def test_a_guarantor_by_name_has_to_be_the_only_one(client: Client) -> None:
    PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    PatientFactory(family_name="Smith", given_name="Jane", chart_number="P1043")
    refused(
        client,
        URL,
        {**NEW, "guarantor": "smith"},
        "Several patients match: Smith, Jane (P1043); Smith, John (P1042). Type the chart number.",
    )
    assert client.post(URL, {**NEW, "guarantor": "smith, john"}).status_code == 302
    assert Patient.objects.get(family_name="Okafor").guarantor.chart_number == "P1042"


def test_a_guarantor_who_does_not_pay_for_themself(client: Client) -> None:
    mother = PatientFactory(family_name="Smith", given_name="Jane", chart_number="P1001")
    PatientFactory(family_name="Smith", given_name="John", chart_number="P1042", guarantor=mother)
    refused(
        client,
        URL,
        {**NEW, "guarantor": "P1042"},
        "Smith, John (P1042) does not pay for themself: Smith, Jane (P1001) does."
        " Name Smith, Jane here.",
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"member_id": "M1"}, "Choose the payer, or leave all of Insurance empty."),
        ({"payer": "nobody"}, "No payer is called nobody. Choose one from the list."),
        (
            {"payer": "BlueRiver Health", "start": "2025-02-01", "end": "2025-01-31"},
            "The coverage ends before it begins.",
        ),
        ({"payer": "BlueRiver Health", "start": "0001-01-01"}, "The date is too long ago."),
        ({"payer": "BlueRiver Health", "end": "9999-12-31"}, "The date is too far ahead."),
        ({"payer": "BlueRiver Health", "end": "２０２５-01-01"}, "Enter a date like 2025-11-18."),
        ({"payer": "BlueRiver Health", "member_id": "a\0b"}, NULL),
        ({"payer": "BlueRiver Health", "member_id": "x" * 41}, "Use 40 characters at most."),
    ],
)
def test_insurance_that_cannot_be(client: Client, typed: dict[str, str], sentence: str) -> None:
    """Then the patient is not saved either."""
    PayerFactory(name="BlueRiver Health")
    refused(client, URL, {**NEW, **typed}, sentence)
    assert not Coverage.objects.exists()


def test_a_payer_nobody_bills_any_more_is_not_offered(client: Client) -> None:
    PayerFactory(name="Old Payer", active=False)
    refused(client, URL, {**NEW, "payer": "Old Payer"}, "No payer is called Old Payer.")


# --- It escapes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PERSON, *POLICY])
def test_whatever_is_typed_stays_text(client: Client, name: str) -> None:
    """Refused (there is no birth date) and shown again; and, where it may be saved, as saved."""
    page = client.post(URL, {**NEW, "birth_date": "", name: SCRIPT}).content.decode()
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_names_that_are_markup_are_saved_and_shown_as_text(client: Client) -> None:
    form = {**NEW, "family_name": SCRIPT, "given_name": SCRIPT, "note": SCRIPT, "city": SCRIPT}
    page = client.post(URL, form, follow=True).content.decode()
    assert SCRIPT not in page
    page = client.post(URL, form).content.decode()  # now somebody alike is listed
    assert SCRIPT not in page


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks")
def test_the_guarantor_is_held_while_somebody_is_registered(client: Client) -> None:
    from django.test.utils import CaptureQueriesContext

    PatientFactory(chart_number="P1042")
    with CaptureQueriesContext(connection) as captured:
        client.post(URL, {**NEW, "guarantor": "P1042"})
    assert any("FOR NO KEY UPDATE" in query["sql"] for query in captured)
