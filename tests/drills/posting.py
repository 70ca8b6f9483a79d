"""People who post payments through the real form, for as long as a drill lasts.

Each holds on to a form until it is answered: one that met a dead server is sent again as it is, with
the same key, as a browser's Back and Save would. `acknowledged` is what was answered with success.
"""

from __future__ import annotations

import contextlib
import http.client
import http.cookiejar
import itertools
import re
import sqlite3
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

PASSWORD = "remit-demo"


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


class Browser:
    """One browser's cookies; `base` may change, as behind a load balancer."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        self.token = ""  # of the last form, as a form's hidden field or htmx sends it
        cookies = urllib.request.HTTPCookieProcessor(self.jar)
        self._opener = urllib.request.build_opener(_StayHere, cookies)

    def get(self, path: str) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self.base + path))

    def post(self, path: str, fields: dict[str, Any], *, htmx: bool = False) -> tuple[int, str]:
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": self.token, **fields}, doseq=True)
        headers = {"HX-Request": "true"} if htmx else {}
        return self._ask(urllib.request.Request(self.base + path, data.encode(), headers))

    def upload(self, path: str, files: dict[str, tuple[str, bytes]]) -> tuple[int, str]:
        edge = uuid.uuid4().hex
        parts = [
            (f'--{edge}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n')
            .encode() + self.token.encode() + b"\r\n"
        ]  # fmt: skip
        for name, (file_name, content) in files.items():
            head = (
                f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"'
            )
            parts.append(
                head.encode() + b"\r\nContent-Type: text/plain\r\n\r\n" + content + b"\r\n"
            )
        body = b"".join([*parts, f"--{edge}--\r\n".encode()])
        kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self._ask(urllib.request.Request(self.base + path, body, kind))

    def _ask(self, request: urllib.request.Request) -> tuple[int, str]:
        """Status, and the page; of a redirect the address it leads to."""
        try:
            with self._opener.open(request, timeout=60) as response:
                page = response.read().decode(errors="replace")
                self._remember(page)
                return response.status, page
        except urllib.error.HTTPError as error:
            with error:
                page = error.read().decode(errors="replace")
                return error.code, error.headers.get("Location") or page

    def _remember(self, page: str) -> None:
        if found := re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page):
            self.token = found[1]

    def sign_in(self, name: str = "frontdesk") -> None:
        self.get("/accounts/login/")
        status, to = self.post("/accounts/login/", {"login": name, "password": PASSWORD})
        assert status == 302, to


class Desk:
    """Posts one payment after the other, each with a reference nobody else uses."""

    def __init__(self, base: str, number: int, chart: str, provider: int, today: str) -> None:
        self.number, self.browser = number, Browser(base)
        self.path = f"/patients/{chart}/payments/new/"
        self.provider, self.today = provider, today
        self.acknowledged: list[tuple[float, str]] = []
        self.retries: Counter[str] = Counter()
        self.refusals: list[str] = []

    def work(self, stop: threading.Event) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            self._post(f"D{self.number}-{count}", count)

    def _post(self, reference: str, count: int) -> None:
        form = {
            "key": str(uuid.uuid4()),
            "provider": self.provider,
            "method": "card",
            "reference": reference,
            "date": self.today,
            "amount": f"{count % 900 + 1}.{self.number % 100:02d}",
            "again": "on",
            "action": "save",
        }
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                status, page = self.browser.post(self.path, form)
            except (OSError, http.client.HTTPException) as error:
                self.retries[type(error).__name__] += 1
                continue
            if status == 302 and "/accounts/" not in page:
                self.acknowledged.append((time.monotonic(), reference))
                return
            if status != 503:
                self.refusals.append(f"{reference}: {status} {_text(page)}")
                return
            self.retries["503"] += 1
            time.sleep(0.05)
        self.refusals.append(f"{reference}: gave up")


def _text(page: str) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", page)[-600:]


@contextlib.contextmanager
def at_work(desks: Iterable[Desk]) -> Iterator[None]:
    """All post until the block ends; what each is at then is finished."""
    stop = threading.Event()
    threads = [threading.Thread(target=desk.work, args=[stop]) for desk in desks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def rows(database: str, sql: str) -> list[Any]:
    """What a statement finds: in a PostgreSQL at an address, or in a file of SQLite's."""
    if database.startswith("postgresql"):
        with psycopg.connect(database) as connection:
            return connection.execute(sql).fetchall()
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as file:
        return file.execute(sql).fetchall()


def desks_of(app: Any, database: str, number: int) -> list[Desk]:
    """So many desks, signed in, each with a patient of its own."""
    charts = rows(database, f"SELECT chart_number FROM patients_patient ORDER BY id LIMIT {number}")
    [[provider]] = rows(database, "SELECT MIN(id) FROM patients_provider")
    today = app.manage("shell", "-v", "0", "-c", TODAY).strip()
    # Each time other numbers, so that no two desks of one drill post under the same.
    first = next(_numbers)
    desks = [Desk(app.url, first + at, chart, provider, today) for at, [chart] in enumerate(charts)]
    assert len(desks) == number
    for desk in desks:
        desk.browser.sign_in()
        desk.browser.get(desk.path)
    return desks


_numbers = itertools.count(1, 10)
TODAY = "from django.utils import timezone; print(timezone.localdate())"


def longest_gap(desks: Iterable[Desk], since: float) -> float:
    """Seconds without an answer to anybody, from the moment something was done to the server."""
    moments = sorted(at for desk in desks for at, _reference in desk.acknowledged if at >= since)
    waits = (after - before for before, after in zip([since, *moments], moments, strict=False))
    return max(waits, default=float("inf"))


def lost_and_doubled(desks: Iterable[Desk], database: str) -> tuple[list[str], list[str]]:
    """What was acknowledged and is not there, and what is there twice."""
    every = rows(database, "SELECT reference FROM billing_payment WHERE reference LIKE 'D%-%'")
    found = Counter(reference for [reference] in every)
    said = {reference for desk in desks for _at, reference in desk.acknowledged}
    return sorted(said - set(found)), sorted(each for each, times in found.items() if times > 1)
