"""The fee schedule: what each service costs on a day, and with which payer."""

import pytest
from django.test import Client

from billing.models import Service
from tests.factories import FeeFactory, PayerFactory, ServiceFactory, UserFactory
from tests.factories.bills import day, money
from tests.screens.desk import text
from tests.screens.lists import ODD, SCRIPT, costs_the_same, look, part, signed_in

pytestmark = pytest.mark.django_db
URL = "/fees/"


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def therapy() -> Service:
    """85.00 since long ago, 90.00 since a week, 95.00 in ten days; 70.00 for BlueRiver."""
    service = ServiceFactory(code="90834", description="Psychotherapy, 45 minutes")
    FeeFactory(service=service, amount=money(85), valid_from=day(500))
    FeeFactory(service=service, amount=money(90), valid_from=day(7))
    FeeFactory(service=service, amount=money(95), valid_from=day(-10))
    payer = PayerFactory(name="BlueRiver Health")
    FeeFactory(service=service, amount=money(75), valid_from=day(400), payer=payer)
    FeeFactory(service=service, amount=money(70), valid_from=day(30), payer=payer)
    return service


def test_fees_of_today_with_what_comes_and_what_payers_agreed(
    client: Client, therapy: Service
) -> None:
    assert look(client, URL).table == (
        f"90834 Psychotherapy, 45 minutes 90.00 {day(7):%d %b %Y} 95.00 from {day(-10):%d %b %Y}"
        f" BlueRiver Health 70.00 since {day(30):%d %b %Y}"
    )


def test_fees_of_another_day(client: Client, therapy: Service) -> None:
    assert "85.00" in look(client, URL, {"date": day(8).isoformat()}).table
    assert "75.00 since" in look(client, URL, {"date": day(31).isoformat()}).table
    assert "95.00" in look(client, URL, {"date": day(-11).isoformat()}).table
    assert "No fee yet" in look(client, URL, {"date": day(501).isoformat()}).table


def test_by_code_and_by_words(client: Client, therapy: Service) -> None:
    ServiceFactory(code="96127", description="Questionnaire, scored")
    ServiceFactory(code="OLD", description="Not offered any more", active=False)
    for typed, found in (
        ("908", "90834"),
        ("minutes psycho", "90834"),
        ("scored", "96127"),
    ):
        assert look(client, URL, {"q": typed}).table.split()[0] == found
    assert "No service fits" in look(client, URL, {"q": "OLD"}).words


@pytest.mark.parametrize("typed", ODD)
def test_anything_may_be_typed(client: Client, therapy: Service, typed: str) -> None:
    for name in ("q", "date", "sort", "page"):
        assert look(client, URL, {name: typed}).response.status_code == 200


def test_days_that_cannot_be_looked_up(client: Client, therapy: Service) -> None:
    for typed, sentence in (
        ("0001-01-01", "The date is too long ago. Check the year."),
        ("yesterday", "Enter a date like 2025-11-18."),
    ):
        page = look(client, URL, {"date": typed})
        assert sentence in page.words
        assert "<tbody" not in page.html


def test_only_administrators_are_led_to_changing_fees(client: Client) -> None:
    assert "Change fees" not in look(client, URL).words
    boss = Client()
    boss.force_login(UserFactory(username="boss", is_staff=True, is_superuser=True))
    assert "Change fees" in look(boss, URL).words


def test_htmx_gets_the_list_alone(client: Client, therapy: Service) -> None:
    assert part(client, URL).html.startswith('<div id="fee-list"')


def test_words_are_text(client: Client) -> None:
    service = ServiceFactory(code="X", description=SCRIPT)
    FeeFactory(service=service, payer=PayerFactory(name=SCRIPT))
    assert SCRIPT not in look(client, URL).html


def test_it_costs_the_same(client: Client) -> None:
    def add(number: int) -> None:
        service = ServiceFactory(code=f"{number:05}", description="Service")
        FeeFactory(service=service)
        FeeFactory(service=service, payer=PayerFactory())

    costs_the_same(client, URL, add)
    assert len(look(client, URL).queries) <= 12


def test_without_any_service_it_says_who_enters_them(client: Client) -> None:
    assert "No services yet An administrator enters the fee schedule." in look(client, URL).words
    admin = Client()
    admin.force_login(UserFactory(username="root", is_staff=True, is_superuser=True))
    assert 'href="/import/fees/"' in text(admin.get(URL))
