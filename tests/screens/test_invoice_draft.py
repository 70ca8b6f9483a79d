"""A draft invoice: changed, discarded, issued; and what somebody else did to it meanwhile."""

from typing import Any

import pytest

from billing import charging, ledger
from billing.models import Invoice, InvoiceLine
from patients.models import Session
from tests.factories import InvoiceFactory, PatientFactory, ProviderFactory
from tests.factories.bills import day, money
from tests.screens.bad_input import TOO_OLD, text
from tests.screens.lists import SCRIPT, look
from tests.screens.sessions import Practice, everything, form, lines, practice

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Practice:
    return practice()


@pytest.fixture
def draft(desk: Practice) -> Invoice:
    """A session of 85.00 with Dr 1, and a free line of 7.50."""
    desk.visit(ago=2)
    draft = Invoice.objects.get()
    InvoiceLine.objects.create(
        invoice=draft,
        patient=desk.smith,
        provider=desk.dr1,
        service_date=day(1),
        description="Copy of the file",
        amount=money("7.50"),
    )
    return draft


def url(draft: Invoice) -> str:
    return f"/invoices/drafts/{draft.pk}/"


def rows_of(draft: Invoice) -> list[dict[str, Any]]:
    """The rows as the page sends them when nothing was changed."""
    return [
        {
            "line": line.pk,
            "code": line.code,
            "description": line.description,
            "units": str(line.units),
            "fee": str(line.amount),
            "date": line.service_date.isoformat(),
            "provider": line.provider_id,
            "patient": "on",
        }
        for line in draft.lines.order_by("service_date", "pk")
    ]


def send(desk: Practice, draft: Invoice, *rows: Any, follow: bool = False, **given: Any) -> Any:
    listed = list(draft.lines.all())
    sent = form(*(rows or rows_of(draft)), **{"seen": charging.seen(listed), **given})
    return desk.client.post(url(draft), sent, follow=follow)


def test_it_shows_its_lines(desk: Practice, draft: Invoice) -> None:
    page = look(desk.client, url(draft))
    assert "Draft invoice" in page.words
    assert 'name="row-1-code" value="90834"' in page.html
    assert 'name="row-2-description" value="Copy of the file"' in page.html
    assert "2 lines $92.50" in page.words
    assert "Discard draft" in page.words


def test_lines_change_come_and_go(desk: Practice, draft: Invoice) -> None:
    session, free = rows_of(draft)
    lee = ProviderFactory(name="Dr Lee")
    answer = send(
        desk,
        draft,
        session | {"units": "2"},
        free | {"remove": "on"},
        {"code": "96127", "date": day(0).isoformat(), "provider": lee.pk},
    )
    assert answer["Location"] == url(draft)
    assert lines() == [
        ("90834", 2, "170.00", "patient"),
        ("96127", 1, "12.00", "BlueRiver Health"),
    ]
    kept = draft.lines.get(code="90834")
    assert kept.session == Session.objects.get()


def test_a_sessions_line_keeps_day_and_provider(desk: Practice, draft: Invoice) -> None:
    session, free = rows_of(draft)
    other = ProviderFactory().pk
    moved = {"date": day(9).isoformat(), "provider": other}
    send(desk, draft, session | moved, free | moved)
    of_session, own = draft.lines.order_by("pk")
    assert (of_session.service_date, of_session.provider) == (day(2), desk.dr1)
    assert (own.service_date, own.provider_id) == (day(9), other)


def test_issue_with_a_date(desk: Practice, draft: Invoice) -> None:
    answer = send(desk, draft, action="issue", date=day(1).isoformat())
    assert answer["Location"] == "/invoices/INV-0001/"
    draft.refresh_from_db()
    assert draft.issued_on == day(1)
    assert desk.client.get(url(draft))["Location"] == "/invoices/INV-0001/"


def test_discarding_leaves_the_sessions_to_be_billed(desk: Practice, draft: Invoice) -> None:
    answer = send(desk, draft, action="discard", follow=True)
    assert "Draft discarded. Sessions that were on it wait to be billed." in text(answer).replace(
        '<b class="strong">', ""
    ).replace("</b>", "")
    assert lines() == [("90834", 1, "85.00", "patient")]
    assert Session.objects.get().lines.get().invoice != draft
    assert desk.client.get(url(draft)).status_code == 404


def test_a_draft_of_one_session_is_deleted_with_it(desk: Practice) -> None:
    desk.visit()
    page = look(desk.client, url(Invoice.objects.get()))
    assert "Discard draft" not in page.words
    assert "Open session" in page.words


def test_a_second_click_issues_once(desk: Practice, draft: Invoice) -> None:
    sent = form(*rows_of(draft), seen=charging.seen(draft.lines.all()), action="issue")
    for _ in range(2):
        answer = desk.client.post(url(draft), sent, follow=True)
        assert "Someone else" not in text(answer)
    assert Invoice.objects.get().number == "INV-0001"


# --- Somebody else -------------------------------------------------------------------------------


def test_changed_meanwhile(desk: Practice, draft: Invoice) -> None:
    seen = charging.seen(draft.lines.all())
    send(desk, draft, rows_of(draft)[0])
    before = everything()
    for action in ("save", "issue", "discard"):
        answer = send(desk, draft, action=action, seen=seen, follow=True)
        assert "Someone else changed this draft. It now shows what is there" in text(answer)
        assert everything() == before


def test_issued_meanwhile(desk: Practice, draft: Invoice) -> None:
    rows = rows_of(draft)
    ledger.issue_invoice(by=desk.ana, invoice=draft, date=day(0))
    before = everything()
    for action in ("save", "issue", "discard"):
        page = text(send(desk, draft, *rows, action=action, follow=True))
        assert "Someone else issued this draft meanwhile: it is INV-0001." in page
        assert everything() == before


# --- What it refuses -----------------------------------------------------------------------------


def test_refusals(desk: Practice, draft: Invoice) -> None:
    session, free = rows_of(draft)
    foreign = InvoiceFactory(issued=False).lines.get()
    before = everything()
    for rows, given, sentence in (
        ([session | {"remove": "on"}, free | {"remove": "on"}], {}, "A draft needs a line."),
        ([session | {"units": "-1"}], {}, "Units are a whole number from 1 to 999."),
        ([session | {"fee": "-1"}], {}, "A fee cannot be below 0.00."),
        ([session | {"line": foreign.pk}], {}, "That line is not on this draft any more."),
        ([session], {"date": "9999-12-31"}, "The date is in the future."),
        ([session], {"key": "x"}, TOO_OLD),
    ):
        page = text(send(desk, draft, *rows, **given))
        assert "This invoice is not saved yet." in page
        assert sentence in page
        assert everything() == before


def test_unknown_drafts_are_404(desk: Practice) -> None:
    for pk in ("0", "99999", "9" * 30):
        assert desk.client.get(f"/invoices/drafts/{pk}/").status_code == 404


def test_names_are_text(desk: Practice) -> None:
    patient = PatientFactory(family_name=SCRIPT)
    draft = InvoiceFactory(patient=patient, issued=False)
    draft.lines.update(description=SCRIPT)
    assert SCRIPT not in look(desk.client, url(draft)).html


def test_it_costs_the_same(desk: Practice) -> None:
    counts = set()
    for number in (1, 10, 45):
        draft = InvoiceFactory(patient=desk.smith, amounts=["10"] * number, issued=False)
        counts.add(len(look(desk.client, url(draft)).queries))
    assert len(counts) == 1
    # The clinic's name among them, which is kept for a minute, and whose draft was looked at.
    assert max(counts) <= 13
