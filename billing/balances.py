"""The sums: what is owed, what is credit, which payment paid which line, and why.

The only module that adds money up from the database. It writes nothing.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Q, Sum

from billing.models import Adjustment, Allocation, InvoiceLine, Kind, Payment
from billing.models.payments import UNDOING
from billing.money import ZERO
from billing.sharing import CreditLine, LineState
from patients.models import Patient, Payer, Provider

# ---------------------------------------------------------------------------- accounts


@dataclass(frozen=True)
class AccountBalance:
    """One patient with one provider: what the invoices owe, and the credit beside them."""

    provider: Provider | None
    invoices: Decimal
    credit: Decimal

    @property
    def net(self) -> Decimal:
        return self.invoices - self.credit


def accounts(patient: Patient) -> list[AccountBalance]:
    """A patient's balances per provider, for every provider with a line or a payment."""
    invoices: dict[int, Decimal] = {
        provider: total
        for provider, total in InvoiceLine.objects.issued()
        .filter(patient=patient)
        .values_list("provider")
        .annotate(total=Sum("balance"))
        .order_by()
    }
    credit: dict[int, Decimal] = {
        provider: total
        for provider, total in Payment.objects.money_in()
        .filter(patient=patient)
        .values_list("provider")
        .annotate(total=Sum("unallocated"))
        .order_by()
    }
    providers = Provider.objects.filter(pk__in={*invoices, *credit})
    return [
        AccountBalance(each, invoices.get(each.pk, ZERO), credit.get(each.pk, ZERO))
        for each in providers
    ]


def account(patient: Patient, provider: Provider) -> AccountBalance:
    """The balances of one account; zeros where nothing ever happened."""
    found = [each for each in accounts(patient) if each.provider == provider]
    return found[0] if found else AccountBalance(provider, ZERO, ZERO)


def total(balances: Iterable[AccountBalance]) -> AccountBalance:
    """The row for all providers together."""
    listed = list(balances)
    return AccountBalance(
        None,
        sum((each.invoices for each in listed), ZERO),
        sum((each.credit for each in listed), ZERO),
    )


# ---------------------------------------------------------------------------- who paid what


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


def line_states(lines: Sequence[InvoiceLine], payer: Payer | None = None) -> list[LineState]:
    """The lines as `sharing` wants them: paid by whom, before the payment on the screen."""
    ids = [line.pk for line in lines]
    insurers: dict[int, Decimal] = defaultdict(lambda: ZERO)
    this_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    if any(line.paid for line in lines):
        rows = (
            Allocation.objects.filter(line__in=ids, payment__payer__isnull=False)
            .values_list("line", "payment__payer")
            .annotate(held=Sum("amount"))
            .order_by()
        )
        for line_id, payer_id, held in rows:
            insurers[line_id] += held
            if payer and payer_id == payer.pk:
                this_payer[line_id] += held
    return [
        LineState(
            id=line.pk,
            amount=line.amount,
            adjusted=line.adjusted,
            by_patient=line.paid - insurers[line.pk],
            by_insurers=insurers[line.pk],
            by_this_payer=this_payer[line.pk],
        )
        for line in lines
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
                held_by_reversed=sum(
                    (link.amount for link in own if link.payment.reversed), ZERO
                ),
            )
        )
    return rows, links


# ---------------------------------------------------------------------------- negative credit


@dataclass(frozen=True)
class NegativeCredit:
    """Why an account's credit is below zero: the reversed receipts and the lines they still pay."""

    balance: AccountBalance
    causes: Sequence[tuple[Payment, Sequence[tuple[InvoiceLine, Decimal]]]]

    @property
    def lines(self) -> list[tuple[InvoiceLine, Decimal]]:
        return [each for _payment, lines in self.causes for each in lines]

    @property
    def on_lines(self) -> Decimal:
        """What un-paying those lines would bring back."""
        return sum((amount for _line, amount in self.lines), ZERO)


def negative_credits(
    patient: Patient, balances: Iterable[AccountBalance]
) -> list[NegativeCredit]:
    """One explanation for each account whose credit is negative."""
    negative = [each for each in balances if each.credit < 0]
    if not negative:
        return []
    receipts = list(
        Payment.objects.overdrawn().filter(patient=patient).with_names().oldest_first()
    )
    links = pays(receipt.pk for receipt in receipts)
    lines = InvoiceLine.objects.with_names().in_bulk(
        [link.line_id for found in links.values() for link in found]
    )
    return [
        NegativeCredit(
            balance,
            [
                (
                    receipt,
                    [(lines[link.line_id], link.amount) for link in links.get(receipt.pk, [])],
                )
                for receipt in receipts
                if receipt.provider_id == (balance.provider and balance.provider.pk)
            ],
        )
        for balance in negative
    ]


def undoing_of(payments: Iterable[Payment]) -> dict[int, Payment]:
    """Payment → the reversal or void that answers it."""
    return {
        row.original_id: row
        for row in Payment.objects.filter(original__in=list(payments), kind__in=UNDOING)
        .select_related("created_by")
        .order_by()
        if row.original_id
    }


# ---------------------------------------------------------------------------- before undoing


@dataclass(frozen=True)
class Effect:
    """An account now and after undoing a payment, for either choice about the lines it paid."""

    now: AccountBalance
    unpaid: AccountBalance
    left_paid: AccountBalance


def effects_of_undoing(payment: Payment) -> list[Effect]:
    """What reversing or deleting a patient's receipt would do to each account it touches.

    Net rises by the money that was never there; un-paying moves what it holds from credit to
    invoices. Covering moves nothing between the three figures, so it needs no look-ahead.
    """
    outs = Payment.objects.filter(source=payment, kind=Kind.TRANSFER_OUT, reversed=False)
    moved = Payment.objects.filter(
        kind=Kind.TRANSFER_IN, source__isnull=True, original__in=outs, reversed=False
    )
    receipts = [payment, *moved.select_related("patient", "provider")]
    held = pays(receipt.pk for receipt in receipts)
    effects = []
    for receipt in receipts:
        assert receipt.patient and receipt.provider  # noqa: S101  (patients' money only)
        now = account(receipt.patient, receipt.provider)
        on_lines = sum((link.amount for link in held.get(receipt.pk, [])), ZERO)
        elsewhere = (
            sum((row.amount for row in moved), ZERO) if receipt.pk == payment.pk else ZERO
        )
        lost = receipt.amount - elsewhere
        effects.append(
            Effect(
                now=now,
                unpaid=AccountBalance(
                    now.provider, now.invoices + on_lines, now.credit - lost + on_lines
                ),
                left_paid=AccountBalance(now.provider, now.invoices, now.credit - lost),
            )
        )
    return effects


# ---------------------------------------------------------------------------- history


@dataclass(frozen=True)
class HistoryRow:
    """A line of the financial history. `balance` is what it still adds to the net balance."""

    date: datetime.date
    provider: Provider
    balance: Decimal
    charge: Decimal | None = None
    paid: Decimal | None = None
    line: InvoiceLine | None = None
    payment: Payment | None = None
    links: Sequence[PaidBy] = field(default_factory=list)
    lines: Mapping[int, InvoiceLine] = field(default_factory=dict)
    under: bool = False

    @property
    def pays(self) -> list[tuple[InvoiceLine, Decimal]]:
        """The lines a payment pays, with how much."""
        return [(self.lines[link.line_id], link.amount) for link in self.links]


def history(
    patient: Patient,
    *,
    provider: Provider | None = None,
    show: str = "everything",
    since: datetime.date | None = None,
    deleted: bool = False,
) -> list[HistoryRow]:
    """A patient's charges and payments, newest first; every reversal under its payment.

    Deleted payments are left out unless `deleted`, or they still pay a line. With no filter the
    balances of the rows add up to the patient's net balance.
    """
    lines = InvoiceLine.objects.issued().with_names().filter(patient=patient)
    payments = Payment.objects.with_names().filter(patient=patient).select_related("original")
    if provider:
        lines, payments = lines.filter(provider=provider), payments.filter(provider=provider)
    charges = {line.pk: line for line in lines}
    rows: list[tuple[tuple[datetime.date, int, int], list[HistoryRow]]] = []
    if show != "payments":
        links = paid_by(charges)
        for line in charges.values():
            assert line.issued_on  # noqa: S101
            charge = HistoryRow(
                date=line.issued_on,
                provider=line.provider,
                charge=line.amount,
                paid=line.paid,
                balance=line.balance,
                line=line,
                links=links.get(line.pk, []),
            )
            rows.append(((line.issued_on, 0, line.pk), [charge]))
    if show != "charges":
        rows += _payment_groups(list(payments), deleted=deleted)
    rows.sort(key=lambda group: group[0], reverse=True)
    return [
        row for _age, group in rows for row in group if since is None or group[0].date >= since
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


# ---------------------------------------------------------------------------- of one payment


def adjustments_with(payment: Payment) -> Decimal:
    """Write-offs that came with an insurer's payment and still stand."""
    found = Adjustment.objects.filter(payment=payment).aggregate(total=Sum("amount"))["total"]
    return found if found is not None else ZERO


def unpaid_of(patients: Iterable[Patient]) -> dict[int, tuple[int, Decimal]]:
    """Patient → how many lines of theirs are unpaid, and what these owe together."""
    rows = (
        InvoiceLine.objects.open()
        .filter(patient__in=list(patients))
        .values_list("patient")
        .annotate(count=Count("pk"), owed=Sum("balance"))
        .order_by()
    )
    return {patient: (count, owed) for patient, count, owed in rows}
