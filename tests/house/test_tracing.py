"""Every request has an id and one line, which says what it cost and nothing of anybody."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from config import tracing
from config.logs import Json, WhoAsked, WithoutSearches
from config.tracing import HEADER, Traced
from tests.factories import PatientFactory, UserFactory

pytestmark = pytest.mark.django_db

OURS = re.compile(r"[2-9a-z]{4}-[2-9a-z]{4}-[2-9a-z]{4}")


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What production would write, read back."""
    found: list[dict[str, Any]] = []

    class Kept(io.StringIO):
        def write(self, text: str) -> int:
            found.extend(json.loads(line) for line in text.splitlines() if line)
            return len(text)

    handler = logging.StreamHandler(Kept())
    handler.setFormatter(Json())
    handler.addFilter(WhoAsked())
    loggers = [logging.getLogger(name) for name in ("", "django")]
    for logger in loggers:
        logger.addHandler(handler)
    yield found
    for logger in loggers:
        logger.removeHandler(handler)


def of_requests(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["logger"] == "remit.requests"]


# ---------------------------------------------------------------------------- one line a request


def test_a_request_is_one_line(client: Client, lines: list[dict[str, Any]]) -> None:
    patient, user = PatientFactory(family_name="Zqname"), UserFactory()
    client.force_login(user)
    answer = client.get(f"/patients/{patient.chart_number}/", {"q": "Zqsearch"})
    [line] = of_requests(lines)
    assert (line["method"], line["view"], line["status"]) == ("GET", "patients:patient_detail", 200)
    assert (line["user"], line["address"]) == (user.pk, "127.0.0.1")
    assert line["request_id"] == answer[HEADER]
    assert OURS.fullmatch(answer[HEADER])
    assert line["queries"] > 0
    assert line["milliseconds"] >= line["query_milliseconds"] > 0
    assert line["message"].startswith("GET patients:patient_detail 200 in ")
    assert "Zq" not in json.dumps(line)
    assert patient.chart_number not in json.dumps(line)


def test_every_line_of_a_request_has_its_id(client: Client, lines: list[dict[str, Any]]) -> None:
    answer = client.get("/nowhere/")
    assert {line["logger"] for line in lines} == {"remit.requests", "django.request"}
    assert {line["request_id"] for line in lines} == {answer[HEADER]}


def test_what_machines_ask_and_files_are_no_lines(
    client: Client, lines: list[dict[str, Any]]
) -> None:
    for path in ("/healthz", "/favicon.ico", "/static/css/app.css"):
        answer: Any = client.get(path)
        b"".join(answer)
        assert HEADER in answer.headers
    assert of_requests(lines) == []


def test_an_unknown_method_is_not_quoted(client: Client, lines: list[dict[str, Any]]) -> None:
    client.generic("ZQNAME", "/patients/")
    assert "ZQNAME" not in json.dumps(of_requests(lines))


def test_a_file_is_counted_until_its_last_byte(lines: list[dict[str, Any]]) -> None:
    def rows() -> Iterator[bytes]:
        with connection.cursor() as cursor:
            for _ in range(3):
                cursor.execute("SELECT 1")
                yield b"x"

    answer: Any = Traced(lambda request: StreamingHttpResponse(rows()))(RequestFactory().get("/"))
    assert of_requests(lines) == []
    assert b"".join(answer.streaming_content) == b"xxx"
    [line] = of_requests(lines)
    assert line["queries"] == 3
    assert tracing.current() is None


def test_a_file_that_nobody_waits_for_is_counted_too(lines: list[dict[str, Any]]) -> None:
    answer: Any = Traced(lambda request: StreamingHttpResponse(iter([b"x"] * 9)))(
        RequestFactory().get("/")
    )
    next(iter(answer.streaming_content))
    for close in answer._resource_closers:
        close()
    assert len(of_requests(lines)) == 1


# ---------------------------------------------------------------------------- ids


@pytest.mark.parametrize("given", ["abcdefgh", "7f3a9c21-55aa-4b0e-9d3e-001122334455", "a" * 64])
def test_our_proxys_id_is_taken_over(client: Client, settings: Any, given: str) -> None:
    assert client.get("/healthz", headers={HEADER: given})[HEADER] != given
    settings.BEHIND_TLS_PROXY = True
    assert client.get("/healthz", headers={HEADER: given})[HEADER] == given


@pytest.mark.parametrize(
    "given",
    [
        "",
        "short",
        "a" * 65,
        "<script>alert(1)",
        "a b c d e f",
        "abcdefgh\r\nX: 1",
        "ａｂｃｄｅｆｇｈ",
    ],
)
def test_another_id_is_not(client: Client, settings: Any, given: str) -> None:
    settings.BEHIND_TLS_PROXY = True
    as_sent = given.encode().decode("latin-1")
    assert OURS.fullmatch(client.get("/healthz", headers={HEADER: as_sent})[HEADER])


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("broken"), 500), (OperationalError("connection refused"), 503)],
)
def test_who_sees_an_error_reads_the_id_of_its_line(
    client: Client, lines: list[dict[str, Any]], error: Exception, status: int
) -> None:
    client.raise_request_exception = False
    client.force_login(UserFactory())
    with mock.patch("billing.views.today.render", side_effect=error):
        answer = client.get("/")
    assert answer.status_code == status
    assert answer[HEADER] in answer.content.decode()
    [told] = [line for line in lines if "error" in line]
    assert told["request_id"] == answer[HEADER]
    assert "broken" not in json.dumps(told)
    [line] = of_requests(lines)
    assert (line["level"], line["status"]) == ("WARNING", status)


# ---------------------------------------------------------------------------- what is slow


def test_a_slow_query_is_told_as_it_is_worded(
    client: Client, lines: list[dict[str, Any]], settings: Any
) -> None:
    settings.SLOW_QUERY_MS = 0
    patient = PatientFactory(family_name="Zqname")
    client.force_login(UserFactory())
    client.get(f"/patients/{patient.chart_number}/")
    slow = [line for line in lines if line["logger"] == "remit.queries"]
    assert any("FROM" in line["sql"] and "%s" in line["sql"] for line in slow)
    assert {line["view"] for line in slow if line["view"]} == {"patients:patient_detail"}
    assert len({line["request_id"] for line in slow}) == 1
    assert patient.chart_number not in json.dumps(slow)
    assert "Zqname" not in json.dumps(slow)


def test_no_literal_of_a_statement_is_told() -> None:
    said = tracing.worded("SELECT *\n FROM x WHERE name = 'O''Zqname' AND id = %s")
    assert said == "SELECT * FROM x WHERE name = '…' AND id = %s"


def test_a_slow_request_is_a_warning(
    client: Client, lines: list[dict[str, Any]], settings: Any
) -> None:
    settings.SLOW_REQUEST_MS = 0
    client.get("/healthz")
    [line] = of_requests(lines)
    assert line["level"] == "WARNING"
    assert line["message"].endswith(", slow")


# ---------------------------------------------------------------------------- gunicorn's own lines


def test_gunicorn_quotes_neither_addresses_nor_errors() -> None:
    record = logging.LogRecord(
        "gunicorn.error", logging.ERROR, "", 0,
        "Error handling request %s", ("/patients/?q=Zqname",), None,
    )  # fmt: skip
    WithoutSearches().filter(record)
    assert record.getMessage() == "Error handling request /patients/?…"
    record.msg, record.args = ValueError("Zqname"), ()
    WithoutSearches().filter(record)
    assert record.getMessage() == "ValueError"


def test_outside_a_request_a_line_is_a_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "Done", None, None)
    assert WhoAsked().filter(record)
    line = json.loads(Json().format(record))
    assert line.keys() == {"time", "level", "logger", "message"}


def test_the_id_is_gone_with_its_request() -> None:
    seen = []

    def view(request: Any) -> HttpResponse:
        seen.append(tracing.reference())
        return HttpResponse()

    Traced(view)(RequestFactory().get("/"))
    assert OURS.fullmatch(seen[0])
    assert tracing.reference() == ""
