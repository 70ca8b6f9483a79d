"""Drafts: sessions with what was done in them, billed one by one or a whole day at once."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import balances, charging, ledger
from billing.charging import Charge
from billing.models import Invoice, InvoiceLine
from patients.models import Patient, Provider, Session
from tests.factories import (
    InvoiceFactory,
    OwnerFactory,
    PatientFactory,
    PaymentFactory,
    ProviderFactory,
    SessionFactory,
)
from tests.factories.bills import day, money
from tests.ledger.books import figures, refused


def charge(amount: str, provider: Provider, date: datetime.date, **more: Any) -> Charge:
    return Charge(
        provider=provider,
        date=date,
        description="Consultation",
        units=1,
        amount=money(amount),
        **more,
    )


def visit(
    by: Any, patient: Patient, provider: Provider, *amounts: str, ago: int = 0, **more: Any
) -> Session:
    draft = ledger.enter_session(
        by=by,
        patient=patient,
        provider=provider,
        date=day(ago),
        place_of_service="11",
        diagnoses="",
        charges=[charge(amount, provider, day(ago)) for amount in amounts or ("50",)],
        **more,
    ).invoices[0]
    session = draft.lines.all()[0].session
    assert session
    return session


def bill(by: Any, sessions: Sequence[Session], **more: Any) -> list[Invoice]:
    return ledger.bill_sessions(by=by, sessions=sessions, date=day(0), **more).invoices


def amounts(invoice: Invoice) -> list[str]:
    return [str(line.amount) for line in invoice.lines.order_by("pk")]


def snapshot() -> tuple[Any, ...]:
    return (
        list(Session.objects.order_by("pk").values_list()),
        list(Invoice.objects.order_by("pk").values_list()),
        list(InvoiceLine.objects.order_by("pk").values_list()),
    )


# --- One session ---------------------------------------------------------------------------------


def test_a_session_on_a_draft_owes_nothing(ana: Any, smith: Patient, dr1: Provider) -> None:
    session = visit(ana, smith, dr1, "50", "20")
    assert figures(smith, dr1) == (0, 0, 0)
    assert balances.session_rows([session])[0].charge == 70


def test_entered_and_issued_in_one_act(ana: Any, smith: Patient, dr1: Provider) -> None:
    session = visit(ana, smith, dr1, "50", issue_on=day(0))
    assert session.lines.get().invoice.number == "INV-0001"
    assert figures(smith, dr1) == (50, 0, 50)


def test_what_is_refused_at_issuing_leaves_no_session(
    ana: Any, smith: Patient, dr1: Provider, close_books: Any
) -> None:
    close_books(day(1))
    with pytest.raises(ledger.LedgerError, match="closed period"):
        visit(ana, smith, dr1, ago=3, issue_on=day(2))
    sentence = f"The invoice would be dated before its service of {day(0):%d %b %Y}."
    with refused(sentence, field="date"):
        visit(ana, smith, dr1, issue_on=day(1))
    assert snapshot() == ([], [], [])


def test_a_session_needs_something_done(ana: Any, smith: Patient, dr1: Provider) -> None:
    with refused("Enter at least one service."):
        ledger.enter_session(
            by=ana,
            patient=smith,
            provider=dr1,
            date=day(0),
            place_of_service="11",
            diagnoses="",
            charges=[],
        )


def test_what_is_billed_is_not_changed_or_deleted(ana: Any, smith: Patient, dr1: Provider) -> None:
    session = visit(ana, smith, dr1)
    bill(ana, [session])
    before = snapshot()
    with refused("This session is on INV-0001 and cannot be changed any more."):
        ledger.change_session(
            by=ana,
            session=session,
            seen_lines=charging.seen([]),
            provider=dr1,
            date=day(0),
            place_of_service="11",
            diagnoses="",
            charges=[charge("1", dr1, day(0))],
        )
    with refused("This session is on INV-0001, so it is kept."):
        ledger.delete_session(by=ana, session=session, seen_lines=charging.seen([]))
    assert snapshot() == before


def test_billing_again_copies_what_was_voided_last(ana: Any, smith: Patient, dr1: Provider) -> None:
    session = visit(ana, smith, dr1, "50", "20")
    for number in ("INV-0001", "INV-0002"):
        (invoice,) = bill(ana, [session])
        assert invoice.number == number
        assert amounts(invoice) == ["50.00", "20.00"]
        with refused(f"This session is on {number} already."):
            ledger.bill_session_again(by=ana, session=session)
        ledger.void_lines(by=ana, lines=list(invoice.lines.all()), date=day(0), reason="Wrong")
        ledger.bill_session_again(by=ana, session=session)
        with refused("This session is on a draft already."):
            ledger.bill_session_again(by=ana, session=session)
    assert figures(smith, dr1) == (0, 0, 0)


# --- A day at once -------------------------------------------------------------------------------


def test_one_invoice_a_patient_numbered_in_order(
    ana: Any, smith: Patient, okafor: Patient, dr1: Provider, dr2: Provider
) -> None:
    visits = [
        visit(ana, smith, dr1, "50"),
        visit(ana, okafor, dr1, "70"),
        visit(ana, smith, dr2, "20", "5"),
    ]
    first, second = bill(ana, visits)
    assert (first.number, first.patient, amounts(first)) == (
        "INV-0001",
        smith,
        ["50.00", "20.00", "5.00"],
    )
    assert (second.number, second.patient, amounts(second)) == ("INV-0002", okafor, ["70.00"])
    assert Invoice.objects.count() == 2
    assert figures(smith, dr2) == (25, 0, 25)


def test_all_or_nothing(ana: Any, smith: Patient, okafor: Patient, dr1: Provider) -> None:
    done, empty = visit(ana, smith, dr1), SessionFactory(patient=okafor, provider=dr1)
    before = snapshot()
    with refused(f"{okafor.name}'s session of {day(0):%d %b %Y} has no service to bill."):
        bill(ana, [done, empty])
    with refused("Choose the sessions to bill."):
        bill(ana, [])
    assert snapshot() == before
    assert bill(ana, [done])[0].number == "INV-0001"


def test_a_session_is_billed_once(ana: Any, smith: Patient, dr1: Provider) -> None:
    first, second = visit(ana, smith, dr1), visit(ana, smith, dr1)
    bill(ana, [first])
    before = snapshot()
    with refused(
        f"{smith.name}'s session of {day(0):%d %b %Y} was billed meanwhile: it is on INV-0001."
    ):
        bill(ana, [first, second])
    assert snapshot() == before


def test_other_sessions_of_a_shared_draft_stay_on_it(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    now, later = visit(ana, smith, dr1, "50"), visit(ana, smith, dr1, "20")
    ledger.draft_invoice(
        by=ana, patient=smith, sessions=[now, later], charges=[charge("5", dr1, day(0))]
    )
    (invoice,) = bill(ana, [now])
    assert amounts(invoice) == ["50.00"]
    left = Invoice.objects.get(number=None)
    assert amounts(left) == ["20.00", "5.00"]


def test_lines_of_no_session_go_with_the_only_session(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    session = visit(ana, smith, dr1, "50")
    ledger.draft_invoice(
        by=ana, patient=smith, sessions=[session], charges=[charge("5", dr1, day(0))]
    )
    (invoice,) = bill(ana, [session])
    assert amounts(invoice) == ["50.00", "5.00"]
    assert Invoice.objects.count() == 1


@pytest.mark.django_db
def test_it_costs_the_same_for_a_hundred_patients() -> None:
    by, provider = OwnerFactory(), ProviderFactory()
    counts = set()
    for size in (2, 20, 100):
        visits = []
        for _ in range(size):
            patient = PatientFactory()
            visits += [visit(by, patient, provider), visit(by, patient, provider)]
        with CaptureQueriesContext(connection) as captured:
            bill(by, visits)
        counts.add(len(captured))
    assert len(counts) == 1, counts


# --- Drafts --------------------------------------------------------------------------------------


def test_stale_drafts_are_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    (draft,) = ledger.draft_invoice(
        by=ana, patient=smith, sessions=[], charges=[charge("5", dr1, day(0))]
    ).invoices
    seen = charging.seen(draft.lines.all())
    draft.lines.update(units=2)
    with pytest.raises(ledger.StaleDraftError, match="Someone else changed this draft"):
        ledger.discard_draft(by=ana, invoice=draft, seen_lines=seen)
    ledger.issue_invoice(by=ana, invoice=draft, date=day(0))
    with pytest.raises(ledger.StaleDraftError, match="it is INV-0001"):
        ledger.discard_draft(by=ana, invoice=draft, seen_lines=seen)
    assert draft.lines.exists()


def test_voiding_effects_are_what_happens(ana: Any, smith: Patient, dr1: Provider) -> None:
    """As shown before, so it is after: for lines paid, part paid and by a reversed receipt."""
    invoice = InvoiceFactory(patient=smith, provider=dr1, amounts=["50", "40", "30"])
    first, second, third = invoice.lines.order_by("pk")
    PaymentFactory(patient=smith, provider=dr1, amount="60", on={first: "50", second: "10"})
    bounced = PaymentFactory(patient=smith, provider=dr1, amount="30", on={third: "30"})
    ledger.reverse(by=ana, payment=bounced, date=day(0), reason="Bounced", unpay_lines=False)
    lines = list(invoice.lines.select_related("patient", "provider"))
    effects = balances.effects_of_voiding(lines)
    assert effects.unpaid_total == 90
    assert effects.written_off == 120
    ledger.void_lines(by=ana, lines=lines, date=day(0), reason="Wrong")
    (effect,) = effects.accounts
    after = balances.account(smith, dr1)
    assert (effect.after.invoices, effect.after.credit) == (after.invoices, after.credit) == (0, 60)
