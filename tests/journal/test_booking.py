"""What each row is booked on, and that the accounts are what the books say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import balances, journal, ledger
from billing.models import ClosingDate, InvoiceLine, LedgerAccount, Offset, Payment
from billing.models.journal import STANDARD
from billing.sharing import OffsetEntry
from billing.tie_out import tie_out
from tests.factories import (
    AllocationFactory,
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
    RefundFactory,
    TransferFactory,
)
from tests.factories.bills import day, entries, money
from tests.journal.reading import booked, by_path, from_the_books, names, scope_and_chart, texts
from tests.ledger.every_verb import EVERY_VERB, Verb, clinic
from tests.reports.asking import ask

pytestmark = pytest.mark.django_db


def said(**what: Any) -> list[tuple[str, str, str, str, Decimal]]:
    """(what, document, debit, credit, amount) of each entry."""
    return [
        (each.what, each.document, each.debit.name, each.credit.name, each.amount)
        for each in booked(**what)
    ]


RECEIVABLE = "Accounts receivable"
PATIENTS, INSURERS = "Unallocated credit: Patients", "Unallocated credit: Insurers"


def test_the_story_of_a_payment_that_is_reversed_and_unpaid() -> None:
    """Worked example 2 of docs/money.md."""
    by, smith, dr1 = OwnerFactory(), PatientFactory(), ProviderFactory(name="Dr 1")
    line = LineFactory(patient=smith, provider=dr1, amount="50", ago=40)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", ago=30)
    AllocationFactory(payment=receipt, line=line, amount="20", ago=20)
    ledger.reverse(by=by, payment=receipt, date=day(10), reason="Bounced", unpay_lines=False)
    ledger.unpay(by=by, line=line, amount=money(20), date=day(5), reason="Bounced")
    fees = "Professional fees: Dr 1"
    assert said() == [
        ("charge", "INV-0001", RECEIVABLE, fees, 50),
        ("receipt", "R-0001", "Cash: Cash", PATIENTS, 20),
        ("allocation", "R-0001", PATIENTS, RECEIVABLE, 20),
        ("reversal", "R-0001", PATIENTS, "Cash: Cash", 20),
        ("unpay", "R-0001", RECEIVABLE, PATIENTS, 20),
    ]
    invoices_credit = [
        (50, 0), (50, 20), (30, 20 - 20), (30, -20), (50, 0)
    ]  # fmt: skip
    for ago, (invoices, credit) in zip((40, 30, 20, 10, 5), invoices_credit, strict=True):
        scope, chart = scope_and_chart(last=day(ago))
        trial = journal.trial(scope, chart)
        assert trial.balance(chart.account("receivable")) == invoices
        assert trial.balance(chart.account("credit:patients")) == -credit


def to_another_provider(amount: str) -> Payment:
    """The row that a transfer paid in, of 60.00 that came by card."""
    receipt = PaymentFactory(amount="60", method="card", ago=20)
    return TransferFactory(payment=receipt, amount=amount, ago=10)


def test_a_transfer_is_in_transit_for_no_day_and_moves_no_cash() -> None:
    by = OwnerFactory()
    moved = to_another_provider("10")
    ledger.reverse(by=by, payment=moved.original, date=day(5), reason="Right after all")
    transit = "Transfers in transit"
    assert said(first=day(10)) == [
        ("transfer_out", "R-0001", PATIENTS, transit, 10),
        ("transfer_in", "T-0001", transit, PATIENTS, 10),
        ("reversal", "T-0001", PATIENTS, transit, 10),
        ("reversal", "R-0001", transit, PATIENTS, 10),
    ]
    for ago in (10, 5):
        trial = journal.trial(*scope_and_chart(first=day(ago), last=day(ago)))
        [account] = [each for each in trial.accounts if each.account.name == transit]
        assert (account.debit, account.credit, account.balance) == (10, 10, 0)


def test_a_refund_goes_out_by_its_own_method_and_comes_back_the_same_way() -> None:
    by = OwnerFactory()
    receipt = PaymentFactory(amount="60", method="card", ago=20)
    refund = RefundFactory(payment=receipt, amount="10", method="check", ago=10)
    ledger.reverse(by=by, payment=refund, date=day(5), reason="Never cashed")
    assert said(first=day(10)) == [
        ("refund", "R-0001", PATIENTS, "Cash: Check", 10),
        ("reversal", "R-0001", "Cash: Check", PATIENTS, 10),
    ]


def test_a_refund_of_credit_that_was_transferred_is_paid_out_like_any() -> None:
    """It is drawn from the transfer's row, but money leaves."""
    by = OwnerFactory()
    moved = to_another_provider("30")
    refund = RefundFactory(payment=moved, amount="10", method="check", ago=5)
    assert said(first=day(5)) == [("refund", "T-0001", PATIENTS, "Cash: Check", 10)]
    assert tie_out(balances.AsOf(day(0))).holds
    today = balances.takings(day(5))
    assert [(each.label, each.amount) for each in today.undone] == [("Refunded", -10)]
    for first, last, net in ((5, 5, -10), (10, 0, -10), (20, 0, 50), (30, 6, 60)):
        period = f"from={day(first)}&to={day(last)}"
        assert ask("takings", period).totals["net"] == net
        received = ask("payments-received", period)
        assert received.totals["net"] == net
        assert received.check(received.totals).holds
    assert balances.roll_forward(day(5), day(5)).difference == 0
    ledger.reverse(by=by, payment=refund, date=day(3), reason="Never cashed")
    assert tie_out(balances.AsOf(day(0))).holds


OFFSETS = [
    ("WO", "40", "Payer offsets", INSURERS),
    ("FB", "-40", INSURERS, "Payer offsets"),
    ("72", "40", "Payer offsets", INSURERS),
    ("L6", "-40", INSURERS, "Interest income"),
    ("LE", "40", "Payer fees", INSURERS),
    ("BN", "-40", INSURERS, "Other payer income"),
    ("CS", "40", "Offsets to look at", INSURERS),
    ("ZZ", "40", "Offsets to look at", INSURERS),
]


@pytest.mark.parametrize(("code", "amount", "debit", "credit"), OFFSETS)
def test_an_offset_is_booked_by_what_its_code_means(
    code: str, amount: str, debit: str, credit: str
) -> None:
    ledger.record_payment(
        by=OwnerFactory(),
        payer=PayerFactory(),
        amount=money(100),
        method="eft",
        reference="EFT-1",
        date=day(1),
        entries=entries({LineFactory(amount="200"): money(100) + money(amount)}),
        offsets=[OffsetEntry(code, money(amount), "ICN-1")],
    )
    [entry] = [each for each in booked() if each.what == "offset"]
    assert (entry.document, entry.amount) == ("IP-0001", 40)
    assert (entry.debit.name, entry.credit.name) == (debit, credit)
    assert by_path() == from_the_books()


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("courtesy", "Courtesy"),
        ("small_balance", "Small balance"),
        ("bad_debt", "Bad debt"),
        ("correction", "Correction"),
    ],
)
def test_an_adjustment_takes_income_back_by_its_kind(kind: str, label: str) -> None:
    line = LineFactory()
    ledger.adjust(
        by=OwnerFactory(), line=line, amount=money(2), kind=kind, date=day(1), reason="Hardship"
    )
    [entry] = [each for each in booked() if each.what == "adjustment"]
    assert (entry.document, entry.invoice) == (line.invoice.number, line.invoice.number)
    assert (entry.debit.name, entry.credit.name) == (f"Adjustments: {label}", RECEIVABLE)


def test_every_verb_leaves_accounts_that_are_what_the_books_say() -> None:
    done = clinic()
    assert by_path() == from_the_books()
    for act in EVERY_VERB.values():
        try:
            act(done, date=day(0))
        except ledger.LedgerError:  # another verb was here before
            continue
        assert by_path() == from_the_books()


@pytest.mark.parametrize("act", EVERY_VERB.values(), ids=EVERY_VERB)
def test_each_verb_alone_too(act: Verb) -> None:
    done = clinic()
    act(done, date=day(0))
    assert by_path() == from_the_books()
    chart = journal.Chart.current()
    trial = journal.trial(journal.Scope(), chart)
    assert trial.balance(chart.account("transit")) == 0
    owed = balances.total(
        [each for who in {line.patient for line in InvoiceLine.objects.all()}
         for each in balances.accounts(who)]
    )  # fmt: skip
    assert trial.balance(chart.account("receivable")) == owed.invoices
    assert trial.balance(chart.account("credit:patients")) == -owed.credit


def test_entries_and_sums_say_the_same() -> None:
    done = clinic()
    EVERY_VERB["reverse of a payer"](done, date=day(0))
    sums: dict[str, Decimal] = {}
    for each in booked():
        assert each.amount > 0
        sums[each.debit.path] = sums.get(each.debit.path, Decimal(0)) + each.amount
        sums[each.credit.path] = sums.get(each.credit.path, Decimal(0)) - each.amount
    assert {path: amount for path, amount in sums.items() if amount} == by_path()
    assert len(booked()) == journal.trial(*scope_and_chart()).count


def test_entries_come_by_date_kind_and_id_and_a_page_is_a_part_of_them() -> None:
    clinic()
    everything = booked()
    kinds = ["line", "payment", "allocation", "adjustment", "offset"]
    order = [(each.date, kinds.index(each.source), each.row) for each in everything]
    assert order == sorted(order)
    assert journal.page(*scope_and_chart(), start=2, size=3) == everything[2:5]


def test_takings_are_what_the_cash_accounts_got() -> None:
    for method, amount in (("cash", "20"), ("card", "30"), ("card", "5"), ("check", "7")):
        PaymentFactory(amount=amount, method=method, ago=0)
    InsurancePaymentFactory(amount="100", method="eft", ago=0)
    cash = {
        each.account.name: each.balance
        for each in journal.trial(*scope_and_chart(first=day(0), last=day(0))).accounts
        if each.account.path.startswith("Assets:10")
    }
    takings = balances.takings(day(0)).methods
    assert cash == {f"Cash: {taking.label}": taking.amount for taking in takings}


# --- Closed periods ------------------------------------------------------------------------------


def test_a_closed_periods_journal_never_changes() -> None:
    by, dr1, payer = OwnerFactory(), ProviderFactory(), PayerFactory()
    smith = PatientFactory()
    line, other = (LineFactory(patient=smith, provider=dr1, amount="50", ago=40) for _ in range(2))
    insured = LineFactory(amount="90", ago=40, owed_by=payer)
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=35, on={line: "20"})
    kept = PaymentFactory(patient=smith, provider=dr1, ago=35, on={other: "20"})
    check = InsurancePaymentFactory(payer=payer, amount="70", ago=33, on={insured: ("70", "5")})
    ClosingDate.objects.create(closed_through=day(30), created_by=by)
    what = {"first": day(45), "last": day(30)}
    before = texts(**what)
    assert len(names(**what)) == 10
    ledger.reverse(by=by, payment=receipt, date=day(3), reason="Bounced")
    ledger.unpay(by=by, payment=kept, date=day(3), reason="Wrong line")
    ledger.reverse(by=by, payment=check, date=day(2), reason="Bounced")
    ledger.void_line(by=by, line=other, date=day(1), reason="Never happened")
    ledger.adjust(
        by=by, line=line, amount=money(5), kind="bad_debt", date=day(0), reason="Not collectable"
    )
    ledger.make_journal_batch(by=by, through=day(0))
    assert texts(**what) == before
    assert by_path() == from_the_books()


# --- The chart of accounts -----------------------------------------------------------------------


def test_every_kind_of_row_has_its_account() -> None:
    assert set(LedgerAccount.objects.values_list("key", flat=True)) == set(STANDARD)


def test_an_account_that_is_missing_comes_back_and_the_others_stay() -> None:
    LedgerAccount.objects.filter(key="transit").delete()
    LedgerAccount.objects.filter(key="receivable").update(name="Debtors", number="1190")
    LedgerAccount.objects.complete()
    assert LedgerAccount.objects.get(key="transit").number == "1190X"
    assert LedgerAccount.objects.get(key="receivable").name == "Debtors"
    assert LedgerAccount.objects.count() == len(STANDARD)


def test_a_provider_may_have_an_account_of_their_own() -> None:
    dr1, dr2 = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
    for provider in (dr1, dr2):
        LineFactory(provider=provider, amount="50")
    LedgerAccount.objects.create(provider=dr1, number="4010", name="Fees of Dr 1", type="income")
    general = f"Income:4000-Professional-fees:{dr2.pk}-Dr-2"
    assert by_path() == {
        "Assets:1100-Accounts-receivable": 100,
        "Income:4010-Fees-of-Dr-1": -50,
        general: -50,
    }
    numbers = {each.credit.number for each in booked()}
    assert numbers == {"4010", f"4000-{dr2.pk}"}


def test_it_knows_every_offset_code_there_is() -> None:
    """SQL's rule is Python's: Offset.kind."""
    chart = journal.Chart.current()
    for code, *_rest in OFFSETS:
        assert chart.account(f"offset:{Offset(code=code).kind}").name in {
            name for row in OFFSETS if row[0] == code for name in row[2:]
        }


def test_the_method_of_what_undoes_is_that_of_what_it_undoes() -> None:
    receipt = PaymentFactory(method="card", ago=5)
    ledger.void(by=OwnerFactory(), payment=receipt, reason="Typing error")
    assert [(each.debit.name, each.credit.name) for each in booked()] == [
        ("Cash: Card", PATIENTS),
        (PATIENTS, "Cash: Card"),
    ]
    assert Payment.objects.filter(kind="void").exists()
