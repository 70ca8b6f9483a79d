"""The sums: what is owed, what is credit, which payment paid which line, and why.

The only module that adds money up from the database. It writes nothing.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    When,
)
from django.db.models.functions import Coalesce

from billing.models import Adjustment, Allocation, InvoiceLine, Kind, Method, Payment
from billing.models.payments import UNDOING, PaymentQuerySet
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
    invoices: dict[int, Decimal] = dict(
        InvoiceLine.objects.issued()
        .filter(patient=patient)
        .values_list("provider")
        .annotate(total=Sum("balance"))
        .order_by()
    )
    credit: dict[int, Decimal] = dict(
        Payment.objects.money_in()
        .filter(patient=patient)
        .values_list("provider")
        .annotate(total=Sum("unallocated"))
        .order_by()
    )
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
    return line_states_by_id([line.pk for line in lines], payer)


def line_states_by_id(ids: Sequence[int], payer: Payer | None = None) -> list[LineState]:
    """As line_states, in the order of the ids, without making the lines: for live figures."""
    sums = {
        pk: (amount, paid, adjusted)
        for pk, amount, paid, adjusted in InvoiceLine.objects.issued()
        .filter(pk__in=ids)
        .values_list("pk", "amount", "paid", "adjusted")
        .order_by()
    }
    insurers: dict[int, Decimal] = defaultdict(lambda: ZERO)
    this_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    if any(paid for _amount, paid, _adjusted in sums.values()):
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
            id=pk,
            amount=sums[pk][0],
            adjusted=sums[pk][2],
            by_patient=sums[pk][1] - insurers[pk],
            by_insurers=insurers[pk],
            by_this_payer=this_payer[pk],
        )
        for pk in ids
        if pk in sums
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


def accounts_with_credit() -> QuerySet[Payment, Any]:
    """Accounts with credit to allocate or negative credit, the oldest such receipt first."""
    return (
        Payment.objects.of_patients()
        .filter(Q(unallocated__gt=0) | Q(unallocated__lt=0))
        .values("patient", "provider")
        .annotate(credit=Sum("unallocated"), since=Min("date"))
        .order_by("since", "patient", "provider")
    )


@dataclass(frozen=True)
class CreditRow:
    """An account of that worklist, with its people and what its invoices owe."""

    patient: Patient
    balance: AccountBalance
    since: datetime.date


def credit_rows(found: Iterable[Mapping[str, Any]]) -> list[CreditRow]:
    """A page of accounts_with_credit with names; three queries however many."""
    listed = list(found)
    patients = Patient.objects.in_bulk({each["patient"] for each in listed})
    providers = Provider.objects.in_bulk({each["provider"] for each in listed})
    owed: dict[tuple[int, int], Decimal] = {
        (patient, provider): total
        for patient, provider, total in InvoiceLine.objects.open()
        .filter(patient__in=patients)
        .values_list("patient", "provider")
        .annotate(total=Sum("balance"))
        .order_by()
    }
    return [
        CreditRow(
            patients[each["patient"]],
            AccountBalance(
                providers[each["provider"]],
                owed.get((each["patient"], each["provider"]), ZERO),
                each["credit"],
            ),
            each["since"],
        )
        for each in listed
    ]


# ---------------------------------------------------------------------------- before undoing


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
    return [row for _age, group in rows for row in group if since is None or group[0].date >= since]


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


# ---------------------------------------------------------------------------- lists and Today


@dataclass(frozen=True)
class Received:
    """What a list of receipts adds up to. `undone` is what was reversed or deleted since."""

    count: int
    received: Decimal
    undone: Decimal
    unallocated: Decimal

    @property
    def net(self) -> Decimal:
        return self.received + self.undone


def received_total(payments: PaymentQuerySet) -> Received:
    """The summary line over a list of receipts. Transfers move credit; they bring no money."""
    receipts = Q(kind=Kind.RECEIPT)
    found = payments.order_by().aggregate(
        count=Count("pk"),
        received=Sum("amount", filter=receipts),
        kept=Sum("amount", filter=receipts & Q(reversed=False)),
        unallocated=Sum("unallocated"),
    )
    received, kept = found["received"] or ZERO, found["kept"] or ZERO
    return Received(found["count"], received, kept - received, found["unallocated"] or ZERO)


@dataclass(frozen=True)
class LineTotals:
    """What the lines of an invoice add up to."""

    charged: Decimal
    adjusted: Decimal
    paid: Decimal
    balance: Decimal


def line_totals(lines: Iterable[InvoiceLine]) -> LineTotals:
    """The total row under the lines of an invoice."""
    listed = list(lines)
    return LineTotals(
        sum((line.amount for line in listed), ZERO),
        sum((line.adjusted for line in listed), ZERO),
        sum((line.paid for line in listed), ZERO),
        sum((line.balance for line in listed), ZERO),
    )


@dataclass(frozen=True)
class Waiting:
    """Receipts whose money is not on lines: the oldest few with their age in days, how many
    there are, and how much."""

    payments: Sequence[tuple[Payment, int]]
    count: int
    total: Decimal


# An insurer's receipt, said by the first column of the two partial indexes: `payer IS NOT NULL`
# would read the receipts of all payers instead.
_OF_A_PAYER = Q(patient__isnull=True)


def unallocated_of_payers(*, day: datetime.date, first: int) -> Waiting:
    """Payers' receipts that still wait for their lines."""
    return _waiting(Payment.objects.with_credit().filter(_OF_A_PAYER), day, first)


def over_allocated_of_payers(*, day: datetime.date, first: int) -> Waiting:
    """Payers' receipts with more on their lines than was received."""
    return _waiting(Payment.objects.overdrawn().filter(_OF_A_PAYER), day, first)


def unallocated_of_patients(*, day: datetime.date, first: int) -> Waiting:
    """Patients' receipts with credit left, and credit that was transferred to them."""
    return _waiting(Payment.objects.with_credit().of_patients(), day, first)


def _waiting(payments: PaymentQuerySet, day: datetime.date, first: int) -> Waiting:
    """The oldest `first` of these receipts, and what all of them leave unallocated.

    COALESCE(date, date) is the date; but no index is sorted by it, so the database reads the few
    rows of the partial index and sorts them, where it might else walk all payments by date.
    """
    found = payments.aggregate(count=Count("pk"), total=Sum("unallocated"))
    oldest = payments.with_names().order_by(Coalesce("date", "date"), "id")
    listed = oldest[:first] if found["count"] else ()
    aged = [(payment, (day - payment.date).days) for payment in listed]
    return Waiting(aged, found["count"], found["total"] or ZERO)


def waiting_counts() -> dict[str, int]:
    """What the navigation counts: payers' receipts, and accounts, that ask for allocation."""
    mine = Payment.objects.of_patients()
    accounts_of = [mine.with_credit(), mine.overdrawn()]
    return {
        "insurance": Payment.objects.with_credit().filter(_OF_A_PAYER).count(),
        # By R7 no account is in both.
        "credit": sum(
            found.order_by().values("patient", "provider").distinct().count()
            for found in accounts_of
        ),
    }


@dataclass(frozen=True)
class NegativeAccount:
    """An account whose credit is below zero, and the receipts that made it so."""

    patient: Patient
    provider: Provider
    credit: Decimal
    causes: Sequence[tuple[Payment, Payment | None, Sequence[InvoiceLine]]]


@dataclass(frozen=True)
class NegativeAccounts:
    accounts: Sequence[NegativeAccount]
    count: int
    total: Decimal


def negative_accounts(*, first: int) -> NegativeAccounts:
    """The accounts with negative credit, those that are so for longest first.

    Each cause is a receipt, the reversal or deletion that answered it, and the lines it still
    pays. Reads the overdrawn receipts only: by R7 nothing else is credit on such an account.
    """
    overdrawn = Payment.objects.overdrawn().of_patients()
    receipts: dict[tuple[int, int], list[Payment]] = defaultdict(list)
    oldest_first = sorted(overdrawn.with_names(), key=lambda each: (each.date, each.pk))
    for receipt in oldest_first:
        assert receipt.patient_id  # noqa: S101  (patients' money only)
        assert receipt.provider_id  # noqa: S101
        receipts[receipt.patient_id, receipt.provider_id].append(receipt)
    sums = {
        owner: sum((receipt.unallocated for receipt in found), ZERO)
        for owner, found in receipts.items()
    }
    shown = list(receipts)[:first]
    listed = [receipt for owner in shown for receipt in receipts[owner]]
    undone = undoing_of(listed) if listed else {}
    links = pays(receipt.pk for receipt in listed) if listed else {}
    lines = InvoiceLine.objects.with_names().in_bulk(
        {link.line_id for found in links.values() for link in found}
    )
    rows = []
    for owner in shown:
        causes = [
            (
                receipt,
                undone.get(receipt.pk),
                [lines[link.line_id] for link in links.get(receipt.pk, [])],
            )
            for receipt in receipts[owner]
        ]
        patient, provider = receipts[owner][0].patient, receipts[owner][0].provider
        assert patient  # noqa: S101
        assert provider  # noqa: S101
        rows.append(NegativeAccount(patient, provider, sums[owner], causes))
    return NegativeAccounts(rows, len(sums), sum(sums.values(), ZERO))


@dataclass(frozen=True)
class Taking:
    """A row of the day's takings. `share` is per cent of the largest: the length of its bar."""

    label: str
    count: int
    amount: Decimal
    share: Decimal = ZERO


@dataclass(frozen=True)
class Takings:
    methods: Sequence[Taking]
    undone: Sequence[Taking]
    count: int
    total: Decimal


def takings(day: datetime.date) -> Takings:
    """Money of one day by method; what was reversed or refunded that day in rows of its own.

    Deleted payments never were, so they are left out together with their deletion. Transfers
    move credit, not money.
    """
    deleted = Payment.objects.filter(original=OuterRef("pk"), kind=Kind.VOID)
    found = (
        Payment.objects.filter(date=day, kind__in=[Kind.RECEIPT, Kind.REVERSAL, Kind.REFUND])
        .exclude(Exists(deleted))
        .values_list("kind", "original__kind", "method")
        .annotate(count=Count("pk"), total=Sum("amount"))
        .order_by()
    )
    methods: dict[str, tuple[int, Decimal]] = {}
    reversed_, refunded = (0, ZERO), (0, ZERO)
    for kind, original, method, count, total_ in found:
        if kind == Kind.RECEIPT:
            methods[method] = (count, total_)
        elif Kind.REFUND in (kind, original):
            refunded = (refunded[0] + count, refunded[1] + total_)
        elif original == Kind.RECEIPT:
            reversed_ = (reversed_[0] + count, reversed_[1] + total_)
    largest = max((amount for _count, amount in methods.values()), default=ZERO)
    rows = [
        Taking(label, *methods[method], share=_percent(methods[method][1], largest))
        for method, label in [*Method.choices, ("", "No method")]
        if method in methods
    ]
    rows.sort(key=lambda row: -row.amount)
    undone = [
        Taking(label, *sums)
        for label, sums in (("Reversed", reversed_), ("Refunded", refunded))
        if sums[0]
    ]
    return Takings(
        methods=rows,
        undone=undone,
        count=sum(row.count for row in rows),
        total=sum((row.amount for row in (*rows, *undone)), ZERO),
    )


@dataclass(frozen=True)
class Age:
    """What is owed since so many days, by insurers and by patients.

    The shares are per cent of the largest age: the two lengths of its bar.
    """

    label: str
    insurers: Decimal
    patients: Decimal
    insurers_share: Decimal
    patients_share: Decimal

    @property
    def total(self) -> Decimal:
        return self.insurers + self.patients


@dataclass(frozen=True)
class Owing:
    ages: Sequence[Age]
    insurers: Decimal
    patients: Decimal
    old_percent: Decimal

    @property
    def total(self) -> Decimal:
        return self.insurers + self.patients


AGES = ("Current", "1-30 days", "31-60 days", "61-90 days", "Over 90")


def owing_by_age(day: datetime.date) -> Owing:
    """Everything lines still owe on that day, by age. Age counts from the date of service."""
    since = [day - datetime.timedelta(days=days) for days in (0, 30, 60, 90)]
    found = (
        InvoiceLine.objects.open()
        .values_list(
            Case(
                *(When(service_date__gte=start, then=at) for at, start in enumerate(since)),
                default=len(since),
                output_field=IntegerField(),
            ),
            Case(When(payer__isnull=True, then=0), default=1, output_field=IntegerField()),
        )
        .annotate(owed=Sum("balance"))
        .order_by()
    )
    owed = {(age, insurer): total_ for age, insurer, total_ in found}
    by_age = [(owed.get((at, 1), ZERO), owed.get((at, 0), ZERO)) for at in range(len(AGES))]
    largest = max(insurers + patients for insurers, patients in by_age)
    ages = [
        Age(label, *sums, _percent(sums[0], largest), _percent(sums[1], largest))
        for label, sums in zip(AGES, by_age, strict=True)
    ]
    insurers = sum((age.insurers for age in ages), ZERO)
    patients = sum((age.patients for age in ages), ZERO)
    return Owing(ages, insurers, patients, _percent(ages[-1].total, insurers + patients))


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    """To a tenth of a per cent; nothing where there is nothing, or less, to show."""
    if part <= 0 or whole <= 0:
        return ZERO
    return (part * 100 / whole).quantize(Decimal("0.1"))
