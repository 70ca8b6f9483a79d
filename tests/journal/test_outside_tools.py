"""Programs nobody here wrote load the journal of two clinics, and agree to the cent."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from tests.journal.reading import beancount, by_path, from_the_books, hledger, texts

pytestmark = pytest.mark.django_db

SYNTHEA = Path(__file__).parents[1] / "data" / "synthea"


def _agree(folder: Path) -> None:
    written, expected = texts(), from_the_books()
    assert by_path() == expected
    for name, read in (("beancount", beancount), ("hledger", hledger)):
        file = folder / f"journal.{name}"
        file.write_bytes(written[name])
        assert read(file) == expected, name


def test_they_agree_with_the_demo_clinic(tmp_path: Path) -> None:
    call_command("demo", patients=150, verbosity=0)
    _agree(tmp_path)


def test_they_agree_with_the_synthea_clinic(tmp_path: Path) -> None:
    call_command("import_synthea", str(SYNTHEA))
    cash = {path: amount for path, amount in by_path().items() if path.startswith("Assets:10")}
    assert {path.split(":")[1]: str(amount) for path, amount in cash.items()} == {
        "1010-Cash-Cash": "308144.14",
        "1020-Cash-Card": "294697.91",
        "1030-Cash-Check": "456648.32",
        "1040-Cash-EFT": "15473.58",
        "1060-Cash-Copay": "28540.00",
    }
    _agree(tmp_path)
