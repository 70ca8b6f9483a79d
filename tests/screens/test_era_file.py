"""A file that was imported: its payments, what was refused, opening a discarded one again."""

from __future__ import annotations

import pytest

from billing.models import EraFile
from billing.models.remittances import RemittanceState
from tests.screens.bad_input import nothing_happens, text
from tests.screens.era_desk import EraDesk, desk
from tests.screens.lists import SCRIPT, look

__all__ = ["desk"]
pytestmark = pytest.mark.django_db


def test_its_payments_and_how_they_stand(desk: EraDesk) -> None:
    draft = desk.draft(1)
    page = look(desk.client, draft.file.get_absolute_url()).words
    assert "Marked as a TEST." in page
    assert "EFT-5001 Evergreen Health Plan 20 Jan 2026 $210.00 3 Draft" in page
    assert "Undo" not in page
    desk.clinic.save(draft)
    page = look(desk.client, draft.file.get_absolute_url()).words
    assert str(draft.payment) in page
    assert "Undo this payment" in page


def test_what_was_refused_stands_with_it(desk: EraDesk) -> None:
    draft = desk.draft(1)
    EraFile.objects.update(
        refusals=[["CHK1", "E12", "Payment CHK1 does not add up."]],
        warnings=[["W11", SCRIPT]],
        name=SCRIPT,
    )
    page = look(desk.client, draft.file.get_absolute_url())
    assert "CHK1 Payment CHK1 does not add up. E12" in page.words
    assert "<script>alert" not in page.html


def test_a_discarded_payment_is_opened_again(desk: EraDesk) -> None:
    draft = desk.draft(1)
    desk.act(draft, "discard")
    url = draft.file.get_absolute_url()
    assert "Open again" in text(desk.client.get(url))
    with nothing_happens():
        answer = desk.client.post(url, {"again": str(draft.pk)})
    assert answer["Location"] == draft.get_absolute_url()
    draft.refresh_from_db()
    assert draft.state == RemittanceState.DRAFT
    assert not EraFile.objects.get().discarded


def test_not_where_another_took_its_place(desk: EraDesk) -> None:
    draft = desk.draft(1)
    desk.act(draft, "discard")
    desk.draft(1)
    answer = desk.client.post(draft.file.get_absolute_url(), {"again": str(draft.pk)})
    assert "EFT-5001 was imported again meanwhile; open that one." in desk.said(answer)


@pytest.mark.parametrize("again", ["", "x", "999999", "９"])
def test_forged(desk: EraDesk, again: str) -> None:
    draft = desk.draft(1)
    answer = desk.client.post(draft.file.get_absolute_url(), {"again": again})
    assert "That payment is not in this file." in desk.said(answer)
