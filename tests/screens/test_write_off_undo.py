"""Undo a write-off: the line owes again what it took off."""

from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Adjustment
from tests.factories import InsurancePaymentFactory, LineFactory
from tests.factories.bills import day, entries
from tests.screens.desk import Desk, key, queries, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


@pytest.fixture
def row(desk: Desk) -> Adjustment:
    posted = ledger.write_off(
        by=desk.ana,
        entries=entries({desk.line: ("0", "10")}),
        kind="courtesy",
        date=day(2),
        reason="Long wait",
    )
    return posted.adjustments[0]


def url(row: Adjustment) -> str:
    return f"/write-offs/{row.pk}/undo/"


def answers(**given: Any) -> dict[str, Any]:
    today = timezone.localdate().isoformat()
    return {"key": key(), "reason": "Wrong line", "date": today, **given}


def test_account_and_invoice_show_it_with_undo(desk: Desk, row: Adjustment) -> None:
    for address in (desk.account_url, f"/invoices/{desk.line.invoice.number}/"):
        page = text(desk.client.get(address, {"period": "all"}))
        assert "Long wait" in page
        assert f'href="{url(row)}"' in page


def test_it_shows_what_follows(desk: Desk, row: Adjustment) -> None:
    page = text(desk.client.get(url(row)))
    assert "Undo this courtesy write-off?" in page
    assert "Undo $10.00" in page
    assert '<td class="quieter">20.00</td>' in page
    assert "<td>30.00</td>" in page
    assert Adjustment.objects.count() == 1
    part = text(desk.client.get(url(row), headers={"HX-Request": "true"}))
    assert part.startswith('<div id="write-off-undo">')


def test_the_line_owes_it_again(desk: Desk, row: Adjustment) -> None:
    answer = desk.client.post(url(row), answers())
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("30.00", "0.00", "30.00")
    page = text(desk.client.get(desk.account_url))
    number = desk.line.invoice.number
    assert f"The write-off of 10.00 on {number} is undone." in page
    assert "It now owes 30.00." in page
    assert "Undone</span>" in page
    assert "by Ana: Wrong line" in page
    assert f'href="{url(row)}"' not in page
    assert "already undone on" in text(desk.client.get(url(row)))


def test_a_second_click_undoes_once(desk: Desk, row: Adjustment) -> None:
    form = answers()
    for _ in range(2):
        assert desk.client.post(url(row), form).status_code == 302
    assert Adjustment.objects.count() == 2


def test_it_asks_why_and_when(desk: Desk, row: Adjustment) -> None:
    for given, sentence in (
        ({"reason": " "}, "Say why it is undone."),
        ({"reason": "r" * 5_000}, "at most 200 characters"),
        ({"date": "2099-01-01"}, "The date is in the future."),
    ):
        page = text(desk.client.post(url(row), answers(**given)))
        assert "This write-off is not undone yet." in page
        assert sentence in page
    desk.close()
    assert "closed period" in text(desk.client.post(url(row), answers()))
    assert Adjustment.objects.count() == 1


def test_an_insurers_write_off_leads_to_its_payment(desk: Desk) -> None:
    line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="100", by=desk.ana)
    check = InsurancePaymentFactory(amount="60", by=desk.ana, on={line: ("60", "30")})
    row = Adjustment.objects.get()
    page = text(desk.client.get(url(row)))
    assert f"This write-off came with {check.number} and is undone with it." in page
    assert f'href="/insurance-payments/{check.number}/"' in page
    assert "data-main" not in page.partition("</main>")[0]
    account = text(desk.client.get(desk.account_url))
    assert "30.00 written off with" in account
    assert f'href="{url(row)}"' not in account
    assert f"came with {check.number}" in text(desk.client.post(url(row), answers()))
    assert Adjustment.objects.count() == 1


def test_what_came_with_a_voided_line_stays(desk: Desk) -> None:
    ledger.void_line(by=desk.ana, line=desk.line, date=day(0), reason="Wrong patient")
    row = Adjustment.objects.get()
    assert "This line was voided" in text(desk.client.get(url(row)))
    account = text(desk.client.get(desk.account_url))
    assert "Wrong patient · " in account  # the void, which says what it took off
    assert f'href="{url(row)}"' not in account
    assert desk.client.post(url(row), answers()).status_code == 200
    assert Adjustment.objects.count() == 1


def test_what_undoes_has_no_page_and_nothing_is_escaped_twice(desk: Desk, row: Adjustment) -> None:
    desk.client.post(url(row), answers(reason="<b>x</b>"))
    undoing = Adjustment.objects.latest("pk")
    assert desk.client.get(url(undoing)).status_code == 404
    assert desk.client.get("/write-offs/999999/undo/").status_code == 404
    assert "<b>x</b>" not in desk.client.get(desk.account_url).content.decode()


def test_it_costs_few_queries(desk: Desk, row: Adjustment) -> None:
    assert queries(lambda: desk.client.get(url(row))) <= 10
