"""Adjustments: what came off lines and what went back on them, each on its own day."""

from __future__ import annotations

from typing import Any

import pytest

from billing import ledger
from billing.models import Adjustment, InvoiceLine
from billing.reports import REPORTS
from patients.models import Patient, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PayerFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, days, told
from tests.screens.lists import costs_the_same, look, signed_in

pytestmark = pytest.mark.django_db

SLUG = "adjustments"
FIGURES = ("date", "kind", "amount")


@pytest.fixture
def line(smith: Patient, dr1: Provider, ana: Any) -> InvoiceLine:
    """A line of 100.00, issued 60 days ago."""
    found: InvoiceLine = LineFactory(patient=smith, provider=dr1, by=ana, ago=60)
    return found


def adjust(
    line: InvoiceLine, by: Any, amount: str, ago: int, *, kind: str = "courtesy"
) -> Adjustment:
    posted = ledger.adjust(
        by=by, line=line, amount=money(amount), kind=kind, date=day(ago), reason="Hardship"
    )
    return posted.adjustments[0]


# --- Its figures ---------------------------------------------------------------------------------


def test_an_adjustment_is_told_with_everything_about_it(line: InvoiceLine, ana: Any) -> None:
    adjust(line, ana, "15.50", 5)
    names = [column.name for column in REPORTS[SLUG].columns if not column.hidden]
    told_of = ("Smith, John", "P1042", "Dr 1", "", "", "Ana Rell", money("15.50"))
    assert told(ask(SLUG, days(9, 0)), *names) == [
        (day(5), "Courtesy", "Hardship", "", line.invoice.number, *told_of)
    ]


def test_what_came_with_an_insurers_payment_names_both(line: InvoiceLine, ana: Any) -> None:
    payer = PayerFactory(name="BlueRiver Health")
    check = InsurancePaymentFactory(payer=payer, by=ana, ago=5, on={line: ("60", "25")})
    assert told(ask(SLUG, days(9, 0)), "kind", "payer", "payment", "amount") == [
        ("Contractual write-off", "BlueRiver Health", check.number, money(25))
    ]


def test_what_is_taken_back_is_a_row_of_its_own_day_and_the_past_stays(
    line: InvoiceLine, ana: Any
) -> None:
    """15.00 off in one period, back on in the next: 15.00, then -15.00, together nothing."""
    courtesy = adjust(line, ana, "15", 40)
    before = told(ask(SLUG, days(60, 31)), *FIGURES)
    assert before == [(day(40), "Courtesy", money(15))]
    ledger.undo_write_off(by=ana, adjustment=courtesy, date=day(5), reason="Paid after all")
    assert told(ask(SLUG, days(60, 31)), *FIGURES) == before
    later = ask(SLUG, days(30, 0))
    assert told(later, *FIGURES, "reason") == [(day(5), "Courtesy", money(-15), "Paid after all")]
    assert ask(SLUG, days(60, 0)).rows.totals()["amount"] == 0


def test_a_reversed_insurers_payment_takes_its_write_off_back(line: InvoiceLine, ana: Any) -> None:
    check = InsurancePaymentFactory(by=ana, ago=5, on={line: ("60", "25")})
    ledger.reverse(by=ana, payment=check, date=day(2), reason="Wrong claim")
    assert told(ask(SLUG, days(9, 0)), *FIGURES, "payment") == [
        (day(2), "Contractual write-off", money(-25), check.number),
        (day(5), "Contractual write-off", money(25), check.number),
    ]


def test_the_rest_of_a_voided_line_comes_off_as_a_correction(line: InvoiceLine, ana: Any) -> None:
    adjust(line, ana, "15", 40)
    ledger.void_line(by=ana, line=line, date=day(5), reason="Entered twice")
    assert told(ask(SLUG, days(30, 0)), *FIGURES) == [(day(5), "Correction", money(85))]


def test_by_kind_adds_up_in_the_order_of_the_kinds(line: InvoiceLine, ana: Any) -> None:
    adjust(line, ana, "9", 8, kind="bad_debt")
    adjust(line, ana, "15", 7)
    ledger.undo_write_off(
        by=ana, adjustment=adjust(line, ana, "2.50", 6), date=day(5), reason="Paid"
    )
    adjust(line, ana, "1", 4)
    report = ask(SLUG, days(9, 0))
    (panel,) = report.panels()
    assert panel.drawn
    assert list(panel.rows) == [("Courtesy", [money(16)]), ("Bad debt", [money(9)])]
    assert report.rows.totals()["amount"] == money(25)
    assert [figure.amount for figure in report.figures(report.rows.totals())] == [money(25)]


def test_without_adjustments_there_is_nothing_to_draw() -> None:
    assert ask(SLUG).panels() == []


# --- Its filters ---------------------------------------------------------------------------------


def test_it_is_narrowed_by_kind_provider_payer_and_user(
    line: InvoiceLine, smith: Patient, ana: Any
) -> None:
    bo, payer = UserFactory(username="bo", first_name="", last_name=""), PayerFactory()
    dr2 = ProviderFactory(name="Dr 2")
    adjust(line, ana, "1", 3)
    adjust(line, bo, "2", 2, kind="bad_debt")
    other = LineFactory(patient=smith, provider=dr2, by=ana)
    InsurancePaymentFactory(payer=payer, by=ana, ago=1, on={other: ("0", "3")}, amount="0")
    for query, found in (
        ("", [3, 2, 1]),
        ("&kind=bad_debt", [2]),
        ("&kind=contractual", [3]),
        (f"&provider={line.provider_id}", [2, 1]),
        (f"&provider={dr2.pk}", [3]),
        (f"&payer={payer.pk}", [3]),
        (f"&payer={PayerFactory().pk}", []),
        ("&user=bo", [2]),
        ("&user=bo&kind=courtesy", []),
    ):
        amounts = told(ask(SLUG, days(9, 0) + query), "amount")
        assert amounts == [money(each) for each in found], query


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kind=magic", "Choose one of the kinds in the list."),
        ("provider=x", "Choose one of the providers in the list."),
        ("payer=99999999", "Choose one of the payers in the list."),
        ("user=nobody", "Choose one of the users in the list."),
        ("from=2025-02-30", "Enter a date"),
    ],
)
def test_what_cannot_be_asked_is_told_beside_its_field(query: str, said: str) -> None:
    page = look(signed_in(), f"/reports/{SLUG}/?{query}")
    assert page.response.status_code == 200
    assert said in page.words


# --- Its screen ----------------------------------------------------------------------------------


def test_reasons_are_escaped(line: InvoiceLine, ana: Any) -> None:
    ledger.adjust(
        by=ana, line=line, amount=money(1), kind="courtesy", date=day(1), reason="<i>Why</i>"
    )
    page = look(signed_in(), f"/reports/{SLUG}/?{days(9, 0)}")
    assert "<i>Why</i>" not in page.html
    assert "&lt;i&gt;Why&lt;/i&gt;" in page.html
    assert "By kind" in page.words


def test_it_costs_the_same_with_any_number_of_adjustments(line: InvoiceLine, ana: Any) -> None:
    client, url = signed_in(), f"/reports/{SLUG}/?{days(90, 0)}"
    costs_the_same(client, url, lambda number: adjust(line, ana, "0.10", 59 - number))
    assert len(look(client, url).queries) <= 17


def test_an_insurers_write_off_tells_its_reason_code(line: InvoiceLine, ana: Any) -> None:
    ledger.record_payment(
        by=ana,
        payer=PayerFactory(name="BlueRiver Health"),
        amount=money(60),
        method="check",
        reference="104412",
        date=day(3),
        entries=[ledger.Entry(line.pk, money(60), money(40), carc="45")],
    )
    [row] = told(ask(SLUG, days(9, 0)), "payer", "reason", "carc", "amount")
    assert row == ("BlueRiver Health", "", "45", money(40))


@pytest.mark.parametrize(
    ("group", "sums"),
    [
        ("date", {5: "3.00", 4: "4.00"}),
        ("kind", {"Courtesy": "1.00", "Bad debt": "6.00"}),
        ("reason", {"Hardship": "7.00"}),
        ("entered_by", {"Ana Rell": "3.00", "bo": "4.00"}),
        ("payer", {"": "7.00"}),
    ],
)
def test_it_is_added_up_by_what_was_asked_for(
    line: InvoiceLine, ana: Any, group: str, sums: dict[Any, str]
) -> None:
    adjust(line, ana, "1", 5)
    adjust(line, ana, "2", 5, kind="bad_debt")
    adjust(line, UserFactory(username="bo", first_name="", last_name=""), "4", 4, kind="bad_debt")
    report = ask(SLUG, f"{days(9, 0)}&group={group}")
    assert report.grouped
    assert report.grouped_by == group
    if group == "date":  # days ago: the run may last over midnight
        sums = {day(ago): amount for ago, amount in sums.items()}
    found = report.rows.groups(group, list(sums))
    assert {key: str(each["amount"]) for key, each in found.items()} == sums
    values = told(report, group)
    assert values == sorted(values, reverse=group == "date")
