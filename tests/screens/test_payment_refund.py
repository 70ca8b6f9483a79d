"""Refund: money is paid back, and comes off the lines it is on in the same form."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing import ledger
from billing.models import Kind, Payment
from billing.sharing import Entry
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    PaymentFactory,
    ProviderFactory,
    TransferFactory,
)
from tests.factories.bills import day, money
from tests.screens.desk import NOT_AMOUNTS, Desk, key, queries, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """A receipt of 100.00: 40.00 of it on the line of 50.00, 60.00 free."""
    return seed2(amount="100", on="40")


def url(payment: Payment) -> str:
    return f"/payments/{payment.number}/refund/"


def answers(desk: Desk, *, unpay: str = "", **given: Any) -> dict[str, Any]:
    desk.line.refresh_from_db()
    return {
        "key": key(),
        "action": "save",
        "amount": "60.00",
        "suggested": "60.00",
        "method": "cash",
        "reference": "",
        "reason": "Overpaid",
        "note": "",
        "date": timezone.localdate().isoformat(),
        "lines": [str(desk.line.pk)],
        f"line-{desk.line.pk}-unpay": unpay,
        f"line-{desk.line.pk}-seen": desk.line.seen,
        **given,
    }


def refused(desk: Desk, form: dict[str, Any], *sentences: str, payment: Any = None) -> str:
    before, figures = rows(), desk.figures
    answer = desk.client.post(url(payment or desk.receipt), form)
    assert answer.status_code == 200
    page = text(answer)
    assert "<title>Error: " in page
    assert "This refund is not saved yet." in page
    for sentence in sentences:
        assert sentence in page
    assert (rows(), desk.figures) == (before, figures)
    return page


# --- Before --------------------------------------------------------------------------------------


def test_it_shows_what_is_free_and_the_lines_that_were_paid(desk: Desk) -> None:
    page = text(desk.client.get(url(desk.receipt)))
    number = desk.line.invoice.number
    assert f"Pay money back from {desk.receipt.number}" in page
    name = f"Un-pay {number} {desk.line.description} {desk.line.service_date:%d %b %Y}"
    assert f'aria-label="{name}"' in page
    assert 'name="amount" value="60.00"' in page
    assert '<option value="" selected>Choose a reason</option>' in page
    assert '<option value="cash" selected>' in page
    assert "<dt>Can be paid back</dt><dd><b>60.00</b>" in page
    assert "Nothing of it is left over." in page


def test_in_a_dialog_it_is_the_part_alone(desk: Desk) -> None:
    page = text(desk.client.get(url(desk.receipt), headers={"HX-Request": "true"}))
    assert page.startswith('<div id="refund">')
    assert "<html" not in page
    assert '<div class="dlg"><div id="refund">' in text(desk.client.get(url(desk.receipt)))


def test_money_that_moved_on_is_paid_back_from_there(desk: Desk) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    moved = TransferFactory(payment=desk.receipt, amount="25", provider=dr2, ago=1)
    page = text(desk.client.get(url(desk.receipt)))
    assert "25.00 of it moved to Dr 2: pay that back from" in page
    assert f'href="/payments/{moved.number}/refund/"' in page
    form = answers(desk, amount="25", lines=[])
    assert desk.client.post(url(moved), form).status_code == 302
    moved.refresh_from_db()
    assert str(moved.unallocated) == "0.00"


def test_names_are_escaped_and_looking_writes_nothing(desk: Desk) -> None:
    desk.smith.family_name = "<script>alert(1)</script>"
    desk.smith.save()
    before = rows()
    assert "<script>alert" not in desk.client.get(url(desk.receipt)).content.decode()
    assert rows() == before
    assert desk.client.get("/payments/R-9999/refund/").status_code == 404


def test_queries_do_not_grow_with_the_lines(desk: Desk) -> None:
    few = queries(lambda: desk.client.get(url(desk.receipt)))
    lines = [LineFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana) for _ in range(12)]
    many = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="99", by=desk.ana, on=dict.fromkeys(lines, 5)
    )
    assert queries(lambda: desk.client.get(url(many))) == few
    assert few <= 14


# --- While typing --------------------------------------------------------------------------------


def live(desk: Desk, form: dict[str, Any]) -> Any:
    sent = {name: value for name, value in form.items() if name != "action"}
    headers = {"HX-Request": "true", "HX-Target": "refund-figures"}
    return desk.client.post(url(desk.receipt), sent, headers=headers)


def test_the_amount_follows_what_is_un_paid(desk: Desk) -> None:
    before = rows()
    answer = live(desk, answers(desk, unpay="15.50"))
    page = text(answer)
    assert page.startswith('<div class="stack tight" id="refund-figures">')
    assert "<b>75.50</b>" in page
    assert "<td>25.50</td>" in page  # invoices: 10.00 and the 15.50 that came off
    assert json.loads(answer["HX-Trigger"])["follow"] == {
        "box": "id_amount",
        "was": "60.00",
        "now": "75.50",
    }
    assert rows() == before


def test_an_amount_somebody_typed_stays(desk: Desk) -> None:
    answer = live(desk, answers(desk, unpay="15.50", amount="70"))
    assert "follow" not in json.loads(answer["HX-Trigger"])
    assert "5.50 of it stays as credit." in text(answer)


@pytest.mark.parametrize("typed", NOT_AMOUNTS)
def test_no_figure_looks_right_while_something_is_no_amount(desk: Desk, typed: str) -> None:
    for given in ({"unpay": typed}, {"amount": typed}):
        page = text(live(desk, answers(desk, **given)))
        assert "Correct the marked amounts." in page
        assert "<b>-</b>" in page
        assert 'class="mini"' not in page


def test_un_pay_everything_fills_the_boxes_without_scripts(desk: Desk) -> None:
    form = {**answers(desk, reason=""), "action": "", "fill": "everything"}
    page = text(desk.client.post(url(desk.receipt), form))
    assert "Choose a reason for the refund." not in page  # nobody asked to save yet
    assert f'name="line-{desk.line.pk}-unpay" value="40.00"' in page
    assert 'name="amount" value="100.00"' in page
    assert desk.figures == ("10.00", "60.00", "-50.00")


# --- Saving --------------------------------------------------------------------------------------


def test_it_pays_back_what_is_free(desk: Desk) -> None:
    answer = desk.client.post(
        url(desk.receipt), answers(desk, method="check", reference="501", note="By mail")
    )
    assert answer["Location"] == desk.account_url
    refund = Payment.objects.get(kind=Kind.REFUND)
    assert (str(refund.amount), refund.method, refund.reference) == ("-60.00", "check", "501")
    assert refund.reason == "Overpaid: By mail"
    assert desk.figures == ("10.00", "0.00", "10.00")
    page = text(desk.client.get(desk.account_url))
    assert f"$60.00 of {desk.receipt.number} paid back to Smith, John, check." in page
    assert "Dr 1&#x27;s credit is 0.00." in page
    assert f'Refund of <a class="plainlink" href="/payments/{desk.receipt.number}/">' in page


def test_it_un_pays_and_pays_back_in_one_act(desk: Desk) -> None:
    form = answers(desk, unpay="40", amount="100", suggested="100.00")
    assert desk.client.post(url(desk.receipt), form).status_code == 302
    assert desk.figures == ("50.00", "0.00", "50.00")
    desk.receipt.refresh_from_db()
    assert (str(desk.receipt.allocated), str(desk.receipt.unallocated)) == ("0.00", "0.00")


def test_an_insurers_free_money_goes_back_to_the_payer(desk: Desk) -> None:
    check = InsurancePaymentFactory(amount="200", by=desk.ana, on={desk.line: "10"})
    page = text(desk.client.get(url(check)))
    assert "comes back as a minus amount in the insurer's next payment" in page.replace(
        "&#x27;", "'"
    )
    assert "Un-pay everything" not in page
    form = answers(desk, amount="190", method="check", lines=[])
    answer = desk.client.post(url(check), form)
    assert answer["Location"] == f"/insurance-payments/{check.number}/"
    check.refresh_from_db()
    assert str(check.unallocated) == "0.00"
    assert "Nothing of" in text(desk.client.get(url(check)))


def test_a_second_click_pays_back_once(desk: Desk) -> None:
    form = answers(desk)
    for _ in range(2):
        answer = desk.client.post(url(desk.receipt), form)
        assert answer["Location"] == desk.account_url
    assert Payment.objects.filter(kind=Kind.REFUND).count() == 1


# --- Refusals ------------------------------------------------------------------------------------


def test_more_than_the_credit_is_refused(desk: Desk) -> None:
    refused(desk, answers(desk, amount="60.01"), "Only 60.00 can be paid back.")
    form = answers(desk, unpay="10", amount="70.01", suggested="70.00")
    refused(desk, form, "Only 70.00 can be paid back.")


def test_more_than_the_payment_has_on_a_line_is_refused(desk: Desk) -> None:
    refused(desk, answers(desk, unpay="40.01"), "You can un-pay at most 40.00 on this line.")
    refused(desk, answers(desk, unpay="-5"), "Enter what comes off the line, without a minus.")


def test_nothing_is_saved_with_an_amount_that_changed_unseen(desk: Desk) -> None:
    """Without scripts, or faster than them: the amount is brought up to what is un-paid first."""
    page = refused(
        desk,
        answers(desk, unpay="40"),
        "With what is un-paid now, 100.00 can be paid back.",
    )
    assert 'name="amount" value="100.00"' in page
    assert 'name="suggested" value="100.00"' in page
    form = answers(desk, unpay="40", amount="60", suggested="100.00")
    assert desk.client.post(url(desk.receipt), form).status_code == 302
    assert desk.figures == ("50.00", "40.00", "10.00")


def test_another_receipts_line_is_refused(desk: Desk) -> None:
    other = LineFactory(patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana)
    PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana, on={other: "30"}
    )
    form = answers(desk, amount="80", suggested="80.00")
    form["lines"] = [*form["lines"], str(other.pk)]
    form[f"line-{other.pk}-unpay"] = "20"
    refused(desk, form, "is not paid by", "any more")
    other.refresh_from_db()
    assert str(other.paid) == "30.00"


@pytest.mark.parametrize("typed", [*NOT_AMOUNTS, "0", "-5", ""])
def test_what_is_no_amount_is_refused(desk: Desk, typed: str) -> None:
    page = refused(desk, answers(desk, amount=typed))
    assert 'id="id_amount_error"' in page


def test_each_answer_that_is_missing_is_named(desk: Desk) -> None:
    refused(desk, answers(desk, reason=""), "Choose a reason for the refund.")
    refused(desk, answers(desk, reason="Because"), "Choose a reason for the refund.")
    refused(desk, answers(desk, reason="Other"), "Say what the reason is.")
    refused(desk, answers(desk, key="x"), "too old to be saved")
    refused(desk, answers(desk, note="n" * 5_000))
    refused(desk, answers(desk, note="a\0b"))
    refused(desk, answers(desk, method="bitcoin"))
    refused(desk, answers(desk, reference="9" * 5_000))


def test_a_closed_or_impossible_date_is_refused(desk: Desk) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    for typed, sentence in {
        tomorrow.isoformat(): "The date is in the future.",
        "0001-01-01": "The date is too long ago.",
        "9999-12-31": "The date is in the future.",
        "2025-02-30": "Enter a date like 2025-11-18.",
    }.items():
        page = refused(desk, answers(desk, date=typed), sentence)
        assert '<details class="defs" open>' in page
    desk.close()
    refused(desk, answers(desk), "The date is in a closed period")


def test_a_stale_form_is_refused(desk: Desk) -> None:
    form = answers(desk, unpay="40", amount="100", suggested="100.00")
    ledger.unpay(by=desk.ana, payment=desk.receipt, date=day(0), reason="Un-paid")
    answer = desk.client.post(url(desk.receipt), form)
    assert "is not paid by" in text(answer)
    assert Payment.objects.filter(kind=Kind.REFUND).count() == 0


def test_a_line_somebody_changed_says_so(desk: Desk) -> None:
    form = answers(desk, unpay="40", amount="100", suggested="100.00")
    ledger.unpay(
        by=desk.ana,
        payment=desk.receipt,
        line=desk.line,
        amount=money("10"),
        date=day(0),
        reason="Un-paid",
    )
    page = text(desk.client.post(url(desk.receipt), form))
    assert "Someone else changed this session" in page
    assert "Un-pay" in page
    assert Payment.objects.filter(kind=Kind.REFUND).count() == 0


def test_credit_that_went_meanwhile_is_refused(desk: Desk) -> None:
    form = answers(desk)
    line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="50", by=desk.ana)
    ledger.allocate(
        by=desk.ana,
        payment=desk.receipt,
        entries=[Entry(line.pk, money("50"))],
        date=day(0),
    )
    refused(desk, form, "Only 10.00 can be paid back.")


def test_a_reversed_payment_offers_nothing(desk: Desk) -> None:
    desk.reverse()
    page = text(desk.client.get(url(desk.receipt)))
    assert "This payment was already reversed on" in page
    assert "Save refund" not in page
    before = rows()
    assert "already reversed" in text(desk.client.post(url(desk.receipt), answers(desk)))
    assert rows() == before


# --- Undoing a refund ----------------------------------------------------------------------------


def refund_of(desk: Desk) -> Payment:
    desk.client.post(url(desk.receipt), answers(desk))
    return Payment.objects.get(kind=Kind.REFUND)


def undo_url(desk: Desk, refund: Payment) -> str:
    return f"/payments/{desk.receipt.number}/refunds/{refund.pk}/undo/"


def undo_answers(**given: Any) -> dict[str, Any]:
    today = timezone.localdate().isoformat()
    reason = "It was not paid back after all"
    return {"key": key(), "reason": reason, "note": "", "date": today, **given}


def test_a_refund_is_offered_to_be_undone_and_is(desk: Desk) -> None:
    refund = refund_of(desk)
    address = undo_url(desk, refund)
    for page in (f"/payments/{desk.receipt.number}/", desk.account_url):
        assert f'href="{address}"' in text(desk.client.get(page))
    page = text(desk.client.get(address))
    assert f"Undo this refund from {desk.receipt.number}?" in page
    assert "<b>60.00</b>" in page
    answer = desk.client.post(address, undo_answers())
    assert answer["Location"] == desk.account_url
    assert desk.figures == ("10.00", "60.00", "-50.00")
    account = text(desk.client.get(desk.account_url))
    assert "Reversed refund of" in account
    assert f'href="{address}"' not in account
    page = text(desk.client.get(address))
    assert "This refund was already reversed on" in page
    assert "data-main" not in page.partition("</main>")[0]


def test_a_second_click_undoes_once(desk: Desk) -> None:
    address, form = undo_url(desk, refund_of(desk)), undo_answers()
    for _ in range(2):
        assert desk.client.post(address, form).status_code == 302
    assert Payment.objects.filter(kind=Kind.REVERSAL).count() == 1


def test_undoing_asks_why_and_when(desk: Desk) -> None:
    refund = refund_of(desk)
    before = rows()
    for form, sentence in (
        (undo_answers(reason=""), "Choose a reason."),
        (undo_answers(date="2099-01-01"), "The date is in the future."),
    ):
        page = text(desk.client.post(undo_url(desk, refund), form))
        assert "This is not undone yet." in page
        assert sentence in page
    assert rows() == before


def test_only_a_refund_of_this_payment_has_such_a_page(desk: Desk) -> None:
    refund = refund_of(desk)
    other = PaymentFactory(patient=desk.smith, provider=desk.dr1, by=desk.ana)
    assert desk.client.get(undo_url(desk, desk.receipt)).status_code == 404
    wrong = f"/payments/{other.number}/refunds/{refund.pk}/undo/"
    assert desk.client.get(wrong).status_code == 404
    assert desk.client.get(f"/payments/R-1/refunds/{10**30}/undo/").status_code == 404
