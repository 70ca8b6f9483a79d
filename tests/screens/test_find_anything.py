"""Find (Ctrl+K): one box for patients, numbers, checks, insurers and pages."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import ledger
from config.roles import ACCOUNTANT, FRONT_DESK
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.factories.bills import day
from tests.screens.lists import ODD, SCRIPT, look, signed_in
from tests.support.caches import forget_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


def found(client: Client, typed: str) -> list[tuple[str, str]]:
    """What the list under the box offers: (words, address), in its order."""
    response = client.post("/find/", {"q": typed}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    options = re.findall(
        r'<div role="option"[^>]*data-value="([^"]*)"[^>]*>(.*?)</div>',
        response.content.decode(),
        re.DOTALL,
    )
    return [(words(html), unescape(address)) for address, html in options]


def words(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", html).split()))


def pages(client: Client, typed: str) -> list[str]:
    return [name for name, _address in found(client, typed)]


# --- Patients ------------------------------------------------------------------------------------


def test_a_patient_with_what_is_unpaid_leads_to_the_account(client: Client) -> None:
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    LineFactory(patient=smith, amount="50")
    PatientFactory(family_name="Quill")
    [option, _all] = found(client, "smi")
    born = f"{smith.birth_date:%d %b %Y}"
    assert option == (f"Smith, John {born} · P1042 1 unpaid, 50.00", "/patients/P1042/account/")


@pytest.mark.parametrize("typed", ["P1042", "1042", "p1042", "1980-05-17", "john smi"])
def test_a_patient_is_found_by_what_people_have_at_hand(client: Client, typed: str) -> None:
    PatientFactory(
        family_name="Smith", given_name="John", chart_number="P1042", birth_date="1980-05-17"
    )
    assert ("/patients/P1042/account/") in [address for _words, address in found(client, typed)]


def test_all_patients_for_it_come_last_and_no_name_is_in_the_address(client: Client) -> None:
    for number in range(8):
        PatientFactory(family_name="Smith", given_name=f"A{number}")
    options = found(client, "smith")
    assert len(options) == 7, "six patients, and the way to all"
    name, address = options[-1]
    assert name == "All patients for “smith”"
    assert "smith" not in address
    assert look(client, address).html.count(">Smith, A") == 8


# --- Numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["R-0001", "r-0001", "r 1", "R1", "R#0001", "  R-0001 ", "1"])
def test_a_receipt_however_its_number_is_typed(client: Client, typed: str) -> None:
    smith = PatientFactory(family_name="Smith", given_name="John")
    PaymentFactory(
        patient=smith, provider=ProviderFactory(name="Dr 1"), amount="20", method="cash", ago=1
    )
    assert (
        f"R-0001 Smith, John · {day(1):%d %b %Y} · Patient, cash, Dr 1 20.00",
        "/payments/R-0001/",
    ) in found(client, typed)


@pytest.mark.parametrize("verb", ["reversed", "deleted"])
def test_an_undone_receipt_says_so(client: Client, verb: str) -> None:
    receipt = PaymentFactory(amount="20", ago=0)
    if verb == "reversed":
        ledger.reverse(by=OwnerFactory(), payment=receipt, date=day(0), reason="Bounced")
    else:
        ledger.void(by=OwnerFactory(), payment=receipt, reason="Entered twice")
    [option] = [each for each in found(client, "R-0001") if each[1] == "/payments/R-0001/"]
    assert option[0].endswith(f" {verb}")


@pytest.mark.parametrize("typed", ["EFT-55120", "eft-55120"])
def test_an_insurers_payment_by_the_number_on_it(client: Client, typed: str) -> None:
    blue = PayerFactory(name="BlueRiver Health")
    InsurancePaymentFactory(payer=blue, amount="200", reference="EFT-55120", method="eft")
    InsurancePaymentFactory(payer=blue, reference="EFT-5512")
    [(name, address)] = found(client, typed)
    assert address == "/insurance-payments/IP-0001/"
    assert "BlueRiver Health" in name
    assert "EFT-55120" in name


def test_an_invoice_by_its_number_or_its_claims(client: Client) -> None:
    smith = PatientFactory(family_name="Smith", given_name="John")
    line = LineFactory(patient=smith, claim_number="CLM77A")
    number = line.invoice.number
    for typed in (number, number.lower(), "clm77a"):
        [(name, address)] = found(client, typed)
        assert name.startswith(f"{number} Smith, John")
        assert address == f"/invoices/{number}/"


def test_digits_alone_may_be_several_things(client: Client) -> None:
    line = LineFactory()
    PaymentFactory(patient=line.patient, provider=line.provider)
    InsurancePaymentFactory()
    addresses = [address for _words, address in found(client, "0001")]
    assert addresses[:3] == [
        "/payments/R-0001/",
        "/insurance-payments/IP-0001/",
        "/invoices/INV-0001/",
    ]


def test_a_paper_by_its_whole_number(client: Client) -> None:
    receipt = PaymentFactory()
    client.post(f"/payments/{receipt.number}/receipt/")
    assert ("DOC-0001 Document as issued", "/documents/DOC-0001/") in found(client, "doc-1")
    assert "/documents/DOC-0001/" not in [address for _words, address in found(client, "1")]


# --- Insurers and pages --------------------------------------------------------------------------


def test_an_insurer_by_name(client: Client) -> None:
    blue = PayerFactory(name="BlueRiver Health")
    assert f"/payers/{blue.pk}/" in [address for _words, address in found(client, "bluer")]


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("new ins", "/insurance-payments/new/"),
        ("check", "/insurance-payments/new/"),
        ("835", "/insurance-payments/import-era/"),
        ("take pay", "/payments/new/"),
        ("negative", "/payments/negative-credit/"),
        ("aged", "/reports/aged-balances/"),
        ("day sheet", "/reports/day-sheet/"),
        ("shortcuts", "/help/keys/"),
    ],
)
def test_a_page_by_its_name_or_what_people_call_it(client: Client, typed: str, page: str) -> None:
    assert page in [address for _words, address in found(client, typed)]


def test_nothing_typed_offers_the_daily_pages(client: Client) -> None:
    assert pages(client, "")[:2] == ["New insurance payment", "Take payment"]
    assert len(pages(client, "  ")) == 6


def test_every_page_it_offers_opens(client: Client) -> None:
    client.force_login(OwnerFactory())
    from billing import finding

    user = OwnerFactory()
    offered = [page for page, _known_as in finding._known_pages(user)]
    assert len(offered) > 25
    for page in offered:
        assert client.get(page.address, follow=True).status_code == 200, page.name


def test_nobody_is_shown_what_they_could_not_open() -> None:
    clients = {}
    for role in (ACCOUNTANT, FRONT_DESK):
        clients[role] = Client()
        clients[role].force_login(UserFactory(username=role[:5], roles=[role]))
    assert "New insurance payment" not in pages(clients[ACCOUNTANT], "insurance")
    assert "Import ERA files" not in pages(clients[FRONT_DESK], "import")
    assert "Journal" in pages(clients[ACCOUNTANT], "journal")
    assert "Journal" not in pages(clients[FRONT_DESK], "journal")
    assert "Administration" not in pages(clients[FRONT_DESK], "admin")


def test_without_any_role_it_is_closed() -> None:
    client = Client()
    client.force_login(UserFactory(roles=[]))
    assert client.post("/find/", {"q": "smith"}).status_code == 403


# --- The page, for those without the list --------------------------------------------------------


def test_the_box_in_the_navigation_leads_to_the_page(client: Client) -> None:
    PatientFactory(family_name="Smith", given_name="John", chart_number="P1")
    PatientFactory(family_name="Smith", given_name="Ann", chart_number="P2")
    response = client.post("/search/", {"list": "/find/", "q": "smith"})
    assert response.status_code == 302
    assert "smith" not in response["Location"]
    page = look(client, response["Location"])
    assert "Find smith" in page.words
    assert 'href="/patients/P1/account/"' in page.html
    assert 'href="/patients/P2/account/"' in page.html


def test_the_only_thing_that_fits_opens_at_once(client: Client) -> None:
    PaymentFactory()
    assert client.get("/find/", {"q": "R-0001"})["Location"] == "/payments/R-0001/"


def test_a_page_alone_does_not_open_by_itself(client: Client) -> None:
    assert client.get("/find/", {"q": "small balances"}).status_code == 200


def test_nothing_found_says_what_can_be_typed(client: Client) -> None:
    assert "Nothing fits" in look(client, "/find/", {"q": "zzzz"}).words
    part = client.post("/find/", {"q": "zzzz"})
    assert "Nothing fits “zzzz”" in unescape(part.content.decode())


# --- House rules ---------------------------------------------------------------------------------


def test_names_are_text(client: Client) -> None:
    PatientFactory(family_name=SCRIPT, chart_number="P7")
    InsurancePaymentFactory(payer=PayerFactory(name=f"Odd {SCRIPT}"), reference="77A")
    for typed in ("P7", "77A", "odd", SCRIPT):
        assert SCRIPT not in client.post("/find/", {"q": typed}).content.decode()
    assert SCRIPT not in look(client, "/find/", {"q": SCRIPT}).html


@pytest.mark.parametrize("typed", [*ODD, "\0", "a\0b", "R-99999999999999999999", "INV-²"])
def test_odd_texts_find_nothing_and_break_nothing(client: Client, typed: str) -> None:
    PatientFactory()
    found(client, typed)


def test_it_costs_the_same_however_much_is_found(client: Client) -> None:
    counts = []
    for some in (1, 10):
        for _ in range(some):
            line = LineFactory(patient=PatientFactory(family_name="Smith"))
            PaymentFactory(patient=line.patient, provider=line.provider, reference="SMITH")
        forget_everything()
        with CaptureQueriesContext(connection) as captured:
            found(client, "smith")
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


# --- Numbers are read from an index --------------------------------------------------------------


def plan_of(queryset: Any) -> str:
    return str(queryset.explain())


def test_a_check_number_is_read_from_the_index() -> None:
    from billing.models import Payment

    wanted = Payment.objects.filter(reference__in=["104482"]).exclude(reference="")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a handful of rows would be read without any index
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "payment_by_reference" in plan_of(wanted.order_by())
