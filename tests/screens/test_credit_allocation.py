"""Credit allocation: the accounts with credit, and finding any other patient."""

import pytest

from tests.factories import LineFactory, PatientFactory, PaymentFactory, ProviderFactory
from tests.screens.desk import Desk, queries, rows, seed2, text

pytestmark = pytest.mark.django_db

URL = "/credit-allocation/"


@pytest.fixture
def desk() -> Desk:
    return seed2()


def test_it_lists_credit_to_allocate_and_negative_credit(desk: Desk) -> None:
    other = PatientFactory(family_name="Jones", given_name="Ann")
    PaymentFactory(patient=other, provider=desk.dr1, amount="45", by=desk.ana)
    nothing_owed = PatientFactory(family_name="Brown", given_name="Bo")
    PaymentFactory(patient=nothing_owed, provider=desk.dr1, amount="5", by=desk.ana)
    LineFactory(patient=other, provider=desk.dr1, by=desk.ana)
    desk.reverse()
    page = text(desk.client.get(URL))
    assert "3 accounts, oldest first" in page
    assert 'aria-label="Review Brown, Bo, Dr 1"' in page
    assert 'aria-label="Review Smith, John, Dr 1"' in page
    assert 'aria-label="Allocate Jones, Ann, Dr 1"' in page
    assert "-20.00" in page


def test_nothing_to_do_says_so(desk: Desk) -> None:
    assert "All credit is allocated" in text(desk.client.get(URL))


@pytest.mark.parametrize("typed", ["P1042", "p1042", "Smith, John (P1042)", "smith", "Smith, J"])
def test_one_patient_is_gone_to(desk: Desk, typed: str) -> None:
    answer = desk.client.get(URL, {"patient": typed})
    assert answer.status_code == 302
    assert answer["Location"] == "/patients/P1042/credit/"


def test_several_patients_are_listed(desk: Desk) -> None:
    PatientFactory(family_name="Smithers", given_name="Kay")
    page = text(desk.client.get(URL, {"patient": "smith"}))
    assert "Which patient?" in page
    assert "Smith, John" in page
    assert "Smithers, Kay" in page


@pytest.mark.parametrize("typed", ["nobody", "P7777", "<script>alert(1)</script>", "%", "\u202e"])
def test_none_is_said_and_what_was_typed_is_kept(desk: Desk, typed: str) -> None:
    answer = desk.client.get(URL, {"patient": typed})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "No patient fits" in page
    assert "<script>alert" not in page


def test_names_are_escaped_and_looking_writes_nothing(desk: Desk) -> None:
    eve = PatientFactory(family_name="<script>alert(1)</script>")
    PaymentFactory(patient=eve, provider=desk.dr1, amount="45", by=desk.ana)
    before = rows()
    assert "<script>alert" not in desk.client.get(URL).content.decode()
    assert desk.client.post(URL).status_code == 405
    assert rows() == before


def test_pages_of_it_cost_a_constant_number_of_queries(desk: Desk) -> None:
    def ask() -> None:
        assert desk.client.get(URL, {"page": "x"}).status_code == 200

    PaymentFactory(patient=desk.smith, provider=ProviderFactory(), amount="45", by=desk.ana)
    few = queries(ask)
    for _ in range(55):
        PaymentFactory(provider=desk.dr1, amount="45", by=desk.ana)
    assert queries(ask) == few
    assert "1 to 50 of 56" in text(desk.client.get(URL))
