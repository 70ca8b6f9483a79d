"""No card number gets into the database, by whichever box of whichever form."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models, transaction
from django.test import Client
from django.urls import reverse

from patients.cards import NO_CARD
from patients.models import Coverage, Patient
from tests.factories import PatientFactory, UserFactory
from tests.imports.files import problems
from tests.screens.bad_input import text
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.screens.test_every_screen import buttons, filled, posted_forms, send

pytestmark = pytest.mark.django_db

CARD = "4111111111111111"


def kept() -> list[str]:
    """The tables in which a row holds the number now."""
    quoted = connection.ops.quote_name
    asked = []
    for model in apps.get_models():
        texts = [
            f"CAST({quoted(field.column)} AS TEXT) LIKE '%{CARD}%'"
            for field in model._meta.local_fields
            if isinstance(field, (models.CharField, models.TextField, models.JSONField))
        ]
        table = model._meta.db_table
        if texts:
            where = " OR ".join(texts)
            asked.append(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table} WHERE {where})")
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return [table for (table,) in cursor.fetchall()]


class _Back(Exception):
    pass


@pytest.fixture
def clinic() -> SmallClinic:
    return small_clinic()


def test_no_form_keeps_one(clinic: SmallClinic) -> None:
    leaks, refused = [], set()
    for name, to, form in posted_forms(clinic):
        good: dict[str, Any] = filled(form)
        written = [box for box in form.typed if not re.search("member_id|group|phone", box)]
        for box in [*written, *_hidden_texts(form.sent)]:
            text_ = f"paid=1&note=x {CARD}" if box.endswith("says") else f"x {CARD}"
            for button in buttons(form):
                try:
                    with transaction.atomic():
                        answer = send(clinic, to, {**good, box: [text_]}, button)
                        if answer.status_code == 200 and not answer.streaming:
                            refused |= {name} if NO_CARD in text(answer) else set()
                        leaks += [(to, box, button, table) for table in kept()]
                        raise _Back
                except _Back:
                    pass
    assert leaks == []
    assert refused >= {
        "billing:payment_new",
        "billing:insurance_payment_new",
        "billing:payment_reverse",
        "billing:payment_void",
        "billing:write_off_new",
        "billing:session_new",
        "patients:patient_new",
        "patients:patient_edit",
    }


def _hidden_texts(sent: dict[str, list[str]]) -> list[str]:
    return [box for box in sent if box.endswith("-says")]


def test_a_member_id_may_look_like_one(clinic: SmallClinic) -> None:
    url = f"/patients/{clinic.stranger.chart_number}/coverages/new/"
    form = {"payer": "BlueRiver Health", "rank": "2", "member_id": CARD, "key": ""}
    assert clinic.client.post(url, form).status_code == 302
    assert Coverage.objects.filter(member_id=CARD).exists()
    assert sorted(kept()) == ["billing_was_coverage", "patients_coverage"]


def test_a_draft_keeps_none(clinic: SmallClinic) -> None:
    form = {"key": "6f2d2b64-5f3f-4c57-9a86-9f3b4b6f0a11", "reference": CARD, "amount": "5"}
    answer = clinic.client.post(reverse("billing:insurance_payment_draft"), form)
    assert f"Not saved. {NO_CARD}" in text(answer)
    assert kept() == []


def test_the_administration_keeps_none() -> None:
    omar = UserFactory(username="omar", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(omar)
    patient = PatientFactory(family_name="Smith")
    form = {
        "family_name": "Smith",
        "given_name": "John",
        "birth_date": "1980-05-17",
        "chart_number": patient.chart_number,
        "note": CARD,
        "coverages-TOTAL_FORMS": "0",
        "coverages-INITIAL_FORMS": "0",
    }
    answer = client.post(f"/admin/patients/patient/{patient.pk}/change/", form)
    assert answer.status_code == 200
    assert NO_CARD in text(answer)
    assert not Patient.objects.exclude(note="").exists()


def test_no_import_keeps_one() -> None:
    head = "family_name,given_name,birth_date,phone,note\n"
    assert problems("patients", f"{head}Smith,John,1980-05-17,,card {CARD}\n") == [
        f"line 2, note: {NO_CARD}"
    ]
    assert problems("patients", f"{head}Smith,John,1980-05-17,{CARD},\n") == []
