"""New session: code, Enter, code, Enter, save; the fee of its day stays on the line."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Invoice, InvoiceLine
from patients.models import Coverage, Session
from tests.factories import FeeFactory, PatientFactory, PayerFactory, ProviderFactory
from tests.factories.bills import day, money
from tests.screens.bad_input import BAD_AMOUNTS, TOO_OLD, queries, text, writes
from tests.screens.desk import key
from tests.screens.lists import SCRIPT, look
from tests.screens.sessions import Practice, everything, form, lines, practice

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Practice:
    return practice()


def refused(desk: Practice, sent: dict[str, Any], *sentences: str) -> str:
    """The form comes back with exactly these things to fix, and nothing is written."""
    before = everything()
    answer = desk.client.post(desk.url, sent)
    assert answer.status_code == 200
    page = text(answer)
    things = "1 thing" if len(sentences) == 1 else f"{len(sentences)} things"
    assert f"This session is not saved yet. {things} to fix:" in page
    for sentence in sentences:
        assert sentence in page
    assert everything() == before
    return page


# --- What it shows -------------------------------------------------------------------------------


def test_it_begins_as_last_time(desk: Practice) -> None:
    lee = ProviderFactory(name="Dr Lee")
    desk.visit(ago=9, diagnoses="M54.50")
    desk.visit(ago=2, provider=lee, diagnoses="F41.1")
    page = look(desk.client, desk.url).html
    assert f'<option value="{lee.pk}" selected>Dr Lee' in page
    assert 'value="F41.1"' in page
    assert f'value="{timezone.localdate().isoformat()}"' in page
    other = look(desk.client, desk.url, {"provider": desk.dr1.pk}).html
    assert f'<option value="{desk.dr1.pk}" selected>Dr 1' in other
    assert 'value="M54.50"' in other


def test_what_the_provider_usually_does_is_one_button(desk: Practice) -> None:
    desk.visit(ago=2)
    page = look(desk.client, desk.url)
    assert 'name="fill" value="code:90834"' in page.html
    assert "Same as last time" in page.words


def test_a_new_patient_is_offered_what_the_provider_did_lately(desk: Practice) -> None:
    desk.visit(patient=PatientFactory(), ago=2)
    page = look(desk.client, desk.url).html
    assert "Same as last time" not in page
    query = look(desk.client, desk.url, {"provider": desk.dr1.pk}).html
    assert 'value="code:90834"' in page + query


def test_unknown_charts_are_404(desk: Practice) -> None:
    for chart in ("P9999", "x" * 3000, "%27"):
        assert desk.client.get(f"/patients/{chart}/sessions/new/").status_code == 404


# --- Saving --------------------------------------------------------------------------------------


def test_two_services_wait_on_a_draft(desk: Practice) -> None:
    answer = desk.client.post(desk.url, form("90834", "96127", "", diagnoses="f411; m54.50"))
    assert answer.status_code == 302
    assert answer["Location"] == f"/sessions/?date={timezone.localdate().isoformat()}"
    session = Session.objects.get()
    assert (session.patient, session.provider, session.diagnoses) == (
        desk.smith,
        desk.dr1,
        "F41.1, M54.50",
    )
    assert lines() == [
        ("90834", 1, "85.00", "BlueRiver Health"),
        ("96127", 1, "12.00", "BlueRiver Health"),
    ]
    draft = Invoice.objects.get()
    assert draft.number is None
    assert {line.session for line in draft.lines.all()} == {session}
    page = text(desk.client.get(answer["Location"]))
    assert "Smith, John with Dr 1 on" in page
    assert "2 services, $97.00. It waits on a draft until it is billed." in page


def test_save_and_issue(desk: Practice) -> None:
    answer = desk.client.post(desk.url, form("90834", action="issue"))
    assert answer["Location"] == "/invoices/INV-0001/"
    assert "INV-0001 issued." in text(desk.client.get(answer["Location"]))
    assert InvoiceLine.objects.get().issued_on == timezone.localdate()


def test_units_times_the_fee_of_the_day(desk: Practice) -> None:
    FeeFactory(service=desk.therapy, amount=money(90), valid_from=day(10))
    desk.client.post(desk.url, form({"code": "90834", "units": "3"}, date=day(11).isoformat()))
    desk.client.post(desk.url, form({"code": "90834", "units": "3"}, date=day(10).isoformat()))
    assert [amount for _code, _units, amount, _payer in lines()] == ["255.00", "270.00"]


def test_the_payers_own_fee_counts_where_the_payer_is_asked(desk: Practice) -> None:
    FeeFactory(service=desk.therapy, payer=desk.blueriver, amount=money(70))
    FeeFactory(service=desk.therapy, payer=PayerFactory(), amount=money(60))
    desk.client.post(desk.url, form("90834", {"code": "90834", "patient": "on"}))
    assert lines() == [
        ("90834", 1, "70.00", "BlueRiver Health"),
        ("90834", 1, "85.00", "patient"),
    ]


def test_who_owes_follows_the_coverage_of_that_day(desk: Practice) -> None:
    Coverage.objects.update(start=day(5), end=day(2))
    for ago, payer in ((6, "patient"), (5, "BlueRiver Health"), (2, "BlueRiver Health")):
        desk.client.post(desk.url, form("90834", date=day(ago).isoformat()))
        assert lines()[-1][3] == payer, ago
    desk.client.post(desk.url, form("90834", date=day(1).isoformat()))
    assert lines()[-1][3] == "patient"


def test_a_typed_fee_and_modifiers_are_kept(desk: Practice) -> None:
    row = {"code": "90834", "units": "2", "fee": "80+0.50", "modifiers": "95 gt"}
    desk.client.post(desk.url, form(row))
    line = InvoiceLine.objects.get()
    assert (str(line.amount), line.modifiers) == ("161.00", "95,GT")


def test_where_no_fee_is_set_it_has_to_be_typed(desk: Practice) -> None:
    before = (datetime.date(2020, 1, 1) - datetime.timedelta(days=1)).isoformat()
    refused(desk, form("90834", date=before), "No fee is set for 90834 on 31 Dec 2019. Enter it.")
    sent = form({"code": "90834", "fee": "0"}, date=before)
    assert desk.client.post(desk.url, sent).status_code == 302
    assert lines()[0][2] == "0.00"


def test_a_later_fee_leaves_the_line_alone(desk: Practice) -> None:
    desk.client.post(desk.url, form("90834", action="issue"))
    FeeFactory(service=desk.therapy, amount=money(500), valid_from=day(0))
    assert lines()[0][2] == "85.00"


def test_a_second_click_saves_once(desk: Practice) -> None:
    sent = form("90834")
    first, second = (desk.client.post(desk.url, sent) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Session.objects.count() == Invoice.objects.count() == 1
    assert "This session was already saved." in text(desk.client.get(second["Location"]))


def test_a_second_session_of_the_day_is_asked_about_once(desk: Practice) -> None:
    desk.visit()
    page = refused(
        desk,
        form("90834"),
        f"Smith, John already has a session with Dr 1 on {day(0):%d %b %Y}."
        " If this is another one, say so and save again.",
    )
    assert "This is another session" in page
    assert desk.client.post(desk.url, form("90834", again="on")).status_code == 302
    assert Session.objects.count() == 2


# --- While somebody types ------------------------------------------------------------------------


def live(desk: Practice, **sent: Any) -> Any:
    sent.pop("action", None)
    return desk.client.post(desk.url, sent, headers={"HX-Request": "true"})


def test_the_server_answers_fee_amount_and_total(desk: Practice) -> None:
    before = everything()
    page = text(live(desk, **form({"code": "90834", "units": "2"}, "96127", "")))
    assert '<span id="sum-1" hx-swap-oob="true">170.00</span>' in page
    assert "Psychotherapy, 45 minutes" in page
    assert "$182.00" in page
    assert "<dt>BlueRiver Health</dt>" in page
    assert everything() == before


def test_half_a_code_is_no_mistake_yet(desk: Practice) -> None:
    page = text(live(desk, **form("908")))
    assert "errtxt" not in page
    assert 'class="explain over"' not in page


def test_a_row_is_added_under_the_last_one(desk: Practice) -> None:
    assert "beforeend:#rows" not in text(live(desk, **form("90834", "")))
    answer = live(desk, **form("90834", "96127"))
    assert 'name="row-3-code"' in text(answer)
    assert "rows-added" in answer["HX-Trigger-After-Settle"]


def test_same_as_last_time_fills_rows(desk: Practice) -> None:
    desk.client.post(
        desk.url,
        form({"code": "90834", "units": "2", "modifiers": "95"}, "96127", date=day(7).isoformat()),
    )
    answer = live(desk, **form("", ""), fill="last")
    for filled in ('"row-1-code": "90834"', '"row-1-units": "2"', '"row-2-code": "96127"'):
        assert filled in answer["HX-Trigger"]
    whole = text(desk.client.post(desk.url, form("", action="", fill="last")))
    assert 'name="row-1-code" value="90834"' in whole
    assert 'name="row-2-code" value="96127"' in whole


def test_without_javascript_a_button_adds_a_row(desk: Practice) -> None:
    page = text(desk.client.post(desk.url, form("90834", action="another")))
    assert 'name="row-2-code"' in page
    assert 'name="row-1-code" value="90834"' in page


# --- What it refuses -----------------------------------------------------------------------------


def test_nothing_done(desk: Practice) -> None:
    refused(desk, form(), "Enter at least one service.")
    refused(desk, form("", ""), "Enter at least one service.")


@pytest.mark.parametrize("units", ["0", "-1", "99999", "1.5", "２", "two", "9" * 400])
def test_units(desk: Practice, units: str) -> None:
    refused(
        desk, form({"code": "90834", "units": units}), "Units are a whole number from 1 to 999."
    )


@pytest.mark.parametrize(("fee", "sentence"), BAD_AMOUNTS.items())
def test_fees(desk: Practice, fee: str, sentence: str) -> None:
    if fee.strip() == "20":  # a line break at its end is taken off, as everywhere in a form
        return
    refused(desk, form({"code": "90834", "fee": fee}), sentence)


def test_fees_below_zero_and_amounts_too_large(desk: Practice) -> None:
    refused(desk, form({"code": "90834", "fee": "-5"}), "A fee cannot be below 0.00.")
    refused(
        desk,
        form({"code": "90834", "fee": "99,999,999.99", "units": "2"}),
        "That amount is too large. The largest is 99,999,999.99.",
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "Enter the date of the session."),
        ("9999-12-31", "The date is in the future."),
        ("0001-01-01", "The date is too long ago. Check the year."),
        ("2025-02-30", "Enter a date like 2025-11-18."),
        ("２０２５-11-18", "Enter a date like 2025-11-18."),
        ("2025-11-18\0", "Enter a date like 2025-11-18."),
    ],
)
def test_dates(desk: Practice, given: str, sentence: str) -> None:
    refused(desk, form("90834", date=given), sentence)


@pytest.mark.parametrize("code", ["NOPE", "x" * 5000, "a\0b", "９０８３４", "'", "%"])
def test_unknown_codes(desk: Practice, code: str) -> None:
    before = everything()
    page = text(desk.client.post(desk.url, form(code)))
    assert "This session is not saved yet." in page
    assert f"No service is called “{code[:30]}”. Choose one." in page
    assert everything() == before


def test_a_service_that_is_not_offered_any_more(desk: Practice) -> None:
    desk.therapy.active = False
    desk.therapy.save()
    refused(
        desk,
        form("90834"),
        "90834 Psychotherapy, 45 minutes is not offered any more. Choose another service.",
    )


@pytest.mark.parametrize("modifiers", ["9", "955", "95,GT,U1,U2,U3", "é1", "9\0"])
def test_modifiers(desk: Practice, modifiers: str) -> None:
    refused(
        desk,
        form({"code": "90834", "modifiers": modifiers}),
        "Modifiers have two letters or digits each, four at most: 95, GT.",
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"provider": "999"}, "Choose a provider."),
        ({"provider": "x"}, "Choose a provider."),
        ({"provider": ""}, "Choose the provider."),
        ({"place_of_service": "77"}, "Choose one of the places in the list."),
        ({"diagnoses": "back pain"}, "“back” is not an ICD-10 code. Codes look like F41.1"),
        ({"diagnoses": "F41.1\0"}, "Null characters are not allowed."),
        ({"diagnoses": "F41.1 " * 100}, "Use 300 characters at most."),
        ({"key": ""}, TOO_OLD),
        ({"key": "nonsense"}, TOO_OLD),
    ],
)
def test_the_strip(desk: Practice, given: dict[str, str], sentence: str) -> None:
    refused(desk, form("90834", **given), sentence)


def test_a_provider_who_left_is_not_offered(desk: Practice) -> None:
    desk.dr1.active = False
    desk.dr1.save()
    refused(desk, form("90834"), "Choose a provider.")


def test_two_hundred_rows(desk: Practice) -> None:
    page = refused(desk, form(*["90834"] * 200), "50 rows at most fit on one page.")
    assert 'name="row-50-code"' in page


def test_forged_rows(desk: Practice) -> None:
    """Another patient's line, rows that are no numbers, fields nobody shows."""
    other = desk.visit(patient=PatientFactory())
    line = other.lines.get()
    refused(desk, form({"code": "90834", "line": line.pk}), "not on this draft any more")
    sent = form("90834", created_by="999", number="INV-9", issued_on="2020-01-01", patient="1")
    sent["rows"] = ["1", "1", "x", "-1", "9" * 400]
    assert desk.client.post(desk.url, sent).status_code == 302
    newest = InvoiceLine.objects.latest("pk")
    assert (newest.patient, newest.issued_on) == (desk.smith, None)


def test_the_same_key_with_other_figures(desk: Practice) -> None:
    same = key()
    desk.client.post(desk.url, form("90834", key=same))
    refused(desk, form("96127", key=same), "This form was already saved with other figures.")


def test_what_is_typed_is_text(desk: Practice) -> None:
    page = desk.client.post(
        desk.url, form({"code": SCRIPT, "fee": SCRIPT, "modifiers": SCRIPT}, diagnoses=SCRIPT)
    )
    assert SCRIPT not in page.content.decode()


# --- What it costs -------------------------------------------------------------------------------


def test_a_live_answer_costs_the_same_with_fifty_rows(desk: Practice) -> None:
    desk.client.get(desk.url)  # the page the answers belong to: one look, which is kept
    counts = set()
    for rows in (1, 10, 49):
        sent = form(*["90834"] * rows)
        sent.pop("action")
        statements = queries(desk.client, "post", desk.url, sent, headers={"HX-Request": "true"})
        assert writes(statements) == []
        counts.add(len(statements))
    assert len(counts) == 1
    assert max(counts) <= 12
