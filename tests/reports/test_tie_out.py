"""The tie-out and `manage.py tie_out`: green while the books hold, red on one cent."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import guards, ledger
from billing.balances.as_of import AsOf, Basis, Dates
from billing.sharing import OffsetEntry
from billing.tie_out import TieOut, tie_out
from tests.factories import LineFactory, PayerFactory, PaymentFactory, RefundFactory, UserFactory
from tests.factories.bills import day, entries, money
from tests.reports.asking import ask

pytestmark = pytest.mark.django_db


def books() -> None:
    """A line of 100.00 with 30.00 of a receipt of 50.00, of which 5.00 were paid back; and one of
    80.00, with 60.00 of an insurer's check of 70.00 and 10.00 written off. It kept 4.00."""
    by = UserFactory()
    line = LineFactory(amount="100", ago=30)
    account = {"patient": line.patient, "provider": line.provider}
    receipt = PaymentFactory(**account, amount="50", ago=20, on={line: "30"})
    RefundFactory(payment=receipt, amount="5", ago=18, by=by)
    second = LineFactory(**account, amount="80", ago=12)
    ledger.record_payment(
        by=by,
        payer=PayerFactory(),
        amount=money("70"),
        method="check",
        date=day(10),
        entries=entries({second: ("60", "10")}),
        offsets=[OffsetEntry("WO", money("4"))],
    )


def amounts(found: TieOut) -> dict[str, Decimal]:
    return {figure.name: figure.amount for figure in found.figures}


def said(*typed: str) -> str:
    text = StringIO()
    call_command("tie_out", *typed, stdout=text)
    return text.getvalue()


# ------------------------------------------------------------------------------ while the books hold


def test_every_figure_by_every_way() -> None:
    books()
    found = tie_out(AsOf.today())
    assert found.holds
    assert amounts(found) == {
        "Receivable": money("80"),  # 100 - 30, and 80 - 60 - 10
        "Unallocated": money("29"),  # 50 - 5 - 30 of the patient's, 70 - 60 + 4 of the insurer's
        "Net receivable": money("51"),
        "Money received": money("115"),  # 50 - 5 + 70
        "Journal": money("409"),  # 180 charged, 125 in and out, 90 allocated, 10 off, 4 kept
    }
    ways = {figure.name: [way.name for way in figure.ways] for figure in found.figures}
    assert ways == {
        "Receivable": [
            *("Balances", "Rows", "Accounts"),
            *("Ageing by service date", "Ageing by billing date", "Journal"),
        ],
        "Unallocated": ["Balances", "Rows", "Accounts", "Journal"],
        "Net receivable": ["Balances", "Rows", "Accounts", "Roll-forward", "Journal"],
        "Money received": ["Payments", "Where it is", "Journal"],
        "Journal": ["Debits", "Credits"],
    }


def test_as_of_a_day_that_is_past() -> None:
    books()
    found = amounts(tie_out(AsOf(day(15))))
    assert found["Receivable"] == money("70")
    assert found["Unallocated"] == money("15")
    assert found["Money received"] == money("45")
    assert set(amounts(tie_out(AsOf(day(31)))).values()) == {money(0)}


def test_by_entry_date_the_journal_is_left_out_as_it_knows_accounting_dates_only() -> None:
    books()
    found = tie_out(AsOf(day(0), Basis.ENTRY))
    assert found.holds
    assert "Journal" not in {way.name for figure in found.figures for way in figure.ways}
    assert amounts(found)["Net receivable"] == money("51")
    yesterday = tie_out(AsOf(day(1), Basis.ENTRY))
    assert set(amounts(yesterday).values()) == {money(0)}, "all was entered today"


def test_a_clinic_without_a_row_ties_out() -> None:
    assert tie_out(AsOf.today()).holds
    assert said().endswith("\nEverything ties out.\n")


@pytest.mark.parametrize("by", Basis.values)
@pytest.mark.parametrize("ago", [0, 15])
def test_it_costs_the_same_at_any_size(by: str, ago: int) -> None:
    books()
    counts = []
    for _more in range(2):
        with CaptureQueriesContext(connection) as asked:
            tie_out(AsOf(day(ago), by))
        counts.append(len(asked))
        for _each in range(3):
            books()
    assert counts[0] == counts[1] <= 27


@pytest.mark.parametrize("by", Basis.values)
@pytest.mark.parametrize("ago", [0, 11, 15, 31])
def test_the_report_of_balances_by_age_says_the_same_by_every_grouping(by: str, ago: int) -> None:
    books()
    found = amounts(tie_out(AsOf(day(ago), by)))
    for group in ("patient", "provider", "payer"):
        for dates in Dates.values:
            query = f"as_of={day(ago)}&by={by}&group={group}&dates={dates}"
            totals = ask("aged-balances", query).rows.totals()
            assert totals["gross"] == found["Receivable"]
            assert totals["unallocated"] == found["Unallocated"]
            assert totals["net"] == found["Net receivable"]


@pytest.mark.parametrize("ago", [0, 11, 15, 31])
def test_the_day_sheet_closes_with_the_same(ago: int) -> None:
    books()
    [proof] = ask("day-sheet", f"from={day(ago)}&to={day(ago)}").panels()
    _label, [closing] = proof.rows[-1]
    assert closing == amounts(tie_out(AsOf(day(ago))))["Net receivable"]


# ------------------------------------------------------------------------------ the command


def test_the_command_tells_every_way() -> None:
    books()
    text = said("--as-of", day(15).isoformat())
    assert text.startswith(f"As of {day(15)}, by accounting date\n")
    assert "ok    Balances                           70.00            0.00\n" in text
    assert text.endswith("\nEverything ties out.\n")


def test_the_command_by_entry_date() -> None:
    books()
    text = said("--by", "entry")
    assert text.startswith(f"As of {day(0)}, by entry date\n")
    assert "Debits" not in text


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["--as-of", day(-2).isoformat()], "--as-of is in the future."),
        (["--as-of", "0001-01-01"], "The date is too long ago. Check the year."),
        (["--as-of", "9999-12-31"], "--as-of is in the future."),
        (["--as-of", "yesterday"], "a date like 2025-11-18"),
        (["--by", "feeling"], "invalid choice: 'feeling'"),
    ],
)
def test_the_command_refuses(typed: list[str], answer: str) -> None:
    with pytest.raises(CommandError, match=answer.replace(".", r"\.")):
        said(*typed)


# ------------------------------------------------------------------------------ when they are broken

# Raw SQL past every guard, amounts in cents → the figures that no longer tie out.
BROKEN: dict[str, tuple[str, set[str]]] = {
    "what is paid on a line does not follow from its rows": (
        "UPDATE billing_invoiceline SET paid = paid + 1 WHERE paid = 3000",
        {"Receivable", "Net receivable"},
    ),
    "what is allocated of a receipt does not follow from its rows": (
        "UPDATE billing_payment SET allocated = allocated - 1 WHERE amount = 5000",
        {"Unallocated", "Net receivable", "Money received"},
    ),
    "an allocation is gone": (
        "DELETE FROM billing_allocation WHERE amount = 3000",
        {"Receivable", "Unallocated", "Money received"},
    ),
    "a write-off is gone": (
        "DELETE FROM billing_adjustment",
        {"Receivable", "Net receivable"},
    ),
    "a refund is more than was taken from its receipt": (
        "UPDATE billing_payment SET amount = amount - 1 WHERE kind = 'refund'",
        {"Unallocated", "Net receivable", "Money received"},
    ),
    "an offset is less than what its payment says": (
        "UPDATE billing_offset SET amount = amount - 1",
        {"Unallocated", "Net receivable", "Money received"},
    ),
}


def break_the_books(sql: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Else dropping triggers is refused because of foreign keys not yet looked at.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        guards.drop(connection)
        cursor.execute(sql)
        assert cursor.rowcount == 1


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("by", Basis.values)
def test_it_goes_red(broken: str, by: str) -> None:
    books()
    spoil, red = BROKEN[broken]
    break_the_books(spoil)
    found = tie_out(AsOf(day(0), by))
    assert not found.holds
    assert {figure.name for figure in found.figures if not figure.holds} == red


def test_the_command_says_what_does_not_tie_out_and_fails() -> None:
    books()
    break_the_books("DELETE FROM billing_adjustment")
    text = StringIO()
    with pytest.raises(
        CommandError, match=r"^These do not tie out: Receivable, Net receivable\.$"
    ) as raised:
        call_command("tie_out", stdout=text)
    assert raised.value.returncode == 1
    assert "FAIL  Rows                               90.00           10.00\n" in text.getvalue()
    assert "ties out" not in text.getvalue()


def test_a_row_dated_before_what_it_belongs_to_spoils_the_days_between_only() -> None:
    books()
    before = day(40).isoformat()
    break_the_books(f"UPDATE billing_allocation SET date = '{before}' WHERE amount = 3000")
    assert tie_out(AsOf.today()).holds
    between = tie_out(AsOf(day(35)))
    assert {figure.name for figure in between.figures if not figure.holds} == {
        *("Receivable", "Unallocated", "Money received"),
    }
