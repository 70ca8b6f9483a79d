"""A name that somebody looks for stands in no address: search boxes post it, lists carry it sealed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from patients.searching import LONGEST, seal, unseal
from tests.factories import PatientFactory
from tests.screens.lists import look
from tests.screens.page_forms import forms_of
from tests.screens.small_clinic import SmallClinic, small_clinic
from tests.screens.test_every_screen import FILES

pytestmark = pytest.mark.django_db
URL = "/search/"
# Where the box finds services, and no patient.
OF_NOBODY = {"/fees/"}


@pytest.fixture
def clinic() -> SmallClinic:
    return small_clinic()


def found(client: Client, of: str, typed: str, **others: str) -> str:
    """The address a search leads to."""
    return client.post(URL, {"list": of, "q": typed, **others})["Location"]


@pytest.mark.parametrize(
    ("to", "typed"),
    [
        ("/patients/", "Smith, John"),
        ("/payments/", "Smith"),
        ("/invoices/", "Smith"),
        ("/admin/patients/patient/", "Smith"),
        ("/admin/billing/payment/", "Smith"),
    ],
)
def test_what_is_looked_for_is_found_and_stands_in_no_address(
    clinic: SmallClinic, to: str, typed: str
) -> None:
    PatientFactory(family_name="Quorn", given_name="Ada")
    address = found(clinic.client, to, typed)
    assert address.startswith(f"{to}?")
    assert "mith" not in address
    page = look(clinic.client, address)
    assert page.response.status_code == 200
    assert "Smith" in page.words
    assert "Quorn" not in page.words
    assert f'value="{typed}"' in page.html  # the box shows what was typed
    links = re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', page.html)
    assert links
    assert not [link for link in links if "mith" in link]


def test_the_other_boxes_go_along(clinic: SmallClinic) -> None:
    address = found(clinic.client, "/payments/", " Smith ", method="check", to="2026-11-01")
    asked = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert unseal(asked.pop("q")[0]) == "Smith"
    assert asked == {"method": ["check"], "to": ["2026-11-01"]}
    assert found(clinic.client, "/payments/", "", method="check") == "/payments/?method=check"
    assert found(clinic.client, "/patients/", "") == "/patients/"


def test_a_part_of_the_page_is_found_the_same_way(clinic: SmallClinic) -> None:
    htmx = {"hx-request": "true"}
    first = clinic.client.post(URL, {"list": "/patients/", "q": "Smith"}, headers=htmx)
    part = clinic.client.get(first["Location"], headers=htmx).content.decode()
    assert part.lstrip().startswith("<div")
    assert "Smith" in part


def test_a_whole_chart_number_leads_to_the_account(clinic: SmallClinic) -> None:
    answer = clinic.client.post(URL, {"list": "/patients/", "q": "P1042"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/patients/P1042/account/"


class Boxes(HTMLParser):
    """The forms of a page that have a box called q: (method, address)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.form: tuple[str, str] = ("", "")
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        had = dict(attrs)
        if tag == "form":
            self.form = (had.get("method") or "get", had.get("action") or "")
        elif tag == "input" and had.get("name") == "q" and had.get("type") != "hidden":
            self.found.append(self.form)


def test_what_a_page_sends_leads_back_to_its_list(clinic: SmallClinic) -> None:
    """With all its boxes, as a browser sends them."""
    for url in ("/patients/", "/payments/", "/invoices/", "/insurance-payments/"):
        of_nav, of_list = (
            form for form in forms_of(clinic.client.get(url).content.decode()) if form.action == URL
        )
        for form, to in ((of_nav, "/find/"), (of_list, url)):
            address = clinic.client.post(URL, {**form.sent, "q": "Smith"})["Location"]
            assert address.startswith(f"{to}?"), form
            asked = parse_qs(urlsplit(address).query, keep_blank_values=True)
            assert asked.keys() == form.sent.keys() - {"csrfmiddlewaretoken", "list"} | {"q"}


def test_every_search_box_posts(clinic: SmallClinic) -> None:
    boxes = 0
    for name, url in clinic.one_of_each():
        if name in FILES or url in OF_NOBODY:
            continue
        answer = clinic.client.get(url)
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        for form in Boxes(answer.content.decode()).found:
            boxes += 1
            assert form == ("post", URL), url
    assert boxes > 50


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "", "javascript:x", "x"])
def test_it_leads_to_our_own_lists_only(clinic: SmallClinic, to: str) -> None:
    assert found(clinic.client, to, "Smith").startswith("/?q=~")


@pytest.mark.parametrize("text", ["~", "~x", "~" + "A" * 5000, "~\u0660"])
def test_a_broken_seal_searches_for_nothing(clinic: SmallClinic, text: str) -> None:
    page = look(clinic.client, "/patients/", {"q": text})
    assert page.response.status_code == 200
    assert "Smith" in page.words


def test_half_a_seal_searches_for_nothing() -> None:
    assert unseal(seal("Smith")[:-3]) == ""


def test_what_is_too_long_is_said(clinic: SmallClinic) -> None:
    address = found(clinic.client, "/patients/", "a" * 5000)
    assert len(address) < 8 * LONGEST
    assert "Search with 100 characters at most." in look(clinic.client, address).words


def test_what_was_typed_by_hand_is_taken_as_it_is(clinic: SmallClinic) -> None:
    assert "Smith" in look(clinic.client, "/patients/", {"q": "smith"}).words


def test_another_servers_seal_opens_nothing(settings: object) -> None:
    sealed = seal("Smith")
    assert unseal(sealed) == "Smith"
    settings.SECRET_KEY = "another"  # type: ignore[attr-defined]
    assert unseal(sealed) == ""
