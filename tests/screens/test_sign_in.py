"""Signing in: lock-out, the second factor, how long it lasts, and what is left afterwards."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.demo.cast import PASSWORD as DEMO_PASSWORD
from config.checks import no_public_passwords
from config.models import SignIn
from config.roles import ADMINISTRATOR
from tests.factories import PatientFactory, UserFactory
from tests.screens.bad_input import writes
from tests.support.codes import code_of_app

pytestmark = pytest.mark.django_db

PASSWORD = "a quiet harbour"
LOGIN = "/accounts/login/"
SET_UP = "/accounts/second-factor/app/"
PASSKEYS = "/accounts/second-factor/passkeys/"
CODES = "/accounts/second-factor/recovery-codes/"


@pytest.fixture
def ana() -> User:
    return with_password("ana")


def with_password(name: str, **more: Any) -> User:
    user: User = UserFactory(username=name, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, name: str = "ana", password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOGIN, {"login": name, "password": password, **more})


def set_up(client: Client) -> str:
    """Turn two-step sign-in on; the answer is the secret that the app keeps."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret: str = client.get(SET_UP).context["form"].secret
    assert client.post(SET_UP, {"code": code_of_app(secret)}).status_code == 302
    return secret


def is_signed_in(client: Client) -> bool:
    return client.get("/patients/").status_code == 200


def later(**delta: float) -> Any:
    return time_machine.travel(timezone.now() + datetime.timedelta(**delta), tick=False)


# ---------------------------------------------------------------------------- lock-out


def test_the_fifth_wrong_password_locks_the_name(client: Client, ana: User) -> None:
    for _ in range(4):
        assert sign_in(client, password="wrong").status_code == 200
    answer = sign_in(client, password="wrong")
    assert answer.status_code == 429
    assert "your administrator can unlock you sooner" in answer.content.decode()
    assert sign_in(client).status_code == 429
    assert not is_signed_in(client)


def test_nobody_else_is_locked_out(client: Client, ana: User) -> None:
    with_password("ben")
    for _ in range(5):
        sign_in(client, password="wrong")
    assert sign_in(client, "ben").status_code == 302


def test_a_right_password_begins_the_count_anew(client: Client, ana: User) -> None:
    for _ in range(4):
        sign_in(client, password="wrong")
    sign_in(client)
    assert not AccessAttempt.objects.exists()


def test_after_a_quarter_of_an_hour_the_name_opens_by_itself(client: Client, ana: User) -> None:
    for _ in range(6):
        sign_in(client, password="wrong")
    with later(minutes=16):
        assert sign_in(client).status_code == 302


def test_an_administrator_sees_and_unlocks(client: Client, ana: User, admin_client: Any) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")
    page = admin_client.get("/admin/axes/accessattempt/?locked=yes").content.decode()
    assert "ana" in page
    attempt = AccessAttempt.objects.get()
    assert "wrong" not in attempt.post_data + attempt.get_data  # it is nearly the right one
    answer = admin_client.post(
        "/admin/axes/accessattempt/",
        {"action": "unlock", "_selected_action": [AccessAttempt.objects.get().pk]},
        follow=True,
    )
    assert "Unlocked: ana." in answer.content.decode()
    assert sign_in(client).status_code == 302


@pytest.mark.parametrize("name", ["", "\0", "x" * 5_000, "ａｎａ", "<b>ana</b>", "ana\n"])
def test_odd_names_are_refused(client: Client, ana: User, name: str) -> None:
    answer = sign_in(client, name, "wrong")
    assert answer.status_code == 200
    assert "<b>ana" not in answer.content.decode()
    for _ in range(5):
        sign_in(client, name, "wrong")


def test_sign_ins_are_on_record(client: Client, ana: User, admin_client: Any) -> None:
    sign_in(client)
    client.post("/accounts/logout/")
    log = AccessLog.objects.get(username="ana")
    assert log.logout_time is not None
    assert "ana" in admin_client.get("/admin/axes/accesslog/").content.decode()


def test_the_administration_has_no_way_in_of_its_own(client: Client, ana: User) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert (answer.status_code, answer["Location"]) == (302, LOGIN + "?next=/admin/")


@pytest.mark.parametrize("name", ["signup", "password/reset", "email", "confirm-email"])
def test_nobody_signs_up(client: Client, name: str) -> None:
    assert client.get(f"/accounts/{name}/").status_code == 404


# ---------------------------------------------------------------------------- second factor


def test_with_two_steps_the_password_alone_opens_nothing(client: Client, ana: User) -> None:
    sign_in(client)
    secret = set_up(client)
    other = Client()
    answer = sign_in(other, next="/patients/")
    assert answer["Location"].startswith("/accounts/second-factor/code/")
    assert not is_signed_in(other)
    answer = other.post("/accounts/second-factor/code/", {"code": "000000"})
    assert "Incorrect code." in answer.content.decode()
    assert not is_signed_in(other)
    code = code_of_app(secret, steps_later=1)
    answer = other.post("/accounts/second-factor/code/", {"code": code})
    assert answer["Location"] == "/patients/"
    assert is_signed_in(other)


def test_a_code_is_good_once(client: Client, ana: User) -> None:
    sign_in(client)
    secret = set_up(client)
    code = code_of_app(secret, steps_later=1)
    statuses = []
    for _ in range(2):
        other = Client()
        sign_in(other)
        statuses.append(other.post("/accounts/second-factor/code/", {"code": code}).status_code)
    assert statuses == [302, 200]


def test_a_recovery_code_is_good_once(client: Client, ana: User) -> None:
    sign_in(client)
    set_up(client)
    page = client.get(CODES)
    code = page.context["unused_codes"][0]
    assert code in page.content.decode()
    for status in (302, 200):
        other = Client()
        sign_in(other)
        answer = other.post("/accounts/second-factor/code/", {"code": code})
        assert answer.status_code == status
    assert "9 codes left" in client.get("/accounts/second-factor/").content.decode()


def test_guessing_codes_is_stopped(client: Client, ana: User) -> None:
    sign_in(client)
    secret = set_up(client)
    other = Client()
    sign_in(other)
    for guess in range(12):
        other.post("/accounts/second-factor/code/", {"code": f"{guess:06}"})
    other.post("/accounts/second-factor/code/", {"code": code_of_app(secret, steps_later=1)})
    assert not is_signed_in(other)


@pytest.mark.parametrize("code", ["", "\0", "x" * 5_000, "１２３４５６", "<b>1"])
def test_odd_codes_are_refused_and_change_nothing(client: Client, ana: User, code: str) -> None:
    sign_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get(SET_UP)
    answer = client.post(SET_UP, {"code": code})
    assert answer.status_code == 200
    assert "<b>1" not in answer.content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("credential", ["", "\0", "x", "{}", '{"id": "<b>1"}', "[" * 5_000])
def test_broken_passkeys_are_refused(client: Client, ana: User, credential: str) -> None:
    sign_in(client)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get(PASSKEYS + "new/")
    answer = client.post(PASSKEYS + "new/", {"name": "Desk", "credential": credential})
    assert answer.status_code == 200
    assert not Authenticator.objects.exists()
    set_up(client)
    other = Client()
    sign_in(other)
    answer = other.post("/accounts/second-factor/code/", {"credential": credential})
    assert answer.status_code == 200
    assert not is_signed_in(other)


def test_a_passkey_is_renamed_and_removed_by_its_owner(client: Client, ana: User) -> None:
    with_password("ben")
    key = Authenticator.objects.create(user=ana, type="webauthn", data={"name": "Desk"})
    other = Client()
    sign_in(other, "ben")
    other.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert other.post(f"{PASSKEYS}{key.pk}/remove/").status_code == 404
    client.force_login(ana)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post(f"{PASSKEYS}{key.pk}/", {"name": "<b>Window"})
    assert "&lt;b&gt;Window" in client.get(PASSKEYS).content.decode()
    assert client.get(f"{PASSKEYS}{key.pk}/remove/").status_code == 200
    client.post(f"{PASSKEYS}{key.pk}/remove/")
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("url", [SET_UP, SET_UP + "remove/", CODES + "new/", CODES])
def test_who_has_left_the_desk_open_is_asked_again(client: Client, ana: User, url: str) -> None:
    """Nobody who finds a signed-in desk changes or copies how its owner signs in."""
    sign_in(client)
    set_up(client)
    if url == SET_UP:
        Authenticator.objects.all().delete()
    with later(minutes=10):
        answer = client.get(url)
        if answer.status_code == 302:
            assert "/reauthenticate/" in answer["Location"] or "/confirm/" in answer["Location"]
        else:
            assert "****" not in answer.content.decode()
            assert answer.context["can_view_codes"] is False
        client.post(url)
    assert Authenticator.objects.exists() or url == SET_UP


def test_confirming_offers_every_other_way(client: Client, ana: User) -> None:
    sign_in(client)
    set_up(client)
    page = client.get("/accounts/reauthenticate/").content.decode()
    assert "Use authenticator app or code" in page
    page = client.get("/accounts/second-factor/confirm/").content.decode()
    assert "Use your password" in page


def test_secrets_are_not_in_the_database(client: Client, ana: User) -> None:
    sign_in(client)
    secret = set_up(client)
    kept = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept


def test_an_administrator_takes_a_lost_phone_away(
    client: Client, ana: User, admin_client: Any
) -> None:
    sign_in(client)
    secret = set_up(client)
    row = Authenticator.objects.get(type="totp")
    page = admin_client.get(f"/admin/mfa/authenticator/{row.pk}/change/").content.decode()
    assert secret not in page
    assert row.data["secret"] not in page
    rows = list(Authenticator.objects.values_list("pk", flat=True))
    admin_client.post(
        "/admin/mfa/authenticator/",
        {"action": "delete_selected", "_selected_action": rows, "post": "yes"},
    )
    assert sign_in(Client())["Location"] == "/"


# ---------------------------------------------------------------------------- who has to have one


@pytest.mark.django_db(transaction=True)  # that it was set up is noted on commit
def test_where_everybody_needs_one_nothing_opens_before(
    client: Client, ana: User, settings: Any
) -> None:
    settings.SECOND_FACTOR_FOR = "everybody"
    sign_in(client)
    for url in ("/", "/patients/", "/admin/", "/accounts/password/change/", "/reports/"):
        answer = client.get(url)
        assert (answer.status_code, answer["Location"]) == (302, SET_UP), url
    assert client.post("/patients/new/", {"family_name": "Smith"})["Location"] == SET_UP
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get(SET_UP).content.decode()
    assert "nothing else opens before" in page
    assert 'aria-label="Main"' not in page
    set_up(client)
    assert is_signed_in(client)


def test_administrators_alone(client: Client, ana: User, settings: Any) -> None:
    settings.SECOND_FACTOR_FOR = "administrators"
    with_password("omar", is_staff=True)
    sign_in(client)
    assert is_signed_in(client)
    other = Client()
    sign_in(other, "omar")
    assert other.get("/")["Location"] == SET_UP


def test_a_shown_factor_costs_no_query_for_each_page(
    client: Client, ana: User, settings: Any
) -> None:
    sign_in(client)
    secret = set_up(client)
    other = Client()
    sign_in(other)
    other.post("/accounts/second-factor/code/", {"code": code_of_app(secret, steps_later=1)})
    settings.SECOND_FACTOR_FOR = "everybody"
    with CaptureQueriesContext(connection) as captured:
        assert is_signed_in(other)
    assert not [query for query in captured if "mfa_authenticator" in query["sql"]]


# ---------------------------------------------------------------------------- how long it lasts


def test_it_ends_when_nobody_is_at_the_desk(client: Client, ana: User) -> None:
    sign_in(client)
    session = client.cookies["sessionid"].value
    with later(minutes=14, seconds=50):
        assert is_signed_in(client)
    with later(minutes=29, seconds=30):
        assert is_signed_in(client)
    with later(minutes=45):
        answer = client.get("/patients/?q=smith")
        assert answer["Location"] == LOGIN + "?next=%2Fpatients%2F%3Fq%3Dsmith"
        assert "because nobody was at the desk" in client.get(LOGIN).content.decode()
        assert not SignIn.objects.filter(pk=session).exists()


def test_it_ends_after_a_working_day_whoever_is_busy(client: Client, ana: User) -> None:
    sign_in(client)
    for minutes in range(10, 12 * 60, 10):
        with later(minutes=minutes):
            assert is_signed_in(client), minutes
    with later(hours=12, seconds=1):
        assert not is_signed_in(client)
        assert "at the end of the day" in client.get(LOGIN).content.decode()


def test_a_page_writes_nothing_more_often_than_once_a_minute(client: Client, ana: User) -> None:
    sign_in(client)
    for seconds, count in ((50, 0), (70, 1), (90, 0), (140, 1)):
        with later(seconds=seconds), CaptureQueriesContext(connection) as captured:
            client.get("/patients/")
        assert len(writes([query["sql"] for query in captured])) == count, seconds


def test_a_script_that_asks_on_its_own_keeps_nobody_signed_in(client: Client, ana: User) -> None:
    sign_in(client)
    with later(minutes=10):
        state = client.get("/accounts/session/", headers={"x-passive": "1"}).json()
        assert 295 <= state["left"] <= 300
    with later(minutes=16):
        assert not is_signed_in(client)


def test_somebody_who_types_says_so(client: Client, ana: User) -> None:
    sign_in(client)
    with later(minutes=10):
        state = client.post("/accounts/session/").json()
        assert (state["left"], state["user"]) == (900, str(ana.pk))
    with later(minutes=20):
        assert is_signed_in(client)


@pytest.mark.parametrize(
    ("headers", "way_back"),
    [
        ({"referer": "http://testserver/patients/P1042/edit/?a=1"}, "/patients/P1042/edit/?a=1"),
        ({"referer": "https://elsewhere.example/patients/"}, "/"),
        ({"referer": "//elsewhere.example"}, "/"),
        ({}, "/"),
        ({"hx-request": "true", "hx-current-url": "http://testserver/reports/"}, "/reports/"),
    ],
)
def test_a_form_that_came_too_late_leads_back_to_its_page(
    client: Client, ana: User, headers: dict[str, str], way_back: str
) -> None:
    PatientFactory(chart_number="P1042")
    sign_in(client)
    with later(minutes=20):
        answer = client.post("/patients/P1042/edit/", {"family_name": "X"}, headers=headers)
    assert answer.status_code == 302
    assert answer.wsgi_request.path == "/patients/P1042/edit/"
    assert parse_qs(urlsplit(answer["Location"]).query)["next"] == [way_back]


# ---------------------------------------------------------------------------- afterwards


def test_after_signing_out_the_browser_forgets(client: Client, ana: User) -> None:
    sign_in(client)
    page = client.get("/patients/")
    assert page["Cache-Control"] == "no-store, private"
    answer = client.post("/accounts/logout/")
    assert answer["Clear-Site-Data"] == '"cache"'
    assert not is_signed_in(client)


def test_signing_out_of_the_administration_is_the_same(admin_client: Client) -> None:
    answer = admin_client.post("/admin/logout/")
    assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    assert answer["Clear-Site-Data"] == '"cache"'
    assert not is_signed_in(admin_client)


def test_what_a_page_may_do_in_a_browser(client: Client, ana: User) -> None:
    sign_in(client)
    page = client.get("/patients/")
    assert page["X-Frame-Options"] == "DENY"
    assert page["Referrer-Policy"] == "same-origin"
    assert page["X-Content-Type-Options"] == "nosniff"
    assert page["Cross-Origin-Opener-Policy"] == "same-origin"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb"):
        assert f"{feature}=()" in page["Permissions-Policy"]
    policy = page["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


# ---------------------------------------------------------------------------- passwords


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "at least 12 characters"),
        ("123456789012345", "entirely numeric"),
        ("password1234", "too common"),
        ("ana.marialopez", "too similar"),
    ],
)
def test_weak_passwords_are_refused(client: Client, password: str, why: str) -> None:
    with_password("ana.marialopez")
    sign_in(client, "ana.marialopez")
    answer = client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": password, "password2": password},
    )
    assert answer.status_code == 200
    assert why in answer.content.decode()


def test_the_demos_password_on_a_server_is_an_error() -> None:
    user = UserFactory(username="biller")
    user.set_password("something else entirely")
    user.save()
    assert no_public_passwords(None) == []
    user.set_password(DEMO_PASSWORD)
    user.save()
    assert [error.id for error in no_public_passwords(None)] == ["remit.E001"]


def test_the_first_administrator_comes_by_createsuperuser(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, username="omar", email="", verbosity=0)
    assert sign_in(client, "omar")["Location"] == "/"
    assert client.get("/admin/").status_code == 200


# ---------------------------------------------------------------------------- side doors


def test_the_administrations_own_page_signs_nobody_in(
    client: Client, settings: Any, ana: User
) -> None:
    """Signed in as somebody of the office, one typed a superuser's name and password there."""
    settings.SECOND_FACTOR_FOR = "everybody"
    boss = UserFactory(username="boss", is_staff=True, is_superuser=True)
    boss.set_password(PASSWORD)
    boss.save()
    ana.is_staff = True
    ana.save()
    client.force_login(ana)
    answer = client.post("/admin/login/", {"username": "boss", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(ana.pk)
    assert (
        Client()
        .post("/admin/login/", {"username": "boss", "password": PASSWORD})["Location"]
        .startswith(LOGIN)
    )
    assert Client().get("/admin/login/?next=//evil.example")["Location"] == f"{LOGIN}?next=/admin/"


def test_who_has_a_second_factor_and_did_not_show_it_starts_again(
    client: Client, settings: Any, ana: User
) -> None:
    settings.SECOND_FACTOR_FOR = "everybody"
    TOTP.activate(ana, "JBSWY3DPEHPK3PXP")
    client.force_login(ana)
    answer = client.get("/patients/")
    assert answer["Location"] == f"{LOGIN}?next=/patients/"
    assert "_auth_user_id" not in client.session


def test_second_factors_of_superusers_are_not_the_offices(client: Client, ana: User) -> None:
    boss = UserFactory(username="boss", is_staff=True, is_superuser=True)
    TOTP.activate(boss, "JBSWY3DPEHPK3PXP")
    factor = Authenticator.objects.get(user=boss)
    office = UserFactory(username="office", is_staff=True, roles=[ADMINISTRATOR])
    client.force_login(office)
    page = f"/admin/mfa/authenticator/{factor.pk}/delete/"
    assert client.post(page, {"post": "yes"}).status_code == 302
    client.post(
        "/admin/mfa/authenticator/",
        {"action": "delete_selected", "_selected_action": [factor.pk], "post": "yes"},
    )
    assert Authenticator.objects.filter(pk=factor.pk).exists()
    client.force_login(boss)
    client.post(page, {"post": "yes"})
    assert not Authenticator.objects.filter(pk=factor.pk).exists()
