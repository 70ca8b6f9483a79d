"""Two desks at once, with real threads on a real PostgreSQL.

Where the order matters, a gate holds one desk inside its verb until the other one waits for its
lock; so no test depends on luck.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from billing import balances, charging, checks, documents, ledger
from billing.models import Allocation, Clinic, Document, Invoice, InvoiceLine, Payment, Submission
from billing.sharing import Entry
from patients.models import Patient, Session
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import figures, free, owing, paying, transfers
from tests.ledger.test_drafting import visit

pytestmark = pytest.mark.django_db(transaction=True)

LONG = 20


@pytest.fixture(autouse=True)
def the_books_hold_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    assert checks.run_all() == []


class Desks:
    """Threads, each with a connection of its own, and what became of them."""

    def __init__(self, number: int) -> None:
        self.pool = ThreadPoolExecutor(number)
        self.futures: list[Future[Any]] = []

    def start(self, act: Callable[[], Any]) -> Future[Any]:
        def with_own_connection() -> Any:
            try:
                return act()
            finally:
                connection.close()

        future = self.pool.submit(with_own_connection)
        self.futures.append(future)
        return future

    def outcomes(self) -> list[Any]:
        """What each gave back, or the error it ended with; a hanging desk fails the test."""
        return [
            error if (error := future.exception(LONG)) else future.result()
            for future in self.futures
        ]


@pytest.fixture
def desks() -> Iterator[Desks]:
    found = Desks(10)
    yield found
    found.pool.shutdown(wait=True, cancel_futures=True)


def at_the_same_time(desks: Desks, *acts: Callable[[], Any]) -> list[Any]:
    """All start at one signal. (More than the pool has connections for take turns.)"""
    gate = threading.Barrier(len(acts))

    def after_the_signal(act: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            gate.wait(LONG)
            return act()

        return run

    for act in acts:
        desks.start(after_the_signal(act))
    return desks.outcomes()


def wait_until_somebody_waits() -> None:
    """Until another connection of this database waits for a lock."""
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("nobody came to wait")


@contextmanager
def holding(patient: Patient) -> Iterator[None]:
    """This desk is in the middle of a verb on the patient; others have to wait."""
    with transaction.atomic():
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        yield


def refusals(outcomes: list[Any]) -> list[str]:
    errors = [each for each in outcomes if isinstance(each, BaseException)]
    for error in errors:
        assert isinstance(error, ledger.LedgerError), repr(error)
    return [str(error) for error in errors]


# --- The last 50 ---------------------------------------------------------------------------------


def test_two_desks_allocate_the_last_50_and_exactly_one_wins(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    lines = [LineFactory(patient=patient, provider=provider, amount="50") for _ in range(2)]
    receipt = PaymentFactory(patient=patient, provider=provider, amount="50")

    def allocate(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate(
            by=by, payment=receipt, entries=entries({line: "50"}), date=day(0)
        )

    told = refusals(at_the_same_time(desks, *map(allocate, lines)))
    assert told == ["$50.00 too much is allocated. Lower some lines or correct Amount."]
    assert figures(patient, provider) == (50, 0, 50)
    assert free(receipt) == 0


def test_two_desks_use_the_last_50_of_an_accounts_credit(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    lines = [LineFactory(patient=patient, provider=provider, amount="50") for _ in range(2)]
    PaymentFactory(patient=patient, provider=provider, amount="50")

    def pay(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate_credit(
            by=by,
            patient=patient,
            provider=provider,
            entries=entries({line: "50"}),
            date=day(0),
        )

    told = refusals(at_the_same_time(desks, *map(pay, lines)))
    assert told == ["50.00 more than the credit available."]
    assert figures(patient, provider) == (50, 0, 50)


def test_two_desks_pay_the_last_50_of_one_line(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    line = LineFactory(patient=patient, provider=provider, amount="50")

    def pay() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            patient=patient,
            provider=provider,
            amount=money(50),
            method="cash",
            date=day(0),
            entries=entries({line: "50"}),
        )

    assert refusals(at_the_same_time(desks, pay, pay)) == ["This line only owes 0.00."]
    assert owing(line) == (50, 0)
    assert Payment.objects.count() == 1


def test_two_desks_put_one_check_on_lines_of_different_patients(desks: Desks) -> None:
    """No patient is locked by both; the check itself is."""
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(2)]
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="50")

    def allocate(line: Any) -> Callable[[], Any]:
        return lambda: ledger.allocate(
            by=by, payment=check, entries=entries({line: "50"}), date=day(0)
        )

    told = refusals(at_the_same_time(desks, *map(allocate, lines)))
    assert told == ["$50.00 too much is allocated. Lower some lines or correct Amount."]
    assert free(check) == 0


def test_a_refund_and_an_allocation_of_the_last_50(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    line = LineFactory(patient=patient, provider=provider, amount="50")
    receipt = PaymentFactory(patient=patient, provider=provider, amount="50")
    outcomes = at_the_same_time(
        desks,
        lambda: ledger.allocate(by=by, payment=receipt, entries=entries({line: "50"}), date=day(0)),
        lambda: ledger.refund(
            by=by, payment=receipt, amount=money(50), method="cash", date=day(0), reason="Asked"
        ),
    )
    assert len(refusals(outcomes)) == 1
    assert free(receipt) == 0


# --- Reversals -----------------------------------------------------------------------------------


def test_two_desks_reverse_one_payment_and_the_second_is_told(desks: Desks) -> None:
    ana = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    receipt = PaymentFactory(patient=line.patient, provider=line.provider, on={line: "20"})

    def reverse() -> ledger.Posted:
        fresh = Payment.objects.get(pk=receipt.pk)
        return ledger.reverse(by=ana, payment=fresh, date=day(0), reason="Bounced")

    (told,) = refusals(at_the_same_time(desks, reverse, reverse))
    assert told.startswith("This payment was already reversed at ")
    assert told.endswith(" by Ana.")
    assert Payment.objects.filter(kind="reversal").count() == 1
    assert owing(line) == (0, 100)


def test_crossing_reversals_of_two_checks_do_not_deadlock(desks: Desks) -> None:
    """Each check pays lines of all patients, in opposite order."""
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(6)]
    checks_ = [
        InsurancePaymentFactory(payer=PayerFactory(), amount="240", on=dict.fromkeys(order, "40"))
        for order in (lines, lines[::-1])
    ]

    def reverse(payment: Payment) -> Callable[[], Any]:
        return lambda: ledger.reverse(by=by, payment=payment, date=day(0), reason="Bounced")

    assert refusals(at_the_same_time(desks, *map(reverse, checks_))) == []
    assert [owing(line) for line in lines] == [(0, 100)] * 6


def test_crossing_transfers_between_two_patients_do_not_deadlock(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    patients = [PatientFactory(), PatientFactory()]
    receipts = [PaymentFactory(patient=each, provider=provider, amount="100") for each in patients]

    def transfer(source: Payment, to: Patient) -> Callable[[], Any]:
        return lambda: ledger.transfer(
            by=by,
            payment=source,
            amount=money(10),
            patient=to,
            provider=provider,
            date=day(0),
            reason="Family",
        )

    acts = [transfer(receipts[n % 2], patients[1 - n % 2]) for n in range(8)]
    assert refusals(at_the_same_time(desks, *acts)) == []
    assert [figures(each, provider)[1] for each in patients] == [100, 100]


def test_every_verb_at_once_on_two_patients_ends_without_a_deadlock(desks: Desks) -> None:
    by, payer = OwnerFactory(), PayerFactory()
    patients = [PatientFactory(), PatientFactory()]
    providers = [ProviderFactory(), ProviderFactory()]
    lines = [
        LineFactory(patient=patient, provider=provider, amount="1000")
        for patient in patients
        for provider in providers
    ]

    def a_busy_minute(number: int) -> Callable[[], Any]:
        mine = lines if number % 2 else lines[::-1]

        def work() -> None:
            for turn in range(4):
                line = mine[turn]
                check = ledger.record_payment(
                    by=by,
                    payer=payer,
                    amount=money(40),
                    method="check",
                    date=day(0),
                    entries=entries(dict.fromkeys(mine, "10")),
                ).payment
                receipt = ledger.record_payment(
                    by=by,
                    patient=line.patient,
                    provider=line.provider,
                    amount=money(30),
                    method="cash",
                    date=day(0),
                    entries=entries({line: "20"}),
                ).payment
                assert check
                assert receipt
                for payment in (check, receipt):
                    ledger.reverse(
                        by=by,
                        payment=payment,
                        date=day(0),
                        reason="Bounced",
                        unpay_lines=bool(turn % 2),
                    )

        return work

    assert refusals(at_the_same_time(desks, *(a_busy_minute(n) for n in range(4)))) == []


def test_a_transfer_pair_written_while_a_reversal_waits_is_reversed_with_it(
    desks: Desks,
) -> None:
    """R5 and Reversing: transfers made from it are reversed first, however late they came."""
    by, patient = OwnerFactory(), PatientFactory()
    dr1, dr2 = ProviderFactory(name="Dr 1"), ProviderFactory(name="Dr 2")
    theirs = LineFactory(patient=patient, provider=dr2, amount="70")
    receipt = PaymentFactory(patient=patient, provider=dr1, amount="100")
    with holding(patient):
        desks.start(
            lambda: ledger.reverse(
                by=by,
                payment=Payment.objects.get(pk=receipt.pk),
                date=day(0),
                reason="Bounced",
            )
        )
        wait_until_somebody_waits()
        ledger.allocate(by=by, payment=receipt, entries=entries({theirs: "60"}), date=day(0))
    assert refusals(desks.outcomes()) == []
    assert [undone for *_rest, undone in transfers(patient)] == [True, True]
    assert figures(patient, dr1) == (0, 0, 0)
    assert figures(patient, dr2) == (70, 0, 70)


def test_a_line_allocated_while_a_checks_reversal_waits_is_never_left_paid(
    desks: Desks,
) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    first, later = (LineFactory(patient=PatientFactory(), provider=provider) for _ in range(2))
    copay = PaymentFactory(patient=later.patient, provider=provider, on={later: "20"})
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="150", on={first: "50"})
    with holding(first.patient):
        desks.start(
            lambda: ledger.reverse(
                by=by, payment=Payment.objects.get(pk=check.pk), date=day(0), reason="Bounced"
            )
        )
        wait_until_somebody_waits()
        ledger.allocate(by=by, payment=check, entries=entries({later: ("90", "10")}), date=day(0))
    told = refusals(desks.outcomes())
    if told:  # it may be told to look again; then nothing was undone, and the second try does it
        assert told == ["Someone else used this payment just now. Look at it and try again."]
        assert (owing(first), owing(later)) == ((50, 50), (90, 0))
        check.refresh_from_db()
        ledger.reverse(by=by, payment=check, date=day(0), reason="Bounced")
    assert (owing(first), owing(later)) == ((0, 100), (0, 100))
    assert (free(check), free(copay)) == (0, 20)
    assert balances.adjustments_with(check) == 0


def test_a_screen_drawn_before_another_desk_saved_is_stale(desks: Desks) -> None:
    by, payer = OwnerFactory(), PayerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    seen = line.seen
    with holding(line.patient):
        desks.start(
            lambda: ledger.record_payment(
                by=by,
                payer=payer,
                amount=money(60),
                method="check",
                date=day(0),
                entries=[Entry(line.pk, money(60), seen=seen)],
            )
        )
        wait_until_somebody_waits()
        ledger.adjust(
            by=by, line=line, amount=money(5), kind="courtesy", date=day(0), reason="Hardship"
        )
    (told,) = refusals(desks.outcomes())
    assert told.startswith("Someone else changed this session at ")
    assert owing(line) == (0, 95)


# --- R10: once -----------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["patient", "payer"])
def test_r10_the_same_form_sent_ten_times_at_once_posts_once(desks: Desks, whose: str) -> None:
    by, key, payer = OwnerFactory(), uuid4(), PayerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    who: dict[str, Any] = {"payer": payer, "reference": "104482"}
    if whose == "patient":
        who = {"patient": line.patient, "provider": line.provider}

    def send() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            **who,
            amount=money(60),
            method="check",
            date=day(0),
            entries=entries({line: "50"}),
            key=key,
        )

    outcomes = at_the_same_time(desks, *[send] * 10)
    assert refusals(outcomes) == []
    payment = Payment.objects.get()
    assert {each.payment for each in outcomes} == {payment}
    assert sorted(each.replayed for each in outcomes) == [False] + [True] * 9
    assert Submission.objects.count() == Allocation.objects.count() == 1
    assert paying(line) == {payment.number: 50}


def test_r10_ten_copies_of_a_form_that_is_refused_are_all_refused(desks: Desks) -> None:
    by, key = OwnerFactory(), uuid4()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="10")

    def send() -> ledger.Posted:
        return ledger.record_payment(
            by=by,
            patient=line.patient,
            provider=line.provider,
            amount=money(60),
            method="cash",
            date=day(0),
            entries=entries({line: "50"}),
            key=key,
        )

    told = refusals(at_the_same_time(desks, *[send] * 10))
    assert told == ["This line only owes 10.00."] * 10
    assert not Submission.objects.exists()


@pytest.mark.parametrize("written", [("104482", "104482"), ("eft-7a", "EFT-7A")])
def test_r10_two_identical_checks_at_once_one_is_refused_with_a_sentence(
    desks: Desks, written: tuple[str, str]
) -> None:
    by, payer = OwnerFactory(), PayerFactory(name="BlueRiver Health")
    # Somebody is just taking the number, so that both come as far as they can.
    InsurancePaymentFactory(payer=payer, reference="1", amount="1")

    def enter(reference: str) -> Callable[[], Any]:
        return lambda: ledger.record_payment(
            by=by,
            payer=payer,
            amount=money(60),
            method="check",
            reference=reference,
            date=day(0),
        )

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM billing_numberseries FOR UPDATE")
        for reference in written:
            desks.start(enter(reference))
        wait_until_somebody_waits()
        time.sleep(0.3)
    (told,) = refusals(desks.outcomes())
    assert told.startswith("Check ")
    assert " from BlueRiver Health was already entered on " in told
    assert Payment.objects.filter(amount=money(60)).count() == 1


# --- Numbers -------------------------------------------------------------------------------------


def test_numbers_given_at_once_have_no_gap_and_no_double(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    drafts = [
        InvoiceFactory(patient=PatientFactory(), provider=provider, issued=False) for _ in range(8)
    ]

    def issue(draft: Any) -> Callable[[], Any]:
        return lambda: ledger.issue_invoice(by=by, invoice=draft, date=day(0))

    assert refusals(at_the_same_time(desks, *map(issue, drafts))) == []
    numbers = sorted(str(draft.number) for draft in drafts)
    assert numbers == [f"INV-{n:04d}" for n in range(1, 9)]


def test_one_invoice_issued_by_two_desks_has_one_number(desks: Desks) -> None:
    by = OwnerFactory()
    draft = InvoiceFactory(patient=PatientFactory(), provider=ProviderFactory(), issued=False)

    def issue() -> ledger.Posted:
        return ledger.issue_invoice(
            by=by, invoice=type(draft).objects.get(pk=draft.pk), date=day(0)
        )

    (told,) = refusals(at_the_same_time(desks, issue, issue))
    assert told.startswith("INV-0001 was already issued on ")


# --- Documents -----------------------------------------------------------------------------------


def test_desks_that_print_the_same_at_once_get_one_document(desks: Desks) -> None:
    line, by = LineFactory(), OwnerFactory()

    def print_it() -> tuple[str, bytes]:
        with transaction.atomic():
            documents.hold([line.patient_id])
            draft = documents.invoice(Clinic.current(), line.invoice)
            issued = documents.issue(draft, by=by)
        return issued.number, documents.pdf_of(issued)

    outcomes = at_the_same_time(desks, *[print_it] * 6)
    assert len(set(outcomes)) == 1, outcomes
    assert Document.objects.count() == 1


def test_a_batch_and_a_desk_that_takes_money_wait_for_each_other_at_most(desks: Desks) -> None:
    lines, by = [LineFactory() for _ in range(5)], OwnerFactory()
    batch = documents.Batch(
        by=by, patients=[line.patient_id for line in lines], first=None, last=day(0)
    )

    def pay(line: InvoiceLine) -> Any:
        return PaymentFactory(
            patient=line.patient, provider=line.provider, amount="20", on={line: "20"}
        )

    def make() -> Any:
        return list(batch.make())

    check = lines[0], lines[4]
    at_the_same_time(
        desks,
        make,
        *[lambda line=line: pay(line) for line in lines],
        lambda: InsurancePaymentFactory(amount="20", on=dict.fromkeys(check, "10")),
    )
    for document in Document.objects.all():
        [part] = document.data["parts"]
        assert part["closing"] in {"100.00", "90.00", "80.00", "70.00"}
    assert batch.saved.documents.count() == 5


# --- Voided lines, write-offs, refunds, deposits -------------------------------------------------


def void_line(by: Any, line: Any) -> Callable[[], Any]:
    return lambda: ledger.void_line(by=by, line=line, date=day(0), reason="Billed twice")


def deposit(by: Any, *payments: Payment) -> Callable[[], Any]:
    return lambda: ledger.deposit(by=by, payments=payments, date=day(0))


@pytest.mark.parametrize("first", ["void_line", "allocate"])
def test_a_line_is_voided_while_another_desk_pays_it(desks: Desks, first: str) -> None:
    """Paid first, the money is credit again; voided first, the other desk reads why."""
    by, provider = OwnerFactory(), ProviderFactory()
    line = LineFactory(patient=PatientFactory(), provider=provider, amount="50")
    receipt = PaymentFactory(patient=line.patient, provider=provider, amount="50")
    acts = {
        "void_line": void_line(by, line),
        "allocate": lambda: ledger.allocate(
            by=by, payment=receipt, entries=entries({line: "50"}), date=day(0)
        ),
    }
    with holding(line.patient):
        desks.start(acts.pop("allocate" if first == "void_line" else "void_line"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    told = refusals(desks.outcomes())
    assert told == (
        [f"Psychotherapy, 45 minutes on {line.invoice} was voided on {day(0):%d %b %Y}."]
        if first == "void_line"
        else []
    )
    assert (owing(line), free(receipt)) == ((0, 0), 50)


def test_two_desks_void_one_line_and_the_second_is_told(desks: Desks) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    (told,) = refusals(at_the_same_time(desks, void_line(by, line), void_line(by, line)))
    assert told == f"Psychotherapy, 45 minutes on {line.invoice} was voided on {day(0):%d %b %Y}."
    assert owing(line) == (0, 0)


@pytest.mark.parametrize("first", ["void_line", "insurer"])
def test_a_line_is_voided_while_an_insurer_pays_it(desks: Desks, first: str) -> None:
    by, payer = OwnerFactory(), PayerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="50")
    acts: dict[str, Callable[[], Any]] = {
        "void_line": void_line(by, line),
        "insurer": lambda: ledger.record_payment(
            by=by,
            payer=payer,
            amount=money(40),
            method="check",
            date=day(0),
            entries=entries({line: ("40", "10")}),
        ),
    }
    with holding(line.patient):
        desks.start(acts.pop("insurer" if first == "void_line" else "void_line"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    (told,) = refusals(desks.outcomes())
    assert told.startswith(
        "Psychotherapy, 45 minutes on INV-0001 was voided on "
        if first == "void_line"
        else "IP-0001 paid 40.00 on INV-0001. Undo that payment first"
    )


def test_crossing_voids_of_the_same_lines_do_not_deadlock(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [LineFactory(patient=PatientFactory(), provider=provider) for _ in range(6)]
    for line in lines:
        PaymentFactory(patient=line.patient, provider=provider, on={line: "20"})

    def void(order: list[Any]) -> Callable[[], Any]:
        return lambda: ledger.void_lines(by=by, lines=order, date=day(0), reason="Billed twice")

    told = refusals(at_the_same_time(desks, void(lines), void(lines[::-1]), void(lines[2:])))
    assert len(told) == 2
    assert all(" was voided on " in each for each in told)
    assert [owing(line) for line in lines[2:]] == [(0, 0)] * 4


def test_two_desks_write_off_the_same_rest_and_exactly_one_does(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    lines = [
        LineFactory(patient=PatientFactory(), provider=provider, amount="4.99") for _ in range(4)
    ]

    def write_off(order: list[Any]) -> Callable[[], Any]:
        return lambda: ledger.write_off(
            by=by,
            entries=entries(dict.fromkeys(order, ("0", "4.99"))),
            kind="small_balance",
            date=day(0),
            reason="Small balance",
        )

    told = refusals(at_the_same_time(desks, write_off(lines), write_off(lines[::-1])))
    assert told == ["This line only owes 0.00."]
    assert [owing(line) for line in lines] == [(0, 0)] * 4


def test_two_desks_undo_one_write_off_and_the_second_is_told(desks: Desks) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="50")
    (adjustment,) = ledger.adjust(
        by=by, line=line, amount=money(5), kind="courtesy", date=day(3), reason="Hardship"
    ).adjustments

    def undo() -> ledger.Posted:
        return ledger.undo_write_off(
            by=by, adjustment=adjustment, date=day(0), reason="Paid after all"
        )

    told = refusals(at_the_same_time(desks, undo, undo))
    assert told == [f"This write-off was already undone on {day(0):%d %b %Y}."]
    assert owing(line) == (0, 50)


@pytest.mark.parametrize("first", ["refund", "allocate"])
def test_a_refund_that_un_pays_while_another_desk_allocates_the_rest(
    desks: Desks, first: str
) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    line, other = (
        LineFactory(patient=patient, provider=provider, amount="50")
        for patient in [PatientFactory()] * 2
    )
    receipt = PaymentFactory(patient=line.patient, provider=provider, amount="60", on={line: "40"})
    acts: dict[str, Callable[[], Any]] = {
        "refund": lambda: ledger.refund(
            by=by,
            payment=receipt,
            amount=money(60),
            method="cash",
            date=day(0),
            reason="Asked",
            unpay=entries({line: "40"}),
        ),
        "allocate": lambda: ledger.allocate(
            by=by, payment=receipt, entries=entries({other: "20"}), date=day(0)
        ),
    }
    with holding(line.patient):
        desks.start(acts.pop("allocate" if first == "refund" else "refund"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    (told,) = refusals(desks.outcomes())
    if first == "refund":
        assert told == "$20.00 too much is allocated. Lower some lines or correct Amount."
        assert figures(line.patient, provider) == (100, 0, 100)
    else:
        assert told == "Only 40.00 of R-0001 is not allocated."
        assert figures(line.patient, provider) == (40, 0, 40)


@pytest.mark.parametrize("whose", ["patient", "payer"])
@pytest.mark.parametrize("kind", ["receipt", "refund"])
def test_two_desks_put_one_payment_on_slips_and_the_second_is_told(
    desks: Desks, whose: str, kind: str
) -> None:
    by = OwnerFactory()
    payment = (
        PaymentFactory(patient=PatientFactory(), provider=ProviderFactory(), amount="20")
        if whose == "patient"
        else InsurancePaymentFactory(payer=PayerFactory(), amount="20")
    )
    number = payment.number
    if kind == "refund":
        payment = ledger.refund(
            by=by, payment=payment, amount=money(5), method="cash", date=day(0), reason="Asked"
        ).receipt
    with transaction.atomic():
        # Both come as far as the number of the slip, if nothing makes the second wait before.
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO billing_numberseries (prefix, next_number) VALUES ('D', 1)")
        for _ in range(2):
            desks.start(deposit(by, payment))
        wait_until_somebody_waits()
        time.sleep(0.3)
    told = refusals(desks.outcomes())
    assert told == [f"{number} is on deposit slip D-0001 already."]


@pytest.mark.parametrize("first", ["deposit", "void"])
def test_a_receipt_is_deleted_while_another_desk_deposits_it(desks: Desks, first: str) -> None:
    by, patient = OwnerFactory(), PatientFactory()
    receipt = PaymentFactory(patient=patient, provider=ProviderFactory(), amount="20")
    acts: dict[str, Callable[[], Any]] = {
        "deposit": deposit(by, receipt),
        "void": lambda: ledger.void(
            by=by, payment=Payment.objects.get(pk=receipt.pk), reason="Typing error"
        ),
    }
    with holding(patient):
        desks.start(acts.pop("void" if first == "deposit" else "deposit"))
        wait_until_somebody_waits()
        acts.popitem()[1]()
    assert refusals(desks.outcomes()) == [
        f"R-0001 was deposited on {day(0):%d %b %Y} (D-0001) and cannot be deleted."
        " Reverse it instead."
        if first == "deposit"
        else "R-0001 was deleted."
    ]


def test_an_insurers_check_is_deleted_while_another_desk_deposits_it(desks: Desks) -> None:
    by = OwnerFactory()
    line = LineFactory(patient=PatientFactory(), provider=ProviderFactory())
    check = InsurancePaymentFactory(payer=PayerFactory(), amount="60", on={line: "60"})
    outcomes = at_the_same_time(
        desks,
        deposit(by, check),
        lambda: ledger.void(by=by, payment=Payment.objects.get(pk=check.pk), reason="Typing error"),
    )
    (told,) = refusals(outcomes)
    assert told in (
        "IP-0001 was deleted.",
        f"IP-0001 was deposited on {day(0):%d %b %Y} (D-0001) and cannot be deleted."
        " Reverse it instead.",
    )


def test_a_deposit_waits_for_a_desk_that_is_at_work_on_the_same_receipts(desks: Desks) -> None:
    """That desk touches the receipts in no order of ids: its patient is what others wait for."""
    by, provider = OwnerFactory(), ProviderFactory()
    line = LineFactory(patient=PatientFactory(), provider=provider)
    receipts = [
        PaymentFactory(patient=line.patient, provider=provider, amount="20", on={line: "20"})
        for _ in range(2)
    ]
    with transaction.atomic():
        ledger.unpay(by=by, payment=receipts[1], date=day(0), reason="Wrong line")
        desks.start(deposit(by, *receipts))
        wait_until_somebody_waits()
        ledger.unpay(by=by, payment=receipts[0], date=day(0), reason="Wrong line")
    assert refusals(desks.outcomes()) == []
    assert [free(each) for each in receipts] == [20, 20]


def test_two_desks_bill_overlapping_days_and_no_number_is_lost(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    drafts = [
        InvoiceFactory(patient=PatientFactory(), provider=provider, issued=False) for _ in range(6)
    ]

    def issue(some: list[Any]) -> Callable[[], Any]:
        fresh = [type(each).objects.get(pk=each.pk) for each in some]
        return lambda: ledger.issue_invoices(by=by, invoices=fresh, date=day(0))

    (told,) = refusals(at_the_same_time(desks, issue(drafts[:4]), issue(drafts[:1:-1])))
    assert " was already issued on " in told


def test_who_stops_being_the_guarantor_while_the_payment_waits_pays_nothing(
    desks: Desks,
) -> None:
    by, provider, parent = OwnerFactory(), ProviderFactory(), PatientFactory()
    child = PatientFactory(guarantor=parent)
    line = LineFactory(patient=child, provider=provider, amount="40")
    with holding(child):
        desks.start(
            lambda: ledger.record_payment(
                by=by,
                patient=parent,
                provider=provider,
                amount=money(40),
                method="cash",
                date=day(0),
                entries=entries({line: "40"}),
            )
        )
        wait_until_somebody_waits()
        Patient.objects.filter(pk=child.pk).update(guarantor=None)
    told = refusals(desks.outcomes())
    assert told == ["INV-0001 belongs to another patient; this payment cannot pay it."]
    assert owing(line) == (0, 40)


# --- Two desks bill the same day -----------------------------------------------------------------


def test_two_desks_bill_the_same_day_and_each_session_is_billed_once(desks: Desks) -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    visits = [visit(by, PatientFactory(), provider) for _ in range(5)]

    def bill(sessions: list[Session]) -> Callable[[], Any]:
        return lambda: ledger.bill_sessions(by=by, sessions=sessions, date=day(0))

    outcomes = at_the_same_time(desks, bill(visits), bill(visits[::-1]))
    (told,) = refusals(outcomes)
    assert "was billed meanwhile" in told
    assert InvoiceLine.objects.issued().count() == 5
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        f"INV-000{number}" for number in range(1, 6)
    ]


def test_whoever_changes_a_draft_waits_for_whoever_bills_it(desks: Desks) -> None:
    by, patient, provider = OwnerFactory(), PatientFactory(), ProviderFactory()
    session = visit(by, patient, provider)
    draft = Invoice.objects.get()
    seen = charging.seen(draft.lines.all())
    with holding(patient):
        desks.start(lambda: ledger.discard_draft(by=by, invoice=draft, seen_lines=seen))
        wait_until_somebody_waits()
        ledger.bill_sessions(by=by, sessions=[session], date=day(0))
    assert refusals(desks.outcomes()) == [
        "Someone else issued this draft meanwhile: it is INV-0001."
    ]
    assert draft.lines.get().issued_on == day(0)
