"""Periods: through which day the books are closed, what is left to do, and closing the next."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from billing import ledger
from billing.chain.links import head
from billing.forms.periods import month_end_before, next_month_end
from billing.models import ClosingDate, EraFile, InvoiceLine, Remittance
from billing.models.periods import closed_through
from config.roles import ACCOUNTANT
from tests.factories import InvoiceFactory, PaymentFactory, give
from tests.factories.bills import day, money
from tests.screens.bad_input import BAD_DATES
from tests.screens.desk import Desk, key, seed2, text
from tests.screens.lists import ODD, costs_the_same, look, part

pytestmark = pytest.mark.django_db

URL = "/periods/"
NOT_ALLOWED = (
    "You may not close or reopen periods. Ask an accountant or an administrator."
    " Nothing was changed."
)


@pytest.fixture
def desk() -> Desk:
    """Ana is the accountant here: she may close periods."""
    found = seed2()
    give(found.ana, ACCOUNTANT)
    return found


def form(ago: int, seen: datetime.date | None = None, **given: Any) -> dict[str, Any]:
    return {
        "key": key(),
        "through": day(ago).isoformat(),
        "seen": seen.isoformat() if seen else "",
        **given,
    }


def refused(desk: Desk, fields: dict[str, Any], *sentences: str) -> str:
    before = ClosingDate.objects.count()
    answer = desk.client.post(URL, fields)
    assert answer.status_code == 200
    page = text(answer)
    assert "Nothing is closed yet." in page
    for sentence in sentences:
        assert sentence in page
    assert ClosingDate.objects.count() == before
    return page


# --- What it shows -------------------------------------------------------------------------------


def test_before_anything_is_closed_the_month_that_is_over_is_suggested(desk: Desk) -> None:
    page = look(desk.client, URL)
    last = timezone.localdate().replace(day=1) - datetime.timedelta(days=1)
    assert "Nothing is closed yet" in page.words
    assert "No period was ever closed" in page.words
    assert f"Left to do, dated up to {last:%d %b %Y}" in page.words
    assert f'name="through" value="{last:%Y-%m-%d}"' in page.html


@pytest.mark.parametrize(
    ("closed", "today", "next_"),
    [
        (None, "2026-11-27", "2026-10-31"),
        ("2026-09-30", "2026-11-27", "2026-10-31"),
        ("2026-10-31", "2026-11-27", None),  # the running month is closed by typing a day of it
        ("2026-11-26", "2026-11-27", None),
        ("2026-10-15", "2026-11-27", "2026-10-31"),
        ("2025-12-31", "2026-01-01", None),
        ("2025-11-30", "2026-01-01", "2025-12-31"),
    ],
)
def test_what_is_closed_next(closed: str | None, today: str, next_: str | None) -> None:
    parsed = datetime.date.fromisoformat
    found = next_month_end(parsed(closed) if closed else None, parsed(today))
    assert found == (parsed(next_) if next_ else None)


def test_what_stays_closed_when_a_month_is_reopened() -> None:
    assert month_end_before(datetime.date(2026, 3, 31)) == datetime.date(2026, 2, 28)
    assert month_end_before(datetime.date(2026, 1, 5)) == datetime.date(2025, 12, 31)


def test_who_moved_the_closing_date_when_and_why_is_listed(desk: Desk) -> None:
    ledger.close_period(by=desk.ana, through=day(10), seen=None)
    ledger.reopen_period(
        by=desk.ana, through=day(40), reason="<b>Two checks</b> were found", seen=day(10)
    )
    page = look(desk.client, URL)
    moves = page.words.partition("Moves of the closing date")[2]
    assert f"{day(40):%d %b %Y} Reopened from {day(10):%d %b %Y}" in moves
    assert f"{day(10):%d %b %Y} Closed - " in moves
    assert moves.index("Reopened") < moves.index("Closed - ")
    assert "&lt;b&gt;Two checks&lt;/b&gt; were found" in page.html
    assert f"Closed through {day(40):%d %b %Y} Moved by Ana" in page.words


def test_what_is_left_to_do_is_counted_and_leads_to_where_it_is_done(desk: Desk) -> None:
    InvoiceFactory(
        patient=desk.smith, provider=desk.dr1, amounts=["85", "15"], issued=False, ago=20
    )
    InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["1"], issued=False, ago=0)
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="30", method="card", ago=15)
    file = EraFile.objects.create(name="x", sha256="1", size=1, packed=b"", uploaded_by=desk.ana)
    Remittance.objects.create(
        file=file, position=0, number="0001", reference="E-1", amount=money(10), date=day(4)
    )
    asked = look(desk.client, URL, {"through": day(1).isoformat()})
    words = asked.words
    assert "Draft invoices Issued later, they count in the period they are issued in 1 100.00" in (
        words
    )
    assert "A slip dated in the period cannot be made any more 1 20.00 Deposit" in words
    assert "the period then keeps it as credit 1 30.00 Allocate" in words
    assert "Saved later, they need a day that is open 1 10.00 Review" in words
    assert f'href="/reports/deposit-slip/?to={day(1):%Y-%m-%d}"' in asked.html
    assert "What is left to do does not forbid it." in words


def test_where_nothing_is_left_to_do_it_says_so(desk: Desk) -> None:
    page = look(desk.client, URL, {"through": day(60).isoformat()})
    assert "Nothing: every session is billed" in page.words
    assert "does not forbid" not in page.words


def test_another_day_is_asked_about_and_answered_alone(desk: Desk) -> None:
    found = part(desk.client, URL, {"through": day(3).isoformat()})
    assert found.html.startswith('<div id="close" class="stack">')
    assert f"New closing date {day(3):%d %b %Y}" in found.words


@pytest.mark.parametrize("typed", [*BAD_DATES, *ODD])
def test_a_day_that_means_nothing_is_refused(desk: Desk, typed: str) -> None:
    answer = desk.client.get(URL, {"through": typed})
    if answer.status_code == 400:  # no address has a NUL in it
        assert "\0" in typed
        return
    assert "Nothing is closed yet." in text(answer)
    assert "Close period" not in text(answer)


def test_once_everything_is_closed_there_is_nothing_to_close(desk: Desk) -> None:
    ledger.close_period(by=desk.ana, through=day(1), seen=None)
    page = look(desk.client, URL)
    assert "Every month that is over is closed" in page.words
    assert "Close period" not in page.words


def test_it_costs_the_same_at_any_size(desk: Desk) -> None:
    def one_more(number: int) -> None:
        PaymentFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana, ago=0)
        ledger.close_period(by=desk.ana, through=day(200 - number), seen=closed_through())

    costs_the_same(desk.client, URL, one_more)
    # A list like the others, and beside it four counts of what is left to do.
    assert len(look(desk.client, URL).queries) <= 12 + 4


# --- Closing -------------------------------------------------------------------------------------


def test_a_period_is_closed(desk: Desk) -> None:
    assert desk.client.post(URL, form(5)).status_code == 302
    row = ClosingDate.objects.get()
    assert (row.closed_through, row.created_by) == (day(5), desk.ana)
    page = look(desk.client, URL)
    assert f"The books are closed through {day(5):%d %b %Y}." in page.words
    payment = {"amount": "5", "method": "cash", "date": day(5).isoformat(), "action": "save"}
    new = f"/patients/{desk.smith.chart_number}/payments/new/"
    refusal = text(desk.client.post(new, {**payment, "key": key(), "provider": desk.dr1.pk}))
    assert f"The date is in a closed period (up to {day(5):%d %b %Y})." in refusal


def test_a_second_click_closes_once(desk: Desk) -> None:
    fields = form(5)
    for _ in range(2):
        assert desk.client.post(URL, fields).status_code == 302
    assert ClosingDate.objects.count() == 1
    assert "closed through" in text(desk.client.get(URL))


def test_what_cannot_be_closed_is_refused(desk: Desk) -> None:
    refused(desk, form(0), "Only days that are over can be closed.")
    refused(desk, form(-1), "The date is in the future.")
    refused(desk, form(5, through=""), "Enter the last day to close.")
    refused(desk, form(5, through="0001-01-01"), "The date is too long ago. Check the year.")
    refused(desk, form(5, key="x"), "too old to be saved")
    refused(
        desk, {**form(5), "seen": "x"}, "This form is too old to be saved. Open the page afresh."
    )
    ledger.close_period(by=desk.ana, through=day(10), seen=None)
    refused(desk, form(10, seen=day(10)), f"closed through {day(10):%d %b %Y} already.")


def test_a_closing_date_that_somebody_moved_since_is_shown_first(desk: Desk) -> None:
    ledger.close_period(by=desk.ana, through=day(10), seen=None)
    ledger.reopen_period(by=desk.ana, through=day(40), reason="Audit", seen=day(10))
    page = refused(
        desk,
        form(1, seen=day(10)),
        f"Ana moved the closing date meanwhile: the books are closed through {day(40):%d %b %Y}.",
    )
    assert f'name="seen" value="{day(40):%Y-%m-%d}"' in page
    assert desk.client.post(URL, form(1, seen=day(40))).status_code == 302


# --- Who may -------------------------------------------------------------------------------------


def test_others_look_and_find_a_sentence_instead_of_the_button() -> None:
    desk = seed2()
    desk.close(day(10))
    page = look(desk.client, URL)
    assert "Periods are closed by administrators and accountants." in page.words
    assert "Close period" not in page.words
    assert "/periods/reopen/" not in page.html
    assert f"Closed through {day(10):%d %b %Y}" in page.words


def test_what_others_send_is_refused_and_changes_nothing() -> None:
    desk = seed2()
    answer = desk.client.post(URL, form(5))
    assert answer.status_code == 403
    assert NOT_ALLOWED in text(answer)
    assert ClosingDate.objects.count() == 0


def test_nothing_of_a_closed_period_can_be_changed_on_any_line(desk: Desk) -> None:
    """The figures of a line are those of its rows; none of them can be dated in the period."""
    desk.client.post(URL, form(1))
    before = InvoiceLine.objects.values("paid", "adjusted").get(pk=desk.line.pk)
    desk.client.post(f"/payments/{desk.receipt.number}/void/", {"key": key(), "reason": "Other"})
    assert InvoiceLine.objects.values("paid", "adjusted").get(pk=desk.line.pk) == before


def test_who_may_close_is_told_how_the_chain_of_seals_ends(desk: Desk) -> None:
    assert f"The chain of seals ends with {head()}" in look(desk.client, URL).words
    desk.ana.groups.remove(Group.objects.get(name=ACCOUNTANT))
    assert "chain of seals" not in look(desk.client, URL).words
