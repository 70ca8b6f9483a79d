"""Nobody's name gets out of the pages: into addresses, logs, cookies, caches, names of files.

Fifty marks stand in the small clinic, in names, addresses, notes and references. Everything is
opened and much of it broken, and then the marks are looked for where they must not be.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock
from urllib.parse import unquote_plus

import pytest
from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.cache import caches
from django.db import IntegrityError, connection, models
from django.test import Client

from billing import guards
from config.logs import Json, WhoAsked, WithoutPersonalData
from patients.models import Patient
from tests.factories import PatientFactory, UserFactory
from tests.screens.small_clinic import SmallClinic, small_clinic

pytestmark = pytest.mark.django_db

MARK = re.compile(r"Zoq\d+x", re.IGNORECASE)
# What says who somebody is, or what was said about them.
PERSONAL = re.compile(
    r"family_name|given_name|phone|email|address_line|city|note|reason|reference|member_id"
    r"|group_number|patient|corrected|diagnoses|description|payer_name|name"
)
NOT_PERSONAL = re.compile(r"username|codename|patient_id|first_name")


def mark_everything() -> int:
    """A mark of its own in every personal text; returns how many that are."""
    marks = 0
    guards.drop(connection)
    try:
        for model in apps.get_models():
            if model._meta.app_label not in ("billing", "patients"):
                continue
            if model.__name__ in ("Provider", "Payer", "Service", "Account", "Clinic"):
                continue  # the clinic's own, and nobody's secret
            for field in model._meta.local_fields:
                if not isinstance(field, (models.CharField, models.TextField)) or field.choices:
                    continue
                if not PERSONAL.search(field.name) or NOT_PERSONAL.search(field.name):
                    continue
                if (field.max_length or 200) < 10:  # a code
                    continue
                for row in model._default_manager.all():
                    marks += 1
                    models.QuerySet(model).filter(pk=row.pk).update(**{field.name: f"Zoq{marks}x"})
    finally:
        guards.install(connection)
    Patient.objects.all().reindex()
    return marks


class Heard(logging.Handler):
    """Every line as production would write it, in both of its forms."""

    def __init__(self) -> None:
        super().__init__()
        line = WithoutPersonalData("{asctime} {levelname} {name}: {message}{who}", style="{")
        self.forms = (line, Json())
        self.addFilter(WhoAsked())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [form.format(record) for form in self.forms]


@contextlib.contextmanager
def listening() -> Iterator[Heard]:
    heard = Heard()
    loggers = [logging.getLogger(name) for name in ("", "django", "axes")]
    for logger in loggers:
        logger.addHandler(heard)
    try:
        yield heard
    finally:
        for logger in loggers:
            logger.removeHandler(heard)


@pytest.fixture
def clinic() -> SmallClinic:
    clinic = small_clinic()
    assert mark_everything() >= 50
    for row in (clinic.smith, clinic.kim, clinic.stranger):
        row.refresh_from_db()
    return clinic


def addresses_in(answer: Any) -> list[str]:
    """Where a page leads and what it asks for, and where an answer sends the browser."""
    found = [answer.headers.get(name, "") for name in ("Location", "HX-Redirect", "HX-Push-Url")]
    if "text/html" in answer.headers.get("Content-Type", "") and not answer.streaming:
        html = answer.content.decode()
        found += re.findall(r'\b(?:href|src|action|formaction|hx-(?:get|post))="([^"]*)"', html)
        found += re.findall(r"<title>([^<]*)", html)
    return found


def test_marks_are_only_in_pages_and_files(clinic: SmallClinic, settings: Any) -> None:
    settings.SLOW_QUERY_MS = 0  # every statement is written into the log
    leaks: list[tuple[str, str]] = []
    pages = 0
    with listening() as heard:
        for _name, url in clinic.urls():
            for headers in ({}, {"hx-request": "true"}):
                answer = clinic.client.get(url, headers=headers)
                content = b"".join(answer) if answer.streaming else answer.content
                pages += bool(MARK.search(content.decode("utf-8", "replace")))
                told = {k: v for k, v in answer.headers.items() if MARK.search(unquote_plus(v))}
                leaks += [(url, f"{name}: {value}") for name, value in told.items()]
                leaks += [
                    (url, address)
                    for address in addresses_in(answer)
                    if MARK.search(unquote_plus(address)) and not _is_title(address)
                ]
            clinic.client.post(url, {"q": clinic.smith.family_name, "note": clinic.smith.note})
            leaks += [
                (url, f"cookie {name}")
                for name, cookie in clinic.client.cookies.items()
                if MARK.search(cookie.value)
            ]
    assert leaks == []
    assert pages > 100  # or there was nothing to leak
    assert [line for line in heard.lines if MARK.search(line)] == []
    said = {name: sum(name in line for line in heard.lines) for name in ("requests", "queries")}
    assert said["requests"] > 500
    assert said["queries"] > 5_000
    assert mail.outbox == []
    _nothing_in_the_cache()


def _is_title(text: str) -> bool:
    """A page is called after its patient, in the tab; the address is not."""
    return not text.startswith(("/", "?", "#", "http"))


def _nothing_in_the_cache() -> None:
    for name in caches.settings:  # both in memory here
        kept: Any = caches[name]._cache  # type: ignore[attr-defined]
        assert not [key for key, value in kept.items() if MARK.search(f"{key} {value!r}")]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Zoq1x is no amount"),
        IntegrityError("DETAIL: Failing row contains (7, Zoq1x, Zoq2x, 1980-05-17)"),
        KeyError("Zoq1x"),
    ],
)
def test_an_error_tells_the_log_where_and_not_whose(clinic: SmallClinic, error: Exception) -> None:
    url = f"/patients/{clinic.smith.chart_number}/edit/"
    form = {"family_name": "Zoq3x", "given_name": "Zoq4x", "birth_date": "1980-05-17"}
    with listening() as heard, mock.patch("patients.views.PatientForm", side_effect=error):
        answer = clinic.client.post(url, form)
    page = answer.content.decode()
    assert answer.status_code == 500
    assert not MARK.search(page)
    assert "Traceback" not in page
    said = "\n".join(heard.lines)
    assert not MARK.search(said)
    assert "patients/views.py" in said
    assert type(error).__name__ in said
    assert mail.outbox == []


def test_no_mail_of_errors_is_set_up() -> None:
    """Django would mail a request with all its fields to ADMINS."""
    assert settings.ADMINS == []
    handlers = {name: each["class"] for name, each in settings.LOGGING["handlers"].items()}
    assert handlers == {"stderr": "logging.StreamHandler"}
    assert logging.getLogger("django").handlers
    assert not [each for each in logging.getLogger("django").handlers if "Email" in str(each)]


def test_refusals_write_the_path_and_nothing_of_the_form(client: Client) -> None:
    patient = PatientFactory(family_name="Zoq1x", note="Zoq2x")
    client.force_login(UserFactory())
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(UserFactory())
    with listening() as heard:
        client.get("/nowhere/", {"q": "Zoq1x"})
        client.get("/patients/", {"q": "Zoq1x\0"})
        client.post(f"/patients/{patient.chart_number}/", {"note": "Zoq2x"})
        strict.post(f"/patients/{patient.chart_number}/edit/", {"family_name": "Zoq1x"})
        client.get("/admin/", {"q": "Zoq1x"})
        client.get("/", headers={"host": "Zoq1x.example"})
    said = "\n".join(heard.lines)
    assert f"/patients/{patient.chart_number}/" in said
    assert [line for line in heard.lines if MARK.search(line) and "Zoq1x.example" not in line] == []


def test_what_is_kept_of_sign_ins_holds_no_password_and_no_search(client: Client) -> None:
    user = UserFactory(username="ana")
    user.set_password("a quiet harbour")
    user.save()
    login = "/accounts/login/?next=/patients/%3Fq%3DZoq1x"
    with listening() as heard:
        client.post(login, {"login": "ana", "password": "Zoq2x"})
        client.post(login, {"login": "ana", "password": "a quiet harbour"})
    kept = [*AccessAttempt.objects.values_list(), *AccessLog.objects.values_list()]
    assert kept
    assert not MARK.search(str(kept))
    assert not MARK.search("\n".join(heard.lines))


def test_messages_are_sealed_in_their_cookie(client: Client) -> None:
    """Django's own storage would put "Registered Smith, John" readable into the browser."""
    client.force_login(UserFactory())
    form = {"family_name": "Zoq1x", "given_name": "Zoq2x", "birth_date": "1980-05-17"}
    answer = client.post("/patients/new/", form)
    assert answer.status_code == 302
    cookie = client.cookies["messages"]
    assert cookie.value.startswith("gAAAA")  # Fernet
    assert not MARK.search(str(base64.urlsafe_b64decode(cookie.value)))
    assert cookie["httponly"]
    assert "Registered Zoq1x" in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize("cookie", ["x", "gAAAAAB", "[1]", "Zoq1x" * 700])
def test_a_made_up_cookie_of_messages_says_nothing(client: Client, cookie: str) -> None:
    client.force_login(UserFactory())
    client.cookies["messages"] = cookie
    answer = client.get("/patients/")
    assert answer.status_code == 200
    assert not MARK.search(answer.content.decode())


def test_the_control_a_mark_is_found() -> None:
    with listening() as heard:
        logging.getLogger("patients").warning("Registered %s", "Zoq7x")
    assert MARK.search("\n".join(heard.lines))
