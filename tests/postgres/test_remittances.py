"""Two people with one remittance at the same moment, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine

from billing import checks
from billing.models import EraFile, Payment, Remittance, RemittanceRow
from billing.remittances import posting, review, worklist
from billing.remittances.review import ReviewError
from billing.remittances.uploading import Uploaded, upload
from tests.era.clinic import TODAY, Clinic, series
from tests.era.files import constructed
from tests.postgres.racing import Desks, at_the_same_time

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic(transactional_db: None) -> Iterator[Clinic]:
    with time_machine.travel(TODAY, tick=True):
        yield series()
        assert checks.run_all() == []


def uploads(clinic: Clinic, name: str, data: bytes) -> Callable[[], Uploaded]:
    return lambda: upload(name, data, by=clinic.ana)


def codes(outcomes: list[Any]) -> list[str]:
    """The code each upload was refused with, or "" where it gave drafts."""
    for each in outcomes:
        assert isinstance(each, Uploaded), repr(each)
    return sorted(each.refused[0][1].code if each.refused else "" for each in outcomes)


@pytest.mark.parametrize("known", [True, False])
def test_the_same_file_twice_at_once(desks: Desks, clinic: Clinic, known: bool) -> None:
    if not known:
        clinic.evergreen.keys.all().delete()
    data = constructed(1)
    found = at_the_same_time(desks, *(uploads(clinic, f"{n}.835", data) for n in range(4)))
    assert codes(found) == ["", "E21", "E21", "E21"]
    assert (EraFile.objects.count(), Remittance.objects.count()) == (1, 1)


@pytest.mark.parametrize("known", [True, False])
def test_the_same_check_in_two_files_at_once(desks: Desks, clinic: Clinic, known: bool) -> None:
    if not known:
        clinic.evergreen.keys.all().delete()
    files = [constructed(1).replace(b"000001001", b"%09d" % number) for number in range(3)]
    found = at_the_same_time(desks, *(uploads(clinic, "x.835", data) for data in files))
    assert codes(found) == ["", "E20", "E20"]
    assert Remittance.objects.count() == 1


def test_two_people_save_one_draft(desks: Desks, clinic: Clinic) -> None:
    draft = clinic.draft(1)

    def save() -> Any:
        with review.changing(draft.pk) as locked:
            return posting.save(locked, by=clinic.ana, sure=True)

    found = at_the_same_time(desks, save, save)
    errors = [each for each in found if isinstance(each, BaseException)]
    assert [str(each) for each in errors] == ["This draft was posted meanwhile."]
    assert Payment.objects.count() == 1


def test_two_people_place_one_claim(desks: Desks, clinic: Clinic) -> None:
    draft = clinic.draft(8)
    first, second = RemittanceRow.objects.select_related("claim").order_by("claim__index")
    review.tick(first)
    review.leave_unapplied(second)
    clinic.save(draft)
    lines = [clinic.lines["RC-1002-1"], clinic.lines["RC-1002-1"]]

    def place(line: Any) -> Callable[[], Any]:
        return lambda: worklist.place_later(second.pk, line, by=clinic.ana)

    found = at_the_same_time(desks, *map(place, lines))
    errors = [each for each in found if isinstance(each, BaseException)]
    assert len(errors) == 1
    assert isinstance(errors[0], ReviewError)
    assert clinic.figures("RC-1002-1")[0] == "150"
