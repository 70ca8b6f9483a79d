"""manage.py import_csv does what the screen does: the same checks, sentences and once-only."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import ImportFile
from patients.models import Patient
from tests.factories import OwnerFactory

pytestmark = pytest.mark.django_db

GOOD = "family_name,given_name,birth_date,Fax\nMüller,Jörg,1980-05-17,1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    path.write_bytes(GOOD.encode())
    return path


def load(file: Path, *options: str, **more: Any) -> str:
    said = StringIO()
    call_command("import_csv", "patients", str(file), *options, stdout=said, **more)
    return said.getvalue()


def test_a_dry_run_says_what_would_be_made(file: Path) -> None:
    said = load(file, "--dry-run")
    assert "line 1: no column is called Fax; it is not read." in said
    assert "             1  Patients\n" in said
    assert said.endswith("Every line can be imported. Nothing was imported yet.\n")
    assert not Patient.objects.exists()
    assert not ImportFile.objects.exists()


def test_it_goes_in_once(file: Path) -> None:
    assert load(file).endswith("Imported: 1 patient and 0 coverages.\n")
    assert Patient.objects.get().name == "Müller, Jörg"
    assert ImportFile.objects.get().uploaded_by.username == "csv-import"
    with pytest.raises(CommandError, match="This very file was imported on"):
        load(file)
    assert Patient.objects.count() == 1
    assert ImportFile.objects.count() == 1


def test_in_somebodys_name(file: Path) -> None:
    with pytest.raises(CommandError, match="There is no user ana"):
        load(file, by="ana")
    assert not Patient.objects.exists()
    ana = OwnerFactory(username="ana")
    load(file, by="ana")
    assert ImportFile.objects.get().uploaded_by == ana


def test_every_bad_line_is_named(file: Path) -> None:
    file.write_text(GOOD + "=x,Ann,1990-02-30,\n,Bob,1990-01-01,\n", encoding="utf-8")
    said = StringIO()
    with pytest.raises(CommandError, match=r"Nothing was imported\. Things to mend: 3"):
        call_command("import_csv", "patients", str(file), stdout=said)
    assert "line 3, birth_date: There is no such day.\n" in said.getvalue()
    assert "line 4, family_name: This must not be empty.\n" in said.getvalue()
    assert not Patient.objects.exists()


def test_another_encoding_is_asked_about(file: Path) -> None:
    file.write_bytes(GOOD.encode("windows-1252"))
    said = StringIO()
    with pytest.raises(CommandError, match="add --encoding windows-1252"):
        call_command("import_csv", "patients", str(file), stdout=said)
    assert "Müller,Jörg,1980-05-17,1" in said.getvalue()
    load(file, encoding="windows-1252")
    assert Patient.objects.get().name == "Müller, Jörg"


def test_what_cannot_be_read(file: Path, tmp_path: Path) -> None:
    file.write_bytes(b"%PDF-1.7")
    with pytest.raises(CommandError, match="This is a PDF"):
        load(file)
    with pytest.raises(CommandError, match=r"cannot be read: No such file"):
        load(tmp_path / "nowhere.csv")
    with pytest.raises(CommandError, match="invalid choice: 'people'"):
        call_command("import_csv", "people", str(file))
