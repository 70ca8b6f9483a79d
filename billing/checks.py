"""The rules of docs/money.md, one named function each: does the ledger still hold?

`manage.py check_ledger` runs them all over every row; so does each money test when it ends. A
finding is a sentence naming the row. They recompute from the rows and trust no stored total.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal

from django.db import connection
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum

from billing import guards
from billing.chain.replay import Replay
from billing.models import (
    Adjudication,
    Adjustment,
    Allocation,
    DepositItem,
    Invoice,
    InvoiceLine,
    Kind,
    LineVoid,
    NumberSeries,
    Offset,
    Payment,
)
from billing.models.numbering import INVOICE
from billing.models.payments import MOVED, UNDOING
from billing.money import ZERO

Findings = Iterator[str]


def r1_rows_are_guarded() -> Findings:
    """R1: the triggers that refuse a change or a deletion stand."""
    for name in guards.missing(connection):
        yield f"R1: trigger {name} is missing"


def totals_are_sums_of_rows() -> Findings:
    """Every derived total equals its rows, to the cent."""
    paid = _sums(Allocation.objects.all(), "line")
    adjusted = _sums(Adjustment.objects.all(), "line")
    for line in InvoiceLine.objects.all().iterator(chunk_size=2000):
        if line.paid != paid.get(line.pk, ZERO):
            yield f"line {line.pk}: paid {line.paid}, its rows say {paid.get(line.pk, ZERO)}"
        if line.adjusted != adjusted.get(line.pk, ZERO):
            yield f"line {line.pk}: adjusted {line.adjusted} is not the sum of its rows"
        owed = line.amount - line.paid - line.adjusted if line.issued_on else ZERO
        if line.balance != owed:
            yield f"line {line.pk}: balance {line.balance}, should be {owed}"
    allocated = _sums(Allocation.objects.all(), "payment")
    offsets = _sums(Offset.objects.all(), "payment")
    drawn = _sums(Payment.objects.filter(source__isnull=False), "source")
    undone = set(
        Payment.objects.filter(kind__in=UNDOING).values_list("original", flat=True).order_by()
    )
    for payment in Payment.objects.all().iterator(chunk_size=2000):
        if payment.allocated != allocated.get(payment.pk, ZERO):
            yield f"payment {payment.pk}: allocated {payment.allocated} is not the sum of its rows"
        if payment.returned != -drawn.get(payment.pk, ZERO):
            yield f"payment {payment.pk}: returned {payment.returned} is not the sum of its rows"
        if payment.reversed != (payment.pk in undone):
            yield f"payment {payment.pk}: reversed is {payment.reversed}, its rows say otherwise"
        if payment.offset != -offsets.get(payment.pk, ZERO):
            yield f"payment {payment.pk}: offset {payment.offset} is not the sum of its rows"
        free = payment.amount - payment.returned - payment.allocated - payment.offset
        if payment.unallocated != (free if payment.is_money_in else ZERO):
            yield f"payment {payment.pk}: unallocated {payment.unallocated} does not follow"


def r2_lines_between_nothing_and_their_amount() -> Findings:
    """R2: no line is paid below nothing or overpaid; nobody took back more than they paid."""
    for line in InvoiceLine.objects.issued().filter(Q(paid__lt=0) | Q(balance__lt=0)):
        yield f"R2: line {line.pk} has paid {line.paid} and balance {line.balance}"
    pairs = _pairs()
    by_payer: dict[tuple[int, int], Decimal] = defaultdict(lambda: ZERO)
    payers: dict[int, int] = dict(
        Payment.objects.filter(payer__isnull=False).values_list("pk", "payer_id")
    )
    for (payment, line_id), held in pairs.items():
        if payment in payers:
            by_payer[payers[payment], line_id] += held
        elif held < 0:
            yield f"R2: payment {payment} holds {held} on line {line_id}"
    for (payer, line_id), held in by_payer.items():
        if held < 0:
            yield f"R2: payer {payer} took back {-held} too much on line {line_id}"


def r2_voided_lines_owe_nothing() -> Findings:
    """R2: nothing is paid or owed on a voided line, and nothing was put on it since."""
    for void in LineVoid.objects.select_related("line"):
        if void.line.paid or void.line.balance:
            yield f"R2: voided line {void.line_id} has paid {void.line.paid}"
        if void.line.last_date and void.line.last_date > void.date:
            yield f"R2: voided line {void.line_id} was touched after it was voided"


def r3_receipts_not_over_allocated() -> Findings:
    """R3: unallocated is below nothing only on a reversed or a knowingly over-allocated receipt."""
    excused = Q(reversed=True) | (Q(payer__isnull=False) & ~Q(over_allocation_reason=""))
    for payment in Payment.objects.overdrawn().exclude(excused):
        yield f"R3: payment {payment.pk} is over-allocated by {-payment.unallocated}"
    for payment in Payment.objects.of_patients().filter(allocated__lt=0):
        yield f"R3: payment {payment.pk} has {payment.allocated} allocated"
    for payment in Payment.objects.of_patients().receipts().filter(amount__lte=0):
        yield f"R3: payment {payment.pk} of a patient is {payment.amount}"


def r4_undone_at_most_once() -> Findings:
    """R4: an undoing is the exact opposite of one row, once; both sides of a transfer agree."""
    undoings = Payment.objects.filter(kind__in=UNDOING).select_related("original")
    for row in undoings.iterator(chunk_size=2000):
        if row.original is None or row.amount != -row.original.amount:
            yield f"R4: payment {row.pk} is not the opposite of what it undoes"
    twice = undoings.values("original").annotate(times=Count("pk")).filter(times__gt=1).order_by()
    for found in twice:
        yield f"R4: payment {found['original']} was undone {found['times']} times"
    for row in Payment.objects.filter(kind=Kind.TRANSFER_IN).select_related("original"):
        other = row.original
        if other is None or other.amount != -row.amount or other.reversed != row.reversed:
            yield f"R4: transfer {row.pk} does not match its other side"


def r5_patients_pay_their_own_lines() -> Findings:
    """R5: a patient's receipt pays lines of its own account only."""
    strangers = Allocation.objects.filter(payment__payer__isnull=True).exclude(
        payment__patient=F("line__patient"), payment__provider=F("line__provider")
    )
    for row in strangers:
        yield f"R5: allocation {row.pk} pays another account's line"


def r6_money_is_where_it_went() -> Findings:
    """R6: what patients paid in, less what was given back, is on lines or is credit."""
    own = Payment.objects.of_patients()
    moved = own.aggregate(total=Sum("amount"))["total"] or ZERO
    on_lines = (
        Allocation.objects.filter(payment__patient__isnull=False).aggregate(total=Sum("amount"))[
            "total"
        ]
        or ZERO
    )
    credit = own.aggregate(total=Sum("unallocated"))["total"] or ZERO
    if moved != on_lines + credit:
        yield f"R6: patients' money is {moved}, on lines {on_lines}, credit {credit}"


def r7_no_account_holds_both_signs() -> Findings:
    """R7: standing credit and negative credit never stand side by side."""
    accounts = (
        Payment.objects.money_in()
        .of_patients()
        .values("patient", "provider")
        .annotate(
            standing=Count("pk", filter=Q(unallocated__gt=0)),
            negative=Count("pk", filter=Q(unallocated__lt=0)),
        )
        .filter(standing__gt=0, negative__gt=0)
        .order_by()
    )
    for found in accounts:
        yield (
            f"R7: patient {found['patient']} with provider {found['provider']}"
            " holds positive and negative credit at once"
        )


def r8_rows_follow_one_another() -> Findings:
    """R8: no allocation is dated before the receipt or the line it joins."""
    early = Allocation.objects.filter(
        Q(date__lt=F("payment__date")) | Q(date__lt=F("line__issued_on"))
    )
    for row in early:
        yield f"R8: allocation {row.pk} of {row.date} comes before what it joins"


def r9_undoing_says_why() -> Findings:
    """R9: whatever undoes has a reason."""
    for payment in Payment.objects.filter(kind__in=UNDOING, reason=""):
        yield f"R9: payment {payment.pk} undoes without a reason"
    for allocation in Allocation.objects.filter(amount__lt=0, reason=""):
        yield f"R9: allocation {allocation.pk} un-pays without a reason"


def deposited_money_stays() -> Findings:
    """What is on a deposit slip is money, was received by then, and was not deleted."""
    late = Q(deposit__date__lt=F("payment__date"))
    deleted = Q(payment__kind=Kind.VOID) | Q(payment__answers__kind=Kind.VOID)
    moved = Q(payment__kind__in=MOVED) | Q(
        payment__kind=Kind.REVERSAL, payment__original__kind__in=MOVED
    )
    for item in DepositItem.objects.filter(late | deleted | moved).distinct():
        yield f"deposit {item.deposit_id}: payment {item.payment_id} does not belong on it"


def invoices_numbered_without_gaps() -> Findings:
    """Each number of the series since the first one stands on one invoice."""
    numbers = sorted(
        int(str(number).partition("-")[2])
        for number in Invoice.objects.exclude(number=None).values_list("number", flat=True)
    )
    series = NumberSeries.objects.filter(prefix=INVOICE).first()
    if numbers and numbers[-1] - numbers[0] + 1 != len(numbers):
        yield f"invoices: {numbers[-1] - numbers[0] + 1 - len(numbers)} numbers are missing"
    if numbers and series and series.next_number != numbers[-1] + 1:
        yield f"invoices: number {numbers[-1]} is given, the next would be {series.next_number}"


def r10_checks_entered_once() -> Findings:
    """R10: one payer's reference stands on one receipt at most."""
    twice = (
        Payment.objects.receipts()
        .of_payers()
        .filter(reversed=False)
        .exclude(reference="")
        .values("payer", "reference")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
        .order_by()
    )
    for found in twice:
        yield f"R10: payer {found['payer']} reference {found['reference']} stands twice"


def who_owes_follows_from_the_answers() -> Findings:
    """Who owes the rest of a line is whom its last answer names."""
    latest = (
        Adjudication.objects.filter(line=OuterRef("pk")).order_by("-pk").values("owed_after")[:1]
    )
    answered = InvoiceLine.objects.filter(adjudications__isnull=False).distinct()
    for line in answered.annotate(named=Subquery(latest)).iterator(chunk_size=2000):
        if line.payer_id != line.named:
            yield f"line {line.pk}: payer {line.payer_id} owes it, its last answer says {line.named}"


def rows_are_as_they_were_sealed() -> Findings:
    """The chain is whole, and every row says what it said when it was sealed."""
    yield from Replay().findings()


ALL: tuple[Callable[[], Findings], ...] = (
    r1_rows_are_guarded,
    totals_are_sums_of_rows,
    r2_lines_between_nothing_and_their_amount,
    r2_voided_lines_owe_nothing,
    r3_receipts_not_over_allocated,
    r4_undone_at_most_once,
    r5_patients_pay_their_own_lines,
    r6_money_is_where_it_went,
    r7_no_account_holds_both_signs,
    r8_rows_follow_one_another,
    r9_undoing_says_why,
    r10_checks_entered_once,
    deposited_money_stays,
    invoices_numbered_without_gaps,
    who_owes_follows_from_the_answers,
    rows_are_as_they_were_sealed,
)


def run_all() -> list[str]:
    """Every finding of every check; an empty list means the books hold."""
    return [finding for check in ALL for finding in check()]


def _sums(rows: object, key: str) -> dict[int, Decimal]:
    return dict(rows.values_list(key).annotate(total=Sum("amount")).order_by())  # type: ignore[attr-defined]


def _pairs() -> dict[tuple[int, int], Decimal]:
    rows = Allocation.objects.values_list("payment", "line").annotate(held=Sum("amount")).order_by()
    return {(payment, line): held for payment, line, held in rows}
