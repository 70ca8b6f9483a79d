"""An invoice in words: its charges, what came off each, and what is left for whom."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from billing import balances
from billing.balances import PaidBy
from billing.documents.issuing import Draft
from billing.documents.texts import (
    NARROW,
    addressed,
    how,
    joined,
    modifiers_of,
    of_clinic,
    plain,
    void_of,
)
from billing.models import Clinic, DocumentKind, Invoice, InvoiceLine
from billing.money import ZERO, show, show_dollars
from billing.wording import day


def invoice(clinic: Clinic, of: Invoice) -> Draft:
    """An issued invoice as it stands now."""
    assert of.issued_on is not None  # noqa: S101
    lines = list(of.lines.select_related("provider", "payer", "void").oldest_first())
    links = balances.paid_by(line.pk for line in lines)
    totals = balances.line_totals(lines)
    own = sum((line.balance for line in lines if not line.payer_id), ZERO)
    due_by = of.issued_on + datetime.timedelta(days=clinic.payment_terms)
    return Draft(
        kind=DocumentKind.INVOICE,
        subject=f"invoice:{of.pk}",
        patient=of.patient,
        invoice=of,
        data={
            **of_clinic(clinic),
            "to": addressed(of.patient),
            "facts": [
                ["Invoice", str(of)],
                ["Issued", day(of.issued_on)],
                ["Chart", of.patient.chart_number],
            ],
            "due": {
                "label": "Amount due",
                "amount": show_dollars(own),
                "asked": own > 0,
                "lines": (
                    ["This invoice is void."]
                    if all(void_of(line) for line in lines)
                    else _beside(own, totals.balance - own, due_by)
                ),
            },
            "lines": [_line(line) for line in lines],
            "totals": {
                "charge": show(totals.charged),
                "adjusted": show(-totals.adjusted),
                "paid": show(-totals.paid),
                "balance": show(totals.balance),
            },
            "payments": _payments(lines, links),
            "breakdown": _breakdown(lines, own),
            "notes": [plain(clinic.statement_message)] if clinic.statement_message else [],
        },
    )


def _beside(own: Decimal, waiting: Decimal, due_by: datetime.date) -> list[str]:
    said = [f"Due by {day(due_by)}"] if own else []
    if waiting:
        said.append(f"{show_dollars(waiting)} {'more ' if own else ''}is waiting for insurance.")
    return said or ["Paid in full. Thank you."]


def _line(line: InvoiceLine) -> dict[str, str]:
    units = f"\u00d7 {line.units}" if line.units != 1 else ""
    waiting = f"waiting for {line.payer.name}" if line.payer and line.balance else ""
    void = void_of(line)
    voided = f"void since {day(void.date)}: {void.reason}" if void else ""
    return {
        "date": day(line.service_date),
        "text": plain(line.description),
        "more": plain(joined([line.code, modifiers_of(line), units, waiting, voided])),
        "provider": plain(line.provider.name, NARROW),
        "charge": show(line.amount),
        "adjusted": show(-line.adjusted),
        "paid": show(-line.paid),
        "balance": show(line.balance),
    }


def _payments(
    lines: Sequence[InvoiceLine], links: Mapping[int, Sequence[PaidBy]]
) -> list[dict[str, str]]:
    """Each payment once, with what of it is on this invoice."""
    sums: dict[int, Decimal] = {}
    payments = {}
    for line in lines:
        for link in links.get(line.pk, []):
            payments[link.payment.pk] = link.payment
            sums[link.payment.pk] = sums.get(link.payment.pk, ZERO) + link.amount
    found = sorted(payments.values(), key=lambda payment: (payment.date, payment.pk))
    return [
        {
            "date": day(payment.date),
            "text": plain(
                joined(
                    [
                        payment.payer.name if payment.payer else f"Payment {payment.number}",
                        how(payment),
                        "reversed since" if payment.reversed else "",
                    ]
                )
            ),
            "amount": show(sums[payment.pk]),
        }
        for payment in found
    ]


def _breakdown(lines: Sequence[InvoiceLine], own: Decimal) -> list[list[str]]:
    """Who owes the balance, where an insurer is among them."""
    waiting: dict[str, Decimal] = {}
    for line in lines:
        if line.payer and line.balance:
            name = plain(line.payer.name)
            waiting[name] = waiting.get(name, ZERO) + line.balance
    if not waiting:
        return []
    total = own + sum(waiting.values(), ZERO)
    owed: list[list[Any]] = [[name, show(amount)] for name, amount in waiting.items()]
    return [*owed, ["You", show(own)], ["Balance", show(total)]]
