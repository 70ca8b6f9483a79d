"""The audit trail: who looked at whom, who was refused, what signing in left, what was changed."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from allauth.mfa.base.internal.flows import delete_and_cleanup
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from simple_history.models import HistoricalRecords

from billing import ledger
from billing.audit import recording
from billing.audit.looks import OF_SEVERAL, WHOSE
from billing.chain.replay import Replay
from billing.models import AuditEvent, ChainLink, EventKind, Export, history_of
from patients.models import Patient, Payer
from tests.factories import (
    CoverageFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.lists import look
from tests.screens.page_forms import forms_of
from tests.screens.people import PERSON, POLICY
from tests.screens.small_clinic import routes

pytestmark = pytest.mark.django_db
TRAIL = "/reports/audit-trail/"


@pytest.fixture
def ana() -> Any:
    return UserFactory(username="ana", first_name="Ana", last_name="Ruiz")


@pytest.fixture
def desk(ana: Any) -> Client:
    client = Client()
    client.force_login(ana)
    return client


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(UserFactory(username="root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")


def events(**wanted: Any) -> list[tuple[str, str, str]]:
    rows = AuditEvent.objects.filter(**wanted).order_by("pk").select_related("patient")
    return [(row.kind, row.patient.chart_number if row.patient else "", row.what) for row in rows]


# ---------------------------------------------------------------------------- looks


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
        "billing:insurance_payment_discard", "billing:clinic_logo",
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


# ---------------------------------------------------------------------------- people


def test_signing_in_and_out_and_a_wrong_password(ana: Any) -> None:
    ana.set_password("correct horse battery")
    ana.save()
    client = Client()
    client.post("/accounts/login/", {"login": "ana", "password": "wrong"})
    client.post("/accounts/login/", {"login": "my secret, mistyped", "password": "x"})
    client.post("/accounts/login/", {"login": "ana", "password": "correct horse battery"})
    client.post("/accounts/logout/")
    signing = AuditEvent.objects.exclude(kind__in=["rights", "password"]).order_by("pk")
    found = list(signing.values_list("kind", "username"))
    assert found == [("failed", "ana"), ("failed", ""), ("signed_in", "ana"), ("signed_out", "ana")]
    assert "mistyped" not in str(list(AuditEvent.objects.values()))


def test_being_locked_out(ana: Any) -> None:
    for _ in range(5):
        Client().post("/accounts/login/", {"login": "ana", "password": "wrong"})
    assert events(kind="locked_out")
    assert AuditEvent.objects.get(kind="locked_out").username == "ana"


def test_a_refused_request(desk: Client) -> None:
    assert desk.get(TRAIL).status_code == 403
    assert events(kind="refused") == [("refused", "", f"GET {TRAIL}")]


def test_roles_and_rights(admin: Client, ana: Any) -> None:
    group = Group.objects.create(name="Helpers")
    before = AuditEvent.objects.count()
    ana.groups.add(group)
    ana.groups.add(group)  # nothing new
    ana.groups.clear()
    ana.is_staff = True
    ana.save()
    group.permissions.add(Permission.objects.get(codename="close_period"))
    told = [what for _kind, _patient, what in events(kind="rights")][-4:]
    assert AuditEvent.objects.count() == before + 4
    assert told == [
        f"user {ana.pk}: group given: Helpers",
        f"user {ana.pk}: group all taken away",
        f"user {ana.pk}: is_staff: True",
        f"group {group.pk}: permission given: close and reopen periods",
    ]


def test_a_role_that_is_deleted_is_told_with_whom_it_was_taken_from(
    admin: Client, ana: Any
) -> None:
    role = Group.objects.create(name="Helpers")
    role.permissions.add(Permission.objects.get(codename="close_period"))
    ana.groups.add(role)
    pk = role.pk
    assert admin.post(f"/admin/auth/group/{pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Group.objects.filter(pk=pk).exists()
    assert told("rights")[-3:] == [
        ("root", f"group {pk} deleted, of 1 person: Helpers"),
        ("root", f"group {pk} was of users: {ana.pk}"),
        ("root", f"group {pk} gave: close and reopen periods"),
    ]


def test_of_many_rights_none_is_cut_off() -> None:
    role = Group.objects.create(name="Everything")
    before = AuditEvent.objects.count()
    rights = list(Permission.objects.all())
    role.permissions.add(*rights)
    opening = f"group {role.pk}: permission given: "
    parts = [what for _by, what in told("rights")][before - AuditEvent.objects.count() :]
    assert len(parts) > 5
    assert all(what.startswith(opening) and len(what) <= 200 for what in parts)
    names = sorted(each.name.removeprefix("Can ") for each in rights)
    assert ", ".join(what.removeprefix(opening) for what in parts) == ", ".join(names)


def test_somebody_new_who_may_do_everything_is_told() -> None:
    UserFactory(username="usual")
    before = len(told("rights"))
    new = UserFactory(username="new", is_staff=True, is_superuser=True, roles=[])
    assert told("rights")[before:] == [
        ("", f"user {new.pk} added: is_staff: True, is_superuser: True")
    ]
    UserFactory(username="another", roles=[])
    assert len(told("rights")) == before + 1


def test_who_is_deleted_stays_in_the_trail(admin: Client) -> None:
    gone = UserFactory(username="gone")
    client = Client()
    client.force_login(gone)
    pk = gone.pk
    gone.delete()
    assert AuditEvent.objects.get(user_id=pk).username == "gone"
    assert "gone" in look(admin, TRAIL, {"period": "everything"}).words


def told(kind: str) -> list[tuple[str, str]]:
    """By whom, and what."""
    return list(AuditEvent.objects.filter(kind=kind).order_by("pk").values_list("username", "what"))


def test_a_password_link_is_told_when_it_is_made_and_when_it_is_used(
    admin: Client, ana: Any
) -> None:
    page = admin.post(f"/admin/auth/user/{ana.pk}/password-link/").content.decode()
    link = page.partition("http://testserver")[2].partition('"')[0]
    assert told("password_link") == [("root", f"of user {ana.pk}")]
    assert link not in str(list(AuditEvent.objects.values()))
    hers = Client()
    form = hers.get(link)["Location"]
    good = {"new_password1": "a quiet orchard", "new_password2": "a quiet orchard"}
    assert hers.post(form, good)["Location"] == "/accounts/login/"
    assert told("password") == [("", f"of user {ana.pk}")]
    assert AuditEvent.objects.get(kind="password").address == "127.0.0.1"


def test_a_password_of_ones_own_is_told_once(ana: Any) -> None:
    ana.set_password("a quiet orchard")
    ana.save()
    assert told("password")[1:] == []
    client = Client()
    client.post("/accounts/login/", {"login": "ana", "password": "a quiet orchard"})
    sent = {
        "oldpassword": "a quiet orchard",
        "password1": "a quieter orchard",
        "password2": "a quieter orchard",
    }
    assert client.post("/accounts/password/change/", sent).status_code == 302
    assert told("password")[1:] == [("ana", "")]


def test_a_hash_that_somebody_puts_there_is_told(ana: Any) -> None:
    ana.password = make_password("mine")
    ana.save(update_fields=["password"])
    assert told("password") == [("", f"of user {ana.pk} (what is stored of it only)")]
    ana.password = "not saved"
    ana.save(update_fields=["last_login"])
    assert len(told("password")) == 1


def test_ending_sign_ins_of_somebody_else_is_told(admin: Client, ana: Any) -> None:
    admin.post(f"/admin/auth/user/{ana.pk}/sign-out/")
    admin.post("/admin/auth/user/", {"action": "sign_out", "_selected_action": [ana.pk]})
    assert told("ended") == [("root", f"of user {ana.pk}")] * 2


@pytest.mark.parametrize("way", ["unlock", "delete"])
def test_lifting_a_lock_out_is_told_and_no_password_typed_as_a_name(
    admin: Client, ana: Any, way: str
) -> None:
    found = [
        AccessAttempt.objects.create(
            username=name,
            ip_address="192.0.2.7",
            failures_since_start=5,
            attempt_time=timezone.now(),
        )
        for name in ("ana", "my secret, mistyped")
    ]
    if way == "unlock":
        chosen = {"action": "unlock", "_selected_action": [each.pk for each in found]}
        admin.post("/admin/axes/accessattempt/", chosen)
    else:
        for each in found:
            admin.post(f"/admin/axes/accessattempt/{each.pk}/delete/", {"post": "yes"})
    assert not AccessAttempt.objects.exists()
    assert told("unlocked") == [
        ("root", f"of user {ana.pk}"),
        ("root", "of 1 name that nobody has"),
    ]
    assert "mistyped" not in str(list(AuditEvent.objects.values()))


def test_a_second_factor_that_is_taken_away_is_told_once(admin: Client, ana: Any) -> None:
    factor = Authenticator.objects.create(user=ana, type="totp", data={})
    admin.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    assert told("factor_removed") == [("root", f"totp of user {ana.pk}")]
    factors = [
        Authenticator.objects.create(user=ana, type=each, data={"name": "Key"})
        for each in ("totp", "webauthn")
    ]
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in factors]}
    admin.post("/admin/mfa/authenticator/", {**chosen, "post": "yes"})
    assert not Authenticator.objects.exists()
    assert len(told("factor_removed")) == 3


def test_a_second_factor_of_ones_own_is_told_once(ana: Any) -> None:
    own = Authenticator.objects.create(user=ana, type="totp", data={})
    request = RequestFactory().post("/")
    request.user = ana
    with mock.patch.object(HistoricalRecords.context, "request", request, create=True):
        delete_and_cleanup(request, own)
    assert told("factor_removed") == [("ana", "totp")]


# ---------------------------------------------------------------------------- what was changed


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


# ---------------------------------------------------------------------------- while SQLite is busy


@pytest.mark.django_db(transaction=True)
def test_a_look_while_somebody_posts_waits_for_nobody_and_is_not_lost(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets everybody write")
    before = AuditEvent.objects.latest("pk").pk  # the roles were made
    spool = recording._spool()
    assert spool
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        recording.record(EventKind.LOOKED, what="/patients/P1042/")
        recording.record(EventKind.LOOKED, what="/patients/P1043/")
        assert spool.exists()
        assert AuditEvent.objects.latest("pk").pk == before
    finally:
        other.execute("ROLLBACK")
        other.close()
    with spool.open("a") as file:
        file.write('["half a li')  # the power failed
    recording.record(EventKind.LOOKED, what="/patients/P1044/")
    assert not spool.exists()
    found = list(
        AuditEvent.objects.filter(pk__gt=before).order_by("at").values_list("what", flat=True)
    )
    assert found == ["/patients/P1042/", "/patients/P1043/", "/patients/P1044/"]
    assert all(recording.is_genuine(event) for event in AuditEvent.objects.all())


def test_events_are_sealed_when_somebody_signs_in(monkeypatch: Any, ana: Any) -> None:
    monkeypatch.setattr(recording, "SETTLED", datetime.timedelta(0))
    recording.record(EventKind.LOOKED, what="/patients/P1042/")
    client = Client()
    client.force_login(ana)
    link = ChainLink.objects.latest("number")
    assert link.act == recording.LOOKS
    ids = {str(pk) for pk in AuditEvent.objects.values_list("pk", flat=True)}
    assert json.loads(link.rows)["billing_auditevent"].keys() == ids
    recording.seal_events()
    assert ChainLink.objects.latest("number") == link  # nothing is sealed twice


def kept(pk: int, *, minutes: int, what: str = "") -> AuditEvent:
    """An event as another process wrote it: with this number, so many minutes ago."""
    at = timezone.now() - datetime.timedelta(minutes=minutes)
    event = AuditEvent(pk=pk, at=at, kind=EventKind.LOOKED, what=what)
    event.mac = recording.mac_of(event, settings.AUDIT_KEY)
    event.save(force_insert=True)
    return event


@pytest.fixture
def nothing_waits() -> None:
    """The first roles were made a moment ago, which left events; they are sealed now."""
    with mock.patch.object(recording, "SETTLED", datetime.timedelta(0)):
        recording.seal_events()


def sealed() -> list[int]:
    rows = ChainLink.objects.filter(act__startswith=recording.LOOKS).order_by("number")
    tables = (
        json.loads(row).get("billing_auditevent", {}) for row in rows.values_list("rows", flat=True)
    )
    return [int(pk) for each in tables for pk in each]


def test_what_lay_in_the_file_overtakes_no_event_that_is_younger(nothing_waits: None) -> None:
    """From the file comes an event that is older, with a higher number."""
    kept(900_001, minutes=5)
    kept(900_002, minutes=0)
    kept(900_003, minutes=5, what="lay in the file")
    recording.seal_events()
    assert 900_001 in sealed()
    assert not {900_002, 900_003} & set(sealed())
    with mock.patch.object(timezone, "now", return_value=timezone.now() + recording.SETTLED * 2):
        recording.seal_events()
    assert sealed()[-3:] == [900_001, 900_002, 900_003]


def test_what_was_saved_after_its_neighbours_were_sealed_is_taken_in_by_the_check(
    nothing_waits: None,
) -> None:
    kept(900_003, minutes=5)
    recording.seal_events()
    kept(900_002, minutes=4, what="its transaction took long")
    recording.seal_events()
    assert 900_002 not in sealed()
    call_command("check_ledger", stdout=io.StringIO())
    assert sealed().count(900_002) == 1
    call_command("check_ledger", stdout=io.StringIO())
    assert sealed().count(900_002) == sealed().count(900_003) == 1


def test_an_event_of_next_year_holds_up_nothing(nothing_waits: None) -> None:
    kept(900_001, minutes=-525_600)
    kept(900_002, minutes=5)
    recording.seal_events()
    assert {900_001, 900_002} <= set(sealed())


def test_an_event_that_somebody_else_put_in_is_never_sealed(nothing_waits: None) -> None:
    event = AuditEvent(pk=900_001, at=timezone.now() - datetime.timedelta(minutes=5), mac="forged")
    event.save(force_insert=True)
    kept(900_002, minutes=5)
    recording.seal_events()
    recording.seal_late_events()
    assert 900_001 not in sealed()
    assert any("audit event 900001" in each for each in Replay().findings())


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_does_not_empty_the_file() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets everybody write")
    spool = recording._spool()
    assert spool
    event = AuditEvent(kind=EventKind.LOOKED, what="/patients/P1042/")
    event.mac = recording.mac_of(event, settings.AUDIT_KEY)
    spool.write_text('["half a li')  # the disk was full, and is no more
    recording._put_aside(recording._row(event))
    with transaction.atomic():
        recording.record(EventKind.LOOKED, what="/patients/P1043/")
        transaction.set_rollback(True)
    assert spool.exists()
    recording.record(EventKind.LOOKED, what="/patients/P1044/")
    assert not spool.exists()
    assert {what for _kind, _chart, what in events(kind="looked")} == {
        "/patients/P1042/",
        "/patients/P1044/",
    }


# ---------------------------------------------------------------------------- the report


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
