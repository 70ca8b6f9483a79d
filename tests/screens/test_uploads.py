"""Files nobody should send: each is refused in a sentence, and leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from billing.forms.remittances import FILES_AT_ONCE
from billing.imports import source
from billing.models import EraFile, ImportFile, Remittance
from config import uploads
from patients.models import Patient
from tests.era.files import constructed
from tests.screens.bad_input import nothing_happens
from tests.screens.uploads import HEAD, SMITH, administrator, text

pytestmark = pytest.mark.django_db

ERA = "/insurance-payments/import-era/"
CSV = "/import/patients/"


def zipped(name: str = "patients.csv", content: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;">]><lolz>&lol2;</lolz>"""
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'

# What is no text at all, or a text of another kind: refused before anything in it is read.
BAD: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \r\n\t",
    "only NUL": b"\0" * 1000,
    "NUL inside": b"family_name\0,given_name\n",
    "zip": zipped(),
    "zip with a path": zipped("../../../etc/cron.d/x"),
    "zip bomb": zipped(content=b"\0" * 50_000_000),
    "empty zip": zipped()[-22:],
    "xlsx": zipped("xl/workbook.xml", b"<workbook/>"),
    "docx": zipped("word/document.xml", b"<document/>"),
    "gzip": gzip.compress(b"family_name\n"),
    "gzip bomb": gzip.compress(b"\0" * 50_000_000),
    "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "PNG": b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "GIF": b"GIF89a\x01\0\x01\0",
    "program": b"MZ\x90\0\x03\0\0\0",
    "ELF": b"\x7fELF\x02\x01\x01\0",
    "class": b"\xca\xfe\xba\xbe\0\0\0\x34",
    "SQLite": b"SQLite format 3\0" + b"\0" * 80,
    "tar": b"etc/passwd" + b"\0" * 90 + b"0000644\0" + b"\0" * 400,
    "7z": b"7z\xbc\xaf\x27\x1c\0\x04",
    "bzip2": b"BZh91AY&SY\0\0\0\0",
    "xz": b"\xfd7zXZ\0\0\x04",
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "HTML in capitals": b"<HTML><BODY ONLOAD=alert(1)>",
    "XML": b'<?xml version="1.0"?><patients/>',
    "XML of entities": LAUGHS,
    "XML that points outside": OUTSIDE,
    "UTF-16 cut in two": b"\xff\xfef\0a\0m",
    "UTF-16 without a mark": "family_name,given_name\n".encode("utf-16-le"),
    "UTF-32": "family_name".encode("utf-32"),
    "random": bytes(range(256)) * 40,
    "high bytes": b"\x81\x8d\x8f\x90\x9d" * 100,
    "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix\x94.",
    "script": b"#!/bin/sh\nrm -rf /\n",
    "JSON": b'{"family_name": "Smith"}',
    "one long line": b"x" * 1_000_000,
    "quotation mark": b'family_name,given_name,birth_date\n"Smith,John,1980-05-17\n' * 3,
    "many columns": b"," * 200_000,
    "formulas": b"=cmd|' /C calc'!A0,given_name,birth_date\n",
}


def test_there_are_forty_bad_files() -> None:
    assert len(BAD) >= 40


@pytest.fixture
def client() -> Client:
    return administrator()


def sent(client: Client, address: str, *files: tuple[str, bytes]) -> Any:
    box = "uploads" if address == ERA else "file"
    made = [SimpleUploadedFile(*each) for each in files]
    return client.post(address, {box: made if address == ERA else made[0]}, follow=True)


def nothing_is_left() -> bool:
    return not (
        EraFile.objects.exists()
        or Remittance.objects.exists()
        or Patient.objects.exists()
        or ImportFile.objects.imported().exists()
    )


@pytest.mark.parametrize("address", [ERA, CSV])
@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_in_a_sentence(client: Client, address: str, what: str) -> None:
    with nothing_happens():
        answer = sent(client, address, ("file.csv", BAD[what]))
    page = text(answer)
    assert answer.status_code == 200
    assert "alert(1)" not in page.replace("file.csv", "")
    if address == ERA:
        assert "Not everything was imported." in page or "Not imported: file.csv" in page
    elif waiting := ImportFile.objects.waiting().first():
        # It reads as a table, so its person may look at what is wrong; it cannot be imported.
        client.post(waiting.get_absolute_url(), {"action": "import"})
        assert waiting.report is None or waiting.report["problems"]
    else:
        assert "This file cannot be checked." in page
    assert nothing_is_left()


NAMES = [
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "C:\\boot.ini",
    "a\0.csv",
    "a%00.csv",
    "<script>alert(1)</script>.csv",
    '"><img src=x onerror=alert(1)>.csv',
    "x" * 5_000 + ".csv",
    "\u202egpj.csv",
    "a\r\nSet-Cookie: evil=1.csv",
    "a;b&c|d.csv",
    "{{ 7*7 }}.csv",
    ".htaccess",
    "con",
    "\N{PILE OF POO}.csv",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_word_and_no_way_to_anywhere(
    client: Client, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for address, content in ((ERA, constructed(1)), (CSV, SMITH.encode())):
        answer = sent(client, address, (name, content))
        html = answer.content.decode()
        assert answer.status_code in (200, 400), address
        assert "Set-Cookie: evil" not in str(answer.headers)
        assert "evil" not in client.cookies
        assert "<script>alert(1)" not in html
        assert "<img src=x" not in html
    kept = [each.name for each in (*EraFile.objects.all(), *ImportFile.objects.all())]
    assert all("/" not in each and "\\" not in each and "\0" not in each for each in kept)
    assert all(len(each) <= 200 for each in kept)
    assert list(tmp_path.iterdir()) == []  # nothing is ever written under its name


def test_the_same_file_twice_is_kept_once(client: Client) -> None:
    sent(client, ERA, ("a.835", constructed(1)), ("b.835", constructed(1)))
    assert EraFile.objects.count() == 1
    assert Remittance.objects.count() == 1


# ---------------------------------------------------------------------------- how much


def test_what_is_too_large_is_stopped_while_it_comes_in(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_FILE", 100_000)
    monkeypatch.setattr("billing.forms.imports.LARGEST", 100_000)
    spooled: list[int] = []
    clean = "billing.forms.imports.encoding_of"
    monkeypatch.setattr(clean, lambda data: spooled.append(len(data)))
    page = text(sent(client, CSV, ("large.csv", HEAD.encode() + b"x" * 3_000_000)))
    assert "Split it and import the parts." in page
    assert spooled == []
    assert nothing_is_left()


def test_no_more_of_it_is_spooled_than_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_FILE", 100_000)
    monkeypatch.setattr(settings, "FILE_UPLOAD_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(settings, "FILE_UPLOAD_MAX_MEMORY_SIZE", 1_000)
    sizes: list[int] = []

    def look(self: Any) -> Any:
        sizes.extend(os.path.getsize(each) for each in tmp_path.iterdir())
        raise source.UnreadableError("seen")

    monkeypatch.setattr("billing.forms.imports.encoding_of", look)
    sent(client, CSV, ("large.csv", b"x" * 3_000_000))
    assert len(sizes) == 1
    assert 100_000 < sizes[0] <= 100_000 + 2 * 65_536
    assert list(tmp_path.iterdir()) == []  # and it is gone afterwards


def test_a_request_that_is_too_large_altogether_is_not_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGEST_REQUEST", 1_000)
    answer = sent(client, ERA, ("a.835", b"x" * 2_000))
    assert answer.status_code == 413
    assert answer.content == b"This is more than a form may send at once. Send less.\n"
    assert nothing_is_left()


def test_a_form_of_texts_that_is_too_large_is_not_read(client: Client) -> None:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert client.post("/patients/new/", {"note": "x" * most}).status_code == 413
    form = {f"f{number}": "" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert client.post("/patients/new/", form).status_code == 400


def test_so_many_files_and_no_more(client: Client) -> None:
    one = ("a.835", b"x")
    page = text(sent(client, ERA, *[one] * (FILES_AT_ONCE + 1)))
    assert f"Choose {FILES_AT_ONCE} files at most at a time." in page
    answer = sent(client, ERA, *[one] * (settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1))
    assert answer.status_code == 400
    assert nothing_is_left()


def test_the_limits_fit_each_other() -> None:
    assert uploads.LARGEST_FILE >= source.LARGEST
    assert uploads.LARGEST_REQUEST >= uploads.LARGEST_FILE
    assert settings.DATA_UPLOAD_MAX_NUMBER_FILES > FILES_AT_ONCE


def test_who_may_not_import_sends_nothing(client: Client) -> None:
    for address in (ERA, CSV):
        answer = Client().post(address, {"file": SimpleUploadedFile("a.csv", SMITH.encode())})
        assert answer["Location"].startswith("/accounts/login/")
    assert nothing_is_left()
