"""A session: changed or deleted while it is on a draft, read only once it is billed."""

from typing import Any

import pytest

from billing import charging, ledger
from billing.models import Invoice, InvoiceLine
from billing.views import sessions
from patients.models import Session
from tests.factories import PatientFactory, ProviderFactory
from tests.factories.bills import day
from tests.screens.bad_input import TOO_OLD, text
from tests.screens.desk import key
from tests.screens.lists import SCRIPT, look
from tests.screens.sessions import Practice, everything, form, lines, practice

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Practice:
    return practice()


def url(session: Session) -> str:
    return f"/sessions/{session.pk}/"


def seen(session: Session) -> str:
    return charging.seen(session.lines.filter(issued_on=None))


def change(desk: Practice, session: Session, *rows: Any, **given: Any) -> Any:
    sent = form(*rows, **{"seen": seen(session), "date": session.date.isoformat(), **given})
    return desk.client.post(url(session), sent)


# --- While it is on a draft ----------------------------------------------------------------------


def test_it_shows_what_was_entered(desk: Practice) -> None:
    session = desk.visit(ago=3, amounts=("85", "90"), diagnoses="F41.1")
    page = look(desk.client, url(session))
    assert 'name="row-1-code" value="90834"' in page.html
    assert 'name="row-1-fee" value=""' in page.html  # the schedule's
    assert 'name="row-2-fee" value="90.00"' in page.html
    assert 'value="F41.1"' in page.html
    assert "$175.00" in page.words
    assert "Delete session" in page.words


def test_services_day_and_provider_change(desk: Practice) -> None:
    session, lee = desk.visit(), ProviderFactory(name="Dr Lee")
    line = session.lines.get()
    answer = change(
        desk,
        session,
        {"code": "90834", "units": "2", "line": line.pk},
        "96127",
        date=day(4).isoformat(),
        provider=lee.pk,
        diagnoses="f33.1",
    )
    assert answer.status_code == 302
    session.refresh_from_db()
    assert (session.date, session.provider, session.diagnoses) == (day(4), lee, "F33.1")
    assert [line[:3] for line in lines()] == [("90834", 2, "170.00"), ("96127", 1, "12.00")]
    assert {(line.provider, line.service_date) for line in session.lines.all()} == {(lee, day(4))}
    assert Invoice.objects.count() == 1


def test_save_and_issue(desk: Practice) -> None:
    session = desk.visit()
    answer = change(desk, session, "96127", action="issue")
    assert answer["Location"] == "/invoices/INV-0001/"


def test_a_session_without_services_gets_its_first(desk: Practice) -> None:
    session = Session.objects.create(patient=desk.smith, provider=desk.dr1, date=day(2))
    assert change(desk, session, "96127").status_code == 302
    assert session.lines.get().invoice.number is None


def test_delete(desk: Practice) -> None:
    session = desk.visit()
    page = change(desk, session, action="delete")
    assert page["Location"] == f"/sessions/?date={session.date.isoformat()}"
    assert not Session.objects.exists()
    assert not InvoiceLine.objects.exists()
    assert not Invoice.objects.exists()
    assert "deleted." in text(desk.client.get(page["Location"]))


def test_somebody_elses_change_is_noticed(desk: Practice) -> None:
    session = desk.visit()
    before_theirs = seen(session)
    change(desk, session, "96127")
    now = everything()
    for action in ("save", "issue", "delete"):
        answer = desk.client.post(
            url(session),
            form("90834", seen=before_theirs, action=action, date=session.date.isoformat()),
            follow=True,
        )
        assert "Someone else changed this draft. It now shows what is there" in text(answer)
        assert everything() == now


def test_a_second_click_changes_once(desk: Practice) -> None:
    for action in ("save", "issue"):
        session = desk.visit(ago=3, patient=PatientFactory())
        row = {"code": "96127", "line": session.lines.get().pk}
        sent = form(row, seen=seen(session), action=action, date=session.date.isoformat())
        desk.client.post(url(session), sent)
        before = everything()
        page = text(desk.client.post(url(session), sent, follow=True))
        assert "This session was already saved." in page
        assert everything() == before


def test_deleted_meanwhile(desk: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the session and the lock."""
    session = desk.visit()
    sent = form("96127", seen=seen(session))
    ready = sessions._ready

    def delete_it(*args: Any) -> bool:
        ledger.delete_session(by=desk.ana, session=session, seen_lines=seen(session))
        return ready(*args)

    monkeypatch.setattr(sessions, "_ready", delete_it)
    answer = desk.client.post(url(session), sent)
    assert answer["Location"] == "/sessions/"
    page = text(desk.client.get("/sessions/"))
    assert "Someone else deleted this session meanwhile." in page
    assert not InvoiceLine.objects.exists()


def test_refusals(desk: Practice) -> None:
    session = desk.visit()
    before = everything()
    for sent, sentence in (
        (form(), "Enter at least one service."),
        (form({"code": "90834", "units": "0"}), "Units are a whole number from 1 to 999."),
        (form("90834", date="9999-12-31"), "The date is in the future."),
        (form("90834", key=""), TOO_OLD),
        (form("90834", action="delete", key=""), "too old to delete from"),
    ):
        page = text(desk.client.post(url(session), {"seen": seen(session), **sent}))
        assert "This session is not saved yet." in page
        assert sentence in page
    assert everything() == before


def test_lines_of_another_session_are_not_taken(desk: Practice) -> None:
    session, other = desk.visit(), desk.visit(patient=PatientFactory())
    before = everything()
    page = text(change(desk, session, {"code": "90834", "line": other.lines.get().pk}))
    assert "That line is not on this draft any more." in page
    assert everything() == before


def test_a_live_answer_writes_nothing(desk: Practice) -> None:
    session, before = desk.visit(), everything()
    sent = form({"code": "96127", "units": "2"}, "", seen=seen(session))
    del sent["action"]
    page = text(desk.client.post(url(session), sent, headers={"HX-Request": "true"}))
    assert "$24.00" in page
    assert everything() == before


# --- Once it is billed ---------------------------------------------------------------------------


def test_billed_it_is_read_only(desk: Practice) -> None:
    session = desk.visit(diagnoses="F41.1")
    desk.bill(session)
    page = look(desk.client, url(session))
    assert "This session is on INV-0001 , so it is not changed here any more." in page.words
    assert "Diagnoses F41.1" in page.words
    assert 'name="row-1-code"' not in page.html
    before = everything()
    answer = desk.client.post(url(session), form("96127", seen="x"), follow=True)
    assert "This session was billed meanwhile. Nothing was changed." in text(answer)
    assert everything() == before


def test_what_was_voided_is_billed_again(desk: Practice) -> None:
    session = desk.visit(amounts=("85", "12"))
    (invoice,) = desk.bill(session)
    desk.void(invoice)
    assert (
        "was voided. Bill again copies it to a new draft." in look(desk.client, url(session)).words
    )
    sent = {"key": key(), "action": "again"}
    page = text(desk.client.post(url(session), sent, follow=True))
    assert "Copied to a new draft." in page
    drafted = session.lines.filter(issued_on=None)
    assert [str(line.amount) for line in drafted] == ["85.00", "12.00"]
    desk.client.post(url(session), sent)  # a second click
    assert session.lines.count() == 4
    (again,) = desk.bill(session)
    assert again.number == "INV-0002"
    assert "This session is on INV-0002" in look(desk.client, url(session)).words


def test_a_session_with_voided_lines_is_not_deleted(desk: Practice) -> None:
    session = desk.visit()
    desk.void(desk.bill(session)[0])
    desk.client.post(url(session), {"key": key(), "action": "again"})
    before = everything()
    page = text(change(desk, session, action="delete"))
    assert "This session is on INV-0001, so it is kept." in page
    assert everything() == before


def test_unknown_sessions_are_404(desk: Practice) -> None:
    for pk in ("0", "99999", "9" * 30):
        assert desk.client.get(f"/sessions/{pk}/").status_code == 404


def test_names_are_text(desk: Practice) -> None:
    session = desk.visit(patient=PatientFactory(family_name=SCRIPT))
    assert SCRIPT not in look(desk.client, url(session)).html
    desk.bill(session)
    assert SCRIPT not in look(desk.client, url(session)).html


@pytest.mark.parametrize(
    ("start", "title", "there"),
    [
        ("/sessions/new/", "New session", "/patients/P1042/sessions/new/"),
        ("/payments/new/", "Take payment", "/patients/P1042/payments/new/"),
    ],
)
def test_choosing_the_patient_first(desk: Practice, start: str, title: str, there: str) -> None:
    assert title in look(desk.client, start).words
    for typed in ("P1042", "Smith, John (P1042)", "smith"):
        answer = desk.client.post(start, {"patient": typed})
        assert answer["Location"] == there
    PatientFactory(family_name="Smith", given_name="Ann")
    page = text(desk.client.post(start, {"patient": "smith"}))
    assert "Which patient?" in page
    for odd in ("nobody", "a\0b", "x" * 5000, "%"):
        page = text(desk.client.post(start, {"patient": odd}))
        assert "Try a chart number like P1042." in page
    assert "Type a patient's name or chart number." in text(desk.client.post(start))
