"""Who owes: somebody says by hand who is asked for the rest of lines."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from billing import ledger
from billing.models import Adjudication, InvoiceLine, Payment
from billing.sharing import Entry
from patients.models import Patient, Payer
from tests.factories import (
    CoverageFactory,
    InvoiceFactory,
    PatientFactory,
    PayerFactory,
    UserFactory,
)
from tests.factories.bills import day, money
from tests.screens.bad_input import TOO_OLD, nothing_happens, queries, text, writes

pytestmark = pytest.mark.django_db

NASTY = "<script>alert('x')</script>"


@dataclass
class Desk:
    """An invoice of two lines; BlueRiver denied the first, and Cascade is the second insurer."""

    client: Client
    ana: Any
    maya: Patient
    blueriver: Payer
    cascade: Payer
    lines: list[InvoiceLine]

    @property
    def url(self) -> str:
        return f"/invoices/{self.lines[0].invoice.number}/responsibility/"

    def form(self, **changed: Any) -> dict[str, Any]:
        fields = {
            "key": str(uuid.uuid4()),
            "lines": [str(self.lines[0].pk)],
            "owes": "patient",
            "reason": "Denied, not covered",
            **changed,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def refused(self, sentence: str, **changed: Any) -> str:
        with nothing_happens():
            answer = self.client.post(self.url, self.form(**changed))
        assert answer.status_code == 200
        page = text(answer)
        assert "Nothing is changed yet. 1 thing to fix:" in page
        assert sentence in page[page.index('class="errsum"') :].partition("</ul>")[0]
        return page

    def owers(self) -> list[Payer | None]:
        for line in self.lines:
            line.refresh_from_db()
        return [line.payer for line in self.lines]


@pytest.fixture
def desk() -> Desk:
    ana = UserFactory(username="ana", first_name="Ana")
    client = Client()
    client.force_login(ana)
    maya = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    blueriver, cascade = PayerFactory(name="BlueRiver Health"), PayerFactory(name="Cascade")
    CoverageFactory(patient=maya, payer=blueriver, rank=1)
    CoverageFactory(patient=maya, payer=cascade, rank=2)
    invoice = InvoiceFactory(patient=maya, amounts=("100", "60"), owed_by=blueriver, by=ana)
    lines = list(InvoiceLine.objects.with_names().filter(invoice=invoice).order_by("pk"))
    ledger.record_payment(
        by=ana,
        payer=blueriver,
        amount=money("0"),
        method="check",
        date=day(3),
        entries=[Entry(lines[0].pk, outcome="denied", codes="CO-29")],
    )
    return Desk(client, ana, maya, blueriver, cascade, lines)


def test_it_shows_what_is_left_and_why(desk: Desk) -> None:
    assert writes(queries(desk.client, "get", desk.url)) == []
    page = text(desk.client.get(desk.url))
    for words in ("Denied", "CO-29", "BlueRiver Health", "Cascade", "Okafor, Maya, the patient"):
        assert words in page
    payment = Payment.objects.get().number
    for elsewhere in (f"/invoices/{desk.lines[0].invoice.number}/", "/patients/P1001/account/"):
        assert f'<a class="tag bad" href="{desk.url}">Denied</a>' in text(
            desk.client.get(elsewhere)
        )
    assert desk.client.get(f"/insurance-payments/{payment}/").status_code == 200


def test_the_patient_owes_it_now(desk: Desk) -> None:
    answer = desk.client.post(desk.url, desk.form(), follow=True)
    assert answer.redirect_chain[-1][0] == f"/invoices/{desk.lines[0].invoice.number}/"
    assert "Okafor, Maya, the patient, owes the rest of 1 line now." in text(answer)
    assert desk.owers() == [None, desk.blueriver]
    assert Adjudication.objects.latest("pk").reason == "Denied, not covered"
    assert "Denied" not in text(answer)


def test_the_next_insurer_owes_both(desk: Desk) -> None:
    both = [str(line.pk) for line in desk.lines]
    form = desk.form(lines=both, owes=str(desk.cascade.pk))
    assert "Cascade owes the rest of 2 lines now." in text(
        desk.client.post(desk.url, form, follow=True)
    )
    assert desk.owers() == [desk.cascade, desk.cascade]
    with nothing_happens():  # the same form again
        assert desk.client.post(desk.url, form).status_code == 302


def test_what_is_refused(desk: Desk) -> None:
    stranger = InvoiceFactory(amounts=("50",)).lines.get()
    mine = "Choose among the unpaid lines of this invoice."
    desk.refused("Choose a line.", lines=[])
    for forged in (str(stranger.pk), "0", NASTY, "9" * 5000, "\0"):
        assert NASTY not in desk.refused(mine, lines=[forged])
    desk.refused("Choose who owes the rest.", owes="")
    for forged in ("0", NASTY, str(PayerFactory().pk)):
        page = desk.refused("Choose one of the patient's insurers, or the patient.", owes=forged)
        assert NASTY not in page
    desk.refused("Say why it is theirs.", reason="  ")
    desk.refused("Use 200 characters at most.", reason="x" * 5000)
    desk.refused(TOO_OLD, key="garbage")
    desk.refused("waits for them already.", owes=str(desk.blueriver.pk))


def test_a_coverage_that_had_ended(desk: Desk) -> None:
    late = PayerFactory(name="Late Cover")
    CoverageFactory(patient=desk.maya, payer=late, rank=3, start=day(2))
    desk.refused("Late Cover does not cover Okafor, Maya", owes=str(late.pk))


def test_nothing_is_owing(desk: Desk) -> None:
    paid = InvoiceFactory(patient=desk.maya, amounts=("0",), by=desk.ana)
    page = text(desk.client.get(f"/invoices/{paid.number}/responsibility/"))
    assert "Nothing is owing on this invoice" in page
    assert desk.client.get("/invoices/INV-9999/responsibility/").status_code == 404


def test_names_are_escaped(desk: Desk) -> None:
    desk.maya.family_name = NASTY
    desk.maya.save()
    assert NASTY not in desk.client.get(desk.url).content.decode()
