"""Opening balances from a file become invoices and credit, by the ledger's own verb."""

from __future__ import annotations

import datetime
from typing import Any
from unittest import mock

import pytest
from django.db import IntegrityError

from billing import checks, ledger
from billing.imports.running import NotImported, import_file, run_of
from billing.models import ClosingDate, ImportFile, Invoice, InvoiceLine, Payment
from billing.money import NOT_AN_AMOUNT
from patients.models import Patient, Provider
from tests.factories import (
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day, money
from tests.imports.files import bring, check, kept, problems, warnings
from tests.ledger.books import digest, figures

pytestmark = pytest.mark.django_db

HEAD = "chart_number,provider,amount,date,description,payer,reference\n"


@pytest.fixture
def smith() -> Patient:
    return PatientFactory(chart_number="P1042", family_name="Smith", given_name="John")


@pytest.fixture
def dr1() -> Provider:
    return ProviderFactory(name="Dr 1")


def test_what_is_owed_and_what_is_credit(smith: Patient, dr1: Provider) -> None:
    blue = PayerFactory(name="BlueRiver Health")
    rows = (
        'P1042,Dr 1,"1,150.00",2025-10-31,,,A-1\n'
        "1042,dr 1,(20),10/31/2025,,,A-2\n"
        "P1042,Dr 1,30,2025-09-30,Visit of September,blueriver health,\n"
    )
    assert check("balances", HEAD + rows).report.counts == [
        ("Invoices", "2"),
        ("Owed on them", "$1,180.00"),
        ("Receipts", "1"),
        ("Credit from them", "$20.00"),
        ("Net balance", "$1,160.00"),
    ]
    file = bring("balances", HEAD + rows)
    assert file.made == "2 invoices of $1,180.00 and 1 receipt of $20.00"
    first, second = InvoiceLine.objects.order_by("pk")
    assert (str(first), first.service_date) == (
        "INV-0001 Opening balance (A-1)",
        datetime.date(2025, 10, 31),
    )
    assert (second.description, second.payer) == ("Visit of September", blue)
    assert (Payment.objects.get().reference, Payment.objects.get().note) == (
        "A-2",
        "Opening balance",
    )
    assert figures(smith, dr1) == (money("1180"), money(20), money("1160"))
    assert checks.run_all() == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("P9999,Dr 1,1,2025-10-31,,,", "chart_number: There is no patient P9999."),
        (
            "P1042,Dr 9,1,2025-10-31,,,",
            "provider: There is no provider “Dr 9”. Add them first (Admin, Providers), or mend"
            " the name.",
        ),
        ("P1042,Dr 1,0,2025-10-31,,,", "amount: Nothing is owed here. Leave this line out."),
        ("P1042,Dr 1,ten,2025-10-31,,,", f"amount: {NOT_AN_AMOUNT}"),
        ("P1042,Dr 1,1,2099-12-31,,,", "date: The date is in the future."),
        ("P1042,Dr 1,1,1989-12-31,,,", "date: The date is too long ago. Check the year."),
        (
            "P1042,Dr 1,-1,2025-10-31,,BlueRiver Health,",
            "payer: Credit is the patient's: leave the payer empty here.",
        ),
        (
            "P1042,Dr 1,1,2025-10-31,,Nobody,",
            "payer: There is no payer “Nobody”. Add it first (Admin, Payers), or mend the name.",
        ),
        (f"P1042,Dr 1,1,2025-10-31,,,{'9' * 41}", "reference: This is longer than 40 characters."),
    ],
)
def test_sentences(smith: Patient, dr1: Provider, row: str, said: str) -> None:
    PayerFactory(name="BlueRiver Health")
    assert problems("balances", f"{HEAD}{row}\n") == [f"line 2, {said}"]
    assert not Invoice.objects.exists()


def test_a_closed_day(smith: Patient, dr1: Provider) -> None:
    ClosingDate.objects.create(
        closed_through=datetime.date(2025, 10, 31), created_by=OwnerFactory()
    )
    assert problems("balances", HEAD + "P1042,Dr 1,1,2025-10-31,,,\n") == [
        "line 2, date: The date is in a closed period (up to 31 Oct 2025)."
        " Ask an administrator to open it."
    ]


def test_credit_where_the_credit_is_negative(smith: Patient, dr1: Provider) -> None:
    line = LineFactory(patient=smith, provider=dr1, amount="50")
    receipt = PaymentFactory(patient=smith, provider=dr1, amount="20", on={line: "20"})
    ledger.reverse(
        by=OwnerFactory(), payment=receipt, date=day(0), reason="Bounced", unpay_lines=False
    )
    assert problems("balances", HEAD + "P1042,Dr 1,-1,2025-10-31,,,\n") == [
        "line 2, amount: Smith, John (P1042)'s credit with Dr 1 is negative. Settle that first, or"
        " take this as a payment at the desk."
    ]


def test_worth_a_look(smith: Patient, dr1: Provider) -> None:
    rows = "P1042,Dr 1,10,2025-10-31,,,\nP1042,Dr 1,10,2025-10-31,,,\n"
    assert warnings("balances", HEAD + rows) == ["line 3, chart_number: Line 2 says the very same."]
    LineFactory(patient=smith, provider=dr1)
    assert warnings("balances", HEAD + rows.partition("\n")[0]) == [
        "line 2, chart_number: Smith, John (P1042) has entries with Dr 1 already; this adds one."
    ]


# --- Once, and all of it or nothing --------------------------------------------------------------

ROWS = HEAD + "P1042,Dr 1,10,2025-10-31,,,\nP1042,Dr 1,-4,2025-10-31,,,\n"


def test_r10_the_same_bytes_are_imported_once(smith: Patient, dr1: Provider) -> None:
    file = bring("balances", ROWS)
    assert (file.data if file.content else b"") == b""
    before = digest()
    for again in (file, kept("balances", ROWS)):
        again_run = run_of(kept("balances", ROWS))
        with pytest.raises(NotImported, match=r"This very file was imported on .* by Ana: 1 inv"):
            list(import_file(again, again_run, OwnerFactory()))
    assert digest() == before


def test_a_file_whose_place_was_taken(smith: Patient, dr1: Provider) -> None:
    file = kept("balances", ROWS)
    run = run_of(file)
    kept("balances", ROWS + "P1042,Dr 1,11,2025-10-31,,,\n")
    with pytest.raises(NotImported, match="Another file took the place of this one"):
        list(import_file(file, run, OwnerFactory()))
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ledger.LedgerError("The date is in the future."), "Nothing was imported. The date is in"),
        (IntegrityError("taken"), "somebody saved something in between"),
    ],
)
def test_what_fails_half_way_leaves_nothing(
    smith: Patient, dr1: Provider, error: Exception, sentence: str
) -> None:
    rows = "".join(f"P1042,Dr 1,{n},2025-10-31,,,\n" for n in range(1, 700))
    file = kept("balances", HEAD + rows)
    record, calls = ledger.record_opening, []

    def second_time_fails(**arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise error
        return record(**arguments)

    before = digest()
    with (
        mock.patch.object(ledger, "record_opening", second_time_fails),
        pytest.raises(NotImported, match=sentence),
    ):
        list(import_file(file, run_of(file), OwnerFactory()))
    assert digest() == before
    assert ImportFile.objects.get().imported_at is None


def test_whoever_goes_away_half_way_leaves_nothing(smith: Patient, dr1: Provider) -> None:
    rows = "".join(f"P1042,Dr 1,{n},2025-10-31,,,\n" for n in range(1, 1_700))
    file = kept("balances", HEAD + rows)
    before = digest()
    steps = import_file(file, run_of(file), OwnerFactory())
    for step in steps:
        if step.things == "lines imported":
            break
    assert Invoice.objects.exists()
    steps.close()
    assert digest() == before
