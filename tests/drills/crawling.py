"""A stranger at the keyboard: every link and form of every role, asked and sent wrongly.

The site is read as a browser reads it (`Site`); Hypothesis draws what is asked (`wrong_requests`);
`Fuzz` asks it and looks at the answer. Every request is asked of the same clinic, since whatever it
wrote is rolled back: so one that was found wrong is found again with the line it was reported in.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import Resolver404, resolve
from hypothesis import strategies as st

from billing import checks
from config.roles import ACCOUNTANT, ADMINISTRATOR, BILLER, FRONT_DESK, ROLES
from patients.models import Coverage, Session
from tests.factories import UserFactory
from tests.house.test_access import Offers
from tests.house.test_headers import missing
from tests.ledger.books import MONEY_TABLES, digest
from tests.screens.bad_input import FORGED
from tests.screens.page_forms import PageForm, forms_of
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.screens.test_every_screen import PARAMETERS, filled
from tests.support.caches import forget_everything
from tests.support.odd_amounts import NOT_AMOUNTS, TOO_FINE, TOO_LARGE

PASSWORD = "a quiet harbour"
NO_ROLE, NOT_SIGNED_IN = "nobody's role", "not signed in"
WHO = (FRONT_DESK, BILLER, ACCOUNTANT, ADMINISTRATOR, NO_ROLE, NOT_SIGNED_IN)
Pairs = list[tuple[str, str]]

# ---------------------------------------------------------------------------- what is typed

# Each would stand in the page as it is if somebody forgot to escape it.
MARKUP = [
    "<zqx>",
    '"><zqx onload=alert(1)>',
    "'\"><img src=zqx onerror=alert(1)>",
    '" onzqx="alert(1)',
    "</script><zqx>",
    "</textarea><zqx>",
    "</title><zqx>",
    "{{ 7|add:35 }}<zqx>{% load x %}",
    "javascript:alert('<zqx>')",
    "<svg/onload=zqx>",
]
UNESCAPED = re.compile(rb"<zqx|<img src=zqx|\" onzqx=\"|<svg/onload=zqx")
TEXTS = [
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 10_000,
    "é" * 5_000,
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe",
    "\N{LEFT-TO-RIGHT ISOLATE}\N{ZERO WIDTH SPACE}\N{WORD JOINER}\ufeff",
    "Z\u0351\u036b\u0343a\u0363\u0348l\u0348\u035ag\u033co",
    "👩‍👩‍👧‍👦",
    "\ud7ff\ue000\uffff\U0010ffff",
    "\x01\x02\x1b[31m\x7f\x85\u2028",
    "a\r\nSet-Cookie: zqx=1",
    "%00",
    "%s%n%(name)s{0}{name}",
    "' OR 1=1 --",
    "'; DROP TABLE billing_payment; --",
    "1) UNION SELECT password FROM auth_user --",
    "\\'; SELECT pg_sleep(9); --",
    "%' ESCAPE '",
    "../../../../etc/passwd",
    "file:///etc/passwd",
    "=1+1|'cmd'!A0",
    "~gAAAAABzqx",
    "~",
    "[]",
    "{}",
    "null",
    "true",
    "on",
    "on\0",
    "admin",
    "P1042",
    "p1042",
    "R-0001",
    "R-٢",
    "IP-0001",
    "all",
    "-",
    "\\",
]
NUMBERS = [
    "0", "1", "-1", "2", "3", "9", "99", "1e3", "0x1", "1.0", "１", "٣", "²", "Ⅷ", "1 ", "01",
    "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "9" * 30, "9" * 400,
]  # fmt: skip
DATES = [
    "0000-00-00", "0001-01-01", "1582-10-10", "1969-12-31", "2025-02-30", "2024-02-29",
    "2025-11-18T00:00:00Z", "9999-12-31", "10000-01-01", "11/18/2025", "２０２５-11-18", "today",
]  # fmt: skip
AMOUNTS = [*NOT_AMOUNTS, *TOO_FINE, *TOO_LARGE]
NASTY = [*MARKUP, *TEXTS, *NUMBERS, *DATES, *AMOUNTS]
# What a form of ours never has, and a model does.
MASS = [
    *FORGED, "is_superuser", "is_staff", "is_active", "groups", "user_permissions", "password",
    "created_by_id", "clinic", "clinic_id", "id", "pk", "user", "user_id", "owner", "provider_id",
    "line_id", "payment_id", "allocated_cents", "amount_cents", "closed_through", "mac", "sealed",
    "_method", "__class__", "__proto__", "next", "csrfmiddlewaretoken", "key",
]  # fmt: skip
HEADERS: list[dict[str, str]] = [
    {"hx-request": "true"},
    {"hx-request": "true", "hx-target": "<zqx>"},
    {"hx-request": "true", "hx-target": "history", "hx-trigger": "a\0b"},
    {"hx-request": "true", "hx-current-url": "http://[zqx"},
    {"hx-boosted": "true", "hx-request": "maybe"},
    {"accept": "application/json"},
    {"accept": "*/*;q=zqx"},
    {"accept-language": "xx-<zqx>, " + "en," * 2_000},
    {"accept-encoding": "gzip;q=9, zqx"},
    {"accept-charset": "utf-16"},
    {"host": "elsewhere.example"},
    {"host": "testserver:99999999"},
    {"host": "<zqx>"},
    {"x-forwarded-for": "1.2.3.4, <zqx>"},
    {"x-forwarded-host": "elsewhere.example"},
    {"x-forwarded-proto": "https"},
    {"x-http-method-override": "DELETE"},
    {"x-request-id": "<zqx>\r\nX: 1"},
    {"referer": "https://elsewhere.example/<zqx>"},
    {"origin": "null"},
    {"origin": "https://elsewhere.example"},
    {"if-modified-since": "yesterday"},
    {"if-none-match": '"zqx'},
    {"range": "bytes=9-1,zqx"},
    {"cookie": "sessionid=" + "x" * 4_000},
    {"cookie": "messages=zqx; csrftoken=<zqx>"},
    {"user-agent": "\N{RIGHT-TO-LEFT OVERRIDE}" + "<zqx>" * 500},
    {"authorization": "Basic !!!!"},
    {"content-encoding": "gzip"},
]
METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "ZQX"]
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
BODIES: Pairs = [  # (content type, body as latin-1)
    (f"{FORM}; charset=utf-16", "a=b"),
    (f"{FORM}; charset=zqx", "a=b"),
    (FORM, "a=\xff\xfe"),
    (FORM, "a=%FF%FE&b=%"),
    (FORM, "&".join(f"f{n}=1" for n in range(6_000))),
    (FORM, "&&&==&=a&a="),
    (FORM, "a=" + "x" * 3_000_000),
    (MULTIPART, "no boundary"),
    (f"{MULTIPART}; boundary=", "--\r\n"),
    (f"{MULTIPART}; boundary=b", "--b\r\n\r\nno head\r\n--b--"),
    (f"{MULTIPART}; boundary=b", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nhalf'),
    (
        f"{MULTIPART}; boundary=b",
        '--b\r\nContent-Disposition: form-data; name="file"; filename="../<zqx>\0.csv"\r\n'
        "Content-Type: text/csv\r\n\r\nfamily_name\n\xff\xfe\0\r\n--b--\r\n",
    ),
    (
        f"{MULTIPART}; boundary=b",
        '--b\r\nContent-Disposition: form-data; name="a"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--b--\r\n",
    ),
    (f"{MULTIPART}; boundary=b; charset=utf-16", "--b--"),
    ("application/json", '{"amount": 1e999, "key": [[[['),
    ("text/xml", '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
    ("zqx", "\0\1\2"),
    ("", ""),
]
FILES = [
    b"",
    b"\0" * 100,
    b"PK\x03\x04zip",
    b"ISA*00*          *00*          *ZZ*X~ST*835*1~",
    b"family_name,given_name,birth_date\n<zqx>,'\"><zqx>,9999-99-99\n",
    b'\xff\xfe"\x00,\n' * 50,
    b"code,description,amount\n90834,<zqx>,1e9\n,,\n",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='zqx()'/>",
    b'"' + b"x" * 200_000,
]


# ---------------------------------------------------------------------------- one request


@dataclass
class Asked:
    """One request, by somebody; as JSON it is the line with which it is repeated."""

    who: str
    method: str
    path: str
    query: Pairs = field(default_factory=list)
    fields: Pairs = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = FORM
    body: str | None = None  # instead of the fields, as latin-1
    files: Pairs = field(default_factory=list)  # (name, content as latin-1)
    token: bool = True  # whether it has a CSRF token, or is a browser that looks for one

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Asked:
        given = json.loads(line)
        for name in ("query", "fields", "files"):
            given[name] = [tuple(pair) for pair in given[name]]
        return cls(**given)

    def content(self) -> tuple[str, bytes]:
        """(content type, body)"""
        if self.body is not None:
            return self.kind, self.body.encode("latin-1")
        if self.files or self.kind == MULTIPART:
            return f"{MULTIPART}; boundary=zq-b", b"".join([*self._parts(), b"--zq-b--\r\n"])
        return FORM, urlencode(self.fields).encode()

    def _parts(self) -> Iterator[bytes]:
        head = b'--zq-b\r\nContent-Disposition: form-data; name="%s"'
        for name, value in self.fields:
            yield head % _quoted(name) + b"\r\n\r\n" + value.encode() + b"\r\n"
        for name, content in self.files:
            yield head % _quoted(name) + b'; filename="zq.835"\r\n\r\n'
            yield content.encode("latin-1") + b"\r\n"


def _quoted(name: str) -> bytes:
    return re.sub(r'["\r\n]', "%22", name).encode()


# ---------------------------------------------------------------------------- the site


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


# ---------------------------------------------------------------------------- drawing requests

letters = st.text(st.characters(codec="utf-8"), max_size=40)
values = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(NASTY),
    st.sampled_from(AMOUNTS),
    letters,
    st.integers().map(str),
    st.decimals().map(str),
    st.dates().map(str),
)


def wrong_requests(site: Site, who: str) -> st.SearchStrategy[Asked]:
    """Of every kind; mostly forms that are nearly right, since those get furthest."""
    form = _of_a_form(site, who)
    return st.one_of(form, form, form, form, _of_an_address(site, who), _of_a_body(site, who))


@st.composite
def _of_an_address(draw: Any, site: Site, who: str) -> Asked:
    """Another's, one that never was, one with anything behind its question mark."""
    path = draw(st.sampled_from(draw(st.sampled_from([site.paths[who], site.every_path]))))
    method = draw(st.sampled_from(["GET"] * 9 + METHODS))
    if draw(st.booleans()):
        path = _bent(draw, site, path)
    names = st.one_of(st.sampled_from(PARAMETERS), st.sampled_from(PARAMETERS), letters)
    query = draw(st.lists(st.tuples(names, values), max_size=4))
    return Asked(who, method, path, query, headers=_headers(draw))


def _bent(draw: Any, site: Site, path: str) -> str:
    """One part of the address is another's, or nobody's."""
    parts = path.split("/")
    at = [n for n, part in enumerate(parts) if re.search(r"\d", part)] or [len(parts) - 2]
    other = draw(st.one_of(st.sampled_from(site.strangers), st.sampled_from(NUMBERS), values))
    parts[draw(st.sampled_from(at))] = quote(other[:300], safe="")
    return "/".join(parts)


def _headers(draw: Any) -> dict[str, str]:
    if draw(st.integers(0, 3)):
        return {}
    return dict(draw(st.sampled_from(HEADERS)))


@st.composite
def _of_a_body(draw: Any, site: Site, who: str) -> Asked:
    """A form's address gets what is no form."""
    form = draw(st.sampled_from(draw(st.sampled_from([site.forms[who], site.every_form]))))
    kind, body = draw(st.sampled_from(BODIES))
    method = draw(st.sampled_from(["POST", "POST", "POST", "PUT", "GET"]))
    return Asked(who, method, form.to, headers=_headers(draw), kind=kind, body=body)


@st.composite
def _of_a_form(draw: Any, site: Site, who: str) -> Asked:
    """A form as it should be, with up to three things wrong in it."""
    own = site.forms[who]
    mostly_own = len(own) > 5 and draw(st.integers(0, 4))
    form = draw(st.sampled_from(own if mostly_own else site.every_form))
    pairs = [(name, value) for name, given in form.good.items() for value in given]
    presses = form.form.buttons + form.form.buttons[-1:] * 4  # the last one saves
    pairs += [draw(st.sampled_from(presses))] if presses else []
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        pairs = draw(st.sampled_from(WRONGS))(draw, site, form, pairs)
    asked = Asked(who, form.form.method.upper(), form.to, fields=pairs, headers=_headers(draw))
    if asked.method == "GET":
        asked.query, asked.fields = asked.fields, []
    if not draw(st.integers(0, 14)):
        asked.method = draw(st.sampled_from(METHODS))
    if form.form.files:
        content = draw(st.sampled_from(FILES) | st.binary(max_size=200)).decode("latin-1")
        asked.files = [(name, content) for name in form.form.files]
    elif not draw(st.integers(0, 5)):
        asked.kind = MULTIPART
    if draw(st.booleans()) and form.form.target and not asked.headers:
        asked.headers = {"hx-request": "true", "hx-target": form.form.target}
    if not draw(st.integers(0, 9)):
        asked.path = _bent(draw, site, asked.path)
    asked.token = bool(draw(st.integers(0, 9)))
    return asked


def _one_box(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """One box holds anything."""
    if not pairs:
        return pairs
    at = draw(st.integers(0, len(pairs) - 1))
    return [*pairs[:at], (pairs[at][0], draw(values)), *pairs[at + 1 :]]


def _all_boxes(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Every box one can type into holds the same."""
    value = draw(values)
    return [(name, value if name in form.form.typed else old) for name, old in pairs]


def _every_box(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Every box, also the hidden ones."""
    value = draw(values)
    return [(name, value) for name, _old in pairs]


def _twice(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """A box is there twice."""
    if not pairs:
        return pairs
    name, _old = draw(st.sampled_from(pairs))
    return draw(st.permutations([*pairs[:20], (name, draw(values))])) + pairs[20:]


def _left_out(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Some boxes are missing."""
    gone = draw(st.sets(st.sampled_from(pairs), min_size=1, max_size=5)) if pairs else set()
    return [pair for pair in pairs if pair not in gone]


def _forged(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Fields that no form has."""
    names = draw(st.lists(st.sampled_from(MASS), min_size=1, max_size=4))
    return [*pairs, *((name, draw(values | st.just("1"))) for name in names)]


def _anothers(draw: Any, site: Site, form: Form, pairs: Pairs) -> Pairs:
    """Ids in the values and in the names are another patient's."""
    other = draw(st.sampled_from([*site.strangers, *NUMBERS]))
    found = []
    for name, value in pairs:
        if re.search(r"-\d+-", name) and draw(st.booleans()):
            name = re.sub(r"-\d+-", f"-{other}-", name, count=1)
        elif re.fullmatch(r"\d+|[A-Z]+-?\d+", value) and draw(st.booleans()):
            value = other
        found.append((name, value))
    return found


WRONGS = [
    _one_box,
    _one_box,
    _one_box,
    _all_boxes,
    _every_box,
    _twice,
    _left_out,
    _forged,
    _anothers,
]


# ---------------------------------------------------------------------------- asking

# Written by looking, by being refused, by taking a file out: no figure hangs on it.
NOTED = {"billing_export", "billing_chainlink", "billing_auditevent"}
LEDGER = {model._meta.db_table for model in MONEY_TABLES} - NOTED
GUARDED = LEDGER | {"auth_user", "auth_user_groups", "billing_clinic"}
WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+\"?(\w+)", re.IGNORECASE)
SLOW = 2.0  # seconds
FINE = {200, 204, 301, 302, 304, 400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429}


class _Back(Exception):
    pass


class Fuzz:
    """Asks, looks at what came back, and remembers one request of each kind of fault."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.asked: Counter[str] = Counter()
        self.statuses: dict[str, Counter[int]] = {who: Counter() for who in WHO}
        self.accepted = 0
        self.faults: dict[tuple[str, str], str] = {}
        self.slow: dict[str, float] = {}
        self.books = self._books()
        self.rights = self._rights()

    def ask(self, asked: Asked) -> list[str]:
        """What was wrong with the answer. Afterwards the clinic is as it was."""
        forget_everything()
        written: set[str] = set()
        clients = self.site.clients if asked.token else self.site.strict
        client = clients[asked.who]
        cookies = client.cookies.copy()
        wrong: list[str] = []
        try:
            with transaction.atomic(), connection.execute_wrapper(_noting(written)):
                answer = self._answer(client, asked)
                wrong += self._look(asked, answer, written)
                if answer.status_code == 302 and answer.headers["Location"].startswith("/"):
                    after = Asked(asked.who, "GET", answer.headers["Location"])
                    written.clear()
                    wrong += self._look(after, self._answer(client, after), written)
                raise _Back
        except _Back:
            pass
        finally:
            client.cookies = cookies
        for each in wrong:
            self.faults.setdefault((each[:60], _view(asked.path)), f"{each}\n  {asked}")
        return wrong

    def _answer(self, client: Client, asked: Asked) -> Any:
        kind, body = asked.content() if asked.method not in ("GET", "HEAD") else ("", b"")
        if asked.body is not None:
            kind, body = asked.content()
        query = urlencode(asked.query)
        began = time.monotonic()
        answer: Any = client.generic(
            asked.method,
            asked.path + (f"?{query}" if query else ""),
            body,
            content_type=kind,
            headers={name: _header(value) for name, value in asked.headers.items()},
        )
        if answer.streaming:
            answer.kept = b"".join(answer.streaming_content)
        else:
            answer.kept = answer.content
        took = time.monotonic() - began
        self.asked[asked.who] += 1
        self.statuses[asked.who][answer.status_code] += 1
        if took > SLOW:
            self.slow[str(asked)[:200]] = took
        return answer

    def _look(self, asked: Asked, answer: Any, written: set[str]) -> list[str]:
        """One sentence for each thing that must not be."""
        status, found = answer.status_code, []
        if status not in FINE:
            error = answer.exc_info[1] if getattr(answer, "exc_info", None) else ""
            found.append(f"{status} {type(error).__name__ if error else ''}: {str(error)[:200]}")
        if "html" in answer.headers.get("Content-Type", "") and UNESCAPED.search(answer.kept):
            found.append("markup as it was typed")
        found += [each.partition(": ")[2] + " header" for each in self._headers_missing(answer)]
        written = {table for table in written if table in GUARDED}
        if not written:
            return found
        reads = asked.method in ("GET", "HEAD", "OPTIONS")
        refused = status >= 400 or b"<title>Error: " in answer.kept or reads
        strict = not asked.token and asked.method not in ("GET", "HEAD", "OPTIONS", "TRACE")
        changed = self._books() != self.books
        if changed and refused:
            found.append(f"{status}, and yet {sorted(written)} changed")
        if changed and strict:
            found.append("taken without its token")
        if changed and not refused:
            self.accepted += 1
            found += [f"the books do not hold: {each}" for each in checks.run_all()[:3]]
        if asked.who != ADMINISTRATOR and self._rights() != self.rights:
            found.append("rights changed")
        return found

    def _headers_missing(self, answer: Any) -> list[str]:
        kept, answer.streaming_content = answer.streaming, iter(())
        try:
            return missing(answer)
        finally:
            assert kept == answer.streaming

    def _books(self) -> str:
        return digest([model for model in MONEY_TABLES if model._meta.db_table in LEDGER])

    def _rights(self) -> list[Any]:
        return list(
            User.objects.order_by("pk").values_list(
                "pk",
                "username",
                "is_superuser",
                "is_staff",
                "is_active",
                "groups",
                "user_permissions",
            )
        )

    def report(self) -> str:
        """The table of what was asked, and each fault with the line that repeats it."""
        lines = []
        for who in WHO:
            answers = sorted(self.statuses[who].items())
            said = ", ".join(f"{status} x {number:,}" for status, number in answers)
            lines.append(f"{who:<16} {self.asked[who]:>7,} requests: {said}")
        lines.append(f"{'together':<16} {sum(self.asked.values()):>7,} requests")
        lines.append(f"{self.accepted:,} changed the books as they may; {len(self.slow)} were slow")
        lines += [f"  slow: {took:.1f} s {line}" for line, took in self.slow.items()]
        lines += [f"FAULT {fault}" for fault in self.faults.values()]
        return "\n".join(lines)


def _noting(written: set[str]) -> Any:
    """Around each statement: which tables are written."""

    def note(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if isinstance(sql, str) and (found := WRITES.match(sql)):
            written.add(found[1])
        return execute(sql, params, many, context)

    return note


def _header(value: str) -> str:
    """As a server hands it over: bytes as latin-1."""
    return value.encode().decode("latin-1")


def _view(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return ""
