"""Whether whoever acts may do so: asked by every verb, so that it holds whatever the door.

Most verbs ask for one right. Two things depend on more. Undoing: one's own payments of today may be
undone by whoever takes payments; those of others and of earlier days need a right of their own.
Amounts: up to the clinic's limit many may write off or pay back, above it few.

A limit counts what the same person wrote off, or paid back, for the same family within 30 days,
so that a larger sum does not pass in parts: of one line, over the lines of one patient, over a
few days, or by way of a child's account. What was undone since counts no more.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import User as People
from django.db.models import Q, Sum
from django.utils import timezone

from billing.ledger.once import User
from billing.ledger.refusals import LedgerError
from billing.models import Adjustment, Clinic, InvoiceLine, Kind, Payment
from billing.money import ZERO, show_dollars
from config.roles import may, refusal, whom_to_ask
from patients.models import Patient

WITHIN = datetime.timedelta(days=30)


class NotAllowedError(LedgerError):
    """Whoever asks may not do this; the text says who may."""


def require(by: User, *rights: str) -> None:
    """Refuse whoever has none of these rights; the first one names what is missing."""
    if not may(by, *rights):
        raise NotAllowedError(refusal(rights[0]))


# ---------------------------------------------------------------------------- undoing


def require_undoing(by: User, row: Payment, kind: str) -> None:
    """Refuse somebody who may not reverse (or, with `Kind.VOID`, delete) this payment."""
    if problem := why_not_undone_by(by, row, kind):
        raise NotAllowedError(problem)


def why_not_undone_by(by: User, row: Payment, kind: str) -> str:
    """Why this person may not undo a payment, a refund or a transfer; empty where they may."""
    right = "billing.void_payment" if kind == Kind.VOID else "billing.reverse_payment"
    if may(by, right):
        return ""
    enter = _right_to_enter(row)
    if not may(by, enter):
        return refusal(enter)
    today = timezone.localdate(row.created_at) == timezone.localdate()
    if today and row.created_by_id == by.pk:
        return ""
    return refusal(right)


def _right_to_enter(row: Payment) -> str:
    """Which right it takes to make such a row, and to undo one's own of today."""
    if row.kind == Kind.REFUND:
        return "billing.refund_payment"
    if row.kind in (Kind.TRANSFER_IN, Kind.TRANSFER_OUT):
        return "billing.transfer_credit"
    return "billing.enter_insurance_payment" if row.payer_id else "billing.take_payment"


# ---------------------------------------------------------------------------- amounts


@dataclass(frozen=True)
class Limit:
    """An amount of the clinic's settings, the right to go above it, and how one speaks of it."""

    setting: str
    right: str
    called: str
    more: str
    done: str

    def for_(self, by: User) -> Decimal | None:
        """Up to how much this person may go; None: any amount."""
        if may(by, self.right):
            return None
        limit: Decimal | None = getattr(Clinic.current(), self.setting)
        return limit

    def above(self, limit: Decimal, before: Decimal) -> str:
        """What is said to whoever goes above it, `before` being what counts already."""
        text = (
            f"{self.called} above {show_dollars(limit)} needs somebody who may {self.more}:"
            f" ask {whom_to_ask(self.right)}."
        )
        if before:
            text += (
                f" You {self.done} {show_dollars(before)} for this family in the last"
                f" {WITHIN.days} days, which counts too."
            )
        return text


REFUNDS = Limit(
    "refund_limit", "billing.refund_above_limit", "A refund", "pay more back", "paid back"
)
WRITE_OFFS = Limit(
    "write_off_limit",
    "billing.write_off_above_limit",
    "A write-off",
    "write off more",
    "wrote off",
)


def require_refund(by: User, payment: Payment, amount: Decimal) -> None:
    """Refuse paying back more than the clinic's limit to whoever has no right to more."""
    limit = REFUNDS.for_(by)
    if limit is None:
        return
    _one_at_a_time(by)
    before = refunded_by(by, payment)
    if before + amount > limit:
        raise NotAllowedError(REFUNDS.above(limit, before), field="amount")


def _one_at_a_time(by: User) -> None:
    """What one person does under a limit waits for what they do in another window, or two sums would
    each leave out the other. Inserts that name this person go on meanwhile (NO KEY)."""
    People.objects.select_for_update(no_key=True).only("pk").get(pk=by.pk)


def limit_on_refund(by: User, payment: Payment) -> str:
    """What the form says before anybody types: the sentence of the refusal; empty without limit."""
    limit = REFUNDS.for_(by)
    return "" if limit is None else REFUNDS.above(limit, refunded_by(by, payment))


def limit_on_write_off(by: User, patient: Patient) -> str:
    """The same for writing off what a patient owes."""
    limit = WRITE_OFFS.for_(by)
    if limit is None:
        return ""
    family = patient.guarantor_id or patient.pk
    return WRITE_OFFS.above(limit, _written_off_by(by, [family])[family])


def refunded_by(by: User, payment: Payment) -> Decimal:
    """What this person paid back to the family, or the insurer, of a payment lately."""
    if payment.patient:
        theirs = _of_family("patient", {payment.patient.guarantor_id or payment.patient.pk})
    else:
        theirs = Q(payer=payment.payer_id)
    refunds = Payment.objects.filter(
        theirs, kind=Kind.REFUND, reversed=False, created_by=by.pk, created_at__gte=_since()
    )
    return -(refunds.aggregate(sum=Sum("amount"))["sum"] or ZERO)


def require_write_offs(
    by: User, lines: Iterable[tuple[InvoiceLine, Decimal]], guarantors: Mapping[int, int | None]
) -> None:
    """The same for what comes off lines; `guarantors` by patient, of those whose lines they are."""
    limit = WRITE_OFFS.for_(by)
    if limit is None:
        return
    now: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for line, amount in lines:
        now[guarantors[line.patient_id] or line.patient_id] += max(amount, ZERO)
    _one_at_a_time(by)
    before = _written_off_by(by, now)
    for family, amount in now.items():
        if amount and before[family] + amount > limit:
            raise NotAllowedError(WRITE_OFFS.above(limit, before[family]))


def _written_off_by(by: User, families: Iterable[int]) -> dict[int, Decimal]:
    mine = Adjustment.objects.filter(
        _of_family("line__patient", families),
        payment=None,
        amount__gt=0,
        undone_by=None,
        created_by=by.pk,
        created_at__gte=_since(),
    )
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    rows = mine.values_list("line__patient", "line__patient__guarantor").annotate(Sum("amount"))
    for patient, guarantor, amount in rows.order_by():
        sums[guarantor or patient] += amount
    return sums


def _of_family(patient: str, families: Iterable[int]) -> Q:
    """Those of a person who pays for themself, and of everybody that person pays for."""
    ids = list(families)
    return Q(**{f"{patient}__in": ids}) | Q(**{f"{patient}__guarantor__in": ids})


def _since() -> datetime.datetime:
    return timezone.now() - WITHIN
