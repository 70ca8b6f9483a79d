"""What the trail keeps of people: signing in, being refused, rights, passwords, second factors."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from allauth.mfa.base.internal.flows import delete_and_cleanup
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.test import Client, RequestFactory
from django.utils import timezone
from simple_history.models import HistoricalRecords

from billing.models import AuditEvent
from tests.factories import UserFactory
from tests.screens.audit.trail import TRAIL, events
from tests.screens.lists import look

pytestmark = pytest.mark.django_db


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
