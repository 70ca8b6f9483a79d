"""What tests of lists share: looking at one, and what looking costs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import UserFactory
from tests.support.caches import forget_everything

SCRIPT = "<script>alert(1)</script>"
# What nobody means, and what makes a careless query fall over.
ODD = ["'", '"', "%", "_", "\\", "(", "[", "x" * 5_000, "a " * 2_500, "９", "\u202e", "1e999", "-"]


def signed_in() -> Client:
    client = Client()
    client.force_login(UserFactory(username="ana"))
    return client


AUDIT = "billing_auditevent"


@dataclass
class Look:
    """A page as it came: its words with single spaces, and the queries it took."""

    response: Any
    queries: list[str]

    @property
    def html(self) -> str:
        return " ".join(self.response.content.decode().split())

    @property
    def words(self) -> str:
        """Without the tags."""
        main = self.html.partition("<main")[2].partition("</main>")[0] or self.html
        return " ".join(re.sub(r"<[^>]*>", " ", main).split())

    @property
    def table(self) -> str:
        """The words of the table's body."""
        body = re.search(r"<tbody.*?</tbody>", self.html)
        return " ".join(re.sub(r"<[^>]*>", " ", body.group()).split()) if body else ""


def look(client: Client, url: str, query: Any = None, **headers: Any) -> Look:
    """Open a page. Looking never writes, whatever the page."""
    # What a page before may have left: the counts of the navigation, the admin's content types.
    forget_everything()
    ContentType.objects.clear_cache()
    # Every hundredth look is sealed with those before it, which costs more.
    with (
        mock.patch("billing.audit.recording.EVERY", sys.maxsize),
        CaptureQueriesContext(connection) as captured,
    ):
        response = client.get(url, query or {}, **headers)
    # That somebody looked at a patient is kept: the one thing a look writes (billing/audit/looks.py).
    queries = [query["sql"] for query in captured if AUDIT not in query["sql"]]
    written = [sql for sql in queries if sql.startswith(("INSERT", "UPDATE", "DELETE", "REPLACE"))]
    assert written == []
    return Look(response, queries)


def part(client: Client, url: str, query: Any = None) -> Look:
    """What htmx gets when it asks for the list alone."""
    return look(client, url, query, headers={"HX-Request": "true"})


def costs_the_same(client: Client, url: str, add: Callable[[int], Any]) -> None:
    """A page costs as many queries with 60 rows as with 1. `add(n)` makes row n."""
    counts = {}
    for number in range(60):
        add(number)
        if number + 1 in (1, 10, 60):
            counts[number + 1] = len(look(client, url).queries)
    assert len(set(counts.values())) == 1, counts
