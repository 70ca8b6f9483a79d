"""What was issued to a patient, and what replaced it."""

from __future__ import annotations

import pytest

from billing import documents
from tests.documents.reading import draft_of
from tests.factories import (
    LineFactory,
    PaymentFactory,
)
from tests.factories.bills import day
from tests.screens.desk import Desk, seed2
from tests.screens.lists import ODD, costs_the_same, look, part

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


LIST = "/patients/P1042/documents/"


def test_the_list_says_of_what_when_by_whom_and_what_replaced_it(desk: Desk) -> None:
    desk.client.post(f"/invoices/{desk.line.invoice}/print/")
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="30", on={desk.line: "30"}, ago=1)
    desk.client.post(f"/invoices/{desk.line.invoice}/print/")
    documents.issue(draft_of(desk.smith, day(9)), by=desk.ana)
    LineFactory()  # another patient's
    page = look(desk.client, LIST)
    for said in (
        f"DOC-0001 Invoice {desk.line.invoice}",
        "Ana Replaced by DOC-0002 Print again",
        "DOC-0003 Statement",
        f"{day(9):%d %b %Y} to {day(0):%d %b %Y}",
    ):
        assert said in page.table, page.table
    assert page.table.index("DOC-0003") < page.table.index("DOC-0001")
    assert page.table.count("Latest") == 2


def test_an_empty_list_says_what_will_stand_there(desk: Desk) -> None:
    assert "Nothing was issued yet" in look(desk.client, LIST).words
    assert desk.client.get("/patients/P9999/documents/").status_code == 404


def test_sorting_and_paging_by_odd_addresses(desk: Desk) -> None:
    documents.issue(draft_of(desk.smith), by=desk.ana)
    for odd in [*ODD, "number", "-kind", "issued"]:
        assert look(desk.client, LIST, {"sort": odd, "page": odd}).response.status_code == 200
    assert part(desk.client, LIST).html.startswith('<div id="document-list"')


def test_the_list_costs_the_same(desk: Desk) -> None:
    costs_the_same(
        desk.client,
        LIST,
        lambda n: documents.issue(draft_of(desk.smith, day(n + 1)), by=desk.ana),
    )
    assert len(look(desk.client, LIST).queries) <= 12
