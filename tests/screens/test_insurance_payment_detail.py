"""A saved insurance payment, and allocating what is left of it."""

from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing import ledger
from billing.models import Allocation, ClosingDate, InvoiceLine, Payment
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
    FORGED,
    TOO_OLD,
    nothing_happens,
    queries,
    refused,
    text,
    writes,
)

pytestmark = pytest.mark.django_db


class Desk:
    """A check of 200.00 with 50.00 of it on the first of Maya's three sessions."""

    def __init__(self) -> None:
        self.ana = UserFactory(username="ana", first_name="Ana")
        self.client = Client()
        self.client.force_login(self.ana)
        self.blueriver = PayerFactory(name="BlueRiver Health", payer_id="60054")
        self.dr1 = ProviderFactory(name="Dr 1")
        self.maya = PatientFactory(family_name="Okafor", given_name="Maya", chart_number="P1001")
        self.lines: list[InvoiceLine] = [
            LineFactory(
                patient=self.maya, provider=self.dr1, ago=ago, owed_by=self.blueriver, by=self.ana
            )
            for ago in (30, 23, 16)
        ]
        self.payment: Payment = InsurancePaymentFactory(
            payer=self.blueriver,
            amount="200",
            reference="104482",
            on={self.lines[0]: ("50", "10")},
            by=self.ana,
        )
        self.url = self.payment.get_absolute_url()
        self.look_again()

    def look_again(self) -> None:
        for each in (*self.lines, self.payment):
            each.refresh_from_db()

    def form(self, *paid: str, **changed: Any) -> dict[str, Any]:
        fields = {"key": str(uuid.uuid4()), "action": "save"}
        fields["lines"] = [str(line.pk) for line in self.lines]  # type: ignore[assignment]
        for line, amount in zip(self.lines, paid, strict=False):
            fields[f"line-{line.pk}-paid"] = amount
            fields[f"line-{line.pk}-seen"] = line.seen
        fields.update(changed)
        return {name: value for name, value in fields.items() if value is not None}

    def box(self, row: int, column: str = "paid") -> str:
        return f"line-{self.lines[row].pk}-{column}"

    def live(self, form: dict[str, Any], **more: Any) -> Any:
        sent = {name: value for name, value in form.items() if name != "action"}
        return self.client.post(self.url, {**sent, **more}, headers={"hx-request": "true"})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_it_paid(desk: Desk) -> None:
    page = text(desk.client.get(desk.url))
    for words in (
        str(desk.payment.number),
        "BlueRiver Health (60054)",
        "$200.00",
        "104482",
        ">$150.00</output>",
        "Lines of this payment",
        f"{desk.lines[0].service_date:%d %b %Y}",
        "Written off with it <b>$10.00</b>",
        "by <b>Ana</b>",
    ):
        assert words in page
    assert writes(queries(desk.client, "get", desk.url)) == []


def test_a_line_it_denied_is_listed_with_its_reason(desk: Desk) -> None:
    denied = desk.lines[1]
    form = desk.form("", "")
    form |= {
        desk.box(1, "open"): "1",
        desk.box(1, "outcome"): "denied",
        desk.box(1, "codes"): "CO-29",
    }
    desk.client.post(desk.url, form)
    page = text(desk.client.get(desk.url))
    table = page[page.index("Lines of this payment") :].partition("</table>")[0]
    rows = table.split("<tr>")[2:]
    assert len(rows) == 2
    assert f"{denied.service_date:%d %b %Y}" in rows[1]
    assert "Denied" in rows[1]
    assert "CO-29" in rows[1]
    assert "10.00" in rows[0]  # written off
    desk.look_again()
    assert denied.balance == 100


def test_a_line_that_is_only_written_off_is_listed(desk: Desk) -> None:
    desk.client.post(desk.url, desk.form("", **{desk.box(2, "write_off"): "100"}))
    page = text(desk.client.get(desk.url))
    assert f"{desk.lines[2].service_date:%d %b %Y}" in page[page.index("Lines of this payment") :]


def test_the_foot_counts_as_it_did_before_saving(desk: Desk) -> None:
    """What the payer kept is shared out with the amount; what was paid back is not there any more."""
    form = desk.form("", "90") | {
        "offsets": "1",
        "offset-1-code": "WO",
        "offset-1-reference": "CLM-1",
        "offset-1-amount": "20",
    }
    desk.client.post(desk.url, form)
    assert "Allocated $140.00 of $220.00" in text(desk.client.get(desk.url))
    ledger.refund(
        by=desk.ana,
        payment=Payment.objects.get(pk=desk.payment.pk),
        amount=Decimal(30),
        method="check",
        reference="",
        date=timezone.localdate(),
        reason="Paid twice",
    )
    page = text(desk.client.get(desk.url))
    assert "Allocated $140.00 of $190.00" in page
    assert ">$50.00</output>" in page


def test_what_is_left_of_a_payment_that_was_paid_back_asks_for_no_amount() -> None:
    desk = Desk()
    payment = InsurancePaymentFactory(payer=desk.blueriver, amount="80", by=desk.ana)
    ledger.refund(
        by=desk.ana,
        payment=payment,
        amount=Decimal(80),
        method="check",
        date=timezone.localdate(),
        reason="Paid twice",
    )
    for each in (payment, InsurancePaymentFactory(payer=desk.blueriver, amount="0", by=desk.ana)):
        page = text(desk.client.get(f"/insurance-payments/{each.number}/"))
        assert "Nothing of it is left to allocate." in page
        assert "enter an amount" not in page


def test_a_denial_that_was_answered_since_leads_nowhere(desk: Desk) -> None:
    denied = desk.lines[1]
    said = {desk.box(1, "open"): "1", desk.box(1, "outcome"): "denied"}
    desk.client.post(desk.url, desk.form("", "") | said)
    link = f'href="/invoices/{denied.invoice.number}/responsibility/'
    assert link in text(desk.client.get(desk.url))
    denied.refresh_from_db()
    InsurancePaymentFactory(payer=desk.blueriver, amount="60", on={denied: "60"}, by=desk.ana)
    page = text(desk.client.get(desk.url))
    assert "Denied" in page
    assert link not in page


def test_only_insurers_payments_have_this_page(desk: Desk) -> None:
    receipt = PaymentFactory(patient=desk.maya, provider=desk.dr1)
    for number in (receipt.number, "IP-9999", "x" * 500, "'", "<script>"):
        answer = desk.client.get(f"/insurance-payments/{number}/")
        assert answer.status_code == 404
    assert desk.client.get(f"/payments/{desk.payment.number}/")["Location"] == desk.url


def test_the_rest_is_allocated(desk: Desk) -> None:
    answer = desk.client.post(desk.url, desk.form("40", "100"))
    assert (answer.status_code, answer["Location"]) == (302, desk.url)
    desk.look_again()
    assert desk.payment.unallocated == 10
    assert [line.balance for line in desk.lines] == [0, 0, 100]
    assert "Saved. $10.00 of $200.00 is still to allocate." in text(desk.client.get(desk.url))


def test_a_mistake_is_taken_back_within_the_payment(desk: Desk) -> None:
    desk.client.post(desk.url, desk.form("-50", "50", **{desk.box(0, "write_off"): "-10"}))
    desk.look_again()
    assert [line.balance for line in desk.lines] == [100, 50, 100]
    assert desk.payment.unallocated == 150


def test_the_same_form_twice_posts_once(desk: Desk) -> None:
    form = desk.form("40", "100")
    assert desk.client.post(desk.url, form).status_code == 302
    with nothing_happens():
        assert desk.client.post(desk.url, form).status_code == 302
    refused(
        desk.client,
        desk.url,
        {**form, desk.box(1): "1"},
        "This form was already saved with other figures. Open it afresh to enter another one.",
    )


@pytest.mark.parametrize("key", [None, "", "garbage", "\0"])
def test_a_missing_or_garbled_key(desk: Desk, key: str | None) -> None:
    refused(desk.client, desk.url, desk.form("40", key=key), TOO_OLD)


@pytest.mark.parametrize("column", ["paid", "write_off"])
@pytest.mark.parametrize("typed", BAD_AMOUNTS)
def test_a_bad_amount_on_a_line(desk: Desk, typed: str, column: str) -> None:
    who = f"Okafor, Maya {desk.lines[1].service_date:%d %b %Y}"
    form = desk.form("40", **{desk.box(1, column): typed})
    refused(desk.client, desk.url, form, f"{who}: {BAD_AMOUNTS[typed]}")


def test_too_much(desk: Desk) -> None:
    page = refused(
        desk.client,
        desk.url,
        desk.form("40", "100", "100"),
        "$90.00 too much is allocated. Lower some lines or correct Amount.",
    )
    assert 'id="id_amount"' in page  # where the link of the summary leads
    assert ">-$90.00</output>" in page
    assert "Change Amount" not in page  # a saved amount is not edited
    assert "Take $90.00 off the last line" in page
    who = f"Okafor, Maya {desk.lines[0].service_date:%d %b %Y}"
    refused(
        desk.client,
        desk.url,
        desk.form("45"),
        f"{who}: 45.00 is 5.00 more than this session owes.",
    )
    refused(
        desk.client, desk.url, desk.form("-60"), f"{who}: This payer paid only 50.00 on this line."
    )


def test_nothing_typed(desk: Desk) -> None:
    for form in (desk.form(), desk.form("", " ", "0"), desk.form(lines=[])):
        page = refused(desk.client, desk.url, form, "Type an amount on a line first.")
        assert "This allocation is not saved yet." in page  # the payment is


def test_a_closed_day_and_a_screen_that_is_out_of_date(desk: Desk) -> None:
    form = desk.form("40")
    other = InsurancePaymentFactory(payer=desk.blueriver, amount="10", on={desk.lines[0]: "10"})
    assert other.unallocated == 0
    refused(
        desk.client,
        desk.url,
        {**form, desk.box(0): "30"},
        "Someone else changed this session at",
    )
    desk.look_again()
    today = timezone.localdate()
    ClosingDate.objects.create(closed_through=today, created_by=desk.ana, reason="Year end")
    refused(
        desk.client,
        desk.url,
        desk.form("", "40"),
        f"The date is in a closed period (up to {today:%d %b %Y}).",
    )


@pytest.mark.parametrize("line", ["999999999", "abc", "", "9" * 5000, "\0"])
def test_a_line_that_does_not_exist(desk: Desk, line: str) -> None:
    form = desk.form("40", lines=[str(desk.lines[0].pk), line])
    refused(desk.client, desk.url, form, "A line that was on this page is not there any more.")


def test_a_reversed_payment_is_read_only(desk: Desk) -> None:
    ledger.reverse(
        by=desk.ana,
        payment=desk.payment,
        date=timezone.localdate(),
        reason="Entered twice",
        unpay_lines=True,
    )
    page = text(desk.client.get(desk.url))
    assert "Reversed" in page
    assert "Entered twice" in page
    assert "Save payment" not in page
    desk.look_again()
    with nothing_happens():
        answer = desk.client.post(desk.url, desk.form("40"))
    assert answer.status_code == 200
    assert "This payment was already reversed at" in text(answer)


def test_extra_fields_change_nothing(desk: Desk) -> None:
    desk.client.post(desk.url, {**desk.form("40", amount="9999", payer="x"), **FORGED})
    desk.look_again()
    assert (desk.payment.amount, desk.payment.unallocated) == (200, 110)
    assert desk.payment.payer == desk.blueriver
    assert desk.payment.date == timezone.localdate() - datetime.timedelta(days=10)
    assert Allocation.objects.latest("pk").created_by == desk.ana


def test_a_live_answer(desk: Desk) -> None:
    answer = desk.live(desk.form("40", "100"), touched=str(desk.lines[0].pk))
    page = text(answer)
    assert ">$10.00</output>" in page
    assert "Allocated $190.00 of $200.00" in page
    assert "<input" not in page
    fill = desk.live(desk.form(), fill="oldest")
    assert json.loads(fill["HX-Trigger"])["fill-boxes"]["values"] == {
        desk.box(0): "40.00",
        desk.box(1): "100.00",
        desk.box(2): "10.00",
    }
    # The rest of the first line is the patient's, since this payment answered on it.
    added = desk.live(desk.form(lines=[]), add="P1001")
    assert json.loads(added["HX-Trigger-After-Settle"])["rows-added"]["said"] == "2 sessions added."
    with nothing_happens():
        desk.live(desk.form("40"), fill="amount")


def test_queries_do_not_grow_with_the_lines(desk: Desk) -> None:
    def look() -> int:
        return len(queries(desk.client, "get", desk.url))

    look()
    before = look()
    patients = PatientFactory.create_batch(5)
    more = [
        LineFactory(patient=patient, provider=desk.dr1, owed_by=desk.blueriver, by=desk.ana)
        for patient in patients
    ]
    form = desk.form(lines=[str(line.pk) for line in more])
    form |= {f"line-{line.pk}-paid": "10" for line in more}
    few = len(queries(desk.client, "post", desk.url, desk.form("", "1")))
    many = len(queries(desk.client, "post", desk.url, form))
    assert many <= few  # the first line was paid before, which is one more look
    look()  # tells what was saved, and counts the worklists anew
    assert look() == before


def test_names_with_html_in_them(desk: Desk) -> None:
    nasty = "<script>alert('x')</script>"
    for each, name in ((desk.blueriver, "name"), (desk.maya, "given_name"), (desk.dr1, "name")):
        setattr(each, name, nasty)
        each.save()
    desk.ana.first_name = nasty
    desk.ana.save()
    answers = [
        desk.client.get(desk.url),
        desk.client.post(desk.url, desk.form("500")),
        desk.live(desk.form(lines=[]), add="P1001"),
    ]
    desk.client.post(desk.url, desk.form("40"))
    answers.append(desk.client.get(desk.url))
    for answer in answers:
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
        assert "&lt;script&gt;" in answer.content.decode()


def test_what_is_left_waits_and_nothing_says_save_now(desk: Desk) -> None:
    page = text(desk.client.get(desk.url))
    assert "$150.00 of it waits in the Today list." in page
    assert "You can also save now" not in page
    typed = text(desk.client.post(desk.url, desk.form("", "20", action="recalculate")))
    assert "You can also save now: $130.00" in typed


def test_it_can_be_corrected_and_its_free_money_paid_back(desk: Desk) -> None:
    page = text(desk.client.get(desk.url))
    for verb in ("correct", "refund", "reverse", "void"):
        assert f'href="/payments/{desk.payment.number}/{verb}/"' in page
