"""The lists under the pickers: Payer, and Add a patient's sessions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.factories import LineFactory, PatientFactory, PayerFactory, UserFactory
from tests.screens.bad_input import queries, text, writes

pytestmark = pytest.mark.django_db

ODD = ["", " ", "\0", "a\0b", "%", "_", "'", "x" * 5000, "<b>", "1/1/0001", "99/99/9999", "²", "😀"]


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(UserFactory())
    return client


@pytest.mark.parametrize("url", ["/find/payers/", "/find/patients/"])
def test_only_by_post_so_that_names_are_in_no_address(client: Client, url: str) -> None:
    assert client.get(url).status_code == 405


@pytest.mark.parametrize("typed", ODD)
def test_anything_may_be_typed(client: Client, typed: str) -> None:
    PayerFactory(name="BlueRiver Health")
    PatientFactory(family_name="Okafor")
    assert client.post("/find/payers/", {"payer": typed}).status_code == 200
    assert client.post("/find/patients/", {"patient": typed}).status_code == 200
    assert client.post("/find/patients/", {}).status_code == 200


def test_payers_by_name_or_number(client: Client) -> None:
    PayerFactory(name="BlueRiver Health", payer_id="60054")
    PayerFactory(name="Old Payer", payer_id="1", active=False)
    PayerFactory(name="Cascade Supplement", payer_id="60101")
    for typed, found in [
        ("blue", ["BlueRiver Health"]),
        ("health", ["BlueRiver Health"]),
        ("601", ["Cascade Supplement"]),
        ("BlueRiver Health (60054)", ["BlueRiver Health"]),
        ("", ["BlueRiver Health", "Cascade Supplement"]),
        ("old", []),
    ]:
        page = text(client.post("/find/payers/", {"payer": typed}))
        names = ["BlueRiver Health", "Cascade Supplement", "Old Payer"]
        assert [name for name in names if f'<span class="strong">{name}<' in page] == found
    assert 'data-value="BlueRiver Health (60054)"' in text(
        client.post("/find/payers/", {"payer": "60054"})
    )
    assert "No payer is called nobody." in text(client.post("/find/payers/", {"payer": "nobody"}))


def test_patients_with_what_they_have_unpaid(client: Client) -> None:
    maya = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    for ago in (3, 2):
        LineFactory(patient=maya, amount="100", ago=ago)
    PatientFactory(family_name="Okafor", given_name="Ben", chart_number="P1002")
    page = text(client.post("/find/patients/", {"patient": "oka"}))
    assert "2 unpaid, 200.00" in page
    assert "nothing unpaid" in page
    assert page.index("Okafor, Maya") < page.index("Okafor, Ben")  # who owes nothing comes last
    assert page.rindex("Everyone with unpaid sessions") > page.rindex("Okafor")
    assert "17 May 1980 · P1001" in page
    nobody = text(client.post("/find/patients/", {"patient": "nobody"}))
    assert "No patient is called nobody." in nobody
    for typed in ("Okafor, Maya", "Maya Okafor", "P1001", "p1001", "1980-05-17", "05/17/1980"):
        assert "Okafor, Maya" in text(client.post("/find/patients/", {"patient": typed})), typed


def test_on_an_insurers_payment_unpaid_is_unpaid_with_this_insurer(client: Client) -> None:
    blueriver = PayerFactory(name="BlueRiver Health", payer_id="60054")
    maya = PatientFactory(family_name="Okafor", given_name="Maya")
    ben = PatientFactory(family_name="Okafor", given_name="Ben")
    LineFactory(patient=maya, amount="100", owed_by=blueriver)
    LineFactory(patient=maya, amount="70")
    LineFactory(patient=ben, amount="30")
    for typed in ("60054", "BlueRiver Health (60054)"):
        page = text(client.post("/find/patients/", {"patient": "oka", "payer": typed}))
        assert "1 unpaid, 100.00" in page
        assert "1 unpaid, none with this payer" in page
        assert page.index("Okafor, Maya") < page.index("Okafor, Ben")
    for nobody in ("", "no such payer", "a\0b"):
        page = text(client.post("/find/patients/", {"patient": "oka", "payer": nobody}))
        assert "2 unpaid, 170.00" in page
        assert "1 unpaid, 30.00" in page


def test_a_name_that_fits_nobody_does_not_propose_everyone(client: Client) -> None:
    for typed, apart in [
        ("zzz", True),
        ("oka", True),
        ("e", True),
        ("eve", True),
        ("", False),
        ("ev", False),
        ("every", False),
        ("Everyone", False),
    ]:
        page = text(client.post("/find/patients/", {"patient": typed}))
        assert ('data-value="everyone" data-apart' in page) is apart, typed


def test_a_list_is_short_and_costs_the_same_however_many(client: Client) -> None:
    def look() -> list[str]:
        return queries(client, "post", "/find/patients/", {"patient": "Sample"})

    for patient in PatientFactory.create_batch(2):
        LineFactory(patient=patient)
    look()
    few = look()
    for patient in PatientFactory.create_batch(20):
        LineFactory(patient=patient)
    many: Any = look()
    assert len(many) == len(few)
    assert writes(many) == []
    page = text(client.post("/find/patients/", {"patient": "Sample"}))
    assert page.count('role="option"') == 9


def test_under_guarantor_one_person_is_meant(client: Client) -> None:
    """The box gets words that say who it is, also to somebody who reads them later."""
    PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    page = text(client.post("/find/patients/", {"guarantor": "oka"}))
    assert 'data-value="Okafor, Maya (P1001)"' in page
    assert "Everyone" not in page
    for typed in ODD:
        assert client.post("/find/patients/", {"guarantor": typed}).status_code == 200
