"""Undo everything a file posted, or one of its payments (remittance_undo)."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest

from billing.models import Payment
from billing.models.remittances import RemittanceState
from tests.screens.bad_input import BAD_DATES, nothing_happens, text
from tests.screens.era_desk import EraDesk, desk
from tests.screens.lists import SCRIPT, look

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


def form(**changed: str) -> dict[str, str]:
    fields = {
        "key": str(uuid.uuid4()),
        "reason": "Wrong file",
        "after": "draft",
        "date": "2026-04-01",
        "note": "",
    }
    return {**fields, **changed}


def of_file(draft: Any) -> str:
    return f"{draft.file.get_absolute_url()}undo/"


def of_payment(draft: Any) -> str:
    return f"{draft.get_absolute_url()}undo/"


@pytest.mark.parametrize("url", [of_file, of_payment])
def test_everything_is_as_before(desk: EraDesk, url: Any) -> None:
    was = desk.clinic.everything()
    draft = desk.clinic.post(1)
    assert "EFT-5001, $210.00" in look(desk.client, url(draft)).words
    page = desk.said(desk.client.post(url(draft), form()))
    assert "EFT-5001 undone." in page
    assert desk.clinic.everything() == was
    draft.refresh_from_db()
    assert draft.state == RemittanceState.DRAFT
    assert Payment.objects.get(kind="reversal").reason == "Wrong file"


def test_discarded(desk: EraDesk) -> None:
    draft = desk.clinic.post(1)
    desk.client.post(of_file(draft), form(after="discard"))
    draft.refresh_from_db()
    assert draft.state == RemittanceState.DISCARDED
    desk.draft(1)


def test_several_payments_of_one_file_go_together(desk: EraDesk) -> None:
    first, second = desk.clinic.post(1), desk.clinic.post(2)
    second.file = first.file
    second.save()
    was_paid = desk.clinic.figures("RC-1001-2")[0]
    assert was_paid == "25"
    page = look(desk.client, of_file(first)).words
    assert "Undo 2 payments" in page
    desk.client.post(of_file(first), form())
    assert desk.clinic.figures("RC-1001-2")[0] == "0"


def test_a_day_before_the_payment_cannot_be_kept_and_that_is_said(desk: EraDesk) -> None:
    draft = desk.clinic.post(1)
    day = draft.payment.date - datetime.timedelta(days=2)
    answer = desk.client.post(of_file(draft), form(date=day.isoformat()), follow=True)
    assert f"It is dated {draft.payment.date:%d %b %Y}: it changes entries" in text(answer)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"reason": ""}, "Choose a reason for the reversal."),
        ({"reason": "burn"}, "Choose a reason for the reversal."),
        ({"date": "2026-02-30"}, BAD_DATES["2025-02-30"]),
        ({"date": "9999-12-31"}, "The date is in the future."),
        ({"after": "burn"}, "burn"),
        ({"note": "x" * 5000}, "200 characters"),
        ({"key": "x"}, "This form is too old to be saved."),
    ],
)
def test_it_refuses(desk: EraDesk, changed: dict[str, str], says: str) -> None:
    draft = desk.clinic.post(1)
    with nothing_happens():
        answer = desk.client.post(of_file(draft), form(**changed))
    assert answer.status_code == 200
    page = text(answer)
    assert "This is not undone yet." in page
    assert says in page


def test_a_later_takeback_stands_on_it(desk: EraDesk) -> None:
    first, second = desk.clinic.post(1), desk.clinic.post(2)
    with nothing_happens():
        page = text(desk.client.post(of_file(first), form()))
    assert f"Reverse {second.payment} first." in page


def test_nothing_to_undo(desk: EraDesk) -> None:
    draft = desk.draft(1)
    assert "Nothing to undo" in look(desk.client, of_file(draft)).words
    with nothing_happens():
        assert desk.client.post(of_payment(draft), form()).status_code == 200


def test_names_with_html_in_them(desk: EraDesk) -> None:
    draft = desk.clinic.post(1)
    draft.file.name = SCRIPT
    draft.file.save()
    assert "<script>alert" not in look(desk.client, of_file(draft)).html
