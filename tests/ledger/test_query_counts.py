"""A verb costs a constant number of queries, and so does each sum, whatever the number of lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import balances, checks, ledger
from billing.models import Adjustment, InvoiceLine, Payment
from billing.sharing import Entry, Owes
from tests.factories import (
    InvoiceFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money

SIZES = (1, 10, 500)
MOST = 40
"""No verb needs more than this; that it stays the same is what matters."""

pytestmark = pytest.mark.django_db


class Crowd:
    """A patient with so many lines of 10.00, and a payer."""

    def __init__(self, size: int, provider: Any = None) -> None:
        self.by = OwnerFactory()
        self.patient = PatientFactory()
        self.provider = ProviderFactory(name="Dr 1")
        self.other = ProviderFactory(name="Dr 2")
        self.payer = PayerFactory()
        self.size = size
        self.ids = self.bill(provider or self.provider)

    def bill(self, provider: Any) -> list[int]:
        invoice = InvoiceFactory(
            patient=self.patient, provider=provider, amounts=["10"] * self.size
        )
        return list(invoice.lines.order_by("pk").values_list("pk", flat=True))

    def entries(self, paid: str, write_off: str = "0") -> list[Entry]:
        return [Entry(pk, money(paid), money(write_off)) for pk in self.ids]

    def patient_pays(self, entries: list[Entry] | None = None, amount: int = 10) -> Payment:
        return self.posted(
            ledger.record_payment(
                by=self.by,
                patient=self.patient,
                provider=self.provider,
                amount=money(amount * self.size),
                method="cash",
                date=day(0),
                entries=entries or (),
            )
        )

    def payer_pays(self, entries: list[Entry] | None = None, amount: int = 10) -> Payment:
        return self.posted(
            ledger.record_payment(
                by=self.by,
                payer=self.payer,
                amount=money(amount * self.size),
                method="check",
                date=day(0),
                entries=entries or (),
            )
        )

    def reverse(self, payment: Payment, *, unpay_lines: bool) -> Callable[[], object]:
        return lambda: ledger.reverse(
            by=self.by, payment=payment, date=day(0), reason="Bounced", unpay_lines=unpay_lines
        )

    @staticmethod
    def posted(posted: ledger.Posted) -> Payment:
        assert posted.payment
        return posted.payment


Prepare = Callable[[Crowd], Callable[[], object]]


def record_of_a_patient(crowd: Crowd) -> Callable[[], object]:
    return lambda: crowd.patient_pays(crowd.entries("10"))


def record_of_a_payer(crowd: Crowd) -> Callable[[], object]:
    return lambda: crowd.payer_pays(crowd.entries("7", "3"))


def record_that_releases_copays(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays(crowd.entries("4"))
    return lambda: crowd.payer_pays(crowd.entries("8", "2"))


def record_that_takes_back(crowd: Crowd) -> Callable[[], object]:
    crowd.payer_pays(crowd.entries("8", "2"))
    return lambda: crowd.payer_pays(crowd.entries("-8", "-2"), amount=0)


def record_that_covers(crowd: Crowd) -> Callable[[], object]:
    crowd.reverse(crowd.patient_pays(crowd.entries("10")), unpay_lines=False)()
    return lambda: crowd.patient_pays()


def record_on_another_providers_lines(crowd: Crowd) -> Callable[[], object]:
    crowd.ids = crowd.bill(crowd.other)
    return lambda: crowd.patient_pays(crowd.entries("10"))


def allocate_of_a_patient(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.patient_pays()
    return lambda: ledger.allocate(
        by=crowd.by, payment=payment, entries=crowd.entries("10"), date=day(0)
    )


def allocate_of_a_payer(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.payer_pays()
    return lambda: ledger.allocate(
        by=crowd.by, payment=payment, entries=crowd.entries("7", "3"), date=day(0)
    )


def _credit(crowd: Crowd, paid: str) -> Callable[[], object]:
    return lambda: ledger.allocate_credit(
        by=crowd.by,
        patient=crowd.patient,
        provider=crowd.provider,
        entries=crowd.entries(paid),
        date=day(0),
    )


def allocate_credit(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays()
    return _credit(crowd, "10")


def allocate_credit_un_paying(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays(crowd.entries("10"))
    return _credit(crowd, "-10")


def unpay_a_payment(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.patient_pays(crowd.entries("10"))
    return lambda: ledger.unpay(by=crowd.by, payment=payment, date=day(0), reason="Wrong")


def unpay_a_line_many_receipts_pay(crowd: Crowd) -> Callable[[], object]:
    invoice = InvoiceFactory(patient=crowd.patient, provider=crowd.provider, amounts=[crowd.size])
    line = invoice.lines.get()
    for _ in range(min(crowd.size, 50)):
        PaymentFactory(patient=crowd.patient, provider=crowd.provider, amount="1", on={line: "1"})
    return lambda: ledger.unpay(
        by=crowd.by,
        line=line,
        amount=money(min(crowd.size, 50)),
        date=day(0),
        reason="Wrong",
    )


def reverse_and_un_pay(crowd: Crowd) -> Callable[[], object]:
    return crowd.reverse(crowd.patient_pays(crowd.entries("10")), unpay_lines=True)


def reverse_and_leave_paid(crowd: Crowd) -> Callable[[], object]:
    return crowd.reverse(crowd.patient_pays(crowd.entries("10")), unpay_lines=False)


def reverse_and_let_other_credit_cover(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.patient_pays(crowd.entries("10"))
    crowd.patient_pays()
    return crowd.reverse(payment, unpay_lines=False)


def reverse_with_a_transfer(crowd: Crowd) -> Callable[[], object]:
    crowd.ids = crowd.bill(crowd.other)
    return crowd.reverse(crowd.patient_pays(crowd.entries("10")), unpay_lines=True)


def reverse_of_a_payer(crowd: Crowd) -> Callable[[], object]:
    return crowd.reverse(crowd.payer_pays(crowd.entries("7", "3")), unpay_lines=True)


def void(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.payer_pays(crowd.entries("7", "3"))
    return lambda: ledger.void(by=crowd.by, payment=payment, reason="Typing error")


def issue_invoice(crowd: Crowd) -> Callable[[], object]:
    draft = InvoiceFactory(
        patient=crowd.patient,
        provider=crowd.provider,
        amounts=["10"] * crowd.size,
        issued=False,
    )
    return lambda: ledger.issue_invoice(by=crowd.by, invoice=draft, date=day(0))


def record_on_the_childrens_lines(crowd: Crowd) -> Callable[[], object]:
    parent, crowd.patient = crowd.patient, PatientFactory(guarantor=crowd.patient)
    crowd.ids = crowd.bill(crowd.provider)
    crowd.patient = parent
    return lambda: crowd.patient_pays(crowd.entries("10"))


def write_off(crowd: Crowd) -> Callable[[], object]:
    return lambda: ledger.write_off(
        by=crowd.by,
        entries=crowd.entries("0", "10"),
        kind="bad_debt",
        date=day(0),
        reason="Moved away",
    )


def undo_write_off(crowd: Crowd) -> Callable[[], object]:
    write_off(crowd)()
    adjustment = Adjustment.objects.get(line=crowd.ids[0])
    return lambda: ledger.undo_write_off(
        by=crowd.by, adjustment=adjustment, date=day(0), reason="Paid after all"
    )


def refund_that_un_pays(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.patient_pays(crowd.entries("10"))
    return lambda: ledger.refund(
        by=crowd.by,
        payment=payment,
        amount=money(10 * crowd.size),
        method="cash",
        date=day(0),
        reason="Asked",
        unpay=crowd.entries("10"),
    )


def issue_many_invoices(crowd: Crowd) -> Callable[[], object]:
    drafts = [
        InvoiceFactory(patient=crowd.patient, provider=crowd.provider, issued=False)
        for _ in range(crowd.size)
    ]
    return lambda: ledger.issue_invoices(by=crowd.by, invoices=drafts, date=day(0))


def _void(crowd: Crowd) -> Callable[[], object]:
    lines = list(InvoiceLine.objects.filter(pk__in=crowd.ids))
    return lambda: ledger.void_lines(by=crowd.by, lines=lines, date=day(0), reason="Twice")


def void_lines(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays(crowd.entries("4"))
    return _void(crowd)


def void_lines_that_cover(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays(crowd.entries("4"))
    void = _void(crowd)
    crowd.ids = crowd.bill(crowd.provider)
    crowd.reverse(crowd.patient_pays(crowd.entries("4")), unpay_lines=False)()
    return void


def deposit(crowd: Crowd) -> Callable[[], object]:
    payments = [
        PaymentFactory(patient=crowd.patient, provider=crowd.provider, amount="1")
        for _ in range(crowd.size)
    ]
    return lambda: ledger.deposit(by=crowd.by, payments=payments, date=day(0))


def accounts(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays(crowd.entries("5"))
    return lambda: balances.accounts(crowd.patient)


def history(crowd: Crowd) -> Callable[[], object]:
    crowd.reverse(crowd.patient_pays(crowd.entries("2")), unpay_lines=False)()
    crowd.payer_pays(crowd.entries("5"))
    return lambda: [
        (str(row.provider), str(row.payment), row.pays) if row.payment else str(row.line)
        for row in balances.history(crowd.patient, deleted=True)
    ]


def history_of_many_payments(crowd: Crowd) -> Callable[[], object]:
    for _ in range(min(crowd.size, 50)):
        payment = PaymentFactory(patient=crowd.patient, provider=crowd.provider, amount="1")
        crowd.reverse(payment, unpay_lines=True)()
    return lambda: [str(row.payment) for row in balances.history(crowd.patient)]


def paid_by(crowd: Crowd) -> Callable[[], object]:
    crowd.patient_pays(crowd.entries("5"))
    crowd.payer_pays(crowd.entries("5"))
    return lambda: [
        str(link.payment.received_from)
        for links in balances.paid_by(crowd.ids).values()
        for link in links
    ]


def effects_of_undoing(crowd: Crowd) -> Callable[[], object]:
    payment = crowd.patient_pays(crowd.entries("10"))
    return lambda: balances.effects_of_undoing(payment)


def line_states(crowd: Crowd) -> Callable[[], object]:
    crowd.payer_pays(crowd.entries("5"))
    lines = list(InvoiceLine.objects.filter(pk__in=crowd.ids))
    return lambda: balances.line_states(lines, crowd.payer)


STORIES: list[Prepare] = [
    record_of_a_patient,
    record_of_a_payer,
    record_that_releases_copays,
    record_that_takes_back,
    record_that_covers,
    record_on_another_providers_lines,
    allocate_of_a_patient,
    allocate_of_a_payer,
    allocate_credit,
    allocate_credit_un_paying,
    unpay_a_payment,
    unpay_a_line_many_receipts_pay,
    reverse_and_un_pay,
    reverse_and_leave_paid,
    reverse_and_let_other_credit_cover,
    reverse_with_a_transfer,
    reverse_of_a_payer,
    void,
    issue_invoice,
    record_on_the_childrens_lines,
    write_off,
    undo_write_off,
    refund_that_un_pays,
    issue_many_invoices,
    void_lines,
    void_lines_that_cover,
    deposit,
    accounts,
    history,
    history_of_many_payments,
    paid_by,
    effects_of_undoing,
    line_states,
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_as_many_queries_for_500_lines_as_for_one(story: Prepare) -> None:
    counts = {}
    for size in SIZES:
        act = story(Crowd(size))
        with CaptureQueriesContext(connection) as queries:
            act()
        counts[size] = len(queries)
    assert len(set(counts.values())) == 1, counts
    assert counts[1] <= MOST


def test_the_checks_of_the_books_cost_the_same_for_any_number_of_rows() -> None:
    counts = []
    for size in (1, 200):
        crowd = Crowd(size)
        crowd.patient_pays(crowd.entries("5"))
        with CaptureQueriesContext(connection) as queries:
            assert checks.run_all() == []
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_check_over_500_lines_is_posted_in_so_few_statements() -> None:
    """Beside its savepoint: the form's key, what is looked at and locked (the closing date, the
    payer, its earlier check, whose lines, patients, receipts, lines, policies), the number, four
    kinds of rows, who owes the rest, the totals read back and the payment named on the form.
    """
    crowd = Crowd(500)
    with CaptureQueriesContext(connection) as queries:
        ledger.record_payment(
            by=crowd.by,
            payer=crowd.payer,
            amount=money(3500),
            method="check",
            reference="104432",
            date=day(0),
            entries=[
                Entry(
                    pk,
                    money("7"),
                    money("2"),
                    owes=(Owes("copay", money("1")),),
                    codes="CO-45",
                )
                for pk in crowd.ids
            ],
            key=uuid4(),
        )
    # Six tables are read back to be sealed, then the chain's end, and its new link.
    savepoint, sealing = 2, 6 + 2
    locks = 2 if connection.vendor == "postgresql" else 0  # the closing date, the chain's end
    assert len(queries) == 18 + savepoint + sealing + locks


def test_a_form_is_claimed_in_one_statement() -> None:
    crowd = Crowd(1)
    counts = []
    for key in (None, uuid4()):
        with CaptureQueriesContext(connection) as queries:
            ledger.record_payment(
                by=crowd.by,
                payer=crowd.payer,
                amount=money(10),
                method="check",
                date=day(0),
                key=key,
            )
        counts.append(len(queries))
    # Its key, the payment that was written under it, and reading it back to be sealed.
    assert counts[1] == counts[0] + 3
