"""New insurance payment: what insurers say besides money, offsets, corrections, over-allocation."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from billing.forms.line_details import pack
from billing.models import Adjudication, InvoiceLine, Payment
from billing.sharing import PATIENT, STAYS
from config.roles import FRONT_DESK
from patients.models import Payer
from tests.factories import (
    CoverageFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    UserFactory,
)
from tests.screens.bad_input import BAD_AMOUNTS, nothing_happens, queries, refused, text
from tests.screens.insurance_desk import NASTY, URL, Desk, desk

__all__ = ["desk"]

pytestmark = pytest.mark.django_db

MAY = "overallocate_payment"


@pytest.fixture
def cascade(desk: Desk) -> Payer:
    """Maya's second insurer."""
    CoverageFactory(patient=desk.maya, payer=desk.blueriver, rank=1)
    payer = PayerFactory(name="Cascade Supplement")
    CoverageFactory(patient=desk.maya, payer=payer, rank=2)
    return payer


def opened(desk: Desk, row: int, **typed: str) -> dict[str, str]:
    """The fields of a row's details, as they stand once somebody opened them."""
    pk = desk.lines[row].pk
    blank = dict.fromkeys(("deductible", "coinsurance", "copay", "other", "codes", "rest"), "")
    return {f"line-{pk}-{name}": text for name, text in {**blank, "open": "1", **typed}.items()}


def after(answer: Any, line: InvoiceLine) -> str:
    """What a live answer says under Balance after, of a line."""
    page = text(answer)
    return page[page.index(f'id="after-{line.pk}"') :].partition('id="note-')[0]


def waits_for(line: InvoiceLine) -> Payer | None:
    line.refresh_from_db()
    return line.payer


# ---------------------------------------------------------------------------- details


def test_details_come_on_demand(desk: Desk) -> None:
    row = str(desk.lines[1].pk)
    form = desk.form("60")
    assert "Deductible" not in text(desk.live(form))
    part = desk.live(form, details=row)
    for label in ("Deductible", "Coinsurance", "Copay", "Other", "Outcome", "Reason codes", "Rest"):
        assert f">{label}</label>" in text(part)
    assert f'afterend:#row-{row}"' in text(part)
    events = json.loads(part["HX-Trigger-After-Settle"])
    assert events["rows-added"]["focus"] == f"line-{row}-deductible"
    page = text(desk.client.post(URL, {**form, "action": "", "details": row}))
    assert f'id="details-{row}"' in page
    assert 'value="60"' in page
    for forged in ("0", "999999", NASTY, "12_9", "\0"):
        assert 'id="details-' not in text(desk.live(form, details=forged))


def test_what_the_patient_owes_is_posted(desk: Desk, cascade: Payer) -> None:
    form = desk.form("80", "0", amount="80") | opened(desk, 0, copay="20", codes="PR-3")
    form |= opened(desk, 1, deductible="100")
    desk.save(form)
    first, second = desk.lines[:2]
    said = [*first.responsibilities.all(), *second.responsibilities.all()]
    assert [(each.kind, each.amount, each.carc) for each in said] == [
        ("copay", 20, "3"),
        ("deductible", 100, "1"),
    ]
    assert [waits_for(line) for line in desk.lines] == [cascade, cascade, desk.blueriver]
    assert list(Adjudication.objects.order_by("pk").values_list("outcome", "codes")) == [
        ("paid", "PR-3"),
        ("patient", ""),
    ]


@pytest.mark.parametrize(
    ("typed", "words", "owed_by"),
    [
        ({}, "then Cascade Supplement", "next"),
        ({"outcome": "denied", "codes": "CO-29"}, "stays: denied", "same"),
        ({"rest": PATIENT}, "then patient", "patient"),
        ({"rest": STAYS}, "stays with BlueRiver Health", "same"),
        ({"outcome": "denied", "rest": "next"}, "then Cascade Supplement", "next"),
    ],
)
def test_who_is_asked_then_is_said_before_and_done_after(
    desk: Desk, cascade: Payer, typed: dict[str, str], words: str, owed_by: str
) -> None:
    """The words on the screen and what the ledger does are one rule."""
    line = desk.lines[0]
    paid = "0" if "outcome" in typed else "60"
    form = desk.form(paid, amount=paid) | opened(desk, 0, **typed)
    assert words in after(desk.live(form, touched=str(line.pk)), line)
    desk.save(form)
    expected = {"next": cascade, "same": desk.blueriver, "patient": None}[owed_by]
    assert waits_for(line) == expected


def test_without_a_second_insurer_it_is_the_patients(desk: Desk) -> None:
    line = desk.lines[0]
    form = desk.form("60", amount="60")
    assert "then patient" in after(desk.live(form, touched=str(line.pk)), line)
    desk.save(form)
    assert waits_for(line) is None


def test_a_paid_line_says_nothing_of_a_rest(desk: Desk, cascade: Payer) -> None:
    said = after(desk.live(desk.form("100"), touched=str(desk.lines[0].pk)), desk.lines[0])
    assert "then" not in said.replace('class="then"', "")


def test_a_part_that_does_not_add_up_is_said_but_saved(desk: Desk) -> None:
    form = desk.form("75", amount="75") | opened(desk, 0, deductible="10", coinsurance="20")
    said = text(desk.live(form, touched=str(desk.lines[0].pk)))
    assert "insurer: 30.00" in said
    assert "The insurer says 30.00, but 25.00 is left on this line." in said
    assert desk.save(form).allocated == 75


@pytest.mark.parametrize("typed", BAD_AMOUNTS)
def test_a_bad_amount_in_the_details(desk: Desk, typed: str) -> None:
    form = desk.form("60") | opened(desk, 0, copay=typed)
    who = f"Okafor, Maya {desk.lines[0].service_date:%d %b %Y}"
    page = refused(desk.client, URL, form, f"{who}, Copay: {BAD_AMOUNTS[typed]}")
    assert f'href="#line-{desk.lines[0].pk}-copay"' in page
    assert 'id="details-' in page


def test_a_bad_amount_in_the_details_is_marked_while_typing_and_no_longer_once_emptied(
    desk: Desk,
) -> None:
    pk = desk.lines[0].pk

    def typing(copay: str) -> tuple[str, str, bool]:
        form = desk.form("60", amount="60") | opened(desk, 0, copay=copay)
        answer = desk.live(form, touched=str(pk))
        page, events = text(answer), json.loads(answer["HX-Trigger"])
        note = page[page.index(f'id="note-{pk}"') :].partition('id="wrong-')[0]
        below = page[page.index(f'id="wrong-{pk}"') :].partition("</span>")[0]
        return note, below, events["figures"]["wrong"][f"line-{pk}-copay"]

    note, below, marked = typing("1.005")
    assert f"Copay: {BAD_AMOUNTS['1.005']}" in below
    assert BAD_AMOUNTS["1.005"] not in note
    assert marked
    assert "Ready to save." not in text(
        desk.live(desk.form("60", amount="60") | opened(desk, 0, copay="1.005"))
    )
    note, below, marked = typing("")
    assert "Copay" not in below
    assert not marked


def test_a_typed_0_stays_and_says_that_it_is_no_answer_yet(desk: Desk) -> None:
    pk = desk.lines[0].pk
    form = desk.form("0", amount="60")
    left = desk.live(form, tidy=desk.box(0), touched=str(pk))
    assert json.loads(left["HX-Trigger"])["fill-boxes"]["values"] == {desk.box(0): "0.00"}
    assert "choose the outcome in Details" in text(left)
    answered = desk.live(form | opened(desk, 0, outcome="denied"), touched=str(pk))
    assert "choose the outcome in Details" not in text(answered)
    filled = json.loads(desk.live(form, fill="oldest")["HX-Trigger"])["fill-boxes"]["values"]
    assert filled == {desk.box(1): "60.00"}


@pytest.mark.parametrize(
    ("said", "owed"),
    [
        ({"outcome": "denied"}, "0.00"),
        ({"outcome": "denied", "copay": "15"}, "15.00"),
        ({"outcome": "denied", "rest": PATIENT}, "100.00"),
        ({"outcome": "zero"}, "100.00"),
        ({"rest": STAYS}, "0.00"),
    ],
)
def test_what_stays_with_the_insurer_is_not_owed_by_the_patient(
    desk: Desk, said: dict[str, str], owed: str
) -> None:
    pk = desk.lines[0].pk
    page = text(desk.live(desk.form("", amount="0") | opened(desk, 0, **said), touched=str(pk)))
    shown = page[page.index(f'id="owes-{pk}"') :].partition("</span>")[0]
    assert shown.partition(">")[2].partition("<")[0].strip() == owed


def test_a_rest_that_stayed_is_nobody_s_the_next_time_either(desk: Desk) -> None:
    line = desk.lines[0]
    desk.save(desk.form("60", amount="60") | opened(desk, 0, rest=STAYS))
    line.refresh_from_db()
    form = desk.form(amount="40", reference="104483")
    for paid, owed in (("", "not worked out yet"), ("10", "30.00")):
        page = text(desk.live(form | {desk.box(0): paid}, touched=str(line.pk)))
        assert owed in page[page.index(f'id="owes-{line.pk}"') :].partition('id="after-')[0]


def test_what_is_taken_back_is_not_owed_by_the_patient(desk: Desk) -> None:
    line = desk.lines[0]
    InsurancePaymentFactory(payer=desk.blueriver, amount="60", on={line: ("60", "15")}, ago=5)
    line.refresh_from_db()
    form = desk.form("-60", amount="0") | {desk.box(0, "write_off"): "-15"}
    page = text(desk.live(form | opened(desk, 0, copay="-25"), touched=str(line.pk)))
    assert ">0.00" in page[page.index(f'id="owes-{line.pk}"') :].partition("</span>")[0]
    assert "The insurer says" not in page


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"outcome": "perhaps"}, "Choose how the insurer answered."),
        ({"rest": NASTY}, "Choose whose the rest is."),
        ({"codes": "x" * 5000}, "Use 200 plain characters at most."),
        ({"codes": "CO\0-45"}, "Use 200 plain characters at most."),
    ],
)
def test_forged_details(desk: Desk, typed: dict[str, str], sentence: str) -> None:
    who = f"Okafor, Maya {desk.lines[0].service_date:%d %b %Y}"
    (field,) = typed
    label = {"outcome": "Outcome", "rest": "Rest", "codes": "Reason codes"}[field]
    form = desk.form("60") | opened(desk, 0, **typed)
    assert NASTY not in refused(desk.client, URL, form, f"{who}, {label}: {sentence}")


def test_packed_details_count_like_opened_ones(desk: Desk) -> None:
    """As a remittance's draft carries them: 400 lines stay one form."""
    said = pack(
        owes={"copay": (Decimal(20), "PR-3"), "other": (Decimal(5), "96")},
        codes="N130",
        carc="45",
        note="Matched by control number",
    )
    name = f"line-{desk.lines[0].pk}-says"
    form = desk.form("50", amount="50") | {name: said, desk.box(0, "write_off"): "25"}
    page = text(desk.client.post(URL, {**form, "action": ""}))
    assert "Matched by control number" in page
    assert f'name="{name}"' in page
    desk.save(form)
    line = desk.lines[0]
    assert [
        (each.kind, each.amount, each.carc) for each in line.responsibilities.order_by("pk")
    ] == [
        ("copay", 20, "PR-3"),
        ("other", 5, "96"),
    ]
    assert line.adjustments.get().carc == "45"
    assert line.adjudications.get().codes == "N130"


def test_packed_details_and_a_box_of_theirs_that_is_left(desk: Desk) -> None:
    name = f"line-{desk.lines[0].pk}-says"
    form = {**desk.form("50"), name: "outcome=denied"}
    assert desk.live(form, tidy=desk.box(0, "copay")).status_code == 200


@pytest.mark.parametrize("said", ["x" * 9000, "&" * 500, "copay=%00", "copay", NASTY, "rest=moon"])
def test_a_made_up_packed_field_is_no_error_page(desk: Desk, said: str) -> None:
    form = {**desk.form("50"), f"line-{desk.lines[0].pk}-says": said}
    for sent in (form, {**form, "action": ""}):
        answer = desk.client.post(URL, sent)
        assert answer.status_code in (200, 302)
        assert NASTY not in text(answer)


def test_whose_own_money_goes_back_is_named_before_saving(desk: Desk) -> None:
    receipts = [
        PaymentFactory(
            patient=desk.maya, provider=desk.dr1, amount=amount, on={desk.lines[0]: amount}, ago=ago
        )
        for amount, ago in (("30", 9), ("20", 8))
    ]
    desk.lines[0].refresh_from_db()
    form = desk.form("85", amount="85")
    said = text(desk.live(form, touched=str(desk.lines[0].pk)))
    older, newer = (receipt.number for receipt in receipts)
    assert f"20.00 of Okafor, Maya's own payment {newer} goes back to their credit" in said
    assert f"15.00 of Okafor, Maya's own payment {older} goes back to their credit" in said
    desk.save(form)
    for receipt in receipts:
        receipt.refresh_from_db()
    assert [receipt.unallocated for receipt in receipts] == [15, 20]


# ---------------------------------------------------------------------------- offsets


def offset(
    amount: str, code: str = "WO", reference: str = "CLM-17", key: str = "1"
) -> dict[str, Any]:
    return {
        "offsets": [key],
        f"offset-{key}-code": code,
        f"offset-{key}-amount": amount,
        f"offset-{key}-reference": reference,
    }


def test_an_offset_counts_in_unallocated_and_is_saved(desk: Desk) -> None:
    form = desk.form("100", amount="60") | offset("40")
    said = text(desk.live(form))
    assert "$0.00" in said
    assert "all allocated" in said
    assert "BlueRiver Health kept 40.00" in said
    payment = desk.save(form)
    assert [(each.code, each.reference, each.amount) for each in payment.offsets.all()] == [
        ("WO", "CLM-17", 40)
    ]
    assert payment.unallocated == 0
    page = text(desk.client.get(payment.get_absolute_url()))
    for words in ("Overpayment recovery", "CLM-17", "BlueRiver Health kept 40.00"):
        assert words in page


def test_money_the_payer_added(desk: Desk) -> None:
    said = text(desk.live(desk.form("100", amount="101.25") | offset("-1.25", "L6")))
    assert "BlueRiver Health added 1.25" in said
    assert "all allocated" in said


def test_a_row_of_adjustments_is_added_and_an_empty_one_is_nothing(desk: Desk) -> None:
    form = desk.form("100", "100")
    part = desk.live(form, offset="add")
    assert 'id="offset-1-code"' in text(part)
    assert "beforeend:#offset-rows" in text(part)
    page = text(desk.client.post(URL, {**form, "action": "", "offset": "add"}))
    assert 'id="offset-1-amount"' in page
    assert desk.save(form | offset("", "", "")).offsets.count() == 0


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (("40", ""), "Choose the code of the adjustment."),
        (("40", "ZZ"), "Choose the code of the adjustment."),
        (("40", NASTY), "Choose the code of the adjustment."),
        (("", "WO"), "Enter the amount of the adjustment."),
        (("0", "WO"), "Enter the amount of the adjustment."),
        (("4O", "WO"), "That is not an amount. Use digits, like 120 or 120.50."),
        (("1.005", "WO"), "Amounts have two decimals at most."),
        (("40", "WO", "x" * 5000), "Use 50 plain characters at most."),
        (("40", "WO", "a\0b"), "Use 50 plain characters at most."),
    ],
)
def test_offsets_that_are_refused(desk: Desk, typed: tuple[str, ...], sentence: str) -> None:
    code = typed[1]
    form = desk.form("20", amount="200") | offset(typed[0], code, *(typed[2:] or ("R",)))
    page = refused(desk.client, URL, form, f"Provider-level adjustment: {sentence}")
    assert NASTY not in page


# ---------------------------------------------------------------------------- takebacks


def test_taken_back_and_paid_anew_on_one_line(desk: Desk) -> None:
    """docs/money.md: 110 - (-100 + 60 + 150) = 0, the first two never netted."""
    InsurancePaymentFactory(payer=desk.blueriver, amount="100", on={desk.lines[0]: "100"}, ago=5)
    desk.lines[0].refresh_from_db()
    pk = desk.lines[0].pk
    form = desk.form("-100", "100", "50", amount="110")
    part = desk.live(form, correct=str(pk))
    assert f'name="lines" value="{pk}_2"' in text(part)
    assert f"afterend:#row-{pk}" in text(part)
    events = json.loads(part["HX-Trigger-After-Settle"])
    assert events["rows-added"]["focus"] == f"line-{pk}_2-paid"
    form["lines"] = [str(pk), f"{pk}_2", *form["lines"][1:]]
    form[f"line-{pk}_2-paid"] = "60"
    form[f"line-{pk}_2-seen"] = desk.lines[0].seen
    said = text(desk.live(form, touched=str(pk)))
    assert "all allocated" in said
    assert "40.00" in said[said.index(f'id="after-{pk}_2"') :][:80]
    assert "Total, 3 sessions" in said
    payment = desk.save(form)
    amounts = payment.allocations.filter(line=pk).order_by("pk").values_list("amount", flat=True)
    assert list(amounts) == [-100, 60]
    assert payment.unallocated == 0


def test_a_correction_without_scripts(desk: Desk) -> None:
    pk = desk.lines[1].pk
    page = text(desk.client.post(URL, {**desk.form("10"), "action": "", "correct": str(pk)}))
    rows = [part.split('"')[0] for part in page.split('name="lines" value="')[1:]]
    lines = [str(line.pk) for line in desk.lines]
    assert rows == [lines[0], lines[1], f"{pk}_2", lines[2]]
    assert f"Insurance paid Okafor, Maya {desk.lines[1].service_date:%d %b %Y}, correction" in page
    for forged in ("0", "999999", NASTY, f"{pk}_9"):
        answer = desk.client.post(URL, {**desk.form("10"), "action": "", "correct": forged})
        assert text(answer).count('name="lines"') == 3


def test_a_payment_below_nothing_is_not_called_too_much(desk: Desk) -> None:
    said = text(desk.live(desk.form(amount="-150")))
    assert "still to take back" in said
    assert "too much" not in said
    assert "Enter what the payer took back as minus amounts on its sessions" in said
    refused(
        desk.client,
        URL,
        desk.form(amount="-150"),
        "$150.00 is still to be taken back. Enter it as minus amounts on its sessions.",
    )


# ---------------------------------------------------------------------------- over-allocation


def over(desk: Desk, **typed: str) -> dict[str, Any]:
    return desk.form("100", "100", "100", action="over", **typed)


def may(desk: Desk) -> None:
    assert desk.ana.has_perm(f"billing.{MAY}")  # as every biller


def test_over_allocated_is_stopped_once_then_saved_with_a_reason(desk: Desk) -> None:
    may(desk)
    page = refused(
        desk.client,
        URL,
        desk.form("100", "100", "100"),
        "$100.00 too much is allocated. Lower some lines or correct Amount.",
    )
    for words in (
        "Change Amount to $300.00",
        "Take $100.00 off the last line",
        "If the figures are right, save as over-allocated with a reason.",
        "Reason for over-allocating",
        "Save as over-allocated",
    ):
        assert words in page
    payment = desk.save(over(desk, over_reason="EOB adds up to more"))
    assert (payment.unallocated, payment.over_allocation_reason) == (-100, "EOB adds up to more")
    shown = text(desk.client.get(payment.get_absolute_url()))
    assert "Saved as over-allocated: $100.00 more is on its lines than was received." in shown
    assert "EOB adds up to more" in shown
    assert "1 over-allocated" in text(desk.client.get("/"))


@pytest.mark.parametrize("reason", ["", "  ", "x", "    x "])
def test_it_needs_a_few_words(desk: Desk, reason: str) -> None:
    may(desk)
    form = over(desk, over_reason=reason)
    refused(desk.client, URL, form, "Say in a few words why it is over-allocated.")


def test_who_may_not_sees_no_button_and_is_refused(desk: Desk) -> None:
    UserFactory(username=desk.ana.username, roles=[FRONT_DESK])
    page = text(desk.client.post(URL, desk.form("100", "100", "100")))
    assert "Save as over-allocated" not in page
    assert "Ask an administrator." in page
    sentence = "You may not save a payment over-allocated."
    refused(desk.client, URL, over(desk, over_reason="Because I can"), sentence)


def test_the_reason_is_not_kept_where_nothing_is_over(desk: Desk) -> None:
    may(desk)
    payment = desk.save(desk.form("100", "100", action="over", over_reason="Not needed at all"))
    assert payment.over_allocation_reason == ""


def test_it_is_mended_in_steps_on_its_own_page(desk: Desk) -> None:
    may(desk)
    payment = desk.save(over(desk, over_reason="EOB adds up to more"))
    url = payment.get_absolute_url()
    for line in desk.lines:
        line.refresh_from_db()
    step = {**desk.form("-60"), "payer": "", "lines": [str(desk.lines[0].pk)]}
    assert desk.client.post(url, step).status_code == 302
    payment.refresh_from_db()
    assert payment.unallocated == -40


# ---------------------------------------------------------------------------- known numbers, habits


def test_a_number_entered_before_is_said_before_saving(desk: Desk) -> None:
    earlier = InsurancePaymentFactory(payer=desk.blueriver, reference="104482", amount="1240")
    assert "entered before" not in text(desk.live(desk.form()))
    said = text(desk.live(desk.form(), check="reference"))
    for words in (f"go on allocating {earlier.number}", f"reverse {earlier.number}", "$1,240.00"):
        assert words in said
    assert f'href="/insurance-payments/{earlier.number}/"' in said
    assert "entered before" not in text(desk.live(desk.form(reference="new"), check="reference"))
    assert desk.live(desk.form(reference="a\0b"), check="reference").status_code == 200


def test_the_focus_goes_to_write_offs_where_this_payer_brings_them(desk: Desk) -> None:
    def focus(**more: str) -> str:
        part = desk.live(desk.form(lines=[]), add="P1001", **more)
        return str(json.loads(part["HX-Trigger-After-Settle"])["rows-added"]["focus"])

    first = desk.lines[0].pk
    assert focus() == f"line-{first}-paid"
    other = LineFactory(patient=PatientFactory(), provider=desk.dr1, owed_by=desk.blueriver)
    InsurancePaymentFactory(payer=desk.blueriver, amount="80", on={other: ("80", "20")})
    assert focus() == f"line-{first}-write_off"
    assert focus(column="paid") == f"line-{first}-paid"
    assert focus(column=NASTY) == f"line-{first}-write_off"


def test_a_wrong_amount_is_said_beside_it_while_typing(desk: Desk) -> None:
    answer = desk.live(desk.form("1.005", amount="2OO"), touched=str(desk.lines[0].pk))
    page = text(answer)
    assert "That is not an amount" in page[page.index('id="amount-says"') :][:700]
    wrong = json.loads(answer["HX-Trigger"])["figures"]["wrong"]
    assert wrong["amount"] is True
    assert wrong[desk.box(0)] is True
    assert wrong[desk.box(0, "write_off")] is False


def test_details_offsets_and_drafts_cost_no_query_a_row(desk: Desk, cascade: Payer) -> None:
    def count(lines: list[InvoiceLine]) -> int:
        form = desk.form(amount="5000") | offset("40")
        form["lines"] = [str(line.pk) for line in lines]
        for line in lines:
            form[f"line-{line.pk}-paid"] = "60"
            form[f"line-{line.pk}-says"] = urlencode({"copay": "40"})
        form["touched"] = ",".join(form["lines"])
        del form["action"]
        htmx = {"headers": {"hx-request": "true"}}
        live = len(queries(desk.client, "post", URL, form, **htmx))
        return live + len(queries(desk.client, "post", URL, {**form, "action": "look"}))

    more = [
        LineFactory(patient=desk.maya, provider=desk.dr1, owed_by=desk.blueriver) for _ in range(12)
    ]
    count(desk.lines)  # the counts in the navigation are known from now on
    assert count(desk.lines) == count([*desk.lines, *more])


def test_nothing_of_all_this_is_written_by_looking(desk: Desk) -> None:
    form = desk.form("60") | opened(desk, 0, copay="20") | offset("5")
    with nothing_happens():
        for press in (
            {"details": form["lines"][0]},
            {"correct": form["lines"][0]},
            {"offset": "add"},
        ):
            desk.live(form, **press)
    assert Payment.objects.count() == 0
