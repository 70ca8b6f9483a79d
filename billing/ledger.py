"""The verbs: every act that moves money or changes what somebody owes.

The only writer of payments, allocations and adjustments. A verb is keyword-only, says who acts
(`by`), is one transaction and costs a constant number of queries: it locks patients, then
payments, then lines, each in id order; refuses (LedgerError, whose text may be shown at the desk)
or plans its rows in memory; covers negative credit; dates all rows alike; writes them. The totals
on lines and payments follow by themselves (`billing.guards`). Rule numbers are those of
docs/money.md.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, models, transaction
from django.db.models import Q, Sum
from django.utils import timezone

from billing.models import (
    Adjustment,
    AdjustmentKind,
    Allocation,
    Invoice,
    InvoiceLine,
    Kind,
    Payment,
    Submission,
)
from billing.models.numbering import INSURANCE, INVOICE, RECEIPT, TRANSFER, take_number
from billing.models.payments import UNDOING
from billing.models.periods import closed_through
from billing.money import ZERO, show, show_dollars
from billing.sharing import Entry
from patients.models import Patient, Payer, Provider

User = AbstractBaseUser
Account = tuple[int, int]


# ---------------------------------------------------------------------------- refusals


class LedgerError(Exception):
    """A verb refused. The text is for the desk; `field` and `line` say where it belongs."""

    def __init__(self, text: str, *, field: str = "", line: int | None = None) -> None:
        super().__init__(text)
        self.field = field
        self.line = line


class StaleLineError(LedgerError):
    """Somebody else changed a line after the screen was drawn."""


class AlreadyUndoneError(LedgerError):
    """The payment was reversed or deleted before."""


# ---------------------------------------------------------------------------- what a verb returns


@dataclass
class Posted:
    """The rows a verb wrote.

    `released` is patients' money an insurer's payment gave back; `covered` is what standing
    credit took over from reversed receipts along the way.
    """

    payment: Payment | None = None
    allocations: list[Allocation] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    released: list[Allocation] = field(default_factory=list)
    covered: Decimal = ZERO
    replayed: bool = False

    @property
    def receipt(self) -> Payment:
        """The payment, for those who know that their verb writes one."""
        if self.payment is None:
            raise LookupError("this verb wrote no payment")
        return self.payment


P = ParamSpec("P")


def _verb(verb: Callable[P, Posted]) -> Callable[P, Posted]:
    """One transaction; and with a `key`, carried out once however often it is sent (R10)."""

    @wraps(verb)
    def carried_out_once(*args: P.args, **kwargs: P.kwargs) -> Posted:
        key: Any = kwargs.pop("key", None)
        by: Any = kwargs["by"]
        with transaction.atomic():
            if key is None:
                return verb(*args, **kwargs)
            claim, earlier = _claim(by, key, verb.__name__, _fingerprint(kwargs))
            if earlier:
                return earlier
            posted = verb(*args, **kwargs)
            if posted.payment:
                claim.payment = posted.payment
                claim.save(update_fields=["payment"])
            return posted

    return carried_out_once


def _claim(by: User, key: UUID, verb: str, fingerprint: str) -> tuple[Submission, Posted | None]:
    """Take the form's key before anything else, or find what was done under it.

    A second copy of the form that arrives while the first is at work waits here for it to end.
    """
    try:
        with transaction.atomic():
            return Submission.objects.create(
                user_id=by.pk, key=key, verb=verb, fingerprint=fingerprint
            ), None
    except IntegrityError:
        earlier = Submission.objects.select_related("payment").get(user_id=by.pk, key=key)
    if earlier.fingerprint != fingerprint:
        raise LedgerError(
            "This form was already saved with other figures. Open it afresh to enter another one."
        )
    return earlier, Posted(payment=earlier.payment, replayed=True)


def _fingerprint(arguments: Mapping[str, Any]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, models.Model):
            return [value._meta.label, value.pk]
        if isinstance(value, Entry):
            return [value.line, str(value.paid), str(value.write_off)]
        return str(value)

    text = json.dumps(arguments, default=plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------------------- a verb at work


def _age(receipt: Payment) -> tuple[datetime.date, bool, int]:
    """Sorts oldest first; a receipt of this very verb is the newest of its day."""
    return receipt.date, receipt.pk is None, receipt.pk or 0


class _Posting:
    """What one verb has locked, and the rows it is going to write.

    Receipts and lines are working copies: `put` moves their totals in memory, so that everything
    planned later in the verb sees them as they will be.
    """

    def __init__(self, by: User, date: datetime.date) -> None:
        self.by = by
        self.now = timezone.now()
        self.closed = closed_through()
        self.date = date
        self.check_date()
        self.lines: dict[int, InvoiceLine] = {}
        self.receipts: dict[int, Payment] = {}
        self.payments: list[Payment] = []
        self.allocations: list[Allocation] = []
        self.adjustments: list[Adjustment] = []
        self.released: list[Allocation] = []
        self.covered = ZERO
        self.staged: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)

    def check_date(self) -> None:
        """R8: nothing lands in a closed period, and nothing is dated ahead."""
        if self.closed and self.date <= self.closed:
            raise LedgerError(
                f"The date is in a closed period (up to {self.closed:%d %b %Y})."
                " Ask an administrator to open it.",
                field="date",
            )
        if self.date > timezone.localdate(self.now):
            raise LedgerError("The date is in the future.", field="date")

    # ------------------------------------------------------------------ locking

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
        lines = set(lines)
        whose = Q(pk__in=set(patients))
        if lines:
            whose |= Q(pk__in=InvoiceLine.objects.filter(pk__in=lines).values("patient"))
        locked = list(
            Patient.objects.select_for_update(no_key=True)
            .filter(whose)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        named = set(payments)
        wanted = Q(patient__in=locked) & (Q(unallocated__gt=0) | Q(unallocated__lt=0))
        if named:
            wanted |= Q(pk__in=named)
        for receipt in (
            Payment.objects.money_in().select_for_update(no_key=True).filter(wanted).order_by("pk")
        ):
            self.receipts[receipt.pk] = receipt
        if lines:
            self._read_lines(lines)

    def _read_lines(self, ids: Iterable[int]) -> None:
        missing = set(ids) - set(self.lines)
        if not missing:
            return
        found = (
            InvoiceLine.objects.select_for_update(no_key=True, of=("self",))
            .issued()
            .select_related("invoice")
            .filter(pk__in=missing)
            .order_by("pk")
        )
        self.lines.update({line.pk: line for line in found})

    def line(self, entry: Entry) -> InvoiceLine:
        """The locked line of an entry, unless it is gone or changed since the screen was drawn."""
        line = self.lines.get(entry.line)
        if line is None:
            raise LedgerError("That invoice line does not exist.", line=entry.line)
        if entry.seen and entry.seen != line.seen:
            raise StaleLineError(_who_changed(line), line=line.pk)
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
            Allocation(
                payment=receipt,
                line=line,
                amount=amount,
                reason=reason,
                created_at=self.now,
                created_by_id=self.by.pk,
            )
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
        self.adjustments.append(
            Adjustment(
                line=line,
                amount=amount,
                kind=kind,
                reason=reason,
                payment=payment,
                carc=carc,
                undoes=undoes,
                created_at=self.now,
                created_by_id=self.by.pk,
            )
        )
        line.adjusted += amount
        line.balance -= amount

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
        return self._unpay(line, amount, reason, held, only)

    def _unpay(
        self,
        line: InvoiceLine,
        amount: Decimal,
        reason: str,
        held: Mapping[tuple[int, int], Decimal],
        only: Payment | None = None,
    ) -> Decimal:
        holders = [
            self.receipts[payment]
            for payment, held_line in held
            if held_line == line.pk and (only is None or payment == only.pk)
        ]
        newest_first = sorted(holders, key=_age, reverse=True)
        for receipt in sorted(newest_first, key=lambda holder: not holder.reversed):
            taken = min(amount, held[receipt.pk, line.pk])
            if taken > 0:
                self.put(receipt, line, -taken, reason)
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
                pairs.append((sorted(standing, key=_age), sorted(overdrawn, key=_age)))
        if not pairs:
            return
        held = self.held(payment__in=[row.pk for _standing, rows in pairs for row in rows])
        self._read_lines(line for _payment, line in held)
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
            if not self._source(fill).unallocated > 0:
                continue
            reason = f"{self._source(fill).number} no longer needs it"
            for row in (fill, out):
                self.draw(
                    Kind.REVERSAL,
                    source=self._source(row),
                    original=row,
                    amount=-row.amount,
                    reason=reason,
                )

    def _source(self, row: Payment) -> Payment:
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

        Money leaves lines first; then payments in the order planned, with what they take back;
        then write-offs, those that raise what is owed first; money reaches lines last.
        """
        self.cover()
        self._settle_date()
        saved = [row for row in self.allocations if row.amount < 0 and row.payment.pk]
        taken_back = [row for row in self.allocations if row.amount < 0 and not row.payment.pk]
        reaching = [row for row in self.allocations if row.amount > 0]
        Allocation.objects.bulk_create(saved)
        for payment in self.payments:
            # Rows that point at rows of this same verb learn their ids only now.
            payment.original_id = payment.original.pk if payment.original else None
            payment.source_id = payment.source.pk if payment.source else None
            payment.allocated, payment.returned, payment.reversed = ZERO, ZERO, False
            payment.save()
        for row in (*taken_back, *reaching):
            row.payment_id = row.payment.pk
        for adjustment in self.adjustments:
            adjustment.payment_id = adjustment.payment.pk if adjustment.payment else None
        Allocation.objects.bulk_create(taken_back)
        Adjustment.objects.bulk_create(sorted(self.adjustments, key=lambda row: row.amount > 0))
        Allocation.objects.bulk_create(reaching)

    def _settle_date(self) -> None:
        """The latest of the typed date and of every row on what this verb touches (R8)."""
        touched: list[Payment | InvoiceLine] = []
        for allocation in self.allocations:
            touched += [allocation.payment, allocation.line]
        for adjustment in self.adjustments:
            touched.append(adjustment.line)
            if adjustment.payment:
                touched.append(adjustment.payment)
        touched += [payment.source for payment in self.payments if payment.source]
        latest = max((each.last_date for each in touched if each.last_date), default=self.date)
        self.date = max(self.date, latest)
        self.check_date()
        for payment in self.payments:
            payment.date = payment.last_date = self.date
        for row in (*self.allocations, *self.adjustments):
            row.date = self.date

    def posted(self, payment: Payment | None = None) -> Posted:
        """Write, and hand the payment back as the database now sees it."""
        self.write()
        fresh = Payment.objects.with_names().get(pk=payment.pk) if payment else None
        return Posted(fresh, self.allocations, self.adjustments, self.released, self.covered)


def _who_changed(line: InvoiceLine) -> str:
    latest = max(
        (
            row
            for row in (
                line.allocations.order_by("-created_at").first(),
                line.adjustments.order_by("-created_at").first(),
            )
            if row
        ),
        key=lambda row: row.created_at,
        default=None,
    )
    when = f" at {timezone.localtime(latest.created_at):%H:%M}" if latest else ""
    return (
        f"Someone else changed this session{when}."
        " The line now shows the new figures; check it and save again."
    )


# ---------------------------------------------------------------------------- money comes in


@_verb
def record_payment(
    *,
    by: User,
    amount: Decimal,
    method: str,
    date: datetime.date,
    patient: Patient | None = None,
    provider: Provider | None = None,
    payer: Payer | None = None,
    reference: str = "",
    note: str = "",
    entries: Sequence[Entry] = (),
    over_allocation_reason: str = "",
    key: UUID | None = None,
) -> Posted:
    """Money was received: from a patient for a provider, or from a payer for anybody.

    `entries` share it out at once. What is not allocated is the patient's credit with that
    provider, or stays with the payer. Refused: more allocated than received (a payer's payment
    may, with `over_allocation_reason`), more on a line than it owes, another patient's line, a
    check of that number already entered, a closed or future date.
    """
    posting = _Posting(by, date)
    entries = _filled(entries)
    if payer is None and (patient is None or provider is None):
        raise LedgerError("Choose the patient and the provider.", field="provider")
    if payer is None and amount <= 0:
        raise LedgerError("Enter the amount of the payment.", field="amount")
    if payer:
        _refuse_entered_before(payer, reference)
    posting.lock(patients=[patient.pk] if patient else [], lines=[entry.line for entry in entries])
    receipt = posting.receive(
        Payment(
            kind=Kind.RECEIPT,
            date=date,
            patient=patient,
            provider=provider,
            payer=payer,
            amount=amount,
            method=method,
            reference=reference,
            note=note,
            over_allocation_reason=over_allocation_reason,
        ),
        take_number(INSURANCE if payer else RECEIPT),
    )
    _share(posting, receipt, entries)
    return posting.posted(receipt)


@_verb
def allocate(
    *,
    by: User,
    payment: Payment,
    entries: Sequence[Entry],
    date: datetime.date,
    key: UUID | None = None,
) -> Posted:
    """Put money of a saved receipt on lines: go on allocating an insurance payment, say.

    Refused as in record_payment, and for a receipt that was reversed.
    """
    posting = _Posting(by, date)
    entries = _filled(entries)
    patients = [payment.patient_id] if payment.patient_id else []
    posting.lock(patients=patients, payments=[payment.pk], lines=[entry.line for entry in entries])
    receipt = _standing(posting, payment)
    _share(posting, receipt, entries)
    return posting.posted(receipt)


def _filled(entries: Iterable[Entry]) -> list[Entry]:
    """The entries something is typed in; one line stands once, or limits could not be checked."""
    filled = [entry for entry in entries if not entry.empty]
    if len({entry.line for entry in filled}) < len(filled):
        raise LedgerError("A line stands on this form twice. Open the form afresh.")
    return filled


def _share(posting: _Posting, receipt: Payment, entries: Sequence[Entry]) -> None:
    if receipt.payer_id:
        _share_insurer(posting, receipt, entries)
    else:
        _share_patient(posting, receipt, entries)
    if receipt.unallocated < 0 and not (receipt.payer_id and receipt.over_allocation_reason):
        raise LedgerError(
            f"{show_dollars(-receipt.unallocated)} too much is allocated."
            " Lower some lines or correct Amount.",
            field="amount",
        )


def _share_patient(posting: _Posting, receipt: Payment, entries: Sequence[Entry]) -> None:
    """R5: another provider's line of the same patient is paid through a transfer pair."""
    elsewhere: dict[int, list[tuple[InvoiceLine, Decimal]]] = defaultdict(list)
    for entry in entries:
        line = posting.line(entry)
        if line.patient_id != receipt.patient_id:
            raise LedgerError(
                f"{line.invoice} belongs to another patient; this payment cannot pay it.",
                line=line.pk,
            )
        if entry.write_off or entry.paid < 0:
            raise LedgerError("To un-pay a line, use Credit allocation.", line=line.pk)
        if entry.paid > line.balance:
            raise LedgerError(f"This line only owes {show(line.balance)}.", line=line.pk)
        if line.provider_id == receipt.provider_id:
            posting.put(receipt, line, entry.paid)
        else:
            elsewhere[line.provider_id].append((line, entry.paid))
    for provider_id, payments in elsewhere.items():
        total = sum((amount for _line, amount in payments), ZERO)
        if total > receipt.unallocated:
            raise LedgerError(
                f"{show_dollars(total - receipt.unallocated)} too much is allocated."
                " Lower some lines or correct Amount.",
                field="amount",
            )
        assert receipt.patient_id  # noqa: S101  (patient receipts only)
        into = posting.transfer(
            receipt, total, receipt.patient_id, provider_id, f"Pays lines from {receipt.number}"
        )
        for line, amount in payments:
            posting.put(into, line, amount)


def _share_insurer(posting: _Posting, receipt: Payment, entries: Sequence[Entry]) -> None:
    """An insurer's payment goes before the patient's: what does not fit beside it is released."""
    touched = [posting.line(entry) for entry in entries]
    taken_back = [entry.line for entry in entries if entry.paid < 0]
    by_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    if taken_back:
        held = posting.held(line__in=taken_back, payment__payer=receipt.payer_id)
        for (_payment, line_id), amount in held.items():
            by_payer[line_id] += amount
    crowded = {
        line.pk
        for line, entry in zip(touched, entries, strict=True)
        if entry.paid + entry.write_off > line.balance
    }
    patients_money: dict[tuple[int, int], Decimal] = {}
    if crowded:
        patients_money = posting.held(line__in=crowded, payment__patient__isnull=False)
        posting.read_receipts(payment for payment, _line in patients_money)
    for line, entry in zip(touched, entries, strict=True):
        if entry.paid < 0 and by_payer[line.pk] + entry.paid < 0:
            raise LedgerError(
                f"This payer paid only {show(by_payer[line.pk])} on this line.", line=line.pk
            )
        if entry.write_off < 0 and line.adjusted + entry.write_off < 0:
            raise LedgerError(f"Only {show(line.adjusted)} was written off.", line=line.pk)
        short = entry.paid + entry.write_off - line.balance
        if short > 0:
            before = len(posting.allocations)
            left = posting._unpay(
                line, short, f"Released: {receipt.number} paid the line", patients_money
            )
            posting.released += posting.allocations[before:]
            if left > 0:
                raise LedgerError(f"{show(left)} more than this session owes.", line=line.pk)
        if entry.write_off:
            posting.write_off(
                line,
                entry.write_off,
                kind=AdjustmentKind.CONTRACTUAL,
                payment=receipt,
                reason="" if entry.write_off > 0 else "Write-off taken back",
            )
        if entry.paid:
            posting.put(receipt, line, entry.paid, "" if entry.paid > 0 else "Taken back")


def _refuse_entered_before(payer: Payer, reference: str) -> None:
    """R10: one check or trace number of a payer stands once; undoing it frees the number."""
    if not reference:
        return
    earlier = (
        Payment.objects.receipts()
        .filter(payer=payer, reference__iexact=reference, reversed=False)
        .first()
    )
    if earlier:
        kind = {"check": "Check", "eft": "EFT"}.get(earlier.method, "Reference")
        raise LedgerError(
            f"{kind} {earlier.reference} from {payer.name} was already entered on"
            f" {earlier.date:%d %b %Y} ({earlier.number}, {show_dollars(earlier.amount)}).",
            field="reference",
        )


def _standing(posting: _Posting, payment: Payment) -> Payment:
    receipt = posting.receipts.get(payment.pk)
    if receipt is None:
        raise LedgerError("Only money that came in can be allocated.")
    if receipt.reversed:
        raise _already_undone(receipt)
    return receipt


def _already_undone(row: Payment) -> AlreadyUndoneError:
    undoing = row.answers.filter(kind__in=UNDOING).select_related("created_by").get()
    done = "deleted" if undoing.kind == Kind.VOID else "reversed"
    who = undoing.created_by
    when = timezone.localtime(undoing.created_at)
    at = f"{when:%H:%M}" if when.date() == timezone.localdate() else f"{when:%d %b %Y %H:%M}"
    return AlreadyUndoneError(
        f"This payment was already {done} at {at} by {who.get_short_name() or who}."
    )


# ---------------------------------------------------------------------------- credit and lines


@_verb
def allocate_credit(
    *,
    by: User,
    patient: Patient,
    provider: Provider,
    entries: Sequence[Entry],
    date: datetime.date,
    key: UUID | None = None,
) -> Posted:
    """Credit allocation: plus pays a line from the account's credit, minus un-pays it.

    Un-paying comes first, reversed receipts before the newest; then standing credit is used
    oldest first. The account's net balance stays as it is (R6). Refused: more than the credit
    available, more than a line owes, un-paying more than the patient's receipts hold on it.
    """
    posting = _Posting(by, date)
    entries = _filled(entries)
    posting.lock(patients=[patient.pk], lines=[entry.line for entry in entries])
    account = (patient.pk, provider.pk)
    unpaid = [entry.line for entry in entries if entry.paid < 0]
    held = posting.held(line__in=unpaid, payment__patient__isnull=False) if unpaid else {}
    posting.read_receipts(payment for payment, _line in held)
    for entry in sorted(entries, key=lambda entry: entry.paid > 0):
        line = posting.line(entry)
        if (line.patient_id, line.provider_id) != account:
            raise LedgerError(f"{line.invoice} is not on this account.", line=line.pk)
        if entry.paid < 0:
            left = posting._unpay(line, -entry.paid, "Un-paid on Credit allocation", held)
            if left > 0:
                raise LedgerError(
                    f"You can un-pay at most {show(-entry.paid - left)} on this line.",
                    line=line.pk,
                )
        else:
            _pay_from_credit(posting, account, line, entry.paid)
    return posting.posted()


def _pay_from_credit(
    posting: _Posting, account: Account, line: InvoiceLine, amount: Decimal
) -> None:
    if amount > line.balance:
        raise LedgerError(f"This line only owes {show(line.balance)}.", line=line.pk)
    standing = sorted(
        (
            receipt
            for receipt in posting.receipts.values()
            if (receipt.patient_id, receipt.provider_id) == account
            and not receipt.reversed
            and receipt.unallocated > 0
        ),
        key=_age,
    )
    for receipt in standing:
        given = min(amount, receipt.unallocated)
        if given > 0:
            posting.put(receipt, line, given)
            amount -= given
    if amount > 0:
        raise LedgerError(f"{show(amount)} more than the credit available.", line=line.pk)


@_verb
def unpay(
    *,
    by: User,
    date: datetime.date,
    reason: str,
    payment: Payment | None = None,
    line: InvoiceLine | None = None,
    amount: Decimal | None = None,
    key: UUID | None = None,
) -> Posted:
    """Take a patient's money off the lines it pays; it becomes credit again.

    With `payment` alone: everything that receipt pays. With `line` and `amount`: that much, from
    reversed receipts first and then the newest, or from `payment` if it is named. Insurer money
    is un-paid from its own payment (a takeback, or its reversal), never here.
    """
    _require_reason(reason)
    if line is not None and (amount is None or amount <= 0):
        raise LedgerError("Enter how much to un-pay.", field="amount")
    if payment is not None and payment.payer_id:
        raise LedgerError("Insurer money is un-paid from its own payment.")
    posting = _Posting(by, date)
    if line is not None and amount is not None:
        posting.lock(patients=[line.patient_id], lines=[line.pk])
        left = posting.unpay_line(posting.line(Entry(line.pk)), amount, reason, payment)
        if left > 0:
            raise LedgerError(
                f"You can un-pay at most {show(amount - left)} on this line.", line=line.pk
            )
    elif payment is not None and payment.patient_id:
        posting.lock(patients=[payment.patient_id], payments=[payment.pk])
        _unpay_everything(posting, [posting.receipts[payment.pk]], reason)
        if not posting.allocations:
            raise LedgerError("This payment pays no line.")
    else:
        raise LedgerError("Choose the payment or the line to un-pay.")
    return posting.posted(payment)


def _unpay_everything(posting: _Posting, receipts: Sequence[Payment], reason: str) -> None:
    """Opposite rows for everything these receipts hold. An insurer's takebacks are given back."""
    held = posting.held(payment__in=[receipt.pk for receipt in receipts])
    posting._read_lines(line for _payment, line in held)
    for (payment_id, line_id), amount in sorted(held.items(), key=lambda each: -each[1]):
        posting.put(posting.receipts[payment_id], posting.lines[line_id], -amount, reason)


@_verb
def adjust(
    *,
    by: User,
    line: InvoiceLine,
    amount: Decimal,
    kind: str,
    date: datetime.date,
    reason: str,
    carc: str = "",
    key: UUID | None = None,
) -> Posted:
    """Take something off what a line owes without money (or, negative, put it back on).

    Refused: more than the line owes, nothing at all, no reason.
    """
    _require_reason(reason)
    if not amount:
        raise LedgerError("Enter how much to write off.", field="amount")
    posting = _Posting(by, date)
    posting.lock(patients=[line.patient_id], lines=[line.pk])
    locked = posting.line(Entry(line.pk))
    if amount > locked.balance:
        raise LedgerError(f"This line only owes {show(locked.balance)}.", line=line.pk)
    posting.write_off(locked, amount, kind=kind, reason=reason, carc=carc)
    return posting.posted()


# ---------------------------------------------------------------------------- undoing


@_verb
def reverse(
    *,
    by: User,
    payment: Payment,
    date: datetime.date,
    reason: str,
    note: str = "",
    unpay_lines: bool = True,
    key: UUID | None = None,
) -> Posted:
    """A payment was entered in error, or bounced. Both rows stay in the history.

    A patient's receipt un-pays the lines it paid, or leaves them paid (other credit covers them
    as far as it goes, the rest is carried negative). Transfers made from it are reversed first,
    their lines alike. An insurer's receipt always un-pays everything that came with it. A refund
    or a transfer pair can be undone too. Refused: a second time, without a reason, or while a
    later takeback stands on an insurer's payment (the message names it).
    """
    _require_reason(reason)
    posting = _Posting(by, date)
    row = _undo(posting, payment, Kind.REVERSAL, reason, note, unpay_lines=unpay_lines)
    return posting.posted(row)


@_verb
def void(
    *,
    by: User,
    payment: Payment,
    reason: str,
    note: str = "",
    unpay_lines: bool = True,
    key: UUID | None = None,
) -> Posted:
    """Delete a payment that never should have been: a reversal dated the payment's own day.

    Both rows leave the history unless "Show deleted" is on or the receipt still pays a line.
    Refused once that day is closed; then it has to be reversed.
    """
    _require_reason(reason)
    if payment.kind != Kind.RECEIPT:
        raise LedgerError("Only a payment can be deleted; reverse this entry instead.")
    closed = closed_through()
    if closed and payment.date <= closed:
        raise LedgerError(
            f"{payment.number} is of a closed day (up to {closed:%d %b %Y}) and cannot be"
            " deleted. Reverse it instead."
        )
    posting = _Posting(by, payment.date)
    row = _undo(posting, payment, Kind.VOID, reason, note, unpay_lines=unpay_lines)
    return posting.posted(row)


def _undo(
    posting: _Posting, payment: Payment, kind: str, reason: str, note: str, *, unpay_lines: bool
) -> Payment:
    if payment.kind in UNDOING:
        raise LedgerError("A reversal cannot be reversed; enter the payment again.")
    family = _transfers_from(payment)
    patients = {row.patient_id for row in (payment, *family) if row.patient_id}
    if payment.payer_id:
        lines = set(payment.allocations.values_list("line", flat=True))
        lines |= set(payment.adjustments.values_list("line", flat=True))
    else:
        lines = set()
    source = payment if payment.source_id is None else payment.source
    assert source  # noqa: S101
    posting.lock(
        patients=patients,
        payments=[source.pk, *(row.pk for row in family if row.is_money_in)],
        lines=lines,
    )
    payment.refresh_from_db(fields=["reversed", "last_date"])  # as locked, not as first read
    if payment.reversed:
        raise _already_undone(payment)
    holders = [posting.receipts[row.pk] for row in (payment, *family) if row.is_money_in]
    if payment.payer_id or unpay_lines:
        if holders:
            _unpay_everything(posting, holders, reason)
        if payment.payer_id:
            _give_back_write_offs(posting, payment, reason)
            _refuse_what_write_offs_need(posting, payment)
            _refuse_what_later_rows_need(posting, payment)
    # The newest transfer first, so that each receipt is whole again before it is undone itself.
    return _write_opposites(posting, (payment, *family), kind, reason, note)


def _transfers_from(payment: Payment) -> list[Payment]:
    """Both sides of every standing transfer made from a receipt, and from those, and so on."""
    found: list[Payment] = []
    if payment.kind == Kind.TRANSFER_OUT:
        found = list(payment.answers.filter(kind=Kind.TRANSFER_IN))
    elif payment.kind == Kind.TRANSFER_IN and payment.original:
        found = [payment.original]
    layer = [row.pk for row in (payment, *found) if row.is_money_in]
    while layer:
        outs = list(
            Payment.objects.filter(
                source__in=layer, kind=Kind.TRANSFER_OUT, reversed=False
            ).exclude(pk__in=[row.pk for row in found])
        )
        ins = list(
            Payment.objects.filter(original__in=[row.pk for row in outs], kind=Kind.TRANSFER_IN)
        )
        found += [*outs, *ins]
        layer = [row.pk for row in ins if row.is_money_in]
    return found


def _write_opposites(
    posting: _Posting, rows: Sequence[Payment], kind: str, reason: str, note: str
) -> Payment:
    working = {row.pk: posting.receipts.get(row.pk, row) for row in rows}
    undoings: list[Payment] = []
    for row in sorted(rows, key=lambda row: row.pk, reverse=True):
        original = working[row.pk]
        posting.read_receipts([row.source_id or row.pk])
        undoings.append(
            posting.draw(
                kind,
                source=posting._source(row),
                original=original,
                amount=-row.amount,
                method=row.method,
                reason=reason,
                note=note,
            )
        )
    return next(undoing for undoing in undoings if undoing.original == rows[0])


def _give_back_write_offs(posting: _Posting, payment: Payment, reason: str) -> None:
    for adjustment in payment.adjustments.standing().order_by("pk"):
        posting.write_off(
            posting.lines[adjustment.line_id],
            -adjustment.amount,
            kind=adjustment.kind,
            reason=reason,
            payment=posting.receipts[payment.pk],
            carc=adjustment.carc,
            undoes=adjustment,
        )


def _refuse_what_later_rows_need(posting: _Posting, payment: Payment) -> None:
    """Last in, first out: a takeback that stands on this payment is undone before it."""
    touched = {row.line_id for row in posting.allocations}
    held = posting.held(line__in=touched, payment__payer=payment.payer_id)
    by_payer: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for (_payment, line_id), amount in held.items():
        by_payer[line_id] += amount
    for line_id in sorted(touched):
        line = posting.lines[line_id]
        if by_payer[line_id] < 0:
            taken = _taken_back_since(Allocation, payment, line_id)
            raise LedgerError(
                f"{taken.payment.number} took {show(-taken.amount)} back on {line.invoice}."
                f" Reverse {taken.payment.number} first.",
                line=line_id,
            )
        if line.balance < 0:
            left = posting.unpay_line(line, -line.balance, f"Released: {payment.number} reversed")
            if left > 0:
                raise LedgerError(
                    f"{line.invoice} was paid since by another payer. Undo that payment first.",
                    line=line_id,
                )


def _refuse_what_write_offs_need(posting: _Posting, payment: Payment) -> None:
    """The same for a write-off that a later payment took back."""
    touched = {row.line_id for row in posting.adjustments}
    sums = (
        Adjustment.objects.filter(line__in=touched, payment__payer=payment.payer_id)
        .values_list("line")
        .annotate(total=Sum("amount"))
        .order_by()
    )
    standing: dict[int, Decimal] = dict(sums)
    for adjustment in posting.adjustments:
        standing[adjustment.line_id] += adjustment.amount
    for line_id in sorted(touched):
        if standing[line_id] < 0:
            taken = _taken_back_since(Adjustment, payment, line_id)
            raise LedgerError(
                f"{taken.payment.number} took the write-off on {posting.lines[line_id].invoice}"
                f" back. Reverse {taken.payment.number} first.",
                line=line_id,
            )


def _taken_back_since(rows: Any, payment: Payment, line_id: int) -> Any:
    """The payer's latest standing row that takes something back on a line."""
    return (
        rows.objects.filter(
            line=line_id,
            amount__lt=0,
            payment__payer=payment.payer_id,
            payment__reversed=False,
        )
        .exclude(payment=payment)
        .select_related("payment")
        .latest("pk")
    )


@_verb
def refund(
    *,
    by: User,
    payment: Payment,
    amount: Decimal,
    method: str,
    date: datetime.date,
    reason: str,
    reference: str = "",
    key: UUID | None = None,
) -> Posted:
    """Money was really paid back out of what is unallocated of a receipt.

    Refused: more than is unallocated (un-pay lines first), nothing, no reason.
    """
    _require_reason(reason)
    posting, receipt = _take_out(by, payment, amount, date)
    row = posting.draw(
        Kind.REFUND,
        source=receipt,
        original=receipt,
        amount=-amount,
        method=method,
        reference=reference,
        reason=reason,
    )
    return posting.posted(row)


@_verb
def transfer(
    *,
    by: User,
    payment: Payment,
    amount: Decimal,
    patient: Patient,
    provider: Provider,
    date: datetime.date,
    reason: str,
    key: UUID | None = None,
) -> Posted:
    """Move unallocated credit of a patient's receipt to another account, as a zero-sum pair.

    Refused: more than is unallocated, to the account it already belongs to, no reason.
    """
    _require_reason(reason)
    if payment.payer_id:
        raise LedgerError("An insurer's money stays with the insurer; it is not patient credit.")
    if (payment.patient_id, payment.provider_id) == (patient.pk, provider.pk):
        raise LedgerError("The credit is already there.", field="provider")
    posting, receipt = _take_out(by, payment, amount, date, also=patient.pk)
    into = posting.transfer(receipt, amount, patient.pk, provider.pk, reason)
    return posting.posted(into)


def _take_out(
    by: User,
    payment: Payment,
    amount: Decimal,
    date: datetime.date,
    also: int | None = None,
) -> tuple[_Posting, Payment]:
    if amount <= 0:
        raise LedgerError("Enter the amount.", field="amount")
    posting = _Posting(by, date)
    posting.lock(patients=[pk for pk in (payment.patient_id, also) if pk], payments=[payment.pk])
    receipt = _standing(posting, payment)
    if amount > receipt.unallocated:
        raise LedgerError(
            f"Only {show(max(receipt.unallocated, ZERO))} of {receipt.number} is not allocated.",
            field="amount",
        )
    return posting, receipt


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise LedgerError("Choose a reason.", field="reason")


# ---------------------------------------------------------------------------- invoices


@_verb
def issue_invoice(
    *, by: User, invoice: Invoice, date: datetime.date, key: UUID | None = None
) -> Posted:
    """Make a draft count: it gets its number, and its lines are owed from this day on.

    Refused: a second time, an invoice without lines, a closed or future date.
    """
    posting = _Posting(by, date)
    locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
    if locked.issued_on:
        raise LedgerError(f"{locked.number} was already issued on {locked.issued_on:%d %b %Y}.")
    lines = InvoiceLine.objects.filter(invoice=locked)
    if lines.exclude(patient=locked.patient_id).exists():
        raise LedgerError("Every line has to be the invoice's own patient's.")
    locked.number, locked.issued_on = take_number(INVOICE), posting.date
    locked.save(update_fields=["number", "issued_on"])
    issued = lines.update(issued_on=posting.date, last_date=posting.date)
    if not issued:
        raise LedgerError("An invoice needs at least one line.")
    invoice.number, invoice.issued_on = locked.number, locked.issued_on
    return Posted()
