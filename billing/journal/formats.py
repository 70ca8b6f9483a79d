"""The journal as text: CSV, and plain-text journals for hledger and beancount.

Each is made entry by entry. The same entries and the same chart give the same bytes: no file says
when it was made, so what was handed over can be compared with what would be handed over now.
Column names are documented in docs/exports.md and stay.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from billing.journal.booking import Entry, Scope
from billing.journal.chart import Account, Chart, opened_before
from billing.models import AccountType
from billing.money import currency

LONG_AGO = "1900-01-01"  # before any day a row can have

COLUMNS = (
    "date",
    "entry",
    "kind",
    "document",
    "invoice",
    "provider",
    "payer",
    "account_number",
    "account",
    "debit",
    "credit",
)


class _Line:
    """What csv writes into: hands each line back instead."""

    def write(self, line: str) -> str:
        return line


def cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def as_csv(entries: Iterable[Entry], scope: Scope, chart: Chart) -> Iterator[str]:
    """Two lines an entry, the debit first; debit and credit are never negative."""
    line: Callable[[Iterable[object]], str] = csv.writer(_Line(), lineterminator="\r\n").writerow
    yield line(COLUMNS)
    for each in entries:
        about = (
            each.date.isoformat(),
            each.name,
            each.what,
            each.document,
            each.invoice,
            cell(each.provider),
            cell(each.payer),
        )
        debit, credit = each.debit, each.credit
        yield line((*about, debit.number, cell(debit.name), each.amount, ""))
        yield line((*about, credit.number, cell(credit.name), "", each.amount))


def _opening(
    entries: Iterable[Entry], scope: Scope, chart: Chart, opening: Callable[[Account, str], str]
) -> Iterator[tuple[str, Entry | None]]:
    """Each entry, and before it the accounts it is the first to touch.

    A period opens what it uses, on the day it is used first. A batch opens at its beginning what
    no batch before it did, so that all of them can be read together.
    """
    opened: set[str] = set()
    if scope.batch:
        opened = opened_before(scope.batch)
        for account in chart.accounts():
            if account.path not in opened:
                opened.add(account.path)
                yield opening(account, LONG_AGO), None
        yield "\n", None
    for each in entries:
        for account in (each.debit, each.credit):
            if account.path not in opened:
                opened.add(account.path)
                yield opening(account, LONG_AGO if scope.batch else each.date.isoformat()), None
        yield "", each


# ---------------------------------------------------------------------------- hledger

# What hledger calls the types; its word for income is revenue.
LETTERS: dict[str, str] = {
    AccountType.ASSET.value: "A",
    AccountType.LIABILITY.value: "L",
    AccountType.EQUITY.value: "E",
    AccountType.INCOME.value: "R",
    AccountType.EXPENSE.value: "X",
}


def _remark(text: str) -> str:
    """A text as the value of a tag in a comment: a comma would end it, a colon begin another."""
    return re.sub(r"[\s,;:]+", " ", text).strip()


def as_hledger(entries: Iterable[Entry], scope: Scope, chart: Chart) -> Iterator[str]:
    """A journal for hledger."""

    def opening(account: Account, _day: str) -> str:
        return f"account {account.path}  ; type:{LETTERS[account.type]}\n"

    unit = currency().code
    yield f"; Remit journal {scope}\n\ncommodity 1000.00 {unit}\n\n"
    for directive, each in _opening(entries, scope, chart, opening):
        if each is None:
            yield directive
            continue
        tags = f"entry:{each.name}"
        tags += f", provider:{_remark(each.provider)}" if each.provider else ""
        tags += f", payer:{_remark(each.payer)}" if each.payer else ""
        yield (
            f"{each.date} ({each.document}) {each.said}  ; {tags}\n"
            f"    {each.debit.path}  {each.amount} {unit}\n"
            f"    {each.credit.path}  -{each.amount} {unit}\n\n"
        )


# ---------------------------------------------------------------------------- beancount


def _quoted(text: str) -> str:
    plain = re.sub(r"\s+", " ", text).strip()
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def as_beancount(entries: Iterable[Entry], scope: Scope, chart: Chart) -> Iterator[str]:
    """A journal for beancount; entries of the same document are linked."""

    unit = currency().code

    def opening(account: Account, day: str) -> str:
        return f"{day} open {account.path} {unit}\n"

    yield f'; Remit journal {scope}\n\noption "operating_currency" "{unit}"\n\n'
    for directive, each in _opening(entries, scope, chart, opening):
        if each is None:
            yield directive
            continue
        links = f"^{each.document}"
        links += f" ^{each.invoice}" if each.invoice not in ("", each.document) else ""
        who = f"  provider: {_quoted(each.provider)}\n" if each.provider else ""
        who += f"  payer: {_quoted(each.payer)}\n" if each.payer else ""
        yield (
            f'{each.date} * "{each.document}" "{each.said}" {links}\n'
            f'  entry: "{each.name}"\n{who}'
            f"  {each.debit.path}  {each.amount} {unit}\n"
            f"  {each.credit.path}  -{each.amount} {unit}\n\n"
        )


# ---------------------------------------------------------------------------- which there are


@dataclass(frozen=True)
class Format:
    """A way to write the journal down."""

    name: str
    label: str
    ending: str
    content_type: str
    write: Callable[[Iterable[Entry], Scope, Chart], Iterator[str]]


FORMATS = {
    each.name: each
    for each in (
        Format("csv", "CSV", "csv", "text/csv; charset=utf-8", as_csv),
        Format("hledger", "hledger", "journal", "text/plain; charset=utf-8", as_hledger),
        Format("beancount", "beancount", "beancount", "text/plain; charset=utf-8", as_beancount),
    )
}
TOGETHER = 500  # pieces of text that are sent as one


def in_format(name: str, entries: Iterable[Entry], scope: Scope, chart: Chart) -> Iterator[bytes]:
    """The journal in one of FORMATS, some entries at a time."""
    waiting: list[str] = []
    for text in FORMATS[name].write(entries, scope, chart):
        waiting.append(text)
        if len(waiting) == TOGETHER:
            yield "".join(waiting).encode()
            waiting.clear()
    yield "".join(waiting).encode()
