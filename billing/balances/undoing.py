"""Why credit is negative, and what undoing a payment would do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Sum

from billing.balances.accounts import AccountBalance, account
from billing.balances.links import pays
from billing.models import Adjustment, Allocation, InvoiceLine, Kind, Payment
from billing.models.payments import UNDOING
from billing.money import ZERO
from patients.models import Patient, Provider


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

    @property
    def off_lines(self) -> Decimal:
        """The rest: paid back before the reversal, so that no line can bring it in."""
        return -self.balance.credit - self.on_lines


def negative_credits(patient: Patient, balances: Iterable[AccountBalance]) -> list[NegativeCredit]:
    """One explanation for each account whose credit is negative."""
    negative = [each for each in balances if each.credit < 0]
    if not negative:
        return []
    receipts = list(Payment.objects.overdrawn().filter(patient=patient).with_names().oldest_first())
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


@dataclass(frozen=True)
class CameOff:
    """Money of an undone receipt that left a line, when it was undone or since."""

    line: InvoiceLine
    amount: Decimal
    reason: str


def came_off(undoings: Iterable[Payment]) -> dict[int, list[CameOff]]:
    """Undone receipt → what came off its lines by the reversal or void, or after it."""
    since = {row.original_id: row.created_at for row in undoings}
    sums: dict[tuple[int, int, str], Decimal] = defaultdict(lambda: ZERO)
    lines: dict[int, InvoiceLine] = {}
    for row in (
        Allocation.objects.filter(payment__in=list(since), amount__lt=0)
        .select_related("line__invoice")
        .order_by("pk")
    ):
        if row.created_at >= since[row.payment_id]:
            lines[row.line_id] = row.line
            reason = row.reason if row.reason.startswith("Covered by ") else ""
            sums[row.payment_id, row.line_id, reason] -= row.amount
    found: dict[int, list[CameOff]] = defaultdict(list)
    for (payment, line, reason), amount in sums.items():
        found[payment].append(CameOff(lines[line], amount, reason))
    return found


@dataclass(frozen=True)
class Effect:
    """An account now and after undoing a payment, for either choice about the lines it paid."""

    patient: Patient
    now: AccountBalance
    unpaid: AccountBalance
    left_paid: AccountBalance


def family(payment: Payment) -> list[Payment]:
    """A patient's receipt and every standing transfer made from it, and from those in turn."""
    found = layer = [payment]
    while layer:
        layer = list(
            Payment.objects.filter(
                kind=Kind.TRANSFER_IN,
                source__isnull=True,
                reversed=False,
                original__source__in=layer,
            )
            .select_related("patient", "provider", "original__patient", "original__provider")
            .order_by("pk")
        )
        found = [*found, *layer]
    return found


@dataclass(frozen=True)
class Use:
    """So much of a line is paid by the payment in question."""

    line: InvoiceLine
    amount: Decimal

    @property
    def owing_without(self) -> Decimal:
        """What the line owes once that money is taken off it."""
        owing: Decimal = self.line.balance + self.amount
        return owing


def used_on(receipts: Iterable[Payment]) -> list[Use]:
    """The lines these receipts pay now, oldest first."""
    links = [link for found in pays(row.pk for row in receipts).values() for link in found]
    lines = InvoiceLine.objects.with_names().in_bulk({link.line_id for link in links})
    amounts: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for link in links:
        amounts[link.line_id] += link.amount
    uses = [Use(lines[pk], amount) for pk, amount in amounts.items()]
    return sorted(uses, key=lambda use: (use.line.service_date, use.line.pk))


def together(uses: Iterable[Use]) -> Decimal:
    return sum((use.amount for use in uses), ZERO)


def effects_of_undoing(payment: Payment) -> list[Effect]:
    """What reversing or deleting a patient's receipt would do to each account it touches.

    Net rises by the money that was never there; un-paying moves what it holds from credit to
    invoices. Covering moves nothing between the three figures, so it needs no look-ahead. A
    transfer that is undone gives its money back to the account it came from.
    """
    receipts = family(payment)
    held = pays(receipt.pk for receipt in receipts)
    lost: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    on_lines: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    order: list[tuple[Patient, Provider]] = []

    def account_of(row: Payment) -> tuple[int, int]:
        assert row.patient  # noqa: S101  (patients' money only)
        assert row.provider  # noqa: S101
        if (row.patient, row.provider) not in order:
            order.append((row.patient, row.provider))
        return row.patient.pk, row.provider.pk

    for receipt in receipts:
        own = account_of(receipt)
        lost[own] += receipt.amount
        on_lines[own] += sum((link.amount for link in held.get(receipt.pk, [])), ZERO)
        if receipt.original:
            lost[account_of(receipt.original)] -= receipt.amount
    effects = []
    for patient, provider in order:
        own = (patient.pk, provider.pk)
        now = account(patient, provider)
        left = AccountBalance(provider, now.invoices, now.credit - lost[own])
        unpaid = AccountBalance(provider, now.invoices + on_lines[own], left.credit + on_lines[own])
        effects.append(Effect(patient=patient, now=now, unpaid=unpaid, left_paid=left))
    return effects


def pays_again(payment: Payment) -> dict[int, tuple[Decimal, Decimal]]:
    """Line → (write-off, paid) a copy of an undone payment puts on it: what the payment had there.

    What it had is what its undoing took off, with that of the transfers undone in the same moment
    (all rows of a verb share one), and never more than the line owes by now.
    """
    undoing = undoing_of([payment]).get(payment.pk)
    if undoing is None:
        return {}
    layer = receipts = [payment.pk]
    while layer:
        layer = list(
            Payment.objects.filter(
                kind=Kind.TRANSFER_IN,
                source__isnull=True,
                original__source__in=layer,
                answers__kind__in=UNDOING,
                answers__created_at=undoing.created_at,
            ).values_list("pk", flat=True)
        )
        receipts = [*receipts, *layer]
    same_moment = {"created_at": undoing.created_at}
    taken_off = (
        Allocation.objects.filter(payment__in=receipts, **same_moment)
        .values_list("line")
        .annotate(total=Sum("amount"))
        .order_by()
    )
    write_offs = (
        Adjustment.objects.filter(payment=payment, undoes__isnull=False, **same_moment)
        .values_list("line")
        .annotate(total=Sum("amount"))
        .order_by()
    )
    paid = {line: -total for line, total in taken_off}
    written_off = {line: -total for line, total in write_offs}
    lines = InvoiceLine.objects.oldest_first().in_bulk(paid.keys() | written_off.keys())
    again: dict[int, tuple[Decimal, Decimal]] = {}
    for pk, line in lines.items():
        off = min(written_off.get(pk, ZERO), line.balance)
        again[pk] = off, min(paid.get(pk, ZERO), line.balance - off)
    return {pk: amounts for pk, amounts in again.items() if any(amounts)}


def with_credit(patient: Patient) -> list[Payment]:
    """A patient's receipts that have money on no line, oldest first."""
    return list(Payment.objects.with_credit().filter(patient=patient).with_names().oldest_first())
