"""adjust: a line owes less, or more again, without money moving."""

from typing import Any

import pytest

from billing import ledger
from billing.models import Adjustment, AdjustmentKind, InvoiceLine
from patients.models import Patient, Provider
from tests.factories import InvoiceFactory, LineFactory, PaymentFactory
from tests.factories.bills import day, money
from tests.ledger.books import figures, owing, refused


def adjust(by: Any, line: InvoiceLine, amount: str, **more: Any) -> ledger.Posted:
    what = {"kind": AdjustmentKind.COURTESY, "date": day(0), "reason": "Hardship", **more}
    return ledger.adjust(by=by, line=line, amount=money(amount), **what)


@pytest.mark.parametrize("kind", AdjustmentKind.values)
def test_every_kind_takes_something_off_what_a_line_owes(
    ana: Any, smith: Patient, dr1: Provider, kind: str
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    adjust(ana, line, "12.50", kind=kind, carc="45")
    row = Adjustment.objects.get()
    assert (row.kind, row.amount, row.carc) == (kind, money("12.50"), "45")
    assert (row.reason, row.created_by, row.payment) == ("Hardship", ana, None)
    assert figures(smith, dr1) == (money("37.50"), 0, money("37.50"))


def test_the_whole_rest_may_be_written_off_and_not_a_cent_more(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    with refused("This line only owes 30.00.", line=line):
        adjust(ana, line, "30.01")
    adjust(ana, line, "30")
    assert owing(line) == (20, 0)


def test_a_negative_one_raises_what_is_owed(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    adjust(ana, line, "50")
    adjust(ana, line, "-20", kind=AdjustmentKind.CORRECTION)
    assert owing(line) == (0, 20)


def test_money_on_the_line_and_credit_stay_as_they_were(
    ana: Any, smith: Patient, dr1: Provider
) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    PaymentFactory(patient=smith, provider=dr1, amount="30", on={line: "20"})
    adjust(ana, line, "5")
    assert owing(line) == (20, 25)
    assert figures(smith, dr1) == (25, 10, 15)


def test_nothing_at_all_is_refused(ana: Any, smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    with refused("Enter how much to write off.", field="amount"):
        adjust(ana, line, "0")


@pytest.mark.parametrize("amount", ["5", "-5"])
def test_r9_a_reason_is_required(ana: Any, smith: Patient, dr1: Provider, amount: str) -> None:
    line = LineFactory(patient=smith, provider=dr1)
    adjust(ana, line, "10")
    with refused("Choose a reason.", field="reason"):
        adjust(ana, line, amount, reason=" ")


def test_a_draft_cannot_be_adjusted(ana: Any, smith: Patient, dr1: Provider) -> None:
    draft = InvoiceFactory(patient=smith, provider=dr1, issued=False).lines.get()
    with refused("That invoice line does not exist.", line=draft):
        adjust(ana, draft, "5")
