"""New insurance payment: what it shows, saves and refuses, asked without a browser."""

from __future__ import annotations

import datetime
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import Allocation, ClosingDate, InvoiceLine, Payment
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    UserFactory,
)
from tests.screens.bad_input import (
    BAD_AMOUNTS,
    BAD_DATES,
    FORGED,
    TOO_OLD,
    nothing_happens,
    queries,
    refused,
    text,
    writes,
)

pytestmark = pytest.mark.django_db

URL = "/insurance-payments/new/"
NASTY = "<script>alert('x')</script>"


@dataclass
class Desk:
    """BlueRiver Health, and Maya Okafor's three unpaid sessions of 100.00."""

    client: Client
    ana: Any
    blueriver: Payer
    dr1: Provider
    maya: Patient
    lines: list[InvoiceLine]

    def form(self, *paid: str, **changed: Any) -> dict[str, Any]:
        """What the browser sends: the strip, and `paid` on Maya's lines one after the other."""
        fields = {
            "key": str(uuid.uuid4()),
            "payer": "BlueRiver Health (60054)",
            "method": "check",
            "reference": "104482",
            "date": timezone.localdate().isoformat(),
            "amount": "200",
            "action": "save",
            "lines": [str(line.pk) for line in self.lines],
        }
        for line, amount in zip(self.lines, paid, strict=False):
            fields[f"line-{line.pk}-paid"] = amount
            fields[f"line-{line.pk}-seen"] = line.seen
        fields.update(changed)
        return {name: value for name, value in fields.items() if value is not None}

    def box(self, row: int, column: str = "paid") -> str:
        return f"line-{self.lines[row].pk}-{column}"

    def save(self, form: dict[str, Any]) -> Payment:
        answer = self.client.post(URL, form)
        assert answer.status_code == 302, text(answer)
        return Payment.objects.latest("pk")

    def live(self, form: dict[str, Any], **more: Any) -> Any:
        """As the form posts itself while somebody types."""
        sent = {name: value for name, value in form.items() if name != "action"}
        return self.client.post(URL, {**sent, **more}, headers={"hx-request": "true"})


@pytest.fixture
def desk() -> Desk:
    ana = UserFactory(username="ana", first_name="Ana")
    client = Client()
    client.force_login(ana)
    blueriver = PayerFactory(name="BlueRiver Health", payer_id="60054")
    dr1 = ProviderFactory(name="Dr 1")
    maya = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
    lines = [
        LineFactory(patient=maya, provider=dr1, amount="100", ago=ago, owed_by=blueriver, by=ana)
        for ago in (30, 23, 16)
    ]
    return Desk(client, ana, blueriver, dr1, maya, lines)


# ---------------------------------------------------------------------------- shows


def test_an_empty_page(desk: Desk) -> None:
    page = text(desk.client.get(URL))
    for words in ("New insurance payment", "No sessions on this payment yet", "enter an amount"):
        assert words in page
    assert f'value="{timezone.localdate().isoformat()}"' in page
    assert "Error:" not in page


def test_opening_and_typing_write_nothing(desk: Desk) -> None:
    assert writes(queries(desk.client, "get", URL)) == []
    htmx = {"headers": {"hx-request": "true"}}
    form = {**desk.form("100"), "touched": str(desk.lines[0].pk)}
    for press in (
        {},
        {"fill": "oldest"},
        {"add": "P1001"},
        {"add": "everyone"},
        {"tidy": "amount"},
    ):
        sent = {name: value for name, value in {**form, **press}.items() if name != "action"}
        assert writes(queries(desk.client, "post", URL, sent, **htmx)) == []
        assert writes(queries(desk.client, "post", URL, sent)) == []


def test_what_was_kept_from_the_payment_before(desk: Desk) -> None:
    page = text(desk.client.get(URL, {"payer": "BlueRiver Health (60054)", "method": "eft"}))
    assert 'value="BlueRiver Health (60054)"' in page
    assert "EFT number" in page
    for odd in ({"method": "barter"}, {"date": "never"}, {"payer": NASTY}, {"method": NASTY}):
        assert desk.client.get(URL, odd).status_code == 200


# ---------------------------------------------------------------------------- saves


def test_two_lines_paid_and_written_off(desk: Desk) -> None:
    form = desk.form("80", "$1,20.00", "")
    form[desk.box(1)] = "120-20"
    form[desk.box(0, "write_off")] = "20"
    payment = desk.save(form)
    assert (payment.payer, payment.amount, payment.unallocated) == (
        desk.blueriver,
        Decimal(200),
        Decimal(20),
    )
    assert (payment.reference, payment.method) == ("104482", "check")
    assert payment.created_by == desk.ana
    for line in desk.lines:
        line.refresh_from_db()
    assert [line.balance for line in desk.lines] == [0, 0, 100]
    assert desk.lines[0].adjusted == 20
    shown = text(desk.client.get(payment.get_absolute_url()))
    assert "Saved. $20.00 of $200.00 is still to allocate." in shown


def test_nothing_allocated_yet_is_saved_too(desk: Desk) -> None:
    payment = desk.save(desk.form(lines=[], amount="1,240.00"))
    assert payment.unallocated == 1240


def test_a_negative_or_empty_check_of_an_insurer(desk: Desk) -> None:
    """A remittance may take back more than it pays (R3)."""
    first = desk.save(desk.form("100", "100"))
    for line in desk.lines:
        line.refresh_from_db()
    second = desk.save(desk.form("-100", "-50", amount="-150", reference="104483"))
    assert (first.unallocated, second.unallocated) == (0, 0)
    assert second.amount == -150
    assert desk.save(desk.form(amount="0", reference="104484")).amount == 0


def test_money_that_does_not_fit_releases_the_patients(desk: Desk) -> None:
    receipt = PaymentFactory(
        patient=desk.maya, provider=desk.dr1, amount="30", on={desk.lines[0]: "30"}, by=desk.ana
    )
    desk.lines[0].refresh_from_db()
    payment = desk.save(desk.form("100", "100"))
    receipt.refresh_from_db()
    assert (payment.unallocated, receipt.unallocated) == (0, 30)
    shown = text(desk.client.get(payment.get_absolute_url()))
    assert f"$30.00 of {receipt.number} went back to Okafor, Maya's credit." in shown


def test_fields_a_form_never_sets_are_ignored(desk: Desk) -> None:
    over = refused(
        desk.client,
        URL,
        {**desk.form("100", "100", "100"), **FORGED},
        "$100.00 too much is allocated. Lower some lines or correct Amount.",
    )
    assert "Money the payer took back goes in as a minus amount on its session." in over
    payment = desk.save({**desk.form("100", "100"), **FORGED})
    assert payment.created_by == desk.ana
    assert payment.number != "IP-9999"
    assert (payment.kind, payment.reversed, payment.unallocated) == ("receipt", False, 0)
    assert (payment.note, payment.over_allocation_reason, payment.patient) == ("", "", None)


# ---------------------------------------------------------------------------- once


def test_the_same_form_twice_posts_once(desk: Desk) -> None:
    form = desk.form("100", "100")
    first = desk.save(form)
    with nothing_happens():
        answer = desk.client.post(URL, form)
    assert answer.status_code == 302
    assert answer["Location"] == first.get_absolute_url()


def test_the_same_key_with_other_figures_is_refused(desk: Desk) -> None:
    form = desk.form("100", "100")
    desk.save(form)
    other = {**form, "amount": "150", "reference": "999", desk.box(1): "50"}
    refused(
        desk.client,
        URL,
        other,
        "This form was already saved with other figures. Open it afresh to enter another one.",
    )


@pytest.mark.parametrize("key", [None, "", "garbage", "0" * 5000, "\0", NASTY])
def test_a_missing_or_garbled_key(desk: Desk, key: str | None) -> None:
    page = refused(desk.client, URL, desk.form("100", key=key), TOO_OLD)
    assert NASTY not in page
    # The page that comes back can be saved.
    fresh = page.split('name="key" value="')[1].split('"')[0]
    assert desk.save(desk.form("100", key=fresh)).allocated == 100


def test_a_refused_form_is_saved_under_the_same_key(desk: Desk) -> None:
    form = desk.form("100", "100", "100")
    refused(desk.client, URL, form, "$100.00 too much is allocated.")
    assert desk.save({**form, "amount": "300"}).allocated == 300


# ---------------------------------------------------------------------------- refuses


@pytest.mark.parametrize("typed", BAD_AMOUNTS)
def test_a_bad_amount(desk: Desk, typed: str) -> None:
    page = refused(desk.client, URL, desk.form("100", amount=typed), BAD_AMOUNTS[typed])
    assert 'href="#id_amount"' in page
    assert page.count(BAD_AMOUNTS[typed]) >= 2  # in the summary and beside the field
    assert 'name="line-' in page


@pytest.mark.parametrize("column", ["paid", "write_off"])
@pytest.mark.parametrize("typed", BAD_AMOUNTS)
def test_a_bad_amount_on_a_line(desk: Desk, typed: str, column: str) -> None:
    form = desk.form("100", **{desk.box(1, column): typed})
    who = f"Okafor, Maya {desk.lines[1].service_date:%d %b %Y}"
    page = refused(desk.client, URL, form, f"{who}: {BAD_AMOUNTS[typed]}")
    assert f'href="#{desk.box(1, column)}"' in page
    assert f'id="{desk.box(1, column)}"' in page
    # No total may look right while a box is not understood.
    assert "check the amounts" in page


def test_what_was_typed_is_kept(desk: Desk) -> None:
    form = desk.form("100", "1.005", "80+15", reference="AB 12", method="eft", amount="1e9")
    page = refused(
        desk.client,
        URL,
        form,
        BAD_AMOUNTS["1e9"],
        BAD_AMOUNTS["1.005"],
    )
    for row, kept in enumerate(["100", "1.005", "80+15"]):
        assert f'value="{kept}"' in page[page.index(f'id="{desk.box(row)}"') :][:600]
    for kept in ("AB 12", "1e9", "BlueRiver Health (60054)"):
        assert f'value="{kept}"' in page
    assert '<option value="eft" selected>' in page


@pytest.mark.parametrize("typed", ["", "   ", None])
def test_a_blank_amount(desk: Desk, typed: str | None) -> None:
    refused(desk.client, URL, desk.form(amount=typed), "Enter the amount of the payment.")


@pytest.mark.parametrize("typed", BAD_DATES)
def test_a_bad_date(desk: Desk, typed: str) -> None:
    page = refused(desk.client, URL, desk.form("100", date=typed), BAD_DATES[typed])
    assert 'href="#id_date"' in page


def test_a_future_and_a_closed_date(desk: Desk) -> None:
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    refused(desk.client, URL, desk.form(date=tomorrow.isoformat()), "The date is in the future.")
    closed = timezone.localdate() - datetime.timedelta(days=5)
    ClosingDate.objects.create(closed_through=closed, created_by=desk.ana, reason="Month end")
    refused(
        desk.client,
        URL,
        desk.form("100", date=closed.isoformat()),
        f"The date is in a closed period (up to {closed:%d %b %Y}). Ask an administrator to open it.",
    )


def test_a_payer_nobody_knows(desk: Desk) -> None:
    refused(desk.client, URL, desk.form(payer=""), "Choose the payer.")
    page = refused(
        desk.client,
        URL,
        desk.form(payer=NASTY),
        f"No payer is called {NASTY}. Choose one from the list.",
    )
    assert page  # escaped: see test_names_with_html_in_them
    refused(desk.client, URL, desk.form(payer="x" * 5000), "No payer is called xxx")
    refused(desk.client, URL, desk.form(payer="Blue\0River"), "Null characters are not allowed.")


def test_a_payer_that_could_be_two(desk: Desk) -> None:
    PayerFactory(name="BlueRiver Dental", payer_id="60055")
    refused(
        desk.client,
        URL,
        desk.form(payer="blueriver"),
        "Several payers are called blueriver: BlueRiver Dental (60055); BlueRiver Health (60054).",
    )
    assert desk.save(desk.form(payer="blueriver health")).payer == desk.blueriver
    assert desk.save(desk.form(payer="60054", reference="2")).payer == desk.blueriver


@pytest.mark.parametrize("typed", ["", "barter", "cash", "\0", "x" * 5000])
def test_a_method_payers_do_not_use(desk: Desk, typed: str) -> None:
    answer = desk.client.post(URL, desk.form(method=typed))
    assert answer.status_code == 200
    assert "This payment is not saved yet." in text(answer)
    assert Payment.objects.count() == 0


def test_a_reference_of_five_hundred_characters(desk: Desk) -> None:
    refused(
        desk.client,
        URL,
        desk.form(reference="7" * 500),
        "Ensure this value has at most 40 characters (it has 500).",
    )
    refused(desk.client, URL, desk.form(reference="1\0" + "2"), "Null characters are not allowed.")


def test_a_check_entered_before(desk: Desk) -> None:
    earlier = InsurancePaymentFactory(
        payer=desk.blueriver, amount="1240", reference="104482", by=desk.ana
    )
    page = refused(
        desk.client,
        URL,
        desk.form("100"),
        "Check 104482 from BlueRiver Health was already entered on"
        f" {earlier.date:%d %b %Y} ({earlier.number}, $1,240.00).",
    )
    assert 'href="#id_reference"' in page


def test_more_than_a_line_owes(desk: Desk) -> None:
    who = f"Okafor, Maya {desk.lines[0].service_date:%d %b %Y}"
    page = refused(
        desk.client,
        URL,
        desk.form("120"),
        f"{who}: 120.00 is 20.00 more than this session owes.",
    )
    assert "Overpaid" in page
    form = desk.form("0", **{desk.box(0, "write_off"): "130"})
    page = refused(desk.client, URL, form, f"{who}: 130.00 is 30.00 more than this session owes.")
    assert f'href="#{desk.box(0, "write_off")}"' in page
    marked = [part[:300] for part in page.split("<input")[1:] if 'aria-invalid="true"' in part]
    assert len(marked) == 1
    assert f'id="{desk.box(0, "write_off")}"' in marked[0]
    refused(
        desk.client,
        URL,
        desk.form("-10"),
        f"{who}: This payer paid only 0.00 on this line.",
    )
    form = desk.form("", **{desk.box(0, "write_off"): "-10"})
    refused(desk.client, URL, form, f"{who}: Only 0.00 was written off.")


def test_a_screen_that_is_out_of_date(desk: Desk) -> None:
    """Somebody else paid the line after this page was drawn."""
    form = desk.form("100", "100")
    InsurancePaymentFactory(payer=desk.blueriver, amount="40", on={desk.lines[0]: "40"}, ago=0)
    late = {**form, desk.box(0): "60"}
    page = refused(desk.client, URL, late, "Someone else changed this session at")
    assert "The line now shows the new figures; check it and save again." in page
    # The page shows them, and saving it again is no surprise.
    desk.lines[0].refresh_from_db()
    assert f'name="{desk.box(0, "seen")}" value="{desk.lines[0].seen}"' in page
    assert desk.save({**late, desk.box(0, "seen"): desk.lines[0].seen}).allocated == 160
    garbled = {**form, "key": str(uuid.uuid4()), desk.box(0): "", desk.box(1): "", desk.box(2): "1"}
    garbled[desk.box(2, "seen")] = "no state"
    refused(desk.client, URL, {**garbled, "reference": "5"}, "Someone else changed this session")


@pytest.mark.parametrize(
    "line", ["999999999", "abc", "", "-1", "0", "1.5", "９", "9" * 30, "9" * 5000, "\0"]
)
def test_a_line_that_does_not_exist(desk: Desk, line: str) -> None:
    form = desk.form("100", lines=[str(desk.lines[0].pk), line])
    form[f"line-{line[:40]}-paid"] = "50"
    page = refused(desk.client, URL, form, "A line that was on this page is not there any more.")
    assert f'id="{desk.box(0)}"' in page
    with nothing_happens():
        for odd in (f"pay:{line}", f"writeoff:{line}", f"same:{line}", line):
            answer = desk.live(form, fill=odd, touched=line, tidy=f"line-{line}-paid")
            assert answer.status_code == 200
            answer = desk.client.post(URL, {**form, "action": "", "fill": odd})
            assert answer.status_code == 200


def test_a_line_sent_twice_counts_once(desk: Desk) -> None:
    form = desk.form("100", lines=[str(desk.lines[0].pk)] * 3)
    assert desk.save(form).allocated == 100
    assert Allocation.objects.count() == 1


def test_a_line_of_a_draft_cannot_be_paid(desk: Desk) -> None:
    from tests.factories import InvoiceFactory

    invoice = InvoiceFactory(patient=desk.maya, provider=desk.dr1, issued=False)
    draft = invoice.lines.get()
    form = desk.form("100", lines=[str(draft.pk)])
    form[f"line-{draft.pk}-paid"] = "10"
    refused(desk.client, URL, form, "A line that was on this page is not there any more.")


# ---------------------------------------------------------------------------- live


def test_a_live_answer_holds_figures_and_no_box(desk: Desk) -> None:
    first = desk.lines[0]
    for paid, figure, words in [
        (("",), "$200.00", "still to allocate"),
        (("100",), "$100.00", "still to allocate"),
        (("100", "100"), "$0.00", "all allocated"),
        (("100", "100", "100"), "-$100.00", "over-allocated"),
    ]:
        answer = desk.live(desk.form(*paid), touched=str(first.pk))
        page = text(answer)
        assert f">{figure}</output>" in page
        assert words in page
        for box in ("<input", "<select", "<textarea", "<html"):
            assert box not in page
        assert f'id="after-{first.pk}"' in page
        events = json.loads(answer["HX-Trigger"])
        assert events["figures"]["over"] == (words == "over-allocated")


def test_a_live_answer_says_what_is_wrong_beside_the_box(desk: Desk) -> None:
    first = desk.lines[0]
    page = text(desk.live(desk.form("1.005"), touched=str(first.pk)))
    note = page[page.index(f'id="note-{first.pk}"') :]
    assert BAD_AMOUNTS["1.005"] in note
    assert "check the amounts" in page
    assert "$200.00</output>" not in page
    page = text(desk.live(desk.form("120"), touched=str(first.pk)))
    assert "20.00 more than this session owes" in page[page.index(f'id="note-{first.pk}"') :]


@pytest.mark.parametrize("typed", [*BAD_AMOUNTS, ""])
def test_any_typing_gets_a_live_answer(desk: Desk, typed: str) -> None:
    form = desk.form(typed, typed, amount=typed)
    answer = desk.live(form, touched=",".join(str(line.pk) for line in desk.lines))
    assert answer.status_code == 200
    assert "HX-Trigger" in answer


def test_fills_answer_what_to_put_where(desk: Desk) -> None:
    def values(form: dict[str, Any], fill: str) -> dict[str, str]:
        return json.loads(desk.live(form, fill=fill)["HX-Trigger"])["fill-boxes"]["values"]

    first, second, third = desk.lines
    assert values(desk.form(amount="150"), "oldest") == {
        desk.box(0): "100.00",
        desk.box(1): "50.00",
    }
    assert values(desk.form("30", amount="200"), "oldest") == {
        desk.box(1): "100.00",
        desk.box(2): "70.00",
    }
    assert values(desk.form("90", amount="100"), f"pay:{second.pk}") == {desk.box(1): "10.00"}
    assert values(desk.form("60"), f"writeoff:{first.pk}") == {desk.box(0, "write_off"): "40.00"}
    assert values(desk.form("100", "100", "100"), "trim") == {desk.box(2): ""}
    assert values(desk.form("100", "100", "100"), "amount") == {"amount": "300.00"}
    assert values(desk.form("1", "2"), "clear") == {desk.box(0): "", desk.box(1): ""}
    for odd in (f"pay:{third.pk}x", "pay:", "nonsense", "oldest:1:2", "\0"):
        assert desk.live(desk.form(), fill=odd).status_code == 200


def test_what_is_left_is_tidied(desk: Desk) -> None:
    form = desk.form("80+15.50", "7")
    answer = desk.live(form, tidy=f"{desk.box(0)},{desk.box(1)},amount,nonsense")
    assert json.loads(answer["HX-Trigger"])["fill-boxes"]["values"] == {
        "amount": "200.00",
        desk.box(0): "95.50",
        desk.box(1): "7.00",
    }


# ---------------------------------------------------------------------------- adding sessions


def added(desk: Desk, add: str, **changed: Any) -> tuple[str, dict[str, Any]]:
    answer = desk.live(desk.form(**{"lines": [], **changed}), add=add)
    assert answer.status_code == 200
    return text(answer), json.loads(answer["HX-Trigger-After-Settle"])["rows-added"]


def test_a_patients_unpaid_sessions_are_added(desk: Desk) -> None:
    page, event = added(desk, "P1001")
    assert [f'data-row="{line.pk}"' in page for line in desk.lines] == [True] * 3
    assert event == {"focus": desk.box(0), "said": "3 sessions added."}
    assert "1 patient, 3 sessions" in page
    # Only the new rows come: what is typed in the others stays untouched on the page.
    page, event = added(desk, "P1001", lines=[str(desk.lines[0].pk)], **{desk.box(0): "55"})
    assert f'data-row="{desk.lines[0].pk}"' not in page
    assert event["said"] == "2 sessions added."
    assert "$145.00" in page


def test_the_text_typed_is_understood_without_the_picker(desk: Desk) -> None:
    for typed in ("P1001", "p1001", "Okafor", "okafor, maya", "Okafor, Maya (P1001)"):
        page = text(desk.client.post(URL, {**desk.form(lines=[]), "add": "", "patient": typed}))
        assert f'id="{desk.box(2)}"' in page, typed


def test_only_sessions_with_this_payer_unless_asked(desk: Desk) -> None:
    other = PayerFactory(name="Cascade Supplement")
    theirs = LineFactory(patient=desk.maya, provider=desk.dr1, owed_by=other, by=desk.ana)
    page, _event = added(desk, "P1001")
    assert f'data-row="{theirs.pk}"' not in page
    page, _event = added(desk, "P1001:unpaid")
    assert f'data-row="{theirs.pk}"' in page
    desk.save(desk.form("100"))
    page, _event = added(desk, "P1001")
    assert f'data-row="{desk.lines[0].pk}"' not in page
    page, _event = added(desk, "P1001:all")
    assert f'data-row="{desk.lines[0].pk}"' in page


def test_what_cannot_be_added_is_said(desk: Desk) -> None:
    PatientFactory(family_name="Okafor", given_name="Ben", chart_number="P1002")
    for add, patient, sentence in [
        ("", "", "Type a patient's name or chart number."),
        ("", "nobody", "No patient is called nobody."),
        ("", "a\0b", "No patient is called"),
        ("\0", "", "Type a patient's name or chart number."),
        ("", NASTY, f"No patient is called {NASTY}."),
        ("", "okafor", "Several patients match: Okafor, Ben (P1002); Okafor, Maya (P1001)."),
        ("P1002", "", "Ben Okafor has no unpaid sessions with BlueRiver Health."),
        ("P9999", "", "No patient is called P9999."),
    ]:
        answer = desk.live(desk.form(lines=[]), add=add, patient=patient)
        assert answer.status_code == 200
        assert sentence in text(answer)
        assert NASTY not in answer.content.decode()
    page, event = added(desk, "P1001", lines=[str(line.pk) for line in desk.lines])
    assert "Those sessions are already on this payment." in page
    assert event["focus"] == ""


def test_everyone_comes_in_portions_none_left_out(desk: Desk, monkeypatch: Any) -> None:
    """A payer with more unpaid sessions than are added at once: the next press adds the next."""
    monkeypatch.setattr("billing.views.insurance_payments.AT_ONCE", 2)
    page, event = added(desk, "everyone")
    assert event["said"] == "2 sessions added. There are more: choose the same again for the next."
    shown = [str(line.pk) for line in desk.lines[:2]]
    page, event = added(desk, "everyone", lines=shown)
    assert f'data-row="{desk.lines[2].pk}"' in page
    assert event["said"] == "1 session added."


def test_a_page_is_full_before_the_server_stops_reading(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr("billing.views.insurance_payments.MOST_LINES", 2)
    page, event = added(desk, "P1001", lines=[str(line.pk) for line in desk.lines[:2]])
    assert "This page holds 2 sessions at most." in page
    assert event["focus"] == ""


# ---------------------------------------------------------------------------- names, queries


def test_names_with_html_in_them(desk: Desk) -> None:
    desk.maya.family_name = NASTY
    desk.maya.save()
    desk.dr1.name = NASTY
    desk.dr1.save()
    PayerFactory(name=NASTY, payer_id="<b>")
    client = desk.client
    pages = [
        desk.live(desk.form(lines=[]), add="P1001"),
        desk.live(desk.form("120", payer=NASTY), touched=str(desk.lines[0].pk)),
        client.post(URL, desk.form("120", reference=NASTY, payer=NASTY, date=NASTY, amount=NASTY)),
        client.get(URL, {"payer": NASTY}),
        client.post("/find/patients/", {"patient": "P1001"}),
        client.post("/find/patients/", {"patient": NASTY}),
        client.post("/find/payers/", {"payer": "<"}),
        client.post("/find/payers/", {"payer": NASTY + "?"}),
    ]
    for answer in pages:
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
        for name in ("HX-Trigger", "HX-Trigger-After-Settle"):
            assert "\n" not in answer.headers.get(name, "")


def test_queries_do_not_grow_with_the_rows(desk: Desk) -> None:
    patients = PatientFactory.create_batch(6)
    more = [
        LineFactory(patient=patient, provider=desk.dr1, owed_by=desk.blueriver, by=desk.ana)
        for patient in patients
        for _session in range(4)
    ]
    few, many = desk.lines, [*desk.lines, *more]
    PaymentFactory(patient=desk.maya, provider=desk.dr1, amount="5", on={few[0]: "5"}, by=desk.ana)

    def form(rows: list[InvoiceLine], **changed: Any) -> dict[str, Any]:
        desk.lines = rows
        return desk.form(*["1"] * len(rows), **{"amount": "500", **changed})

    htmx = {"headers": {"hx-request": "true"}}

    def count(rows: list[InvoiceLine], **changed: Any) -> int:
        kind = htmx if changed.pop("live", False) else {}
        sent = form(rows, **changed)
        if changed.get("touched") == "all":
            sent["touched"] = ",".join(str(line.pk) for line in rows)
        return len(queries(desk.client, "post", URL, sent, **kind))

    count(few, action=None)  # what is read once a minute or once a process
    for changed in (
        {"action": None},
        {"action": None, "live": True, "touched": "all"},
        {"action": None, "live": True, "fill": "oldest"},
        {"action": None, "live": True, "add": "P1001", "lines": []},
        {"action": "save", "amount": "1e9"},
    ):
        few_queries, many_queries = count(few, **changed), count(many, **changed)
        assert few_queries == many_queries, changed
    assert count(few, reference="a") == count(many, reference="b")
