"""Single promises of docs/security.md that belong to no screen: each with an attack."""

from __future__ import annotations

import ast
import logging
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import get_password_validators, validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client, RequestFactory

from config.accounts import client_ip
from config.logs import WhoAsked, WithoutPersonalData
from config.models import SignIn
from config.passwords import HOUSE_WORDS
from patients.models import Patient
from tests.factories import PatientFactory, UserFactory
from tests.ledger.books import digest

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    file
    for app in ("config", "patients", "billing")
    for file in sorted((ROOT / app).rglob("*.py"))
    if "migrations" not in file.parts
]
PASSWORD = "a quiet harbour"
LOGIN = "/accounts/login/"


def somebody(name: str = "ana", **more: Any) -> User:
    user: User = UserFactory(username=name, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, password: str = PASSWORD, name: str = "ana", **headers: str) -> Any:
    return client.post(LOGIN, {"login": name, "password": password}, headers=headers)


# ---------------------------------------------------------------------------- code


def names_in(file: Path) -> set[str]:
    """Every module a file imports, and every name it calls."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
    return found


FORBIDDEN = {
    "code out of texts": r"(eval|exec|compile|__import__)$",
    "programs of the machine": r"(subprocess|pty|os\.(system|popen|exec\w*|spawn\w*))(\.|$)",
    "objects out of bytes": r"(pickle|marshal|shelve|dill|yaml)(\.|$)",
    "XML": r"(xml|lxml|defusedxml|bs4)(\.|$)",
    "archives": r"(zipfile|tarfile|gzip|bz2|lzma|shutil\.unpack_archive)(\.|$)",
    "connections to anywhere": r"(socket|ssl|http\.client|urllib\.request|requests|httpx|aiohttp"
    r"|urllib3|ftplib|smtplib|django\.core\.mail|telnetlib)(\.|$)",
    "templates out of texts": r"(Template|Engine\.from_string|engines?\S*\.from_string)$",
    "safe by word alone": r"(mark_safe|SafeString|\S*\.mark_safe|SafeText)$",
    "weak digests": r"hashlib\.(md5|sha1)$",
    "own ciphers": r"(Crypto|cryptography\.hazmat)(\.|$)",
}


# Commands of whoever runs the server, which no request reaches: a backup is a tar, made by pg_dump.
ON_THE_SERVER = {
    "programs of the machine": "billing/backups/postgresql.py",
    "archives": "billing/backups/archive.py",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_code_of_ours_does_it(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    assert [
        (str(file.relative_to(ROOT)), name)
        for file in OURS
        for name in names_in(file)
        if pattern.match(name) and str(file.relative_to(ROOT)) != ON_THE_SERVER.get(what)
    ] == []


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("code out of texts", "eval(text)"),
        ("programs of the machine", "import subprocess"),
        ("objects out of bytes", "from pickle import loads"),
        ("XML", "import xml.etree"),
        ("archives", "import zipfile"),
        ("connections to anywhere", "from urllib.request import urlopen"),
        ("templates out of texts", "Template(text)"),
        ("safe by word alone", "mark_safe(text)"),
        ("weak digests", "hashlib.md5(b'')"),
        ("own ciphers", "from cryptography.hazmat import x"),
    ],
)
def test_the_rule_sees_it(what: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(code)
    assert any(re.match(FORBIDDEN[what], name) for name in names_in(file))


def test_chance_that_must_not_be_guessed_comes_from_the_system() -> None:
    """`random` is for the demo clinic's people only."""
    assert [
        str(file.relative_to(ROOT))
        for file in OURS
        if "random" in names_in(file) and "demo" not in file.parts
    ] == []


def test_no_template_switches_escaping_off() -> None:
    files = sorted((ROOT / "templates").rglob("*.html"))
    assert len(files) > 100
    pattern = re.compile(r"\|\s*safe(seq)?\b|autoescape\s+off|\bhx-on|hx-vals=['\"]js:|javascript:")
    assert [
        str(file.relative_to(ROOT)) for file in files if pattern.search(file.read_text("utf-8"))
    ] == []


def test_scripts_write_text_and_make_no_code() -> None:
    """No markup out of strings, no code out of strings, nothing put on a prototype, no storage."""
    scripts = sorted((ROOT / "static/js").glob("*.js"))
    assert len(scripts) >= 6
    pattern = re.compile(
        r"innerHTML\s*=|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function"
        r"|__proto__|\.prototype\s*\[|localStorage|sessionStorage|indexedDB|document\.cookie"
    )
    assert [(file.name, pattern.findall(file.read_text("utf-8"))) for file in scripts] == [
        (file.name, []) for file in scripts
    ]


def test_htmx_runs_nothing_and_keeps_no_page() -> None:
    page = (ROOT / "templates/base.html").read_text("utf-8")
    for setting in (
        '"allowEval": false', '"allowScriptTags": false', '"selfRequestsOnly": true',
        '"historyCacheSize": 0', '"includeIndicatorStyles": false',
    ):  # fmt: skip
        assert setting in page


def test_what_may_be_changed_is_named_field_by_field() -> None:
    """No form takes whatever columns a table has."""
    assert not re.search(
        r"(fields|exclude)\s*=\s*(\"__all__\"|'__all__')",
        "".join(file.read_text("utf-8") for file in OURS),
    )


def test_sql_of_ours_takes_values_as_parameters_only() -> None:
    """ruff's S608 looks for SQL put together from strings; these files may, from our own names."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    allowed = re.findall(r'"((?:billing|patients|config)/[\w/.*]+)" = \["S608"\]', text)
    assert len(allowed) == 6
    assert '"S",' in text.replace("\n", "")
    assert not [file for file in OURS if re.search(r"\.extra\(|RawSQL\(", file.read_text("utf-8"))]


# ---------------------------------------------------------------------------- requests


@pytest.mark.django_db
def test_a_forged_field_changes_no_other_column(client: Client) -> None:
    user = somebody()
    patient = PatientFactory(chart_number="P1042", family_name="Smith")
    client.force_login(user)
    form = {
        "family_name": "Smith", "given_name": "John", "birth_date": "1980-05-17",
        "chart_number": "P9999", "id": "77", "created_at": "2001-01-01", "is_superuser": "on",
        "user": "1",
    }  # fmt: skip
    page = client.get("/patients/P1042/edit/").content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    answer = client.post("/patients/P1042/edit/", {**form, "seen": seen[1]})
    assert answer.status_code == 302
    after = Patient.objects.get(pk=patient.pk)
    assert (after.given_name, after.chart_number) == ("John", "P1042")
    assert after.created_at == patient.created_at
    user.refresh_from_db()
    assert not user.is_superuser


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sort",
    [
        "name; DROP TABLE patients_patient", "(SELECT password FROM auth_user)", "-pk--",
        "user__password", "created_by__password", "1", "name,(select 1)", "\N{FULLWIDTH DIGIT ONE}",
    ],
)  # fmt: skip
def test_sorting_takes_names_of_columns_only(client: Client, sort: str) -> None:
    PatientFactory()
    client.force_login(somebody())
    before = digest()
    for url in ("/patients/", "/payments/", "/invoices/", "/reports/day-sheet/", "/deposits/"):
        for name in ("sort", "by", "columns", "group", "page"):
            assert client.get(url, {name: sort}).status_code in (200, 404)
    assert digest() == before
    assert Patient.objects.count() == 1


@pytest.mark.django_db
def test_searching_takes_every_sign_as_itself(client: Client) -> None:
    """A sign of SQL's or of a regular expression's finds nobody, and certainly not everybody."""
    PatientFactory(family_name="Smith")
    client.force_login(somebody())
    for typed in ("%", "_", "Sm%h", "Sm.th", "[a-z]", "' OR 1=1 --", "\\", "Smi_h", "*"):
        page = client.get("/patients/", {"q": typed}).content.decode()
        assert "Smith, Robin" not in page, typed
    assert "Smith, Robin" in client.get("/patients/", {"q": "smi"}).content.decode()


@pytest.mark.django_db
def test_a_parameter_sent_twice_or_in_the_wrong_place_is_no_way_around(client: Client) -> None:
    PatientFactory(chart_number="P1042", family_name="Smith")
    client.force_login(somebody())
    form = {"family_name": ["", "Jones"], "given_name": "x", "birth_date": "1980-05-17"}
    before = Patient.objects.count()
    # What stands in the address is not what was typed.
    assert client.post("/patients/new/?family_name=Forged", {"given_name": "x"}).status_code == 200
    assert Patient.objects.count() == before
    client.post("/patients/new/", form)
    assert not Patient.objects.filter(family_name="Forged").exists()
    assert client.get("/patients/?q=zzz&q=smith").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "DEBUG"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    client.force_login(somebody())
    PatientFactory(chart_number="P1042")
    for url in ("/", "/patients/P1042/edit/", "/healthz"):
        answer = client.generic(method, url, headers={"X-Secret": "mirror"})
        assert answer.status_code == 405
        assert b"mirror" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host"]
)
def test_headers_that_other_servers_obey_do_nothing(client: Client, header: str) -> None:
    value = "elsewhere.example" if header.endswith("Host") else "/admin/"
    answer = client.get("/patients/", headers={header: value})
    assert answer["Location"] == "/accounts/login/?next=/patients/"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_leads_nowhere_else(client: Client, to: str) -> None:
    somebody()
    answer = client.post(LOGIN, {"login": "ana", "password": PASSWORD, "next": to})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_who_says_to_be_somewhere_else_is_not_believed() -> None:
    """Only proxies that the deployer counts may say where a request comes from."""
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 7.7.7.7"})
    assert client_ip(request) == "127.0.0.1"
    assert "X-Real-IP" not in Path(ROOT / "config/settings.py").read_text()


def test_one_proxy_is_believed_where_there_is_one(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 7.7.7.7"})
    assert client_ip(request) == "7.7.7.7"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", [".git/config", ".env", "manage.py", "db.sqlite3", "config/", "docs/"]
)
def test_nothing_of_the_source_is_served(client: Client, path: str) -> None:
    client.force_login(somebody(is_superuser=True))
    for before in ("/", "/static/", "/static/../", "/media/"):
        assert client.get(before + path).status_code == 404


@pytest.mark.django_db
def test_folders_are_not_listed(client: Client) -> None:
    client.force_login(somebody())
    for folder in ("/static/", "/static/js/", "/static/css/"):
        assert client.get(folder).status_code == 404


@pytest.mark.django_db
def test_an_unknown_address_and_an_error_say_nothing_of_the_inside(client: Client) -> None:
    client.force_login(somebody())
    page = client.get("/nowhere/").content.decode()
    for word in ("Traceback", "urlconf", "settings", "django", "SELECT", str(ROOT)):
        assert word not in page.replace("csrfmiddlewaretoken", ""), word
    assert settings.DEBUG is False


# ---------------------------------------------------------------------------- sessions


@pytest.mark.django_db
def test_signing_in_makes_a_new_session(client: Client) -> None:
    """Whoever planted a session in the browser before has nothing of it."""
    somebody()
    client.get(LOGIN)
    session = client.session
    session["planted"] = "x"
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = planted
    sign_in(client)
    assert client.cookies["sessionid"].value != planted
    assert not SignIn.objects.filter(pk=planted).exists()


@pytest.mark.django_db
def test_a_session_is_long_random_and_known_to_the_server_only(client: Client) -> None:
    somebody()
    keys = set()
    for _ in range(20):
        other = Client()
        sign_in(other)
        keys.add(other.cookies["sessionid"].value)
    assert len(keys) == 20
    assert all(re.fullmatch("[a-z0-9]{32}", key) for key in keys)  # 165 bits
    client.cookies["sessionid"] = "a" * 32
    assert client.get("/patients/").status_code == 302
    assert settings.SESSION_ENGINE == "config.session_store"
    assert "JSON" in settings.SESSION_SERIALIZER


@pytest.mark.django_db
def test_a_new_password_signs_out_everywhere_else(client: Client) -> None:
    somebody()
    other = Client()
    sign_in(client)
    sign_in(other)
    form = {
        "oldpassword": PASSWORD,
        "password1": "a louder seaside",
        "password2": "a louder seaside",
    }
    assert client.post("/accounts/password/change/", form).status_code == 302
    assert client.get("/patients/").status_code == 200
    assert other.get("/patients/").status_code == 302


@pytest.mark.django_db
def test_one_sees_where_one_is_signed_in_and_ends_the_others(client: Client) -> None:
    somebody()
    somebody("ben")
    other, ben = Client(), Client()
    sign_in(client, **{"user-agent": "Desk <b>1</b>"})
    sign_in(other)
    sign_in(ben, name="ben")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/sign-ins/").content.decode()
    assert page.count("Elsewhere") == 1
    assert page.count("<h2>Here") == 1
    assert "Desk &lt;b&gt;1" in page
    assert client.session.session_key not in page
    assert client.post("/accounts/sign-ins/").status_code == 302
    assert "Signed out in 1 other place." in client.get("/accounts/sign-ins/").content.decode()
    assert client.get("/patients/").status_code == 200
    assert other.get("/patients/").status_code == 302
    assert ben.get("/patients/").status_code == 200


@pytest.mark.django_db
def test_ending_others_asks_for_the_password_again(client: Client) -> None:
    client.force_login(somebody())
    answer = client.post("/accounts/sign-ins/")
    assert "/reauthenticate/" in answer["Location"]


@pytest.mark.django_db
def test_an_administrator_signs_somebody_out(client: Client, admin_client: Client) -> None:
    user = somebody()
    sign_in(client)
    answer = admin_client.post(
        "/admin/auth/user/", {"action": "sign_out", "_selected_action": [user.pk]}, follow=True
    )
    assert "(1 sign-in)" in answer.content.decode()
    assert client.get("/patients/").status_code == 302
    assert admin_client.get("/admin/").status_code == 200


# ---------------------------------------------------------------------------- passwords


def test_passwords_are_kept_by_a_slow_digest() -> None:
    source = (ROOT / "config/settings.py").read_text("utf-8")
    assert "PASSWORD_HASHERS" not in source  # Django's default, which follows the advice of the day
    assert PBKDF2PasswordHasher().iterations >= 600_000
    assert PBKDF2PasswordHasher.digest().name == "sha256"  # type: ignore[call-arg]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password",
    [
        "all small letters will do", "x" * 30 + "y" * 40, "пароль длинный и тихий",
        "\N{PILE OF POO} emoji are letters too", "  blanks around stay  ", "a%20b<c>&d'e\"f!g#h",
    ],
)  # fmt: skip
def test_any_composition_and_a_good_length_are_allowed(client: Client, password: str) -> None:
    validate_password(password, UserFactory(username="ana"))
    user = UserFactory(username="ana")
    user.set_password(password)
    user.save()
    assert sign_in(client, password).status_code == 302


@pytest.mark.django_db
def test_a_password_counts_exactly_as_typed(client: Client) -> None:
    user = UserFactory(username="ana")
    user.set_password("A Quiet Harbour " + "x" * 80)
    user.save()
    for other in (
        "a quiet harbour " + "x" * 80,
        "A Quiet Harbour " + "x" * 79,
        "A Quiet Harbour " + "x" * 81,
        "A Quiet Harbour " + "x" * 80 + " ",
    ):
        assert sign_in(Client(), other).status_code == 200
    assert sign_in(client, "A Quiet Harbour " + "x" * 80).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize(
    "password", ["BillingClinic2025!!", "Harbour-Street-1234", "welcome.admin.99"]
)
def test_words_of_the_house_are_no_password(password: str, settings: Any) -> None:
    settings.CLINIC_NAME = "Harbour Street Clinic"
    with pytest.raises(ValidationError, match="everybody here would try"):
        validate_password(password)


@pytest.mark.django_db
def test_words_of_the_house_inside_a_longer_password_are_fine() -> None:
    validate_password("the clinic of seven green lanterns")
    assert len(HOUSE_WORDS) >= 10


def test_passwords_that_were_stolen_elsewhere_are_known() -> None:
    """Django brings the 20,000 most common of published breaches."""
    (common,) = (
        each
        for each in get_password_validators(settings.AUTH_PASSWORD_VALIDATORS)
        if type(each).__name__ == "CommonPasswordValidator"
    )
    assert len(common.passwords) >= 19_000
    with pytest.raises(ValidationError):
        common.validate("Password1234")


@pytest.mark.django_db
def test_a_password_is_hidden_while_typed_and_may_be_pasted(client: Client) -> None:
    somebody()
    pages = [client.get(LOGIN).content.decode()]
    sign_in(client)
    pages.append(client.get("/accounts/password/change/").content.decode())
    for page in pages:
        boxes = re.findall(r"<input[^>]*password[^>]*>", page)
        assert boxes
        assert all('type="password"' in box for box in boxes)
        assert all("onpaste" not in box and 'autocomplete="off"' not in box for box in boxes)
    for script in (ROOT / "static/js").glob("*.js"):
        assert "preventDefault" not in "".join(
            re.findall(r'addEventListener\("paste".*?\}\)', script.read_text("utf-8"), re.DOTALL)
        )


@pytest.mark.django_db
def test_changing_it_takes_the_old_one(client: Client) -> None:
    user = somebody()
    client.force_login(user)
    form = {
        "oldpassword": "wrong",
        "password1": "a louder seaside",
        "password2": "a louder seaside",
    }
    assert client.post("/accounts/password/change/", form).status_code == 200
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.django_db
def test_a_wrong_name_and_a_wrong_password_look_the_same(client: Client) -> None:
    somebody()
    pages = [
        re.sub(
            r"""value="[^"]*"|"x-csrftoken": "[^"]*\"""",
            "",
            sign_in(Client(), "wrong", name).content.decode(),
            flags=re.IGNORECASE,
        )
        for name in ("ana", "nobody")
    ]
    assert pages[0] == pages[1]


# ---------------------------------------------------------------------------- logs


def record(**more: Any) -> logging.LogRecord:
    made = logging.LogRecord("django.request", logging.WARNING, "", 0, "Forbidden", None, None)
    made.__dict__.update(more)
    return made


def line_of(made: logging.LogRecord) -> str:
    given = settings.LOGGING["formatters"]["line"]
    WhoAsked().filter(made)
    return WithoutPersonalData(given["format"], given["datefmt"], "{").format(made)


def test_a_line_says_when_with_its_zone_and_who_and_from_where() -> None:
    request = RequestFactory().get("/admin/")
    request._cached_user = User(pk=7, username="ana", first_name="Ana")  # type: ignore[attr-defined]
    line = line_of(record(request=request))
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} WARNING django.request: ", line)
    assert line.endswith("Forbidden (user 7 from 127.0.0.1)")
    assert line_of(record()).endswith("Forbidden")
    assert line_of(record(request=RequestFactory().get("/"))).endswith("(nobody from 127.0.0.1)")


@pytest.mark.django_db
def test_refused_requests_are_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.force_login(somebody())
    client.get("/admin/auth/user/")
    client.get("/import/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(somebody())
    strict.post("/patients/new/", {})
    client.get("/", headers={"host": "elsewhere.example"})
    said = caplog.text
    assert "Forbidden: /import/" in said or "Forbidden (Permission denied): /import/" in said
    assert "Forbidden (CSRF cookie not set.): /patients/new/" in said
    assert "Invalid HTTP_HOST header: 'elsewhere.example'" in said


@pytest.mark.django_db
def test_no_address_writes_a_line_of_its_own_into_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.get("/nowhere%0A2026-01-01 ERROR forged%1b[31m")
    assert caplog.records
    assert all("\n" not in each.getMessage() for each in caplog.records)
    assert all("\x1b" not in each.getMessage() for each in caplog.records)


# ---------------------------------------------------------------------------- what is installed


def test_every_package_is_pinned_with_its_digest() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text("utf-8")
        wanted = [line for line in text.splitlines() if re.match(r"[a-zA-Z]", line)]
        assert wanted
        assert all("==" in line for line in wanted)
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(wanted)
        assert not re.search(r"--index-url|git\+|://", text)


def test_tools_of_developers_are_not_installed_on_a_server() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    for tool in ("pytest", "playwright", "hypothesis", "ruff", "mypy", "django-debug-toolbar"):
        assert not re.search(rf"^{tool}", text, re.MULTILINE), tool
    assert "debug_toolbar" not in str(settings.INSTALLED_APPS)


def test_nothing_secret_is_in_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not [name for name in listed if re.search(r"(^|/)\.env$|\.pem$|\.key$|sqlite3$", name)]
    assert ".env" in (ROOT / ".gitignore").read_text()


@pytest.mark.django_db
def test_a_server_checks_itself() -> None:
    call_command("check", deploy=False, verbosity=0)
