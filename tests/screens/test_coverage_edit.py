"""Edit coverage."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import Client

from patients.models import Coverage
from tests.factories import CoverageFactory, PatientFactory, PayerFactory
from tests.screens.lists import SCRIPT, look, signed_in
from tests.screens.people import POLICY, refused, seen

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def held() -> Any:
    smith = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
    payer = PayerFactory(name="BlueRiver Health", payer_id="60054")
    return CoverageFactory(patient=smith, payer=payer, member_id="M1", start="2025-01-01")


@pytest.fixture
def url(held: Any) -> str:
    return f"/patients/P1042/coverages/{held.pk}/"


@pytest.fixture
def form(client: Client, url: str) -> dict[str, str]:
    drawn = {"payer": "BlueRiver Health (60054)", "member_id": "M1", "start": "2025-01-01"}
    return {**POLICY, **drawn, "rank": "1", "seen": seen(client, url)}


def test_it_shows_what_is_known(client: Client, url: str) -> None:
    page = look(client, url)
    for value in ("BlueRiver Health (60054)", "M1", "2025-01-01"):
        assert f'value="{value}"' in page.html
    assert len(page.queries) <= 12


def test_ending_it_is_the_way(client: Client, url: str, held: Any, form: Any) -> None:
    assert client.post(url, {**form, "end": "2025-06-30"})["Location"] == "/patients/P1042/"
    held.refresh_from_db()
    assert held.end == datetime.date(2025, 6, 30)
    assert client.delete(url).status_code == 405
    assert "Delete" not in client.get(url).content.decode()


def test_another_patients_coverage_is_404(client: Client, held: Any, form: Any) -> None:
    PatientFactory(chart_number="P1001")
    stranger = f"/patients/P1001/coverages/{held.pk}/"
    assert client.get(stranger).status_code == 404
    assert client.post(stranger, {**form, "member_id": "forged"}).status_code == 404
    for pk in ("0", "999999", "9" * 30):
        assert client.get(f"/patients/P1042/coverages/{pk}/").status_code == 404
    assert Coverage.objects.get().member_id == "M1"


def test_it_does_not_overlap_itself_but_others(client: Client, url: str, form: Any) -> None:
    patient = Coverage.objects.get().patient
    other = PayerFactory(name="Kestrel", payer_id="1")
    CoverageFactory(patient=patient, payer=other, rank=2, member_id="M9", start="2025-03-01")
    assert client.post(url, {**form, "member_id": "M2"}).status_code == 302
    refused(
        client,
        url,
        {**form, "rank": "2", "seen": seen(client, url)},
        "Kestrel (1) M9 is secondary from 01 Mar 2025, and one coverage at a time can be that."
        " Change its dates, or these.",
    )


def test_an_overlap_that_was_there_before_keeps_nobody_from_the_rest(
    client: Client, url: str, held: Any, form: Any
) -> None:
    CoverageFactory(patient=held.patient, start="2025-02-01")
    assert client.post(url, {**form, "member_id": "M2"}).status_code == 302
    again = {**form, "seen": seen(client, url), "end": "2025-03-01"}
    refused(client, url, again, "is primary from 01 Feb 2025")


def test_an_edit_somebody_overtook_is_refused_once(
    client: Client, url: str, held: Any, form: Any
) -> None:
    Coverage.objects.filter(pk=held.pk).update(member_id="M7")
    refused(
        client,
        url,
        {**form, "end": "2025-06-30"},
        "Somebody else changed this coverage while you were typing. It has Member ID: M7;"
        " To: empty. Save again to keep what stands here.",
    )
    assert client.post(url, {**form, "seen": seen(client, url)}).status_code == 302


def test_a_rank_the_desk_does_not_give_is_kept(
    client: Client, url: str, held: Any, form: Any
) -> None:
    Coverage.objects.filter(pk=held.pk).update(rank=5)
    assert '<option value="5" selected>Rank 5</option>' in look(client, url).html
    assert client.post(url, {**form, "rank": "5", "seen": seen(client, url)}).status_code == 302


def test_a_payer_no_longer_active_keeps_the_coverage_editable(
    client: Client, url: str, held: Any, form: Any
) -> None:
    """Ending the policy of an insurer that is gone is the very reason to come here."""
    held.payer.active = False
    held.payer.save()
    assert client.post(url, {**form, "end": "2025-06-30"}).status_code == 302


@pytest.mark.parametrize("name", [*POLICY, "rank"])
def test_whatever_is_typed_stays_text(client: Client, url: str, form: Any, name: str) -> None:
    page = client.post(url, {**form, "end": "x", name: SCRIPT}).content.decode()
    assert SCRIPT not in page


def test_whatever_is_known_stays_text(client: Client, url: str, held: Any) -> None:
    Coverage.objects.filter(pk=held.pk).update(member_id=SCRIPT, group_number=SCRIPT)
    assert SCRIPT not in client.get(url).content.decode()
    assert SCRIPT not in client.get("/patients/P1042/").content.decode()
