"""What every answer tells the browser: of all addresses, all methods, all kinds of refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from unittest import mock

import pytest
from django.contrib import admin
from django.db import OperationalError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.factories import UserFactory
from tests.screens.small_clinic import SmallClinic, small_clinic

pytestmark = pytest.mark.django_db

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
    "form-action 'self'",
}
# A browser shows a PDF in a viewer of its own, which our policy for pages would forbid.
POLICY_OF_PDFS = {"frame-ancestors 'none'", "base-uri 'none'"}
# May lie in a cache: they are the same for everybody.
PUBLIC = re.compile(r"^/(static/.+|clinic/logo/\w+/|favicon\.ico)$")


def addresses(patterns: Iterable[Any] | None = None, before: str = "/") -> Iterator[str]:
    """One address of every pattern there is, with 1 for whatever it asks for."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        # path() writes <int:pk>, re_path() a group.
        part = re.sub(r"<[^>]+>|\(\?P<\w+>[^)]*\)", "1", str(pattern.pattern)).strip("^$")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, before + part)
        else:
            assert isinstance(pattern, URLPattern)
            yield before + part.replace("\\Z", "").replace("\\", "")


def missing(answer: Any) -> list[str]:
    """What this answer should have told the browser, and did not."""
    headers = answer.headers
    policy = headers.get("Content-Security-Policy", "")
    path = answer.wsgi_request.path
    wanted = {
        "no frame": headers.get("X-Frame-Options") == "DENY",
        "no guessing of types": headers.get("X-Content-Type-Options") == "nosniff",
        "referrer": headers.get("Referrer-Policy") == "same-origin",
        "opener": headers.get("Cross-Origin-Opener-Policy") == "same-origin",
        "permissions": "camera=()" in headers.get("Permissions-Policy", ""),
        "policy": set(policy.split("; ")) >= (POLICY_OF_PDFS if _is_pdf(answer) else POLICY),
        "nothing unsafe": "unsafe" not in policy and "*" not in policy,
        "kept in no cache": PUBLIC.match(path) or "no-store" in headers.get("Cache-Control", ""),
        "nobody elsewhere reads it": "Access-Control-Allow-Origin" not in headers,
        "says what it is": _is_named(answer),
    }
    if answer.streaming:
        list(answer.streaming_content)
    seen = f"{answer.request['REQUEST_METHOD']} {path} {answer.status_code}"
    return [f"{seen}: {what}" for what, there in wanted.items() if not there]


def _is_pdf(answer: Any) -> bool:
    return bool(answer.headers.get("Content-Type") == "application/pdf")


def _is_named(answer: Any) -> bool:
    kind = answer.headers.get("Content-Type", "")
    if not answer.streaming and not answer.content:
        return True
    return "utf-8" in kind.lower() if kind.startswith("text/") else bool(kind)


class Walk:
    """Every answer on the way, and what was wrong with it."""

    def __init__(self) -> None:
        self.statuses: set[int] = set()
        self.kinds: set[str] = set()
        self.wrong: list[str] = []

    def see(self, answer: Any) -> None:
        self.statuses.add(answer.status_code)
        self.kinds.add(answer.headers.get("Content-Type", "").partition(";")[0])
        self.wrong += missing(answer)


@pytest.fixture
def clinic() -> SmallClinic:
    return small_clinic()


def test_every_answer_of_every_address(clinic: SmallClinic) -> None:
    walk = Walk()
    nobody = Client(raise_request_exception=False)
    screens = [url for _name, url in clinic.one_of_each()]
    others = [url for url in addresses() if url not in screens and "logout" not in url]
    assert len(set(others)) > 250
    for url in dict.fromkeys([*screens, *others]):
        walk.see(nobody.get(url))
        walk.see(clinic.client.get(url))
        walk.see(clinic.client.get(url, headers={"hx-request": "true"}))
        walk.see(clinic.client.put(url))
    for model in admin.site._registry:
        row = model._default_manager.first()
        if row is not None:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
            walk.see(clinic.client.get(reverse(name, args=[row.pk])))
    assert walk.wrong == []
    assert walk.statuses >= {200, 302, 403, 404, 405}
    assert walk.kinds >= {
        "text/html",
        "text/plain",
        "text/csv",
        "application/pdf",
        "application/json",
        "image/svg+xml",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }


def test_every_answer_of_every_form(clinic: SmallClinic) -> None:
    """A form sent with nothing in it, and one without its token."""
    walk = Walk()
    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.force_login(clinic.by)
    closed = []
    for name, url in clinic.one_of_each():
        walk.see(clinic.client.post(url))
        walk.see(clinic.client.post(url, headers={"hx-request": "true"}))
        answer = strict.post(url, {"anything": "x"})
        walk.see(answer)
        # 405: it takes no POST at all.
        if answer.status_code not in (403, 405):
            closed.append((name, answer.status_code))
    assert walk.wrong == []
    assert closed == [], "these take a form without its token"


def test_refusals_and_errors(client: Client, settings: Any) -> None:
    walk = Walk()
    client.raise_request_exception = False
    user = UserFactory(username="ana")

    walk.see(client.get("/nowhere/"))
    walk.see(client.get("/healthz", {"q": "\0"}))
    walk.see(client.post("/accounts/login/", b"a=\xff", "application/x-www-form-urlencoded"))
    walk.see(client.get("/", headers={"host": "elsewhere.example"}))
    for _ in range(6):
        walk.see(client.post("/accounts/login/", {"login": "ana", "password": "wrong"}))
    client.force_login(user)
    walk.see(client.get("/admin/"))
    walk.see(client.post("/accounts/logout/", {}))
    client.force_login(user)
    for error in (ValueError("broken"), OperationalError("connection refused")):
        with mock.patch("billing.views.today.render", side_effect=error):
            walk.see(client.get("/"))
    with mock.patch(
        "django.contrib.sessions.backends.db.SessionStore.load",
        side_effect=OperationalError("gone"),
    ):
        walk.see(client.get("/patients/"))
    assert walk.wrong == []
    assert walk.statuses >= {302, 400, 404, 429, 500, 503}


def test_static_files(client: Client) -> None:
    walk = Walk()
    for path in ("js/app.js", "css/app.css", "nowhere.css", "../config/settings.py", ""):
        walk.see(client.get(f"/static/{path}"))
    assert walk.wrong == []


def test_plain_http_is_led_to_https(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    client = Client()  # whose middleware reads these
    answer = client.get("/patients/?q=x")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/patients/?q=x")
    assert missing(answer) == []
    assert client.get("/healthz").status_code == 200  # probes come by plain http
    assert client.get("/metrics").status_code == 404  # and Prometheus, past the proxy
    assert client.get("/readyz").status_code in (200, 503)
    secure = client.get("/accounts/login/", secure=True)
    assert secure["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_a_header_that_is_missing_is_seen(client: Client) -> None:
    """The control: the walk would tell."""
    answer = client.get("/healthz")
    for header in (
        "Content-Security-Policy", "X-Frame-Options", "Cache-Control", "Referrer-Policy",
        "Permissions-Policy", "X-Content-Type-Options",
    ):  # fmt: skip
        kept = answer.headers[header]
        del answer.headers[header]
        assert missing(answer), header
        answer.headers[header] = kept
    assert missing(answer) == []
