"""What every test gets. Browser and database helpers are in tests/support/."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from tests.support import browser
from tests.support.caches import forget_everything
from tests.support.memory_folder import memory_folder
from tests.support.surprises import Surprises

HERE = Path(__file__).parent


# --- Settings for tests --------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    # The real hasher takes a third of a second on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # The real storage wants collectstatic first.
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.WHITENOISE_AUTOREFRESH = True
    settings.WHITENOISE_USE_FINDERS = True
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        # A file, as in production: in memory Django has no WAL, and lets all threads of the live
        # server share one connection. Of this run alone: two runs must not meet.
        folder = memory_folder("remit-tests-")
        connection.settings_dict["TEST"]["NAME"] = str(folder / "test.sqlite3")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where a test lies says what it needs.

    Drills take minutes and whole servers: only who asks for them (`-m drill`) gets them.

    The imports go first: they read a whole clinic in one transaction, and PostgreSQL plans that by
    tables which thousands of rolled-back tests have left full of dead rows (28 s become an hour).
    """
    items.sort(key=lambda item: not item.path.is_relative_to(HERE / "imports"))
    for item in items:
        if item.path.is_relative_to(HERE / "browser"):
            item.add_marker(pytest.mark.browser)
        if item.path.is_relative_to(HERE / "ledger"):
            item.add_marker(pytest.mark.ledger)
        if item.path.is_relative_to(HERE / "postgres"):
            item.add_marker(pytest.mark.postgres)
        if item.get_closest_marker("postgres") and connection.vendor != "postgresql":
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL"))
        if item.path.is_relative_to(HERE / "drills"):
            item.add_marker(pytest.mark.drill)
    if "drill" not in config.getoption("markexpr"):
        drills = [item for item in items if item.get_closest_marker("drill")]
        items[:] = [item for item in items if item not in drills]
        config.hook.pytest_deselected(items=drills)


# --- The books -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="session")
def _flush_past_the_guards() -> Iterator[None]:
    """Tests with real transactions end by emptying the tables, which the append-only triggers
    rightly refuse. Only here, around that flush, they step aside."""
    from billing import guards

    case: Any = TransactionTestCase  # the name below is Django's own, so unknown to its types
    flush = case._fixture_teardown

    def flush_unguarded(self: TransactionTestCase) -> None:
        guards.drop(connection)
        try:
            flush(self)
        finally:
            guards.install(connection)

    case._fixture_teardown = flush_unguarded
    yield
    case._fixture_teardown = flush


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    forget_everything()


@pytest.fixture(autouse=True)
def _no_settings(request: pytest.FixtureRequest) -> None:
    """Each test begins before anybody has set anything; one without a database has dollars."""
    from billing.models import clinic

    clinic._shown.set(None if uses_database(request) else clinic.Shown("Clinic"))


def uses_database(request: pytest.FixtureRequest) -> bool:
    fixtures = {"db", "transactional_db", "live_server"} & set(request.fixturenames)
    return bool(request.node.get_closest_marker("django_db") or fixtures)


@pytest.fixture(autouse=True)
def books_hold(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every ledger test that used the database, all the rules hold.

    (A unittest-style TestCase has rolled back by then; such a test runs the checks itself.)
    """
    if not (request.node.get_closest_marker("ledger") and uses_database(request)):
        yield
        return
    request.getfixturevalue("db")  # set up before us, so torn down after us
    yield
    if connection.needs_rollback:
        return  # the test ended inside a failed transaction; nothing can be read, nothing was saved
    from billing import checks

    broken = checks.run_all()
    assert broken == [], "The books do not hold after this test:\n" + "\n".join(broken)


# --- The browser ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": browser.find(), "args": browser.FLAGS}


@pytest.fixture
def no_surprises(context: Any, live_server: Any) -> Iterator[Surprises]:
    """Fail on console errors and warnings, errors in scripts, and requests to any other host.

    The console is also where the browser reports violations of the Content-Security-Policy. A
    test that provokes one, such as a 422, says so: no_surprises.expect("422").
    """
    surprises = Surprises(context, live_server.url)
    yield surprises
    surprises.assert_none()
