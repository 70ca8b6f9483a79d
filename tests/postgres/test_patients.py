"""Patients on PostgreSQL: the search reads the index, and two desks never meet."""

from __future__ import annotations

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from patients.models import Coverage, Patient
from tests.factories import PatientFactory, PayerFactory
from tests.screens.lists import signed_in
from tests.screens.people import PERSON, POLICY, seen

BORN = datetime.date(1980, 5, 17)


@pytest.mark.django_db
def test_the_search_reads_the_index() -> None:
    """With as many patients as make an index worth reading."""
    Patient.objects.bulk_create(
        Patient(
            family_name=f"Sample{number}",
            given_name=f"Robin{number}",
            birth_date=BORN + datetime.timedelta(days=number),
            chart_number=f"P{1001 + number}",
        )
        for number in range(3_000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE patients_patient, patients_patientword")
    for typed, index in (
        ("sample77 robin77", "patient_word_once"),
        ("p1042", "patient_word_once"),
        ("1980-05-17", "patient_by_birth_date"),
    ):
        plan = Patient.objects.search(typed).by_name().explain()
        assert index in plan, plan
        assert "Seq Scan" not in plan
    assert "~>=~" in Patient.objects.search("sample77").explain()  # the range of the prefix
    first_page = Patient.objects.by_name()[:25].explain()
    assert "patient_by_name" in first_page
    assert "Sort" not in first_page
    alike = Patient.objects.with_word("sample77").explain()
    assert "patient_word_once" in alike
    assert "Seq Scan" not in alike


def together(*acts: Any) -> list[Any]:
    """Run the acts at the same moment, each with a connection of its own."""
    start = threading.Barrier(len(acts))

    def run(act: Any) -> Any:
        try:
            start.wait(20)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def post(client: Client, url: str, form: dict[str, str]) -> Any:
    return lambda: client.post(url, form)


@pytest.mark.django_db(transaction=True)
def test_desks_that_register_at_once_all_get_a_number() -> None:
    """Whoever waits for the latest patient finds the number taken, and tries the next."""
    PatientFactory(chart_number="P1042")
    form = {**PERSON, **POLICY, "seen": "", "action": "save", "another": "on"}
    names = ("Ada", "Ben", "Cyd", "Dee")
    answers = together(
        *(post(signed_in(), "/patients/new/", {**form, "given_name": name}) for name in names)
    )
    assert {answer["Location"] for answer in answers} == {
        f"/patients/P{number}/account/" for number in (1043, 1044, 1045, 1046)
    }


@pytest.mark.django_db(transaction=True)
def test_two_desks_never_make_a_chain_of_guarantors() -> None:
    """One says that Bo pays for Al, the other that Cy pays for Bo."""
    al, bo, cy = (
        PatientFactory(family_name=name, chart_number=chart, birth_date=born)
        for name, chart, born in (
            ("Al", "P1001", BORN),
            ("Bo", "P1002", BORN),
            ("Cy", "P1003", BORN),
        )
    )
    client = signed_in()
    posts = []
    for who, payer in ((al, bo), (bo, cy)):
        url = f"/patients/{who.chart_number}/edit/"
        form = {name: str(getattr(who, name) or "") for name in PERSON}
        form |= {"guarantor": payer.chart_number, "seen": seen(client, url)}
        posts.append(post(signed_in(), url, form))
    answers = together(*posts)
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert not Patient.objects.filter(guarantor__guarantor__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_two_desks_never_add_two_primary_coverages() -> None:
    PatientFactory(chart_number="P1042")
    PayerFactory(name="BlueRiver Health")
    form = {**POLICY, "payer": "BlueRiver Health", "rank": "1", "seen": ""}
    url = "/patients/P1042/coverages/new/"
    answers = together(post(signed_in(), url, form), post(signed_in(), url, form))
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert Coverage.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_edits_at_once_one_is_told() -> None:
    smith = PatientFactory(chart_number="P1042")
    url = "/patients/P1042/edit/"
    form = {name: str(getattr(smith, name) or "") for name in PERSON}
    form["seen"] = seen(signed_in(), url)
    answers = together(
        post(signed_in(), url, {**form, "note": "one"}),
        post(signed_in(), url, {**form, "note": "two"}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 302]


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_register_one_person() -> None:
    PatientFactory(family_name="Somebody", given_name="Else", birth_date=datetime.date(1950, 1, 1))
    client, form = signed_in(), {**PERSON, **POLICY, "seen": "", "action": "save"}
    answers = together(*[post(client, "/patients/new/", form) for _click in range(2)])
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert Patient.objects.filter(family_name=PERSON["family_name"]).count() == 1
