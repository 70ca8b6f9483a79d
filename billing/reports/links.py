"""Where the cells of a report lead."""

from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse

from billing.reports.columns import Row

Link = Callable[[Row], str | None]


def to_payment(name: str) -> Link:
    """To a receipt: R-2207 is a patient's, IP-0318 an insurer's, T-0012 credit that was moved."""

    def link(row: Row) -> str | None:
        return _payment(row[name])

    return link


def _payment(number: str) -> str | None:
    screen = "insurance_payment_detail" if number.startswith("IP-") else "payment_detail"
    return reverse(f"billing:{screen}", args=[number]) if number else None


def to_invoice(name: str) -> Link:
    def link(row: Row) -> str | None:
        return reverse("billing:invoice_detail", args=[row[name]]) if row[name] else None

    return link


def to_document(name: str) -> Link:
    """To an invoice or a receipt, by how its number begins."""

    def link(row: Row) -> str | None:
        number = row[name]
        if number.startswith("INV-"):
            return reverse("billing:invoice_detail", args=[number])
        return _payment(number)

    return link


def to_account(name: str) -> Link:
    """To a patient's account, by the chart number in a column."""

    def link(row: Row) -> str | None:
        return reverse("billing:patient_account", args=[row[name]]) if row[name] else None

    return link
