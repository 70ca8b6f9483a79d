"""What a patient, a session and a coverage refuse, and how they say it."""

from __future__ import annotations

import datetime
from typing import Any
from unittest import mock

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from patients import models
from patients.diagnoses import read_diagnoses
from patients.models import Coverage, Patient
from tests.factories import CoverageFactory, PatientFactory, SessionFactory

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


# --- Chart numbers -------------------------------------------------------------------------------


def test_the_next_number_is_after_the_highest() -> None:
    assert PatientFactory().chart_number == "P1001"
    PatientFactory(chart_number="P99999")
    PatientFactory(chart_number="P2000")
    assert PatientFactory().chart_number == "P100000"


def test_a_number_another_desk_took_is_passed_over() -> None:
    PatientFactory(chart_number="P1042")
    with mock.patch.object(models, "next_chart_number", side_effect=["P1042", "P1043"]):
        assert PatientFactory().chart_number == "P1043"


def test_a_number_somebody_chose_is_never_changed() -> None:
    PatientFactory(chart_number="P1042")
    with pytest.raises(IntegrityError), transaction.atomic():
        PatientFactory(chart_number="P1042")


def test_other_refusals_of_the_database_are_not_tried_again() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PatientFactory(family_name=None)


# --- Guarantors ----------------------------------------------------------------------------------


def test_a_family_is_who_pays_and_those_they_pay_for() -> None:
    mother = PatientFactory(family_name="Okafor")
    born = datetime.date(2015, 1, 1)
    younger = PatientFactory(guarantor=mother, birth_date=born + DAY)
    older = PatientFactory(guarantor=mother, birth_date=born)
    alone = PatientFactory()
    for one in (mother, younger, older):
        assert list(one.family()) == [mother, older, younger]
    assert list(alone.family()) == [alone]


def test_one_level_of_guarantors_only() -> None:
    mother = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    child = PatientFactory(family_name="Okafor", given_name="Ada", guarantor=mother)
    cousin = PatientFactory(family_name="Cole", given_name="Al")
    cousin.guarantor = child
    with pytest.raises(ValidationError, match="Name Okafor, Maya here"):
        cousin.clean()
    mother.guarantor = cousin
    cousin.guarantor = None
    with pytest.raises(ValidationError, match="so nobody else can pay for Okafor, Maya"):
        mother.clean()
    mother.guarantor = mother
    with pytest.raises(ValidationError, match="leave this empty"):
        mother.clean()


def test_the_database_lets_nobody_be_their_own_guarantor() -> None:
    patient = PatientFactory()
    with pytest.raises(IntegrityError, match=r"patient_pays_not_via_self"), transaction.atomic():
        Patient.objects.filter(pk=patient.pk).update(guarantor=patient)


# --- Birth dates ---------------------------------------------------------------------------------


def test_birth_dates_nobody_has() -> None:
    today = timezone.localdate()
    PatientFactory(birth_date=today).clean()
    for day, sentence in (
        (today + DAY, "in the future"),
        (datetime.date(1899, 12, 31), "before 1900"),
        (datetime.date(1, 1, 1), "before 1900"),
    ):
        with pytest.raises(ValidationError, match=sentence):
            PatientFactory.build(birth_date=day).clean()


# --- Who may be the same -------------------------------------------------------------------------

SMITH = {"family_name": "Smith", "given_name": "John", "phone": "(555) 010-1234"}


@pytest.mark.parametrize(
    "typed",
    [
        {**SMITH, "family_name": "Smythe"},  # the same day and given name
        {**SMITH, "given_name": "Jack", "phone": ""},  # the same day and family name
        {**SMITH, "birth_date": datetime.date(1990, 1, 1), "phone": ""},  # the same full name
        {"family_name": "John", "given_name": "SMITH", "birth_date": datetime.date(1990, 1, 1)},
        {**SMITH, "family_name": "Jones", "phone": "+1 555 010 1234", "birth_date": "1990-01-01"},
        {**SMITH, "family_name": "Smith-Jones", "given_name": "Jon"},
    ],
)
def test_somebody_alike_is_found(typed: dict[str, Any]) -> None:
    smith = PatientFactory(**SMITH)
    born = {"birth_date": smith.birth_date}
    assert Patient.objects.lookalikes(Patient(**{**born, **typed})) == [smith]


@pytest.mark.parametrize(
    "typed",
    [
        {"family_name": "Okafor", "given_name": "Maya"},
        {**SMITH, "given_name": "Jane", "birth_date": datetime.date(1990, 1, 1)},  # his sister
        {**SMITH, "family_name": "Lee", "phone": "", "birth_date": datetime.date(1990, 1, 1)},
    ],
)
def test_others_are_not(typed: dict[str, Any]) -> None:
    smith = PatientFactory(**SMITH)
    assert Patient.objects.lookalikes(Patient(**{"birth_date": smith.birth_date, **typed})) == []


def test_nobody_is_like_themself_and_a_crowd_is_cut() -> None:
    smith = PatientFactory(**SMITH)
    assert Patient.objects.lookalikes(smith) == []
    for _ in range(20):
        PatientFactory(**SMITH)
    assert len(Patient.objects.lookalikes(smith)) == 6


# --- Coverages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "overlaps"),
    [
        (None, None, True),
        ("2025-01-01", None, True),
        (None, "2025-01-01", True),
        ("2025-06-30", None, True),
        ("2025-07-01", None, False),
        (None, "2024-12-31", False),
        ("2025-03-01", "2025-03-02", True),
    ],
)
def test_coverages_overlap_on_days_they_share(
    start: str | None, end: str | None, overlaps: bool
) -> None:
    held = CoverageFactory(start="2025-01-01", end="2025-06-30")
    other = Coverage(patient=held.patient, payer=held.payer, rank=1, start=start, end=end)
    assert list(other.overlapping()) == ([held] if overlaps else [])
    other.rank = 2
    assert list(other.overlapping()) == []


def test_the_state_of_a_coverage_today() -> None:
    today = timezone.localdate()
    for start, end, state in (
        (None, None, "Current"),
        (today, today, "Current"),
        (None, today - DAY, "Ended"),
        (today + DAY, None, "Not yet"),
    ):
        assert Coverage(start=start, end=end).state == state


# --- Diagnoses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("f41.1", "F41.1"),
        ("F411, m5450;f41.1", "F41.1, M54.50"),
        ("z3a.10  C4A", "Z3A.10, C4A"),
        (" s52.521a ", "S52.521A"),
    ],
)
def test_diagnoses_are_put_in_order(typed: str, kept: str) -> None:
    assert read_diagnoses(typed) == kept


@pytest.mark.parametrize("typed", ["F4", "41.1", "F41.12345", "Ｆ41.1", "F41.1, x", "<b>", "F\0"])
def test_what_is_no_diagnosis_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="is not an ICD-10 code"):
        read_diagnoses(typed)


def test_a_session_has_twelve_at_most() -> None:
    twelve = ", ".join(f"S52.5{number:02}A" for number in range(12))
    session = SessionFactory(diagnoses=twelve.lower())
    session.full_clean()
    assert session.diagnoses == twelve
    assert len(session.diagnosis_codes) == 12
    session.diagnoses += ", F41.1"
    with pytest.raises(ValidationError, match="12 diagnoses at most; these are 13"):
        session.clean()
