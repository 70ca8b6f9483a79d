"""close_period and reopen_period: the closing date moves, by whom and why; and what it keeps out."""

import datetime
import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, models

from billing import charging, ledger
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    ClosingDate,
    Deposit,
    Invoice,
    InvoiceLine,
    LineVoid,
    Offset,
    Payment,
    Responsibility,
)
from billing.models.periods import closed_through
from billing.sharing import Entry, OffsetEntry, Owes
from patients.models import Patient, Payer, Provider
from tests.factories import (
    InsurancePaymentFactory,
    InvoiceFactory,
    LineFactory,
    PaymentFactory,
    RefundFactory,
)
from tests.factories.bills import day, entries, money
from tests.ledger.books import refused
from tests.ledger.every_verb import EVERY_VERB, Verb, clinic
from tests.ledger.test_drafting import charge, visit

pytestmark = pytest.mark.django_db

TODAY = 0


def close(by: Any, ago: int, seen: datetime.date | None = None, **more: Any) -> ClosingDate:
    posted = ledger.close_period(by=by, through=day(ago), seen=seen, **more)
    assert posted.closing
    return posted.closing


def reopen(by: Any, ago: int, seen: datetime.date | None, reason: str = "Audit") -> ClosingDate:
    posted = ledger.reopen_period(by=by, through=day(ago), seen=seen, reason=reason)
    assert posted.closing
    return posted.closing


# --- Closing and reopening -----------------------------------------------------------------------


def test_closing_says_who_and_reopening_why(ana: Any) -> None:
    assert closed_through() is None
    row = close(ana, 10)
    assert (row.closed_through, row.created_by, row.reason) == (day(10), ana, "")
    assert closed_through() == day(10)
    row = reopen(ana, 40, day(10), "Two checks were found")
    assert (row.closed_through, row.created_by, row.reason) == (
        day(40),
        ana,
        "Two checks were found",
    )
    assert closed_through() == day(40)
    assert close(ana, 1, day(40)).closed_through == closed_through() == day(1)
    assert ClosingDate.objects.count() == 3


def test_only_days_that_are_over_are_closed(ana: Any) -> None:
    for ago in (0, -1):
        with refused("Only days that are over can be closed.", field="through"):
            close(ana, ago)
    assert close(ana, 1)


def test_what_is_closed_already_is_not_closed_again(ana: Any) -> None:
    close(ana, 10)
    for ago in (10, 11):
        with refused(
            f"The books are closed through {day(10):%d %b %Y} already. Choose a later day.",
            field="through",
        ):
            close(ana, ago, day(10))


@pytest.mark.parametrize("reason", ["", "   "])
def test_r9_reopening_needs_a_reason(ana: Any, reason: str) -> None:
    close(ana, 10)
    with refused("Say why the period is opened again.", field="reason"):
        reopen(ana, 20, day(10), reason)


def test_only_what_is_closed_is_reopened(ana: Any) -> None:
    with refused("No period is closed."):
        reopen(ana, 20, None)
    close(ana, 10)
    for ago in (10, 9):
        with refused(
            f"That opens nothing: the books are closed through {day(10):%d %b %Y}."
            " Choose an earlier day.",
            field="through",
        ):
            reopen(ana, ago, day(10))


def test_nobody_moves_a_closing_date_past_somebody_else(ana: Any) -> None:
    """While one was looking, another opened the month to correct something in it."""
    close(ana, 10)
    reopen(ana, 40, day(10))
    sentence = (
        "Ana moved the closing date meanwhile: the books are closed through"
        f" {day(40):%d %b %Y}. Look at what is left to do and save again."
    )
    with refused(sentence):
        close(ana, 1, seen=day(10))
    with refused(sentence):
        reopen(ana, 50, day(10))


def test_r10_sent_twice_the_date_moves_once(ana: Any) -> None:
    key = uuid4()
    close(ana, 10, key=key)
    again = ledger.close_period(by=ana, through=day(10), seen=None, key=key)
    assert again.replayed
    key = uuid4()
    for _ in range(2):
        ledger.reopen_period(by=ana, through=day(30), reason="Audit", seen=day(10), key=key)
    assert ClosingDate.objects.count() == 2


# --- Nothing can be dated in it ------------------------------------------------------------------


def sentence(ago: int) -> str:
    return (
        f"The date is in a closed period (up to {day(ago):%d %b %Y})."
        " Ask an administrator to open it."
    )


def test_a_draft_is_not_issued_into_it_by_any_way_there_is(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    """Entering a session, changing one or a draft, and billing many: all can issue on a day."""
    sessions = [visit(ana, smith, dr1, ago=20) for _ in range(2)]
    draft = InvoiceFactory(patient=smith, provider=dr1, issued=False)
    own = charging.seen(InvoiceLine.objects.filter(session=sessions[0]))
    services = [charge("85", dr1, day(20))]
    visited: dict[str, Any] = {
        "provider": dr1,
        "date": day(20),
        "place_of_service": "11",
        "diagnoses": "",
        "charges": services,
    }
    close(ana, 10)
    ways: dict[str, Callable[[], object]] = {
        "enter": lambda: ledger.enter_session(by=ana, patient=smith, **visited, issue_on=day(10)),
        "change": lambda: ledger.change_session(
            by=ana, session=sessions[0], seen_lines=own, **visited, issue_on=day(10)
        ),
        "draft": lambda: ledger.draft_invoice(
            by=ana, patient=smith, sessions=[], charges=services, issue_on=day(12)
        ),
        "change the draft": lambda: ledger.change_draft(
            by=ana,
            invoice=draft,
            charges=services,
            seen_lines=charging.seen(draft.lines.all()),
            issue_on=day(10),
        ),
        "bill": lambda: ledger.bill_sessions(by=ana, sessions=sessions, date=day(10)),
        "issue": lambda: ledger.issue_invoice(by=ana, invoice=draft, date=day(11)),
    }
    for act in ways.values():
        with refused(sentence(10), field="date"):
            act()
    billed = ledger.bill_sessions(by=ana, sessions=sessions, date=day(9)).invoices
    assert [each.issued_on for each in billed] == [day(9)]


def test_opening_balances_do_not_land_in_it(ana: Any, smith: Patient, dr1: Provider) -> None:
    """A file of them is refused where any one of its days is closed, also beside open ones."""
    close(ana, 10)
    owed = [
        ledger.OpeningBalance(patient=smith, provider=dr1, amount=money("35"), date=day(ago))
        for ago in (5, 10)
    ]
    with refused(sentence(10), field="date"):
        ledger.record_opening(by=ana, balances=owed)


def test_what_insurers_say_does_not_land_in_it(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    """An ERA is saved by this verb, with everything it says."""
    line = LineFactory(patient=smith, provider=dr1, amount="100", ago=40, owed_by=blueriver)
    close(ana, 10)
    said = Entry(line.pk, money(50), owes=(Owes("copay", money(20)),), codes="CO-45")
    with refused(sentence(10), field="date"):
        ledger.record_payment(
            by=ana,
            payer=blueriver,
            amount=money(55),
            method="eft",
            date=day(10),
            entries=[said],
            offsets=[OffsetEntry("WO", money(-5), "ICN9")],
        )
    with refused(sentence(10), field="date"):
        ledger.set_responsibility(by=ana, lines=[line], payer=None, date=day(10), reason="No")


# --- Corrections land in the open period ---------------------------------------------------------

DATED: tuple[tuple[type[models.Model], str], ...] = (
    (Payment, "date"),
    (Allocation, "date"),
    (Adjustment, "date"),
    (Adjudication, "date"),
    (Responsibility, "date"),
    (Offset, "date"),
    (LineVoid, "date"),
    (Deposit, "date"),
    (Invoice, "issued_on"),
    (InvoiceLine, "issued_on"),
)
MOVED_ON = {  # what the rows of later days make of an earlier row
    *("allocated", "returned", "offset_total", "reversed", "last_date", "unallocated"),
    *("paid", "adjusted", "balance", "payer_id"),
}


def books_through(through: datetime.date) -> str:
    """Every row dated up to a day, as the database has it, without the sums over all days."""
    found = hashlib.sha256()
    with connection.cursor() as cursor:
        for model, dated in DATED:
            fields = model._meta.concrete_fields
            columns = [each.column for each in fields if each.column not in MOVED_ON]
            table = model._meta.db_table
            cursor.execute(
                f"SELECT {', '.join(columns)} FROM {table} WHERE {dated} <= %s ORDER BY id",
                [through],
            )
            found.update(str(cursor.fetchall()).encode())
    return found.hexdigest()


# (A batch of the journal moves no money: it says which rows were handed over.)
CORRECTING = {
    name: verb for name, verb in EVERY_VERB.items() if name not in ("void", "make_journal_batch")
}


@pytest.mark.parametrize("verb", CORRECTING.values(), ids=CORRECTING)
def test_no_verb_changes_the_figures_of_a_closed_period(verb: Verb) -> None:
    here = clinic()
    close(here.by, 20)
    before = books_through(day(20))
    verb(here, date=day(TODAY))
    assert books_through(day(20)) == before
    assert books_through(day(TODAY)) != before


def test_a_payment_of_a_closed_day_is_not_deleted_but_reversed(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    receipt = PaymentFactory(patient=smith, provider=dr1, ago=20)
    close(ana, 10)
    with refused(
        f"{receipt.number} is of a closed day (up to {day(10):%d %b %Y}) and cannot be deleted."
        " Reverse it instead."
    ):
        ledger.void(by=ana, payment=receipt, reason="Entered twice")
    undoing = ledger.reverse(
        by=ana, payment=receipt, date=day(TODAY), reason="Entered twice"
    ).receipt
    assert (undoing.date, undoing.original) == (day(TODAY), receipt)


def test_each_correction_points_back_at_what_it_corrects(
    ana: Any, smith: Patient, dr1: Provider, blueriver: Payer
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="100", ago=40)
    insured = LineFactory(patient=smith, provider=dr1, amount="100", ago=40, owed_by=blueriver)
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="50", ago=30, on={line: "20"})
    check = InsurancePaymentFactory(payer=blueriver, amount="80", ago=30, on={insured: "80"})
    off = ledger.adjust(
        by=ana, line=line, amount=money(7), kind="courtesy", date=day(30), reason="Hardship"
    ).adjustments[0]
    close(ana, 20)
    before = books_through(day(20))

    back = RefundFactory(payment=receipt, amount="10", ago=3)
    assert (back.date, back.source, back.original) == (day(3), receipt, receipt)
    (unpaid,) = ledger.unpay(by=ana, payment=receipt, date=day(3), reason="No").allocations
    assert (unpaid.date, unpaid.payment, unpaid.amount) == (day(3), receipt, money(-20))
    undone = ledger.undo_write_off(by=ana, adjustment=off, date=day(2), reason="Paid").adjustments
    assert [(each.date, each.undoes) for each in undone] == [(day(2), off)]
    taken = ledger.record_payment(
        by=ana,
        payer=blueriver,
        amount=money("-30"),
        method="check",
        date=day(2),
        entries=entries({insured: "-30"}),
    )
    assert [(each.date, each.line_id) for each in taken.allocations] == [(day(2), insured.pk)]
    voided = ledger.void_line(by=ana, line=line, date=day(1), reason="Billed twice").voids
    assert [(each.date, each.line_id) for each in voided] == [(day(1), line.pk)]
    ledger.reverse(by=ana, payment=receipt, date=day(1), reason="Bounced")

    assert books_through(day(20)) == before
    check.refresh_from_db()
    assert (check.reversed, check.date) == (False, day(30))
