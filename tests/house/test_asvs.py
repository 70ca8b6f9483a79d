"""docs/asvs.toml: complete, true about its tests, and what it claims that no other test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa import app_settings as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.test import Client

from config.second_factor import SecondFactors
from tests.factories import UserFactory
from tests.house.asvs import HOW, LEVEL_3, TABLE, level_2, requirements, table
from tests.screens.small_clinic import small_clinic
from tests.screens.test_sign_in import PASSWORD, set_up, sign_in, with_password

ROOT = Path(__file__).resolve().parents[2]


def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_requirement_that_applies_is_there_once_and_no_other() -> None:
    ids = [row.id for row in requirements()]
    assert len(level_2()) == 166
    assert sorted(ids) == sorted(level_2() | LEVEL_3)
    assert ids == [row.id for row in sorted(requirements(), key=lambda row: row.place)]


def test_every_test_it_names_is_there() -> None:
    found: dict[str, set[str]] = {}
    missing = []
    for row in requirements():
        for named in row.tests:
            file, _, name = named.partition("::")
            if file not in found:
                path = ROOT / file
                found[file] = functions_of(path) if path.exists() else set()
            if name not in found[file] or not name.startswith("test_"):
                missing.append((row.id, named))
    assert missing == []


def test_each_says_how_it_is_met() -> None:
    for row in requirements():
        assert row.kind in HOW, row.id
        assert row.asks, row.id
        assert row.met, row.id
        assert bool(row.tests) or row.kind != "test", row.id


def test_most_are_shown_by_a_test() -> None:
    rows = requirements()
    assert sum(row.kind == "test" for row in rows) >= 120
    assert {row.id for row in rows if row.kind == "open"} == OPEN


# What is not met, or not wholly. Whoever closes one takes it away here.
OPEN = {"2.3.5"}


def test_the_readable_table_says_the_same() -> None:
    assert TABLE.read_text("utf-8") == table(requirements()), (
        "python -m tests.house.asvs > docs/asvs.md"
    )


def test_the_documents_it_names_are_there() -> None:
    said = " ".join(row.met for row in requirements())
    security = (ROOT / "docs/security.md").read_text("utf-8")
    for name in set(re.findall(r"docs/[\w/]+(?:\.md)?", said)):
        assert list(ROOT.glob(f"{name}*")), name
    for chapter in set(re.findall(r"docs/security\.md, ([A-Z][\w ]+)", said)):
        assert re.search(rf"^#+ {chapter}$", security, re.MULTILINE), chapter
    for threat in range(1, 30):
        assert f"\n| {threat} | " in security, threat
    for named in set(re.findall(r"`(tests/[\w/]+\.py)`", security)):
        assert (ROOT / named).exists(), named
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", security):
        assert name in functions_of(ROOT / file), name


# ---------------------------------------------------------------------------- shown only here


@pytest.mark.django_db
def test_cookies_are_as_the_table_says(client: Client) -> None:
    with_password("ana")
    sign_in(client)
    client.get("/accounts/login/")
    assert set(client.cookies) <= {"sessionid", "csrftoken", "messages"}
    for cookie in client.cookies.values():
        assert cookie["samesite"] == "Lax"
        assert cookie["httponly"]
        assert not cookie["domain"]


@pytest.mark.django_db
def test_every_page_offers_to_sign_out() -> None:
    clinic = small_clinic()
    without = []
    for _name, url in clinic.one_of_each():
        answer = clinic.client.get(url)
        if answer.streaming:
            list(answer.streaming_content)
        elif answer.status_code == 200 and "text/html" in answer["Content-Type"]:
            page = answer.content.decode()
            if page.lstrip().lower().startswith("<!doctype") and "Sign out" not in page:
                without.append(url)
    assert without == []


def test_passwords_do_not_run_out() -> None:
    """No package or setting of ours asks anybody to change one after some days."""
    names = " ".join([*settings.INSTALLED_APPS, *settings.MIDDLEWARE]).lower()
    assert not re.search(r"expir|rotat|history.*password|password.*history", names)


@pytest.mark.django_db
def test_a_reset_password_does_not_pass_by_the_second_factor(client: Client) -> None:
    ana = with_password("ana")
    sign_in(client)
    set_up(client)
    ana.set_password("another quiet harbour")  # as an administrator does
    ana.save()
    other = Client()
    answer = sign_in(other, password="another quiet harbour")
    assert answer["Location"].startswith("/accounts/second-factor/code/")
    assert other.get("/patients/").status_code == 302


def test_seeds_and_codes_are_long_and_random() -> None:
    seeds = {totp.generate_totp_secret() for _ in range(50)}
    assert len(seeds) == 50
    assert all(len(seed) >= 32 for seed in seeds)  # 160 bits
    assert mfa.TOTP_DIGITS >= 6
    assert mfa.RECOVERY_CODE_DIGITS >= 8


def test_a_code_of_an_app_does_not_last() -> None:
    assert mfa.TOTP_PERIOD == 30
    assert mfa.TOTP_TOLERANCE <= 1


@pytest.mark.django_db
def test_secrets_survive_a_change_of_the_key(settings: Any) -> None:
    kept = SecondFactors().encrypt("secret")
    Authenticator.objects.create(user=UserFactory(), type="totp", data={"secret": kept})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 60, [settings.SECRET_KEY]
    assert SecondFactors().decrypt(kept) == "secret"
    assert "secret" not in kept
    assert PASSWORD not in kept
