"""A report as a file: who may take it, what it is called, and that it is noted."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from billing.models import Export
from billing.reports import files
from tests.factories import PatientFactory, PaymentFactory, ProviderFactory, UserFactory
from tests.factories.bills import day

pytestmark = pytest.mark.django_db


def url(format: str) -> str:
    return f"/reports/payments-received.{format}"


@pytest.fixture
def accountant() -> Any:
    user = UserFactory(username="grace")
    user.user_permissions.add(Permission.objects.get(codename="export_reports"))
    return user


@pytest.fixture
def client(accountant: Any) -> Client:
    client = Client()
    client.force_login(accountant)
    PaymentFactory(patient=PatientFactory(family_name="Smith"), provider=ProviderFactory(), ago=3)
    return client


def period() -> dict[str, str]:
    return {"from": day(9).isoformat(), "to": day(0).isoformat()}


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.mark.parametrize(
    ("format", "kind", "begins"),
    [
        ("csv", "text/csv; charset=utf-8", b'"date","receipt"'),
        ("xlsx", files.FORMATS["xlsx"].content_type, b"PK"),
        ("pdf", "application/pdf", b"%PDF-"),
    ],
)
def test_it_is_a_file_named_after_the_report_and_its_period(
    client: Client, format: str, kind: str, begins: bytes
) -> None:
    answer = client.get(url(format), period())
    assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert answer["Content-Disposition"] == (
        f'attachment; filename="payments-received-{day(9)}-to-{day(0)}.{format}"'
    )
    assert content(answer).startswith(begins)


def test_it_is_noted_who_took_which_rows(client: Client, accountant: Any) -> None:
    content(client.get(url("csv"), {**period(), "method": "cash"}))
    kept = Export.objects.get()
    assert (kept.created_by, kept.report, kept.format, kept.rows) == (
        accountant,
        "payments-received",
        "csv",
        1,
    )
    assert kept.filters == f"from={day(9)}&to={day(0)}&method=cash"


def test_asking_for_the_head_takes_nothing_out(client: Client) -> None:
    assert client.head(url("csv"), period()).status_code == 200
    assert not Export.objects.exists()


def test_without_the_right_it_is_refused_and_nothing_noted(client: Client) -> None:
    client.force_login(UserFactory())
    for format in files.FORMATS:
        answer = client.get(url(format), period())
        assert answer.status_code == 403
        assert b"Smith" not in answer.content
    assert not Export.objects.exists()


def test_filters_that_cannot_be_used_lead_to_the_screen_that_says_why(client: Client) -> None:
    answer = client.get(url("csv"), {"from": "2025-11-30", "to": "2025-11-01"})
    assert answer.status_code == 302
    assert answer["Location"] == "/reports/payments-received/?from=2025-11-30&to=2025-11-01"
    assert not Export.objects.exists()


def test_too_long_for_a_format_it_leads_to_the_screen_where_the_button_says_why(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = files.Format("pdf", "PDF", "application/pdf", files.as_pdf, most=0)
    monkeypatch.setitem(files.FORMATS, "pdf", small)
    answer = client.get(url("pdf"), period(), follow=True)
    assert answer.redirect_chain
    page = answer.content.decode()
    assert "PDF holds 0 rows at most, and this report has 1." in page
    assert ".pdf?" not in page
    assert not Export.objects.exists()


@pytest.mark.parametrize("address", ["/reports/payments-received.exe", "/reports/nonsense.csv"])
def test_what_there_is_not(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


def test_it_takes_no_post(client: Client) -> None:
    assert client.post(url("csv")).status_code == 405
