"""A deposit slip in words: the checks with their numbers, the other methods, and what it comes to.

It is no document that is issued: what lies on a slip never changes, so it is read from there each
time it is printed.
"""

from __future__ import annotations

from typing import Any

from billing import balances
from billing.documents.texts import of_clinic, plain
from billing.models import Clinic, Deposit, Kind, Method, Payment
from billing.money import show, show_dollars
from billing.wording import day, full_name


def deposit_slip(clinic: Clinic, deposit: Deposit) -> dict[str, Any]:
    """Everything printed on a slip, as texts."""
    slip = balances.slip(deposit)
    checks = [row for row in slip.rows if row.method == Method.CHECK]
    others = [row for row in slip.rows if row.method != Method.CHECK]
    count = len(slip.rows)
    return {
        **of_clinic(clinic),
        "number": deposit.number,
        "issued_on": day(deposit.date),
        "facts": [["Saved by", plain(full_name(deposit.created_by))]],
        "to": [],
        "due_on": "",
        "due": {
            "label": "Deposit",
            "amount": show_dollars(slip.total),
            "asked": False,
            "lines": [f"{count} {'payment' if count == 1 else 'payments'}"],
        },
        "parts": [
            {
                "heading": heading,
                "label": label,
                "rows": [_row(row) for row in rows],
                "total": show(balances.money_total(rows)),
            }
            for heading, label, rows in (
                ("Checks", "Check no.", checks),
                ("Cash and other methods", "Method", others),
            )
            if rows
        ],
        "methods": [
            *([each.name, show(each.total)] for each in slip.methods),
            ["Deposit", show(slip.total)],
        ],
        "signatures": ["Prepared by", "Received by the bank", "Date"],
        "notes": [],
    }


def _row(row: Payment) -> dict[str, str]:
    """A check is told by its number, anything else by its method."""
    what = row.reference if row.method == Method.CHECK else row.get_method_display()
    more = {Kind.REVERSAL: "Reversed", Kind.REFUND: "Refund"}.get(Kind(row.kind), "")
    return {
        "what": plain(what) or "-",
        "number": row.shown_under,
        "more": f"{more}: {plain(row.reason)}" if more else "",
        "date": day(row.date),
        "from": plain(row.received_from),
        "amount": show(row.amount),
    }
