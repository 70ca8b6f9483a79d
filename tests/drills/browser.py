"""A browser without a screen: cookies, redirects, and forms as the page gives them."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, field
from html import unescape
from re import DOTALL, findall, sub
from urllib.parse import urlencode, urljoin, urlsplit

from tests.screens.page_forms import PageForm, forms_of

PATIENCE = 60  # seconds for one answer; nothing is asserted about it, but nobody waits for ever


class NoAnswer(Exception):
    """The server was not there, or went away while it answered."""


@dataclass(frozen=True)
class Answer:
    """What came back to one request. `path` is where it was asked."""

    path: str
    status: int
    headers: dict[str, str]
    html: str
    seconds: float

    @property
    def forms(self) -> list[PageForm]:
        return forms_of(self.html)

    def form(self, having: str) -> PageForm:
        """The form that has a control of this name, or leads to this address."""
        for form in self.forms:
            named = {*form.sent, *form.typed, *form.choices, *(name for name, _ in form.buttons)}
            if having in named or (having and having in form.action):
                return form
        raise LookupError(f"{self.path} has no form with {having}: {self.said or self.text[:400]}")

    @property
    def text(self) -> str:
        body = sub(r"<(script|style|head)\b.*?</\1>", " ", self.html, flags=DOTALL)
        return " ".join(unescape(sub(r"<[^>]+>", " ", body)).split())

    @property
    def said(self) -> list[str]:
        """The sentences of the error summary; without one, of the notices on the page."""
        places = findall(r'<div class="errsum".*?</ul>', self.html, DOTALL) or findall(
            r'<(?:div|p) class="notice\b.*?(?:<div class="end">|</div>\s*</div>|</p>)',
            self.html,
            DOTALL,
        )
        items = [part for place in places for part in findall(r"<li>(.*?)</li>", place, DOTALL)]
        plain = [sub(r"<[^>]+>", " ", each) for each in items or places]
        return [" ".join(unescape(each).split()) for each in plain]


@dataclass
class Browser:
    """One person's browser. Each request has a connection of its own, so that none is lost only
    because the server closed one that lay idle."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    times: list[tuple[str, float]] = field(default_factory=list)  # what was asked, and how long

    def ask(
        self,
        path: str,
        fields: dict[str, list[str]] | None = None,
        *,
        htmx: bool = False,
        what: str = "page",
    ) -> Answer:
        """One request; a redirect is an answer, too."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if fields is not None:
            body = urlencode(fields, doseq=True)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self.url
        if htmx:
            headers["HX-Request"] = "true"
        host = urlsplit(self.url)
        began = time.monotonic()
        connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=PATIENCE)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{path}: {error!r}") from error
        finally:
            connection.close()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, kept = value.split(";")[0].partition("=")
                self.cookies[cookie] = kept
        seconds = time.monotonic() - began
        self.times.append((what, seconds))
        return Answer(path, response.status, dict(response.getheaders()), text, seconds)

    def get(self, path: str, *, what: str = "page") -> Answer:
        """A page, wherever it leads."""
        answer = self.ask(path, what=what)
        while answer.status in (301, 302):
            answer = self.ask(urljoin(answer.path, answer.headers["Location"]), what=what)
        return answer

    def press(
        self,
        page: Answer,
        form: PageForm,
        *button: str,
        htmx: bool = False,
        what: str = "page",
    ) -> Answer:
        """Send a form of a page, as it is filled now, by one of its buttons."""
        name, *value = button or ("",)
        fields = {**form.sent, **({name: value or [""]} if name else {})}
        return self.ask(urljoin(page.path, form.action), fields, htmx=htmx, what=what)

    def sign_in(self, name: str, password: str = "remit-demo") -> None:  # noqa: S107
        page = self.get("/accounts/login/", what="log-in page")
        form = page.form("login")
        form.sent |= {"login": [name], "password": [password]}
        answer = self.press(page, form, what="sign in")
        if answer.status != 302:
            raise RuntimeError(f"{name} was not let in: {answer.status} {answer.text[:400]}")
