"""Each page about a patient that is opened leaves a look, and nothing else does."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.audit.looks import OF_SEVERAL, WHOSE
from billing.models import AuditEvent, Export
from patients.models import Patient
from tests.factories import (
    CoverageFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
)
from tests.screens.audit.trail import events
from tests.screens.small_clinic import routes

pytestmark = pytest.mark.django_db


def test_each_page_of_a_patient_that_is_opened_is_kept(desk: Client, smith: Patient) -> None:
    line = LineFactory(patient=smith, amount="100")
    payment = PaymentFactory(patient=smith, provider=line.provider, amount="40", on={line: "40"})
    for url in (
        "/patients/P1042/",
        "/patients/P1042/account/",
        f"/payments/{payment.number}/",
        f"/invoices/{line.invoice.number}/",
        "/reports/patient-ledger/?patient=p1042",
    ):
        desk.get(url)
        assert events()[-1] == ("looked", "P1042", url.partition("?")[0])
    event = AuditEvent.objects.latest("pk")
    assert (event.username, event.address) == ("ana", "127.0.0.1")


def test_opening_it_again_is_another_look(desk: Client) -> None:
    PatientFactory(chart_number="P1042")
    for _ in range(2):
        desk.get("/patients/P1042/account/")
    assert len(events(kind="looked")) == 2


def test_what_htmx_fetches_of_an_open_page_is_no_other_look(desk: Client, smith: Patient) -> None:
    desk.get("/patients/P1042/account/")
    desk.get("/patients/P1042/account/", headers={"hx-request": "true", "hx-target": "history"})
    assert len(events(kind="looked")) == 1


def test_a_header_that_says_htmx_hides_no_look(desk: Client, smith: Patient) -> None:
    desk.get("/patients/P1042/account/", headers={"hx-request": "true", "hx-target": "history"})
    assert len(events(kind="looked")) == 1


def test_a_form_that_shows_the_page_again_hides_no_look(desk: Client, smith: Patient) -> None:
    desk.post("/patients/P1042/edit/", {})
    assert events(kind="looked") == [("looked", "P1042", "/patients/P1042/edit/")]


def test_an_insurers_check_names_nobody(desk: Client) -> None:
    check = InsurancePaymentFactory(amount="10")
    desk.get(f"/insurance-payments/{check.number}/")
    assert events(kind="looked") == [("looked", "", f"/insurance-payments/{check.number}/")]


def test_lists_missing_pages_and_signed_out_people_leave_no_look(desk: Client) -> None:
    for url in ("/patients/", "/", "/patients/P9999/", "/reports/takings/"):
        desk.get(url)
    PatientFactory(chart_number="P1042")
    Client().get("/patients/P1042/")
    assert events(kind="looked") == []


def test_pages_of_the_administration_are_looks_too(admin: Client, smith: Patient) -> None:
    coverage = CoverageFactory(patient=smith)
    line = LineFactory(patient=smith, amount="5")
    for url in (
        f"/admin/patients/patient/{smith.pk}/change/",
        f"/admin/billing/invoice/{line.invoice_id}/change/",
    ):
        assert admin.get(url).status_code == 200
        assert events()[-1] == ("looked", "P1042", url)
    admin.get(f"/admin/patients/payer/{coverage.payer_id}/change/")
    assert len(events(kind="looked")) == 2


def test_every_page_about_somebody_says_whose_it_is() -> None:
    """A new url with something in it has to be looked at here: is it a patient's?"""
    nobodys = {
        "billing:report_detail", "billing:report_export", "billing:journal_download",
        "billing:deposit_print", "billing:import_upload", "billing:import_template",
        "billing:import_problems", "billing:payment_unpay", "billing:invoice_print",
        "billing:insurance_payment_draft_kept", "billing:insurance_payment_discard",
        "billing:clinic_logo",
    }  # fmt: skip
    about = {name for name, route in routes() if "<" in route and "<str:chart>" not in route}
    assert about == nobodys | WHOSE.keys() | OF_SEVERAL


def test_no_event_holds_a_patients_name(admin: Client, smith: Patient) -> None:
    admin.get("/patients/P1042/")
    admin.get("/patients/", {"q": "Smith"})
    admin.get("/reports/patient-ledger.csv", {"patient": "P1042", "q": "Smith"})
    assert "Smith" not in str(list(AuditEvent.objects.values())) + str(
        list(Export.objects.values())
    )
