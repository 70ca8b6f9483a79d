"""New insurance payment: what it shows, saves and refuses, asked without a browser."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Allocation, ClosingDate, InvoiceLine, Payment
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
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
from tests.screens.insurance_desk import NASTY, URL, Desk, desk

__all__ = ["desk"]

pytestmark = pytest.mark.django_db

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
