"""Take payment: what it shows, saves and refuses, asked without a browser."""

from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing import balances, ledger
from billing.models import ClosingDate, InvoiceLine, Payment
from patients.models import Provider
from tests.factories import (
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

URL = "/patients/P1042/payments/new/"


class Desk:
    """Mr Smith owes Dr 1 50.00 and 30.00, and Dr 2 40.00."""

    def __init__(self) -> None:
        self.ana = UserFactory(username="ana", first_name="Ana")
        self.client = Client()
        self.client.force_login(self.ana)
        self.dr1 = ProviderFactory(name="Dr 1")
        self.dr2 = ProviderFactory(name="Dr 2")
        self.john = PatientFactory(family_name="Smith", given_name="John", chart_number="P1042")
        self.lines: list[InvoiceLine] = [
            LineFactory(patient=self.john, provider=provider, amount=amount, ago=ago, by=self.ana)
            for provider, amount, ago in (
                (self.dr1, "50", 30),
                (self.dr1, "30", 20),
                (self.dr2, "40", 25),
            )
        ]

    def form(self, *paid: str, **changed: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "key": str(uuid.uuid4()),
            "provider": str(self.dr1.pk),
            "method": "cash",
            "reference": "",
            "date": timezone.localdate().isoformat(),
            "amount": "80",
            "action": "save",
            "lines": [str(line.pk) for line in self.lines],
        }
        for line, amount in zip(self.lines, paid, strict=False):
            fields[f"line-{line.pk}-paid"] = amount
            fields[f"line-{line.pk}-seen"] = line.seen
        fields.update(changed)
        return {name: value for name, value in fields.items() if value is not None}

    def box(self, row: int) -> str:
        return f"line-{self.lines[row].pk}-paid"

    def save(self, form: dict[str, Any]) -> Payment:
        answer = self.client.post(URL, form)
        assert answer.status_code == 302, text(answer)
        assert answer["Location"] == "/patients/P1042/account/"
        return Payment.objects.receipts().latest("pk")

    def live(self, form: dict[str, Any], **more: Any) -> Any:
        sent = {name: value for name, value in form.items() if name != "action"}
        return self.client.post(URL, {**sent, **more}, headers={"hx-request": "true"})

    def figures(self, provider: Provider) -> tuple[Decimal, Decimal, Decimal]:
        now = balances.account(self.john, provider)
        return now.invoices, now.credit, now.net


@pytest.fixture
def desk() -> Desk:
    return Desk()


def who(line: InvoiceLine) -> str:
    return f"Smith, John {line.service_date:%d %b %Y}"


# ---------------------------------------------------------------------------- shows


def test_the_open_lines_oldest_first(desk: Desk) -> None:
    paid = LineFactory(patient=desk.john, provider=desk.dr1, amount="10", by=desk.ana)
    PaymentFactory(patient=desk.john, provider=desk.dr1, amount="10", on={paid: "10"}, by=desk.ana)
    page = text(desk.client.get(URL))
    for line in desk.lines:
        name = f"Allocate {line.invoice.number} {line.description}"
        assert f'aria-label="{name} {line.service_date:%d %b %Y}"' in page
    order = [page.index(f'id="{desk.box(row)}"') for row in (0, 2, 1)]
    assert order == sorted(order)
    assert f"line-{paid.pk}-paid" not in page
    assert f'<option value="{desk.dr1.pk}" selected>Dr 1</option>' in page
    assert "Save payment" in page
    assert writes(queries(desk.client, "get", URL)) == []


def test_the_provider_asked_for_in_the_address(desk: Desk) -> None:
    page = text(desk.client.get(URL, {"provider": desk.dr2.pk}))
    assert f'<option value="{desk.dr2.pk}" selected>' in page
    for odd in ("0", "x", "9" * 30, "9" * 5000, "-1", "²", "９", ""):
        assert desk.client.get(URL, {"provider": odd}).status_code == 200


def test_a_patient_nobody_knows(desk: Desk) -> None:
    for chart in ("P9999", "p1042x", "1042", "<b>", "x" * 500, "%27"):
        assert desk.client.get(f"/patients/{chart}/payments/new/").status_code == 404
        assert desk.client.post(f"/patients/{chart}/payments/new/", {}).status_code == 404


def test_a_patient_who_owes_nothing(desk: Desk) -> None:
    PatientFactory(family_name="Okafor", chart_number="P1001")
    page = text(desk.client.get("/patients/P1001/payments/new/"))
    assert "Nothing is unpaid" in page


def test_a_negative_credit_is_named(desk: Desk) -> None:
    receipt = PaymentFactory(
        patient=desk.john, provider=desk.dr1, amount="20", on={desk.lines[0]: "20"}, by=desk.ana
    )
    ledger.reverse(
        by=desk.ana,
        payment=receipt,
        date=timezone.localdate(),
        reason="Payment bounced",
        unpay_lines=False,
    )
    assert "Dr 1's credit is -20.00." in text(desk.client.get(URL))
    desk.lines[0].refresh_from_db()
    desk.save(desk.form(amount="50"))
    page = text(desk.client.get("/patients/P1042/account/"))
    assert "$20.00 took over what a reversed payment still paid to Dr 1." in page
    assert desk.figures(desk.dr1) == (60, 30, 30)


# ---------------------------------------------------------------------------- saves


def test_taken_and_allocated(desk: Desk) -> None:
    payment = desk.save(desk.form("50", "20"))
    assert (payment.amount, payment.unallocated, payment.provider) == (80, 10, desk.dr1)
    assert (payment.method, payment.created_by) == ("cash", desk.ana)
    assert desk.figures(desk.dr1) == (10, 10, 0)
    page = text(desk.client.get("/patients/P1042/account/"))
    assert (
        f"Saved as {payment.number}. $80.00 from Smith, John, $10.00 of it not allocated." in page
    )
    assert f'<a href="/payments/{payment.number}/receipt/">Receipt to print</a>' in page


def test_taken_as_credit(desk: Desk) -> None:
    assert desk.save(desk.form(amount="20", lines=[])).unallocated == 20
    assert desk.figures(desk.dr1) == (80, 20, 60)


def test_another_providers_line_moves_the_money_there(desk: Desk) -> None:
    desk.save(desk.form("40", "", "40"))
    assert desk.figures(desk.dr1) == (40, 0, 40)
    assert desk.figures(desk.dr2) == (0, 0, 0)


def test_fields_a_form_never_sets_are_ignored(desk: Desk) -> None:
    payment = desk.save({**desk.form("50"), **FORGED, "payer": "1", "patient": "1"})
    assert payment.created_by == desk.ana
    assert (payment.patient, payment.payer, payment.kind) == (desk.john, None, "receipt")
    assert (payment.reversed, payment.unallocated, payment.note) == (False, 30, "")


def test_the_same_form_twice_posts_once(desk: Desk) -> None:
    form = desk.form("50", "30")
    desk.save(form)
    with nothing_happens():
        assert desk.client.post(URL, form).status_code == 302
    refused(
        desk.client,
        URL,
        {**form, "amount": "90"},
        "This form was already saved with other figures. Open it afresh to enter another one.",
    )


def test_the_same_payment_under_a_new_key_is_asked_about_once(desk: Desk) -> None:
    """Back and Save: the browser fills a form drawn anew."""
    first = desk.save(desk.form(amount="20"))
    again = desk.form(amount="20")
    refused(desk.client, URL, again, f"{first.number}, $20.00. If this is another one, say so")
    assert desk.save({**again, "again": "on"}).pk != first.pk


def test_another_amount_or_one_put_on_lines_is_not_asked_about(desk: Desk) -> None:
    desk.save(desk.form(amount="20"))
    desk.save(desk.form(amount="21"))
    desk.save(desk.form("20", amount="20"))
    assert Payment.objects.receipts().count() == 3


@pytest.mark.parametrize("key", [None, "", "garbage", "\0"])
def test_a_missing_or_garbled_key(desk: Desk, key: str | None) -> None:
    refused(desk.client, URL, desk.form("50", key=key), TOO_OLD)


# ---------------------------------------------------------------------------- refuses


@pytest.mark.parametrize("typed", BAD_AMOUNTS)
def test_a_bad_amount(desk: Desk, typed: str) -> None:
    page = refused(desk.client, URL, desk.form("50", amount=typed), BAD_AMOUNTS[typed])
    assert 'value="50"' in page


@pytest.mark.parametrize("typed", BAD_AMOUNTS)
def test_a_bad_amount_on_a_line(desk: Desk, typed: str) -> None:
    form = desk.form("50", typed)
    page = refused(desk.client, URL, form, f"{who(desk.lines[1])}: {BAD_AMOUNTS[typed]}")
    assert f'id="{desk.box(1)}"' in page
    assert "check the amounts" in page


@pytest.mark.parametrize("amount", ["0", "0.00", "-20", "(20)", "20-20", "−20"])
def test_a_patient_pays_something(desk: Desk, amount: str) -> None:
    refused(
        desk.client,
        URL,
        desk.form(amount=amount),
        "Enter the amount of the payment, above 0.00.",
    )


def test_a_blank_amount(desk: Desk) -> None:
    refused(desk.client, URL, desk.form(amount=" "), "Enter the amount of the payment.")


def test_a_minus_on_a_line(desk: Desk) -> None:
    refused(
        desk.client,
        URL,
        desk.form("-10"),
        f"{who(desk.lines[0])}: To un-pay a line, use Credit allocation",
    )


def test_more_than_was_paid_or_owed(desk: Desk) -> None:
    refused(
        desk.client,
        URL,
        desk.form("50", "30", "40"),
        "$40.00 too much is allocated. Lower some lines or correct Amount.",
    )
    refused(
        desk.client,
        URL,
        desk.form("60"),
        f"{who(desk.lines[0])}: 60.00 is 10.00 more than this session owes.",
    )


@pytest.mark.parametrize("typed", BAD_DATES)
def test_a_bad_date(desk: Desk, typed: str) -> None:
    refused(desk.client, URL, desk.form("50", date=typed), BAD_DATES[typed])


def test_a_closed_date(desk: Desk) -> None:
    closed = timezone.localdate() - datetime.timedelta(days=5)
    ClosingDate.objects.create(closed_through=closed, created_by=desk.ana, reason="Month end")
    refused(
        desk.client,
        URL,
        desk.form("50", date=closed.isoformat()),
        f"The date is in a closed period (up to {closed:%d %b %Y}).",
    )


@pytest.mark.parametrize("typed", ["", "x", "999999999", "9" * 30, "9" * 5000, "-1", "９"])
def test_a_provider_nobody_knows(desk: Desk, typed: str) -> None:
    refused(
        desk.client,
        URL,
        desk.form("50", provider=typed),
        "Choose a provider." if typed else "Choose the provider.",
    )


def test_a_method_and_a_reference_nobody_knows(desk: Desk) -> None:
    refused(desk.client, URL, desk.form(method="eft"), "Select a valid choice.")
    refused(desk.client, URL, desk.form(method=""), "This field is required.")
    refused(desk.client, URL, desk.form(reference="7" * 500), "at most 40 characters")
    refused(desk.client, URL, desk.form(reference="\0"), "Null characters are not allowed.")


def test_a_line_of_another_patient(desk: Desk) -> None:
    maya = PatientFactory(family_name="Okafor", given_name="Maya")
    theirs = LineFactory(patient=maya, provider=desk.dr1, by=desk.ana)
    form = desk.form("10", lines=[str(desk.lines[0].pk), str(theirs.pk)])
    form |= {f"line-{theirs.pk}-paid": "50"}
    refused(
        desk.client,
        URL,
        form,
        f"{theirs.invoice} belongs to another patient; this payment cannot pay it.",
    )
    assert desk.live(form, fill=f"pay:{theirs.pk}", touched=str(theirs.pk)).status_code == 200


@pytest.mark.parametrize("line", ["999999999", "abc", "", "9" * 5000, "\0"])
def test_a_line_that_does_not_exist(desk: Desk, line: str) -> None:
    form = desk.form("50", lines=[str(desk.lines[0].pk), line])
    refused(desk.client, URL, form, "A line that was on this page is not there any more.")
    for fill in (f"pay:{line}", f"writeoff:{desk.lines[0].pk}", line):
        assert desk.live(form, fill=fill, touched=line).status_code == 200


def test_a_line_sent_twice_counts_once(desk: Desk) -> None:
    payment = desk.save(desk.form("50", lines=[str(desk.lines[0].pk)] * 2))
    assert payment.allocated == 50


def test_a_screen_that_is_out_of_date(desk: Desk) -> None:
    form = desk.form("20")
    PaymentFactory(patient=desk.john, provider=desk.dr1, amount="5", on={desk.lines[0]: "5"}, ago=0)
    page = refused(desk.client, URL, form, "Someone else changed this session at")
    desk.lines[0].refresh_from_db()
    assert f'-seen" value="{desk.lines[0].seen}"' in page


# ---------------------------------------------------------------------------- live


def test_it_is_not_ready_to_save_while_a_line_is_marked(desk: Desk) -> None:
    touched = ",".join(str(line.pk) for line in desk.lines)
    assert "Ready to save." in text(desk.live(desk.form("50", "30"), touched=touched))
    marked = text(desk.live(desk.form("80"), touched=touched))
    assert "Every cent of $80.00 is allocated. Look at the marked lines before you save." in marked


def test_a_live_answer_holds_figures_and_no_box(desk: Desk) -> None:
    line = desk.lines[0]
    for paid, figure in [(("",), "$80.00"), (("50", "30"), "$0.00"), (("50", "40"), "-$10.00")]:
        page = text(desk.live(desk.form(*paid), touched=str(line.pk)))
        assert f">{figure}</output>" in page
        assert f'id="after-{line.pk}"' in page
        for box in ("<input", "<select", "<textarea", "<html"):
            assert box not in page
    with nothing_happens():
        desk.live(desk.form("1.005"), touched=str(line.pk))
    assert (
        writes(queries(desk.client, "post", URL, {"amount": "5"}, headers={"hx-request": "true"}))
        == []
    )


def test_oldest_first_fills_the_own_part_of_this_provider(desk: Desk) -> None:
    waiting = LineFactory(
        patient=desk.john, provider=desk.dr1, owed_by=PayerFactory(), ago=40, by=desk.ana
    )
    desk.lines.append(waiting)
    filled = desk.live(desk.form(amount="60"), fill="oldest")
    assert json.loads(filled["HX-Trigger"])["fill-boxes"]["values"] == {
        desk.box(0): "50.00",
        desk.box(1): "10.00",
    }


def test_oldest_first_goes_on_with_other_providers_and_then_the_family(desk: Desk) -> None:
    kim = PatientFactory(guarantor=desk.john)
    desk.lines += [
        LineFactory(patient=kim, provider=desk.dr1, amount="10", ago=99, by=desk.ana),
        LineFactory(patient=desk.john, provider=desk.dr2, owed_by=PayerFactory(), by=desk.ana),
    ]
    filled = desk.live(desk.form("", "", "5", amount="88"), fill="oldest")
    values = json.loads(filled["HX-Trigger"])["fill-boxes"]["values"]
    assert values == {desk.box(0): "50.00", desk.box(1): "30.00", desk.box(3): "3.00"}
    filled = desk.live(desk.form(amount="95"), fill="oldest")
    values = json.loads(filled["HX-Trigger"])["fill-boxes"]["values"]
    assert values == {desk.box(0): "50.00", desk.box(1): "30.00", desk.box(2): "15.00"}


# ---------------------------------------------------------------------------- several providers


def test_a_line_of_another_provider_says_where_the_credit_goes(desk: Desk) -> None:
    page = text(desk.live(desk.form("50", "", "40")))
    assert f'id="note-{desk.lines[2].pk}"' in page
    assert page.count("credit moves to Dr 2") == 1
    turned = text(desk.live(desk.form("50", "", "40", provider=str(desk.dr2.pk))))
    assert "credit moves to Dr 1" in turned
    assert "credit moves to Dr 2" not in turned


def test_after_saving_the_notice_says_what_moved(desk: Desk) -> None:
    desk.save(desk.form("40", "", "40"))
    moved = Payment.objects.get(kind="transfer_in")
    page = text(desk.client.get("/patients/P1042/account/"))
    assert f"Moved on: $40.00 to Dr 2 ({moved.number})." in page
    assert desk.figures(desk.dr2) == (Decimal("0.00"), Decimal("0.00"), Decimal("0.00"))


# ---------------------------------------------------------------------------- the family


@pytest.fixture
def kims(desk: Desk) -> InvoiceLine:
    """A line of 60.00 of Kim, whom Mr Smith pays for."""
    kim = PatientFactory(family_name="Smith", given_name="Kim", guarantor=desk.john)
    return LineFactory(patient=kim, provider=desk.dr1, amount="60", by=desk.ana)


FAMILY = f"{URL}?family=1"


def test_the_familys_lines_are_listed_on_request(desk: Desk, kims: InvoiceLine) -> None:
    own = text(desk.client.get(URL))
    assert "Lines of the whole family" in own
    assert f"line-{kims.pk}-paid" not in own
    page = text(desk.client.get(FAMILY))
    name = f"Allocate {kims.invoice.number} {kims.description} {kims.service_date:%d %b %Y}"
    assert f'aria-label="{name} Smith, Kim"' in page
    assert "Only John's lines" in page
    first = desk.lines[0]
    name = f"Allocate {first.invoice.number} {first.description} {first.service_date:%d %b %Y}"
    assert f'aria-label="{name}"' in page
    assert writes(queries(desk.client, "get", FAMILY)) == []


def test_nobody_is_offered_lines_of_somebody_they_do_not_pay_for(
    desk: Desk, kims: InvoiceLine
) -> None:
    page = text(desk.client.get(f"/patients/{kims.patient.chart_number}/payments/new/?family=1"))
    assert "whole family</button>" not in page
    assert f"line-{desk.lines[0].pk}-paid" not in page


def test_turning_to_the_family_keeps_what_was_typed(desk: Desk, kims: InvoiceLine) -> None:
    form = desk.form("12.50", amount="80", reference="77", action="family")
    with nothing_happens():
        page = text(desk.client.post(FAMILY, form))
    assert 'value="12.50"' in page
    assert 'value="77"' in page
    assert f"line-{kims.pk}-paid" in page
    desk.lines.append(kims)
    with nothing_happens():
        back = text(desk.client.post(URL, desk.form("12.50", action="family")))
    assert 'value="12.50"' in back
    assert f"line-{kims.pk}-paid" not in back


def test_a_guarantor_pays_the_familys_lines_in_one_receipt(desk: Desk, kims: InvoiceLine) -> None:
    desk.lines.append(kims)
    form = desk.form("50", "", "", "30")
    page = text(desk.live(form))
    assert "credit moves to Kim, Dr 1" in page
    answer = desk.client.post(FAMILY, form)
    assert answer["Location"] == "/patients/P1042/account/"
    kims.refresh_from_db()
    assert str(kims.balance) == "30.00"
    notice = text(desk.client.get(answer["Location"]))
    assert "Moved on: $30.00 to Smith, Kim" in notice


def test_a_strangers_line_is_refused_for_a_guarantor_too(desk: Desk) -> None:
    stranger = LineFactory(patient=PatientFactory(), provider=desk.dr1, by=desk.ana)
    desk.lines.append(stranger)
    with nothing_happens():
        page = text(desk.client.post(FAMILY, desk.form("50", "", "", "30")))
    assert "belongs to another patient; this payment cannot pay it." in page


def test_the_familys_queries_do_not_grow(desk: Desk, kims: InvoiceLine) -> None:
    desk.client.get(FAMILY)  # the counts of the navigation are known from now on
    few = len(queries(desk.client, "get", FAMILY))
    for _line in range(8):
        kid = PatientFactory(guarantor=desk.john)
        LineFactory(patient=kid, provider=desk.dr1, by=desk.ana)
    assert len(queries(desk.client, "get", FAMILY)) == few


def test_queries_do_not_grow_with_the_rows(desk: Desk) -> None:
    def cost() -> list[int]:
        sent = desk.form(*["1"] * len(desk.lines), amount="1e9")
        live = {name: value for name, value in sent.items() if name != "action"}
        live["touched"] = ",".join(str(line.pk) for line in desk.lines)
        return [
            len(queries(desk.client, "get", URL)),
            len(queries(desk.client, "post", URL, sent)),
            len(queries(desk.client, "post", URL, live, headers={"hx-request": "true"})),
        ]

    cost()
    before = cost()
    desk.lines += [
        LineFactory(patient=desk.john, provider=desk.dr1, by=desk.ana) for _line in range(15)
    ]
    assert cost() == before
    sent = desk.form(*["1"] * 18)
    few = desk.form("1", lines=[str(desk.lines[0].pk)])
    assert len(queries(desk.client, "post", URL, sent)) <= (
        len(queries(desk.client, "post", URL, {**few, f"{desk.box(0)}": "2"})) + 9
    )


def test_names_with_html_in_them(desk: Desk) -> None:
    nasty = "<script>alert('x')</script>"
    for each, name in ((desk.john, "family_name"), (desk.dr1, "name")):
        setattr(each, name, nasty)
        each.save()
    for answer in (
        desk.client.get(URL),
        desk.client.post(URL, desk.form("500", reference=nasty, amount=nasty, provider=nasty)),
    ):
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
        assert "&lt;script&gt;" in answer.content.decode()
