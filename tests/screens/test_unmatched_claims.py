"""The list of claims that were saved without a session."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from billing import balances, ledger
from billing.models import RemittanceRow
from tests.screens.era_desk import EraDesk, desk
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look

__all__ = ["desk"]
pytestmark = pytest.mark.django_db
URL = "/insurance-payments/unmatched/"


def test_nothing_to_place(desk: EraDesk) -> None:
    desk.clinic.post(1)
    assert "Every claim has its session" in look(desk.client, URL).words


def test_what_waits(desk: EraDesk) -> None:
    row = desk.unmatched()
    page = look(desk.client, URL)
    assert "NOBODY, KNOWN claim XX-9, id ZZ9" in page.table
    assert "Evergreen Health Plan" in page.table
    assert "150.00" in page.table
    assert f'href="{URL}{row.pk}/"' in page.html
    waiting = balances.unmatched(day=timezone.localdate(), first=5)
    assert (waiting.count, waiting.total, waiting.rows[0][1]) == (1, 150, 8)


def test_a_draft_does_not_wait_here(desk: EraDesk) -> None:
    desk.draft(8)
    assert "Every claim has its session" in look(desk.client, URL).words


def test_it_leaves_with_its_payment(desk: EraDesk) -> None:
    row = desk.unmatched()
    payment = row.remittance.payment
    assert payment
    ledger.reverse(
        by=desk.clinic.ana, payment=payment, date=timezone.localdate(), reason="Entered twice"
    )
    assert "Every claim has its session" in look(desk.client, URL).words


def test_odd_pages_and_names(desk: EraDesk) -> None:
    row = desk.unmatched()
    row.claim.__class__.objects.filter(pk=row.claim_id).update(patient=SCRIPT, control=SCRIPT)
    assert "<script>alert" not in look(desk.client, URL).html
    for odd in ODD:
        assert look(desk.client, URL, {"page": odd, "sort": odd}).response.status_code == 200


def test_it_costs_the_same_however_many(desk: EraDesk) -> None:
    row = desk.unmatched()

    def add(number: int) -> None:
        RemittanceRow.objects.filter(pk=row.pk).first()
        again = RemittanceRow.objects.get(pk=row.pk)
        again.pk, again.number = None, number + 10
        again.save(force_insert=True)

    costs_the_same(desk.client, URL, add)


def test_signed_out(db: None) -> None:
    assert Client().get(URL)["Location"].startswith("/accounts/login/")
