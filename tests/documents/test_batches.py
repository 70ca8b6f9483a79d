"""Statements for everybody in one go: one PDF of all, and made again nothing twice."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import balances, documents
from billing.documents import batches
from billing.models import Document, StatementBatch, shown
from tests.documents.reading import pages
from tests.factories import LineFactory, PatientFactory, UserFactory
from tests.factories.bills import day

pytestmark = pytest.mark.django_db


def owing(count: int) -> list[Any]:
    return [LineFactory(patient=PatientFactory(family_name=f"P{n:03d}")) for n in range(count)]


def batch(**given: Any) -> documents.Batch:
    return documents.Batch(
        by=UserFactory(),
        patients=balances.debtors().by_name(),
        first=None,
        last=day(0),
        **given,
    )


def test_it_makes_one_pdf_by_name_and_a_document_for_each() -> None:
    owing(23)
    made = batch()
    with mock.patch.object(batches, "CHUNK", 10):
        assert list(made.make()) == [10, 20, 23]
    saved = StatementBatch.objects.get()
    assert (made.saved, saved.number, saved.documents.count()) == (saved, "ST-0001", 23)
    found = pages(bytes(saved.pdf))
    assert len(found) == 23
    names = [match.group() for page in found if (match := re.search(r"P0\d\d", page))]
    assert names == [f"P{n:03d}" for n in range(23)]
    assert all("Page 1 of 1" in page for page in found)


def test_made_again_the_same_documents_are_found() -> None:
    owing(3)
    for _ in range(2):
        list(batch().make())
    assert Document.objects.count() == 3
    assert [each.documents.count() for each in StatementBatch.objects.all()] == [3, 3]


def test_the_same_form_twice_is_one_batch() -> None:
    owing(2)
    key = uuid.uuid4()
    first, second = batch(key=key), batch(key=key)
    list(first.make())
    list(second.make())
    assert first.saved == second.saved
    assert StatementBatch.objects.count() == 1


def test_broken_off_what_was_issued_stands_and_there_is_no_batch() -> None:
    owing(5)
    with mock.patch.object(batches, "CHUNK", 2):
        going = batch().make()
        next(going)
        going.close()
    assert Document.objects.count() == 2
    assert not StatementBatch.objects.exists()
    list(batch().make())
    assert Document.objects.count() == 5


def test_a_family_gets_one_and_who_has_nothing_on_it_has_no_part() -> None:
    mother = PatientFactory(family_name="Mother")
    child = PatientFactory(family_name="Child", guarantor=mother)
    PatientFactory(family_name="Baby", guarantor=mother)
    LineFactory(patient=child)
    list(batch().make())
    issued = Document.objects.get()
    assert issued.patient == mother
    assert [part["heading"] for part in issued.data["parts"]] == [
        f"Mother, Robin, chart {mother.chart_number}",
        f"Child, Robin, chart {child.chart_number}",
    ]


def test_a_chunk_costs_the_same_however_many_it_holds() -> None:
    counts = []
    shown()  # the settings are looked up once a request, however many statements it makes
    for size in (1, 10, 30):
        owing(size)
        with CaptureQueriesContext(connection) as captured:
            list(batch().make())
        counts.append(len(captured))
    assert len(set(counts)) == 1, counts


# ---------------------------------------------------------------------------- from the shell


def test_the_command_writes_the_pdf(tmp_path: Path, capsys: Any) -> None:
    UserFactory(username="ben")
    owing(2)
    target = tmp_path / "all.pdf"
    call_command("statements", str(target), by="ben", verbosity=0)
    assert len(pages(target.read_bytes())) == 2
    assert "ST-0001: 2 statements, $200.00 owed together" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--by", "nobody"], "There is no user nobody."),
        (["--by", "ana", "--provider", "Dr Who"], "There is no provider Dr Who."),
        (["--by", "ana", "--to", "2999-01-01"], "--to is in the future."),
        (["--by", "ana", "--from", "2025-02-01", "--to", "2025-01-01"], "--to is before --from."),
        (["--by", "ana", "--from", "1/2/2025"], "a date like 2025-11-18"),
        (["--by", "ana", "--more-than", "much"], "That is not an amount."),
    ],
)
def test_the_command_says_what_it_cannot_do(
    tmp_path: Path, options: list[str], sentence: str
) -> None:
    UserFactory(username="ana")
    owing(1)
    with pytest.raises(CommandError, match=re.escape(sentence)):
        call_command("statements", str(tmp_path / "all.pdf"), *options, verbosity=0)
    assert not Document.objects.exists()


def test_the_command_writes_over_nothing(tmp_path: Path) -> None:
    UserFactory(username="ana")
    with pytest.raises(CommandError, match="is there already"):
        call_command("statements", str(tmp_path), by="ana", verbosity=0)
