"""Which payment paid which line, and the lines as the arithmetic of a screen wants them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import (
    Count,
    Q,
    Sum,
)

from billing.models import Adjustment, Allocation, InvoiceLine, Payment
from billing.models.prepared import Ids, Prepared
from billing.money import ZERO
from billing.sharing import CreditLine, LineState
from patients.models import Patient, Payer


@dataclass(frozen=True)
class PaidBy:
    """So much of a line was paid by this receipt."""

    payment: Payment
    line_id: int
    amount: Decimal


def paid_by(lines: Iterable[int]) -> dict[int, list[PaidBy]]:
    """Line → the receipts that pay it now, oldest first: the Paid by chips."""
    return _links(Q(line__in=list(lines)), key="line")


def pays(payments: Iterable[int]) -> dict[int, list[PaidBy]]:
    """Receipt → the lines it pays now."""
    return _links(Q(payment__in=list(payments)), key="payment")


def _links(where: Q, *, key: str) -> dict[int, list[PaidBy]]:
    sums = [
        row
        for row in Allocation.objects.filter(where)
        .values_list("payment", "line")
        .annotate(held=Sum("amount"))
        .order_by()
        if row[2]
    ]
    receipts = Payment.objects.with_names().in_bulk({payment for payment, _line, _held in sums})
    links: dict[int, list[PaidBy]] = defaultdict(list)
    for payment, line, held in sums:
        link = PaidBy(receipts[payment], line, held)
        links[line if key == "line" else payment].append(link)
    for found in links.values():
        found.sort(key=lambda link: (link.payment.date, link.payment.pk, link.line_id))
    return links


def goes_back(released: Iterable[tuple[int, Decimal]]) -> list[list[PaidBy]]:
    """For each (line, amount) the patients' receipts that amount is released from, and how much.

    What an insurer's payment does to them when it is saved: reversed ones first, then the newest.
    """
    wanted = list(released)
    held = {
        line: [link for link in links if link.payment.patient_id]
        for line, links in paid_by({line for line, _amount in wanted}).items()
    }
    found = []
    for line, amount in wanted:
        links = held.get(line, [])
        links.sort(key=lambda each: (each.payment.reversed, each.payment.date, each.payment.pk))
        taken = []
        while amount > 0 and links:
            newest = links.pop()
            part = min(amount, newest.amount)
            taken.append(replace(newest, amount=part))
            amount -= part
            if part < newest.amount:
                links.append(replace(newest, amount=newest.amount - part))
        found.append(taken)
    return found


SUMS = Prepared(
    lambda: (
        InvoiceLine.objects.issued()
        .filter(pk__among=Ids("lines"))
        .values_list("pk", "amount", "paid", "adjusted", "payer")
        .order_by()
    )
)
BY_INSURERS = Prepared(
    lambda: (
        Allocation.objects.filter(line__among=Ids("lines"), payment__payer__isnull=False)
        .values_list("line", "payment__payer")
        .annotate(held=Sum("amount"))
        .order_by()
    )
)


def line_states(lines: Sequence[InvoiceLine], payer: Payer | None = None) -> list[LineState]:
    """The lines as `sharing` wants them: paid by whom, before the payment on the screen."""
    return line_states_by_id([line.pk for line in lines], payer)


def line_states_by_id(ids: Sequence[int], payer: Payer | None = None) -> list[LineState]:
    """As line_states, in the order of the ids, without making the lines: for live figures."""
    sums = {pk: rest for pk, *rest in SUMS.rows(lines=ids)}
    insurers: dict[int, Decimal] = defaultdict(lambda: ZERO)
    this_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    if any(paid for _amount, paid, _adjusted, _owed_by in sums.values()):
        for line_id, payer_id, held in BY_INSURERS.rows(lines=ids):
            insurers[line_id] += held
            if payer and payer_id == payer.pk:
                this_payer[line_id] += held
    return [
        LineState(
            id=pk,
            amount=amount,
            adjusted=adjusted,
            by_patient=paid - insurers[pk],
            by_insurers=insurers[pk],
            by_this_payer=this_payer[pk],
            row=str(pk),
            waits=bool(payer and owed_by == payer.pk and this_payer[pk]),
        )
        for pk in ids
        if pk in sums
        for amount, paid, adjusted, owed_by in [sums[pk]]
    ]


def credit_lines(lines: Sequence[InvoiceLine]) -> tuple[list[CreditLine], dict[int, list[PaidBy]]]:
    """The lines as Credit allocation wants them, and who paid each."""
    links = paid_by(line.pk for line in lines)
    rows = []
    for line in lines:
        own = [link for link in links.get(line.pk, []) if link.payment.patient_id]
        rows.append(
            CreditLine(
                id=line.pk,
                amount=line.amount,
                paid=line.paid,
                balance=line.balance,
                held=sum((link.amount for link in own), ZERO),
                held_by_reversed=sum((link.amount for link in own if link.payment.reversed), ZERO),
            )
        )
    return rows, links


def held_lines(uses: Iterable[tuple[InvoiceLine, Decimal]]) -> list[CreditLine]:
    """Lines with what one receipt has on each, as a refund that un-pays first wants them."""
    return [
        CreditLine(
            id=line.pk,
            amount=line.amount,
            paid=line.paid,
            balance=line.balance,
            held=held,
            held_by_reversed=ZERO,
        )
        for line, held in uses
    ]


def adjustments_with(payment: Payment) -> Decimal:
    """Write-offs that came with an insurer's payment and still stand."""
    found = Adjustment.objects.filter(payment=payment).aggregate(total=Sum("amount"))["total"]
    return found if found is not None else ZERO


def unpaid_of(
    patients: Iterable[Patient], *, payer: Payer | None = None
) -> dict[int, tuple[int, Decimal]]:
    """Patient → how many lines of theirs are unpaid, and what these owe together.

    With a payer, only the lines that wait for this payer.
    """
    lines = InvoiceLine.objects.open().filter(patient__in=list(patients))
    if payer:
        lines = lines.filter(payer=payer)
    rows = lines.values_list("patient").annotate(count=Count("pk"), owed=Sum("balance")).order_by()
    return {patient: (count, owed) for patient, count, owed in rows}
