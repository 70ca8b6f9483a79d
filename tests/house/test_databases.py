"""Addresses of databases, and which of them a page is read from."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from billing import replica
from billing.models import Payment
from config import databases
from config.models import SignIn
from config.roles import ACCOUNTANT
from config.session_store import SessionStore
from patients.models import Patient
from tests.factories import PatientFactory, PaymentFactory, ProviderFactory, UserFactory

PLAIN = "postgresql://remit:p%40ss@db.clinic.example/remit"


def writable(url: str) -> dict[str, Any]:
    return databases.writable(
        url, pool_min=1, pool_max=8, behind_pgbouncer=False, lock_seconds=10, statement_seconds=0
    )


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        (PLAIN, "db.clinic.example", ""),
        ("postgresql://remit@db1:5432,db2:5433/remit", "db1,db2", "5432,5433"),
        ("postgresql://remit@db1,db2:5433/remit", "db1,db2", "5432,5433"),
        ("postgres://remit@%2Frun%2FPg-a,%2Frun%2Fb/remit", "/run/Pg-a,/run/b", ""),
        ("postgresql://remit@[::1]:5432,[::2]/remit", "::1,::2", "5432,5432"),
        ("postgresql:///remit", "", ""),
    ],
)
def test_an_address_names_one_server_or_several(url: str, host: str, port: str) -> None:
    database = writable(url)
    assert (database["HOST"], database["PORT"], database["NAME"]) == (host, port, "remit")
    only_primary = database["OPTIONS"].get("target_session_attrs") == "read-write"
    assert only_primary == ("," in host)


def test_the_rest_of_an_address_is_as_always() -> None:
    database = writable(PLAIN + "?sslmode=require&connect_timeout=9&target_session_attrs=any")
    assert (database["USER"], database["PASSWORD"]) == ("remit", "p@ss")
    assert database["OPTIONS"]["sslmode"] == "require"
    assert database["OPTIONS"]["connect_timeout"] == 9
    assert database["OPTIONS"]["target_session_attrs"] == "any"
    assert database["CONN_HEALTH_CHECKS"]
    assert database["CONN_MAX_AGE"] == 0


@pytest.mark.parametrize(
    "url", ["mysql://db/remit", "sqlite:///x", "postgresql://db1:port,db2/remit", "nonsense"]
)
def test_what_is_no_address_is_refused_by_name(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_URL: "):
        writable(url)
    with pytest.raises(ImproperlyConfigured, match=r"^REPORTS_DATABASE_URL: "):
        databases.replica(url, default=writable(PLAIN))


def test_a_replica_is_of_postgresql_is_read_only_and_no_second_test_database() -> None:
    found = databases.replica(PLAIN, default=writable(PLAIN))
    assert found["OPTIONS"]["options"] == "-c default_transaction_read_only=on"
    assert found["TEST"] == {"MIRROR": "default"}
    with pytest.raises(ImproperlyConfigured, match=r"^REPORTS_DATABASE_URL: only with PostgreSQL"):
        databases.replica(PLAIN, default={"ENGINE": "django.db.backends.sqlite3"})


# --- Which database a page is read from ----------------------------------------------------------

THERE = replica.Source(replica.REPORTS)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction goes on. (A test's own is one.)"""
    monkeypatch.setattr(replica, "_is_writing", lambda: False)


def read_from(model: Any) -> str:
    return replica.Router().db_for_read(model)


def test_only_within_a_report_and_only_the_books_are_read_there(outside: None) -> None:
    assert read_from(Payment) == "default"
    with replica.reading(THERE):
        assert {read_from(Payment), read_from(Patient)} == {"reports"}
        assert {read_from(User), read_from(SignIn)} == {"default"}
        assert replica.Router().db_for_write(Payment) == "default"
    assert read_from(Payment) == "default"
    assert not replica.Router().allow_migrate("reports", "billing")


@pytest.mark.django_db
def test_a_transaction_reads_where_it_writes() -> None:
    with replica.reading(THERE):
        assert read_from(Payment) == "default"
        assert replica.alias() == "default"


class Books:
    """A view, and from where it was read each time."""

    def __init__(self, *, fails: int = 0, streams: bool = False) -> None:
        self.fails, self.streams = fails, streams
        self.reads: list[str] = []

    def __call__(self, request: Any) -> Any:
        self.reads.append(replica.alias())
        if self.fails >= len(self.reads):
            raise OperationalError("server closed the connection unexpectedly")
        return StreamingHttpResponse(self._parts()) if self.streams else HttpResponse("ok")

    def _parts(self) -> Iterator[bytes]:
        for _part in range(2):
            self.reads.append(replica.alias())
            yield b"x"


@pytest.fixture
def asked(outside: None, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A replica that is well; for each report, whether it had to have everything."""
    found: list[bool] = []

    def choose(*, whole: bool) -> replica.Source:
        found.append(whole)
        return THERE

    monkeypatch.setattr(replica, "there_is_one", lambda: True)
    monkeypatch.setattr(replica, "choose", choose)
    monkeypatch.setattr(replica, "_leave_alone", lambda error: None)
    return found


def ask(view: Any, path: str = "/", *, whole: bool = False, **cookies: str) -> Any:
    request = RequestFactory().get(path)
    request.COOKIES.update(cookies)
    return replica.reads_reports(whole=whole)(view)(request)


def test_a_file_is_read_there_to_its_end(asked: list[bool]) -> None:
    view = Books(streams=True)
    response = ask(view, whole=True)
    parts = iter(response.streaming_content)
    next(parts)
    assert replica.alias() == "default"  # between two parts, other work
    assert list(parts) == [b"x"]
    assert view.reads == ["reports"] * 3
    assert asked == [True]


def test_who_saved_something_has_to_see_it(asked: list[bool]) -> None:
    ask(Books())
    ask(Books(), **{replica.WROTE: "1"})
    assert asked == [False, True]


def test_a_batch_of_the_journal_is_read_where_it_was_made(asked: list[bool]) -> None:
    view = Books()
    ask(view, "/?batch=J-0001")
    assert view.reads == ["default"]


def test_a_replica_that_dies_under_a_report_is_no_error(asked: list[bool]) -> None:
    view = Books(fails=1)
    assert ask(view).status_code == 200
    assert view.reads == ["reports", "default"]
    with pytest.raises(OperationalError):  # the primary is away, too
        ask(Books(fails=2))


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/reports/payments-received/", "/reports/journal/"])
def test_a_page_of_a_replica_that_is_behind_says_until_when_it_is_whole(page: str) -> None:
    client = Client()
    client.force_login(UserFactory(username="grace", roles=[ACCOUNTANT]))
    PaymentFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="50")
    moment = datetime.datetime(2025, 11, 27, 14, 32, 5, tzinfo=timezone.get_current_timezone())
    assert "Saved until" not in client.get(page).content.decode()
    with replica.reading(replica.Source("default", moment)):
        assert "Saved until 14:32:05" in client.get(page).content.decode()


def test_saving_leaves_a_note_and_looking_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replica, "there_is_one", lambda: True)
    note = replica.WroteJustNow(lambda request: HttpResponse())
    for method, noted in (("post", True), ("get", False)):
        request = getattr(RequestFactory(), method)("/")
        request.user = User(username="ana")
        assert (replica.WROTE in note(request).cookies) == noted


# --- A session that cannot be saved --------------------------------------------------------------


@pytest.mark.parametrize("cause", [OperationalError("the connection is closed"), None])
def test_a_database_that_is_away_is_not_a_session_that_was_deleted(
    cause: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one is answered 503, the other 400 "nothing was saved"."""

    def save(self: Any, must_create: bool = False) -> None:
        try:
            raise cause or UpdateError
        except OperationalError:
            raise UpdateError  # noqa: B904  (as Django does)

    monkeypatch.setattr(DatabaseStore, "save", save)
    with pytest.raises(OperationalError if cause else UpdateError):
        SessionStore().save()
