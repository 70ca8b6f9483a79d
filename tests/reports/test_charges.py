"""Charges: what was billed in a period, by the day it was issued or the day of the service."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import journal, ledger
from billing.models import Invoice, InvoiceLine
from billing.models.journal import INCOME
from billing.reports import REPORTS
from patients.models import Patient, Provider
from tests.factories import (
    InvoiceFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.reports.asking import ask, days, told
from tests.screens.lists import costs_the_same, look, signed_in
from tests.screens.small_clinic import small_clinic

pytestmark = pytest.mark.django_db

SLUG = "charges"


def issued(given: int, ago: int, amount: str = "85", **more: Any) -> InvoiceLine:
    """A line of a service given so many days ago, issued so many days ago."""
    invoice = InvoiceFactory(amounts=[amount], ago=given, issued=False, **more)
    ledger.issue_invoice(by=more["by"], invoice=invoice, date=day(ago))
    return InvoiceLine.objects.get(invoice=invoice)


def income(first: datetime.date | None, last: datetime.date) -> Decimal:
    """What the journal credited to income in a period."""
    chart = journal.Chart.current()
    trial = journal.trial(journal.Scope(first=first, last=last), chart)
    owners = [None, *Provider.objects.values_list("pk", flat=True)]
    accounts = {chart.account(INCOME, owner) for owner in owners}
    return -sum((trial.balance(account) for account in accounts), Decimal(0))


# --- Its figures ---------------------------------------------------------------------------------


def test_a_charge_is_told_with_everything_about_it(smith: Patient, dr1: Provider, ana: Any) -> None:
    invoice = InvoiceFactory(patient=smith, provider=dr1, by=ana, ago=7, issued=False)
    line = invoice.lines.get()
    line.units, line.modifiers, line.amount = 2, "95,GT", money("170.40")
    line.save()
    ledger.issue_invoice(by=ana, invoice=invoice, date=day(5))
    invoice = Invoice.objects.get()
    names = [column.name for column in REPORTS[SLUG].columns if not column.hidden]
    assert told(ask(SLUG, days(9, 0)), *names) == [
        (
            day(5),
            day(7),
            invoice.number,
            "90834",
            "Psychotherapy, 45 minutes",
            "95,GT",
            2,
            "Smith, John",
            "P1042",
            "Dr 1",
            "Ana Rell",
            money("170.40"),
        )
    ]


def test_a_charge_counts_on_the_day_it_was_issued_or_on_that_of_the_service(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    """A session of 40 days ago, billed 5 days ago for 85.00: of this period, or of the one before."""
    whose = {"patient": smith, "provider": dr1, "by": ana}
    late, other = issued(40, 5, **whose), issued(20, 20, "60", **whose)
    numbers = [late.invoice.number, other.invoice.number]
    for query, found in (
        (days(30, 0), numbers),
        (days(30, 0) + "&dates=billed", numbers),
        (days(60, 31), []),
        (days(30, 0) + "&dates=service", numbers[1:]),
        (days(60, 31) + "&dates=service", numbers[:1]),
        (days(60, 0) + "&dates=service", [*numbers[1:], *numbers[:1]]),
    ):
        assert told(ask(SLUG, query), "invoice") == found, query


def test_the_groups_are_the_days_that_were_asked_for(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    whose = {"patient": smith, "provider": dr1, "by": ana}
    issued(8, 5, "85", **whose), issued(7, 5, "60.10", **whose)
    by_day = ask(SLUG, days(9, 0))
    assert (by_day.grouped, by_day.grouped_by) == (True, "date")
    found = by_day.rows.groups("date", [day(5)])
    assert (found[day(5)].count, found[day(5)]["amount"]) == (2, money("145.10"))
    by_service = ask(SLUG, days(9, 0) + "&dates=service")
    assert (by_service.grouped, by_service.grouped_by) == (True, "service_date")
    found = by_service.rows.groups("service_date", [day(8), day(7)])
    assert [found[day(ago)]["amount"] for ago in (8, 7)] == [money(85), money("60.10")]
    assert ask(SLUG, days(9, 0) + "&dates=service&sort=-date").grouped is False


def test_drafts_charge_nothing(smith: Patient, dr1: Provider, ana: Any) -> None:
    InvoiceFactory(patient=smith, provider=dr1, by=ana, ago=3, issued=False)
    for dates in ("billed", "service"):
        assert ask(SLUG, f"{days(9, 0)}&dates={dates}").rows.totals().count == 0


def test_what_is_paid_adjusted_and_voided_later_stays_what_was_charged(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    whose = {"patient": smith, "provider": dr1, "by": ana}
    kept, voided = issued(40, 40, "85", **whose), issued(39, 39, "60", **whose)
    names = ("date", "invoice", "amount")
    before = told(ask(SLUG, days(60, 31)), *names)
    assert [row[2] for row in before] == [money(60), money(85)]
    PaymentFactory(**whose, amount="20", ago=5, on={kept: "20"})
    ledger.void_line(by=ana, line=voided, date=day(5), reason="Entered twice")
    assert told(ask(SLUG, days(60, 31)), *names) == before
    assert ask(SLUG, days(30, 0)).rows.totals().count == 0


def test_the_charges_of_a_period_are_the_income_of_the_journal() -> None:
    small_clinic()
    for first, last in ((None, 0), (60, 31), (30, 30), (29, 0), (200, 90)):
        since = "" if first is None else day(first)
        report = ask(SLUG, f"from={since}&to={day(last)}")
        booked = income(since or None, day(last))
        assert report.rows.totals()["amount"] == booked, (first, last)
    assert income(None, day(0)) > 0


# --- Its filters ---------------------------------------------------------------------------------


def test_it_is_narrowed_by_provider_and_code(smith: Patient, dr1: Provider, ana: Any) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    one = issued(3, 3, patient=smith, provider=dr1, by=ana, code="90834")
    two = issued(2, 2, patient=smith, provider=dr2, by=ana, code="H2019a")
    one, two = one.invoice.number, two.invoice.number
    for query, found in (
        ("", [two, one]),
        (f"&provider={dr1.pk}", [one]),
        ("&code=90834", [one]),
        ("&code=h2019A", [two]),
        ("&code=9083", []),
        (f"&code=90834&provider={dr2.pk}", []),
    ):
        assert told(ask(SLUG, days(9, 0) + query), "invoice") == found, query


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("dates=tomorrow", "Choose one of the list."),
        ("provider=x", "Choose one of the providers in the list."),
        ("code=" + "9" * 5_000, "A code has at most 20 characters."),
        ("from=0001-01-01", "The date is too long ago. Check the year."),
    ],
)
def test_what_cannot_be_asked_is_told_beside_its_field(query: str, said: str) -> None:
    page = look(signed_in(), f"/reports/{SLUG}/?{query}")
    assert page.response.status_code == 200
    assert said in page.words


# --- Its screen ----------------------------------------------------------------------------------


def test_names_are_escaped_and_lead_to_the_account_and_the_invoice(dr1: Provider, ana: Any) -> None:
    patient = PatientFactory(family_name="<b>Smith</b>", chart_number="P77")
    line = issued(3, 3, patient=patient, provider=dr1, by=ana)
    html = look(signed_in(), f"/reports/{SLUG}/?{days(9, 0)}").html
    assert "<b>Smith</b>" not in html
    assert "&lt;b&gt;Smith&lt;/b&gt;" in html
    assert 'href="/patients/P77/account/"' in html
    assert f'href="/invoices/{line.invoice.number}/"' in html


def test_it_costs_the_same_with_any_number_of_charges(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    client = signed_in()
    costs_the_same(
        client,
        f"/reports/{SLUG}/?{days(90, 0)}",
        lambda number: issued(number, number, patient=smith, provider=dr1, by=ana),
    )
    assert len(look(client, f"/reports/{SLUG}/?{days(90, 0)}").queries) <= 15


def test_a_tablet_leaves_away_the_sums_under_what_it_has_no_column_for(
    smith: Patient, dr1: Provider, ana: Any
) -> None:
    """Modifiers stand before the first sum and the provider after it; both are left away."""
    issued(3, 3, patient=smith, provider=dr1, by=ana)
    html = look(signed_in(), f"/reports/{SLUG}/?{days(9, 0)}").html
    sums = html.partition('<tr class="grp">')[2].partition("</tr>")[0]
    assert sums.count('<td class="hide-t"></td>') == 2
