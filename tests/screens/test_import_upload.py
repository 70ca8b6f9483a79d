"""Choosing a file: its columns, and what is refused before anything in it is looked at."""

from __future__ import annotations

import pytest
from django.test import Client

from billing.imports import source
from billing.imports.kinds import KINDS
from billing.models import ImportFile
from tests.factories import UserFactory
from tests.imports.files import bring
from tests.screens.bad_input import nothing_happens
from tests.screens.lists import look
from tests.screens.uploads import SMITH, administrator, text, upload, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return administrator()


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_is_described(client: Client, kind: str) -> None:
    page = look(client, f"/import/{kind}/")
    for column in KINDS[kind].columns:
        needed = " needed" if column.required else ""
        assert f"{column.name}{needed} {column.meaning}".replace("'", "&#x27;") in page.table
    assert 'enctype="multipart/form-data"' in page.html
    assert len(page.queries) <= 12


def refused(client: Client, content: str | bytes, sentence: str) -> None:
    with nothing_happens():
        page = text(upload(client, content))
    assert "<title>Error: " in page
    assert "This file cannot be checked. 1 thing to fix:" in page
    assert page.count(sentence) == 2  # in the summary and beside the field
    assert not ImportFile.objects.waiting().exists()


def test_no_file(client: Client) -> None:
    page = text(client.post("/import/patients/", {"file": "not a file"}))
    assert page.count("Choose a file.") == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "This file is empty."),
        (b"PK\x03\x04", "This is an Excel file (or a ZIP archive), whatever its name says."),
        (b"%PDF-1.7", "This is a PDF, whatever its name says."),
        (b"name\n\x81", "This file is neither UTF-8 nor Windows-1252."),
    ],
)
def test_what_is_no_table(client: Client, content: str | bytes, sentence: str) -> None:
    refused(client, content, sentence)


def test_too_large(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.forms.imports.LARGEST", 10)
    refused(client, SMITH, "Split it and import the parts.")
    assert source.LARGEST == 50_000_000


def test_the_same_bytes_again(client: Client) -> None:
    bring("patients", SMITH)
    refused(client, SMITH, "by Ana: 1 patient and 0 coverages. Nothing is imported twice.")


def test_a_file_takes_the_place_of_the_last_one_of_this_person(client: Client) -> None:
    other = ImportFile.objects.keep(by=UserFactory(), kind="patients", name="a", data=b"x")
    fees = ImportFile.objects.keep(
        by=UserFactory(username="omar"), kind="fees", name="a", data=b"x"
    )
    upload(client, SMITH)
    upload(client, SMITH + "\n")
    assert ImportFile.objects.waiting().count() == 3
    assert ImportFile.objects.filter(pk__in=[other.pk, fees.pk]).count() == 2


def test_what_lies_about_for_a_day_is_forgotten(client: Client) -> None:
    upload(client, SMITH)
    old = waiting()
    day_ago = old.uploaded_at - ImportFile.KEPT_FOR
    ImportFile.objects.update(uploaded_at=day_ago, uploaded_by=UserFactory(username="eva"))
    upload(client, SMITH, kind="fees")
    assert waiting().kind == "fees"


def test_the_name_of_a_file_is_no_markup(client: Client) -> None:
    answer = upload(client, SMITH, name="<b>\u202ex.csv")
    assert "<b>x.csv" not in answer.content.decode()
    assert waiting().name == "<b>x.csv"
