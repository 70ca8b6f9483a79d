"""New invoice: a patient's unbilled sessions, and lines of no session."""

from typing import Any

import pytest
from django.utils import timezone

from billing import charging, ledger
from billing.models import Invoice, InvoiceLine
from tests.factories import PatientFactory, ProviderFactory
from tests.factories.bills import day
from tests.screens.bad_input import BAD_AMOUNTS, TOO_OLD, text
from tests.screens.desk import key
from tests.screens.lists import SCRIPT, look
from tests.screens.sessions import Practice, everything, form, practice

pytestmark = pytest.mark.django_db
URL = "/invoices/new/"
OF_SMITH = f"{URL}?patient=P1042"


@pytest.fixture
def desk() -> Practice:
    return practice()


def sent(desk: Practice, *rows: Any, **given: Any) -> dict[str, Any]:
    """Rows of no session; each has its own day and provider."""
    own = {"date": timezone.localdate().isoformat(), "provider": desk.dr1.pk}
    return form(*[own | row for row in rows], **given)


def refused(desk: Practice, given: dict[str, Any], *sentences: str) -> None:
    before = everything()
    answer = desk.client.post(OF_SMITH, given)
    assert answer.status_code == 200
    page = text(answer)
    assert "This invoice is not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    assert everything() == before


# --- The patient ---------------------------------------------------------------------------------


def test_first_the_patient_is_chosen(desk: Practice) -> None:
    assert "Patient" in look(desk.client, URL).words
    assert desk.client.post(URL, {"patient": "smith"})["Location"] == OF_SMITH
    assert "No patient fits" in text(desk.client.post(URL, {"patient": "nobody"}))
    for chart in ("P9999", "x" * 3000, "'"):
        page = look(desk.client, URL, {"patient": chart})
        assert "No patient has that chart number." in page.words


# --- What it shows and saves ---------------------------------------------------------------------


def test_unbilled_sessions_are_ticked(desk: Practice) -> None:
    visit, billed = desk.visit(ago=3, amounts=("85", "12")), desk.visit(ago=2)
    desk.bill(billed)
    desk.visit(patient=PatientFactory())
    page = look(desk.client, OF_SMITH)
    assert f'name="session" value="{visit.pk}" checked' in page.html
    assert page.html.count('name="session"') == 1
    assert "2 lines $97.00" in page.words


def test_sessions_and_free_lines_on_one_invoice(desk: Practice) -> None:
    first, second, left = desk.visit(ago=9), desk.visit(ago=2), desk.visit(ago=1)
    row = {"description": "Copy of the file", "fee": "7.50", "units": "2", "patient": "on"}
    answer = desk.client.post(
        OF_SMITH, sent(desk, row, session=[first.pk, second.pk], action="issue")
    )
    assert answer["Location"] == "/invoices/INV-0001/"
    invoice = Invoice.objects.get(number="INV-0001")
    assert [(line.session, str(line.amount)) for line in invoice.lines.order_by("pk")] == [
        (first, "85.00"),
        (second, "85.00"),
        (None, "15.00"),
    ]
    free = invoice.lines.get(session=None)
    assert (free.description, free.units, free.payer, free.provider) == (
        "Copy of the file",
        2,
        None,
        desk.dr1,
    )
    assert left.lines.get().issued_on is None
    assert Invoice.objects.count() == 2


def test_a_code_brings_its_words_and_its_fee(desk: Practice) -> None:
    desk.client.post(OF_SMITH, sent(desk, {"code": "90834"}, date=day(1).isoformat()))
    line = InvoiceLine.objects.get()
    assert (line.description, str(line.amount), line.payer, line.service) == (
        "Psychotherapy, 45 minutes",
        "85.00",
        desk.blueriver,
        desk.therapy,
    )
    assert line.invoice.number is None


def test_the_invoice_carries_its_date(desk: Practice) -> None:
    row = {"code": "90834", "date": day(5).isoformat()}
    given = sent(desk, row, action="issue") | {"date": day(3).isoformat()}
    desk.client.post(OF_SMITH, given)
    assert Invoice.objects.get().issued_on == day(3)


def test_a_second_click_saves_once(desk: Practice) -> None:
    given = sent(desk, {"code": "90834"}, action="issue")
    for _ in range(2):
        desk.client.post(OF_SMITH, given)
    assert Invoice.objects.count() == 1


def test_the_live_answer_adds_the_ticked_sessions(desk: Practice) -> None:
    visit, before = desk.visit(), everything()
    given = sent(desk, {"code": "96127"}, session=[visit.pk])
    del given["action"]
    page = text(desk.client.post(OF_SMITH, given, headers={"HX-Request": "true"}))
    assert "$97.00" in page
    assert 'name="row-2-code"' in page
    assert everything() == before


# --- What it refuses -----------------------------------------------------------------------------


def test_nothing_chosen(desk: Practice) -> None:
    desk.visit()
    refused(desk, sent(desk), "Choose a session or enter a line.")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"fee": "5"}, "Enter what this line is for, or a code."),
        ({"description": "Report"}, "Enter the fee."),
        ({"description": "x" * 5000, "fee": "5"}, "Use 160 characters at most."),
        ({"description": "a\0b", "fee": "5"}, "holds a character that cannot be kept."),
        ({"code": "y" * 300, "description": "x", "fee": "5"}, "Use 20 characters at most."),
        ({"description": "x", "fee": "5", "units": "0"}, "Units are a whole number from 1 to 999."),
        ({"description": "x", "fee": "5", "units": "99999"}, "Units are a whole number from 1"),
        ({"description": "x", "fee": "5", "provider": "999"}, "Choose the provider."),
        ({"description": "x", "fee": "5", "provider": ""}, "Choose the provider."),
        ({"description": "x", "fee": "5", "date": ""}, "Enter the date of the service."),
        ({"description": "x", "fee": "5", "date": "9999-12-31"}, "The date is in the future."),
        ({"description": "x", "fee": "5", "date": "0001-01-01"}, "The date is too long ago."),
    ],
)
def test_lines(desk: Practice, row: dict[str, str], sentence: str) -> None:
    refused(desk, sent(desk, row), sentence)


def test_amounts(desk: Practice) -> None:
    for fee, sentence in BAD_AMOUNTS.items():
        if fee.strip() != "20":
            refused(desk, sent(desk, {"description": "x", "fee": fee}), sentence)


def test_the_invoice_date(desk: Practice) -> None:
    for given, sentence in (
        ("", "Enter the date of the invoice."),
        ("9999-12-31", "The date is in the future."),
        ("2025-02-30", "Enter a date like 2025-11-18."),
    ):
        refused(desk, sent(desk, {"code": "90834"}) | {"date": given}, sentence)
    refused(desk, sent(desk, {"code": "90834"}, key=""), TOO_OLD)
    refused(
        desk,
        sent(desk, {"code": "90834"}, action="issue") | {"date": day(1).isoformat()},
        f"The invoice would be dated before its service of {day(0):%d %b %Y}.",
    )


def test_another_patients_session_and_a_billed_one(desk: Practice) -> None:
    other = desk.visit(patient=PatientFactory())
    refused(
        desk,
        sent(desk, session=[other.pk]),
        "Every session has to be the invoice's own patient's.",
    )
    billed = desk.visit()
    desk.bill(billed)
    refused(desk, sent(desk, session=[billed.pk]), "was billed meanwhile: it is on INV-0001.")


def test_a_session_somebody_deleted_meanwhile_is_not_left_out_in_silence(desk: Practice) -> None:
    kept, gone = desk.visit(), desk.visit()
    lines = list(gone.lines.all())
    ledger.delete_session(by=desk.ana, session=gone, seen_lines=charging.seen(lines))
    refused(
        desk,
        sent(desk, session=[kept.pk, gone.pk]),
        "A session that was chosen is not there any more: somebody deleted it. Check the others.",
    )


def test_words_are_text(desk: Practice) -> None:
    page = desk.client.post(
        OF_SMITH, sent(desk, {"description": SCRIPT, "code": SCRIPT, "fee": SCRIPT}, key=key())
    )
    assert SCRIPT not in page.content.decode()


def test_it_costs_the_same(desk: Practice) -> None:
    counts = set()
    for number in range(1, 31):
        desk.visit(ago=number, provider=ProviderFactory())
        if number in (1, 10, 30):
            counts.add(len(look(desk.client, OF_SMITH).queries))
    assert len(counts) == 1
    assert max(counts) <= 12
