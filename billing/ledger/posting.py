"""A verb at work: what it locked, the rows it plans, and how they are written."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone

from billing.ledger.once import Posted, User
from billing.ledger.refusals import (
    LedgerError,
    StaleLineError,
    already_undone,
    already_void,
    who_changed,
)
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    InvoiceLine,
    Kind,
    LineVoid,
    Offset,
    Payment,
    Responsibility,
)
from billing.models.append_only import AppendOnlyModel
from billing.models.bulk import insert
from billing.models.numbering import TRANSFER, take_number
from billing.models.payments import UNDOING
from billing.models.periods import closed_through, in_closed_period
from billing.models.prepared import Ids, Prepared
from billing.money import ZERO
from billing.sharing import Entry
from patients.models import Patient

Account = tuple[int, int]

DERIVED = ("allocated", "returned", "offset", "reversed", "last_date", "unallocated")

# What a verb looks at on a line it locks; a refusal's words read the rest when they need it.
LOOKED_AT = (
    "invoice",
    "patient",
    "provider",
    "payer",
    "service_date",
    "amount",
    "paid",
    "adjusted",
    "balance",
    "last_date",
)

WHOSE = Prepared(
    lambda: InvoiceLine.objects.filter(pk__among=Ids("lines")).values_list("patient").distinct()
)
PATIENTS = Prepared(
    lambda: (
        Patient.objects.select_for_update(no_key=True)
        .filter(pk__among=Ids("patients"))
        .order_by("pk")
        .values_list("pk", "guarantor")
    )
)
RECEIPTS = Prepared(
    lambda: (
        Payment.objects.money_in()
        .select_for_update(no_key=True)
        .filter(
            Q(pk__among=Ids("named"))
            | Q(patient__among=Ids("patients"), unallocated__gt=0)
            | Q(patient__among=Ids("patients"), unallocated__lt=0)
        )
        .order_by("pk")
    )
)
LINES = Prepared(
    lambda: (
        InvoiceLine.objects.select_for_update(no_key=True)
        .issued()
        .only(*LOOKED_AT)
        .annotate(is_void=Exists(LineVoid.objects.filter(line=OuterRef("pk"))))
        .filter(pk__among=Ids("lines"))
        .order_by("pk")
    )
)


def age(receipt: Payment) -> tuple[datetime.date, bool, int]:
    """Sorts oldest first; a receipt of this very verb is the newest of its day."""
    return receipt.date, receipt.pk is None, receipt.pk or 0


class Posting:
    """What one verb has locked, and the rows it is going to write.

    Receipts and lines are working copies: `put` moves their totals in memory, so that everything
    planned later in the verb sees them as they will be.
    """

    def __init__(self, by: User, date: datetime.date) -> None:
        self.by = by
        self.now = timezone.now()
        # Of every row of this verb. Its date is settled when it is written.
        self.stamp: dict[str, Any] = {"created_at": self.now, "created_by_id": by.pk}
        self.closed = closed_through()
        self.date = self.asked_for = date
        self.check_date()
        self.patients: dict[int, int | None] = {}  # and who pays for them, if somebody else does
        self.lines: dict[int, InvoiceLine] = {}
        self.receipts: dict[int, Payment] = {}
        self.payments: list[Payment] = []
        self.allocations: list[Allocation] = []
        self.adjustments: list[Adjustment] = []
        self.voids: list[LineVoid] = []
        self.responsibilities: list[Responsibility] = []
        self.adjudications: list[Adjudication] = []
        self.offsets: list[Offset] = []
        self.released: list[Allocation] = []
        self.covered = ZERO
        self.staged: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)

    def check_date(self) -> None:
        """R8: nothing lands in a closed period, and nothing is dated ahead."""
        if self.closed and self.date <= self.closed:
            raise LedgerError(in_closed_period(self.closed), field="date")
        if self.date > timezone.localdate(self.now):
            raise LedgerError("The date is in the future.", field="date")

    # ------------------------------------------------------------------ locking

    def forget(self) -> None:
        """Start locking anew, after the locks taken so far were let go."""
        self.patients, self.lines, self.receipts = {}, {}, {}

    def lock(
        self,
        *,
        patients: Iterable[int] = (),
        payments: Iterable[int] = (),
        lines: Iterable[int] = (),
    ) -> None:
        """Patients, then payments, then lines, each in id order: no two verbs can deadlock.

        A patient's lock covers all their receipts and lines. Receipts of theirs that have credit,
        or have overdrawn it, are read along, because covering may touch them.
        """
        lines, whose = set(lines), set(patients)
        if lines:
            whose |= {patient for (patient,) in WHOSE.rows(lines=lines)}
        self.patients = dict(PATIENTS.rows(patients=whose))
        found = RECEIPTS.models(Payment, named=set(payments), patients=self.patients)
        self.receipts.update({receipt.pk: receipt for receipt in found})
        if lines:
            self.read_lines(lines)

    def read_lines(self, ids: Iterable[int]) -> None:
        """Lock lines not locked yet; their patients are, so nobody else works on them."""
        missing = set(ids) - set(self.lines)
        if not missing:
            return
        found = LINES.models(InvoiceLine, lines=missing)
        self.lines.update({line.pk: line for line in found})

    def line(self, entry: Entry) -> InvoiceLine:
        """The locked line of an entry, unless it changed since the screen was drawn."""
        line = self.line_of(entry.line)
        if entry.seen and entry.seen != line.seen:
            raise StaleLineError(who_changed(line), line=line.pk)
        return line

    def line_of(self, pk: int) -> InvoiceLine:
        """A locked line, unless it is gone, a draft's, or void."""
        line = self.lines.get(pk)
        if line is None:
            raise LedgerError("That invoice line does not exist.", line=pk)
        if line.is_void:  # type: ignore[attr-defined]
            raise already_void(line)
        return line

    def read_receipts(self, ids: Iterable[int]) -> None:
        """Receipts of locked patients that hold money on a line and so may be un-paid."""
        missing = set(ids) - set(self.receipts)
        if missing:
            for receipt in Payment.objects.filter(pk__in=missing):
                self.receipts[receipt.pk] = receipt

    def held(self, **where: Any) -> dict[tuple[int, int], Decimal]:
        """(receipt, line) → what that receipt has on that line, this verb's rows included."""
        found: dict[tuple[int, int], Decimal] = {
            (payment, line): amount
            for payment, line, amount in Allocation.objects.filter(**where)
            .values_list("payment", "line")
            .annotate(held=Sum("amount"))
            .order_by()
        }
        for pair, amount in self.staged.items():
            if pair in found:
                found[pair] += amount
        return {pair: amount for pair, amount in found.items() if amount}

    # ------------------------------------------------------------------ planning

    def receive(self, payment: Payment, number: str | None) -> Payment:
        """Plan a payment row; money in starts with all of it unallocated."""
        payment.number = number
        payment.created_at, payment.created_by_id = self.now, self.by.pk
        payment.unallocated = payment.amount if payment.is_money_in else ZERO
        self.payments.append(payment)
        return payment

    def put(self, receipt: Payment, line: InvoiceLine, amount: Decimal, reason: str = "") -> None:
        """Plan an allocation and move the working copies."""
        self.allocations.append(
            Allocation(payment=receipt, line=line, amount=amount, reason=reason, **self.stamp)
        )
        receipt.allocated += amount
        receipt.unallocated -= amount
        line.paid += amount
        line.balance -= amount
        if receipt.pk:
            self.staged[receipt.pk, line.pk] += amount

    def write_off(
        self,
        line: InvoiceLine,
        amount: Decimal,
        *,
        kind: str,
        reason: str = "",
        payment: Payment | None = None,
        carc: str = "",
        undoes: Adjustment | None = None,
    ) -> None:
        """Plan an adjustment and move the working copy of the line."""
        row = Adjustment(
            line=line,
            amount=amount,
            kind=kind,
            reason=reason,
            payment=payment,
            carc=carc,
            undoes=undoes,
            **self.stamp,
        )
        self.adjustments.append(row)
        line.adjusted += amount
        line.balance -= amount

    def owes(self, line: InvoiceLine, amount: Decimal, **more: Any) -> None:
        """Plan what an insurer says the patient owes; it moves no total."""
        self.responsibilities.append(Responsibility(line=line, amount=amount, **more, **self.stamp))

    def adjudicate(self, line: InvoiceLine, owed_after: int | None, **more: Any) -> None:
        """Plan who owes the rest of a line now, and why."""
        row = Adjudication(
            line=line,
            owed_before_id=line.payer_id,
            owed_after_id=owed_after,
            **more,
            **self.stamp,
        )
        self.adjudications.append(row)
        line.payer_id = owed_after

    def take_back_answer(
        self,
        line: InvoiceLine,
        answer: Adjudication,
        *,
        payment: Payment,
        reason: str,
        goes_back: bool,
    ) -> None:
        """Plan the opposite of an answer; the line follows, unless others answered since.

        Where it does not, the row says so: the same payer owes before and after it.
        """
        row = Adjudication(
            line=line,
            payment=payment,
            outcome=answer.outcome,
            owed_before_id=line.payer_id,
            owed_after_id=answer.owed_before_id if goes_back else line.payer_id,
            reason=reason,
            undoes=answer,
            **self.stamp,
        )
        self.adjudications.append(row)
        line.payer_id = row.owed_after_id

    def offset(self, receipt: Payment, amount: Decimal, **more: Any) -> None:
        """Plan an offset: what the payer kept (positive) was on lines without being received."""
        self.offsets.append(Offset(payment=receipt, amount=amount, **more, **self.stamp))
        receipt.offset -= amount
        receipt.unallocated += amount

    def void(self, line: InvoiceLine, reason: str) -> None:
        """Plan the row that says a line is void; nothing may be paid or owed on it by then."""
        self.voids.append(LineVoid(line=line, reason=reason, **self.stamp))

    def spare_voided_lines(self) -> None:
        """Undoing an insurer's payment may mean a line that was voided since: it stays void."""
        for row in (*self.allocations, *self._said):
            if row.line.is_void:
                raise already_void(row.line)

    def draw(
        self, kind: str, *, source: Payment, original: Payment, amount: Decimal, **more: Any
    ) -> Payment:
        """Plan a row that takes from a receipt or gives back to it: reversal, refund, transfer."""
        row = Payment(
            kind=kind,
            patient_id=source.patient_id,
            provider_id=source.provider_id,
            payer_id=source.payer_id,
            source=source,
            original=original,
            amount=amount,
            **more,
        )
        source.returned -= amount
        source.unallocated += amount
        if kind in UNDOING:
            original.reversed = True
        return self.receive(row, None)

    def transfer(
        self, receipt: Payment, amount: Decimal, patient_id: int, provider_id: int, reason: str
    ) -> Payment:
        """Plan a transfer pair; returns the new money in of the other account."""
        out = self.draw(
            Kind.TRANSFER_OUT, source=receipt, original=receipt, amount=-amount, reason=reason
        )
        into = Payment(
            kind=Kind.TRANSFER_IN,
            patient_id=patient_id,
            provider_id=provider_id,
            original=out,
            amount=amount,
            method=receipt.method,
            reason=reason,
        )
        return self.receive(into, take_number(TRANSFER))

    def unpay_line(
        self, line: InvoiceLine, amount: Decimal, reason: str, only: Payment | None = None
    ) -> Decimal:
        """Take patients' money off a line: reversed receipts first, then the newest.

        Returns what could not be taken because the patient's receipts hold less.
        """
        held = self.held(line=line.pk, payment__patient__isnull=False)
        self.read_receipts(payment for payment, _line in held)
        return self.unpay_held(line, amount, reason, held, only)

    def unpay_held(
        self,
        line: InvoiceLine,
        amount: Decimal,
        reason: str,
        held: dict[tuple[int, int], Decimal],
        only: Payment | None = None,
    ) -> Decimal:
        """As unpay_line, with `held` read before; what is taken is taken off it too."""
        holders = [
            self.receipts[payment]
            for payment, held_line in held
            if held_line == line.pk and (only is None or payment == only.pk)
        ]
        newest_first = sorted(holders, key=age, reverse=True)
        for receipt in sorted(newest_first, key=lambda holder: not holder.reversed):
            taken = min(amount, held[receipt.pk, line.pk])
            if taken > 0:
                self.put(receipt, line, -taken, reason)
                held[receipt.pk, line.pk] -= taken
                amount -= taken
        return amount

    # ------------------------------------------------------------------ covering (R7)

    def cover(self) -> None:
        """Let standing credit take over what reversed receipts still pay, oldest first.

        The line stays paid and now says by what. A receipt that was refunded and then bounced
        owes more than its lines; that rest is filled by a transfer pair.
        """
        self._give_back_fills()
        everything = [*self.receipts.values(), *(row for row in self.payments if row.is_money_in)]
        accounts: dict[Account, list[Payment]] = defaultdict(list)
        for receipt in everything:
            if receipt.patient_id and receipt.provider_id:
                accounts[receipt.patient_id, receipt.provider_id].append(receipt)
        pairs = []
        for receipts in accounts.values():
            standing = [r for r in receipts if not r.reversed and r.unallocated > 0]
            overdrawn = [r for r in receipts if r.reversed and r.unallocated < 0]
            if standing and overdrawn:
                pairs.append((sorted(standing, key=age), sorted(overdrawn, key=age)))
        if not pairs:
            return
        held = self.held(payment__in=[row.pk for _standing, rows in pairs for row in rows])
        self.read_lines(line for _payment, line in held)
        for standing, overdrawn in pairs:
            for receipt in overdrawn:
                self._cover_receipt(receipt, standing, held)

    def _cover_receipt(
        self,
        receipt: Payment,
        standing: Sequence[Payment],
        held: Mapping[tuple[int, int], Decimal],
    ) -> None:
        lines = sorted(
            (self.lines[line] for payment, line in held if payment == receipt.pk),
            key=lambda line: (line.service_date, line.pk),
        )
        for line in lines:
            left = min(held[receipt.pk, line.pk], -receipt.unallocated)
            for cover in standing:
                amount = min(left, cover.unallocated)
                if amount > 0:
                    self.put(receipt, line, -amount, f"Covered by {cover.number}")
                    self.put(cover, line, amount, f"Covers {receipt.number}")
                    self.covered += amount
                    left -= amount
        for cover in standing:
            amount = min(-receipt.unallocated, cover.unallocated)
            if amount > 0:
                self._fill(receipt, cover, amount)

    def _give_back_fills(self) -> None:
        """A refund that never happened leaves a reversed receipt with too much: give it back.

        What was filled in by transfer pairs returns to where it came from, the newest pair first;
        covering then fills again what is still missing.
        """
        full = [row.pk for row in self.receipts.values() if row.reversed and row.unallocated > 0]
        if not full:
            return
        fills = list(
            Payment.objects.filter(source__in=full, kind=Kind.TRANSFER_IN, reversed=False)
            .select_related("original")
            .order_by("-pk")
        )
        pairs = [(fill, fill.original) for fill in fills if fill.original]
        self.read_receipts(out.source_id for _fill, out in pairs if out.source_id)
        for fill, out in pairs:
            if not self.source_of(fill).unallocated > 0:
                continue
            reason = f"{self.source_of(fill).number} no longer needs it"
            for row in (fill, out):
                self.draw(
                    Kind.REVERSAL,
                    source=self.source_of(row),
                    original=row,
                    amount=-row.amount,
                    reason=reason,
                )

    def source_of(self, row: Payment) -> Payment:
        """The working copy of the receipt whose money a row takes or gives."""
        return self.receipts[row.source_id or row.pk]

    def _fill(self, receipt: Payment, cover: Payment, amount: Decimal) -> None:
        reason = f"Covers {receipt.number}, refunded and then reversed"
        out = self.draw(
            Kind.TRANSFER_OUT, source=cover, original=cover, amount=-amount, reason=reason
        )
        self.draw(Kind.TRANSFER_IN, source=receipt, original=out, amount=amount, reason=reason)
        self.covered += amount

    # ------------------------------------------------------------------ writing

    def write(self) -> None:
        """Write everything planned, under one date, in an order every row's guard accepts.

        Money leaves lines first; then payments in the order planned, with what they take back and
        what the payer kept; then write-offs, those that raise what is owed first; then money
        reaches lines, and offsets that use it up come last.
        """
        self.cover()
        self._settle_date()
        saved = [row for row in self.allocations if row.amount < 0 and row.payment.pk]
        taken_back = [row for row in self.allocations if row.amount < 0 and not row.payment.pk]
        reaching = [row for row in self.allocations if row.amount > 0]
        insert(saved)
        for payment in self.payments:
            # Rows that point at rows of this same verb learn their ids only now.
            payment.original_id = payment.original.pk if payment.original else None
            payment.source_id = payment.source.pk if payment.source else None
            payment.allocated, payment.returned, payment.offset = ZERO, ZERO, ZERO
            payment.reversed = False
            payment.save()
        for row in (*taken_back, *reaching):
            row.payment_id = row.payment.pk
        for said in (*self._said, *self.offsets):
            said.payment_id = said.payment.pk if said.payment else None
        insert(taken_back)
        insert(row for row in self.offsets if row.amount > 0)
        insert(sorted(self.adjustments, key=lambda row: row.amount > 0))
        insert(reaching)
        insert(row for row in self.offsets if row.amount < 0)
        insert(self.responsibilities)
        insert(self.adjudications)
        self._say_who_owes()
        insert(self.voids)

    def _say_who_owes(self) -> None:
        """Lines whose rest is somebody else's now: one statement, whoever they are."""
        InvoiceLine.objects.now_owed_by(
            {row.line.pk: row.line.payer_id for row in self.adjudications}
        )

    @property
    def _said(self) -> list[Any]:
        """Rows on lines that may have come with an insurer's payment."""
        return [*self.adjustments, *self.responsibilities, *self.adjudications]

    def _settle_date(self) -> None:
        """The latest of the typed date and of every row on what this verb touches (R8)."""
        touched: list[Payment | InvoiceLine] = []
        for allocation in self.allocations:
            touched += [allocation.payment, allocation.line]
        for said in self._said:
            touched.append(said.line)
            if said.payment:
                touched.append(said.payment)
        touched += [payment.source for payment in self.payments if payment.source]
        touched += [void.line for void in self.voids]
        touched += [offset.payment for offset in self.offsets]
        latest = max((each.last_date for each in touched if each.last_date), default=self.date)
        self.date = max(self.date, latest)
        self.check_date()
        for payment in self.payments:
            payment.date = payment.last_date = self.date
        rows: list[AppendOnlyModel] = [*self.allocations, *self.adjustments, *self.voids]
        rows += [*self.responsibilities, *self.adjudications, *self.offsets]
        for row in rows:
            row.date = self.date

    def posted(self, payment: Payment | None = None) -> Posted:
        """Write, and hand the payment back with its totals as the database now has them."""
        self.write()
        if payment:
            payment.refresh_from_db(fields=DERIVED)
        return Posted(
            payment=payment,
            allocations=self.allocations,
            adjustments=self.adjustments,
            released=self.released,
            covered=self.covered,
            moved_to=self.date if self.date != self.asked_for else None,
            voids=self.voids,
            responsibilities=self.responsibilities,
            adjudications=self.adjudications,
            offsets=self.offsets,
        )


def standing_receipt(posting: Posting, payment: Payment) -> Payment:
    receipt = posting.receipts.get(payment.pk)
    if receipt is None:
        raise LedgerError("Only money that came in can be allocated.")
    if receipt.reversed:
        raise already_undone(receipt)
    return receipt


def unpay_everything(posting: Posting, receipts: Sequence[Payment], reason: str) -> None:
    """Opposite rows for everything these receipts hold. An insurer's takebacks are given back."""
    held = posting.held(payment__in=[receipt.pk for receipt in receipts])
    posting.read_lines(line for _payment, line in held)
    for (payment_id, line_id), amount in sorted(held.items(), key=lambda each: -each[1]):
        posting.put(posting.receipts[payment_id], posting.lines[line_id], -amount, reason)
