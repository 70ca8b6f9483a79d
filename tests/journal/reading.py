"""The journal as tests look at it: its entries, its texts, and what an accounting tool makes of it."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum

from billing import journal
from billing.models import Adjustment, InvoiceLine, Offset, Payment
from billing.models.payments import MOVED

ZERO = Decimal("0.00")


def scope_and_chart(**what: Any) -> tuple[journal.Scope, journal.Chart]:
    scope = journal.Scope(**what)
    return scope, journal.Chart.of(scope.batch) if scope.batch else journal.Chart.current()


def booked(**what: Any) -> list[journal.Entry]:
    return list(journal.entries(*scope_and_chart(**what)))


def names(**what: Any) -> list[str]:
    """The entries, by the rows they come from."""
    return [entry.name for entry in booked(**what)]


def texts(**what: Any) -> dict[str, bytes]:
    """As it is downloaded, in every format."""
    scope, chart = scope_and_chart(**what)
    return {
        name: b"".join(journal.in_format(name, journal.entries(scope, chart), scope, chart))
        for name in journal.FORMATS
    }


def by_path(**what: Any) -> dict[str, Decimal]:
    """Path → balance of our own trial balance, without those at 0.00."""
    trial = journal.trial(*scope_and_chart(**what))
    assert trial.difference == 0
    return {each.account.path: each.balance for each in trial.accounts if each.balance}


def from_the_books() -> dict[str, Decimal]:
    """The same, added up from the balances and totals that stand on the books: no journal in it."""
    chart = journal.Chart.current()
    found: dict[str, Decimal] = defaultdict(lambda: ZERO)

    def put(key: str, amount: Decimal | None, provider: int | None = None) -> None:
        found[chart.account(key, provider).path] += amount or ZERO

    put("receivable", InvoiceLine.objects.aggregate(sum=Sum("balance"))["sum"])
    for key, whose in (("patients", {"payer": None}), ("payers", {"patient": None})):
        free = Payment.objects.filter(**whose).aggregate(sum=Sum("unallocated"))["sum"] or ZERO
        put(f"credit:{key}", -free)
    issued = InvoiceLine.objects.issued().values_list("provider").order_by()
    for provider, amount in issued.annotate(sum=Sum("amount")):
        put("income", -amount, provider)
    for row in Payment.objects.select_related("original"):
        if row.kind not in MOVED and (row.original is None or row.original.kind not in MOVED):
            method = row.method or (row.original.method if row.original else "") or "other"
            put(f"cash:{method}", row.amount)
    for adjustment in Adjustment.objects.all():
        put(f"adjustment:{adjustment.kind}", adjustment.amount)
    for offset in Offset.objects.all():
        put(f"offset:{offset.kind}", offset.amount)
    return {path: amount for path, amount in found.items() if amount}


# ---------------------------------------------------------------------------- outside tools


def _beancount(module: str) -> Any:
    """beancount is GPL: a program tests run the journal through, never a part of Remit."""
    try:
        return importlib.import_module(f"beancount.{module}")
    except ImportError:
        pytest.fail("beancount is missing. It is in requirements-dev.lock: make .venv/.dev")


def beancount(file: Path) -> dict[str, Decimal]:
    """Account → balance as beancount adds it up, of a journal it has nothing to say against."""
    found, errors, _options = _beancount("loader").load_file(str(file))
    assert errors == []
    transaction = _beancount("core.data").Transaction
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for each in found:
        for posting in each.postings if isinstance(each, transaction) else ():
            assert posting.units.currency == "USD"
            sums[posting.account] += posting.units.number
    return {account: amount for account, amount in sums.items() if amount}


def hledger(*files: Path) -> dict[str, Decimal]:
    """Account → balance as hledger adds it up, of a journal it has nothing to say against."""
    program = shutil.which("hledger")
    if program is None:
        pytest.skip("hledger is not installed (Debian and Ubuntu: apt-get install hledger)")
    given = [word for file in files for word in ("-f", str(file))]
    subprocess.run([program, *given, "check", "--strict"], check=True)
    command = [program, *given, "balance", "--flat", "--no-total", "-O", "json"]
    answer = subprocess.run(command, check=True, capture_output=True)
    rows, _totals = json.loads(answer.stdout, parse_float=Decimal)
    return {
        row[0]: Decimal(amount["aquantity"]["decimalMantissa"]).scaleb(
            -amount["aquantity"]["decimalPlaces"]
        )
        for row in rows
        for amount in row[3]
    }
