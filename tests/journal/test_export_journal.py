"""manage.py export_journal: the journal without a browser."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing import journal, ledger
from tests.factories import LineFactory, OwnerFactory, PaymentFactory
from tests.factories.bills import day
from tests.journal.reading import texts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clinic() -> None:
    line = LineFactory(ago=30)
    PaymentFactory(patient=line.patient, provider=line.provider, ago=5, on={line: "20"})


def export(*typed: str) -> str:
    said = StringIO()
    call_command("export_journal", *typed, stdout=said)
    return said.getvalue()


@pytest.mark.parametrize("form", journal.FORMATS)
def test_a_period_goes_into_a_file(tmp_path: Path, form: str) -> None:
    file = tmp_path / "journal"
    first, last = day(9).isoformat(), day(0).isoformat()
    said = export("--from", first, "--to", last, "--format", form, "--output", str(file))
    assert said == f"2 entries in {file}.\n"
    assert file.read_bytes() == texts(first=day(9), last=day(0))[form]


def test_without_a_file_it_is_written_to_the_terminal() -> None:
    assert export("--format", "hledger").encode() == texts(last=day(0))["hledger"]


def test_without_a_format_it_is_csv() -> None:
    assert export("--to", day(9).isoformat()).encode() == texts(last=day(9))["csv"]


def test_a_batch(tmp_path: Path) -> None:
    batch = ledger.make_journal_batch(by=OwnerFactory(), through=day(9)).batch
    file = tmp_path / "J-0001.csv"
    assert export("--batch", "J-0001", "--output", str(file)) == f"1 entry in {file}.\n"
    assert file.read_bytes() == texts(batch=batch)["csv"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--from", day(1).isoformat(), "--to", day(2).isoformat()], "--to is before --from."),
        (["--to", day(-2).isoformat()], "--to is in the future."),
        (["--from", day(-2).isoformat()], "--to is before --from."),
        (["--from", "0001-01-01"], "The date is too long ago. Check the year."),
        (["--to", "0001-01-01"], "The date is too long ago. Check the year."),
        (["--from", "yesterday"], "a date like 2025-11-18"),
        (["--from", "２０２５-01-01"], "a date like 2025-11-18"),
        (["--batch", "J-9999"], "There is no batch J-9999."),
        (
            ["--batch", "J-0001", "--to", day(0).isoformat()],
            "--batch is a period of its own: leave --from and --to out.",
        ),
        (["--format", "xml"], "invalid choice: 'xml'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(typed: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        export(*typed)


def test_no_file_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("precious")
    with pytest.raises(CommandError, match="is there already; it is not written over"):
        export("--output", str(file))
    assert file.read_text() == "precious"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        export("--output", str(tmp_path / "nowhere" / "journal"))


def test_a_file_that_fails_in_the_middle_is_not_left_behind(
    tmp_path: Path, monkeypatch: Any
) -> None:
    def breaks(*_args: Any) -> Any:
        yield b"half"
        raise RuntimeError("the database went away")

    monkeypatch.setattr(journal, "in_format", breaks)
    file = tmp_path / "half"
    with pytest.raises(RuntimeError):
        export("--output", str(file))
    assert not file.exists()
