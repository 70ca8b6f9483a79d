"""Reports: the list of all there are, each in a sentence."""

from __future__ import annotations

import pytest
from django.urls import reverse

from billing.reports import REPORTS
from config.roles import ACCOUNTANT
from tests.factories import UserFactory, give
from tests.screens.lists import look, signed_in

pytestmark = pytest.mark.django_db

URL = "/reports/"


def test_each_report_is_named_and_leads_to_its_screen() -> None:
    client = signed_in()
    page = look(client, URL)
    for slug, report in REPORTS.items():
        if getattr(report, "permission", ""):
            continue
        assert report.title in page.words
        assert report.about in page.words
        assert f'href="{reverse("billing:report_detail", args=[slug])}"' in page.html


def test_what_somebody_may_not_see_is_not_named_to_them() -> None:
    client = signed_in()
    assert "/reports/exports/" not in look(client, URL).html
    user = UserFactory(username="grace", roles=[ACCOUNTANT])
    client.force_login(user)
    assert 'href="/reports/exports/"' in look(client, URL).html


def test_the_screens_of_the_books_are_among_them() -> None:
    client = signed_in()
    assert 'href="/reports/journal/"' not in look(client, URL).html
    give(UserFactory(), ACCOUNTANT)
    page = look(client, URL)
    for url in ("/reports/deposit-slip/", "/reports/journal/", "/periods/"):
        assert f'href="{url}"' in page.html


def test_the_navigation_says_where_one_is() -> None:
    html = look(signed_in(), URL).html
    assert '<a href="/reports/" aria-current="page">' in html


def test_it_costs_a_few_queries() -> None:
    assert len(look(signed_in(), URL).queries) <= 12
