"""Patient account: balances, why a credit is negative, and the history."""

import re
from decimal import Decimal
from typing import Any

import pytest

from billing import balances, ledger
from tests.factories import (
    CoverageFactory,
    InsurancePaymentFactory,
    LineFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
)
from tests.factories.bills import day, entries
from tests.screens.desk import Desk, queries, rows, seed2, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return seed2()


def history(desk: Desk, **query: Any) -> str:
    return text(
        desk.client.get(
            desk.account_url,
            {"period": "all", **query},
            headers={"HX-Request": "true", "HX-Target": "history"},
        )
    )


# --- Heading and balances ------------------------------------------------------------------------


def test_it_shows_who_the_patient_is(desk: Desk) -> None:
    CoverageFactory(patient=desk.smith, payer=PayerFactory(name="BlueRiver Health"))
    page = text(desk.client.get(desk.account_url))
    assert "<h1>Smith, John</h1>" in page
    for fact in ("Born <b>17 May 1980</b>", "Chart <b>P1042</b>", "<b>BlueRiver Health</b>"):
        assert fact in page
    assert 'href="/patients/P1042/payments/new/"' in page


def test_a_patient_without_coverage_pays_privately(desk: Desk) -> None:
    assert "None, pays privately" in text(desk.client.get(desk.account_url))


def test_it_shows_the_balances_of_each_provider_and_all_of_them(desk: Desk) -> None:
    dr2 = ProviderFactory(name="Dr 2")
    PaymentFactory(patient=desk.smith, provider=dr2, amount="45", by=desk.ana)
    page = text(desk.client.get(desk.account_url))
    assert "All credit allocated" in page
    assert "Review 45.00 credit" in page
    assert f'href="/patients/P1042/credit/?provider={dr2.pk}"' in page
    assert "All providers" in page
    LineFactory(patient=desk.smith, provider=dr2, by=desk.ana)
    assert "Allocate 45.00 credit" in text(desk.client.get(desk.account_url))


def test_a_new_patient_has_no_history() -> None:
    desk = seed2()
    new = PatientFactory()
    page = text(desk.client.get(f"/patients/{new.chart_number}/account/"))
    assert "No charges or payments yet" in page
    assert "The first invoice will show here." in page


def test_an_unknown_patient_is_not_found(desk: Desk) -> None:
    assert desk.client.get("/patients/P9999/account/").status_code == 404


def test_a_name_with_html_in_it_is_escaped() -> None:
    desk = seed2()
    desk.smith.family_name, desk.smith.given_name = "<script>alert(1)</script>", "<b>J</b>"
    desk.smith.save()
    desk.dr1.name = "<i>Dr</i>"
    desk.dr1.save()
    desk.reverse()
    page = desk.client.get(desk.account_url).content.decode()
    assert "<script>alert" not in page
    assert "<b>J</b>" not in page
    assert "<i>Dr</i>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_looking_writes_nothing(desk: Desk) -> None:
    before = rows()
    for query in ({}, {"show": "nonsense", "provider": "x", "period": "?"}, {"deleted": "1"}):
        assert desk.client.get(desk.account_url, query).status_code == 200
    assert rows() == before


# --- Why is this negative? -----------------------------------------------------------------------


def test_it_explains_a_negative_credit(desk: Desk) -> None:
    desk.reverse()
    page = text(desk.client.get(desk.account_url))
    number = desk.line.invoice.number
    assert "Why Dr 1&#x27;s credit is -20.00" in page
    assert f"Payment {desk.receipt.number} (20.00, cash) was reversed on" in page
    assert f"but {number} still counts its 20.00." in page
    assert "The net balance of 50.00 is right either way. You can:" in page
    assert "The next 20.00 John pays to Dr 1 brings the credit back to 0.00." in page
    assert f"Until then {number} shows 30.00 owing, not 50.00." in page
    assert f"{number} owes its full 50.00 again and the credit goes back to 0.00" in page
    assert f"Un-pay 20.00 on {number}" in page
    assert f'action="/payments/{desk.receipt.number}/unpay/"' in page
    assert "view=all" in page


def test_it_explains_several_payments_and_lines() -> None:
    desk = seed2()
    second = LineFactory(patient=desk.smith, provider=desk.dr1, amount="30", by=desk.ana)
    third = LineFactory(patient=desk.smith, provider=desk.dr1, amount="40", by=desk.ana)
    both = PaymentFactory(
        patient=desk.smith,
        provider=desk.dr1,
        amount="70",
        method="card",
        by=desk.ana,
        on={second: "30", third: "40"},
    )
    desk.reverse()
    desk.reverse(both)
    page = text(desk.client.get(desk.account_url))
    assert "Why Dr 1&#x27;s credit is -90.00" in page
    assert f"Payment {both.number} (70.00, card) was reversed" in page
    assert "but 2 lines still count it:" in page
    assert "Un-pay the invoice lines" in page
    assert "Un-pay 70.00 on 2 lines" in page
    assert f"Un-pay 20.00 on {desk.line.invoice.number}" in page


def test_it_says_so_when_the_money_was_paid_back_before() -> None:
    desk = seed2(on=None)
    RefundFactory(payment=desk.receipt, amount="20", ago=1)
    desk.reverse()
    page = text(desk.client.get(desk.account_url))
    assert "after 20.00 of it had been paid back or moved." in page
    assert "Un-pay the" not in page
    assert "Do nothing, hide this note" in page


def test_the_note_can_be_hidden_for_this_credit_only(desk: Desk) -> None:
    desk.reverse()
    hide = {"action": "hide", "provider": desk.dr1.pk, "credit": "-20.00"}
    assert desk.client.post(desk.account_url, hide).status_code == 302
    page = text(desk.client.get(desk.account_url))
    assert "Why Dr 1" not in page
    assert f'href="?why={desk.dr1.pk}#why-{desk.dr1.pk}"' in page  # the flag stays
    asked = text(desk.client.get(desk.account_url, {"why": desk.dr1.pk}))
    assert "Why Dr 1" in asked
    more = LineFactory(patient=desk.smith, provider=desk.dr1, amount="5", by=desk.ana)
    other = PaymentFactory(
        patient=desk.smith, provider=desk.dr1, amount="25", by=desk.ana, on={more: "5"}
    )  # 20.00 of it covers the reversed one
    desk.reverse(other)
    assert "Why Dr 1&#x27;s credit is -25.00" in text(desk.client.get(desk.account_url))


# --- History -------------------------------------------------------------------------------------


def test_it_shows_charges_and_payments(desk: Desk) -> None:
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="45", method="card", by=desk.ana)
    page = history(desk)
    assert f'href="/invoices/{desk.line.invoice.number}/"' in page
    assert f'href="/payments/{desk.receipt.number}/"' in page
    assert "Part paid" in page
    assert "45.00 not allocated" in page
    assert "(the Balance column adds up to this)" in page
    assert f"More actions for Payment {desk.receipt.number}, cash" in page
    assert f'href="/payments/{desk.receipt.number}/reverse/"' in page
    assert f'href="/payments/{desk.receipt.number}/void/"' in page
    assert "<h1>" not in page


def test_a_reversal_stands_under_its_payment(desk: Desk) -> None:
    desk.reverse()
    page = history(desk)
    assert "Still counted on" in page
    assert "Wrong amount · Ana" in page
    assert "the -20.00 credit comes from here" in page
    assert '<span class="neg">(reversed)</span>' in page
    assert f"/payments/{desk.receipt.number}/reverse/" not in page
    assert page.index("Still counted on") < page.index("Wrong amount · Ana")


def test_a_reversal_says_what_it_un_paid(desk: Desk) -> None:
    desk.reverse(unpay=True)
    page = history(desk)
    assert "Not counted on any invoice" in page
    assert f"20.00 un-paid on {desk.line.invoice.number}" in page


def test_a_reversal_says_what_was_un_paid_since(desk: Desk) -> None:
    desk.reverse()
    ledger.unpay(by=desk.ana, payment=desk.receipt, date=day(0), reason="Un-paid after reversal")
    assert f"20.00 un-paid on {desk.line.invoice.number}" in history(desk)


def test_a_reversal_says_what_covered_it(desk: Desk) -> None:
    desk.reverse()
    cover = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="50", by=desk.ana, ago=0)
    assert f"20.00 of {desk.line.invoice.number} covered by {cover.number}" in history(desk)


def test_written_off_amounts_and_insurers_are_shown(desk: Desk) -> None:
    line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="100", by=desk.ana)
    check = InsurancePaymentFactory(amount="60", by=desk.ana, on={line: ("60", "30")})
    page = history(desk)
    assert "less 30.00 written off" in page
    assert f'href="/insurance-payments/{check.number}/"' in page


def test_deleted_payments_are_shown_on_request(desk: Desk) -> None:
    ledger.void(by=desk.ana, payment=desk.receipt, reason="Entered twice")
    assert desk.receipt.number not in history(desk)
    page = history(desk, deleted="1")
    assert f">{desk.receipt.number}</a>" in page
    assert "Deleted payment" in page


def test_filters_hide_rows_and_then_the_column_does_not_claim_to_add_up(desk: Desk) -> None:
    old = LineFactory(patient=desk.smith, provider=desk.dr1, amount="75", by=desk.ana, ago=200)
    assert "adds up to this" not in history(desk, show="charges")
    assert f">{desk.receipt.number}</a>, cash" not in history(desk, show="charges")
    assert desk.line.invoice.number + "</a> Psycho" not in history(desk, show="payments")
    recent = history(desk, period="90-days")
    assert f">{old.invoice.number}<" not in recent
    assert "1 earlier entry is not shown." in recent
    assert "adds up to this" not in recent
    dr2 = ProviderFactory(name="Dr 2")
    PaymentFactory(patient=desk.smith, provider=dr2, amount="45", by=desk.ana)
    only = history(desk, provider=dr2.pk)
    assert "-45.00" in only
    assert f">{desk.line.invoice.number}<" not in only


def test_the_filters_are_in_the_address_and_work_without_scripts(desk: Desk) -> None:
    page = text(desk.client.get(desk.account_url, {"show": "payments", "period": "year"}))
    assert 'name="show" value="payments" checked' in page
    assert '<option value="year" selected>' in page
    assert 'method="get"' in page
    assert 'hx-push-url="true"' in page


def test_the_number_of_queries_does_not_grow_with_the_history(desk: Desk) -> None:
    def ask() -> None:
        desk.client.get(desk.account_url, {"period": "all", "deleted": "1"})

    check = InsurancePaymentFactory(amount="10", by=desk.ana, on={desk.line: "10"})
    desk.reverse()
    few = queries(ask)
    for _ in range(5):
        line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="50", by=desk.ana)
        paid = PaymentFactory(
            patient=desk.smith, provider=desk.dr1, amount="20", by=desk.ana, on={line: "20"}
        )
        InsurancePaymentFactory(payer=check.payer, amount="10", by=desk.ana, on={line: "10"})
        desk.reverse(paid)
    assert queries(ask) == few


# --- Voided lines --------------------------------------------------------------------------------


def test_a_void_line_stays_with_its_correction_under_it() -> None:
    desk = seed2()
    ledger.void_line(by=desk.ana, line=desk.line, date=day(0), reason="Entered twice")
    page = text(desk.client.get(desk.account_url))
    number = desk.line.invoice.number
    assert f"{number}</a> Psychotherapy, 45 minutes</s>" in page
    assert f'Voided <a class="plainlink" href="/invoices/{number}/">{number}</a>' in page
    assert "Entered twice · Ana" in page
    assert "-50.00" in page
    assert "written off" not in page
    adds_up = sum(row.balance for row in balances.history(desk.smith))
    assert adds_up == balances.account(desk.smith, desk.dr1).net == -20


def test_credit_allocation_does_not_offer_void_lines() -> None:
    desk = seed2()
    ledger.void_line(by=desk.ana, line=desk.line, date=day(0), reason="Entered twice")
    assert f"line-{desk.line.pk}-amount" not in text(desk.client.get(desk.credit_url))


# --- What can be begun ---------------------------------------------------------------------------


def test_every_act_is_a_link_and_what_is_daily_is_beside_more_too(desk: Desk) -> None:
    page = text(desk.client.get(desk.account_url))
    row, more = page.split('<summary class="btn btn-line">More', 1)
    for path in ("refund", "sessions/new", "statements/new"):
        assert f'href="/patients/P1042/{path}/"' in row
        assert f'href="/patients/P1042/{path}/"' in more
    for path in ("transfer", "write-off", "superbills/new"):
        assert f'href="/patients/P1042/{path}/"' in more
    assert 'href="/invoices/new/?patient=P1042"' in more
    assert 'href="/patients/P1042/payments/new/"' in page


def test_who_pays_for_whom_is_among_the_facts(desk: Desk) -> None:
    assert "Pays for" not in text(desk.client.get(desk.account_url))
    kim = PatientFactory(family_name="Smith", given_name="Kim", guarantor=desk.smith)
    PatientFactory(family_name="Smith", given_name="Robin", guarantor=desk.smith)
    page = text(desk.client.get(desk.account_url))
    assert "Pays for" in page
    assert "Kim, Robin" in page
    theirs = text(desk.client.get(f"/patients/{kim.chart_number}/account/"))
    assert "Guarantor <b>" in theirs
    assert "Smith, John</a>" in theirs


# --- Every figure opens the rows it adds up from -------------------------------------------------


def balance_column(page: str) -> Decimal:
    """What the Balance column of the rows shown adds up to."""
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    cells = re.findall(r'<td class="n num strong">(?:<span class="zero">)?(-?[\d,.]+)', body)
    return sum((Decimal(cell.replace(",", "")) for cell in cells), Decimal("0.00"))


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """Two providers, credit on one, a reversed payment left on a line of the other."""
    dr2 = ProviderFactory(name="Dr 2")
    PaymentFactory(patient=desk.smith, provider=dr2, amount="45", by=desk.ana, ago=200)
    theirs = LineFactory(patient=desk.smith, provider=dr2, amount="80", ago=300, by=desk.ana)
    ledger.write_off(
        by=desk.ana,
        entries=entries({theirs: ("0", "10")}),
        kind="courtesy",
        date=day(250),
        reason="Long wait",
    )
    desk.reverse()
    return desk


def test_the_figures_lead_to_their_rows(busy: Desk) -> None:
    page = text(busy.client.get(busy.account_url))
    for name, provider in (("Dr 1", busy.dr1), ("Dr 2", ProviderFactory(name="Dr 2"))):
        assert name in page
        for show in ("open", "unallocated"):
            assert f'href="?show={show}&amp;provider={provider.pk}&amp;period=all#hist-h"' in page
        assert f'href="?provider={provider.pk}&amp;period=all#hist-h"' in page


@pytest.mark.parametrize("name", ["Dr 1", "Dr 2", ""])
def test_the_rows_add_up_to_the_figure(busy: Desk, name: str) -> None:
    accounts = balances.accounts(busy.smith)
    account = next((a for a in accounts if str(a.provider) == name), balances.total(accounts))
    only = {"provider": account.provider.pk} if account.provider else {}
    assert balance_column(history(busy, show="open", **only)) == account.invoices
    assert balance_column(history(busy, show="unallocated", **only)) == -account.credit
    assert balance_column(history(busy, **only)) == account.net
    assert "adds up to this" in history(busy, show="open", **only)
    assert "adds up to this with the other sign" in history(busy, show="unallocated", **only)


def test_only_open_charges_and_only_payments_with_credit(busy: Desk) -> None:
    open_ = history(busy, show="open")
    assert busy.line.invoice.number in open_
    assert "Reversed payment" not in open_
    free = history(busy, show="unallocated")
    assert "Reversed payment" in free
    assert "45.00 not allocated" in free
    assert "Psychotherapy" not in free


# --- Refunds and write-offs ----------------------------------------------------------------------


def test_a_refund_stands_under_its_payment_with_a_way_back() -> None:
    desk = seed2(on=None)
    RefundFactory(payment=desk.receipt, amount="15", method="card")
    page = history(desk)
    assert 'class="under">Refund of' in page
    assert "Overpaid · Ana" in page
    assert page.index("5.00 not allocated") < page.index("Refund of")
    assert f"/payments/{desk.receipt.number}/refunds/" in page
    assert balance_column(page) == Decimal("45.00")


def test_what_happened_lately_shows_an_old_entry(desk: Desk) -> None:
    """The period counts for everything that stands under an entry, not for its own day alone."""
    old = LineFactory(patient=desk.smith, provider=desk.dr1, amount="75", by=desk.ana, ago=200)
    paid = PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="9", ago=190, by=desk.ana)
    recent = history(desk, period="90-days")
    assert old.invoice.number not in recent
    assert f">{paid.number}<" not in recent
    RefundFactory(payment=paid, amount="9")
    ledger.write_off(
        by=desk.ana,
        entries=entries({old: ("0", "5")}),
        kind="courtesy",
        date=day(0),
        reason="Long wait",
    )
    recent = history(desk, period="90-days")
    assert old.invoice.number in recent
    assert f">{paid.number}<" in recent


def test_money_really_paid_back_is_never_hidden_with_a_deleted_payment() -> None:
    desk = seed2(on=None)
    RefundFactory(payment=desk.receipt, amount="20", ago=20)
    ledger.void(by=desk.ana, payment=desk.receipt, reason="Entered twice")
    PaymentFactory(patient=desk.smith, provider=desk.dr1, amount="20", by=desk.ana)
    page = history(desk)
    assert "Refund of" in page
    assert balance_column(page) == Decimal("50.00")


# --- Long histories ------------------------------------------------------------------------------


@pytest.fixture
def long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("billing.views.account.PER_PAGE", 4)
    for number in range(9):
        line = LineFactory(patient=desk.smith, provider=desk.dr1, amount="10", by=desk.ana)
        if number % 2:
            PaymentFactory(
                patient=desk.smith, provider=desk.dr1, amount="3", by=desk.ana, on={line: "3"}
            )
    return desk


def test_a_long_history_comes_in_pages_that_keep_the_filters(long: Desk) -> None:
    pages = [history(long, page=number) for number in (1, 2, 3, 4)]
    assert "1 to 4 of 15" in pages[0]
    assert "the Balance column of all pages adds up to this" in pages[0]
    total = sum((balance_column(page) for page in pages), Decimal("0.00"))
    assert total == balances.account(long.smith, long.dr1).net
    second = history(long, show="charges", provider=long.dr1.pk, deleted="1", page=2)
    previous = re.search(r'rel="prev"', second)
    assert previous
    link = re.findall(r'href="(\?[^"]*page=1[^"]*)"', second)[0]
    for part in ("show=charges", f"provider={long.dr1.pk}", "deleted=1", "period=all"):
        assert part in link
    for odd in ("x", "-1", "0", "9" * 5_000):
        assert "1 to 4 of" in history(long, page=odd) or "of 15" in history(long, page=odd)


def test_show_all_keeps_the_filters(desk: Desk) -> None:
    LineFactory(patient=desk.smith, provider=desk.dr1, ago=200, by=desk.ana)
    page = history(desk, period="90-days", show="charges", provider=desk.dr1.pk, deleted="1")
    link = re.findall(r'href="(\?[^"]*)">Show all', page)[0]
    for part in ("show=charges", f"provider={desk.dr1.pk}", "deleted=1", "period=all"):
        assert part in link


def test_a_page_costs_the_same_however_long_the_history(long: Desk) -> None:
    def ask() -> None:
        long.client.get(long.account_url, {"period": "all", "deleted": "1"})

    few = queries(ask)
    for _ in range(12):
        line = LineFactory(patient=long.smith, provider=long.dr1, amount="10", by=long.ana)
        PaymentFactory(
            patient=long.smith, provider=long.dr1, amount="3", by=long.ana, on={line: "3"}
        )
    assert queries(ask) == few
