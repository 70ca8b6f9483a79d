"""The site as somebody of each role finds it: its addresses and its forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

from config.roles import ACCOUNTANT, ADMINISTRATOR, BILLER, FRONT_DESK, ROLES
from patients.models import Coverage, Session
from tests.factories import UserFactory
from tests.house.test_access import Offers
from tests.screens.page_forms import PageForm, forms_of
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.screens.test_every_screen import filled

PASSWORD = "a quiet harbour"
NO_ROLE, NOT_SIGNED_IN = "nobody's role", "not signed in"
WHO = (FRONT_DESK, BILLER, ACCOUNTANT, ADMINISTRATOR, NO_ROLE, NOT_SIGNED_IN)


@dataclass
class Form:
    """A form of a page: where it leads, and what it would send if it were filled well."""

    to: str
    form: PageForm
    good: dict[str, list[str]]


class Site:
    """The small clinic, somebody of each role signed in, and all they can click on."""

    def __init__(self) -> None:
        self.clinic: SmallClinic = small_clinic()
        self.clients = {who: _signed_in(who) for who in WHO}
        self.strict = {who: _signed_in(who, enforce_csrf_checks=True) for who in WHO}
        self.paths: dict[str, list[str]] = {}
        self.forms: dict[str, list[Form]] = {}
        for who in WHO:
            self.paths[who], self.forms[who] = _crawled(self.clients[who], self.clinic)
        assert len(self.forms[BILLER]) > 50, "signed in, or there is nothing to send"
        everywhere = [path for who in WHO for path in self.paths[who]]
        self.every_path = list(dict.fromkeys(everywhere))
        kinds = {_kind(form): form for who in WHO for form in self.forms[who]}
        self.every_form = list(kinds.values())
        theirs = self.clinic.stranger
        lines = [self.clinic.strangers_line.pk]
        sessions = Session.objects.filter(patient=theirs).values_list("pk", flat=True)
        coverages = Coverage.objects.filter(patient=theirs).values_list("pk", flat=True)
        self.strangers = [
            theirs.chart_number,
            str(self.clinic.strangers_receipt.number),
            *(str(pk) for pk in (theirs.pk, *lines, *sessions, *coverages)),
        ]


def _signed_in(who: str, **more: Any) -> Client:
    client = Client(raise_request_exception=False, **more)
    if who == NOT_SIGNED_IN:
        return client
    name = f"zq-{WHO.index(who)}"
    user = UserFactory(
        username=name,
        roles=[who] if who in ROLES else [],
        is_staff=who == ADMINISTRATOR,
    )
    if not user.check_password(PASSWORD):  # a second time would end the first sign-in
        user.set_password(PASSWORD)
        user.save()
    sheet = Client(raise_request_exception=False)
    answer = sheet.post("/accounts/login/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302, "signed in as everybody does"
    client.cookies = sheet.cookies
    client.get("/help/keys/")  # for its CSRF cookie
    return client


def _crawled(client: Client, clinic: SmallClinic) -> tuple[list[str], list[Form]]:
    """Every address a role's pages lead to, and every form on them; three things of each kind."""
    seen: dict[str, list[str]] = {}
    forms: dict[Any, Form] = {}
    waiting = ["/", "/admin/", "/accounts/login/", *(url for _name, url in clinic.one_of_each())]
    while waiting:
        address = urlsplit(waiting.pop(0))
        path = address.path
        try:
            name = resolve(path).view_name
        except Resolver404:
            continue
        of_kind = seen.setdefault(name, [])
        if path in of_kind or len(of_kind) >= 3:
            continue
        of_kind.append(path)
        if "logout" in path:
            continue
        page = client.get(path + (f"?{address.query}" if address.query else ""))
        html = b"".join(page) if page.streaming else page.content
        if "text/html" not in page.headers.get("Content-Type", ""):
            continue
        text = html.decode()
        waiting += [
            href if href.startswith("/") else path + href
            for how, href in Offers(text).found
            if how == "look" and href.startswith(("/", "?"))
        ]
        for each in forms_of(text):
            found = Form((urlsplit(each.action).path or path), each, filled(each))
            forms.setdefault(_kind(found), found)
    return [path for paths in seen.values() for path in paths], list(forms.values())


def _kind(form: Form) -> Any:
    """What makes two forms the same one, of different things."""
    names = {re.sub(r"\d+", "#", name) for name in form.good}
    return re.sub(r"\d+", "#", form.to), form.form.method, tuple(sorted(names))
