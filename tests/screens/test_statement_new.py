"""A patient's statement: look at its figures, then issue it."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from billing import ledger
from billing.models import Document
from tests.factories import (
    InvoiceFactory,
    LineFactory,
    PatientFactory,
    PaymentFactory,
    RefundFactory,
)
from tests.factories.bills import day
from tests.screens.desk import Desk, seed2, text
from tests.screens.lists import SCRIPT, look, part
from tests.screens.paper import BAD_PERIODS, nothing_issued, pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


URL = "/patients/P1042/statements/new/"


def period(first: int | None = 90, last: int = 0) -> dict[str, str]:
    return {"from": "" if first is None else day(first).isoformat(), "to": day(last).isoformat()}


def test_it_shows_what_the_statement_will_say(desk: Desk) -> None:
    page = look(desk.client, URL)
    for said in (
        f"Opening balance on {day(90):%d %b %Y} 0.00",
        f"{day(30):%d %b %Y} Psychotherapy, 45 minutes {desk.line.invoice}, 90834 Dr 1 50.00",
        f"{day(20):%d %b %Y} Payment {desk.receipt.number} cash Dr 1 -20.00 30.00",
        f"Closing balance on {day(0):%d %b %Y} 50.00 -20.00 30.00",
        "Amount due $30.00",
        "0.00 30.00 0.00 0.00 0.00 0.00 30.00",
    ):
        assert said in page.words, page.words
    assert '<a href="?from=&amp;to=' in page.html


def test_another_period_begins_with_what_was_owed_before(desk: Desk) -> None:
    page = look(desk.client, URL, period(25))
    assert f"Opening balance on {day(25):%d %b %Y} 50.00" in page.words
    assert "Psychotherapy" not in page.table
    assert "Closing balance" in look(desk.client, URL, period(None)).words


def test_issuing_leads_to_the_pdf(desk: Desk) -> None:
    answer = desk.client.post(URL, period())
    words = pdf_words(desk.client, answer)
    assert "Amount due $30.00" in words
    assert "John Smith" in words
    issued = Document.objects.get()
    assert (issued.patient, issued.created_by) == (desk.smith, desk.ana)
    assert (issued.period_from, issued.period_to) == (day(90), day(0))


def test_a_second_click_issues_nothing_new_and_the_screen_says_so(desk: Desk) -> None:
    first, second = (desk.client.post(URL, period()) for _ in range(2))
    assert first["Location"] == second["Location"] == "/documents/DOC-0001/"
    assert "Issued as DOC-0001 already" in look(desk.client, URL, period()).words
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="5", ago=0)
    assert "Issue statement" in look(desk.client, URL, period()).words


def test_a_refund_and_a_write_off_are_on_it(desk: Desk) -> None:
    payment = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="10", ago=3)
    RefundFactory(payment=payment, amount=payment.amount, ago=1, reason="Go")
    ledger.adjust(
        by=desk.ana,
        line=desk.line,
        amount=desk.receipt.amount,
        kind="bad_debt",
        date=day(0),
        reason="Gone",
    )
    words = pdf_words(desk.client, desk.client.post(URL, period()))
    assert f"Refund of {payment.number} cash, Go Dr 1 10.00" in words
    assert "Bad-debt write-off" in words
    assert "Amount due $10.00" in words


@pytest.mark.parametrize(("typed", "sentence"), BAD_PERIODS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_period_nobody_means_is_refused(
    desk: Desk, method: str, typed: dict[str, str], sentence: str
) -> None:
    if method == "get" and "\0" in typed["from"]:
        return  # such an address is answered before any view (tests/house)
    answer = getattr(desk.client, method)(URL, typed)
    assert answer.status_code == 200
    page = unescape(text(answer))
    assert page.count(sentence) >= 2  # in the summary and beside the field
    assert "<title>Error: " in page
    assert "Issue statement" not in page
    assert nothing_issued()


# ---------------------------------------------------------------------------- families


def test_who_pays_for_others_gets_one_for_the_family(desk: Desk) -> None:
    child = PatientFactory(family_name="Smith", given_name="Ann", guarantor=desk.smith)
    LineFactory(patient=child, amount="12")
    page = look(desk.client, URL)
    assert "One statement for the whole family" in page.words
    assert f"Smith, Ann, chart {child.chart_number}" in page.words
    assert "Amount due $42.00" in page.words
    assert "Amount due $30.00" in look(desk.client, URL, period()).words  # without the family
    answer = desk.client.post(URL, {**period(), "family": "on"})
    assert "Amount due $42.00" in pdf_words(desk.client, answer)
    assert Document.objects.get().subject.startswith("statement:family:")


def test_who_does_not_pay_gets_theirs_sent_to_who_does(desk: Desk) -> None:
    child = PatientFactory(family_name="Small", guarantor=desk.smith)
    LineFactory(patient=child, amount="12")
    url = f"/patients/{child.chart_number}/statements/new/"
    assert "Goes to Smith, John" in look(desk.client, url).words
    words = pdf_words(desk.client, desk.client.post(url, period()))
    assert "John Smith" in words
    assert "Amount due $12.00" in words
    assert Document.objects.get().patient == child


def test_nobody_without_a_family_can_ask_for_one(desk: Desk) -> None:
    assert "family" not in look(desk.client, URL).words
    desk.client.post(URL, {**period(), "family": "on"})
    assert Document.objects.get().subject.startswith("statement:patient:")


# ---------------------------------------------------------------------------- the page itself


def test_htmx_gets_the_part_alone(desk: Desk) -> None:
    html = part(desk.client, URL, period()).html
    assert html.startswith('<div id="statement">')
    assert "<main" not in html


def test_names_are_text(desk: Desk) -> None:
    line = LineFactory(patient=PatientFactory(family_name=SCRIPT))
    html = look(desk.client, f"/patients/{line.patient.chart_number}/statements/new/").html
    assert SCRIPT not in html


def test_unknown_charts_are_404(desk: Desk) -> None:
    for chart in ("P9999", "0", "x" * 3000, "%27"):
        assert desk.client.get(f"/patients/{chart}/statements/new/").status_code == 404


def test_it_costs_the_same(desk: Desk) -> None:
    counts: list[Any] = []
    for lines in (1, 10, 60):
        invoice = InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["5"] * lines)
        for line in invoice.lines.all():
            PaymentFactory(patient=desk.smith, provider=desk.dr1, amount=5, on={line: "5"})
        counts.append(len(look(desk.client, URL).queries))
    assert len(set(counts)) == 1, counts
