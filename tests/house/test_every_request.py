"""What config/ promises about every request, whoever wrote the view."""

import errno
import logging
import sqlite3
import sys
from typing import Any
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import (
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
)
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config import out_of_reach
from config.logs import WithoutPersonalData
from config.middleware import DatabaseAway, StrictFormEncoding
from config.views import server_error
from tests.screens.page_forms import forms_of

FORM = "application/x-www-form-urlencoded"


# --- Forms that cannot be read -------------------------------------------------------------------


def send(**request: Any) -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.POST.get("name", ""))

    return StrictFormEncoding(view)(RequestFactory().generic("POST", "/", **request))


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        (f"{FORM}; charset=utf-16", b"name=x"),
        (f"{FORM}; charset=iso-8859-1", b"name=x"),
        (f"{FORM}; charset=nonsense", b"name=x"),
        (FORM, b"name=M\xfcller"),
        (FORM, b"name=M%FCller"),
        (FORM, b"&".join(b"f%d=" % number for number in range(6_000))),
        ("multipart/form-data; boundary=b; charset=utf-16", b"--b--"),
        ("multipart/form-data", b"no boundary"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nM\xfcller\r\n--b--\r\n',
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_a_plain_400(content_type: str, data: bytes) -> None:
    response = send(content_type=content_type, data=data)
    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=UTF8", "; charset=us-ascii"])
def test_utf8_forms_pass(charset: str) -> None:
    response = send(content_type=FORM + charset, data=b"name=M%C3%BCller")
    assert response.content.decode() == "Müller"


def test_an_address_with_nul_is_a_plain_400(client: Client) -> None:
    assert client.get("/healthz", query_params={"q": "a\0b"}).status_code == 400


# --- The database is away ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["database is locked", "connection refused"])
def test_a_database_that_is_away_is_a_503(text: str) -> None:
    response = DatabaseAway(mock.Mock()).process_exception(
        RequestFactory().get("/"), OperationalError(text)
    )
    assert response is not None
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert b"Please try again in a few seconds" in response.content


def test_our_own_mistakes_in_sql_are_not_hidden_as_503() -> None:
    error = OperationalError("no such column: nonsense")
    assert DatabaseAway(mock.Mock()).process_exception(RequestFactory().get("/"), error) is None


def sql_error(kind: type[Exception], text: str = "", code: str = "") -> Exception:
    """As Django raises it, with PostgreSQL's own error behind it."""
    error, behind = kind(text), Exception()
    behind.sqlstate = code  # type: ignore[attr-defined]
    error.__cause__ = behind
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (sql_error(OperationalError, code="08006"), out_of_reach.AWAY),
        (sql_error(OperationalError, code="53100"), out_of_reach.FULL),
        (sql_error(OperationalError, code="55P03"), out_of_reach.BUSY),
        (sql_error(OperationalError, code="57014"), out_of_reach.BUSY),
        (sql_error(OperationalError, code="40P01"), out_of_reach.BUSY),
        (sql_error(InternalError, code="25006"), out_of_reach.READ_ONLY),
        (InterfaceError("connection already closed"), out_of_reach.AWAY),
        (OperationalError("database or disk is full"), out_of_reach.FULL),
        (OSError(errno.ENOSPC, "No space left on device"), out_of_reach.FULL),
        (OSError(errno.EROFS, "Read-only file system"), out_of_reach.READ_ONLY),
        (OSError(errno.ENOENT, "No such file"), ""),
        (OperationalError("attempt to write a readonly database"), out_of_reach.READ_ONLY),
        (OperationalError("database is locked"), out_of_reach.BUSY),
        (sql_error(InternalError, code="25P02"), ""),
        (IntegrityError("CHECK constraint failed"), ""),
        (OperationalError('near "SELEC": syntax error'), ""),
        (OperationalError("too many SQL variables"), ""),
        (OperationalError("FATAL: sorry, too many clients already"), out_of_reach.AWAY),
        (OperationalError("connection failed: FATAL: no such database"), out_of_reach.AWAY),
        (ValueError("connection"), ""),
        (None, ""),
    ],
)
def test_why_the_database_does_not_answer(error: Exception | None, why: str) -> None:
    assert out_of_reach.why_out_of_reach(error) == why


def told_to_try_again(data: dict[str, Any], **headers: str) -> str:
    request = RequestFactory(headers=headers).post("/payments/", data)
    return out_of_reach.out_of_reach(request, out_of_reach.AWAY).content.decode()


def test_what_was_sent_comes_back_to_be_sent_again() -> None:
    page = told_to_try_again(
        {"key": "a1", "lines": ["3", "4"], "note": '"><script>', "action": "save"}
    )
    [form] = forms_of(page)
    assert form.sent == {
        "key": ["a1"],
        "lines": ["3", "4"],
        "note": ['"><script>'],
        "action": ["save"],
    }
    assert "<script>" not in page
    assert "posted once" in page


@pytest.mark.parametrize("data", [{"note": "no key"}, {"key": "a1", "password": "secret"}])
def test_what_may_not_be_sent_again_does_not_come_back(data: dict[str, str]) -> None:
    page = told_to_try_again(data)
    assert forms_of(page) == []
    assert "secret" not in page
    assert "look whether it is there" in page


def test_a_file_has_to_be_chosen_again() -> None:
    file = SimpleUploadedFile("answer.835", b"ISA*")
    assert forms_of(told_to_try_again({"key": "a1", "file": file})) == []


def test_htmx_gets_the_sentence_alone() -> None:
    assert told_to_try_again({"key": "a1"}, **{"HX-Request": "true"}) == out_of_reach.AWAY


@pytest.mark.django_db
def test_also_outside_a_view(client: Client) -> None:
    """Reading the session fails before any view runs."""
    client.raise_request_exception = False
    client.cookies["sessionid"] = "x" * 32
    with mock.patch(
        "django.contrib.sessions.backends.db.SessionStore.load",
        side_effect=OperationalError("gone"),
    ):
        assert client.get("/accounts/password/change/").status_code == 503


def test_other_errors_stay_500() -> None:
    try:
        raise ValueError
    except ValueError:
        assert server_error(RequestFactory().get("/")).status_code == 500


# --- Doors ---------------------------------------------------------------------------------------


def test_healthz_needs_no_log_in_and_no_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


def test_favicon_is_there(client: Client) -> None:
    assert client.get("/favicon.ico").status_code == 200


@pytest.mark.django_db
def test_admins_log_in_where_everybody_does(client: Client) -> None:
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert response.status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "way", ["signup", "email", "password/reset", "password/set", "confirm-email"]
)
def test_nobody_signs_up(client: Client, way: str) -> None:
    assert client.get(f"/accounts/{way}/").status_code == 404


@pytest.mark.django_db
def test_log_in_by_name_and_password(client: Client, django_user_model: Any) -> None:
    django_user_model.objects.create_user("frontdesk", password="remit-demo")
    credentials = {"login": "frontdesk", "password": "wrong"}
    assert client.post("/accounts/login/", credentials).status_code == 200
    credentials["password"] = "remit-demo"
    response = client.post("/accounts/login/", credentials)
    assert (response.status_code, response["Location"]) == (302, "/")


@pytest.mark.django_db
def test_pages_are_strict_and_in_no_cache(client: Client) -> None:
    headers = client.get("/accounts/login/").headers
    assert "no-store" in headers["Cache-Control"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "script-src 'self';" in headers["Content-Security-Policy"] + ";"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


# --- Logs and database ---------------------------------------------------------------------------


def test_log_lines_leave_out_what_an_error_quotes() -> None:
    patient = "Smith" + ", John"
    try:
        try:
            int(patient)
        except ValueError as error:
            raise RuntimeError(patient) from error
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "Failed", None, sys.exc_info())
    text = WithoutPersonalData().format(record)
    assert patient not in text
    assert "builtins.ValueError" in text
    assert "builtins.RuntimeError" in text


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
def test_sqlite_as_we_want_it() -> None:
    with connection.cursor() as cursor:
        pragmas = {
            name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "recursive_triggers", "foreign_keys")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "recursive_triggers": 1,
        "foreign_keys": 1,
    }
    limit = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
    assert connection.features.max_query_params == limit
