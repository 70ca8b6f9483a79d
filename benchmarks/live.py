"""The live answer: what the server takes to say Unallocated while somebody types.

Asked of the WSGI application itself, with all its middleware, a logged-in session and a CSRF
token, and the whole form in the body as htmx sends it. The clock starts when the request is in
memory and stops when the answer is.
"""

from __future__ import annotations

import io
import json
import secrets
import string
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks.clinic import Clinic
from billing.models import InvoiceLine
from config.wsgi import application


class Screen:
    """New insurance payment with these sessions on it, every box filled; the last one is typed in."""

    def __init__(self, clinic: Clinic, lines: Sequence[InvoiceLine]) -> None:
        browser = Client()
        browser.force_login(clinic.by)
        self.session = browser.cookies[settings.SESSION_COOKIE_NAME].value
        self.token = "".join(secrets.choice(string.ascii_letters) for _ in range(32))
        self.path = reverse("billing:insurance_payment_new")
        self.clinic = clinic
        self.lines = list(InvoiceLine.objects.in_bulk([line.pk for line in lines]).values())
        self.ids = [line.pk for line in self.lines]
        # Not the app's own, which closes at the end of each request.
        self.database = connections.create_connection(DEFAULT_DB_ALIAS)
        self.database.ensure_connection()

    # ------------------------------------------------------------------ the app

    def body(self, typed: str) -> bytes:
        last = self.lines[-1]
        fields = [
            ("csrfmiddlewaretoken", self.token),
            ("key", "5f0c1f7e-5d1b-4d52-9a62-2b6a1c1f6f5e"),
            ("touched", str(last.pk)),
            ("payer", str(self.clinic.payer)),
            ("method", "check"),
            ("reference", "104432"),
            ("date", self.clinic.today.isoformat()),
            ("amount", "50,000.00"),
            ("patient", ""),
        ]
        for line in self.lines:
            fields += [
                ("lines", str(line.pk)),
                (f"line-{line.pk}-seen", line.seen),
                (f"line-{line.pk}-write_off", "12.50"),
                (f"line-{line.pk}-paid", typed if line is last else "60.00"),
            ]
        return urlencode(fields).encode()

    def request(self, number: int) -> dict[str, Any]:
        body = self.body(f"{number % 50}.00")
        return {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_HX_REQUEST": "true",
            "HTTP_X_CSRFTOKEN": self.token,
            "HTTP_COOKIE": f"{settings.CSRF_COOKIE_NAME}={self.token};"
            f" {settings.SESSION_COOKIE_NAME}={self.session}",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def ask(self, request: dict[str, Any]) -> None:
        said: list[str] = []
        answer = application(request, lambda status, headers, error=None: said.append(status))
        text = b"".join(answer)
        answer.close()  # type: ignore[attr-defined]
        assert said == ["200 OK"], said
        assert b'id="unallocated"' in text
        assert b"still to allocate" in text

    # ------------------------------------------------------------------ the floor

    def reads(self) -> int:
        """The reads no answer could do without: who asks, which payer, the lines, who paid them."""
        raw: Any = self.database.connection.cursor()
        sqlite = self.database.vendor == "sqlite"
        among = "IN (SELECT value FROM json_each(%s))" if sqlite else "= ANY(%s)"
        ids: Any = json.dumps(self.ids) if sqlite else self.ids
        now: Any = timezone.now().replace(tzinfo=None).isoformat(" ") if sqlite else timezone.now()
        queries: list[tuple[str, list[Any]]] = [
            (
                "SELECT session_data FROM config_signin"
                " WHERE session_key = %s AND expire_date > %s",
                [self.session, now],
            ),
            (
                "SELECT id, password, is_active, username FROM auth_user WHERE id = %s",
                [self.clinic.by.pk],
            ),
            (
                "SELECT id, name, payer_id FROM patients_payer WHERE active AND name = %s",
                [self.clinic.payer.name],
            ),
            (
                f"SELECT id, amount, paid, adjusted FROM billing_invoiceline WHERE id {among}"
                " AND issued_on IS NOT NULL",
                [ids],
            ),
            (
                "SELECT a.line_id, p.payer_id, SUM(a.amount) FROM billing_allocation a"
                " JOIN billing_payment p ON p.id = a.payment_id"
                f" WHERE a.line_id {among} AND p.payer_id IS NOT NULL"
                " GROUP BY a.line_id, p.payer_id",
                [ids],
            ),
        ]
        for sql, values in queries:
            raw.execute(sql.replace("%s", "?") if sqlite else sql, values)
            assert raw.fetchall()
        return len(queries)
