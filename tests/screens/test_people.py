"""People, roles and sign-ins in the administration: given, taken, ended, and what is refused."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone

from config.admin.people import PersonForm
from config.models import SignIn
from config.roles import RIGHTS
from tests.factories import PaymentFactory, UserFactory
from tests.screens.lists import look

pytestmark = pytest.mark.django_db

USERS = "/admin/auth/user/"
PASSWORD = "a quiet orchard"


def page_of(person: User, what: str = "change") -> str:
    return f"{USERS}{person.pk}/{what}/"


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def has_right(name: str) -> Permission:
    app, code = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=code)


@pytest.fixture
def boss() -> User:
    return UserFactory(username="boss", is_staff=True, is_superuser=True)


@pytest.fixture
def office() -> User:
    """An administrator who is no superuser: looks after people and roles."""
    person = UserFactory(username="office", is_staff=True, roles=[])
    role = Group.objects.create(name="Office")
    for name in ("add", "change", "delete", "view"):
        role.permissions.add(has_right(f"auth.{name}_user"), has_right(f"auth.{name}_group"))
    person.groups.add(role)
    return person


@pytest.fixture
def ana() -> User:
    return UserFactory(username="ana")


def saved(client: Client, person: User, **typed: Any) -> Any:
    usual = {"username": person.username, "is_active": "on"}
    return client.post(page_of(person), {**usual, **typed})


# --- Adding, and the password link ---------------------------------------------------------------


def link_for(client: Client, person: User) -> str:
    html = client.post(page_of(person, "password-link")).content.decode()
    found = re.search(r'value="http://testserver(/accounts/password/set/[^"]+)"', html)
    assert found, html
    return found[1]


def test_a_person_is_added_and_sets_a_password_of_their_own(boss: User) -> None:
    admin = signed_in(boss)
    role = Group.objects.get(name="Front desk")
    added = admin.post(f"{USERS}add/", {"username": "grace", "groups": [role.pk]})
    grace = User.objects.get(username="grace")
    assert added["Location"] == page_of(grace)
    assert list(grace.groups.all()) == [role]
    assert not grace.has_usable_password()
    page = look(admin, page_of(grace))
    assert "They cannot sign in before they have used their link." in page.words
    assert "make the link with which they set their password" in page.words

    link, hers = link_for(admin, grace), Client()
    form = hers.get(link)
    assert "/set-password/" in form["Location"]  # the secret is out of the address by now
    shown = hers.get(form["Location"]).content.decode()
    assert "Set your password" in shown
    weak = hers.post(
        form["Location"], {"new_password1": "grace", "new_password2": "grace"}
    ).content.decode()
    assert "too short" in weak
    good = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert hers.post(form["Location"], good)["Location"] == "/accounts/login/"
    grace.refresh_from_db()
    assert grace.check_password(PASSWORD)
    assert "_auth_user_id" not in hers.session

    again = Client().get(link, follow=True).content.decode()
    assert "This link has been used already, or it is too old." in again


def test_a_link_is_too_old_after_a_day(boss: User, ana: User, settings: Any) -> None:
    link = link_for(signed_in(boss), ana)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert "too old" in Client().get(link, follow=True).content.decode()


@pytest.mark.parametrize("link", ["MQ/x-y/", "!!/x/", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5/x/", "_w/x/"])
def test_a_made_up_link_is_no_error(link: str) -> None:
    assert "too old" in Client().get(f"/accounts/password/set/{link}").content.decode()


def test_looking_makes_no_link_and_signs_nobody_out(boss: User, ana: User) -> None:
    admin = signed_in(boss)
    for what in ("password-link", "sign-out"):
        assert admin.get(page_of(ana, what)).status_code == 403
        assert admin.post(f"{USERS}{'9' * 40}/{what}/").status_code == 404
        assert admin.post(f"{USERS}x/{what}/").status_code == 404


def test_nobody_types_another_ones_password(boss: User, ana: User) -> None:
    admin = signed_in(boss)
    assert admin.get(page_of(ana, "password")).status_code in (302, 404)
    saved(admin, ana, password="x", password1=PASSWORD, password2=PASSWORD)
    ana.refresh_from_db()
    assert not ana.check_password(PASSWORD)


def test_no_link_for_somebody_disabled(boss: User) -> None:
    gone = UserFactory(username="gone", is_active=False)
    answer = signed_in(boss).post(page_of(gone, "password-link"), follow=True)
    assert "“gone” is disabled. Make them active first." in answer.content.decode()


def test_somebody_without_a_role_is_added_with_a_word(boss: User) -> None:
    role = Group.objects.get(name="Front desk")
    for name, roles, warned in [("ben", [], True), ("eve", [role.pk], False)]:
        admin = signed_in(boss)
        admin.post(f"{USERS}add/", {"username": name, "groups": roles})
        page = look(admin, page_of(User.objects.get(username=name)))
        assert (f"“{name}” has no role yet: they can sign in, and nothing opens" in page.words) is (
            warned
        )


def test_two_names_that_read_alike_are_one_too_many(boss: User, ana: User) -> None:
    page = signed_in(boss).post(f"{USERS}add/", {"username": "ANA"}).content.decode()
    assert "Somebody has this user name already." in page


# --- Rights --------------------------------------------------------------------------------------


def test_nobody_changes_rights_of_their_own(boss: User, office: User) -> None:
    other = Group.objects.create(name="Other")
    for person in (boss, office):
        before = (person.is_active, person.is_staff, person.is_superuser)
        roles = list(person.groups.all())
        answer = saved(
            signed_in(person),
            person,
            first_name="New",
            is_active="",
            is_staff="",
            is_superuser="" if person.is_superuser else "on",
            groups=[other.pk],
            user_permissions=[has_right("auth.view_user").pk],
        )
        assert answer.status_code == 302
        person.refresh_from_db()
        assert person.first_name == "New"
        assert (person.is_active, person.is_staff, person.is_superuser) == before
        assert list(person.groups.all()) == roles
        assert not person.user_permissions.exists()


def test_a_lesser_administrator_makes_no_superuser_and_touches_none(
    boss: User, office: User, ana: User
) -> None:
    admin = signed_in(office)
    assert saved(admin, ana, is_staff="on", is_superuser="on").status_code == 302
    ana.refresh_from_db()
    assert (ana.is_staff, ana.is_superuser) == (True, False)
    assert saved(admin, boss, first_name="Mine").status_code == 403
    assert admin.post(page_of(boss, "password-link")).status_code == 403
    assert admin.post(page_of(boss, "sign-out")).status_code == 403
    assert admin.post(page_of(boss, "delete"), {"post": "yes"}).status_code == 403
    assert look(admin, page_of(boss)).response.status_code == 200


def test_nobody_changes_a_role_they_have(office: User) -> None:
    admin, role = signed_in(office), office.groups.get()
    more = {"name": "Office", "permissions": [has_right("billing.view_payment").pk]}
    assert admin.post(f"/admin/auth/group/{role.pk}/change/", more).status_code == 403
    assert admin.post(f"/admin/auth/group/{role.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "See users" in look(admin, f"/admin/auth/group/{role.pk}/change/").words
    other = Group.objects.create(name="Other")
    more["name"] = "Another"
    assert admin.post(f"/admin/auth/group/{other.pk}/change/", more).status_code == 302


def test_the_last_superuser_keeps_the_keys(boss: User) -> None:
    """On the page it is their own; here as when two take each other's rights at one moment."""
    typed = {"username": "boss", "is_active": True}
    form = PersonForm(typed, instance=User.objects.get(pk=boss.pk))
    assert "“boss” is the last active superuser" in str(form.errors)
    UserFactory(username="was", is_superuser=True, is_active=False)
    form = PersonForm({"username": "boss", "is_superuser": True}, instance=boss)
    assert "“boss” is the last active superuser" in str(form.errors)
    UserFactory(username="other", is_superuser=True)
    assert PersonForm(typed, instance=User.objects.get(pk=boss.pk)).errors == {}


def test_the_desk_has_no_pages_about_people(ana: User, boss: User) -> None:
    for url in (USERS, page_of(boss), "/admin/auth/group/"):
        assert signed_in(ana).get(url).status_code in (302, 403)
    for what in ("password-link", "sign-out"):
        assert signed_in(ana).post(page_of(boss, what)).status_code in (302, 403)


# --- Roles ---------------------------------------------------------------------------------------


def test_a_role_offers_what_means_something_in_words(boss: User) -> None:
    page = look(signed_in(boss), "/admin/auth/group/add/")
    for words in ("Close and reopen periods", "See payments", "Change services and fees"):
        assert words in page.words
    offered = set(re.findall(r'name="permissions" value="(\d+)"', page.html))
    for name in ("change_payment", "add_allocation", "delete_invoice", "add_fee", "delete_clinic"):
        assert str(has_right(f"billing.{name}").pk) not in offered
    assert str(has_right("billing.add_journalbatch").pk) in offered


def test_every_right_that_a_screen_asks_for_can_be_given(boss: User) -> None:
    form = signed_in(boss).get("/admin/auth/group/add/").context["adminform"].form
    offered = [pk for _heading, rights in form.fields["permissions"].choices for pk, _ in rights]
    assert len(offered) == len(set(offered))
    assert {has_right(name).pk for name in RIGHTS} <= set(offered)


def test_a_right_that_is_not_offered_is_not_given_and_one_held_is_not_lost(boss: User) -> None:
    role = Group.objects.create(name="Old")
    hidden, seen = has_right("billing.add_fee"), has_right("billing.view_payment")
    role.permissions.add(hidden)
    admin, page = signed_in(boss), f"/admin/auth/group/{role.pk}/change/"
    assert admin.post(page, {"name": "Old", "permissions": [seen.pk]}).status_code == 302
    assert set(role.permissions.all()) == {hidden, seen}
    forged = has_right("billing.change_payment")
    refused = admin.post(page, {"name": "Old", "permissions": [forged.pk]})
    assert refused.status_code == 200
    assert set(role.permissions.all()) == {hidden, seen}


# --- Signing out, disabling, deleting ------------------------------------------------------------


def test_a_sign_in_knows_whose_it_is(ana: User) -> None:
    client = signed_in(ana)
    assert SignIn.objects.get().user == ana
    client.post("/accounts/logout/")
    assert not SignIn.objects.filter(user=ana).exists()


def test_somebody_is_signed_out_everywhere(boss: User, ana: User) -> None:
    admin, desk, laptop = signed_in(boss), signed_in(ana), signed_in(ana)
    other = signed_in(UserFactory(username="tomas"))
    page = look(admin, page_of(ana)).words
    assert page.count(", last seen ") == 2
    assert SignIn.objects.filter(user=ana)[0].session_key not in look(admin, page_of(ana)).html
    answer = admin.post(page_of(ana, "sign-out"), follow=True)
    assert "Signed out everywhere: ana (2 sign-ins)." in answer.content.decode()
    for client in (desk, laptop):
        assert client.get("/patients/")["Location"].startswith("/accounts/login/")
    assert other.get("/patients/").status_code == 200
    assert admin.get("/patients/").status_code == 200


def test_several_people_are_signed_out_from_the_list(boss: User, office: User, ana: User) -> None:
    signed_in(ana), signed_in(boss)
    chosen = {"action": "sign_out", "_selected_action": [ana.pk, boss.pk]}
    answer = signed_in(office).post(USERS, chosen, follow=True).content.decode()
    assert "Superusers are signed out by superusers only." in answer
    assert not SignIn.objects.filter(user=ana).exists()
    assert SignIn.objects.filter(user=boss).count() == 1


def test_who_signs_themselves_out_keeps_this_browser(boss: User) -> None:
    admin, elsewhere = signed_in(boss), signed_in(boss)
    answer = admin.post(page_of(boss, "sign-out"), follow=True)
    assert "This browser stays signed in." in answer.content.decode()
    assert elsewhere.get("/patients/").status_code == 302
    assert admin.get("/patients/").status_code == 200


def test_disabling_somebody_ends_their_sign_ins(boss: User, ana: User) -> None:
    desk = signed_in(ana)
    saved(signed_in(boss), ana, is_active="")
    assert desk.get("/patients/").status_code == 302
    assert not SignIn.objects.filter(user=ana).exists()


def test_who_did_something_is_not_deleted_but_disabled(boss: User, ana: User) -> None:
    PaymentFactory(by=ana)
    for ask in ({}, {"post": "yes"}):
        answer = signed_in(boss).post(page_of(ana, "delete"), ask, follow=True)
        words = answer.content.decode()
        assert "“ana” has worked with Remit" in words
        assert "take the tick off Active" in words
    assert User.objects.filter(pk=ana.pk).exists()
    answer = signed_in(boss).post(page_of(boss, "delete"), {"post": "yes"}, follow=True)
    assert "You cannot delete yourself." in answer.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [ana.pk], "post": "yes"}
    signed_in(boss).post(USERS, chosen)
    assert User.objects.filter(pk=ana.pk).exists()


def test_who_did_nothing_can_be_deleted(boss: User, ana: User) -> None:
    signed_in(ana)
    assert signed_in(boss).post(page_of(ana, "delete"), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ana.pk).exists()


# --- The list ------------------------------------------------------------------------------------


def lock_out(name: str, *, ago: int = 0) -> None:
    attempt = AccessAttempt.objects.create(username=name, failures_since_start=5)
    moment = timezone.now() - datetime.timedelta(minutes=ago)
    AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=moment)


def names_in(page: Any) -> set[str]:
    return set(re.findall(r'field-username"><a href="[^"]*">([^<]+)</a>', page.html))


def test_the_list_tells_who_is_locked_out_signed_in_and_protected(boss: User, ana: User) -> None:
    locked, earlier, safe = (UserFactory(username=name) for name in ("lo", "ear", "safe"))
    UserFactory(username="gone", is_active=False)
    lock_out(locked.username)
    lock_out(earlier.username, ago=16)
    Authenticator.objects.create(user=safe, type="totp", data={"secret": "hush"})
    signed_in(ana)
    admin = signed_in(boss)
    page = look(admin, USERS)
    assert "Locked out" in page.words
    assert "Disabled" in page.words
    assert "hush" not in look(admin, page_of(safe)).html
    assert names_in(look(admin, USERS, {"locked": "yes"})) == {"lo"}
    assert "lo" not in names_in(look(admin, USERS, {"locked": "no"}))
    assert names_in(look(admin, USERS, {"second_factor": "yes"})) == {"safe"}
    assert names_in(look(admin, USERS, {"signed_in": "yes"})) == {"ana", "boss"}
    assert names_in(look(admin, USERS, {"q": "gon"})) == {"gone"}


def test_the_list_costs_the_same_however_many_people(boss: User) -> None:
    admin, counts = signed_in(boss), []
    role = Group.objects.create(name="Desk")
    for number in (1, 8, 30):
        for of in range(number):
            person = UserFactory(username=f"p{number}-{of}")
            person.groups.add(role)
            signed_in(person)
        counts.append(
            [len(look(admin, url).queries) for url in (USERS, "/admin/auth/group/", page_of(boss))]
        )
    assert counts[0] == counts[1] == counts[2]


# --- The first page ------------------------------------------------------------------------------


def test_the_first_page_lists_by_subject_what_somebody_may_see(boss: User, office: User) -> None:
    words = look(signed_in(boss), "/admin/").words
    for subject in ("Clinic", "People", "Patients, providers, payers", "Money", "Books and papers"):
        assert subject in words
    assert "Authentication and Authorization" not in words
    less = look(signed_in(office), "/admin/").words
    assert "Roles" in less
    assert "Payments" not in less


def test_a_page_of_one_app_opens(boss: User) -> None:
    for app in ("auth", "billing", "patients"):
        assert look(signed_in(boss), f"/admin/{app}/").response.status_code == 200


def test_signing_in_and_out_is_the_same_everywhere(boss: User) -> None:
    assert Client().get("/admin/login/")["Location"].startswith("/accounts/login/")
    out = signed_in(boss).post("/admin/logout/")
    assert out["Clear-Site-Data"] == '"cache"'


def test_ones_own_password_is_changed_on_one_page(boss: User) -> None:
    for answer in (
        signed_in(boss).get("/admin/password_change/"),
        signed_in(boss).post("/admin/password_change/", {"new_password1": PASSWORD}),
    ):
        assert answer["Location"] == "/accounts/password/change/"
