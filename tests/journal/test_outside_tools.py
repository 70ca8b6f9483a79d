"""Programs nobody here wrote load the journal of two clinics, and agree to the cent."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests.journal.reading import beancount, by_path, from_the_books, hledger, texts
from tests.reports.asking import ask

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
    [takings] = ask("takings", f"from=&to={timezone.localdate()}").panels()
    assert {line.label: f"{line.amounts[0]:,}" for line in takings.lines} == {
        "Copay": "28,540.00",
        "EFT": "15,473.58",  # ECHECK in Synthea's words
        "Cash": "308,144.14",
        "Card": "294,697.91",
        "Check": "456,648.32",
    }
    _agree(tmp_path)
