"""Sessions: a day's list, all that are not billed, and Bill all."""

from typing import Any

import pytest

from billing.models import Invoice, InvoiceLine
from tests.factories import PatientFactory, ProviderFactory, SessionFactory
from tests.factories.bills import day
from tests.screens.bad_input import text
from tests.screens.desk import key
from tests.screens.lists import SCRIPT, costs_the_same, look
from tests.screens.sessions import Practice, everything, practice

pytestmark = pytest.mark.django_db
URL = "/sessions/"


@pytest.fixture
def desk() -> Practice:
    return practice()


def bill(desk: Practice, url: str = URL, **sent: Any) -> str:
    answer = desk.client.post(url, {"key": key(), **sent}, follow=True)
    assert answer.status_code == 200
    return text(answer)


def refused(desk: Practice, sentence: str, **sent: Any) -> None:
    before = everything()
    assert sentence in bill(desk, **sent)
    assert everything() == before


# --- What it shows -------------------------------------------------------------------------------


def test_a_day_in_the_order_of_entry_with_what_became_of_each(desk: Practice) -> None:
    desk.visit()
    jones = PatientFactory(family_name="Jones", given_name="Amy")
    (invoice,) = desk.bill(desk.visit(patient=jones, amounts=("85", "12")))
    (void,) = desk.bill(desk.visit(patient=PatientFactory(family_name="Void")))
    desk.void(void)
    SessionFactory(provider=desk.dr1, patient=PatientFactory(family_name="Empty"))
    desk.visit(ago=1, patient=PatientFactory(family_name="Yesterday"))
    page = look(desk.client, URL)
    names = ["Smith, John", "Jones, Amy", "Void, Robin", "Empty, Robin"]
    assert [page.table.index(name) for name in names] == sorted(
        page.table.index(name) for name in names
    )
    assert "Yesterday" not in page.table
    assert "90834 Psychotherapy, 45 minutes 85.00 Patient Draft" in page.table
    assert f"90834 , 90834 97.00 Patient {invoice.number}" in page.table
    assert "No service yet 0.00 Not billed" in page.table
    assert (
        "Not billed 1, $0.00 ; Draft 1, $85.00 ; Billed 1, $97.00 ; Void 1, $85.00 ." in page.words
    )


def test_other_days_and_one_provider(desk: Practice) -> None:
    lee = ProviderFactory(name="Dr Lee")
    desk.visit(ago=1)
    desk.visit(ago=1, provider=lee, patient=PatientFactory(family_name="Jones"))
    assert "No sessions on this day" in look(desk.client, URL).words
    page = look(desk.client, URL, {"date": day(1).isoformat()})
    assert "2 sessions. Draft 2, $170.00 ." in page.words
    assert f'href="?date={day(2).isoformat()}"' in page.html
    one = look(desk.client, URL, {"date": day(1).isoformat(), "provider": lee.pk})
    assert "Jones" in one.table
    assert "Smith" not in one.table


def test_all_that_are_not_billed_of_any_day(desk: Practice) -> None:
    desk.visit(ago=400)
    SessionFactory(date=day(30), patient=PatientFactory(family_name="Empty"))
    desk.bill(desk.visit(ago=3, patient=PatientFactory(family_name="Billed")))
    page = look(desk.client, URL, {"unbilled": "1"})
    assert page.table.index("Smith") < page.table.index("Empty")
    assert "Billed" not in page.table
    assert "2 sessions." in page.words


def test_the_navigation_counts_what_waits(desk: Practice) -> None:
    desk.visit()
    desk.visit(ago=3)
    assert ", 2 to bill" in look(desk.client, "/").html


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("yesterday", "Enter a date like 2025-11-18."),
        ("2025-02-30", "Enter a date like 2025-11-18."),
        ("２０２５-11-18", "Enter a date like 2025-11-18."),
        ("0001-01-01", "Check the year."),
        ("9999-12-31", "Check the year."),
        ("x" * 5000, "Enter a date like 2025-11-18."),
    ],
)
def test_days_that_are_none(desk: Practice, typed: str, sentence: str) -> None:
    page = look(desk.client, URL, {"date": typed})
    assert page.response.status_code == 200
    assert sentence in page.html


def test_providers_nobody_knows_count_as_not_given(desk: Practice) -> None:
    desk.visit()
    for odd in ("999", "x", "9" * 400, "-1", "'"):
        assert "Smith" in look(desk.client, URL, {"provider": odd}).table


def test_names_are_text(desk: Practice) -> None:
    desk.visit(patient=PatientFactory(family_name=SCRIPT))
    assert SCRIPT not in look(desk.client, URL).html


def test_it_costs_the_same(desk: Practice) -> None:
    costs_the_same(desk.client, URL, lambda n: desk.visit(patient=PatientFactory()))
    assert len(look(desk.client, URL).queries) <= 12
    assert len(look(desk.client, URL, {"unbilled": "1"}).queries) <= 12


def test_one_button_stands_out(desk: Practice) -> None:
    """Bill all where something is to bill, New session elsewhere."""
    page = look(desk.client, URL).html.partition("</main>")[0]
    assert page.count('class="btn btn-primary" href=') == 1
    desk.visit()
    page = (
        look(desk.client, URL)
        .html.partition("</main>")[0]
        .replace('<noscript><button class="btn btn-primary"', "")
    )
    assert page.count("btn-primary") == 1
    assert 'value="all"' in page.partition("btn-primary")[2].partition(">")[0]


# --- Bill all ------------------------------------------------------------------------------------


def test_bill_all_makes_one_invoice_a_patient(desk: Practice) -> None:
    jones = PatientFactory(family_name="Jones")
    visits = [
        desk.visit(),
        desk.visit(patient=jones),
        desk.visit(provider=ProviderFactory(), amounts=("12", "30")),
    ]
    page = bill(desk, action="all", listed=[visit.pk for visit in visits])
    assert "2 invoices issued. INV-0001 to INV-0002, for 3 sessions." in page.replace(
        "</b>", ""
    ).replace('<b class="strong">', "")
    smiths, jones_ = Invoice.objects.order_by("number")
    assert [str(line.amount) for line in smiths.lines.order_by("pk")] == ["85.00", "12.00", "30.00"]
    assert (smiths.patient, jones_.patient) == (desk.smith, jones)
    assert smiths.issued_on == jones_.issued_on == day(0)
    assert Invoice.objects.count() == 2  # the emptied draft is gone


def test_only_those_chosen(desk: Practice) -> None:
    first, second = desk.visit(), desk.visit(patient=PatientFactory())
    bill(desk, action="chosen", session=[second.pk], listed=[first.pk, second.pk])
    assert Invoice.objects.exclude(number=None).get().patient == second.patient
    assert first.lines.get().issued_on is None


def test_what_came_after_the_page_was_drawn_is_left(desk: Practice) -> None:
    seen = desk.visit()
    later = desk.visit(patient=PatientFactory())
    bill(desk, action="all", listed=[seen.pk])
    assert later.lines.get().issued_on is None


def test_a_second_click_bills_once(desk: Practice) -> None:
    sent = {"key": key(), "action": "all", "listed": [desk.visit().pk]}
    desk.client.post(URL, sent)
    assert "These sessions were already billed." in text(desk.client.post(URL, sent, follow=True))
    assert Invoice.objects.count() == 1


def test_it_stays_on_the_list_it_came_from(desk: Practice) -> None:
    url = f"{URL}?date={day(1).isoformat()}"
    answer = desk.client.post(
        url, {"key": key(), "action": "all", "listed": [desk.visit(ago=1).pk]}
    )
    assert answer["Location"] == url


def test_what_cannot_be_billed_is_listed_and_left(desk: Practice) -> None:
    empty = SessionFactory(patient=PatientFactory(family_name="Empty", given_name="Eve"))
    visit = desk.visit()
    page = look(desk.client, URL)
    assert f'name="listed" value="{visit.pk}"' in page.html
    assert f'name="listed" value="{empty.pk}"' not in page.html
    refused(
        desk,
        f"Nothing was billed. Empty, Eve's session of {day(0):%d %b %Y} has no service to bill.",
        action="all",
        listed=[visit.pk, empty.pk],
    )


def test_refusals(desk: Practice) -> None:
    visit = desk.visit()
    refused(desk, "Choose the sessions to bill.", action="chosen", listed=[visit.pk])
    refused(desk, "is not there any more. Nothing was billed.", action="all", listed=["99999"])
    refused(desk, "Choose the sessions to bill.", action="all", listed=["x", "-1", "9" * 400])
    refused(desk, "too old to bill from", action="all", listed=[visit.pk], key="")
    desk.bill(visit)
    refused(
        desk,
        f"Nothing was billed. Smith, John's session of {day(0):%d %b %Y} was billed meanwhile:"
        " it is on INV-0001.",
        action="all",
        listed=[visit.pk],
    )


def test_two_hundred_rows_are_billed_in_one_act(desk: Practice) -> None:
    visits = [desk.visit(patient=PatientFactory()).pk for _ in range(200)]
    bill(desk, action="all", listed=visits)
    assert InvoiceLine.objects.filter(issued_on=day(0)).count() == 200
    assert Invoice.objects.filter(number="INV-0200").exists()
