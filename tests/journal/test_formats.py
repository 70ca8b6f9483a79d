"""The journal as text: names that tools take, and nothing about patients."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from billing import journal, ledger
from billing.journal.chart import Chart, component
from billing.journal.formats import COLUMNS, cell
from billing.models import LedgerAccount
from tests.factories import (
    InsurancePaymentFactory,
    LineFactory,
    OwnerFactory,
    PatientFactory,
    PayerFactory,
    PaymentFactory,
    ProviderFactory,
)
from tests.factories.bills import day
from tests.journal.reading import beancount, by_path, hledger, texts

ODD = [
    '=1+1"; drop',
    'Dr "Quote" \\ O\'Neil',
    "Ärzte, Søren & Co; gmbh: x",
    "李",
    "a  b",
    "-",
    "@x",
]
# What both tools take, and a good deal less.
VALID = re.compile(
    r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+", re.ASCII
)


@given(
    st.lists(st.text(max_size=80), min_size=2, max_size=6),
    st.lists(st.text(max_size=80), min_size=2, max_size=6),
)
@example(["Dr. Müller", "Dr Muller"], ["Fees", "Fees"])
@example(["12", "-"], ["4000-12", ""])
def test_two_accounts_never_become_one(providers: list[str], accounts: list[str]) -> None:
    chart = Chart(
        {
            "income": ("4000", accounts[0], "income"),
            **{f"k{n}": (f"40{n}", name, "income") for n, name in enumerate(accounts)},
        },
        {1: ("4001", accounts[0], "income")},
        dict(enumerate(providers, 1)),
        {},
    )
    found = [*chart.accounts(), chart.account("income")]
    assert len({account.path for account in found}) == len(found)
    assert len({account.number for account in found}) == len(found)
    for account in found:
        assert VALID.fullmatch(account.path), account.path


def test_a_part_of_a_path_reads_well() -> None:
    assert component("2100", "Unallocated credit: Patients") == "2100-Unallocated-credit-Patients"
    assert component("12", "Dr. Müller") == "12-Dr-Muller"
    assert component("12", "李") == "12"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM", "'@SUM"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (" =1", "' =1"),
        ("Dr 1", "Dr 1"),
        ("", ""),
    ],
)
def test_no_name_becomes_a_formula(typed: str, written: str) -> None:
    assert cell(typed) == written


@pytest.fixture
def odd_clinic(db: None) -> Any:
    for name in ODD:
        payer, provider = PayerFactory(name=name), ProviderFactory(name=name)
        line = LineFactory(amount="50", provider=provider, owed_by=payer)
        InsurancePaymentFactory(payer=payer, amount="30", on={line: ("30", "5")})
    return ODD


@pytest.mark.usefixtures("odd_clinic")
def test_the_csv_is_read_back_by_pythons_csv() -> None:
    LedgerAccount.objects.filter(key="receivable").update(name="=HYPERLINK()")
    text = texts()["csv"].decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * 4 * len(ODD)
    for debit, credit in zip(rows[::2], rows[1::2], strict=True):
        assert debit["entry"] == credit["entry"]
        assert (debit["credit"], credit["debit"]) == ("", "")
        assert debit["debit"] == credit["credit"]
        assert re.fullmatch(r"\d+\.\d\d", debit["debit"])
    total = sum(Decimal(row["debit"] or 0) for row in rows)
    assert (
        total == sum(Decimal(row["credit"] or 0) for row in rows) == len(ODD) * (50 + 30 + 30 + 5)
    )
    assert {row["provider"] for row in rows} > {"'=1+1\"; drop", "李", "'@x", "'-"}
    assert not [
        value for row in rows for value in row.values() if value[:1] in ("=", "+", "-", "@")
    ]


@pytest.mark.usefixtures("odd_clinic")
def test_beancount_takes_odd_names(tmp_path: Path) -> None:
    file = tmp_path / "odd.beancount"
    file.write_bytes(texts()["beancount"])
    assert beancount(file) == by_path()


@pytest.mark.usefixtures("odd_clinic")
def test_hledger_takes_odd_names(tmp_path: Path) -> None:
    file = tmp_path / "odd.journal"
    file.write_bytes(texts()["hledger"])
    assert hledger(file) == by_path()


@pytest.mark.django_db
def test_no_patient_is_named() -> None:
    patient = PatientFactory(family_name="Zzyzxson", given_name="Quentina")
    line = LineFactory(patient=patient)
    PaymentFactory(
        patient=patient, provider=line.provider, on={line: "20"}, reference="Zzyzxson's card"
    )
    ledger.void_line(by=OwnerFactory(), line=line, date=day(0), reason="Zzyzxson asked")
    for text in texts().values():
        for secret in ("Zzyzxson", "Quentina", patient.chart_number):
            assert secret.encode() not in text


@pytest.mark.django_db
def test_batches_are_read_together(tmp_path: Path) -> None:
    by = OwnerFactory()
    late = LineFactory(provider=ProviderFactory(name="Dr 1"), ago=9)
    PaymentFactory(patient=late.patient, provider=late.provider, ago=8, on={late: "20"})
    batches = [ledger.make_journal_batch(by=by, through=day(8)).batch]
    LineFactory(provider=ProviderFactory(name="Dr 2"), ago=20)  # lands late, and is of a new one
    LedgerAccount.objects.filter(key="receivable").update(name="Debtors")
    batches += [ledger.make_journal_batch(by=by, through=day(0)).batch]
    for name, form in journal.FORMATS.items():
        for batch in batches:
            (tmp_path / f"{batch}.{form.ending}").write_bytes(texts(batch=batch)[name])
    main = tmp_path / "main.beancount"
    main.write_text("".join(f'include "{batch}.beancount"\n' for batch in batches))
    expected = {
        "Assets:1100-Accounts-receivable": 80,
        "Assets:1100-Debtors": 100,
        "Assets:1010-Cash-Cash": 20,
        f"Income:4000-Professional-fees:{late.provider_id}-Dr-1": -100,
        f"Income:4000-Professional-fees:{late.provider_id + 1}-Dr-2": -100,
    }
    assert beancount(main) == expected
    assert hledger(*(tmp_path / f"{batch}.journal" for batch in batches)) == expected
