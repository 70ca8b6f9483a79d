"""Reverse payment: both outcomes in figures first, then one of them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Clinic
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PaymentFactory,
    ProviderFactory,
    TransferFactory,
)
from tests.screens.desk import Desk, key, queries, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def url(payment: Any) -> str:
    return f"/payments/{payment.number}/reverse/"


def answers(**given: Any) -> dict[str, Any]:
    today = timezone.localdate().isoformat()
    return {"key": key(), "after": "unpay", "reason": "Wrong amount", "date": today, **given}


# --- Before --------------------------------------------------------------------------------------


def test_it_shows_both_outcomes_in_figures(desk: Desk) -> None:
    page = text(desk.client.get(url(desk.receipt)))
    number = desk.line.invoice.number
    assert "Reverse this $20.00 payment?" in page
    assert f"This payment already paid 20.00 of {number}. What should happen to that line?" in page
    assert "Un-pay the line it paid" in page
    assert f"{number} owes its full 50.00 again. Best when the payment was a mistake." in page
    assert f"{number} keeps its 20.00. The credit goes negative until the next payment" in page
    assert 'value="unpay" checked' in page
    assert "-20.00" in page
    assert "Keep payment" in page
    assert "Reverse $20.00" in page
    assert '<option value="" selected>' in page


@pytest.mark.parametrize("setting", ["unpay", "leave"])
def test_it_begins_as_the_clinic_is_set_and_offers_both(desk: Desk, setting: str) -> None:
    Clinic.objects.create(name="Pine", reversal_default=setting)
    for headers in ({}, {"HX-Request": "true"}):
        page = text(desk.client.get(url(desk.receipt), headers=headers))
        assert f'value="{setting}" checked' in page
        assert page.count('name="after"') == 2
        assert page.count(" checked autofocus") == 1


@pytest.mark.parametrize("setting", ["unpay", "leave"])
def test_whatever_the_setting_the_answer_counts(desk: Desk, setting: str) -> None:
    Clinic.objects.create(name="Pine", reversal_default=setting)
    refused = text(desk.client.post(url(desk.receipt), answers(after="leave", reason="")))
    assert 'value="leave" checked' in refused
    desk.client.post(url(desk.receipt), answers(after="leave"))
    assert desk.figures == ("30.00", "-20.00", "50.00")


def test_several_lines_are_in_the_plural(desk: Desk) -> None:
    lines = [
        LineFactory(patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana)
        for _ in range(3)
    ]
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="90", by=desk.ana, on=dict.fromkeys(lines, 30)
    )
    page = text(desk.client.get(url(receipt)))
    assert "Un-pay the 3 lines it paid" in page
    assert "This payment already paid 90.00 on 3 lines. What should happen to them?" in page


def test_an_invoice_with_several_lines_is_named_once(desk: Desk) -> None:
    two = InvoiceFactory(
        patient=desk.smith, provider=desk.dr1, amounts=["30", "30"], by=desk.ana
    ).lines.all()
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="60", by=desk.ana, on=dict.fromkeys(two, 30)
    )
    page = text(desk.client.get(url(receipt)))
    assert "The 2 lines of INV-0002 owe these amounts again." in page
    assert "Used on <b>INV-0002, 60.00 on 2 lines</b>" in page.replace("</span>", "")
    one = LineFactory(patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana)
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="40", by=desk.ana, on={desk.line: 10, one: 30}
    )
    page = text(desk.client.get(url(receipt)))
    assert "INV-0001 and INV-0003 owe these amounts again." in page
    assert "<b>INV-0001, 10.00; INV-0003, 30.00</b>" in page


def test_each_account_that_is_touched_is_named() -> None:
    desk = seed2(on=None)
    dr2 = ProviderFactory(name="Dr 2")
    TransferFactory(payment=desk.receipt, provider=dr2, amount="20", by=desk.ana)
    page = text(desk.client.get(url(desk.receipt)))
    assert "Smith, John, Dr 1</caption>" in page
    assert "Smith, John, Dr 2</caption>" in page
    assert "<b>no invoice; 20.00 was moved or paid back</b>" in page


def test_a_payment_that_paid_nothing_has_no_choice() -> None:
    desk = seed2(on=None)
    page = text(desk.client.get(url(desk.receipt)))
    assert 'name="after"' not in page
    assert "nothing yet" in page
    assert desk.client.post(url(desk.receipt), answers(after="")).status_code == 302
    assert desk.figures == ("50.00", "0.00", "50.00")


def test_in_a_dialog_it_is_the_part_alone(desk: Desk) -> None:
    page = text(desk.client.get(url(desk.receipt), headers={"HX-Request": "true"}))
    assert page.startswith('<div id="undo">')
    assert "<html" not in page
    whole = text(desk.client.get(url(desk.receipt)))
    assert '<div class="dlg"><div id="undo">' in whole


def test_transfers_made_from_it_are_shown_with_their_accounts(desk: Desk) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    other = LineFactory(patient=desk.smith, provider=dr2, amount="40", by=desk.ana)
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="60", by=desk.ana, on={other: 40}
    )
    page = text(desk.client.get(url(receipt)))
    assert "Smith, John, Dr 1" in page
    assert "Smith, John, Dr 2" in page
    desk.client.post(url(receipt), answers())
    other.refresh_from_db()
    assert str(other.balance) == "40.00"


def test_an_insurers_payment_lists_what_came_with_it(desk: Desk) -> None:
    lines = [LineFactory(provider=desk.dr1, amount="30", by=desk.ana) for _ in range(12)]
    check = InsurancePaymentFactory(amount="360", by=desk.ana, on=dict.fromkeys(lines, 30))
    page = text(desk.client.get(url(check)))
    assert "Everything that came with it is undone" in page
    assert "the 12 lines it paid, which owe again" in page
    assert "and 2 more" in page
    assert 'name="after"' not in page
    assert 'name="again"' not in page
    answer = desk.client.post(url(check), answers())
    assert answer["Location"] == f"/insurance-payments/{check.number}/"
    lines[0].refresh_from_db()
    assert str(lines[0].balance) == "30.00"


def test_an_unknown_number_is_not_found(desk: Desk) -> None:
    for number in ("R-9999", "x", "R-1'--"):
        assert desk.client.get(f"/payments/{number}/reverse/").status_code == 404


def test_names_are_escaped_and_looking_writes_nothing(desk: Desk) -> None:
    desk.smith.family_name = "<script>alert(1)</script>"
    desk.smith.save()
    before = rows()
    assert "<script>alert" not in desk.client.get(url(desk.receipt)).content.decode()
    assert rows() == before


# --- Reversing -----------------------------------------------------------------------------------


def test_it_un_pays_the_line(desk: Desk) -> None:
    answer = desk.client.post(url(desk.receipt), answers(note="Should have been 25.00"))
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("50.00", "0.00", "50.00")
    page = text(desk.client.get(desk.account_url))
    assert (
        f"{desk.receipt.number} reversed and 20.00 un-paid on {desk.line.invoice.number}." in page
    )
    assert "Should have been 25.00" in page


def test_it_leaves_the_invoice_paid(desk: Desk) -> None:
    desk.client.post(url(desk.receipt), answers(after="leave"))
    assert desk.figures == ("30.00", "-20.00", "50.00")
    page = text(desk.client.get(desk.account_url))
    assert f"{desk.receipt.number} reversed." in page
    assert f"{desk.line.invoice.number} keeps its 20.00, so Dr 1&#x27;s credit is -20.00." in page


def test_then_the_correct_payment_is_taken(desk: Desk) -> None:
    answer = desk.client.post(url(desk.receipt), answers(again="on"))
    assert answer["Location"] == f"/patients/P1042/payments/new/?provider={desk.dr1.pk}"


def test_in_a_dialog_the_browser_is_told_where_to_go(desk: Desk) -> None:
    answer = desk.client.post(url(desk.receipt), answers(), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Redirect"] == desk.account_url


@pytest.mark.parametrize("reason", ["", "Because"])
def test_a_reason_has_to_be_chosen(desk: Desk, reason: str) -> None:
    before = rows()
    answer = desk.client.post(
        url(desk.receipt), answers(reason=reason, after="leave", note="kept text")
    )
    page = text(answer)
    assert answer.status_code == 200
    assert "This reversal is not saved yet. 1 thing to fix:" in page
    assert page.count("Choose a reason for the reversal.") == 2  # summary and field
    assert 'value="leave" checked' in page
    assert "kept text" in page
    assert rows() == before


@pytest.mark.parametrize("date", ["", "2026-13-01", "14 Nov 2025", "0001-01-01", "2999-01-01"])
def test_a_bad_date_is_refused(desk: Desk, date: str) -> None:
    before = rows()
    assert desk.client.post(url(desk.receipt), answers(date=date)).status_code == 200
    assert rows() == before


def test_a_closed_day_is_refused(desk: Desk) -> None:
    desk.close(timezone.localdate() - timedelta(days=1))
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    answer = desk.client.post(url(desk.receipt), answers(date=yesterday))
    assert answer.status_code == 200
    assert "The date is in a closed period" in text(answer)
    assert desk.client.post(url(desk.receipt), answers()).status_code == 302


@pytest.mark.parametrize("bad", ["", "x"])
def test_a_form_without_a_key_is_refused(desk: Desk, bad: str) -> None:
    answer = desk.client.post(url(desk.receipt), answers(key=bad))
    assert answer.status_code == 200
    assert "too old to be saved" in text(answer)


@pytest.mark.parametrize("note", ["a\0b", "n" * 201])
def test_a_note_that_cannot_be_kept_is_refused(desk: Desk, note: str) -> None:
    assert desk.client.post(url(desk.receipt), answers(note=note)).status_code == 200


def test_the_same_form_twice_reverses_once(desk: Desk) -> None:
    data = answers()
    for _ in range(2):
        assert desk.client.post(url(desk.receipt), data)["Location"] == desk.account_url
    assert desk.figures == ("50.00", "0.00", "50.00")


def test_what_was_reversed_before_says_so(desk: Desk) -> None:
    desk.reverse()
    page = text(desk.client.get(url(desk.receipt)))
    assert "This payment was already reversed on" in page
    assert "by Ana." in page
    assert "data-main" not in page.partition("</main>")[0]
    before = rows()
    answer = desk.client.post(url(desk.receipt), answers())
    assert answer.status_code == 200
    assert "This payment was already reversed" in text(answer)
    assert rows() == before


def test_a_takeback_that_stands_on_it_is_named(desk: Desk) -> None:
    line = LineFactory(provider=desk.dr1, amount="100", by=desk.ana)
    first = InsurancePaymentFactory(amount="60", by=desk.ana, on={line: 60})
    second = InsurancePaymentFactory(
        payer=first.payer, amount="0", by=desk.ana, on={line: -30}, ago=5
    )
    answer = desk.client.post(url(first), answers())
    assert answer.status_code == 200
    assert second.number in text(answer)


def test_the_number_of_queries_does_not_grow_with_the_lines(desk: Desk) -> None:
    lines = [LineFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana) for _ in range(6)]
    receipt = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="60", by=desk.ana, on=dict.fromkeys(lines, 10)
    )
    many = queries(lambda: desk.client.get(url(receipt)))
    assert many == queries(lambda: desk.client.get(url(desk.receipt)))
