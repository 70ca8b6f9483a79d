"""A patient's charges and payments, row by row."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing.balances.links import PaidBy, paid_by, pays
from billing.models import InvoiceLine, Kind, LineVoid, Payment
from billing.models.payments import UNDOING
from billing.money import ZERO
from patients.models import Patient, Provider


@dataclass(frozen=True)
class HistoryRow:
    """A line of the financial history. `balance` is what it still adds to the net balance."""

    date: datetime.date
    provider: Provider
    balance: Decimal
    charge: Decimal | None = None
    paid: Decimal | None = None
    line: InvoiceLine | None = None
    void: LineVoid | None = None
    payment: Payment | None = None
    links: Sequence[PaidBy] = field(default_factory=list)
    lines: Mapping[int, InvoiceLine] = field(default_factory=dict)
    under: bool = False

    @property
    def pays(self) -> list[tuple[InvoiceLine, Decimal]]:
        """The lines a payment pays, with how much; a charge pays none."""
        if self.payment is None:
            return []
        return [(self.lines[link.line_id], link.amount) for link in self.links]


def history(
    patient: Patient,
    *,
    provider: Provider | None = None,
    show: str = "everything",
    since: datetime.date | None = None,
    deleted: bool = False,
) -> list[HistoryRow]:
    """A patient's charges and payments, newest first; every reversal under its payment, every
    void under its line, with what it took off.

    Deleted payments are left out unless `deleted`, or they still pay a line. With no filter the
    balances of the rows add up to the patient's net balance.
    """
    lines = InvoiceLine.objects.issued().with_names().select_related("void__created_by")
    lines = lines.filter(patient=patient)
    payments = Payment.objects.with_names().filter(patient=patient).select_related("original")
    if provider:
        lines, payments = lines.filter(provider=provider), payments.filter(provider=provider)
    charges = {line.pk: line for line in lines}
    rows: list[tuple[tuple[datetime.date, int, int], list[HistoryRow]]] = []
    if show != "payments":
        links = paid_by(charges)
        for line in charges.values():
            assert line.issued_on  # noqa: S101
            rows.append(((line.issued_on, 0, line.pk), _charge_group(line, links)))
    if show != "charges":
        rows += _payment_groups(list(payments), deleted=deleted)
    rows.sort(key=lambda group: group[0], reverse=True)
    return [row for _age, group in rows for row in group if since is None or group[0].date >= since]


def _charge_group(line: InvoiceLine, links: Mapping[int, Sequence[PaidBy]]) -> list[HistoryRow]:
    """The charge; and where it was voided, the correction that took it off again."""
    assert line.issued_on  # noqa: S101
    void = line.void if line.voided else None
    charge = HistoryRow(
        date=line.issued_on,
        provider=line.provider,
        charge=line.amount,
        paid=line.paid,
        balance=line.balance,
        line=line,
        void=void,
        links=links.get(line.pk, []),
    )
    if void is None:
        return [charge]
    return [
        charge,
        HistoryRow(
            date=void.date,
            provider=line.provider,
            charge=-line.amount,
            balance=ZERO,
            line=line,
            void=void,
            under=True,
        ),
    ]


def _payment_groups(
    payments: Sequence[Payment], *, deleted: bool
) -> list[tuple[tuple[datetime.date, int, int], list[HistoryRow]]]:
    undone = {row.original_id: row for row in payments if row.kind in UNDOING}
    links = pays(row.pk for row in payments if row.is_money_in)
    lines = InvoiceLine.objects.with_names().in_bulk(
        {link.line_id for found in links.values() for link in found}
    )
    groups = []
    for payment in payments:
        if payment.kind in UNDOING:
            continue
        undoing = undone.get(payment.pk)
        gone = undoing is not None and undoing.kind == Kind.VOID and not payment.unallocated
        if gone and not deleted:
            continue
        own = links.get(payment.pk, [])
        assert payment.provider  # noqa: S101
        group = [
            HistoryRow(
                date=payment.date,
                provider=payment.provider,
                paid=payment.amount,
                balance=ZERO if undoing else -payment.unallocated,
                payment=payment,
                links=own,
                lines=lines,
            )
        ]
        if undoing:
            group.append(
                HistoryRow(
                    date=undoing.date,
                    provider=payment.provider,
                    paid=undoing.amount,
                    balance=-payment.unallocated,
                    payment=undoing,
                    links=own,
                    lines=lines,
                    under=True,
                )
            )
        groups.append(((payment.date, 1, payment.pk), group))
    return groups
