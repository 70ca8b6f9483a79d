"""What was changed, from what to what, and as one act."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import ChainLink, history_of
from patients.models import Patient, Payer
from tests.factories import PatientFactory
from tests.screens.audit.trail import TRAIL
from tests.screens.lists import look
from tests.screens.page_forms import forms_of
from tests.screens.people import PERSON, POLICY

pytestmark = pytest.mark.django_db


def test_a_change_says_from_what_to_what(admin: Client, smith: Patient) -> None:
    smith.phone = "555 0100"
    smith.save()
    page = look(admin, TRAIL, {"patient": "P1042", "period": "everything"}).words
    assert "→ 555 0100" in page
    was = history_of(Patient)
    assert list(was.objects.order_by("pk").values_list("history_type", "phone"))[-1] == (
        "~",
        "555 0100",
    )


def test_what_names_another_row_is_told_by_its_name(admin: Client, smith: Patient) -> None:
    smith.guarantor = PatientFactory(chart_number="P7001")
    smith.save()
    page = look(admin, TRAIL, {"patient": "P1042", "period": "everything"}).words
    assert "→ P7001" in page


def test_who_changed_it_at_the_desk(desk: Client, ana: Any, smith: Patient) -> None:
    page = desk.get("/patients/P1042/edit/").content.decode()
    [form] = [form for form in forms_of(page) if "family_name" in form.sent]
    answer = desk.post("/patients/P1042/edit/", {**form.sent, "family_name": "Smyth"})
    assert answer.status_code == 302
    last = history_of(Patient).objects.latest("history_id")
    assert (last.family_name, last.history_user_id, last.history_type) == ("Smyth", ana.pk, "~")


def writes_of(send: Callable[[], Any]) -> list[str]:
    """The tables it wrote to, in that order, without what signing in and looking leave."""
    with CaptureQueriesContext(connection) as queries:
        assert send().status_code == 302
    found = re.findall(
        r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', " ".join(each["sql"] for each in queries)
    )
    return [table for table in found if table not in ("config_signin", "billing_auditevent")]


def test_a_patients_page_is_one_act_sealed_last(desk: Client, ana: Any) -> None:
    Payer.objects.create(name="Aetna")
    policy = {**POLICY, "payer": "Aetna", "member_id": "M1", "start": "2020-01-01"}
    new = {**PERSON, **policy, "seen": "", "action": "save"}
    tables = writes_of(lambda: desk.post("/patients/new/", new))
    assert "billing_was_coverage" in tables
    assert tables.count("billing_chainlink") == 1
    assert tables[-1] == "billing_chainlink"
    link = ChainLink.objects.latest("number")
    assert (link.act, link.by) == ("patient new", ana)
    assert {"billing_was_patient", "billing_was_coverage"} <= json.loads(link.rows).keys()


def test_a_page_of_the_administration_is_one_act_sealed_last(admin: Client) -> None:
    Payer.objects.bulk_create(
        [Payer(name="Old Mutual")]
    )  # its first change keeps it as it was, too
    payer = Payer.objects.get()
    url = f"/admin/patients/payer/{payer.pk}/change/"
    page = admin.get(url).content.decode()
    [form] = [form for form in forms_of(page) if "payer_id" in form.sent]
    tables = writes_of(lambda: admin.post(url, {**form.sent, "name": "New Mutual"}))
    assert tables.count("billing_was_payer") == 2
    assert tables.count("billing_chainlink") == 1
    assert tables[-1] == "billing_chainlink"
    link = ChainLink.objects.latest("number")
    assert (link.act, link.by.username if link.by else "") == ("administration", "root")


def test_what_was_imported_is_kept_as_it_was_before_its_first_change() -> None:
    Payer.objects.bulk_create([Payer(name="Old Mutual")])
    payer = Payer.objects.get()
    payer.name = "New Mutual"
    payer.save()
    was = history_of(Payer).objects.order_by("history_id").values_list("name", flat=True)
    assert list(was) == ["Old Mutual", "New Mutual"]
