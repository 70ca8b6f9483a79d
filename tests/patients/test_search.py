"""The words patients are found by, and that an index finds them."""

from __future__ import annotations

import datetime
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from patients.models import Patient, PatientWord
from patients.search import as_date, folded, read_search, words_of
from tests.factories import PatientFactory

pytestmark = pytest.mark.django_db
BORN = datetime.date(1980, 5, 17)


def found(typed: str) -> list[str]:
    return sorted(Patient.objects.search(typed).values_list("chart_number", flat=True))


# --- What finds whom -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "given", "typed"),
    [
        ("O'Brien", "Zoë", "obrien"),
        ("O'Brien", "Zoë", "O'Brien"),
        ("O’Brien", "Zoë", "o'brien"),
        ("O'Brien", "Zoë", "brien zoe"),
        ("O'Brien", "Zoë", "o brien"),
        ("OBrien", "Zoë", "o'brien"),
        ("O Brien", "Zoë", "o'brien, z"),
        ("de la Cruz", "Ana", "cruz"),
        ("de la Cruz", "Ana", "De La Cruz, Ana"),
        ("de la Cruz", "Ana", "delacruz"),
        ("Garcia-Lopez", "Ana", "lopez"),
        ("Garcia-Lopez", "Ana", "garcia lopez"),
        ("Garcia Lopez", "Ana", "garcia-lopez"),
        ("Garcia-Lopez", "Ana", "GARCIALO"),
        ("Müller", "Jörg", "muller jorg"),
        ("Muller", "Jorg", "Müller"),
        ("Strauß", "Øyvind", "strauss oyvind"),
        ("Łukasz", "Đorđe", "lukasz dorde"),
        ("St. John", "Ana", "st.john"),
        ("李", "小龙", "李"),
        ("शर्मा", "अनिल", "शर्मा"),
        ("ＦＵＬＬ", "Width", "full"),
    ],
)
def test_names_are_found_however_they_are_written(family: str, given: str, typed: str) -> None:
    PatientFactory(family_name=family, given_name=given, chart_number="P1042")
    PatientFactory(family_name="Okafor", given_name="Maya")
    assert found(typed) == ["P1042"]


@pytest.mark.parametrize("stored", ["(555) 010-1234", "555.010.1234", "+1 555 010 1234 ext. 99"])
@pytest.mark.parametrize(
    "typed",
    [
        "5550101234",
        "(555) 010-1234",
        "555 010 1234",
        "+1 (555) 010-1234",
        "010-1234",
        "0101234",
        "1234",
        "555010",
        "555 010",
    ],
)
def test_phones_are_found_with_and_without_separators(stored: str, typed: str) -> None:
    PatientFactory(phone=stored, chart_number="P1042")
    PatientFactory(phone="(555) 020-9999", chart_number="P9090")
    assert found(typed) == ["P1042"]


@pytest.mark.parametrize(
    "typed",
    [
        "1980-05-17",
        "05/17/1980",
        "5/17/1980",
        "17 May 1980",
        "17 may 1980",
        "May 17, 1980",
        "Smith 1980-05-17",
        "05/17/1980, smith",
    ],
)
def test_dates_of_birth_are_found_as_people_write_them(typed: str) -> None:
    PatientFactory(family_name="Smith", birth_date=BORN, chart_number="P1042")
    PatientFactory(family_name="Smith", birth_date=datetime.date(1980, 5, 18))
    assert found(typed) == ["P1042"]


def test_charts_are_found_with_and_without_p() -> None:
    PatientFactory(chart_number="P1042")
    PatientFactory(chart_number="P2042")
    for typed in ("P1042", "p1042", "1042", "104", "p10"):
        assert found(typed) == ["P1042"]


def test_every_word_has_to_be_found() -> None:
    PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    PatientFactory(family_name="Smith", given_name="Jane", chart_number="P1043")
    assert found("smith") == ["P1042", "P1043"]
    assert found("smith jo") == ["P1042"]
    assert found("smith jo 1043") == []
    assert found("mith") == []


def test_nothing_typed_is_everybody_and_signs_alone_are_nobody() -> None:
    PatientFactory(chart_number="P1042")
    assert found("") == found("   ") == ["P1042"]
    for typed in ("-", "%", "_", "'", "...", "😀", "\0"):
        assert found(typed) == []


@pytest.mark.parametrize("typed", ["9%", "s_ith", "%mith", "smith\\", "a" * 5_000, "9" * 5_000])
def test_signs_of_sql_are_only_signs(typed: str) -> None:
    PatientFactory(family_name="Smith", chart_number="P1042")
    assert found(typed) == (["P1042"] if folded(typed) == "smith" else [])


def test_a_name_as_long_as_it_may_be() -> None:
    PatientFactory(family_name="ﷺ" * 80, given_name="ß" * 80, chart_number="P1042")
    assert found("ß" * 80) == ["P1042"]


def test_words_in_the_order_of_what_is_typed() -> None:
    assert read_search("Smith, J").words == ("smith", "j")
    assert read_search("smith Smith").words == ("smith",)
    assert read_search("1980-05-17").dates == (BORN,)
    assert as_date("0001-01-01") == datetime.date(1, 1, 1)
    assert as_date("2025-02-30") is None
    assert as_date("1" * 3_000) is None


# --- Kept by every way of saving -----------------------------------------------------------------


def words(patient: Patient) -> set[str]:
    return set(PatientWord.objects.filter(patient=patient).values_list("word", flat=True))


def test_saving_keeps_the_words() -> None:
    smith = PatientFactory(family_name="Smith", given_name="John", phone="555-0199")
    assert words(smith) == words_of(smith) >= {"smith", "john", "5550199"}
    smith.family_name = "Jones"
    smith.save()
    assert "jones" in words(smith)
    assert "smith" not in words(smith)


def test_bulk_create_and_update_keep_the_words() -> None:
    smith, jones = Patient.objects.bulk_create(
        Patient(family_name=name, given_name="A", birth_date=BORN, chart_number=chart)
        for name, chart in (("Smith", "P1042"), ("Jones", "P1043"))
    )
    assert found("smith") == ["P1042"]
    Patient.objects.filter(pk=jones.pk).update(family_name="Brown")
    assert (found("brown"), found("jones")) == (["P1043"], [])
    smith.given_name = "Zoe"
    Patient.objects.bulk_update([smith], ["given_name"])
    assert found("zoe") == ["P1042"]


def test_reindex_mends_what_was_written_past_us() -> None:
    PatientFactory(family_name="Smith", chart_number="P1042")
    PatientWord.objects.all().delete()
    assert found("smith") == []
    Patient.objects.all().reindex()
    assert found("smith") == ["P1042"]


def test_the_migration_indexes_who_is_there_already() -> None:
    smith = PatientFactory(family_name="Smith", chart_number="P1042")
    PatientWord.objects.all().delete()
    import_module("patients.migrations.0003_index_patients").index_patients(apps, None)
    assert words(smith) == words_of(smith)


def test_a_deleted_patient_leaves_no_words() -> None:
    PatientFactory().delete()
    assert not PatientWord.objects.exists()


# --- The index -----------------------------------------------------------------------------------


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's is in tests/postgres")
def test_sqlite_reads_the_index() -> None:
    search = Patient.objects.search("smi jo").by_name().explain()
    assert search.count("patient_word_once (word>? AND word<?)") == 2, search
    assert "SCAN" not in search
    first_page = Patient.objects.by_name()[:25].explain()
    assert "USING INDEX patient_by_name" in first_page
    assert "TEMP B-TREE" not in first_page
    born = Patient.objects.search("1980-05-17").explain()
    assert "patient_by_birth_date (birth_date=?)" in born
    alike = Patient.objects.with_word("smith").with_word("john").explain()
    assert alike.count("patient_word_once (word=?)") == 2, alike
