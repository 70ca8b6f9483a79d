"""The report of the audit trail: who may read it, what it shows, and as a file."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from billing import ledger
from patients.models import Patient
from tests.factories import LineFactory, PaymentFactory
from tests.factories.bills import day
from tests.screens.audit.trail import TRAIL
from tests.screens.lists import look

pytestmark = pytest.mark.django_db


def test_the_two_short_addresses_lead_to_it(admin: Client, desk: Client, smith: Patient) -> None:
    assert admin.get("/audit/").url == TRAIL
    assert admin.get("/patients/P1042/audit/").url == f"{TRAIL}?patient=P1042&period=everything"
    for url in ("/audit/", "/patients/P1042/audit/"):
        assert desk.get(url).status_code == 403


def test_a_patients_trail_shows_looks_money_documents_and_exports(
    admin: Client, desk: Client, smith: Patient
) -> None:
    line = LineFactory(patient=smith, amount="100")
    payment = PaymentFactory(patient=smith, provider=line.provider, amount="40", on={line: "40"})
    ledger.reverse(by=payment.created_by, payment=payment, date=day(0), reason="Bounced")
    PaymentFactory(amount="7")
    desk.get("/patients/P1042/account/")
    admin.get("/reports/patient-ledger.csv", {"patient": "P1042", "period": "everything"})
    desk.post(f"/payments/{payment.number}/receipt/")
    page = look(admin, TRAIL, {"patient": "P1042", "period": "everything"}).words
    for wanted in (
        "Looked at P1042 /patients/P1042/account/",
        f"Payment P1042 {payment.number} 40.00",
        f"Reversed payment P1042 {payment.number} Bounced -40.00",
        f"Allocation P1042 {payment.number} on {line.invoice.number} 40.00",
        "Exported - patient-ledger.csv",
        "Issued P1042 Receipt DOC-0001",
        f"Invoice issued P1042 {line.invoice.number}",
        "Added P1042",
    ):
        assert wanted in page, wanted
    assert " 7.00" not in page


def test_it_is_narrowed_by_kind_person_and_patient(
    admin: Client, desk: Client, smith: Patient
) -> None:
    desk.get("/patients/P1042/account/")
    everybody = look(admin, TRAIL).words
    assert "Signed in" in everybody
    assert "Looked at" in everybody
    looks = look(admin, TRAIL, {"kind": "looks", "user": "ana"}).table
    assert "Looked at" in looks
    assert "Signed in" not in looks
    assert "Nothing was done" in look(admin, TRAIL, {"kind": "looks", "user": "root"}).words
    for kind in ("exports", "changes", "money", "signing", "rights", "checks"):
        assert look(admin, TRAIL, {"kind": kind, "patient": "P1042"}).response.status_code == 200
    assert "Choose one of the kinds" in look(admin, TRAIL, {"kind": "x"}).words


def test_it_costs_the_same_with_many_changes(admin: Client, smith: Patient) -> None:
    counts = set()
    for _ in range(2):
        for number in range(10):
            smith.note = f"Note {number}"
            smith.save()
        counts.add(len(look(admin, TRAIL, {"patient": "P1042"}).queries))
    [count] = counts
    assert count <= 12


def test_as_a_file_it_says_the_same_and_no_formula(admin: Client, smith: Patient) -> None:
    smith.note = "=cmd()"
    smith.save()
    answer = admin.get("/reports/audit-trail.csv", {"patient": "P1042"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert any("note: nothing → =cmd()" in cell for row in rows for cell in row)
    assert not any(cell.startswith("=") for row in rows for cell in row)


def test_a_name_full_of_tags_is_only_a_name(admin: Client, smith: Patient) -> None:
    smith.family_name = "<script>alert(1)</script>"
    smith.save()
    page = look(admin, TRAIL, {"patient": "P1042"}).html
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_button_is_there_for_who_may(admin: Client, desk: Client, smith: Patient) -> None:
    url = reverse("billing:patient_audit", args=["P1042"])
    assert url in look(admin, "/patients/P1042/").html
    assert url not in look(desk, "/patients/P1042/").html
