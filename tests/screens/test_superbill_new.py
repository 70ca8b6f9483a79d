"""A superbill: which charges go on it, then issue it."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from billing import ledger
from billing.models import Document, InvoiceLine
from tests.factories import InvoiceFactory, LineFactory, PatientFactory, ProviderFactory
from tests.factories.bills import day, money
from tests.screens.desk import Desk, seed2, text
from tests.screens.lists import SCRIPT, look, part
from tests.screens.paper import BAD_PERIODS, nothing_issued, pdf_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


URL = "/patients/P1042/superbills/new/"


def typed(desk: Desk, *lines: Any, **more: Any) -> dict[str, Any]:
    return {
        "from": day(90).isoformat(),
        "to": day(0).isoformat(),
        "provider": desk.dr1.pk,
        "lines": [line.pk for line in lines],
        **more,
    }


def test_it_offers_the_charges_of_a_provider_in_the_period(desk: Desk) -> None:
    LineFactory(patient=desk.smith, provider=ProviderFactory(name="Dr 2"), amount="77")
    LineFactory(patient=desk.smith, provider=desk.dr1, amount="88", ago=200)
    voided = LineFactory(patient=desk.smith, provider=desk.dr1, amount="99")
    ledger.void_line(by=desk.ana, line=voided, date=day(0), reason="Never came")
    page = look(desk.client, URL)
    assert "Charges of Dr 1" in page.words
    assert "50.00 20.00" in page.table
    for other in ("77.00", "88.00", "99.00"):
        assert other not in page.table


def test_issuing_leads_to_the_pdf_of_what_was_chosen(desk: Desk) -> None:
    InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["61", "62"])
    chosen = InvoiceLine.objects.exclude(amount=money("62"))
    words = pdf_words(desk.client, desk.client.post(URL, typed(desk, *chosen)))
    assert "Total 111.00 20.00" in words
    assert "62.00" not in words
    issued = Document.objects.get()
    assert (issued.kind, issued.patient) == ("superbill", desk.smith)


def test_a_later_un_pay_makes_a_new_one_that_replaces_it(desk: Desk) -> None:
    desk.client.post(URL, typed(desk, desk.line))
    desk.reverse(unpay=True)
    words = pdf_words(desk.client, desk.client.post(URL, typed(desk, desk.line)))
    assert "Total 50.00 0.00" in words
    first, second = Document.objects.order_by("pk")
    assert second.replaces == first


def test_nothing_chosen_is_refused(desk: Desk) -> None:
    page = text(desk.client.post(URL, typed(desk)))
    assert "This superbill is not issued yet. 1 thing to fix:" in page
    assert "Choose at least one charge." in page
    assert nothing_issued()


def test_forged_lines_are_not_put_on_it(desk: Desk) -> None:
    other = LineFactory(patient=PatientFactory(), provider=desk.dr1)
    forged = {"lines": [other.pk, "x", "9" * 30, ""]}
    assert "Choose at least one charge." in text(desk.client.post(URL, typed(desk, **forged)))
    assert nothing_issued()


@pytest.mark.parametrize("provider", ["9999", "x", "9" * 30])
def test_a_provider_who_never_treated_them_is_refused(desk: Desk, provider: str) -> None:
    page = text(desk.client.post(URL, typed(desk, desk.line, provider=provider)))
    assert "Choose one of the providers in the list." in page
    assert nothing_issued()


def test_a_nul_is_refused(desk: Desk) -> None:
    answer = desk.client.post(URL, typed(desk, desk.line, provider=f"{desk.dr1.pk}\0"))
    assert "This cannot be worked out yet. 1 thing to fix:" in text(answer)
    assert nothing_issued()


@pytest.mark.parametrize(("given", "sentence"), BAD_PERIODS)
def test_a_period_nobody_means_is_refused(desk: Desk, given: dict[str, str], sentence: str) -> None:
    page = unescape(text(desk.client.post(URL, {**typed(desk, desk.line), **given})))
    assert sentence in page
    assert nothing_issued()


def test_both_days_are_needed(desk: Desk) -> None:
    answer = desk.client.post(URL, typed(desk, desk.line, **{"from": ""}))
    assert "Enter the first day." in text(answer)
    assert nothing_issued()


def test_a_patient_without_charges_is_told(desk: Desk) -> None:
    patient = PatientFactory()
    url = f"/patients/{patient.chart_number}/superbills/new/"
    assert "No charges in this period" in look(desk.client, url).words
    assert "Choose at least one charge." in text(desk.client.post(url, typed(desk, provider="")))


def test_htmx_gets_the_part_alone_and_names_are_text(desk: Desk) -> None:
    assert part(desk.client, URL).html.startswith('<div id="superbill">')
    line = LineFactory(
        patient=PatientFactory(family_name=SCRIPT), provider=ProviderFactory(name=SCRIPT)
    )
    url = f"/patients/{line.patient.chart_number}/superbills/new/"
    assert SCRIPT not in look(desk.client, url).html
    assert desk.client.get("/patients/P9999/superbills/new/").status_code == 404


def test_it_costs_the_same(desk: Desk) -> None:
    counts = []
    for lines in (1, 10, 60):
        InvoiceFactory(patient=desk.smith, provider=desk.dr1, amounts=["5"] * lines)
        counts.append(len(look(desk.client, URL).queries))
    assert len(set(counts)) == 1, counts
