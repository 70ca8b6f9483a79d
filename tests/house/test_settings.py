"""Settings refuse to start unsafe, and say which setting it is."""

import os
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.db import DatabaseCache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

CONFIG = Path(__file__).resolve().parents[2] / "config"
SETTINGS, GUNICORN = str(CONFIG / "settings.py"), str(CONFIG / "gunicorn.py")
SAFE = {
    "REMIT_LOCAL": "0",
    "SECRET_KEY": "k3" * 30,
    "AUDIT_KEY": "a9" * 30,
    "ALLOWED_HOSTS": "billing.clinic.example",
    "DEBUG": "0",
    "DATABASE_URL": "",
}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Any:
    def start(**environment: str) -> dict[str, Any]:
        for name, value in (SAFE | environment).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(SETTINGS)

    return start


@pytest.mark.parametrize(
    ("kept", "seconds"), [("", "60"), ("DATABASE_STATEMENT_SECONDS=300", None)]
)
def test_gunicorn_reads_the_same_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: str, seconds: str | None
) -> None:
    """What stands in it counts: gunicorn must not put its own in front of that."""
    for name in ("WEB_THREADS", "DATABASE_STATEMENT_SECONDS", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    file = tmp_path / "env"
    file.write_text(f"WEB_THREADS=7\nMETRICS_TOKEN={'t' * 32}\n{kept}\n")
    monkeypatch.setenv("REMIT_ENV_FILE", str(file))
    gunicorn = runpy.run_path(GUNICORN)
    try:
        assert gunicorn["threads"] == 7
        assert os.environ.get("DATABASE_STATEMENT_SECONDS") == seconds
        assert Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).is_dir()
        assert "METRICS_TOKEN" not in os.environ, "a worker that starts anew reads the file anew"
    finally:
        gunicorn["on_exit"](None)


def test_production_starts_and_is_strict(start: Any) -> None:
    settings = start()
    assert settings["SECURE_SSL_REDIRECT"]
    assert settings["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert settings["SESSION_COOKIE_SECURE"]
    assert settings["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert settings["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert settings["COOKIE_PREFIX"] == "__Host-"
    assert settings["SECOND_FACTOR_FOR"] == "everybody"
    assert settings["SESSION_IDLE_SECONDS"] == 15 * 60
    assert settings["LOGGING"]["formatters"]["line"]["()"] == "config.logs.WithoutPersonalData"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "development-only-this-key-is-public-and-protects-nothing-at-all"),
        ("DEBUG", "1"),
        ("ALLOWED_HOSTS", ""),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "billing.clinic.example,*"),
        ("SECOND_FACTOR_FOR", "nobody"),
        ("SECOND_FACTOR_FOR", "some"),
        ("SESSION_IDLE_MINUTES", "0"),
        ("SESSION_IDLE_MINUTES", "600"),
        ("SESSION_HOURS", "25"),
        ("SECURE_HSTS_SECONDS", "0"),
        ("SECRET_KEY_FALLBACKS", "short"),
        ("AUDIT_KEY", ""),
        ("AUDIT_KEY", "short"),
        ("AUDIT_KEY", "k3" * 30),
        ("AUDIT_KEY_FALLBACKS", "short"),
        ("CSRF_TRUSTED_ORIGINS", "http://billing.clinic.example"),
        ("SECURE_SSL_REDIRECT", "0"),
        ("LOG_LEVEL", "DEBUG"),
        ("LOG_LEVEL", "loud"),
        ("CACHE_URL", "dummycache://"),
    ],
)
def test_production_refuses(start: Any, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: "):
        start(**{name: value})


def test_behind_a_proxy_that_counts_as_none_it_refuses(start: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^TRUSTED_PROXY_COUNT: "):
        start(BEHIND_TLS_PROXY="1", TRUSTED_PROXY_COUNT="0")


def test_behind_a_proxy_the_redirect_may_be_its_own(start: Any) -> None:
    settings = start(BEHIND_TLS_PROXY="1", SECURE_SSL_REDIRECT="0")
    assert settings["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


def test_local_mode_needs_nothing_and_answers_this_machine_only(start: Any) -> None:
    assert start(REMIT_LOCAL="1", ALLOWED_HOSTS="localhost")["ALLOWED_HOSTS"] == ["localhost"]
    with pytest.raises(ImproperlyConfigured, match=r"^ALLOWED_HOSTS: "):
        start(REMIT_LOCAL="1", ALLOWED_HOSTS="billing.clinic.example")


@pytest.mark.django_db
def test_workers_on_a_server_tell_each_other_which_codes_were_used(start: Any) -> None:
    shared = start()["CACHES"]["default"]
    assert shared["BACKEND"] == "django.core.cache.backends.db.DatabaseCache"
    assert shared["LOCATION"] in connection.introspection.table_names(), "migrate makes it"
    one, two = (DatabaseCache(shared["LOCATION"], {}) for _ in range(2))
    assert one.add("code", "used")
    assert not two.add("code", "used")


def test_postgresql_comes_from_one_url_with_a_pool(start: Any) -> None:
    database = start(DATABASE_URL="postgresql://remit:p%40ss@%2Frun%2Fpg/books")["DATABASES"]
    default = database["default"]
    assert (default["HOST"], default["NAME"], default["PASSWORD"]) == ("/run/pg", "books", "p@ss")
    assert default["OPTIONS"]["pool"]["max_size"] == 8
    assert default["CONN_MAX_AGE"] == 0


def test_nobody_waits_on_postgresql_for_ever(start: Any) -> None:
    url = "postgresql://remit@db/books?options=-c%20search_path%3Dclinic"
    options = start(DATABASE_URL=url)["DATABASES"]["default"]["OPTIONS"]
    assert options["options"] == (
        "-c lock_timeout=10s -c statement_timeout=0s -c search_path=clinic"
    )
    # An outage is over for the pool no later than a page that waits for it gives up.
    assert options["pool"]["reconnect_timeout"] <= options["pool"]["timeout"]
    behind = start(DATABASE_URL="postgresql://remit@db/books", DATABASE_BEHIND_PGBOUNCER="1")
    assert "options" not in behind["DATABASES"]["default"]["OPTIONS"]
