"""Whatever is called `<script>` stays a word: on every screen, in every part, file and document.

The whole small clinic is renamed: people, payers, services, reasons, notes, references, names of
files. Then everything there is to open is opened and read as a browser reads it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from billing import documents, guards
from billing.models import Clinic, Document, Invoice
from tests.factories import UserFactory
from tests.screens.small_clinic import SmallClinic, small_clinic

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
PAYLOADS = (SCRIPT, IMAGE)
# Columns of our own making, or codes and numbers that a screen never takes as words.
NOT_WORDS = re.compile(
    r"number|digest|sha256|packed|fingerprint|encoding|username|password|state|session_key|codename"
    r"|app_label|model|key|report$|format|template|method|currency"
)


def words_of(model: Any) -> Iterator[models.CharField[Any, Any]]:
    """The columns of a table that hold what somebody typed or a payer sent."""
    for field in model._meta.local_fields:
        longest = getattr(field, "max_length", None) or 200
        if (
            isinstance(field, (models.CharField, models.TextField))
            and not field.choices
            and not field.primary_key
            and longest >= 40
            and not NOT_WORDS.search(field.name)
        ):
            yield field


def rename_everything() -> set[str]:
    """Every word in the database becomes markup; returns which columns that were."""
    renamed = set()
    guards.drop(connection)
    try:
        for model in apps.get_models():
            if model._meta.app_label not in ("auth", "billing", "patients"):
                continue
            for position, field in enumerate(words_of(model)):
                for row in model._default_manager.all():
                    value = PAYLOADS[(row.pk if isinstance(row.pk, int) else position) % 2]
                    value = f"{row.pk}{value}" if field.unique or _named(model, field) else value
                    models.QuerySet(model).filter(pk=row.pk).update(**{field.name: value})
                    renamed.add(f"{model.__name__}.{field.name}")
    finally:
        guards.install(connection)
    return renamed


def _named(model: Any, field: Any) -> bool:
    """Names that may stand only once, in whatever way the database says so."""
    said = str([each.deconstruct() for each in model._meta.constraints])
    return field.name in said


class Reader(HTMLParser):
    """What a browser would run or fetch of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and not re.match("/[a-z]", given.get("src", "")):
            self.found.append(f"<script {given}>")
        for name, value in given.items():
            if name.startswith("on") or name == "style":
                self.found.append(f"<{tag} {name}>")
            if name in ("href", "src", "action", "formaction", "hx-get", "hx-post") and re.match(
                r"\s*(javascript|data:text|vbscript|x$)", value, re.IGNORECASE
            ):
                self.found.append(f"<{tag} {name}={value[:40]}>")


def run_by_a_browser(html: str) -> list[str]:
    reader = Reader()
    reader.feed(html)
    # A template between the pages of data is read by the script later.
    return [each for each in reader.found if "application/json" not in each]


def html_of(answer: Any) -> str:
    """The page; nothing where it is a file or leads elsewhere."""
    content = b"".join(answer) if answer.streaming else answer.content
    return content.decode() if "text/html" in answer.headers.get("Content-Type", "") else ""


@pytest.fixture
def clinic() -> SmallClinic:
    clinic = small_clinic()
    renamed = rename_everything()
    assert renamed >= {
        "Patient.family_name", "Patient.note", "Payer.name", "Provider.name", "Service.description",
        "Payment.reference", "Payment.reason", "Adjustment.reason", "InvoiceLine.description",
        "EraFile.name", "ImportFile.name", "RemittanceClaim.patient", "Clinic.name",
        "Coverage.member_id", "User.first_name",
    }  # fmt: skip
    return clinic


def test_no_page_or_part_runs_it(clinic: SmallClinic) -> None:
    wrong, told = [], 0
    for name, url in clinic.urls():
        for headers in ({}, {"hx-request": "true"}):
            answer = clinic.client.get(url, headers=headers)
            assert answer.status_code in (200, 302, 405), (name, url)
            html = html_of(answer)
            told += "&lt;script&gt;alert(1)" in html or "&lt;img src=x" in html
            if "alert(1)" in html:
                wrong += [(url, each) for each in run_by_a_browser(html)]
    assert wrong == []
    assert told > 120  # or nobody was called so


def test_no_page_of_the_administration_runs_it(clinic: SmallClinic) -> None:
    from django.contrib import admin

    wrong, told = [], 0
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        urls = [reverse(f"{name}_changelist")]
        row = model._default_manager.first()
        if row is not None:
            urls += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history")]
        for url in urls:
            html = clinic.client.get(url, follow=True).content.decode()
            told += "&lt;script&gt;alert(1)" in html or "&lt;img src=x" in html
            wrong += [(url, each) for each in run_by_a_browser(html)]
    assert wrong == []
    assert told > 20


def test_no_answer_to_a_form_runs_it(clinic: SmallClinic) -> None:
    """What is typed comes back in the form, beside the sentence that refuses it."""
    wrong = []
    for _name, url in clinic.one_of_each():
        boxes = set(re.findall(r'name="([\w-]+)"', html_of(clinic.client.get(url))))
        for payload in PAYLOADS:
            data = dict.fromkeys(boxes - {"action", "csrfmiddlewaretoken"}, payload)
            for headers in ({}, {"hx-request": "true"}):
                answer = clinic.client.post(url, data, headers=headers)
                wrong += [(url, each) for each in run_by_a_browser(html_of(answer))]
            wrong += [
                (url, each) for each in run_by_a_browser(html_of(clinic.client.get(url, data)))
            ]
    assert wrong == []


def test_files_hold_it_as_text_and_documents_print_it(clinic: SmallClinic) -> None:
    seen = {"csv": 0, "xlsx": 0, "pdf": 0}
    for _name, url in clinic.urls():
        if not re.search(r"\.(csv|xlsx|pdf)$|/print/$|/documents/", url):
            continue
        answer = clinic.client.get(url)
        if answer.status_code != 200:
            continue
        content = b"".join(answer) if answer.streaming else answer.content
        kind = answer["Content-Type"].partition(";")[0]
        if kind == "text/csv":
            assert "attachment" in answer["Content-Disposition"]
            seen["csv"] += "alert(1)" in content.decode()
        elif kind == "application/pdf":
            seen["pdf"] += "alert(1)" in printed(content)
        elif "spreadsheet" in kind:
            cells = [
                cell
                for row in load_workbook(io.BytesIO(content)).active.iter_rows()
                for cell in row
                if cell.value is not None
            ]
            assert not [cell for cell in cells if cell.data_type == "f"]
            seen["xlsx"] += any("alert(1)" in str(cell.value) for cell in cells)
    assert min(seen.values()) > 3, seen


def printed(pdf: bytes) -> str:
    """The words of a PDF, which holds nothing that runs."""
    for key in (b"/JavaScript", b"/JS ", b"/OpenAction", b"/Launch", b"/EmbeddedFile", b"/URI"):
        assert key not in pdf
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_document_of_today_prints_it(clinic: SmallClinic) -> None:
    invoice = Invoice.objects.select_related("patient").get(pk=clinic.line.invoice_id)
    issued = documents.issue(documents.invoice(Clinic.current(), invoice), by=clinic.by)
    words = printed(documents.pdf_of(Document.objects.get(pk=issued.pk)))
    assert "alert(1)>" in words
    assert "&lt;" not in words


def test_the_reader_sees_what_would_run() -> None:
    """The control."""
    assert run_by_a_browser("<p>&lt;script&gt;alert(1)</p>") == []
    for bad in (
        SCRIPT,
        f'<p title="{IMAGE}">',
        "<a href=' javascript:alert(1)'>",
        "<p style='color:red'>",
        "<svg onload=alert(1)>",
    ):
        assert run_by_a_browser(bad), bad


def test_a_user_called_so_is_greeted_as_text(client: Any) -> None:
    client.force_login(UserFactory(username="x", first_name=SCRIPT))
    assert run_by_a_browser(client.get("/").content.decode()) == []
