"""Two servers on one database, behind a load balancer that sends each request where it likes."""

from __future__ import annotations

import re
import shutil
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.posting import Browser, desks_of, rows
from tests.support.served import App
from tests.support.temporary_postgres import AS_IN_A_CLINIC, Server, temporary_postgres

Pair = tuple[App, App, Server]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    base = Path(tempfile.mkdtemp(prefix="remit-two-", dir="/tmp"))
    with temporary_postgres(AS_IN_A_CLINIC, base) as server:
        # As docs/operations.md says for several servers: the counts of log-ins are shared, too.
        same = {
            "DATABASE_URL": server.url,
            "SECOND_FACTOR_FOR": "nobody",
            "CACHE_URL": "dbcache://remit_cache",
        }
        one, two = (App(tmp_path_factory.mktemp(name), same, workers=1) for name in ("one", "two"))
        one.prepare()
        one.manage("demo", "--patients", "4", "-v", "0")
        two.manage("collectstatic", "--noinput", "--verbosity", "0")
        one.start()
        two.start()
        try:
            yield one, two, server
        finally:
            one.stop()
            two.stop()
    shutil.rmtree(base, ignore_errors=True)


def signed_in(pair: Pair, name: str) -> Browser:
    browser = Browser(pair[0].url)
    browser.sign_in(name)
    return browser


def test_one_signs_in_here_and_works_there(pair: Pair) -> None:
    one, two, server = pair
    [desk] = desks_of(one, server.url, 1)
    fields = {
        "key": str(uuid.uuid4()),
        "provider": desk.provider,
        "method": "cash",
        "date": desk.today,
        "amount": "12.34",
        "again": "on",
    }
    desk.browser.base = two.url  # the form came from one, its figures while typing from two,
    status, answer = desk.browser.post(desk.path, fields, htmx=True)
    assert status == 200
    assert "12.34" in answer
    # it is saved at one, and sent again at two, where it is known.
    desk.browser.base = one.url
    assert desk.browser.post(desk.path, {**fields, "action": "save"})[0] == 302
    desk.browser.base = two.url
    assert desk.browser.post(desk.path, {**fields, "action": "save"})[0] == 302
    assert rows(server.url, "SELECT COUNT(*) FROM billing_payment WHERE amount = 1234") == [(1,)]
    assert "12.34" in desk.browser.get("/payments/")[1]


def test_a_sealed_search_reads_the_same_there(pair: Pair) -> None:
    _one, two, server = pair
    [[name]] = rows(server.url, "SELECT family_name FROM patients_patient ORDER BY id LIMIT 1")
    browser = signed_in(pair, "frontdesk")
    browser.get("/patients/")
    status, address = browser.post("/search/", {"list": "/patients/", "q": name})
    assert status == 302
    assert name not in address
    browser.base = two.url
    assert f'value="{name}"' in browser.get(address)[1]


def test_an_uploaded_file_is_checked_there(pair: Pair) -> None:
    browser = signed_in(pair, "admin")
    browser.get("/import/patients/")
    file = b"family_name,given_name,birth_date\nHill,Ada,1990-01-02\n"
    status, address = browser.upload("/import/patients/", {"file": ("people.csv", file)})
    if status == 200:  # a page with a progress bar leads on
        found = re.search(r"/import/patients/[0-9a-f-]{36}/", address)
        assert found, address
        address = found[0]
    browser.base = pair[1].url
    status, page = browser.get(address)
    assert status == 200
    assert "people.csv" in page


def test_static_files_have_the_same_names_at_both(pair: Pair) -> None:
    pages = [Browser(app.url).get("/accounts/login/")[1] for app in pair[:2]]
    first, second = (sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', p))) for p in pages)
    assert first
    assert first == second
    for path in first:
        assert urllib.request.urlopen(pair[1].url + path).status == 200


def test_wrong_passwords_are_counted_together(pair: Pair) -> None:
    one, two, _server = pair
    statuses = []
    for number in range(6):
        browser = Browser((one, two)[number % 2].url)
        browser.get("/accounts/login/")
        statuses.append(browser.post("/accounts/login/", {"login": "biller", "password": "no"})[0])
    assert statuses[-1] == 429
    assert statuses[:4] == [200] * 4


def test_what_is_kept_for_a_minute_is_kept_once(pair: Pair) -> None:
    """Codes that were used, log-ins a minute, the clinic's name: in the shared cache."""
    one, two, _server = pair
    shell = "from django.core.cache import cache; print({})"
    one.manage("shell", "-v", "0", "-c", shell.format("cache.add('used', 'y')"))
    told = two.manage("shell", "-v", "0", "-c", shell.format("cache.add('used', 'y')"))
    assert told.strip() == "False"


def test_signing_out_here_is_signing_out_there(pair: Pair) -> None:
    browser = signed_in(pair, "frontdesk")
    browser.base = pair[1].url
    assert browser.get("/patients/")[0] == 200
    assert browser.post("/accounts/logout/", {})[0] == 302
    browser.base = pair[0].url
    assert browser.get("/patients/")[0] == 302


def test_the_books_hold_afterwards(pair: Pair) -> None:
    assert "The books hold." in pair[1].manage("check_ledger")
